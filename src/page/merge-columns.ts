/**
 * Which fields get a column in the pages that a merge writes, of which class, and the cells of all source rows, loaded: numbers and times
 * as float64s, texts as cells, and a state for each. What stood in the rest of a row and is of the column's class moves into the column;
 * what is not stays or becomes part of the rest.
 */
import * as layout from './page-layout.js'
import { type ColumnView, nameAt, type PageView, writeTextLength } from './page-view.js'
import { numberAt, timeAt } from './payload.js'
import { RestCursor, stateOf } from './row-reader.js'
import { classOfHead } from './value-head.js'
import { textEnd, textHeadBytes } from '../codec/document-shape.js'

export type SourceColumn = {
  readonly name: string
  readonly encodedName: Uint8Array
  readonly valueClass: number
  readonly encoding: number
  readonly dictionary: number
  readonly states: Uint8Array
  /** Some row has no plain value. */
  readonly hasStates: boolean
  readonly hasRest: boolean
  /** Of numbers, times, booleans. */
  readonly values: Float64Array
  /** Of texts: as in their pages. */
  readonly cells: Int32Array
  readonly hasHeapTexts: boolean
  /** `[length][bytes]` of texts that stood in the rest, by row. */
  readonly madeTexts: ReadonlyMap<number, Uint8Array> | undefined
}

/** A field that rows have. */
type Seen = {
  readonly name: string
  readonly encoded: Uint8Array
  rows: number
  /** Plain values by class. */
  readonly classes: number[]
  dictionary: number
}

type Writable = { -readonly [Name in keyof SourceColumn]: SourceColumn[Name] } & { madeTexts: Map<number, Uint8Array> | undefined }

/** A float64 and a state. */
const CELL_BYTES_MAX = 9

/** The cell of a text that stood in a rest: it lies in `madeTexts`. No reference is this. */
export const MADE_TEXT = -1

const noValues = new Float64Array(0)
const noCells = new Int32Array(0)

/** `starts[i]` is the number of the first row of `pages[i]`; `total` all rows. */
export function chooseColumns(pages: readonly PageView[], starts: readonly number[], total: number): SourceColumn[] {
  const seen = new Map<string, Seen>()
  /** By page and shape code: the fields in order. */
  const shapes = pages.map((page) => Array.from({ length: page.shapeCount }, (_, code) => fieldsOf(page, code, seen)))
  pages.forEach((page, index) => countRows(page, shapes[index] as Seen[][]))
  const withRest = pages.map(hasRest)
  pages.forEach((page, index) => countClasses(page, seen, shapes[index] as Seen[][], withRest[index] as boolean))
  const chosen = [...seen.values()].filter(({ rows }) => rows > 0 && rows * layout.COLUMN_SHARE >= total)
  const columnsMax = Math.min(layout.COLUMNS_MAX, Math.floor(layout.COLUMN_BYTES_MAX / (total * CELL_BYTES_MAX)))
  const kept = new Set(chosen.toSorted((one, other) => other.rows - one.rows).slice(0, columnsMax))
  const columns = chosen.filter((field) => kept.has(field)).map((field) => newColumn(field, total))
  const byName = new Map(columns.map((column) => [column.name, column]))
  pages.forEach((page, index) => {
    const fields = shapes[index] as Seen[][]
    for (const column of columns) load(page, starts[index] as number, column, fields)
    if (withRest[index] === true) {
      const shapeColumns = fields.map((shape) => shape.map(({ name }) => byName.get(name)))
      loadRests(page, starts[index] as number, shapeColumns)
    }
  })
  for (const column of columns) settle(column)
  return columns
}

function fieldsOf(page: PageView, code: number, seen: Map<string, Seen>): Seen[] {
  const record = page.shapeRecordAt(code)
  return Array.from({ length: page.i32[record] as number }, (_, position) => {
    const at = page.at + (page.i32[record + 1 + position * 2] as number)
    const bytes = (page.i32[record + 2 + position * 2] as number) >>> 16
    const name = nameAt(page.u8, at, bytes)
    let field = seen.get(name)
    if (field === undefined) {
      field = { name, encoded: page.u8.slice(at, at + bytes), rows: 0, classes: [0, 0, 0, 0, 0, 0], dictionary: 0 }
      seen.set(name, field)
    }
    return field
  })
}

