/**
 * A node of an index: entries (key bytes, begin, end, value), a range of keys and a time [t0, t1) of its own. In a leaf the value is the
 * ordinal of a row, above it the number of a node.
 *
 * Layout, from the first byte of the node: 16 words of head; 64 bytes that say how its keys are spread; the entries by (key, begin), a slot
 * and a digest of the key each, 2 bytes and 2; room; the entries, from the end of the node downward, each where its slot says: slot x 8 bytes
 * behind the node's begin. An entry is one run of bytes, so that a look at it is one miss of a cache: begin, end and value, a word each, the
 * bytes of its key, 2 bytes, and the key. Begin and end count from t0; end is all ones while the entry is alive.
 *
 * A digest tells where in the node's range a key is, in 65,536 steps: 0 and the last are the keys below and above all that begin with the
 * prefix, the others follow the six bytes behind it. Its order is that of the keys, but for keys with the same one: a search looks at few
 * entries.
 *
 *   IDX-1  an entry is visible at S if begin <= S < end; within the node's time nothing of what is visible at S ever changes
 *   IDX-2  who reads while the node's version is odd, or is another one behind the read, has read nothing
 */
import { crc32 } from '../codec/checksum.js'
import { readU32 } from '../format/bytes.js'
import { type MemoryViews } from '../memory/arena.js'
import { publishWord, readWord } from '../memory/shared-array.js'

const PREFIX_AT = 80
const PREFIX_BYTES_MAX = 48
const HEAD_BYTES = PREFIX_AT + PREFIX_BYTES_MAX
/** Of an entry, before its key. */
const ENTRY_HEAD_BYTES = 14
const ORDER_BYTES = 4
const SLOT_MASK = 0xffff
const DIGEST_SHIFT = 16
const DIGEST_MAX = 0xffff
const NUMBER_MAX = 2 ** 48 - 1
const SLOT_SHIFT = 3
const SLOT_BYTES = 1 << SLOT_SHIFT

const VERSION = 0
const LEVEL = 1
const COUNT = 2
const LIVE = 3
const LIVE_BYTES = 4
const HEAP = 5
const LOW_AT = 6
const LOW_BYTES = 7
/** As float64s. */
const T0 = 4
const T1 = 5
const BASE = 8
const SCALE = 9
const PREFIX_BYTES = 13
/** In a file only: number of the node, and the crc32 of all other bytes. */
const ID = 12
const CRC = 15
const CRC_AT = CRC * 4

/** Words of an entry. */
const BEGIN = 0
const END = 1
const VALUE = 2
/** Half word of an entry. */
const KEY_BYTES = 6

export const OPEN_END = 0xffff_ffff
const OFFSET_MAX = OPEN_END - 2

export class NodeLayout {
  readonly nodeBytes: number
  /** For entries. */
  readonly roomBytes: number
  /** More than this have no room, however short their keys are. */
  readonly entriesMax: number
  /** Of one key: so that a node that is half full has room for another, and what is above it for some. */
  readonly keyBytesMax: number
  /** Bits of a slot. */
  readonly slotBits: number

  constructor(nodeBytes: number) {
    this.nodeBytes = nodeBytes
    this.roomBytes = nodeBytes - HEAD_BYTES
    this.entriesMax = Math.floor(this.roomBytes / entryBytes(0))
    this.keyBytesMax = Math.floor(this.roomBytes / 8) - ENTRY_HEAD_BYTES - SLOT_BYTES
    this.slotBits = 32 - Math.clz32(nodeBytes / SLOT_BYTES - 1)
  }
}

/** What an entry with such a key takes of a node. */
export function entryBytes(keyBytes: number): number {
  return alignedEntryBytes(keyBytes) + ORDER_BYTES
}

