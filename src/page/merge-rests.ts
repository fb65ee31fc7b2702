import { type SourceColumn } from './source-column.js'
import { type MergeField, type MergeFields } from './merge-fields.js'
import { type HeapDraft } from './page-draft.js'
import * as layout from './page-layout.js'
import { type PageView } from './page-view.js'
import { RestCursor, type RowReader } from './row-reader.js'
import { type SourceRows } from './source-rows.js'

/** What no column takes of the rows of a page that is being written. */
export class MergeRests {
  readonly #heap: HeapDraft
  readonly #rows: SourceRows
  readonly #fields: MergeFields
  readonly #columns: readonly SourceColumn[]
  readonly #reader: RowReader

  constructor(heap: HeapDraft, rows: SourceRows, fields: MergeFields, columns: readonly SourceColumn[], reader: RowReader) {
    this.#heap = heap
    this.#rows = rows
    this.#fields = fields
    this.#columns = columns
    this.#reader = reader
  }

  /** For each row the reference of its rest, 0 where it has none; undefined where no row has one. */
  add(selection: Int32Array): Int32Array | undefined {
    const withRest = this.#columns.filter(({ hasRest }) => hasRest)
    const isCovered = this.#fields.all.every(({ rows, column }) => rows === 0 || column >= 0)
    if (withRest.length === 0 && isCovered) return undefined
    const { pages, starts, pageOfRow } = this.#rows
    let references: Int32Array | undefined
    for (let index = 0; index < selection.length; index++) {
      const source = selection[index] as number
      const part = pageOfRow[source] as number
      const page = pages[part] as PageView
      const row = source - (starts[part] as number)
      const shape = this.#fields.shapes[part]?.[page.shapeCodeOf(row)] as readonly MergeField[]
      if (!hasOther(shape) && !withRest.some(({ states }) => states[source] === layout.STATE_REST)) continue
      references ??= new Int32Array(selection.length)
      references[index] = this.#addRest(page, row, source, shape)
    }
    return references
  }

  #addRest(page: PageView, row: number, source: number, shape: readonly MergeField[]): number {
    const heap = this.#heap
    const start = heap.reserve(2)
    const cursor = new RestCursor(page, row)
    const record = page.shapeRecordAt(page.shapeCodeOf(row))
    let count = 0
    for (let position = 0; position < shape.length; position++) {
      const column = this.#columns[(shape[position] as MergeField).column]
      if (column !== undefined && !(column.hasStates && column.states[source] === layout.STATE_REST)) continue
      const from = ((page.i32[record + 2 + position * 2] as number) & 0xffff) - 1
      const bytes = this.#reader.payloadOf(page, row, from, position, cursor)
      const isPlace = bytes === undefined
      const value = bytes ?? cursor.memory.subarray(cursor.valueAt, cursor.valueEnd)
      const at = heap.reserve(2 + value.length)
      const head = isPlace ? position | layout.REST_PLACE : position
      heap.bytes[at] = head & 0xff
      heap.bytes[at + 1] = head >>> 8
      heap.bytes.set(value, at + 2)
      count++
    }
    heap.bytes[start] = count & 0xff
    heap.bytes[start + 1] = count >>> 8
    return heap.start + start
  }
}

function hasOther(shape: readonly MergeField[]): boolean {
  for (let position = 0; position < shape.length; position++) if ((shape[position] as MergeField).column < 0) return true
  return false
}
