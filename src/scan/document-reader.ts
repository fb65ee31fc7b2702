/**
 * Whole documents of the rows of a page: fields are read column by column, and a function made for each list of names puts a row's
 * together, so that documents with the same fields share a hidden class and no msgpack is written or read for them.
 */
import { type Document } from '../codec/value.js'
import { nameAt, type PageView } from '../page/page-view.js'
import { readValues, type ValuesInto } from './column-values.js'
import { FieldReader } from './field-reader.js'
import { type ScanTable } from './scan-table.js'

type MakeRow = (columns: readonly unknown[][], index: number) => Document

/** How the documents of a shape are made; undefined: of their msgpack. */
export type ShapePlan = { readonly readers: readonly FieldReader[]; readonly make: MakeRow }

type DocumentsInto = Omit<ValuesInto, 'values' | 'nulls'> & {
  readonly documents: Document[]
  /** The values of all pages' rows side by side, by shape. */
  readonly columns: Map<ShapePlan, readonly unknown[][]>
}

/** A document of more fields is put together from its msgpack. */
const FIELDS_MAX = 256

export class DocumentReader {
  readonly #table: ScanTable
  /** By the names in their order, as JSON. */
  readonly #plans = new Map<string, ShapePlan | undefined>()
  /** By shape code: a page's shapes do not change. */
  readonly #shapes = new WeakMap<PageView, Map<number, ShapePlan | undefined>>()

  constructor(table: ScanTable) {
    this.#table = table
  }

  /** As `readValues`, of documents. */
  read(into: DocumentsInto): void {
    const { page, rows, from, to } = into
    let shapes = this.#shapes.get(page)
    if (shapes === undefined) this.#shapes.set(page, (shapes = new Map<number, ShapePlan | undefined>()))
    // Rows of one shape lie side by side, as a rule.
    for (let hit = from; hit < to;) {
      const code = page.shapeCodeOf(rows[hit] as number)
      let end = hit + 1
      while (end < to && page.shapeCodeOf(rows[end] as number) === code) end++
      if (!shapes.has(code)) shapes.set(code, this.#planOf(page, code))
      this.#readShape(shapes.get(code), hit, end, into)
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
    const nulls = new Uint8Array(documents.length)
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
      const plan = isOdd ? undefined : { readers: names.map((name) => new FieldReader(this.#table, name)), make: makerOf(names) }
      this.#plans.set(key, plan)
    }
    return this.#plans.get(key)
  }
}

function makerOf(names: readonly string[]): MakeRow {
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