function alignedEntryBytes(keyBytes: number): number {
  return (ENTRY_HEAD_BYTES + keyBytes + SLOT_BYTES - 1) & -SLOT_BYTES
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

/** How keys are spread: all begin with the prefix; `base`: of the first, the six bytes behind it as a number; `scale`: steps of a digest for 1 more. */
export type KeySpread = { readonly prefix: Uint8Array; readonly base: number; readonly scale: number }

/** Of a node whose keys will most often be between these. */
export function spreadBetween(first: Uint8Array, last: Uint8Array): KeySpread {
  const prefix = commonPrefix(first, last).subarray(0, PREFIX_BYTES_MAX)
  const base = numberAt(first, prefix.length, first.length)
  return { prefix, base, scale: (DIGEST_MAX - 3) / Math.max(1, numberAt(last, prefix.length, last.length) - base) }
}

/** Of a node of whose keys nothing is known but how they begin. */
export function spreadBehind(prefix: Uint8Array): KeySpread {
  return { prefix: prefix.subarray(0, PREFIX_BYTES_MAX), base: 0, scale: (DIGEST_MAX - 3) / NUMBER_MAX }
}

export function commonPrefix(one: Uint8Array, other: Uint8Array): Uint8Array {
  let bytes = 0
  while (bytes < one.length && bytes < other.length && one[bytes] === other[bytes]) bytes++
  return one.subarray(0, bytes)
}

/** The six bytes from `at` on, with zeros from `end` on. */
function numberAt(key: Uint8Array, at: number, end: number): number {
  if (at + 6 <= end) {
    const high = ((key[at] as number) << 16) | ((key[at + 1] as number) << 8) | (key[at + 2] as number)
    return high * 0x100_0000 + (((key[at + 3] as number) << 16) | ((key[at + 4] as number) << 8) | (key[at + 5] as number))
  }
  let number = 0
  for (let index = at; index < at + 6; index++) number = number * 256 + (index < end ? (key[index] as number) : 0)
  return number
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

  /** Behind the node's begin: where the entry that was added last lies, and all others behind it. */
  get heapAt(): number {
    return this.#i32[this.#word + HEAP] as number
  }

  /** What the entries that are alive take of the room. */
  get liveBytes(): number {
    return this.#i32[this.#word + LIVE_BYTES] as number
  }

  /** What all entries, and the first key of the range, take of it. */
  get usedBytes(): number {
    return this.#layout.nodeBytes - this.heapAt + ORDER_BYTES * this.count
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
    return (this.#i32[this.#word + (HEAD_BYTES >> 2) + position] as number) & SLOT_MASK
  }

  digestAt(position: number): number {
    return (this.#i32[this.#word + (HEAD_BYTES >> 2) + position] as number) >>> DIGEST_SHIFT
  }

  valueOf(slot: number): number {
    return this.#i32[this.#word + 2 * slot + VALUE] as number
  }

  /** Where its key begins in {@link u8}. */
  keyAt(slot: number): number {
    return this.#at + (slot << SLOT_SHIFT) + ENTRY_HEAD_BYTES
  }

  keyBytes(slot: number): number {
    return this.#u16[this.#half + 4 * slot + KEY_BYTES] as number
  }

  /** Of the node, from the entry's first one on: up to, and not including. */
  bounds(slot: number): readonly [from: number, to: number] {
    const from = slot << SLOT_SHIFT
    return [from, from + alignedEntryBytes(this.keyBytes(slot))]
  }

  beginOf(slot: number): number {
    return this.t0 + ((this.#i32[this.#word + 2 * slot + BEGIN] as number) >>> 0)
  }

  /** Infinity while it is alive. */
  endOf(slot: number): number {
    const end = (this.#i32[this.#word + 2 * slot + END] as number) >>> 0
    return end === OPEN_END ? Infinity : this.t0 + end
  }

  isLive(slot: number): boolean {
    return (this.#i32[this.#word + 2 * slot + END] as number) === -1
  }

  /** Of S, for {@link isVisible}: behind what an entry can count all that is alive is visible. */
  offsetOf(S: number): number {
    return Math.min(S - this.t0, OPEN_END - 1)
  }

  /** `offset`: see {@link offsetOf}. */
  isVisible(slot: number, offset: number): boolean {
    const word = this.#word + 2 * slot
    return (this.#i32[word + BEGIN] as number) >>> 0 <= offset && (this.#i32[word + END] as number) >>> 0 > offset
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

  /** Of a key in this node. */
  digestOf(key: Uint8Array, from: number, bytes: number): number {
    const { u8 } = this
    const prefixBytes = this.#i32[this.#word + PREFIX_BYTES] as number
    const prefixAt = this.#at + PREFIX_AT
    const shorter = prefixBytes < bytes ? prefixBytes : bytes
    for (let index = 0; index < shorter; index++) {
      const difference = (key[from + index] as number) - (u8[prefixAt + index] as number)
      if (difference !== 0) return difference < 0 ? 0 : DIGEST_MAX
    }
    // One that ends within the prefix is below all that have it.
    if (bytes < prefixBytes) return 0
    const f64 = this.#f64
    const at = this.#word >> 1
    const step = 1 + (numberAt(key, from + prefixBytes, from + bytes) - (f64[at + BASE] as number)) * (f64[at + SCALE] as number)
    return step < 1 ? 1 : step < DIGEST_MAX - 1 ? step | 0 : DIGEST_MAX - 1
  }

  #search(key: Uint8Array, keyFrom: number, bytes: number, equal: 0 | 1): number {
    return this.#searchBy(this.digestOf(key, keyFrom, bytes), key, keyFrom, bytes, equal)
  }

  /** The hot loop of every lookup: all of it in one function. */
  // oxlint-disable-next-line max-params
  #searchBy(digest: number, key: Uint8Array, keyFrom: number, bytes: number, equal: 0 | 1): number {
    const { u8 } = this
    const i32 = this.#i32
    const keys = this.#at + ENTRY_HEAD_BYTES
    const order = this.#word + (HEAD_BYTES >> 2)
    let low = 0
    // A count that is being written is never more than there is room for.
    let high = Math.min(this.count, this.#layout.entriesMax)
    // Bytes that all keys with this digest share, and those that the nearest keys below and above share with it: so do the ones between.
    const shared = digest > 0 && digest < DIGEST_MAX ? (i32[this.#word + PREFIX_BYTES] as number) : 0
    let lowShared = shared
    let highShared = shared
    while (low < high) {
      const middle = (low + high) >>> 1
      const entry = i32[order + middle] as number
      let difference = (entry >>> DIGEST_SHIFT) - digest
      if (difference === 0) {
        const at = (entry & SLOT_MASK) << SLOT_SHIFT
        const from = keys + at
        const own = this.#u16[this.#half + (at >> 1) + KEY_BYTES] as number
        const shorter = own < bytes ? own : bytes
        let index = lowShared < highShared ? lowShared : highShared
        while (index < shorter && u8[from + index] === key[keyFrom + index]) index++
        difference = index < shorter ? (u8[from + index] as number) - (key[keyFrom + index] as number) : own - bytes
        if (difference < equal) lowShared = index
        else highShared = index
      }
      if (difference < equal) low = middle + 1
      else high = middle
    }
    return low
  }

  // What its one writer does.

  /** A node without entries, open from `t0` on; `low`: the first key of its range; `spread`: of most of its keys. */
  clear(level: number, t0: number, low: Uint8Array, { prefix, base, scale }: KeySpread): void {
    const i32 = this.#i32
    const word = this.#word
    i32[word + LEVEL] = level
    i32[word + COUNT] = i32[word + LIVE] = i32[word + LIVE_BYTES] = 0
    this.#f64[(word >> 1) + T0] = t0
    this.#f64[(word >> 1) + T1] = Infinity
    const lowAt = this.#layout.nodeBytes - low.length
    this.u8.set(low, this.#at + lowAt)
    i32[word + LOW_AT] = lowAt
    i32[word + HEAP] = lowAt & -SLOT_BYTES
    i32[word + LOW_BYTES] = low.length
    this.u8.set(prefix, this.#at + PREFIX_AT)
    i32[word + PREFIX_BYTES] = prefix.length
    this.#f64[(word >> 1) + BASE] = base
    this.#f64[(word >> 1) + SCALE] = scale
    // Another one than whoever looked at what was here has seen.
    publishWord(i32, word + VERSION, ((i32[word + VERSION] as number) | 1) + 1)
  }

  /** For one key more, at seq. */
  hasRoom(keyBytes: number, seq: number): boolean {
    return this.hasRoomFor(entryBytes(keyBytes)) && !this.isTooOld(seq)
  }

  /** `bytes`: of entries, see {@link entryBytes}. */
  hasRoomFor(bytes: number): boolean {
    return this.usedBytes + bytes <= this.#layout.roomBytes
  }

  /** True where the seq is too far behind t0 to be written down. */
  isTooOld(seq: number): boolean {
    return seq - this.t0 >= OFFSET_MAX
  }

  /** Adds an entry that is visible from `seq` on; its slot. There is room. */
  add(key: Uint8Array, from: number, bytes: number, value: number, seq: number): number {
    const i32 = this.#i32
    const word = this.#word
    const count = i32[word + COUNT] as number
    const at = (i32[word + HEAP] as number) - alignedEntryBytes(bytes)
    const slot = at >> SLOT_SHIFT
    const entry = word + 2 * slot
    i32[entry + BEGIN] = seq - this.t0
    i32[entry + END] = -1
    i32[entry + VALUE] = value
    this.#u16[this.#half + 4 * slot + KEY_BYTES] = bytes
    const { u8 } = this
    const keyAt = this.#at + at + ENTRY_HEAD_BYTES
    for (let index = 0; index < bytes; index++) u8[keyAt + index] = key[from + index] as number
    i32[word + HEAP] = at
    const digest = this.digestOf(u8, keyAt, bytes)
    const position = this.#positionBehind(digest, keyAt, bytes)
    const version = i32[word + VERSION] as number
    publishWord(i32, word + VERSION, version + 1)
    const first = word + (HEAD_BYTES >> 2)
    for (let next = first + count; next > first + position; next--) i32[next] = i32[next - 1] as number
    i32[first + position] = (digest << DIGEST_SHIFT) | slot
    this.#countEntry(bytes)
    publishWord(i32, word + VERSION, version + 2)
    return slot
  }

  /** Adds an entry of another node behind all that are here, visible from `seq` on; its slot. There is room, and nobody reads here yet. */
  append(other: IndexNode, slot: number, seq: number): number {
    const i32 = this.#i32
    const word = this.#word
    const bytes = other.keyBytes(slot)
    const taken = alignedEntryBytes(bytes)
    const at = (i32[word + HEAP] as number) - taken
    const source = other.#i32
    const from = other.#word + 2 * slot
    const to = (this.#at + at) >> 2
    for (let index = VALUE; index < taken >> 2; index++) i32[to + index] = source[from + index] as number
    i32[to + BEGIN] = seq - this.t0
    i32[to + END] = -1
    i32[word + HEAP] = at
    const digest = this.digestOf(this.u8, this.#at + at + ENTRY_HEAD_BYTES, bytes)
    i32[word + (HEAD_BYTES >> 2) + (i32[word + COUNT] as number)] = (digest << DIGEST_SHIFT) | (at >> SLOT_SHIFT)
    this.#countEntry(bytes)
    return at >> SLOT_SHIFT
  }

  #countEntry(keyBytes: number): void {
    const i32 = this.#i32
    const word = this.#word
    i32[word + COUNT] = (i32[word + COUNT] as number) + 1
    i32[word + LIVE] = (i32[word + LIVE] as number) + 1
    i32[word + LIVE_BYTES] = (i32[word + LIVE_BYTES] as number) + entryBytes(keyBytes)
  }

  /** The entry is not visible from `seq` on. */
  endEntry(slot: number, seq: number): void {
    const i32 = this.#i32
    const word = this.#word
    i32[word + 2 * slot + END] = seq - this.t0
    i32[word + LIVE] = (i32[word + LIVE] as number) - 1
    i32[word + LIVE_BYTES] = (i32[word + LIVE_BYTES] as number) - entryBytes(this.keyBytes(slot))
  }

  /** All of it, for a file: what is not in use is zero. */
  image(): Uint8Array {
    const { count } = this
    const bytes = this.u8.slice(this.#at, this.#at + this.#layout.nodeBytes)
    const words = new Int32Array(bytes.buffer)
    words[VERSION] = 0
    words[ID] = this.id
    words.fill(0, PREFIX_BYTES + 1, CRC)
    bytes.fill(0, PREFIX_AT + (words[PREFIX_BYTES] as number), HEAD_BYTES)
    bytes.fill(0, HEAD_BYTES + ORDER_BYTES * count, this.heapAt)
    for (let position = 0; position < count; position++) {
      const slot = this.slotAt(position)
      const [from, to] = this.bounds(slot)
      bytes.fill(0, from + ENTRY_HEAD_BYTES + this.keyBytes(slot), to)
    }
    bytes.fill(0, (words[LOW_AT] as number) & -SLOT_BYTES, words[LOW_AT])
    words[CRC] = crcOf(bytes)
    return bytes
  }

  /** Others take its place from `seq` on. */
  close(seq: number): void {
    this.#f64[(this.#word >> 1) + T1] = seq
  }

  /** The place in the order of a key that is not in it yet: behind all that are equal. */
  #positionBehind(digest: number, at: number, bytes: number): number {
    const { count } = this
    // Keys often come in their order.
    const last = count > 0 ? this.digestAt(count - 1) - digest : -1
    if (last < 0 || (last === 0 && this.compare(this.slotAt(count - 1), this.u8, at, bytes) <= 0)) return count
    return this.#searchBy(digest, this.u8, at, bytes, 1)
  }
}
