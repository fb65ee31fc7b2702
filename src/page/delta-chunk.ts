/**
 * A chunk of a delta, being written: rows in the order of their events, each a whole version. An INSERT is walked field by field from its
 * msgpack straight into columns (`chunk-cells.ts`); a PATCH begins with a copy of the cells of the version before it (`cell-copies.ts`)
 * and overwrites what it changes. No object is made for a row.
 *
 * The columns of a chunk are fixed when it is made: those of the base, and fields that came up since. What finds no column, or no column
 * of its class, goes into the row's rest (`chunk-rest.ts`), until the next chunk or merge has a column for it.
 *
 * A row is there for others when it is counted. {@link DeltaChunk.publish} counts all rows written since the last time at once: a count is
 * an atomic store, which waits for every store before it (measured: 45 ns, a twentieth of what an event costs).
 */
import { DriftError } from '../base/errors.js'
import { fieldCount, firstFieldAt, textEnd } from '../codec/document-shape.js'
import { dataViewOf } from '../codec/unaligned.js'
import { publishWord } from '../memory/shared-array.js'
import { type CellCopies, cellCopies, copyStates, copyValues } from './cell-copies.js'
import { ChunkCells } from './chunk-cells.js'
import { ChunkHeap } from './chunk-heap.js'
import { ChunkRest } from './chunk-rest.js'
import { ChunkShapes } from './chunk-shapes.js'
import { type Field, type FieldNames, type FieldOrder } from './field-names.js'
import { type KeyTable } from './key-table.js'
import { OpenPage } from './open-page.js'
import { type PageEvent } from './page-event.js'
import * as layout from './page-layout.js'
import { type PageView } from './page-view.js'
import { RestCursor, type RowReader } from './row-reader.js'

export class DeltaChunk {
  readonly page: OpenPage
  readonly view: PageView
  readonly names: FieldNames
  readonly number: number
  /** Rows written; {@link publish} counts them for others. */
  rowCount: number
  /** It has rows that are not counted. */
  isUnpublished = false
  readonly #heapStart: number
  readonly #heap: ChunkHeap
  readonly #cells: ChunkCells
  readonly #shapes: ChunkShapes
  readonly #rest: ChunkRest
  /** By sibling. */
  #copies: (CellCopies | undefined)[] = []
  /** Which document a field was met in last, by field id: finds a field that is given twice. */
  #metIn: number[] = []
  #documents = 0
  /** A row was begun and is not there yet. */
  #isBegun = false

  constructor(view: PageView, names: FieldNames, number: number, keys: KeyTable) {
    this.page = new OpenPage(view, names, number)
    this.view = view
    this.names = names
    this.number = number
    this.rowCount = view.rowCount
    this.#heapStart = namesEnd(view)
    this.#heap = new ChunkHeap(view)
    this.#cells = new ChunkCells(this.page, this.#heap, keys)
    this.#shapes = new ChunkShapes(this.page, this.#heap)
    this.#rest = new ChunkRest(view, this.#heap)
    // A chunk of a snapshot, which has rows, goes on with them.
    if (this.rowCount > 0) this.page.hasStates = true
    else this.#cells.setFirstFlags()
  }

  /** Heap bytes used so far. */
  get heapBytes(): number {
    return this.#heap.end - this.#heapStart
  }

  get hasRoom(): boolean {
    return this.rowCount < this.view.rowCapacity
  }

  /**
   * Writes the row of an INSERT; false where the heap has no room for it, and then nothing is written.
   * @throws DriftError CORRUPT if the payload is no document; NOT_SUPPORTED if it has more fields than a page can hold.
   */
  insert(event: PageEvent, previous: number): boolean {
    const { source, from, to, ordinal } = event
    this.#begin()
    const row = this.rowCount
    const count = fieldsOf(source, from)
    const data = dataViewOf(source)
    const cells = this.#cells
    let at = firstFieldAt(source, from)
    let order = this.names.empty
    let isMarked = false
    for (let position = 0; position < count; position++) {
      const { last } = order
      let valueAt = last === undefined ? -1 : last.field.nameEnd(data, at, to)
      if (valueAt < 0) {
        if (!isMarked) this.#mark(order)
        isMarked = true
        valueAt = textEnd(source, at)
        order = this.#orderWith(order, source, at, valueAt)
      } else order = last as FieldOrder
      if (isMarked) this.#metIn[order.field.id] = this.#documents
      at = cells.set(row, order.field, ordinal, source, data, valueAt, to)
      if (at < 0) at = this.#rest.add(order.field, position, event, valueAt)
    }
    if (at !== to) throw corrupt('bytes behind the document', at)
    const code = this.#shapes.codeOf(order)
    if (code >= 0) this.#setAbsent(code)
    const rest = this.#rest.isEmpty ? 0 : this.#rest.write(event.frame)
    return this.#commit(event.seq, ordinal, code, rest, previous)
  }

