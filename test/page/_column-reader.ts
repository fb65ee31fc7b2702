/** Cells of rows of several pages into one column of a batch: typed where all rows agree on a class, values where they do not. */
import { decodeKey } from '../../src/codec/key-codec.js'
import { type Value } from '../../src/codec/value.js'
import { type KeyTable } from '../../src/page/key-table.js'
import * as layout from '../../src/page/page-layout.js'
import { type ColumnView, nameAt, type PageView } from '../../src/page/page-view.js'
import { cellOf, type RowReader, stateOf } from '../../src/page/row-reader.js'

/** Rows of one page. */
export type RowRun = { readonly page: PageView; readonly rows: Int32Array }

/** A byte of `nulls` is 1 where the field is null or absent; what stands in `values` there says nothing. */
export type PageColumn =
  | { readonly kind: 'number' | 'time' | 'boolean'; readonly values: Float64Array; readonly nulls: Uint8Array }
  | { readonly kind: 'text'; readonly values: readonly string[]; readonly nulls: Uint8Array }
  | { readonly kind: 'mixed'; readonly values: readonly Value[]; readonly nulls: Uint8Array }

export class ColumnReader {
  readonly #rows: RowReader
  readonly #keys: KeyTable
  /** Texts of dictionaries, by reference of the dictionary and code. */
  readonly #texts = new Map<number, (string | undefined)[]>()

  constructor(rows: RowReader) {
    this.#rows = rows
    this.#keys = rows.keys
  }

  /** The values of a field; `rowCount` rows in all. */
  read(runs: readonly RowRun[], rowCount: number, field: string): PageColumn {
    const columns = runs.map(({ page }) => page.columnNamed(field))
    const valueClass = this.#commonClass(runs, columns, field)
    if (valueClass === layout.CLASS_TEXT) return this.#readTexts(runs, columns, rowCount)
    if (valueClass === layout.CLASS_NUMBER || valueClass === layout.CLASS_TIME || valueClass === layout.CLASS_BOOLEAN) {
      return readNumbers(runs, columns, rowCount, valueClass)
    }
    return this.#readMixed(runs, columns, rowCount, field)
  }

  /** The class that all plain values have, where there are no others; else -1. */
  #commonClass(runs: readonly RowRun[], columns: readonly (ColumnView | undefined)[], field: string): number {
    let common = layout.CLASS_UNTYPED
    for (let index = 0; index < runs.length; index++) {
      const { page, rows } = runs[index] as RowRun
      const column = columns[index]
      if (column === undefined) {
        if (hasField(page, field)) return -1
        continue
      }
      if ((column.flags & layout.HAS_REST) !== 0 && column.statesAt >= 0) {
        for (let row = 0; row < rows.length; row++) if (page.u8[column.statesAt + (rows[row] as number)] === layout.STATE_REST) return -1
      }
      if (column.valueClass === layout.CLASS_UNTYPED) continue
      if (common !== layout.CLASS_UNTYPED && common !== column.valueClass) return -1
      common = column.valueClass
    }
    return common
  }

  #readTexts(runs: readonly RowRun[], columns: readonly (ColumnView | undefined)[], rowCount: number): PageColumn {
    const values = new Array<string>(rowCount).fill('')
    const nulls = new Uint8Array(rowCount)
    let at = 0
    runs.forEach(({ page, rows }, index) => {
      const column = columns[index]
      for (let row = 0; row < rows.length; row++, at++) {
        const from = rows[row] as number
        if (column?.valueClass !== layout.CLASS_TEXT || stateOf(page, from, column) !== layout.STATE_VALUE) nulls[at] = 1
        else values[at] = this.#text(page, cellOf(page, from, column), column.dictionary)
      }
    })
    return { kind: 'text', values, nulls }
  }

  #text(page: PageView, cell: number, dictionary: number): string {
    if (cell >>> 0 >= layout.DICTIONARY_CODES_MAX) return this.#rows.textOf(page, cell, dictionary)
    let texts = this.#texts.get(dictionary)
    if (texts === undefined) this.#texts.set(dictionary, (texts = []))
    return (texts[cell] ??= this.#rows.textOf(page, cell, dictionary))
  }

  #valueOf(page: PageView, row: number, column: ColumnView): Value | undefined {
    if (column.valueClass !== layout.CLASS_KEY || stateOf(page, row, column) !== layout.STATE_VALUE)
      return this.#rows.valueOf(page, row, column)
    return decodeKey(this.#keys.keyOf(page.ordinalOf(row)))
  }

  #readMixed(runs: readonly RowRun[], columns: readonly (ColumnView | undefined)[], rowCount: number, field: string): PageColumn {
    const values = new Array<Value>(rowCount).fill(null)
    const nulls = new Uint8Array(rowCount)
    const name = Buffer.from(field, 'utf8')
    let at = 0
    runs.forEach(({ page, rows }, index) => {
      const column = columns[index]
      for (let row = 0; row < rows.length; row++, at++) {
        const from = rows[row] as number
        const value = column === undefined ? this.#rows.restValueNamed(page, from, name) : this.#valueOf(page, from, column)
        values[at] = value ?? null
        if (value === undefined || value === null) nulls[at] = 1
      }
    })
    return { kind: 'mixed', values, nulls }
  }
}

