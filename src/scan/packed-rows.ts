/**
 * A batch of rows as it crosses threads: typed arrays for numbers, times and booleans, codes into a list of texts where texts repeat.
 * Nothing is sent row by row; documents are sent as the columns of their fields.
 */
import { unreachable } from '../base/errors.js'
import { type Document } from '../codec/value.js'
import { type DocumentReader, makerOf, type ShapeColumns, type ShapePlan } from './document-reader.js'
import { BatchMaker, type MakeBatch, type RowBatch, type RowColumn, type RowQuery } from './scan-rows.js'
import { type ScanTable } from './scan-table.js'

type PackedValues =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'numbers'; readonly values: Float64Array | Int32Array }
  | { readonly kind: 'times'; readonly values: Float64Array }
  | { readonly kind: 'booleans'; readonly values: Uint8Array }
  | { readonly kind: 'codes'; readonly values: Uint16Array; readonly texts: readonly string[] }
  /** Texts that differ, and whatever else there is. */
  | { readonly kind: 'values'; readonly values: readonly unknown[] }

/** Without `nulls` every row has a value. */
export type PackedColumn = PackedValues & { readonly nulls?: Uint8Array }

/** The documents with the same fields; without `places` all of the batch. */
type PackedShape = { readonly names: readonly string[]; readonly places?: Uint16Array; readonly columns: readonly PackedColumn[] }

type PackedDocuments = {
  readonly shapes: readonly PackedShape[]
  /** By place, those that are no columns. */
  readonly others: ReadonlyMap<number, Document>
}

export type PackedBatch = {
  readonly rowCount: number
  readonly columns: readonly PackedColumn[]
  readonly documents?: PackedDocuments
}

/** Makes packed batches, for `RowScan`. */
export class BatchPacker {
  readonly #columns: BatchMaker
  readonly #documents: DocumentReader | undefined

  constructor(table: ScanTable, query: RowQuery) {
    this.#columns = new BatchMaker(table, { ...query, documents: 'drop' })
    this.#documents = query.documents === 'keep' ? table.documents : undefined
  }

