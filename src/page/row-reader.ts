/**
 * Rows of pages back into documents: the msgpack of a row's document is put together from its shape, its cells and its rest, byte for
 * byte as it came in, and decoded by the project's one decoder.
 */
import { assertLaw, DriftError } from '../base/errors.js'
import { decodeDocument, decodeValue } from '../codec/document-codec.js'
import { writeKeyPayload } from '../codec/key-codec.js'
import { skipValue } from '../codec/skip-value.js'
import { type Document, type Value } from '../codec/value.js'
import { type KeyTable } from './key-table.js'
import * as layout from './page-layout.js'
import { type ColumnView, type PageView, textBytes, textFrom } from './page-view.js'
import { writeMapHead, writeNumber, writeTextHead, writeTime } from './payload.js'
import { dictionaryText } from './text-dictionary.js'

/** Where a value lies that is too long for a page: `bytes` bytes at `offset` behind the payload that `frame` names. */
export type ValuePlace = { readonly frame: number; readonly offset: number; readonly bytes: number }

/** Reads the bytes at a place; what the number `frame` means is between whoever applied it and whoever reads. */
export type ReadPlace = (place: ValuePlace) => Uint8Array

const FIRST_ROOM_BYTES = 64 * 1024
/** Room for any number, time or key. */
const SMALL_BYTES = 1024 + 16

export class RowReader {
  readonly keys: KeyTable
  readonly #readPlace: ReadPlace | undefined
  #target = new Uint8Array(FIRST_ROOM_BYTES)
  #canonical = new Uint8Array(1100)

  constructor(keys: KeyTable, readPlace?: ReadPlace) {
    this.keys = keys
    this.#readPlace = readPlace
  }