function countRows({ u16, shapeAt, rowCount }: PageView, shapes: readonly (readonly Seen[])[]): void {
  const counts = new Int32Array(shapes.length)
  for (let row = 0; row < rowCount; row++) counts[u16[shapeAt + row] as number] = (counts[u16[shapeAt + row] as number] as number) + 1
  shapes.forEach((fields, code) => {
    for (const field of fields) field.rows += counts[code] as number
  })
}

function hasRest({ i32, restAt, rowCount }: PageView): boolean {
  for (let row = 0; row < rowCount; row++) if (i32[restAt + row] !== 0) return true
  return false
}

function countClasses(page: PageView, seen: ReadonlyMap<string, Seen>, shapes: readonly (readonly Seen[])[], withRest: boolean): void {
  const { rowCount, u8 } = page
  for (const column of page.columns) {
    const field = seen.get(nameAt(u8, column.nameAt, column.nameBytes))
    if (field === undefined || column.valueClass === layout.CLASS_UNTYPED) continue
    let values = column.statesAt < 0 ? rowCount : 0
    if (column.statesAt >= 0) for (let row = 0; row < rowCount; row++) if (u8[column.statesAt + row] === layout.STATE_VALUE) values++
    field.classes[column.valueClass] = (field.classes[column.valueClass] as number) + values
    if (column.dictionary !== 0) field.dictionary = column.dictionary
  }
  if (!withRest) return
  for (let row = 0; row < rowCount; row++) {
    const cursor = new RestCursor(page, row)
    const fields = shapes[page.shapeCodeOf(row)] as readonly Seen[]
    while (cursor.next()) {
      const field = fields[cursor.position]
      if (field === undefined || cursor.isPlace || !isInRest(page, row, cursor.position)) continue
      const valueClass = classOfHead(cursor.memory[cursor.valueAt] as number)
      field.classes[valueClass] = (field.classes[valueClass] as number) + 1
    }
  }
}

/** False for a value that a patch has put into a column since. */
function isInRest(page: PageView, row: number, position: number): boolean {
  const record = page.shapeRecordAt(page.shapeCodeOf(row))
  const index = ((page.i32[record + 2 + position * 2] as number) & 0xffff) - 1
  return index < 0 || stateOf(page, row, page.columns[index] as ColumnView) === layout.STATE_REST
}

function newColumn({ name, encoded, classes, dictionary }: Seen, total: number): Writable {
  let valueClass = layout.CLASS_UNTYPED
  for (let each = layout.CLASS_KEY; each < classes.length; each++) {
    const most = valueClass === layout.CLASS_UNTYPED ? 0 : (classes[valueClass] as number)
    if ((classes[each] as number) > most) valueClass = each
  }
  // What is the key in most rows is the key field.
  if ((classes[layout.CLASS_KEY] as number) > 0) valueClass = layout.CLASS_KEY
  const isNumeric = valueClass === layout.CLASS_NUMBER || valueClass === layout.CLASS_TIME || valueClass === layout.CLASS_BOOLEAN
  return {
    name,
    encodedName: encoded,
    valueClass,
    encoding: layout.ENCODED_NOT,
    dictionary: valueClass === layout.CLASS_TEXT ? dictionary : 0,
    states: new Uint8Array(total),
    hasStates: false,
    hasRest: false,
    values: isNumeric ? new Float64Array(total) : noValues,
    cells: valueClass === layout.CLASS_TEXT ? new Int32Array(total) : noCells,
    hasHeapTexts: false,
    madeTexts: undefined
  }
}

function load(page: PageView, start: number, column: Writable, shapes: readonly (readonly Seen[])[]): void {
  const { rowCount, u8, u16, i32, f64 } = page
  const { states } = column
  const from = page.columnNamed(column.name)
  if (from === undefined) {
    // A field without a column is in the rest of the rows that have it.
    const stateOfCode = shapes.map((fields) => (fields.some(({ name }) => name === column.name) ? layout.STATE_REST : layout.STATE_ABSENT))
    for (let row = 0; row < rowCount; row++) states[start + row] = stateOfCode[u16[page.shapeAt + row] as number] as number
    return
  }
  if (from.statesAt >= 0) states.set(u8.subarray(from.statesAt, from.statesAt + rowCount), start)
  if (from.valueClass === column.valueClass) {
    const { dataAt, encoding } = from
    if (column.valueClass === layout.CLASS_TEXT) {
      const source = encoding === layout.ENCODED_I32 ? i32 : encoding === layout.ENCODED_U16 ? u16 : u8
      column.cells.set(source.subarray(dataAt, dataAt + rowCount), start)
    } else if (column.values !== noValues) {
      const source = encoding === layout.ENCODED_F64 ? f64 : encoding === layout.ENCODED_I32 ? i32 : u8
      column.values.set(source.subarray(dataAt, dataAt + rowCount), start)
    }
  } else {
    for (let row = 0; row < rowCount; row++) if (states[start + row] === layout.STATE_VALUE) states[start + row] = layout.STATE_REST
  }
}

