/**
 * Values of a document into the cells of a chunk's columns, from msgpack, one at a time. What is asked for each value stands in a table by
 * field, so that a row of eight fields looks at two lines of the cache for it.
 */
import { textEnd, textHeadBytes } from '../codec/document-shape.js'
import { KEY_TEXT, writeKeyPayload } from '../codec/key-codec.js'
import { copyBytes, sameBytes } from '../codec/unaligned.js'
import { type ChunkHeap } from './chunk-heap.js'
import { type Field } from './field-names.js'
import { type KeyTable } from './key-table.js'
import { type OpenPage } from './open-page.js'
import * as layout from './page-layout.js'
import { type ColumnView, type PageView, writeTextLength } from './page-view.js'
import { numberAt, sameValue, timeAt } from './payload.js'
import { type TextDictionary } from './text-dictionary.js'
import { classOfHead, NUMBER_BYTES } from './value-head.js'

/** Words of the table for each field: class, index of the column, of row 0's value, of row 0's state. */
const FIELD_WORDS = 4
const INDEX = 1
const DATA_AT = 2
const STATES_AT = 3
const FIRST_FIELDS = 16
/** Fields with a larger id share one entry, which is looked up each time: there may be very many. */
const FIELDS_MAX = 1024

/** In the place of a class. */
const UNKNOWN = -1
const NO_COLUMN = -2

const payload = new Uint8Array(1100)
const canonical = new Uint8Array(1100)

export class ChunkCells {
  readonly #page: OpenPage
  readonly #view: PageView
  readonly #heap: ChunkHeap
  readonly #keys: KeyTable
  readonly #dictionaries: (TextDictionary | undefined)[]
  readonly #sibling: number
  readonly #flagsAt: Int32Array
  #fieldCount = 0
  #fields = new Int32Array(0)

