/**
 * Whole documents of the rows of a page: fields are read column by column, and a function made for each list of names puts a row's
 * together, so that documents with the same fields share a hidden class and no msgpack is written or read for them.
 */
import { type Document } from '../codec/value.js'
import { nameAt, type PageView } from '../page/page-view.js'
import { readValues, type ValuesInto } from './column-values.js'
import { FieldReader } from './field-reader.js'
import { type ScanTable } from './scan-table.js'

type MakeRow = (columns: readonly (readonly unknown[])[], index: number) => Document

/** A document of more fields is put together from its msgpack. */
const FIELDS_MAX = 256

/** Some documents of a batch, by the places where they belong: those with the same fields as columns, odd ones as they are. */
export type DocumentGroup =
  | { readonly places: Int32Array; readonly names: readonly string[]; readonly columns: readonly FieldColumn[] }
  | { readonly places: Int32Array; readonly documents: readonly Document[] }

export type FieldColumn = { readonly values: readonly unknown[]; readonly nulls: Uint8Array }

/** Rows of a page, as for `readValues`. */
type HitRows = Omit<ValuesInto, 'values' | 'nulls'>

export class DocumentReader {
  readonly #table: ScanTable
  readonly #readers = new Map<string, FieldReader>()
  readonly #maker = new DocumentMaker()

  constructor(table: ScanTable) {
    this.#table = table
  }

  /** As `readValues`, of documents. */
  read(into: HitRows & { readonly documents: Document[] }): void {
    for (const group of this.groups(into)) this.#maker.put(group, into.documents)
  }

  *groups(into: HitRows): Generator<DocumentGroup, void> {
    const { page, rows, from, to } = into
    const byShape = new Map<number, number[]>()
    for (let hit = from; hit < to; hit++) {
      const code = page.shapeCodeOf(rows[hit] as number)
      const hits = byShape.get(code)
      if (hits === undefined) byShape.set(code, [hit])
      else hits.push(hit)
    }
    for (const [code, hits] of byShape) yield this.#group(code, hits, into)
  }

  #group(code: number, hits: readonly number[], { page, rows: all, places: allPlaces, first }: HitRows): DocumentGroup {
    const names = namesOf(page, code)
    const places = Int32Array.from(hits, (hit) => (allPlaces[hit] as number) - first)
    if (names.length > FIELDS_MAX || names.includes('__proto__')) {
      return { places, documents: hits.map((hit) => this.#table.rows.documentOf(page, all[hit] as number)) }
    }
    const rows = Int32Array.from(hits, (hit) => all[hit] as number)
    const count = rows.length
    const numbers = Int32Array.from(rows, (_, index) => index)
    const columns = names.map((name): FieldColumn => {
      const values = new Array<unknown>(count)
      const nulls = new Uint8Array(count)
      readValues(this.#readerOf(name), { page, rows, places: numbers, from: 0, to: count, first: 0, values, nulls })
      return { values, nulls }
    })
    return { places, names, columns }
  }

  #readerOf(name: string): FieldReader {
    let reader = this.#readers.get(name)
    if (reader === undefined) this.#readers.set(name, (reader = new FieldReader(this.#table, name)))
    return reader
  }
}

/** Puts documents together from the columns of their fields. */
export class DocumentMaker {
  readonly #makers = new Map<string, MakeRow>()

  put(group: DocumentGroup, documents: Document[]): void {
    const { places } = group
    if ('documents' in group) {
      for (let index = 0; index < places.length; index++) documents[places[index] as number] = group.documents[index] as Document
      return
    }
    const make = this.#makerOf(group.names)
    const columns = group.columns.map(({ values }) => values)
    for (let index = 0; index < places.length; index++) documents[places[index] as number] = make(columns, index)
  }

  #makerOf(names: readonly string[]): MakeRow {
    const key = JSON.stringify(names)
    let make = this.#makers.get(key)
    if (make === undefined) this.#makers.set(key, (make = makerOf(names)))
    return make
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
