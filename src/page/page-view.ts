/**
 * A page in page memory, seen: where its columns lie. Made from the bytes of its header alone, by whichever thread has the arena. Its
 * fields are indexes into the arrays of the page's memory, so that a loop reads `i32[beginAt + row]`.
 */
import { type Arena, type MemoryViews } from '../memory/arena.js'
import { assertLaw } from '../base/errors.js'
import { readWord } from '../memory/shared-array.js'
import * as layout from './page-layout.js'

export class ColumnView {
  readonly index: number
  /** Index of its entry in the directory, in words. */
  readonly entryAt: number
  /** Of the name, a msgpack text, in the page's memory. */
  readonly nameAt: number
  readonly nameBytes: number
  readonly valueClass: number
  readonly encoding: number
  /** Index of row 0 in the array of the encoding's width. */
  readonly dataAt: number
  /** Index of row 0's state byte, or -1: every row has a plain value. */
  readonly statesAt: number
  readonly dictionary: number
  readonly #i32: Int32Array
  readonly #f64: Float64Array

  constructor({ i32, f64 }: MemoryViews, pageAt: number, index: number) {
    const entryAt = pageAt / 4 + layout.HEADER_WORDS + index * layout.COLUMN_WORDS
    const word = (number: number) => i32[entryAt + number] as number
    this.index = index
    this.entryAt = entryAt
    this.nameAt = pageAt + word(layout.NAME)
    this.nameBytes = word(layout.NAME_BYTES)
    this.valueClass = word(layout.CLASS)
    this.encoding = word(layout.ENCODING)
    const width = layout.ENCODING_BYTES[this.encoding] as number
    this.dataAt = width === 0 ? 0 : (pageAt + word(layout.DATA_AT)) / width
    this.statesAt = word(layout.STATES_AT) === 0 ? -1 : pageAt + word(layout.STATES_AT)
    this.dictionary = word(layout.DICTIONARY)
    this.#i32 = i32
    this.#f64 = f64
  }

  get flags(): number {
    return this.#i32[this.entryAt + layout.FLAGS] as number
  }

  get min(): number {
    return this.#f64[(this.entryAt + layout.MIN_F64) / 2] as number
  }

  get max(): number {
    return this.#f64[(this.entryAt + layout.MAX_F64) / 2] as number
  }
}

export class PageView {
  readonly arena: Arena
  readonly address: number
  readonly generation: number
  /** Where the page begins in its memory, in bytes and in words. */
  readonly at: number
  readonly head: number
  readonly u8: Uint8Array
  readonly u16: Uint16Array
  readonly i32: Int32Array
  readonly f64: Float64Array
  readonly data: DataView
  readonly kind: number
  readonly rowCapacity: number
  readonly seqBase: number
  readonly beginAt: number
  readonly endAt: number
  readonly ordinalAt: number
  readonly previousAt: number
  /** -1: no begin is clamped. */
  readonly originAt: number
  readonly shapeAt: number
  readonly restAt: number
  readonly columns: readonly ColumnView[]
  /** The pages of its open rectangle: the base (if there is one), then the chunks of the delta. For any other page itself. */
  siblings: (PageView | undefined)[]
  /** Its place among them. */
  sibling = 0
  /** Of an open page: its number in locations of rows. */
  openNumber = -1
  #columnByName: Map<string, ColumnView> | undefined

  constructor(arena: Arena, address: number) {
    const views = arena.viewsOf(address)
    const at = arena.offsetOf(address)
    const head = at / 4
    const word = (number: number) => views.i32[head + number] as number
    assertLaw(word(layout.MAGIC) === layout.PAGE_MAGIC, 'MEM-5', `no page at address ${address}`)
    this.arena = arena
    this.address = address
    this.generation = arena.generationOf(address)
    this.at = at
    this.head = head
    this.u8 = views.u8
    this.u16 = views.u16
    this.i32 = views.i32
    this.f64 = views.f64
    this.data = views.data
    this.kind = word(layout.KIND)
    this.rowCapacity = word(layout.ROW_CAPACITY)
    this.seqBase = views.f64[(head + layout.SEQ_BASE_F64) / 2] as number
    this.beginAt = (at + word(layout.BEGIN_AT)) / 4
    this.endAt = (at + word(layout.END_AT)) / 4
    this.ordinalAt = (at + word(layout.ORDINAL_AT)) / 4
    this.previousAt = word(layout.PREVIOUS_AT) === 0 ? -1 : (at + word(layout.PREVIOUS_AT)) / 4
    this.originAt = word(layout.ORIGIN_AT) === 0 ? -1 : (at + word(layout.ORIGIN_AT)) / 8
    this.shapeAt = (at + word(layout.SHAPE_AT)) / 2
    this.restAt = (at + word(layout.REST_AT)) / 4
    this.columns = Array.from({ length: word(layout.COLUMN_COUNT) }, (_, index) => new ColumnView(views, at, index))
    this.siblings = [this]
  }

