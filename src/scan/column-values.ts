/** The values of a field in some rows of a page, all at once: a loop for each kind of column. */
import { type Value } from '../codec/value.js'
import * as layout from '../page/page-layout.js'
import { type ColumnView, type PageView } from '../page/page-view.js'
import { type FieldReader } from './field-reader.js'

/**
 * Puts the values of `rows[from, to)` to `values[places[index] - first]`. A byte of `nulls` becomes 1 where a row has no value; what is
 * put there is null.
 */
export type ValuesInto = {
  readonly page: PageView
  readonly rows: Int32Array
  readonly places: Int32Array
  readonly from: number
  readonly to: number
  readonly first: number
  readonly values: unknown[]
  readonly nulls: Uint8Array
}

export function readValues(reader: FieldReader, into: ValuesInto): void {
  const { page } = into
  const column = page.columnNamed(reader.field)
  if (column === undefined) readRests(reader, into)
  else {
    readPlain(reader, column, into)
    if (column.statesAt >= 0) readOthers(reader, column, into)
  }
}

// Texts and keys lie anywhere in memory. Looked at in a loop that does nothing else, many are fetched at once: a third of the time.

/** As if every row had a plain value. */
function readPlain(reader: FieldReader, column: ColumnView, into: ValuesInto): void {
  const { page } = into
  switch (column.valueClass) {
    case layout.CLASS_NUMBER:
      if (column.encoding === layout.ENCODED_F64) readNumbers(page.f64, column.dataAt, into)
      else readNumbers(page.i32, column.dataAt, into)
      break
    case layout.CLASS_TIME:
      readTimes(page.f64, column.dataAt, into)
      break
    case layout.CLASS_BOOLEAN:
      readBooleans(page.u8, column.dataAt, into)
      break
    case layout.CLASS_TEXT: {
      const { texts } = reader.table
      const dictionary = column.dictionary === 0 ? [] : texts.dictionary(column.dictionary)
      if (column.encoding === layout.ENCODED_I32) readCells(reader, column, dictionary, into)
      else if (column.encoding === layout.ENCODED_U16) readCodes(page.u16, column.dataAt, dictionary, into)
      else readCodes(page.u8, column.dataAt, dictionary, into)
      break
    }
    case layout.CLASS_KEY:
      readKeys(reader, into)
      break
    default:
      for (let index = into.from; index < into.to; index++) into.values[(into.places[index] as number) - into.first] = null
  }
}

/** Rows without a plain value. */
function readOthers(reader: FieldReader, { index, statesAt }: ColumnView, into: ValuesInto): void {
  const { page, rows, places, from, to, first, values, nulls } = into
  const { u8 } = page
  for (let hit = from; hit < to; hit++) {
    const row = rows[hit] as number
    const state = u8[statesAt + row] as number
    if (state === layout.STATE_VALUE) continue
    const value = state === layout.STATE_REST ? reader.valueOf(page, row, page.columns[index]) : null
    const place = (places[hit] as number) - first
    values[place] = value
    if (value === null) nulls[place] = 1
  }
}

function readRests(reader: FieldReader, { page, rows, places, from, to, first, values, nulls }: ValuesInto): void {
  const shapes = reader.shapesWith(page)
  for (let hit = from; hit < to; hit++) {
    const row = rows[hit] as number
    const value: Value = shapes?.[page.shapeCodeOf(row)] === 1 ? reader.restOf(page, row) : null
    const place = (places[hit] as number) - first
    values[place] = value
    if (value === null) nulls[place] = 1
  }
}

function readNumbers(source: Int32Array | Float64Array, dataAt: number, { rows, places, from, to, first, values }: ValuesInto): void {
  for (let hit = from; hit < to; hit++) values[(places[hit] as number) - first] = source[dataAt + (rows[hit] as number)]
}

function readTimes(source: Float64Array, dataAt: number, { rows, places, from, to, first, values }: ValuesInto): void {
  for (let hit = from; hit < to; hit++) values[(places[hit] as number) - first] = new Date(source[dataAt + (rows[hit] as number)] as number)
}

function readBooleans(source: Uint8Array, dataAt: number, { rows, places, from, to, first, values }: ValuesInto): void {
  for (let hit = from; hit < to; hit++) values[(places[hit] as number) - first] = source[dataAt + (rows[hit] as number)] === 1
}

function readCodes(
  source: Uint8Array | Uint16Array,
  dataAt: number,
  dictionary: readonly string[],
  { rows, places, from, to, first, values }: ValuesInto
): void {
  for (let hit = from; hit < to; hit++) {
    values[(places[hit] as number) - first] = dictionary[source[dataAt + (rows[hit] as number)] as number]
  }
}

function readCells(reader: FieldReader, { dataAt, statesAt }: ColumnView, dictionary: readonly string[], into: ValuesInto): void {
  const { page, rows, places, from, to, first, values } = into
  const { i32, u8 } = page
  const { texts } = reader.table
  let seen = 0
  for (let hit = from; hit < to; hit++) {
    const row = rows[hit] as number
    // What a cell without a plain value holds is no reference.
    if (statesAt >= 0 && u8[statesAt + row] !== layout.STATE_VALUE) continue
    const cell = i32[dataAt + row] as number
    if (cell >>> 0 >= layout.DICTIONARY_CODES_MAX) seen |= texts.firstByte(page, cell)
  }
  texts.seen = seen
  for (let hit = from; hit < to; hit++) {
    const row = rows[hit] as number
    if (statesAt >= 0 && u8[statesAt + row] !== layout.STATE_VALUE) continue
    const cell = i32[dataAt + row] as number
    values[(places[hit] as number) - first] = cell >>> 0 < layout.DICTIONARY_CODES_MAX ? dictionary[cell] : texts.heapText(page, cell)
  }
}

function readKeys(reader: FieldReader, { page, rows, places, from, to, first, values }: ValuesInto): void {
  const { table } = reader
  let seen = 0
  for (let hit = from; hit < to; hit++) seen |= table.firstByte(page.ordinalOf(rows[hit] as number))
  table.seen = seen
  for (let hit = from; hit < to; hit++) {
    values[(places[hit] as number) - first] = table.keyValue(page.ordinalOf(rows[hit] as number))
  }
}
