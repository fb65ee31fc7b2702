/**
 * A chunk of a delta, being written: rows in the order of their events, each a whole version. An INSERT is walked field by field from its
 * msgpack straight into columns; a PATCH begins with a copy of the cells of the version before it (texts and rests are referred to, not
 * copied) and overwrites what it changes. No object is made for a row.
 *
 * The columns of a chunk are fixed when it is made: those of the base, and fields that came up since. What finds no column, or no column
 * of its class, goes into the row's rest, until the next chunk or merge has a column for it.
 */
import { DriftError } from '../base/errors.js'
import { fieldCount, firstFieldAt, textEnd, textHeadBytes, valueEnd } from '../codec/document-shape.js'
import { writeKeyPayload } from '../codec/key-codec.js'
import { publishWord } from '../memory/shared-array.js'
import { type Field, type FieldNames, type FieldOrder } from './field-names.js'
import { type KeyTable } from './key-table.js'
import { OpenPage } from './open-page.js'
import { type OpenRange } from './open-range.js'
import { type PageEvent } from './page-event.js'
import * as layout from './page-layout.js'
import { type ColumnView, type PageView, writeTextLength } from './page-view.js'
import { numberAt, sameValue, timeAt } from './payload.js'
import { RestCursor, type RowReader } from './row-reader.js'
import { type TextDictionary } from './text-dictionary.js'

/**
 * How rows of one page are copied into the chunk: pairs of (index of row 0 there, index of row 0 here) for each way to copy a cell. The
 * target of a number is always f64, of a text always i32. One short loop for each way: the cells of a row lie in as many lines of the
 * cache, and the processor waits for all of them at once only where little stands between (measured: half the time of one loop that
 * branches).
 */
type CopyPlan = {
  readonly f64: Int32Array
  readonly i32ToF64: Int32Array
  readonly u8: Int32Array
  readonly i32: Int32Array
  readonly u16ToI32: Int32Array
  readonly u8ToI32: Int32Array
  readonly states: Int32Array
  /** Columns that the page there does not have. */
  readonly missing: readonly number[]
  /** Shape codes here by shape codes there. */
  readonly codes: (number | undefined)[]
}

type RestEntry = {
  readonly position: number
  readonly memory: Uint8Array
  readonly from: number
  readonly to: number
  /** Offset behind the payload of a value that stays in its frame; -1: the bytes are copied. */
  readonly placeOffset: number
}

/** Bytes of a number by its head; 0: no number. */
const NUMBER_BYTES = Uint8Array.from({ length: 256 }, (_, head) => {
  if (head < 0x80 || head >= 0xe0) return 1
  if (head === 0xca) return 5
  if (head === 0xcb) return 9
  return head >= 0xcc && head <= 0xd3 ? 1 + (1 << (head & 3)) : 0
})

/** The class that a value's head asks for. */
export function classOfHead(head: number): number {
  if (NUMBER_BYTES[head] !== 0) return layout.CLASS_NUMBER
  if (head === 0xc2 || head === 0xc3) return layout.CLASS_BOOLEAN
  if ((head >= 0xa0 && head < 0xc0) || (head >= 0xd9 && head <= 0xdb)) return layout.CLASS_TEXT
  return head === 0xd6 || head === 0xd7 || head === 0xc7 ? layout.CLASS_TIME : layout.CLASS_UNTYPED
}

const payload = new Uint8Array(1100)
const canonical = new Uint8Array(1100)

export class DeltaChunk extends OpenPage {
  readonly #keys: KeyTable
  readonly #dictionaries: (TextDictionary | undefined)[]
  readonly #flagsAt: Int32Array
  #rows: number
  readonly #heapStart: number
  #heapAt: number
  readonly #heapLimit: number
  readonly #sibling: number
  #codes = new Map<FieldOrder, number>()
  /** By shape code: columns of fields that it does not have. */
  readonly #absent: (number[] | undefined)[] = []
  #lastOrder: FieldOrder | undefined
  #lastCode = 0
  #shapeCount: number
  #nameReferences: (number | undefined)[] = []
  #plans: (CopyPlan | undefined)[] = []
  #rest: RestEntry[] = []
  /** Which document a field was met in last, by field id: finds a field that is given twice. */
  #metIn: number[] = []
  #documents = 0
  /** A row was begun and is not there yet. */
  #isBegun = false
  /** Set where the heap has no room for the row being written. */
  #isFull = false

