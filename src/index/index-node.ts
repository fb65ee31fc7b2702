/**
 * A node of an index: entries (key bytes, begin, end, value), a range of keys and a time [t0, t1) of its own. In a leaf the value is the
 * ordinal of a row, above it the number of a node.
 *
 * Layout, from the first byte of the node: 16 words of head; begin, end, value and place of the key of each entry, a word each; the order of
 * the entries by (key, begin), 2 bytes each; keys, from the end of the node downward. Begin and end count from t0; end is all ones while
 * the entry is alive.
 *
 *   IDX-1  an entry is visible at S if begin <= S < end; within the node's time nothing of what is visible at S ever changes
 *   IDX-2  who reads while the node's version is odd, or is another one behind the read, has read nothing
 */
import { crc32 } from '../codec/checksum.js'
import { readU32 } from '../format/bytes.js'
import { type MemoryViews } from '../memory/arena.js'
import { publishWord, readWord } from '../memory/shared-array.js'

const HEAD_BYTES = 64
/** Bytes of an entry beside its key. */
const ENTRY_BYTES = 18
/** For which so many entries have room, when all are as long as this. */
const KEY_BYTES_USUAL = 22

const VERSION = 0
const LEVEL = 1
const COUNT = 2
const LIVE = 3
const LIVE_KEY_BYTES = 4
const HEAP = 5
const LOW_AT = 6
const LOW_BYTES = 7
/** As float64s. */
const T0 = 4
const T1 = 5
/** In a file only: number of the node, and the crc32 of all other bytes. */
const ID = 12
const CRC = 15
const CRC_AT = CRC * 4

export const OPEN_END = 0xffff_ffff
const OFFSET_MAX = OPEN_END - 2

export class NodeLayout {
  readonly nodeBytes: number
  /** Entries of a full node. */
  readonly entriesMax: number
  /** For keys. */
  readonly heapBytes: number
  /** Of one key: so that a node that is half full has room for another. */
  readonly keyBytesMax: number
  readonly begin: number
  readonly end: number
  readonly value: number
  readonly key: number
  readonly order: number

  constructor(nodeBytes: number) {
    const entries = Math.floor((nodeBytes - HEAD_BYTES) / (ENTRY_BYTES + KEY_BYTES_USUAL)) & ~1
    this.nodeBytes = nodeBytes
    this.entriesMax = entries
    this.begin = HEAD_BYTES >> 2
    this.end = this.begin + entries
    this.value = this.end + entries
    this.key = this.value + entries
    this.order = (this.key + entries) << 1
    this.heapBytes = nodeBytes - (this.order << 1) - 2 * entries
    this.keyBytesMax = Math.floor(this.heapBytes / 5)
  }
}

function crcOf(image: Uint8Array): number {
  return crc32(image.subarray(CRC_AT + 4), crc32(image.subarray(0, CRC_AT)))
}

/** The checksum that the image of a node says it has. */
export function imageCrc(image: Uint8Array): number {
  return readU32(image, CRC_AT)
}

/** Whether these bytes are what {@link IndexNode.image} made of node `id`. */
export function isImageOf(image: Uint8Array, id: number): boolean {
  return readU32(image, ID * 4) === id && imageCrc(image) === crcOf(image)
}

type Bytes = Pick<MemoryViews, 'u8' | 'u16' | 'i32' | 'f64'>

const nowhere: Bytes = { u8: new Uint8Array(0), u16: new Uint16Array(0), i32: new Int32Array(0), f64: new Float64Array(0) }

/** A look at one node after the other. */
export class IndexNode {
  readonly #layout: NodeLayout
  u8: Uint8Array = nowhere.u8
  #u16: Uint16Array = nowhere.u16
  #i32: Int32Array = nowhere.i32
  #f64: Float64Array = nowhere.f64
  /** Its first byte, word, half word. */
  #at = 0
  #word = 0
  #half = 0
  id = -1

  constructor(layout: NodeLayout) {
    this.#layout = layout
  }

  /** Looks at the node that begins at byte `at`. */
  look(id: number, { u8, u16, i32, f64 }: Bytes, at: number): void {
    this.id = id
    this.u8 = u8
    this.#u16 = u16
    this.#i32 = i32
    this.#f64 = f64
    this.#at = at
    this.#word = at >> 2
    this.#half = at >> 1
  }

  /** Looks at a node that stands alone in bytes of its own. */
  lookAtImage(id: number, image: Uint8Array): void {
    const { buffer } = image
    this.look(id, { u8: image, u16: new Uint16Array(buffer), i32: new Int32Array(buffer), f64: new Float64Array(buffer) }, 0)
  }

