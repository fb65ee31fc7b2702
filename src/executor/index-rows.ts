/**
 * The rows that an index finds. Where it covers the query they are made of its entries; a value that an entry does not tell (cut, a list, an
 * object, a number past 2^53) is read from the row's document, so that rows are the same as those of a scan.
 */
import { decodeKeyAt } from '../codec/key-codec.js'
import { readSortValue, sortValueEnd, UNTOLD } from '../codec/sort-key.js'
import { type Document } from '../codec/value.js'
import { indexRange } from '../index/index-ranges.js'
import { type EntryKeys } from '../index/index-reader.js'
import { type ReadableIndex } from '../index/readable-index.js'
import { type Path } from '../parser/ast.js'
import { BATCH_ROWS_MAX, documentBatches, FIRST_BATCH_ROWS, valueAt, type Batch, type Vector } from '../expression/batch.js'
import { isPlain, isSamePath } from '../planner/index-candidate.js'
import { type IndexChoice } from '../planner/index-choice.js'
import { type QuerySource } from '../relation/query-source.js'
import { type TableScan } from '../planner/source-plan.js'

/** `wanted`: so many rows may be enough; `looked` is told of entries that became rows. Of a `count` the batches have rows without columns. */
export function* rowsOfIndex(
  choice: IndexChoice,
  scan: TableScan,
  source: QuerySource,
  wanted: number,
  looked: (rows: number) => void
): Generator<Batch, void, void> {
  const { table = '' } = scan
  switch (choice.way) {
    case 'count':
      looked(choice.entries)
      for (let left = choice.entries; left > 0; left -= BATCH_ROWS_MAX) yield { rowCount: Math.min(left, BATCH_ROWS_MAX), columns: [] }
      return
    case 'extremes':
      yield* documentBatches(extremes(choice, source, table), fieldsOf(scan), wanted, looked)
      return
    default: {
      if (choice.isCovered) yield* coveredRows(choice, scan, source, table, wanted, looked)
      else yield* documentBatches(documentsOf(choice, source, table, scan.reverse), fieldsOf(scan), wanted, looked)
    }
  }
}

function fieldsOf({ fields, hasStar }: TableScan) {
  return { paths: fields, documents: hasStar ? 'keep' : 'drop' } as const
}

function* documentsOf(choice: IndexChoice, source: QuerySource, table: string, reverse: boolean): Generator<Document, void> {
  yield* documentsAt(ordinalsOf(choice, source, table, reverse), source, table)
}

function* documentsAt(ordinals: Iterable<number>, source: QuerySource, table: string): Generator<Document, void> {
  for (const ordinal of ordinals) {
    const document = source.documentAt?.(table, ordinal)
    if (document !== undefined) yield document
  }
}

function ordinalsOf(choice: IndexChoice, source: QuerySource, table: string, reverse: boolean): Iterable<number> {
  const { order, found } = choice
  if (order !== undefined) return found !== undefined && order === 'forward' ? found : inOrder(choice, source)
  return source.inKeyOrder?.(table, [...(found ?? inOrder(choice, source))], reverse) ?? []
}

function* inOrder({ index, ranges, order = 'forward' }: IndexChoice, source: QuerySource): Generator<number, void> {
  for (const range of ranges) {
    for (const { values, count } of index.entries(range, source.seq, order)) yield* values.subarray(0, count)
  }
}

/** In the order of their keys, a row with the least or greatest value for each; all that have it where equal values may look different. */
function* extremes({ ends }: IndexChoice, source: QuerySource, table: string): Generator<Document, void> {
  const ordinals = new Set<number>()
  for (const { index, range, order, values } of ends) {
    const { columns } = index.definition
    const first = index.entries(range, source.seq, order).next()
    const ordinal = first.done === true ? undefined : first.value.values[0]
    const document = ordinal === undefined ? undefined : source.documentAt?.(table, ordinal)
    if (ordinal === undefined || document === undefined) continue
    ordinals.add(ordinal)
    const value = valueAt(document, columns[values.length]?.path ?? [])
    const alike = looksOneWay(value) ? undefined : indexRange(columns, [...values, value], { kind: 'any' })
    if (alike === undefined) continue
    for (const { values: more, count } of index.reader.batches(alike, source.seq, false)) {
      for (let at = 0; at < count; at++) ordinals.add(more[at] as number)
    }
  }
  yield* documentsAt(source.inKeyOrder?.(table, [...ordinals], false) ?? [], source, table)
}

/** No other value equals it: of lists, objects and integers past 2^53 some may. */
function looksOneWay(value: unknown): boolean {
  return isPlain(value) && !isWideFloat(value)
}

function isWideFloat(value: unknown): boolean {
  return typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value)
}

