/**
 * Which fields get a column in the pages that a merge writes, of which class, and the cells of all source rows, loaded: what fits into a
 * word as words, all else as float64s, and a state for each where some row has no plain value. What stood in the rest of a row and is of
 * the column's class moves into the column; what is not stays or becomes part of the rest.
 */
import { type MergeField, type MergeFields } from './merge-fields.js'
import * as layout from './page-layout.js'
import { type ColumnView, hasOnlyValues, type PageView } from './page-view.js'
import { RestCursor, stateOf } from './row-reader.js'
import { SourceColumn } from './source-column.js'
import { type SourceRows } from './source-rows.js'
import { classOfHead } from './value-head.js'

/** A float64 and a state. */
const CELL_BYTES_MAX = 9

/** Chooses columns and loads them; the columns are valid until they are chosen again. */
export class MergeColumns {
  readonly #columns: SourceColumn[] = []

  /** `rowsMax`: rows of the largest page that is written. */
  choose(rows: SourceRows, fields: MergeFields, rowsMax = rows.total): SourceColumn[] {
    const { pages, starts, total } = rows
    const withRest = pages.map(hasRest)
    pages.forEach((page, index) => countClasses(page, fields, index, withRest[index] as boolean))
    const chosen = fields.all.filter((field) => field.rows > 0 && field.rows * layout.COLUMN_SHARE >= total)
    const columnsMax = Math.min(layout.COLUMNS_MAX, Math.floor(layout.COLUMN_BYTES_MAX / (rowsMax * CELL_BYTES_MAX)))
    const kept = new Set(chosen.toSorted((one, other) => other.rows - one.rows).slice(0, columnsMax))
    const columns: SourceColumn[] = []
    for (const field of chosen) {
      if (!kept.has(field)) continue
      const column = (this.#columns[columns.length] ??= new SourceColumn())
      field.column = columns.length
      column.begin(field, total)
      columns.push(column)
    }
    pages.forEach((page, index) => {
      const start = starts[index] as number
      const count = (starts[index + 1] ?? total) - start
      const shapes = fields.shapes[index] as readonly (readonly MergeField[])[]
      for (const column of columns) column.load(page, start, count, shapes)
      if (withRest[index] === true) loadRests(page, start, count, shapes, columns)
    })
    for (const column of columns) column.settle()
    return columns
  }
}

function hasRest({ i32, restAt, rowCount }: PageView): boolean {
  for (let row = 0; row < rowCount; row++) if (i32[restAt + row] !== 0) return true
  return false
}

function countClasses(page: PageView, fields: MergeFields, index: number, withRest: boolean): void {
  const { rowCount, u8 } = page
  for (const field of fields.all) {
    const column = page.columnNamed(field.name)
    if (column === undefined || column.valueClass === layout.CLASS_UNTYPED) continue
    let values = rowCount
    if (column.statesAt >= 0 && !hasOnlyValues(page, column, rowCount)) {
      for (let row = 0; row < rowCount; row++) if (u8[column.statesAt + row] !== layout.STATE_VALUE) values--
    }
    field.classes[column.valueClass] = (field.classes[column.valueClass] as number) + values
    if (column.dictionary !== 0) field.dictionary = column.dictionary
  }
  if (!withRest) return
  const shapes = fields.shapes[index] as readonly (readonly MergeField[])[]
  for (let row = 0; row < rowCount; row++) {
    const cursor = new RestCursor(page, row)
    const shape = shapes[page.shapeCodeOf(row)] as readonly MergeField[]
    while (cursor.next()) {
      const field = shape[cursor.position]
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

function loadRests(
  page: PageView,
  start: number,
  count: number,
  shapes: readonly (readonly MergeField[])[],
  columns: readonly SourceColumn[]
): void {
  for (let row = 0; row < count; row++) {
    const fields = shapes[page.shapeCodeOf(row)] as readonly MergeField[]
    const cursor = new RestCursor(page, row)
    while (cursor.next()) {
      const column = columns[fields[cursor.position]?.column ?? -1]
      if (column === undefined || cursor.isPlace || !isInRest(page, row, cursor.position)) continue
      column.takeRest(start + row, cursor.memory, cursor.valueAt)
    }
  }
}
