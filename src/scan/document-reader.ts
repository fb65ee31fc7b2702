/**
 * Whole documents of the rows of a page: fields are read column by column, and a function made for each list of names puts a row's
 * together, so that documents with the same fields share a hidden class and no msgpack is written or read for them.
 */
import { type Document } from '../codec/value.js'
import { nameAt, type PageView } from '../page/page-view.js'
import { readValues, type ValuesInto } from './column-values.js'
import { FieldReader } from './field-reader.js'
import { grown } from './grown.js'
import { type ScanTable } from './scan-table.js'

type MakeRow = (columns: readonly (readonly unknown[])[], index: number) => Document

/** How the documents of a shape are made; undefined: of their msgpack. */
export type ShapePlan = { readonly names: readonly string[]; readonly readers: readonly FieldReader[]; readonly make: MakeRow }

type DocumentsInto = Omit<ValuesInto, 'values' | 'nulls'> & {
  readonly documents: Document[]
  /** The values of all pages' rows side by side, by shape. */
  readonly columns: Map<ShapePlan, readonly unknown[][]>
}

/** The rows of one shape in a batch: their places, and by place the values of their fields. */
export type ShapeColumns = { readonly places: number[]; readonly values: readonly unknown[][]; readonly nulls: readonly Uint8Array[] }

type ColumnsInto = Omit<ValuesInto, 'values' | 'nulls'> & {
  readonly rowCount: number
  readonly columns: Map<ShapePlan, ShapeColumns>
  /** By place, those that have no plan. */
  readonly documents: Map<number, Document>
}

/** A document of more fields is put together from its msgpack. */
const FIELDS_MAX = 256

type ShapeRun = { readonly plan: ShapePlan | undefined; readonly from: number; readonly to: number }

export class DocumentReader {
  readonly #table: ScanTable
  /** By the names in their order, as JSON. */
  readonly #plans = new Map<string, ShapePlan | undefined>()
  /** By shape code: a page's shapes do not change. */
  readonly #shapes = new WeakMap<PageView, Map<number, ShapePlan | undefined>>()
  /** What nobody reads. */
  #nulls = new Uint8Array(0)

  constructor(table: ScanTable) {
    this.#table = table
  }

  /** As `readValues`, of documents. */
  read(into: DocumentsInto): void {
    for (const { plan, from, to } of this.#runs(into)) this.#readShape(plan, from, to, into)
  }

  /** The same, left in columns. */
  readColumns(into: ColumnsInto): void {
    const { page, rows, places, first, rowCount, columns, documents } = into
    for (const { plan, from, to } of this.#runs(into)) {
      if (plan === undefined) {
        for (let hit = from; hit < to; hit++) {
          documents.set((places[hit] as number) - first, this.#table.rows.documentOf(page, rows[hit] as number))
        }
        continue
      }
      const { readers } = plan
      let shape = columns.get(plan)
      if (shape === undefined) {
        shape = {
          places: [],
          values: readers.map(() => new Array<unknown>(rowCount)),
          nulls: readers.map(() => new Uint8Array(rowCount))
        }
        columns.set(plan, shape)
      }
      for (let hit = from; hit < to; hit++) shape.places.push((places[hit] as number) - first)
      for (let field = 0; field < readers.length; field++) {
        const [values, nulls] = [shape.values[field] as unknown[], shape.nulls[field] as Uint8Array]
        readValues(readers[field] as FieldReader, { page, rows, places, from, to, first, values, nulls })
      }
    }
  }

  /** Rows of one shape lie side by side, as a rule. */
  *#runs({ page, rows, from, to }: Pick<ValuesInto, 'page' | 'rows' | 'from' | 'to'>): Generator<ShapeRun, void> {
    let shapes = this.#shapes.get(page)
    if (shapes === undefined) this.#shapes.set(page, (shapes = new Map<number, ShapePlan | undefined>()))
    for (let hit = from; hit < to;) {
      const code = page.shapeCodeOf(rows[hit] as number)
      let end = hit + 1
      while (end < to && page.shapeCodeOf(rows[end] as number) === code) end++
      if (!shapes.has(code)) shapes.set(code, this.#planOf(page, code))
      yield { plan: shapes.get(code), from: hit, to: end }
      hit = end
    }
  }

  #readShape(plan: ShapePlan | undefined, from: number, to: number, into: DocumentsInto): void {
    const { page, rows, places, first, documents, columns } = into
    if (plan === undefined) {
      for (let hit = from; hit < to; hit++) {
        documents[(places[hit] as number) - first] = this.#table.rows.documentOf(page, rows[hit] as number)
      }
      return
    }
    const { readers, make } = plan
    let values = columns.get(plan)
    if (values === undefined) columns.set(plan, (values = readers.map(() => new Array<unknown>(documents.length))))
    // A document says itself what it does not have.
    this.#nulls = grown(this.#nulls, documents.length)
    const nulls = this.#nulls
    for (let field = 0; field < readers.length; field++) {
      readValues(readers[field] as FieldReader, { page, rows, places, from, to, first, values: values[field] as unknown[], nulls })
    }
    for (let hit = from; hit < to; hit++) {
      const place = (places[hit] as number) - first
      documents[place] = make(values, place)
    }
  }

  #planOf(page: PageView, code: number): ShapePlan | undefined {
    const names = namesOf(page, code)
    const key = JSON.stringify(names)
    if (!this.#plans.has(key)) {
      const isOdd = names.length > FIELDS_MAX || names.includes('__proto__')
      const readers = names.map((name) => new FieldReader(this.#table, name))
      const plan = isOdd ? undefined : { names, readers, make: makerOf(names) }
      this.#plans.set(key, plan)
    }
    return this.#plans.get(key)
  }
}

/** Puts a document together from the columns of its fields. */
export function makerOf(names: readonly string[]): MakeRow {
  const fields = names.map((name, index) => `${JSON.stringify(name)}: columns[${index}][index]`)
  // oxlint-disable-next-line typescript/no-implied-eval -- An object literal has its hidden class from the start; names are quoted as JSON.
  return new Function('columns', 'index', `return { ${fields.join(', ')} }`) as MakeRow
}

function namesOf(page: PageView, code: number): string[] {
  const { i32, u8, at } = page
  const record = page.shapeRecordAt(code)
  return Array.from({ length: i32[record] as number }, (_, position) =>
    nameAt(u8, at + (i32[record + 1 + position * 2] as number), (i32[record + 2 + position * 2] as number) >>> 16)
  )
}