function readNumbers(
  runs: readonly RowRun[],
  columns: readonly (ColumnView | undefined)[],
  rowCount: number,
  valueClass: number
): PageColumn {
  const values = new Float64Array(rowCount)
  const nulls = new Uint8Array(rowCount)
  let at = 0
  runs.forEach(({ page, rows }, index) => {
    const column = columns[index]
    const count = rows.length
    if (column?.valueClass !== valueClass) {
      nulls.fill(1, at, at + count)
    } else {
      const { encoding, dataAt, statesAt } = column
      // A loop for each width of cells: one that meets several is not compiled well.
      if (encoding === layout.ENCODED_F64) readFloats(page.f64, dataAt, rows, values, at)
      else if (encoding === layout.ENCODED_I32) readWords(page.i32, dataAt, rows, values, at)
      else readBytes(page.u8, dataAt, rows, values, at)
      // Of value, null and absent only the first is a value.
      if (statesAt >= 0) for (let row = 0; row < count; row++) nulls[at + row] = page.u8[statesAt + (rows[row] as number)] === 0 ? 0 : 1
    }
    at += count
  })
  const kind = valueClass === layout.CLASS_NUMBER ? 'number' : valueClass === layout.CLASS_TIME ? 'time' : 'boolean'
  return { kind, values, nulls }
}

function readFloats(source: Float64Array, dataAt: number, rows: Int32Array, values: Float64Array, at: number): void {
  for (let row = 0; row < rows.length; row++) values[at + row] = source[dataAt + (rows[row] as number)] as number
}

function readWords(source: Int32Array, dataAt: number, rows: Int32Array, values: Float64Array, at: number): void {
  for (let row = 0; row < rows.length; row++) values[at + row] = source[dataAt + (rows[row] as number)] as number
}

function readBytes(source: Uint8Array, dataAt: number, rows: Int32Array, values: Float64Array, at: number): void {
  for (let row = 0; row < rows.length; row++) values[at + row] = source[dataAt + (rows[row] as number)] as number
}

/** True if some shape of the page names the field. */
function hasField(page: PageView, field: string): boolean {
  for (let code = 0; code < page.shapeCount; code++) {
    const record = page.shapeRecordAt(code)
    for (let position = 0; position < (page.i32[record] as number); position++) {
      const at = page.at + (page.i32[record + 1 + position * 2] as number)
      const bytes = (page.i32[record + 2 + position * 2] as number) >>> 16
      if (nameAt(page.u8, at, bytes) === field) return true
    }
  }
  return false
}
