/** The values of one field in the rows of pages, as the row engine would find them in documents: null where there is none. */
import { type Value } from '../codec/value.js'
import * as layout from '../page/page-layout.js'
import { type ColumnView, type PageView } from '../page/page-view.js'
import { cellOf, numberOf } from '../page/row-reader.js'
import { type ScanTable } from './scan-table.js'

export class FieldReader {
  readonly field: string
  readonly table: ScanTable
  readonly #name: Uint8Array
  /** Length of the name as a msgpack text. */
  readonly #nameBytes: number

  constructor(table: ScanTable, field: string) {
    this.table = table
    this.field = field
    this.#name = Buffer.from(field, 'utf8')
    const { length } = this.#name
    this.#nameBytes = length + (length < 32 ? 1 : length < 256 ? 2 : length < 65_536 ? 3 : 5)
  }

  /** A byte for each shape of the page, 1 where it names the field; undefined where none does. */
  shapesWith(page: PageView): Uint8Array | undefined {
    const { i32, u8, at, shapeCount } = page
    let found: Uint8Array | undefined
    for (let code = 0; code < shapeCount; code++) {
      const record = page.shapeRecordAt(code)
      const fields = i32[record] as number
      for (let position = 0; position < fields; position++) {
        if ((i32[record + 2 + position * 2] as number) >>> 16 !== this.#nameBytes) continue
        if (!this.#isNameAt(u8, at + (i32[record + 1 + position * 2] as number))) continue
        found ??= new Uint8Array(shapeCount)
        found[code] = 1
      }
    }
    return found
  }

  /** The value of the field where the page has no column for it. */
  restOf(page: PageView, row: number): Value {
    return this.table.rows.restValueNamed(page, row, this.#name) ?? null
  }

  valueOf(page: PageView, row: number, column: ColumnView | undefined): Value {
    if (column === undefined) return this.restOf(page, row)
    if (column.statesAt >= 0) {
      const state = page.u8[column.statesAt + row] as number
      if (state === layout.STATE_REST) return this.table.rows.valueOf(page, row, column) ?? null
      if (state !== layout.STATE_VALUE) return null
    }
    return this.plainOf(page, row, column)
  }

  /** The value of a row whose state is that of a plain value. */
  plainOf(page: PageView, row: number, column: ColumnView): Value {
    switch (column.valueClass) {
      case layout.CLASS_NUMBER:
        return numberOf(page, row, column)
      case layout.CLASS_TEXT: {
        const cell = cellOf(page, row, column)
        const { texts } = this.table
        if (cell >>> 0 >= layout.DICTIONARY_CODES_MAX) return texts.heapText(page, cell)
        return texts.dictionary(column.dictionary)[cell] as string
      }
      case layout.CLASS_BOOLEAN:
        return page.u8[column.dataAt + row] === 1
      case layout.CLASS_TIME:
        return new Date(numberOf(page, row, column))
      case layout.CLASS_KEY:
        return this.table.keyValue(page.ordinalOf(row))
      default:
        return null
    }
  }

  #isNameAt(u8: Uint8Array, at: number): boolean {
    const name = this.#name
    const from = at + this.#nameBytes - name.length
    for (let index = 0; index < name.length; index++) if (u8[from + index] !== name[index]) return false
    return true
  }
}