  word(number: number): number {
    return this.i32[this.head + number] as number
  }

  setWord(number: number, value: number): void {
    this.i32[this.head + number] = value
  }

  /** Of a delta it grows: a row that is counted is written. */
  get rowCount(): number {
    return readWord(this.i32, this.head + layout.ROW_COUNT)
  }

  get aliveCount(): number {
    return this.i32[this.head + layout.ALIVE_COUNT] as number
  }

  get t0(): number {
    return this.f64[(this.head + layout.T0_F64) / 2] as number
  }

  get t1(): number {
    return this.f64[(this.head + layout.T1_F64) / 2] as number
  }

  /** Bytes of the heap that are used, from the first reference that it may give. */
  get heapEnd(): number {
    return this.word(layout.HEAP_END)
  }

  ordinalOf(row: number): number {
    return this.i32[this.ordinalAt + row] as number
  }

  /** The seq at which the version of `row` begins. */
  beginOf(row: number): number {
    const offset = this.i32[this.beginAt + row] as number
    if (offset === layout.CLAMPED_BEGIN && this.originAt >= 0) return this.f64[this.originAt + row] as number
    return this.seqBase + offset
  }

  /** The seq at which it ends; Infinity while it is current, or where it outlives its sealed page. */
  endOf(row: number): number {
    const offset = this.i32[this.endAt + row] as number
    return offset === layout.OPEN_END ? Infinity : this.seqBase + offset
  }

  /** S as an offset, cut off where no begin and no end can be. */
  offsetOf(S: number): number {
    return Math.max(layout.CLAMPED_BEGIN, Math.min(layout.OPEN_END - 1, S - this.seqBase))
  }

  /** Where a cell's text or rest lies: the page that has it. */
  homeOf(cell: number): PageView {
    return this.siblings[cell >>> layout.SIBLING_SHIFT] as PageView
  }

  columnNamed(name: string): ColumnView | undefined {
    if (this.#columnByName === undefined) {
      this.#columnByName = new Map(this.columns.map((column) => [nameAt(this.u8, column.nameAt, column.nameBytes), column]))
    }
    return this.#columnByName.get(name)
  }

  get shapeCount(): number {
    return this.word(layout.SHAPE_COUNT)
  }

  shapeCodeOf(row: number): number {
    return this.u16[this.shapeAt + row] as number
  }

  /** Index of a shape's record, in words. */
  shapeRecordAt(code: number): number {
    const table = (this.at + this.word(layout.SHAPE_TABLE)) / 4
    return (this.at + (this.i32[table + code] as number)) / 4
  }

  /** Canonical bytes; empty: from the first key on. */
  get lowKey(): Uint8Array {
    return this.#keyAt(this.word(layout.LOW_KEY))
  }

  /** The first key behind the range; undefined: it has no end. */
  get highKey(): Uint8Array | undefined {
    const reference = this.word(layout.HIGH_KEY)
    return reference === 0 ? undefined : this.#keyAt(reference)
  }

  #keyAt(reference: number): Uint8Array {
    const at = this.at + reference
    const bytes = (this.u8[at] as number) | ((this.u8[at + 1] as number) << 8)
    return this.u8.slice(at + 2, at + 2 + bytes)
  }
}

/** True if the first `rows` rows have plain values in a column with states; false may also say that it is not known. */
export function hasOnlyValues({ i32 }: PageView, { statesAt }: ColumnView, rows: number): boolean {
  // States are looked at four at a time; those behind the last row are mostly values too.
  for (let word = statesAt >> 2; word < (statesAt + rows + 3) >> 2; word++) if (i32[word] !== 0) return false
  return true
}

/** The text of a name, a msgpack text of `bytes` bytes. */
export function nameAt(memory: Uint8Array, at: number, bytes: number): string {
  const head = memory[at] as number
  const headBytes = head < 0xc0 ? 1 : head === 0xd9 ? 2 : 3
  return Buffer.from(memory.subarray(at + headBytes, at + bytes)).toString('utf8')
}

/** Where the characters of the `[length][bytes]` at `at` begin; their number is {@link textBytes}. */
export function textFrom(memory: Uint8Array, at: number): number {
  return (memory[at] as number) < 0x80 ? at + 1 : at + 2
}

export function textBytes(memory: Uint8Array, at: number): number {
  const first = memory[at] as number
  return first < 0x80 ? first : ((first & 0x7f) << 8) | (memory[at + 1] as number)
}

/** Writes the length of a text of `bytes` (at most 32,767) in front of it; returns where it belongs. */
export function writeTextLength(memory: Uint8Array, at: number, bytes: number): number {
  if (bytes < 0x80) {
    memory[at] = bytes
    return at + 1
  }
  memory[at] = 0x80 | (bytes >>> 8)
  memory[at + 1] = bytes & 0xff
  return at + 2
}