  constructor(page: OpenPage, heap: ChunkHeap, keys: KeyTable) {
    const { view, names } = page
    this.#page = page
    this.#view = view
    this.#heap = heap
    this.#keys = keys
    this.#sibling = view.sibling << layout.SIBLING_SHIFT
    this.#dictionaries = view.columns.map(({ dictionary }, index) =>
      dictionary === 0 ? undefined : names.dictionaryOf(page.fieldOfColumn(index).name)
    )
    this.#flagsAt = Int32Array.from(view.columns, ({ entryAt }) => entryAt + layout.FLAGS)
  }

  /** After the names of fields were given up. */
  forget(): void {
    this.#fieldCount = 0
    this.#fields = new Int32Array(0)
  }

  /** Numbers of a chunk without rows are all integers. */
  setFirstFlags(): void {
    for (const { valueClass, index } of this.#view.columns) {
      if (valueClass === layout.CLASS_NUMBER) this.setFlag(index, 0, layout.ALL_INTEGERS)
    }
  }

  setFlag(column: number, cleared: number, set: number): void {
    const at = this.#flagsAt[column] as number
    const { i32 } = this.#view
    i32[at] = ((i32[at] as number) & ~cleared) | set
  }

  setState(row: number, column: number, state: number): void {
    this.#page.hasStates = true
    this.#view.u8[(this.#view.columns[column] as ColumnView).statesAt + row] = state
  }

  /** The row's value in a column stands in its rest. */
  setInRest(row: number, column: number): void {
    this.setState(row, column, layout.STATE_REST)
    this.setFlag(column, 0, layout.HAS_REST)
  }

  /** A row that was begun and refused may have left states behind. */
  clearStates(row: number): void {
    for (const { statesAt } of this.#view.columns) this.#view.u8[statesAt + row] = layout.STATE_VALUE
  }

  /**
   * Puts the value at `at` into the field's column and returns the offset behind it; -1 where it belongs into the rest. `data` shows the
   * bytes of `source`, and the document ends at `to`.
   */
  set(row: number, field: Field, ordinal: number, source: Uint8Array, data: DataView, at: number, to: number): number {
    let entry = field.id * FIELD_WORDS
    if (field.id >= this.#fieldCount || (this.#fields[entry] as number) === UNKNOWN) entry = this.#enter(field)
    const fields = this.#fields
    const valueClass = fields[entry] as number
    if (valueClass === NO_COLUMN || at >= to) return -1
    const head = source[at] as number
    if (head === 0xc0) {
      this.setState(row, fields[entry + INDEX] as number, layout.STATE_NULL)
      return at + 1
    }
    const { f64, u8 } = this.#view
    const cell = (fields[entry + DATA_AT] as number) + row
    let end = -1
    switch (valueClass) {
      case layout.CLASS_NUMBER:
        if (head < 0x80) {
          f64[cell] = head
          end = at + 1
        } else if (NUMBER_BYTES[head] !== 0 && at + (NUMBER_BYTES[head] as number) <= to) {
          const value = head === 0xcd ? data.getUint16(at + 1) : head === 0xce ? data.getUint32(at + 1) : numberAt(source, at)
          if (value === value) {
            f64[cell] = value
            if (head < 0xcc && !Number.isInteger(value)) this.setFlag(fields[entry + INDEX] as number, layout.ALL_INTEGERS, 0)
            end = at + (NUMBER_BYTES[head] as number)
          }
        }
        break
      case layout.CLASS_TEXT:
        end = this.#setText(cell, fields[entry + INDEX] as number, source, data, at, to)
        break
      case layout.CLASS_TIME: {
        const value = timeAt(source, at)
        if (value === value) {
          f64[cell] = value
          end = at + (head === 0xd6 ? 6 : head === 0xd7 ? 10 : 15)
        }
        break
      }
      case layout.CLASS_BOOLEAN:
        if (head === 0xc2 || head === 0xc3) {
          u8[cell] = head & 1
          end = at + 1
        }
        break
      case layout.CLASS_KEY:
        end = this.#keyEnd(ordinal, source, data, at, to)
        break
      default:
        break
    }
    if (end < 0) {
      this.setInRest(row, fields[entry + INDEX] as number)
      return -1
    }
    // Where no row has another state, all are as the chunk was made.
    if (this.#page.hasStates) u8[(fields[entry + STATES_AT] as number) + row] = layout.STATE_VALUE
    return end
  }

  /** The offset behind a text that is in its cell now; -1 if it is no text, or too long. */
  #setText(cell: number, column: number, source: Uint8Array, data: DataView, at: number, to: number): number {
    const head = source[at] as number
    let from = at + 1
    let end = from + (head & 0x1f)
    if (head < 0xa0 || head >= 0xc0) {
      if (classOfHead(head) !== layout.CLASS_TEXT) return -1
      from = at + textHeadBytes(source, at)
      end = textEnd(source, at)
      if (end - from > layout.INLINE_BYTES_MAX) return -1
    }
    if (end > to) return -1
    const bytes = end - from
    const { i32, u8, data: target } = this.#view
    const code = this.#dictionaries[column]?.codeOf(data, from, bytes) ?? -1
    if (code >= 0) {
      i32[cell] = code
      return end
    }
    const start = this.#heap.reserve(bytes + 2)
    // The row is not written then, whatever its cells hold.
    if (start < 0) return end
    const textAt = writeTextLength(u8, start, bytes)
    copyBytes(data, from, target, textAt, bytes)
    this.#heap.at = textAt + bytes
    i32[cell] = this.#sibling | (start - this.#view.at)
    return end
  }

  /** The offset behind the row's key, written as the encoder writes it; -1 for any other value. */
  #keyEnd(ordinal: number, source: Uint8Array, data: DataView, at: number, to: number): number {
    const { heap } = this.#keys
    const reference = this.#keys.references[ordinal] as number
    const memory = heap.memory(reference)
    const keyAt = heap.index(reference)
    const bytes = (memory[keyAt] as number) | ((memory[keyAt + 1] as number) << 8)
    if (bytes <= 32 && memory[keyAt + 2] === KEY_TEXT) {
      const end = at + bytes
      return end <= to && source[at] === (0xa0 | (bytes - 1)) && sameBytes(data, at + 1, heap.data(reference), keyAt + 3, bytes - 1)
        ? end
        : -1
    }
    for (let index = 0; index < bytes; index++) canonical[index] = memory[keyAt + 2 + index] as number
    const end = at + writeKeyPayload(canonical, bytes, payload, 0)
    return end <= to && sameValue(source, at, payload, 0) ? end : -1
  }

  /** Where the field stands in the table of fields. */
  #enter(field: Field): number {
    const id = Math.min(field.id, FIELDS_MAX)
    if (id * FIELD_WORDS >= this.#fields.length) {
      const fields = new Int32Array(Math.max(FIRST_FIELDS, 2 ** (32 - Math.clz32(id))) * FIELD_WORDS).fill(UNKNOWN)
      fields.set(this.#fields)
      this.#fields = fields
      this.#fieldCount = Math.min(fields.length / FIELD_WORDS, FIELDS_MAX)
    }
    const entry = id * FIELD_WORDS
    const index = this.#page.columnOf(field)
    const column = this.#view.columns[index]
    this.#fields[entry] = column === undefined ? NO_COLUMN : column.valueClass
    this.#fields[entry + INDEX] = index
    this.#fields[entry + DATA_AT] = column === undefined ? 0 : column.dataAt
    this.#fields[entry + STATES_AT] = column === undefined ? 0 : column.statesAt
    return entry
  }
}