  /** The same for a PATCH of the version in `fromRow` of `page`. */
  patch(event: PageEvent, page: OpenPage, fromRow: number, previous: number): boolean {
    const { source, from, to, ordinal } = event
    this.#begin()
    page.renew()
    const row = this.rowCount
    const fromCode = page.codeOf(fromRow)
    const copies = this.#copyCells(page, fromRow, fromCode)
    const before = page.orderOf(fromCode)
    const count = fieldsOf(source, from)
    const data = dataViewOf(source)
    const cells = this.#cells
    let at = firstFieldAt(source, from)
    let patch = this.names.empty
    let isMarked = false
    for (let index = 0; index < count; index++) {
      const { last } = patch
      let valueAt = last === undefined ? -1 : last.field.nameEnd(data, at, to)
      if (valueAt < 0) {
        if (!isMarked) this.#mark(patch)
        isMarked = true
        valueAt = textEnd(source, at)
        patch = this.#orderWith(patch, source, at, valueAt)
      } else patch = last as FieldOrder
      const { field } = patch
      if (isMarked) this.#metIn[field.id] = this.#documents
      at = cells.set(row, field, ordinal, source, data, valueAt, to)
      if (at < 0) at = this.#rest.add(field, this.names.patched(before, patch).positionOf(field), event, valueAt)
    }
    if (at !== to) throw corrupt('bytes behind the patch', at)
    const order = this.names.patched(before, patch)
    if (order.count > layout.FIELDS_MAX) throw tooManyFields(order.count)
    const code = order === before ? this.#sameCode(copies, fromCode, order) : this.#shapes.codeOf(order)
    let rest = page.restOf(fromRow)
    // What a patch puts into a column may leave its old value in the rest: nobody looks for it there.
    if (!this.#rest.isEmpty) {
      this.#rest.addRestOf(page.view, fromRow)
      rest = this.#rest.write(event.frame)
    }
    return this.#commit(event.seq, ordinal, code, rest, previous)
  }

  /**
   * Takes over a row of another rectangle as it is, its end included, value by value; false where the heap has no room.
   * `event` says its seq and ordinal.
   */
  take({ seq, ordinal, ...event }: PageEvent, view: PageView, fromRow: number, reader: RowReader, previous: number): boolean {
    this.#begin()
    const record = view.shapeRecordAt(view.shapeCodeOf(fromRow))
    const cursor = new RestCursor(view, fromRow)
    let order = this.names.empty
    for (let position = 0; position < (view.i32[record] as number); position++) {
      const name = view.at + (view.i32[record + 1 + position * layout.SHAPE_FIELD_WORDS] as number)
      const word = view.i32[record + 2 + position * layout.SHAPE_FIELD_WORDS] as number
      const field = this.names.fieldOf(view.u8, name, name + (word >>> 16))
      order = this.names.with(order, field)
      const bytes = reader.payloadOf(view, fromRow, (word & 0xffff) - 1, position, cursor)
      if (bytes === undefined) {
        const index = this.page.columnOf(field)
        if (index >= 0) this.#cells.setInRest(this.rowCount, index)
        this.#rest.addPlace(position, cursor)
      } else {
        const source = bytes.slice()
        const to = source.length
        const end = this.#cells.set(this.rowCount, field, ordinal, source, dataViewOf(source), 0, to)
        if (end < 0) this.#rest.add(field, position, { ...event, seq, ordinal, source, from: 0, to, frame: -1 }, 0)
      }
    }
    const code = this.#shapes.codeOf(order)
    if (code >= 0) this.#setAbsent(code)
    const rest = this.#rest.isEmpty ? 0 : this.#rest.write(-1)
    return this.#commit(seq, ordinal, code, rest, previous)
  }

  /** Counts the rows written so far for whoever reads. */
  publish(): void {
    const { view } = this
    const { i32, head } = view
    this.isUnpublished = false
    if (this.rowCount === 0) return
    i32[head + layout.BEGIN_MIN] = i32[view.beginAt] as number
    i32[head + layout.BEGIN_MAX] = i32[view.beginAt + this.rowCount - 1] as number
    i32[head + layout.END_MAX] = layout.OPEN_END
    i32[head + layout.HEAP_END] = this.#heap.end
    publishWord(i32, head + layout.ROW_COUNT, this.rowCount)
  }

  /** How many rows have each field that has no column. */
  fieldsWithoutColumn(): Map<Field, number> {
    const { view } = this
    const counts = new Int32Array(view.shapeCount)
    for (let row = 0; row < this.rowCount; row++) counts[view.shapeCodeOf(row)] = (counts[view.shapeCodeOf(row)] as number) + 1
    const rows = new Map<Field, number>()
    counts.forEach((count, code) => {
      for (const field of count === 0 ? [] : this.page.orderOf(code).fields) {
        if (this.page.columnOf(field) < 0) rows.set(field, (rows.get(field) ?? 0) + count)
      }
    })
    return rows
  }