  /** @throws DriftError CORRUPT if the page is damaged; NOT_SUPPORTED where a value lies elsewhere and nobody can read it. */
  documentOf(page: PageView, row: number): Document {
    const bytes = this.bytesOf(page, row)
    return decodeDocument(this.#target, 0, bytes.length)
  }

  /** The document's msgpack, valid until the next call. */
  bytesOf(page: PageView, row: number): Uint8Array {
    const { i32, u8 } = page
    const record = page.shapeRecordAt(page.shapeCodeOf(row))
    const count = i32[record] as number
    let at = writeMapHead(count, this.#room(0, 8), 0)
    const rest = new RestCursor(page, row)
    for (let position = 0; position < count; position++) {
      const name = page.at + (i32[record + 1 + position * 2] as number)
      const word = i32[record + 2 + position * 2] as number
      const nameBytes = word >>> 16
      const target = this.#room(at, nameBytes)
      for (let index = 0; index < nameBytes; index++) target[at + index] = u8[name + index] as number
      at = this.#writeField(page, row, (word & 0xffff) - 1, position, rest, at + nameBytes)
    }
    return this.#target.subarray(0, at)
  }

  /**
   * The msgpack of the field at `position`, valid until the next call; undefined where it lies in its frame, and then `rest` is at its
   * place. `column` is -1 for a field without one.
   */
  payloadOf(page: PageView, row: number, column: number, position: number, rest: RestCursor): Uint8Array | undefined {
    const view = column < 0 ? undefined : page.columns[column]
    if (view === undefined || stateOf(page, row, view) === layout.STATE_REST) {
      assertLaw(rest.seek(position), 'FMT-8', `field ${position} of a row stands neither in a column nor in its rest`)
      return rest.isPlace ? undefined : rest.memory.subarray(rest.valueAt, rest.valueEnd)
    }
    return this.#target.subarray(0, this.#writeField(page, row, column, position, rest, 0))
  }

  /** Bytes of heap that the row would take in another page, at most. */
  roomOf(page: PageView, row: number): number {
    const { i32 } = page
    const record = page.shapeRecordAt(page.shapeCodeOf(row))
    let bytes = 64
    for (let position = 0; position < (i32[record] as number); position++) {
      const word = i32[record + 2 + position * 2] as number
      bytes += (word >>> 16) + 16
      const column = page.columns[(word & 0xffff) - 1]
      if (column?.valueClass !== layout.CLASS_TEXT || stateOf(page, row, column) !== layout.STATE_VALUE) continue
      this.#textHome(page, cellOf(page, row, column), column.dictionary)
      bytes += this.#textBytes
    }
    const rest = new RestCursor(page, row)
    while (rest.next()) bytes += rest.valueEnd - rest.valueAt
    return bytes
  }

  /** The value of a column in a row; undefined where the document has no such field. */
  valueOf(page: PageView, row: number, column: ColumnView): Value | undefined {
    const state = stateOf(page, row, column)
    if (state === layout.STATE_NULL) return null
    if (state === layout.STATE_ABSENT) return undefined
    if (state === layout.STATE_REST) return this.#restValue(page, row, positionOf(page, row, column))
    const end = this.#writePlain(page, row, column, 0)
    return decodeValue(this.#target.subarray(0, end))
  }

  /** The value of the field with this UTF-8 name where it stands in the row's rest; undefined where it does not. */
  restValueNamed(page: PageView, row: number, name: Uint8Array): Value | undefined {
    const { i32, u8 } = page
    const record = page.shapeRecordAt(page.shapeCodeOf(row))
    const head = name.length < 32 ? 1 : name.length < 256 ? 2 : 3
    for (let position = 0; position < (i32[record] as number); position++) {
      if ((i32[record + 2 + position * 2] as number) >>> 16 !== name.length + head) continue
      const at = page.at + (i32[record + 1 + position * 2] as number) + head
      let index = 0
      while (index < name.length && u8[at + index] === name[index]) index++
      if (index === name.length) return this.#restValue(page, row, position)
    }
    return undefined
  }

  #restValue(page: PageView, row: number, position: number): Value {
    const end = this.#writeRest(new RestCursor(page, row), position, 0)
    return decodeValue(this.#target.subarray(0, end))
  }

  /** The text of a cell of a text column. */
  textOf(page: PageView, cell: number, dictionary: number): string {
    const home = this.#textHome(page, cell, dictionary)
    return Buffer.from(home.subarray(this.#textFrom, this.#textFrom + this.#textBytes)).toString('utf8')
  }

  #textFrom = 0
  #textBytes = 0

  /** The memory that has a cell's text; where in it stands in the two fields above. */
  #textHome(page: PageView, cell: number, dictionary: number): Uint8Array {
    let memory: Uint8Array
    let at: number
    if (cell >>> 0 < layout.DICTIONARY_CODES_MAX) {
      const reference = dictionaryText(this.keys.heap, dictionary, cell)
      memory = this.keys.heap.memory(reference)
      at = this.keys.heap.index(reference)
    } else {
      const home = page.homeOf(cell)
      memory = home.u8
      at = home.at + (cell & layout.OFFSET_MASK)
    }
    this.#textBytes = textBytes(memory, at)
    this.#textFrom = textFrom(memory, at)
    return memory
  }

  #writeField(page: PageView, row: number, column: number, position: number, rest: RestCursor, at: number): number {
    if (column < 0) return this.#writeRest(rest, position, at)
    const view = page.columns[column] as ColumnView
    switch (stateOf(page, row, view)) {
      case layout.STATE_VALUE:
        return this.#writePlain(page, row, view, at)
      case layout.STATE_NULL:
        this.#room(at, 1)[at] = 0xc0
        return at + 1
      case layout.STATE_REST:
        return this.#writeRest(rest, position, at)
      default:
        throw new DriftError('INVARIANT', `FMT-8: row ${row} has no value for a field of its shape`, { law: 'FMT-8' })
    }
  }

  #writePlain(page: PageView, row: number, column: ColumnView, at: number): number {
    const target = this.#room(at, SMALL_BYTES)
    switch (column.valueClass) {
      case layout.CLASS_KEY: {
        const key = this.keys.keyOf(page.ordinalOf(row))
        this.#canonical.set(key)
        return writeKeyPayload(this.#canonical, key.length, target, at)
      }
      case layout.CLASS_BOOLEAN:
        target[at] = page.u8[column.dataAt + row] === 1 ? 0xc3 : 0xc2
        return at + 1
      case layout.CLASS_NUMBER:
        return writeNumber(numberOf(page, row, column), target, at)
      case layout.CLASS_TIME:
        return writeTime(numberOf(page, row, column), target, at)
      case layout.CLASS_TEXT: {
        const memory = this.#textHome(page, cellOf(page, row, column), column.dictionary)
        const bytes = this.#textBytes
        const room = this.#room(at, bytes + 5)
        const from = writeTextHead(bytes, room, at)
        for (let index = 0; index < bytes; index++) room[from + index] = memory[this.#textFrom + index] as number
        return from + bytes
      }
      default:
        throw new DriftError('INVARIANT', `FMT-8: a plain value in a column without class`, { law: 'FMT-8' })
    }
  }

  #writeRest(rest: RestCursor, position: number, at: number): number {
    assertLaw(rest.seek(position), 'FMT-8', `field ${position} of a row stands neither in a column nor in its rest`)
    if (!rest.isPlace) {
      const bytes = rest.valueEnd - rest.valueAt
      this.#room(at, bytes).set(rest.memory.subarray(rest.valueAt, rest.valueEnd), at)
      return at + bytes
    }
    if (this.#readPlace === undefined) {
      throw new DriftError('NOT_SUPPORTED', 'a value lies in its frame, and this reader was given no way to read it', {
        frame: rest.place.frame
      })
    }
    const bytes = this.#readPlace(rest.place)
    this.#room(at, bytes.length).set(bytes, at)
    return at + bytes.length
  }

  #room(at: number, bytes: number): Uint8Array<ArrayBuffer> {
    if (at + bytes > this.#target.length) {
      const larger = new Uint8Array(Math.max(at + bytes, this.#target.length * 2))
      larger.set(this.#target)
      this.#target = larger
    }
    return this.#target
  }
}

/** Where the field of a column stands in the shape of a row that has it. */
function positionOf(page: PageView, row: number, column: ColumnView): number {
  const record = page.shapeRecordAt(page.shapeCodeOf(row))
  let position = 0
  while (((page.i32[record + 2 + position * 2] as number) & 0xffff) - 1 !== column.index) position++
  return position
}

export function stateOf(page: PageView, row: number, column: ColumnView): number {
  return column.statesAt < 0 ? layout.STATE_VALUE : (page.u8[column.statesAt + row] as number)
}

export function numberOf(page: PageView, row: number, column: ColumnView): number {
  const at = column.dataAt + row
  if (column.encoding === layout.ENCODED_F64) return page.f64[at] as number
  return (column.encoding === layout.ENCODED_I32 ? page.i32[at] : page.u8[at]) as number
}

/** Of a text column. */
export function cellOf(page: PageView, row: number, column: ColumnView): number {
  const at = column.dataAt + row
  if (column.encoding === layout.ENCODED_I32) return page.i32[at] as number
  return (column.encoding === layout.ENCODED_U16 ? page.u16[at] : page.u8[at]) as number
}

/** Walks over the rest of one row. */
export class RestCursor {
  readonly memory: Uint8Array
  /** Of the entry that the cursor is at; only after a {@link seek} or {@link next} that said true. */
  position = -1
  isPlace = false
  valueAt = 0
  valueEnd = 0
  #at: number
  #left: number

  constructor(page: PageView, row: number) {
    const cell = page.i32[page.restAt + row] as number
    const home = cell === 0 ? page : page.homeOf(cell)
    this.memory = home.u8
    this.#at = home.at + (cell & layout.OFFSET_MASK)
    this.#left = cell === 0 ? 0 : this.#u16(this.#at)
    this.#at += 2
  }

  next(): boolean {
    if (this.#left === 0) return false
    this.#left--
    const head = this.#u16(this.#at)
    this.isPlace = (head & layout.REST_PLACE) !== 0
    this.position = head & (layout.REST_PLACE - 1)
    this.valueAt = this.#at + 2
    this.valueEnd = this.isPlace ? this.valueAt + layout.PLACE_BYTES : skipValue(this.memory, this.valueAt)
    this.#at = this.valueEnd
    return true
  }

  /** Goes on to the entry of a position; positions are asked for in their order. */
  seek(position: number): boolean {
    while (this.position < position) if (!this.next()) return false
    return this.position === position
  }

  get place(): ValuePlace {
    const bytes = new DataView(this.memory.buffer, this.memory.byteOffset + this.valueAt, layout.PLACE_BYTES)
    return { frame: bytes.getFloat64(0, true), offset: bytes.getUint32(8, true), bytes: bytes.getUint32(12, true) }
  }

  #u16(at: number): number {
    return (this.memory[at] as number) | ((this.memory[at + 1] as number) << 8)
  }
}
