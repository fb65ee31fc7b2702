/**
 * The read path's short cut through msgpack, the counterpart of `plain-writer.ts`: documents of the common kind in one pass, with the
 * texts that were met last (field names, and values that repeat) kept in a small table so that they are not made again. Everything else,
 * damage included, is left to the decoder of `document-codec.ts`; a property test compares the two.
 *
 * It is ugly because it is measured: see `bench/parts/micro.ts`.
 */
import { SHORT_TEXT_BYTES, shortText } from './short-text.js'

type Fields = { [field: string]: unknown }

const TEXT_SLOTS = 4096
/** Texts up to this long are looked up. */
const KNOWN_TEXT_BYTES = 32
const NESTING_MAX = 16

const knownTexts: (string | undefined)[] = new Array<string | undefined>(TEXT_SLOTS).fill(undefined)
const knownBytes = new Uint8Array(TEXT_SLOTS * KNOWN_TEXT_BYTES)
const scratch = Buffer.alloc(1024)

let bytes: Uint8Array = scratch
let view: DataView = new DataView(scratch.buffer)
let at = 0
let end = 0
/** Set where something is not of the common kind: what was read so far is thrown away. */
let isOdd = false

/**
 * The document that `source[from, to)` holds, exactly and alone, or undefined if it is not of the common kind. Its fields are put into
 * `target`; where the answer is undefined, some of them may be there already.
 */
export function readPlain(source: Uint8Array, from = 0, to = source.length, target: Fields = {}): Fields | undefined {
  bytes = source
  end = to
  isOdd = false
  const type = from < to ? (source[from] ?? 0) : 0
  if (type < 0x80 || type > 0x8f) return undefined
  at = from + 1
  readFields(type & 0x0f, 1, target)
  return isOdd || at !== end ? undefined : target
}

function readFields(count: number, level: number, object: Fields): Fields {
  for (let index = 0; index < count; index++) {
    const type = bytes[at] ?? 0
    if (type < 0xa0 || type > 0xbf) {
      isOdd = true
      return object
    }
    at++
    const field = readText(type & 0x1f)
    // A field given twice keeps its last value, here as there; this name sets no prototype there, so it is not taken here.
    if (field === '__proto__') isOdd = true
    if (isOdd) return object
    object[field] = readItem(level)
    if (isOdd) return object
  }
  return object
}

function readItem(level: number): unknown {
  const type = bytes[at++] ?? 0
  if (type < 0x80) return at <= end ? type : odd()
  if (type >= 0xe0) return type - 0x100
  if (type < 0xa0) {
    if (level >= NESTING_MAX) return odd()
    return type < 0x90 ? readFields(type & 0x0f, level + 1, {}) : readItems(type & 0x0f, level + 1)
  }
  if (type < 0xc0) return readText(type & 0x1f)
  switch (type) {
    case 0xc0:
      return null
    case 0xc2:
      return false
    case 0xc3:
      return true
    case 0xcc:
      return at < end ? bytes[at++] : odd()
    case 0xcd:
      if (at + 2 > end) return odd()
      at += 2
      return ((bytes[at - 2] ?? 0) << 8) | (bytes[at - 1] ?? 0)
    case 0xce:
      if (at + 4 > end) return odd()
      at += 4
      return (((bytes[at - 4] ?? 0) << 24) | ((bytes[at - 3] ?? 0) << 16) | ((bytes[at - 2] ?? 0) << 8) | (bytes[at - 1] ?? 0)) >>> 0
    case 0xd0:
      if (at >= end) return odd()
      return ((bytes[at++] ?? 0) << 24) >> 24
    case 0xd1:
      if (at + 2 > end) return odd()
      at += 2
      return (((bytes[at - 2] ?? 0) << 24) | ((bytes[at - 1] ?? 0) << 16)) >> 16
    case 0xd2:
      if (at + 4 > end) return odd()
      at += 4
      return ((bytes[at - 4] ?? 0) << 24) | ((bytes[at - 3] ?? 0) << 16) | ((bytes[at - 2] ?? 0) << 8) | (bytes[at - 1] ?? 0)
    case 0xcb:
      return readFloat()
    case 0xd9: {
      const length = bytes[at++] ?? 0
      return readText(length)
    }
    default:
      return odd()
  }
}

function readItems(count: number, level: number): unknown[] {
  const items: unknown[] = []
  for (let index = 0; index < count && !isOdd; index++) items.push(readItem(level))
  return items
}

function readFloat(): unknown {
  if (at + 8 > end) return odd()
  if (view.buffer !== bytes.buffer) view = new DataView(bytes.buffer)
  at += 8
  return view.getFloat64(bytes.byteOffset + at - 8)
}

/** ASCII only. */
function readText(length: number): string {
  const from = at
  const to = from + length
  if (to > end) {
    isOdd = true
    return ''
  }
  at = to
  if (length > KNOWN_TEXT_BYTES) return longText(from, to)
  let hash = length
  let all = 0
  for (let index = from; index < to; index++) {
    const byte = bytes[index] ?? 0
    all |= byte
    hash = (Math.imul(hash, 31) + byte) | 0
  }
  if (all >= 0x80) {
    isOdd = true
    return ''
  }
  const slot = (hash ^ (hash >>> 15)) & (TEXT_SLOTS - 1)
  const known = knownTexts[slot]
  const base = slot * KNOWN_TEXT_BYTES
  if (known !== undefined && known.length === length) {
    let index = 0
    while (index < length && knownBytes[base + index] === bytes[from + index]) index++
    if (index === length) return known
  }
  for (let index = 0; index < length; index++) knownBytes[base + index] = bytes[from + index] ?? 0
  const text =
    length <= SHORT_TEXT_BYTES ? shortText(bytes, from, length) : scratch.latin1Slice.call(knownBytes as Buffer, base, base + length)
  knownTexts[slot] = text
  return text
}

function longText(from: number, to: number): string {
  for (let index = from; index < to; index++) {
    if ((bytes[index] ?? 0) >= 0x80) {
      isOdd = true
      return ''
    }
  }
  if (to - from <= scratch.length) {
    for (let index = from; index < to; index++) scratch[index - from] = bytes[index] ?? 0
    return scratch.latin1Slice(0, to - from)
  }
  isOdd = true
  return ''
}

function odd(): undefined {
  isOdd = true
  return undefined
}