  #begin(): void {
    if (this.page.renew()) this.#forget()
    this.#heap.begin()
    this.#rest.begin()
    if (this.#isBegun) this.#cells.clearStates(this.rowCount)
    this.#isBegun = true
    this.#documents++
  }

  #forget(): void {
    this.#cells.forget()
    this.#shapes.forget()
    this.#copies = []
    this.#metIn = []
  }

  /** From here on the document's fields are compared with those before: they come in an order that nobody has seen. */
  #mark(order: FieldOrder): void {
    for (let each = order; each.parent !== undefined; each = each.parent) this.#metIn[each.field.id] = this.#documents
  }

  /** `order` and the field whose name stands in `source[from, to)`. */
  #orderWith(order: FieldOrder, source: Uint8Array, from: number, to: number): FieldOrder {
    const field = this.names.fieldOf(source, from, to)
    if (this.#metIn[field.id] === this.#documents) throw corrupt('a field is given twice', from)
    return this.names.with(order, field)
  }

  /** The code here of a shape that has a code there. */
  #sameCode({ codes }: CellCopies, fromCode: number, order: FieldOrder): number {
    const known = codes[fromCode]
    if (known !== undefined) return known
    const code = this.#shapes.codeOf(order)
    // A shape that found no room is asked for again: the event may be refused, and the next one be smaller.
    if (code >= 0) codes[fromCode] = code
    return code
  }

  #setAbsent(code: number): void {
    const absent = this.#shapes.absentColumns(code)
    for (let index = 0; index < absent.length; index++) this.#cells.setState(this.rowCount, absent[index] as number, layout.STATE_ABSENT)
  }

  #copyCells(page: OpenPage, fromRow: number, fromCode: number): CellCopies {
    const copies = (this.#copies[page.view.sibling] ??= cellCopies(page, this.page, this.#cells))
    copyValues(copies, page.view, fromRow, this.view, this.rowCount)
    if (page.hasStates) {
      this.page.hasStates = true
      copyStates(copies, page.view, fromRow, this.view, this.rowCount)
    }
    for (let index = 0; index < copies.missing.length; index++) this.#copyMissing(page, fromCode, copies.missing[index] as number)
    return copies
  }

  /** A field without a column there stands in the rest, if it is there at all. */
  #copyMissing(page: OpenPage, fromCode: number, index: number): void {
    const isThere = page.orderOf(fromCode).positionOf(this.page.fieldOfColumn(index)) >= 0
    if (isThere) this.#cells.setInRest(this.rowCount, index)
    else this.#cells.setState(this.rowCount, index, layout.STATE_ABSENT)
  }

  #commit(seq: number, ordinal: number, code: number, rest: number, previous: number): boolean {
    // The states of the row are as before for whoever comes next: nobody does, the chunk is closed.
    if (this.#heap.isFull) return false
    this.#heap.keep()
    this.#isBegun = false
    const row = this.rowCount++
    const { view } = this
    const { i32 } = view
    i32[view.beginAt + row] = seq - view.seqBase
    i32[view.endAt + row] = layout.OPEN_END
    i32[view.ordinalAt + row] = ordinal
    i32[view.previousAt + row] = previous
    i32[view.restAt + row] = rest
    if (rest !== 0) this.page.hasRests = true
    view.u16[view.shapeAt + row] = code
    const alive = view.head + layout.ALIVE_COUNT
    i32[alive] = (i32[alive] as number) + 1
    return true
  }
}

function fieldsOf(source: Uint8Array, from: number): number {
  const count = fieldCount(source, from)
  if (count > layout.FIELDS_MAX) throw tooManyFields(count)
  return count
}

/** Where the heap of a fresh chunk ends: behind its key range and the names of its columns. */
function namesEnd(view: PageView): number {
  const last = view.columns[view.columns.length - 1]
  if (last !== undefined) return last.nameAt - view.at + last.nameBytes
  const key = view.word(layout.HIGH_KEY) || view.word(layout.LOW_KEY)
  return key + 2 + (view.word(layout.HIGH_KEY) === 0 ? view.lowKey : (view.highKey as Uint8Array)).length
}

function tooManyFields(seen: number): DriftError {
  return new DriftError('NOT_SUPPORTED', `version pages hold documents of ${layout.FIELDS_MAX} fields at most, this has ${seen}`, {
    limit: layout.FIELDS_MAX,
    seen
  })
}

function corrupt(found: string, offset: number): DriftError {
  return new DriftError('CORRUPT', `payload at offset ${offset}: ${found}`, { offset, found })
}