function loadRests(page: PageView, start: number, shapes: readonly (readonly (Writable | undefined)[])[]): void {
  for (let row = 0; row < page.rowCount; row++) {
    const fields = shapes[page.shapeCodeOf(row)] as readonly (Writable | undefined)[]
    const cursor = new RestCursor(page, row)
    while (cursor.next()) {
      const column = fields[cursor.position]
      if (column === undefined || cursor.isPlace || !isInRest(page, row, cursor.position)) continue
      take(column, start + row, cursor.memory, cursor.valueAt)
    }
  }
}

/** Puts a value of the rest into its column if it is of its class. */
function take(column: Writable, row: number, memory: Uint8Array, at: number): void {
  const head = memory[at] as number
  if (head === 0xc0) {
    column.states[row] = layout.STATE_NULL
    return
  }
  switch (column.valueClass) {
    case layout.CLASS_NUMBER:
    case layout.CLASS_TIME: {
      const value = column.valueClass === layout.CLASS_NUMBER ? numberAt(memory, at) : timeAt(memory, at)
      if (value !== value) return
      column.values[row] = value
      break
    }
    case layout.CLASS_BOOLEAN:
      if (head !== 0xc2 && head !== 0xc3) return
      column.values[row] = head & 1
      break
    case layout.CLASS_TEXT: {
      if (classOfHead(head) !== layout.CLASS_TEXT) return
      const from = at + textHeadBytes(memory, at)
      const bytes = textEnd(memory, at) - from
      if (bytes > layout.INLINE_BYTES_MAX) return
      const made = new Uint8Array(bytes + 2)
      const target = writeTextLength(made, 0, bytes)
      made.set(memory.subarray(from, from + bytes), target)
      column.madeTexts ??= new Map()
      column.madeTexts.set(row, made)
      // No code: whoever copies it looks into the made texts.
      column.cells[row] = MADE_TEXT
      break
    }
    default:
      return
  }
  column.states[row] = layout.STATE_VALUE
}

/** The encoding, now that all values are known. */
function settle(column: Writable): void {
  const { states, values, cells, valueClass } = column
  for (let row = 0; row < states.length; row++) {
    if (states[row] === layout.STATE_VALUE) continue
    column.hasStates = true
    // What a cell without a plain value holds is of no account: the same bytes for the same rows.
    if (values !== noValues) values[row] = 0
    if (cells !== noCells) cells[row] = 0
    if (states[row] === layout.STATE_REST) column.hasRest = true
  }
  if (valueClass === layout.CLASS_BOOLEAN) column.encoding = layout.ENCODED_U8
  else if (valueClass === layout.CLASS_TIME) column.encoding = layout.ENCODED_F64
  else if (valueClass === layout.CLASS_NUMBER) {
    column.encoding = layout.ENCODED_I32
    for (let row = 0; row < states.length; row++) {
      const value = values[row] as number
      if ((value | 0) === value || states[row] !== layout.STATE_VALUE) continue
      column.encoding = layout.ENCODED_F64
      break
    }
  } else if (valueClass === layout.CLASS_TEXT) {
    let most = 0
    for (let row = 0; row < states.length; row++) {
      const cell = (cells[row] as number) >>> 0
      if (cell > most && states[row] === layout.STATE_VALUE) most = cell
    }
    column.hasHeapTexts = most >= layout.DICTIONARY_CODES_MAX
    column.encoding = column.hasHeapTexts ? layout.ENCODED_I32 : most < 256 ? layout.ENCODED_U8 : layout.ENCODED_U16
  }
}