/** Where a field of the scan stands in an entry: the number of a column, or behind all of them the row's key. */
function placesOf({ fields }: TableScan, { definition: { columns } }: ReadableIndex): number[] {
  return fields.map((path) => {
    const column = columns.findIndex((each) => isSamePath(each.path, path as readonly string[]))
    return column < 0 ? columns.length : column
  })
}

class EntryRows {
  readonly ordinals: number[] = []
  readonly columns: unknown[][]
  readonly #places: readonly number[]
  readonly #paths: readonly Path[]
  readonly #columnCount: number
  readonly #isDescending: readonly boolean[]
  /** Of the entry at hand: where its columns begin, then its key. */
  readonly #begins: number[]
  readonly #documentAt: (ordinal: number) => Document | undefined

  constructor(scan: TableScan, index: ReadableIndex, documentAt: (ordinal: number) => Document | undefined) {
    const { columns } = index.definition
    this.columns = scan.fields.map(() => [])
    this.#places = placesOf(scan, index)
    this.#paths = scan.fields
    this.#columnCount = columns.length
    this.#isDescending = columns.map(({ isDescending }) => isDescending)
    this.#begins = new Array<number>(columns.length + 1).fill(0)
    this.#documentAt = documentAt
  }

  add(ordinal: number, { bytes, starts, ends }: EntryKeys, entry: number): void {
    const begins = this.#begins
    let at = starts[entry] as number
    for (let column = 0; column < this.#columnCount; column++) {
      begins[column] = at
      at = sortValueEnd(bytes, at, this.#isDescending[column] as boolean)
    }
    begins[this.#columnCount] = at
    let document: Document | undefined
    for (let field = 0; field < this.#places.length; field++) {
      const place = this.#places[field] as number
      let value: unknown
      if (place === this.#columnCount) value = keyIn(bytes, at, ends[entry] as number)
      else value = readSortValue(bytes, begins[place] as number, begins[place + 1] as number, this.#isDescending[place] as boolean)
      if (value === UNTOLD) {
        document ??= this.#documentAt(ordinal) ?? {}
        value = valueAt(document, this.#paths[field] as Path)
      }
      ;(this.columns[field] as unknown[]).push(value)
    }
    this.ordinals.push(ordinal)
  }

  /** These rows, or all of them in the order of their coming; and forgets all. */
  batch(rows: readonly number[] | undefined): Batch {
    const columns = this.columns.map((column) => vector(rows === undefined ? column.slice() : rows.map((row) => column[row])))
    return { rowCount: rows?.length ?? this.ordinals.length, columns }
  }

  clear(): void {
    this.ordinals.length = 0
    for (const column of this.columns) column.length = 0
  }
}

function vector(values: readonly unknown[]): Vector {
  const nulls = new Uint8Array(values.length)
  for (let row = 0; row < values.length; row++) if (values[row] === null) nulls[row] = 1
  return { values, nulls }
}

/** A number past 2^53 may be a float64 or an integer: its bytes do not tell. */
function keyIn(bytes: Uint8Array, from: number, to: number): unknown {
  const key = decodeKeyAt(bytes, from, to)
  return isWideFloat(key) ? UNTOLD : key
}

function* coveredRows(
  choice: IndexChoice,
  scan: TableScan,
  source: QuerySource,
  table: string,
  wanted: number,
  looked: (rows: number) => void
): Generator<Batch, void, void> {
  const { index, ranges, order } = choice
  const keys = index.takeKeys()
  const rows = new EntryRows(scan, index, (ordinal) => source.documentAt?.(table, ordinal))
  let rowsMax = wanted === Number.POSITIVE_INFINITY ? BATCH_ROWS_MAX : Math.max(1, Math.min(FIRST_BATCH_ROWS, wanted))
  for (const range of ranges) {
    for (const { values, count } of index.entries(range, source.seq, order ?? 'forward', keys)) {
      for (let entry = 0; entry < count; entry++) {
        rows.add(values[entry] as number, keys, entry)
        if (order === undefined || rows.ordinals.length < rowsMax) continue
        looked(rowsMax)
        yield rows.batch(undefined)
        rows.clear()
        rowsMax = Math.min(BATCH_ROWS_MAX, rowsMax * 2)
      }
    }
  }
  index.giveBack(keys)
  if (order !== undefined) {
    looked(rows.ordinals.length)
    if (rows.ordinals.length > 0) yield rows.batch(undefined)
    return
  }
  const places = new Map(rows.ordinals.map((ordinal, row) => [ordinal, row]))
  const sorted = source.inKeyOrder?.(table, rows.ordinals.slice(), scan.reverse) ?? []
  for (let from = 0; from < sorted.length; from += BATCH_ROWS_MAX) {
    const part = sorted.slice(from, from + BATCH_ROWS_MAX).map((ordinal) => places.get(ordinal) as number)
    looked(part.length)
    yield rows.batch(part)
  }
}