  /** A chunk of a snapshot, which has rows, goes on with them. */
  constructor(view: PageView, names: FieldNames, number: number, range: OpenRange, keys: KeyTable) {
    super(view, names, number, range)
    this.#rows = view.rowCount
    this.#shapeCount = view.shapeCount
    this.#keys = keys
    this.#sibling = view.sibling << layout.SIBLING_SHIFT
    this.#heapStart = namesEnd(view)
    this.#heapAt = view.at + view.heapEnd
    this.#heapLimit = Math.min(view.word(layout.HEAP_LIMIT), layout.PAGE_BYTES_MAX)
    this.#dictionaries = view.columns.map((column) =>
      column.dictionary === 0 ? undefined : names.dictionaryOf(Buffer.from(this.#nameOf(column.index)).toString('utf8'))
    )
    this.#flagsAt = Int32Array.from(view.columns, ({ entryAt }) => entryAt + layout.FLAGS)
    if (this.#rows > 0) {
      this.hasStates = true
      return
    }
    view.columns.forEach(({ valueClass }, column) => {
      if (valueClass === layout.CLASS_NUMBER) view.i32[this.#flagsAt[column] as number] = layout.ALL_INTEGERS
    })
  }

  get rowCount(): number {
    return this.#rows
  }

  /** Heap bytes used so far. */
  get heapBytes(): number {
    return this.view.heapEnd - this.#heapStart
  }

  get hasRows(): boolean {
    return this.#rows < this.view.rowCapacity
  }

  /**
   * Writes the row of an INSERT; false where the heap has no room for it, and then nothing is written.
   * @throws DriftError CORRUPT if the payload is no document; NOT_SUPPORTED if it has more fields than a page can hold.
   */
  insert(event: PageEvent, previous: number): boolean {
    const { source, from } = event
    if (this.renew()) this.#forget()
    this.#begin()
    const row = this.#rows
    const count = this.#fieldCount(source, from)
    let at = firstFieldAt(source, from)
    let order = this.names.empty
    const document = ++this.#documents
    for (let position = 0; position < count; position++) {
      const { last } = order
      let valueAt = last === undefined ? -1 : last.field.nameEnd(source, at)
      if (valueAt < 0) {
        valueAt = textEnd(source, at)
        order = this.#orderWith(order, source, at, valueAt, document)
      } else order = last as FieldOrder
      this.#metIn[order.field.id] = document
      at = this.#setCell(row, order.field, position, event, valueAt)
    }
    if (at !== event.to) throw corrupt('bytes behind the document', at)
    const code = this.#codeOf(order)
    if (code >= 0) this.#setAbsent(code)
    const rest = this.#rest.length === 0 ? 0 : this.#writeRest(event)
    return this.#commit(event, code, rest, previous)
  }

  /** The same for a PATCH of the version in `row` of `source`. */
  patch(event: PageEvent, page: OpenPage, fromRow: number, previous: number): boolean {
    if (this.renew()) this.#forget()
    page.renew()
    this.#begin()
    const { source, from } = event
    const fromCode = page.view.shapeCodeOf(fromRow)
    const plan = this.#copyCells(page, fromRow, fromCode)
    const before = page.orderOf(fromCode)
    let order = before
    const count = this.#fieldCount(source, from)
    let at = firstFieldAt(source, from)
    let guess: FieldOrder = this.names.empty
    const document = ++this.#documents
    for (let index = 0; index < count; index++) {
      const { last } = guess
      let valueAt = last === undefined ? -1 : last.field.nameEnd(source, at)
      if (valueAt < 0) {
        valueAt = textEnd(source, at)
        guess = this.#orderWith(guess, source, at, valueAt, document)
      } else guess = last as FieldOrder
      const { field } = guess
      this.#metIn[field.id] = document
      let position = order.positionOf(field)
      if (position < 0) {
        position = order.count
        order = this.names.with(order, field)
        if (order.count > layout.FIELDS_MAX) throw tooManyFields(order.count)
      }
      at = this.#setCell(this.#rows, field, position, event, valueAt)
    }
    if (at !== event.to) throw corrupt('bytes behind the patch', at)
    const code = order === before ? (plan.codes[fromCode] ??= this.#codeOf(order)) : this.#codeOf(order)
    let rest = page.view.i32[page.view.restAt + fromRow] as number
    // What a patch puts into a column may leave its old value in the rest: nobody looks for it there.
    if (this.#rest.length > 0) {
      this.#addRestOf(page, fromRow)
      rest = this.#writeRest(event)
    }
    return this.#commit(event, code, rest, previous)
  }

  /** `order` and the field whose name stands in `source[from, to)`. */
  #orderWith(order: FieldOrder, source: Uint8Array, from: number, to: number, document: number): FieldOrder {
    const field = this.names.fieldOf(source, from, to)
    if (this.#metIn[field.id] === document) throw corrupt('a field is given twice', from)
    return this.names.with(order, field)
  }

  /**
   * Takes over a row of another rectangle as it is, its end included, value by value; false where the heap has no room.
   * `event` says its seq and ordinal.
   */
  take(event: PageEvent, view: PageView, fromRow: number, reader: RowReader, previous: number): boolean {
    if (this.renew()) this.#forget()
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
        const index = this.columnOf(field)
        if (index >= 0) {
          this.#setState(index, layout.STATE_REST)
          this.#setFlag(index, 0, layout.HAS_REST)
        }
        const { memory, valueAt, valueEnd: to } = cursor
        this.#rest.push({ position, memory, from: valueAt, to, placeOffset: -2 })
      } else {
        const copy = bytes.slice()
        this.#setCell(this.#rows, field, position, { ...event, source: copy, from: 0, to: copy.length, frame: -1 }, 0)
      }
    }
    const code = this.#codeOf(order)
    if (code >= 0) this.#setAbsent(code)
    const rest = this.#rest.length === 0 ? 0 : this.#writeRest(event)
    return this.#commit(event, code, rest, previous)
  }

  #setAbsent(code: number): void {
    const absent = (this.#absent[code] ??= this.#absentOf(code))
    for (let index = 0; index < absent.length; index++) this.#setState(absent[index] as number, layout.STATE_ABSENT)
  }

  /** The columns whose fields a shape does not have. */
  #absentOf(code: number): number[] {
    const there = new Set(this.orderOf(code).fields.map((field) => this.columnOf(field)))
    return this.view.columns.map(({ index }) => index).filter((index) => !there.has(index))
  }

