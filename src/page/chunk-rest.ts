import { valueEnd } from '../codec/document-shape.js'
import { type ChunkHeap } from './chunk-heap.js'
import { type Field } from './field-names.js'
import { type PageEvent } from './page-event.js'
import * as layout from './page-layout.js'
import { type PageView } from './page-view.js'
import { RestCursor } from './row-reader.js'
import { classOfHead } from './value-head.js'

type RestEntry = {
  readonly position: number
  readonly memory: Uint8Array
  readonly from: number
  readonly to: number
  /** Offset behind the payload of a value that stays in its frame; `COPIED`: the bytes are copied; `PLACE`: they are a place. */
  readonly placeOffset: number
}

const COPIED = -1
const PLACE = -2

/** What the row being written has that finds no column, or no column of its class. */
export class ChunkRest {
  readonly #view: PageView
  readonly #heap: ChunkHeap
  readonly #sibling: number
  readonly #entries: RestEntry[] = []

  constructor(view: PageView, heap: ChunkHeap) {
    this.#view = view
    this.#heap = heap
    this.#sibling = view.sibling << layout.SIBLING_SHIFT
  }

  get isEmpty(): boolean {
    return this.#entries.length === 0
  }

  begin(): void {
    // Setting a length costs more than looking at it.
    if (this.#entries.length > 0) this.#entries.length = 0
  }

  /** Adds the value at `at`; returns the offset behind it. */
  add(field: Field, position: number, event: PageEvent, at: number): number {
    const { source } = event
    const end = valueEnd(source, at)
    const valueClass = classOfHead(source[at] as number)
    const isLong = end - at > layout.INLINE_BYTES_MAX
    if (valueClass !== layout.CLASS_UNTYPED && !isLong) field.classSeen = valueClass
    this.#entries.push({ position, memory: source, from: at, to: end, placeOffset: isLong && event.frame >= 0 ? at - event.from : COPIED })
    return end
  }

  /** The place at which another row's rest stands. */
  addPlace(position: number, { memory, valueAt, valueEnd: to }: RestCursor): void {
    this.#entries.push({ position, memory, from: valueAt, to, placeOffset: PLACE })
  }

  /** What a row has in its rest and the one being written does not change. */
  addRestOf(page: PageView, row: number): void {
    const patched = new Set(this.#entries.map(({ position }) => position))
    const cursor = new RestCursor(page, row)
    while (cursor.next()) {
      if (patched.has(cursor.position)) continue
      const { position, memory, valueAt, valueEnd: to, isPlace } = cursor
      this.#entries.push({ position, memory, from: valueAt, to, placeOffset: isPlace ? PLACE : COPIED })
    }
  }

  /** Writes all; returns its reference, 0 where there is no room. */
  write(frame: number): number {
    const entries = this.#entries
    entries.sort((one, other) => one.position - other.position)
    let bytes = 2
    for (const { from, to, placeOffset } of entries) bytes += 2 + (placeOffset >= 0 ? layout.PLACE_BYTES : to - from)
    const start = this.#heap.reserve(bytes)
    if (start < 0) return 0
    const { u8, data } = this.#view
    data.setUint16(start, entries.length, true)
    let at = start + 2
    for (const { position, memory, from, to, placeOffset } of entries) {
      data.setUint16(at, placeOffset === COPIED ? position : position | layout.REST_PLACE, true)
      at += 2
      if (placeOffset >= 0) {
        data.setFloat64(at, frame, true)
        data.setUint32(at + 8, placeOffset, true)
        data.setUint32(at + 12, to - from, true)
        at += layout.PLACE_BYTES
      } else {
        u8.set(memory.subarray(from, to), at)
        at += to - from
      }
    }
    this.#heap.at = start + bytes
    return this.#sibling | (start - this.#view.at)
  }
}
