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

/** A document of more fields is put together from its msgpack. */
const FIELDS_MAX = 256

export class DocumentReader {
  readonly #table: ScanTable
  readonly #readers = new Map<string, FieldReader>()
  readonly #makers = new Map<string, MakeRow>()

  constructor(table: ScanTable) {
    this.#table = table
  }

  /** As `readValues`, of documents. */
  read(into: Omit<ValuesInto, 'values' | 'nulls'> & { readonly documents: Document[] }): void {
    const { page, rows, from, to } = into
    const byShape = new Map<number, number[]>()
    for (let hit = from; hit < to; hit++) {
      const code = page.shapeCodeOf(rows[hit] as number)
      const hits = byShape.get(code)
      if (hits === undefined) byShape.set(code, [hit])
      else hits.push(hit)
    }
    for (const [code, hits] of byShape) this.#readShape(code, hits, into)
  }

  #readShape(code: number, hits: readonly number[], into: Omit<ValuesInto, 'values' | 'nulls'> & { readonly documents: Document[] }): void {
    const { page, places, first, documents } = into
    const names = namesOf(page, code)
    if (names.length > FIELDS_MAX || names.includes('__proto__')) {
      for (const hit of hits) {
        documents[(places[hit] as number) - first] = this.#table.rows.documentOf(page, into.rows[hit] as number)
      }
      return
    }
    const rows = Int32Array.from(hits, (hit) => into.rows[hit] as number)
    const count = rows.length
    const numbers = Int32Array.from(rows, (_, index) => index)
    const nulls = new Uint8Array(count)
    const columns = names.map((name) => {
      const values = new Array<unknown>(count)
      readValues(this.#readerOf(name), { page, rows, places: numbers, from: 0, to: count, first: 0, values, nulls })
      return values
    })
    const make = this.#makerOf(names)
    for (let index = 0; index < count; index++) documents[(places[hits[index] as number] as number) - first] = make(columns, index)
  }

  #readerOf(name: string): FieldReader {
    let reader = this.#readers.get(name)
    if (reader === undefined) this.#readers.set(name, (reader = new FieldReader(this.#table, name)))
    return reader
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