  /** How many rows have each field that has no column. */
  fieldsWithoutColumn(): Map<Field, number> {
    const { view } = this
    const counts = new Int32Array(view.shapeCount)
    for (let row = 0; row < this.#rows; row++) counts[view.shapeCodeOf(row)] = (counts[view.shapeCodeOf(row)] as number) + 1
    const rows = new Map<Field, number>()
    counts.forEach((count, code) => {
      for (const field of count === 0 ? [] : this.orderOf(code).fields) {
        if (this.columnOf(field) < 0) rows.set(field, (rows.get(field) ?? 0) + count)
      }
    })
    return rows
  }

  #begin(): void {
    this.#heapAt = this.view.at + this.view.heapEnd
    this.#isFull = false
    // A row that was begun and refused may have left states behind.
    if (this.#isBegun) for (const { statesAt } of this.view.columns) this.view.u8[statesAt + this.#rows] = layout.STATE_VALUE
    this.#isBegun = true
    // Setting a length costs more than looking at it.
    if (this.#rest.length > 0) this.#rest.length = 0
  }

  #forget(): void {
    this.#codes = new Map()
    this.#lastOrder = undefined
    this.#nameReferences = []
    this.#plans = []
    this.#metIn = []
  }

  #fieldCount(source: Uint8Array, from: number): number {
    const count = fieldCount(source, from)
    if (count > layout.FIELDS_MAX) throw tooManyFields(count)
    return count
  }