  // What it says.

  /** Even where nobody writes to it. */
  get version(): number {
    return readWord(this.#i32, this.#word + VERSION)
  }

  get level(): number {
    return this.#i32[this.#word + LEVEL] as number
  }

  get count(): number {
    return this.#i32[this.#word + COUNT] as number
  }

  get live(): number {
    return this.#i32[this.#word + LIVE] as number
  }

  get liveKeyBytes(): number {
    return this.#i32[this.#word + LIVE_KEY_BYTES] as number
  }

  get t0(): number {
    return this.#f64[(this.#word >> 1) + T0] as number
  }

  /** Infinity while it is open. */
  get t1(): number {
    return this.#f64[(this.#word >> 1) + T1] as number
  }

  get lowAt(): number {
    return this.#at + (this.#i32[this.#word + LOW_AT] as number)
  }

  get lowBytes(): number {
    return this.#i32[this.#word + LOW_BYTES] as number
  }

  /** Of the entry that comes `position`th in the order. */
  slotAt(position: number): number {
    return this.#u16[this.#half + this.#layout.order + position] as number
  }

  valueOf(slot: number): number {
    return this.#i32[this.#word + this.#layout.value + slot] as number
  }

  /** Where its key begins in {@link u8}. */
  keyAt(slot: number): number {
    return this.#at + ((this.#i32[this.#word + this.#layout.key + slot] as number) & 0xffff)
  }

  /** The same, counted from the begin of the node. */
  keyOffset(slot: number): number {
    return this.keyAt(slot) - this.#at
  }

  keyBytes(slot: number): number {
    return (this.#i32[this.#word + this.#layout.key + slot] as number) >>> 16
  }

  beginOf(slot: number): number {
    return this.t0 + ((this.#i32[this.#word + this.#layout.begin + slot] as number) >>> 0)
  }

  /** Infinity while it is alive. */
  endOf(slot: number): number {
    const end = (this.#i32[this.#word + this.#layout.end + slot] as number) >>> 0
    return end === OPEN_END ? Infinity : this.t0 + end
  }

  isLive(slot: number): boolean {
    return (this.#i32[this.#word + this.#layout.end + slot] as number) === -1
  }

  /** `offset`: S - t0. */
  isVisible(slot: number, offset: number): boolean {
    const word = this.#word + slot
    return (this.#i32[word + this.#layout.begin] as number) >>> 0 <= offset && (this.#i32[word + this.#layout.end] as number) >>> 0 > offset
  }

  /** Entries whose keys are below `key`. */
  lowerBound(key: Uint8Array): number {
    return this.#search(key, 0, key.length, 0)
  }

  /** Entries whose keys are at most `key[from, from + bytes)`. */
  upperBound(key: Uint8Array, from = 0, bytes = key.length): number {
    return this.#search(key, from, bytes, 1)
  }

  /** The order of an entry's key and `key[from, from + bytes)`: negative, 0 or positive. */
  compare(slot: number, key: Uint8Array, from: number, bytes: number): number {
    const { u8 } = this
    const at = this.keyAt(slot)
    const own = this.keyBytes(slot)
    const shorter = own < bytes ? own : bytes
    for (let index = 0; index < shorter; index++) {
      const difference = (u8[at + index] as number) - (key[from + index] as number)
      if (difference !== 0) return difference
    }
    return own - bytes
  }

  /** The hot loop of every lookup: all of it in one function. */
  #search(key: Uint8Array, keyFrom: number, bytes: number, equal: 0 | 1): number {
    const { u8 } = this
    const u16 = this.#u16
    const i32 = this.#i32
    const at = this.#at
    const order = this.#half + this.#layout.order
    const keys = this.#word + this.#layout.key
    let low = 0
    // A count that is being written is never more than there is room for.
    let high = Math.min(this.count, this.#layout.entriesMax)
    // Bytes that the nearest keys below and above share with it: what lies between shares as many.
    let lowShared = 0
    let highShared = 0
    while (low < high) {
      const middle = (low + high) >>> 1
      const place = i32[keys + (u16[order + middle] as number)] as number
      const from = at + (place & 0xffff)
      const own = place >>> 16
      const shorter = own < bytes ? own : bytes
      let index = lowShared < highShared ? lowShared : highShared
      while (index < shorter && u8[from + index] === key[keyFrom + index]) index++
      const difference = index < shorter ? (u8[from + index] as number) - (key[keyFrom + index] as number) : own - bytes
      if (difference < equal) {
        low = middle + 1
        lowShared = index
      } else {
        high = middle
        highShared = index
      }
    }
    return low
  }

  // What its one writer does.

  /** A node without entries, open from `t0` on; `low`: the first key of its range. */
  clear(level: number, t0: number, low: Uint8Array, lowBytes: number): void {
    const i32 = this.#i32
    const word = this.#word
    i32[word + LEVEL] = level
    i32[word + COUNT] = i32[word + LIVE] = i32[word + LIVE_KEY_BYTES] = 0
    this.#f64[(word >> 1) + T0] = t0
    this.#f64[(word >> 1) + T1] = Infinity
    const lowAt = this.#layout.nodeBytes - lowBytes
    for (let index = 0; index < lowBytes; index++) this.u8[this.#at + lowAt + index] = low[index] as number
    i32[word + LOW_AT] = i32[word + HEAP] = lowAt
    i32[word + LOW_BYTES] = lowBytes
    // Another one than whoever looked at what was here has seen.
    publishWord(i32, word + VERSION, ((i32[word + VERSION] as number) | 1) + 1)
  }

  /** For one key more, at seq. */
  hasRoom(keyBytes: number, seq: number): boolean {
    return this.hasRoomFor(1, keyBytes) && seq - this.t0 < OFFSET_MAX
  }

  hasRoomFor(entries: number, keyBytes: number): boolean {
    const { entriesMax, heapBytes, nodeBytes } = this.#layout
    const used = nodeBytes - (this.#i32[this.#word + HEAP] as number)
    return this.count + entries <= entriesMax && used + keyBytes <= heapBytes
  }

  /** True where the seq is too far behind t0 to be written down. */
  isTooOld(seq: number): boolean {
    return seq - this.t0 >= OFFSET_MAX
  }

  /** Adds an entry that is visible from `seq` on; its slot. There is room. */
  add(key: Uint8Array, from: number, bytes: number, value: number, seq: number): number {
    const i32 = this.#i32
    const word = this.#word
    const { begin, end, value: values, key: keys, order } = this.#layout
    const slot = i32[word + COUNT] as number
    const at = (i32[word + HEAP] as number) - bytes
    for (let index = 0; index < bytes; index++) this.u8[this.#at + at + index] = key[from + index] as number
    i32[word + begin + slot] = seq - this.t0
    i32[word + end + slot] = -1
    i32[word + values + slot] = value
    i32[word + keys + slot] = at | (bytes << 16)
    i32[word + HEAP] = at
    const position = this.#positionBehind(slot)
    const version = i32[word + VERSION] as number
    publishWord(i32, word + VERSION, version + 1)
    const first = this.#half + order
    if (position < slot) this.#u16.copyWithin(first + position + 1, first + position, first + slot)
    this.#u16[first + position] = slot
    i32[word + COUNT] = slot + 1
    i32[word + LIVE] = (i32[word + LIVE] as number) + 1
    i32[word + LIVE_KEY_BYTES] = (i32[word + LIVE_KEY_BYTES] as number) + bytes
    publishWord(i32, word + VERSION, version + 2)
    return slot
  }

  /** The entry is not visible from `seq` on. */
  endEntry(slot: number, seq: number): void {
    const i32 = this.#i32
    const word = this.#word
    i32[word + this.#layout.end + slot] = seq - this.t0
    i32[word + LIVE] = (i32[word + LIVE] as number) - 1
    i32[word + LIVE_KEY_BYTES] = (i32[word + LIVE_KEY_BYTES] as number) - this.keyBytes(slot)
  }

  /** All of it, for a file: what is not in use is zero. */
  image(): Uint8Array {
    const { nodeBytes, entriesMax, begin, end, value, key, order } = this.#layout
    const { count } = this
    const heapAt = this.#i32[this.#word + HEAP] as number
    const bytes = this.u8.slice(this.#at, this.#at + nodeBytes)
    const words = new Int32Array(bytes.buffer)
    words[VERSION] = 0
    words[ID] = this.id
    words.fill(0, ID + 1, CRC)
    for (const from of [begin, end, value, key]) words.fill(0, from + count, from + entriesMax)
    bytes.fill(0, 2 * (order + count), heapAt)
    words[CRC] = crcOf(bytes)
    return bytes
  }

  /** Others take its place from `seq` on. */
  close(seq: number): void {
    this.#f64[(this.#word >> 1) + T1] = seq
  }

  /** The place in the order of a slot that is not in it yet: behind all that are equal. */
  #positionBehind(slot: number): number {
    const at = this.keyAt(slot)
    const bytes = this.keyBytes(slot)
    // Keys often come in their order.
    if (slot > 0 && this.compare(this.slotAt(slot - 1), this.u8, at, bytes) <= 0) return slot
    return this.upperBound(this.u8, at, bytes)
  }
}