  readonly batch: MakeBatch<PackedBatch> = (windows, rowCount, first, reversed) => {
    const columns = this.#columns.batch(windows, rowCount, first, reversed).columns.map(packed)
    if (this.#documents === undefined) return { rowCount, columns }
    const shapes = new Map<ShapePlan, ShapeColumns>()
    const others = new Map<number, Document>()
    for (const { hits, from, to } of windows) {
      const { page, rows, places } = hits
      this.#documents.readColumns({ page, rows, places, from, to, first, rowCount, columns: shapes, documents: others })
    }
    const placeOf = (place: number) => (reversed ? rowCount - 1 - place : place)
    return {
      rowCount,
      columns,
      documents: {
        shapes: [...shapes].map(([{ names }, shape]) => packedShape(names, shape, rowCount, reversed ? placeOf : undefined)),
        others: new Map([...others].map(([place, document]) => [placeOf(place), document]))
      }
    }
  }
}

function packedShape(
  names: readonly string[],
  { places, values, nulls }: ShapeColumns,
  rowCount: number,
  placeOf: ((place: number) => number) | undefined
): PackedShape {
  if (places.length === rowCount && placeOf === undefined) {
    return { names, columns: values.map((each, field) => packed({ values: each, nulls: nulls[field] as Uint8Array })) }
  }
  const columns = values.map((each, field) => {
    const ofField = nulls[field] as Uint8Array
    return packed({ values: places.map((place) => each[place]), nulls: Uint8Array.from(places, (place) => ofField[place] as number) })
  })
  return { names, places: Uint16Array.from(placeOf === undefined ? places : places.map(placeOf)), columns }
}

/** Texts are looked at up to here to see whether they repeat. */
const SAMPLE_ROWS = 64

export function packed({ values, nulls }: RowColumn): PackedColumn {
  const first = values.findIndex((_, row) => nulls[row] === 0)
  if (first < 0) return { kind: 'nothing', nulls }
  const plain = plainOf(values, nulls, values[first])
  return nulls.includes(1) ? { ...plain, nulls } : plain
}

/** By the first value; where another is of another kind, they are left as they are. */
function plainOf(values: readonly unknown[], nulls: Uint8Array, first: unknown): PackedValues {
  const count = values.length
  const asTheyAre: PackedValues = { kind: 'values', values }
  if (typeof first === 'number') {
    const numbers = new Float64Array(count)
    let isShort = true
    for (let row = 0; row < count; row++) {
      if (nulls[row] === 1) continue
      const value = values[row]
      if (typeof value !== 'number') return asTheyAre
      numbers[row] = value
      // -0 is no integer of 32 bits.
      if (!Object.is(value | 0, value)) isShort = false
    }
    return { kind: 'numbers', values: isShort ? Int32Array.from(numbers) : numbers }
  }
  if (typeof first === 'boolean') {
    const booleans = new Uint8Array(count)
    for (let row = 0; row < count; row++) {
      if (nulls[row] === 1) continue
      const value = values[row]
      if (typeof value !== 'boolean') return asTheyAre
      if (value) booleans[row] = 1
    }
    return { kind: 'booleans', values: booleans }
  }
  if (first instanceof Date) {
    const times = new Float64Array(count)
    for (let row = 0; row < count; row++) {
      if (nulls[row] === 1) continue
      const value = values[row]
      if (!(value instanceof Date)) return asTheyAre
      times[row] = value.getTime()
    }
    return { kind: 'times', values: times }
  }
  return typeof first === 'string' ? (codesOf(values, nulls) ?? asTheyAre) : asTheyAre
}

function codesOf(values: readonly unknown[], nulls: Uint8Array): PackedValues | undefined {
  const count = values.length
  const codes = new Uint16Array(count)
  const known = new Map<string, number>()
  for (let row = 0; row < count; row++) {
    if (nulls[row] === 1) continue
    const value = values[row]
    if (typeof value !== 'string') return undefined
    let code = known.get(value)
    if (code === undefined) {
      known.set(value, (code = known.size))
      if (row >= SAMPLE_ROWS && known.size * 2 > row) return undefined
    }
    codes[row] = code
  }
  return { kind: 'codes', values: codes, texts: [...known.keys()] }
}

type MakeRow = ReturnType<typeof makerOf>

/** The other side; one for each run, since it keeps what makes documents. */
export class BatchUnpacker {
  readonly #makers = new Map<string, MakeRow>()

  batch({ rowCount, columns, documents }: PackedBatch): RowBatch {
    const plain = columns.map((column) => unpacked(column, rowCount))
    if (documents === undefined) return { rowCount, columns: plain }
    const made = new Array<Document>(rowCount)
    for (const { names, places, columns: fields } of documents.shapes) {
      const count = places?.length ?? rowCount
      const values = fields.map((column) => unpacked(column, count).values)
      const make = this.#makerOf(names)
      for (let index = 0; index < count; index++) made[places === undefined ? index : (places[index] as number)] = make(values, index)
    }
    for (const [place, document] of documents.others) made[place] = document
    return { rowCount, columns: plain, documents: made }
  }

  #makerOf(names: readonly string[]): MakeRow {
    const key = JSON.stringify(names)
    let make = this.#makers.get(key)
    if (make === undefined) this.#makers.set(key, (make = makerOf(names)))
    return make
  }
}

export function unpacked(column: PackedColumn, rowCount: number): RowColumn {
  const nulls = column.nulls ?? new Uint8Array(rowCount)
  const values = new Array<unknown>(rowCount)
  switch (column.kind) {
    case 'nothing':
      return { values: values.fill(null), nulls }
    case 'values':
      return { values: column.values, nulls }
    case 'numbers':
      for (let row = 0; row < rowCount; row++) values[row] = column.values[row]
      break
    case 'booleans':
      for (let row = 0; row < rowCount; row++) values[row] = column.values[row] === 1
      break
    case 'times':
      for (let row = 0; row < rowCount; row++) values[row] = new Date(column.values[row] as number)
      break
    case 'codes':
      for (let row = 0; row < rowCount; row++) values[row] = column.texts[column.values[row] as number]
      break
    default:
      return unreachable(column)
  }
  if (column.nulls !== undefined) for (let row = 0; row < rowCount; row++) if (nulls[row] === 1) values[row] = null
  return { values, nulls }
}