  #commit({ seq, ordinal }: PageEvent, code: number, rest: number, previous: number): boolean {
    if (this.#isFull) {
      // The states of the row are as before for whoever comes next: nobody does, the chunk is closed.
      return false
    }
    const { view } = this
    this.#isBegun = false
    const row = this.#rows++
    const offset = seq - view.seqBase
    view.i32[view.beginAt + row] = offset
    view.i32[view.endAt + row] = layout.OPEN_END
    view.i32[view.ordinalAt + row] = ordinal
    view.i32[view.previousAt + row] = previous
    view.i32[view.restAt + row] = rest
    view.u16[view.shapeAt + row] = code
    const { head } = view
    if (row === 0) view.i32[head + layout.BEGIN_MIN] = offset
    view.i32[head + layout.BEGIN_MAX] = offset
    view.i32[head + layout.END_MAX] = layout.OPEN_END
    view.i32[head + layout.ALIVE_COUNT] = (view.i32[head + layout.ALIVE_COUNT] as number) + 1
    view.i32[head + layout.HEAP_END] = this.#heapAt - view.at
    publishWord(view.i32, head + layout.ROW_COUNT, this.#rows)
    return true
  }

  /** Puts the value at `at` into the row; returns the offset behind it. */
  #setCell(row: number, field: Field, position: number, event: PageEvent, at: number): number {
    const { source } = event
    const index = this.columnOf(field)
    if (index < 0) return this.#setRest(field, position, event, at)
    const { view } = this
    const column = view.columns[index] as ColumnView
    const head = source[at] as number
    if (head === 0xc0) {
      this.#setState(index, layout.STATE_NULL)
      return at + 1
    }
    const end = this.#setPlain(row, column, head, event, at)
    if (end < 0) {
      this.#setState(index, layout.STATE_REST)
      this.#setFlag(index, 0, layout.HAS_REST)
      return this.#setRest(field, position, event, at)
    }
    // Where no row has another state, all are as the chunk was made.
    if (this.hasStates) view.u8[column.statesAt + row] = layout.STATE_VALUE
    return end
  }

  /** Puts a value of the column's class into its cell and returns the offset behind it; -1 for any other value. */
  #setPlain(row: number, column: ColumnView, head: number, event: PageEvent, at: number): number {
    const { source } = event
    const { view } = this
    switch (column.valueClass) {
      case layout.CLASS_NUMBER: {
        const value = head < 0x80 ? head : numberAt(source, at)
        if (value !== value) return -1
        view.f64[column.dataAt + row] = value
        if (!Number.isInteger(value)) this.#setFlag(column.index, layout.ALL_INTEGERS, 0)
        return at + (NUMBER_BYTES[head] as number)
      }
      case layout.CLASS_TEXT: {
        let from = at + 1
        let end = from + (head & 0x1f)
        if (head < 0xa0 || head >= 0xc0) {
          if (classOfHead(head) !== layout.CLASS_TEXT) return -1
          from = at + textHeadBytes(source, at)
          end = textEnd(source, at)
          if (end - from > layout.INLINE_BYTES_MAX) return -1
        }
        view.i32[column.dataAt + row] = this.#textCell(column.index, source, from, end - from)
        return end
      }
      case layout.CLASS_TIME: {
        const value = timeAt(source, at)
        if (value !== value) return -1
        view.f64[column.dataAt + row] = value
        return at + (head === 0xd6 ? 6 : head === 0xd7 ? 10 : 15)
      }
      case layout.CLASS_BOOLEAN:
        if (head !== 0xc2 && head !== 0xc3) return -1
        view.u8[column.dataAt + row] = head & 1
        return at + 1
      case layout.CLASS_KEY: {
        const bytes = this.#keyPayload(event.ordinal)
        return at + bytes <= event.to && sameValue(source, at, payload, 0) ? at + bytes : -1
      }
      default:
        return -1
    }
  }

  #setRest(field: Field, position: number, event: PageEvent, at: number): number {
    const { source } = event
    const end = valueEnd(source, at)
    const valueClass = classOfHead(source[at] as number)
    const isLong = end - at > layout.INLINE_BYTES_MAX
    if (valueClass !== layout.CLASS_UNTYPED && !isLong) field.classSeen = valueClass
    this.#rest.push({ position, memory: source, from: at, to: end, placeOffset: isLong && event.frame >= 0 ? at - event.from : -1 })
    return end
  }

  #setFlag(column: number, cleared: number, set: number): void {
    const at = this.#flagsAt[column] as number
    this.view.i32[at] = ((this.view.i32[at] as number) & ~cleared) | set
  }

  #textCell(column: number, source: Uint8Array, from: number, bytes: number): number {
    const code = this.#dictionaries[column]?.codeOf(source, from, bytes) ?? -1
    if (code >= 0) return code
    const at = this.#reserve(bytes + 2)
    if (at < 0) return 0
    const { u8 } = this.view
    const target = writeTextLength(u8, at, bytes)
    for (let index = 0; index < bytes; index++) u8[target + index] = source[from + index] as number
    this.#heapAt = target + bytes
    return this.#sibling | (at - this.view.at)
  }

  /** The key of the row as msgpack, in `payload`. */
  #keyPayload(ordinal: number): number {
    const { heap } = this.#keys
    const reference = this.#keys.references[ordinal] as number
    const memory = heap.memory(reference)
    const at = heap.index(reference)
    const bytes = (memory[at] as number) | ((memory[at + 1] as number) << 8)
    for (let index = 0; index < bytes; index++) canonical[index] = memory[at + 2 + index] as number
    return writeKeyPayload(canonical, bytes, payload, 0)
  }

  #copyCells(page: OpenPage, fromRow: number, fromCode: number): CopyPlan {
    const from = page.view
    const plan = this.#plans[from.sibling] ?? this.#planFor(page)
    const { u8, i32, f64 } = this.view
    const row = this.#rows
    let pairs = plan.i32
    for (let at = 0; at < pairs.length; at += 2) i32[(pairs[at + 1] as number) + row] = from.i32[(pairs[at] as number) + fromRow] as number
    pairs = plan.f64
    for (let at = 0; at < pairs.length; at += 2) f64[(pairs[at + 1] as number) + row] = from.f64[(pairs[at] as number) + fromRow] as number
    pairs = plan.i32ToF64
    for (let at = 0; at < pairs.length; at += 2) f64[(pairs[at + 1] as number) + row] = from.i32[(pairs[at] as number) + fromRow] as number
    pairs = plan.u8ToI32
    for (let at = 0; at < pairs.length; at += 2) i32[(pairs[at + 1] as number) + row] = from.u8[(pairs[at] as number) + fromRow] as number
    pairs = plan.u16ToI32
    for (let at = 0; at < pairs.length; at += 2) i32[(pairs[at + 1] as number) + row] = from.u16[(pairs[at] as number) + fromRow] as number
    pairs = plan.u8
    for (let at = 0; at < pairs.length; at += 2) u8[(pairs[at + 1] as number) + row] = from.u8[(pairs[at] as number) + fromRow] as number
    if (page.hasStates) {
      this.hasStates = true
      pairs = plan.states
      for (let at = 0; at < pairs.length; at += 2) u8[(pairs[at + 1] as number) + row] = from.u8[(pairs[at] as number) + fromRow] as number
    }
    for (let index = 0; index < plan.missing.length; index++) this.#copyMissing(page, fromCode, plan.missing[index] as number)
    return plan
  }

  /** A field without a column there stands in the rest, if it is there at all. */
  #copyMissing(page: OpenPage, fromCode: number, index: number): void {
    const isThere = page.orderOf(fromCode).positionOf(this.fieldOfColumn(index)) >= 0
    if (isThere) this.#setFlag(index, 0, layout.HAS_REST)
    this.#setState(index, isThere ? layout.STATE_REST : layout.STATE_ABSENT)
  }

  #setState(column: number, state: number): void {
    this.hasStates = true
    this.view.u8[(this.view.columns[column] as ColumnView).statesAt + this.#rows] = state
  }

  #planFor(page: OpenPage): CopyPlan {
    const ways: Record<CopyWay | 'states', number[]> = { f64: [], i32ToF64: [], u8: [], i32: [], u16ToI32: [], u8ToI32: [], states: [] }
    const missing: number[] = []
    for (const column of page.view.columns) {
      if (this.columnOf(page.fieldOfColumn(column.index)) < 0) throw planFault('a column is missing')
    }
    this.view.columns.forEach((column, index) => {
      const other = page.view.columnNamed(this.fieldOfColumn(index).name)
      if (other === undefined) {
        missing.push(index)
        return
      }
      if (other.valueClass !== column.valueClass && other.valueClass !== layout.CLASS_UNTYPED) throw planFault('a column changed its class')
      const way = wayOf(other.valueClass, other.encoding)
      if (way !== undefined) ways[way].push(other.dataAt, column.dataAt)
      if (other.statesAt >= 0) ways.states.push(other.statesAt, column.statesAt)
      // What is all integers, or without rests, stays so only if it was there: the flags of any page but this one are final.
      if (other.valueClass === layout.CLASS_NUMBER && (other.flags & layout.ALL_INTEGERS) === 0)
        this.#setFlag(index, layout.ALL_INTEGERS, 0)
      if ((other.flags & layout.HAS_REST) !== 0) this.#setFlag(index, 0, layout.HAS_REST)
    })
    const plan: CopyPlan = {
      f64: Int32Array.from(ways.f64),
      i32ToF64: Int32Array.from(ways.i32ToF64),
      u8: Int32Array.from(ways.u8),
      i32: Int32Array.from(ways.i32),
      u16ToI32: Int32Array.from(ways.u16ToI32),
      u8ToI32: Int32Array.from(ways.u8ToI32),
      states: Int32Array.from(ways.states),
      missing,
      codes: []
    }
    this.#plans[page.view.sibling] = plan
    return plan
  }

  #codeOf(order: FieldOrder): number {
    if (order === this.#lastOrder) return this.#lastCode
    const code = this.#codes.get(order) ?? this.#addShape(order)
    if (code >= 0) {
      this.#lastOrder = order
      this.#lastCode = code
    }
    return code
  }

  #addShape(order: FieldOrder): number {
    const { view } = this
    const { i32 } = view
    const { fields } = order
    const names = fields.map((field) => this.#nameReferenceOf(field))
    const code = this.#shapeCount
    if (code > 0xffff) this.#isFull = true
    if (this.#isFull) return -1
    let capacity = view.word(layout.SHAPE_CAPACITY)
    if (code === capacity) {
      capacity = Math.max(4, capacity * 2)
      const table = this.#reserve(capacity * 4, 4)
      if (table < 0) return -1
      this.#heapAt = table + capacity * 4
      for (let each = 0; each < code; each++) i32[table / 4 + each] = view.shapeRecordAt(each) * 4 - view.at
      view.setWord(layout.SHAPE_TABLE, table - view.at)
      view.setWord(layout.SHAPE_CAPACITY, capacity)
      // The table stays, whatever becomes of the row that asked for it.
      view.setWord(layout.HEAP_END, this.#heapAt - view.at)
    }
    const record = this.#reserve(4 + fields.length * layout.SHAPE_FIELD_WORDS * 4, 4)
    if (record < 0) return -1
    this.#heapAt = record + 4 + fields.length * layout.SHAPE_FIELD_WORDS * 4
    i32[record / 4] = fields.length
    for (let position = 0; position < fields.length; position++) {
      const field = fields[position] as Field
      i32[record / 4 + 1 + position * 2] = names[position] as number
      i32[record / 4 + 2 + position * 2] = (field.encoded.length << 16) | (this.columnOf(field) + 1)
    }
    i32[(view.at + view.word(layout.SHAPE_TABLE)) / 4 + code] = record - view.at
    this.#shapeCount = code + 1
    view.setWord(layout.SHAPE_COUNT, this.#shapeCount)
    view.setWord(layout.HEAP_END, this.#heapAt - view.at)
    this.#codes.set(order, code)
    this.setOrder(code, order)
    return code
  }

  #nameReferenceOf(field: Field): number {
    const known = this.#nameReferences[field.id]
    if (known !== undefined) return known
    const column = this.columnOf(field)
    if (column >= 0) {
      const { nameAt } = this.view.columns[column] as ColumnView
      return (this.#nameReferences[field.id] = nameAt - this.view.at)
    }
    const at = this.#reserve(field.encoded.length)
    if (at < 0) return 0
    this.view.u8.set(field.encoded, at)
    this.#heapAt = at + field.encoded.length
    return (this.#nameReferences[field.id] = at - this.view.at)
  }

  /** What the row before has in its rest and the patch does not change. */
  #addRestOf(page: OpenPage, row: number): void {
    const patched = new Set(this.#rest.map(({ position }) => position))
    const cursor = new RestCursor(page.view, row)
    while (cursor.next()) {
      if (patched.has(cursor.position)) continue
      const { position, memory, valueAt, valueEnd: to, isPlace } = cursor
      this.#rest.push({ position, memory, from: valueAt, to, placeOffset: isPlace ? -2 : -1 })
    }
  }

  #writeRest(event: PageEvent): number {
    const entries = this.#rest
    entries.sort((one, other) => one.position - other.position)
    let bytes = 2
    for (const { from, to, placeOffset } of entries) bytes += 2 + (placeOffset >= 0 ? layout.PLACE_BYTES : to - from)
    const start = this.#reserve(bytes)
    if (start < 0) return 0
    const { u8 } = this.view
    const words = new DataView(u8.buffer, start, bytes)
    words.setUint16(0, entries.length, true)
    let at = 2
    for (const { position, memory, from, to, placeOffset } of entries) {
      words.setUint16(at, placeOffset === -1 ? position : position | layout.REST_PLACE, true)
      at += 2
      if (placeOffset >= 0) {
        words.setFloat64(at, event.frame, true)
        words.setUint32(at + 8, placeOffset, true)
        words.setUint32(at + 12, to - from, true)
        at += layout.PLACE_BYTES
      } else {
        u8.set(memory.subarray(from, to), start + at)
        at += to - from
      }
    }
    this.#heapAt = start + bytes
    return this.#sibling | (start - this.view.at)
  }

  /** Index of `bytes` free bytes of the heap, or -1. They are taken by moving {@link #heapAt} behind them. */
  #reserve(bytes: number, alignment: 1 | 4 = 1): number {
    const at = (this.#heapAt + alignment - 1) & -alignment
    if (at - this.view.at + bytes <= this.#heapLimit) return at
    this.#isFull = true
    return -1
  }

  #nameOf(column: number): Uint8Array {
    const { nameAt, nameBytes } = this.view.columns[column] as ColumnView
    const head = textHeadBytes(this.view.u8, nameAt)
    return this.view.u8.slice(nameAt + head, nameAt + nameBytes)
  }
}

/** Where the heap of a fresh chunk ends: behind its key range and the names of its columns. */
function namesEnd(view: PageView): number {
  const last = view.columns[view.columns.length - 1]
  if (last !== undefined) return last.nameAt - view.at + last.nameBytes
  const key = view.word(layout.HIGH_KEY) || view.word(layout.LOW_KEY)
  return key + 2 + (view.word(layout.HIGH_KEY) === 0 ? view.lowKey : (view.highKey as Uint8Array)).length
}

type CopyWay = 'f64' | 'i32ToF64' | 'u8' | 'i32' | 'u16ToI32' | 'u8ToI32'

function wayOf(valueClass: number, encoding: number): CopyWay | undefined {
  switch (valueClass) {
    case layout.CLASS_NUMBER:
    case layout.CLASS_TIME:
      return encoding === layout.ENCODED_F64 ? 'f64' : 'i32ToF64'
    case layout.CLASS_BOOLEAN:
      return 'u8'
    case layout.CLASS_TEXT:
      return encoding === layout.ENCODED_I32 ? 'i32' : encoding === layout.ENCODED_U16 ? 'u16ToI32' : 'u8ToI32'
    default:
      return undefined
  }
}

function planFault(what: string): DriftError {
  return new DriftError('INVARIANT', `FMT-8: a chunk cannot take over rows of its rectangle: ${what}`, { law: 'FMT-8' })
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
