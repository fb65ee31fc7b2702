/**
 * Keys as canonical bytes: equal keys have equal bytes, and the order of the bytes is the order of the keys. In memory, in indexes and
 * in hashes a key is only ever these bytes; in a payload it is msgpack. Nothing here allocates, except decodeKey, keyBytes and errors.
 *
 *   boolean  10 | 00 or 01
 *   number   20 | 8 bytes: the largest float64 <= n, big-endian, made to sort (positive: sign bit set; negative: all bits inverted)
 *               | 2 bytes, only if n is not exactly that float64: n - float64, 1 … 2047, big-endian
 *   string   40 | UTF-8
 *
 * The gaps between the tags are for the other classes, in DriftQL's order (time 30, bytes 50, …). Only integers past 2^53 have a
 * remainder: float64s are 2 apart there and 2048 apart below 2^64. 1, 1.0 and 1n are one key, so are 2**60 and 2n**60n, 0 and -0.
 */
import { DriftError } from '../base/errors.js'
import { limits } from '../base/limits.js'
import { skipValue } from './skip-value.js'

export { skipValue }

export type Key = string | number | bigint | boolean

const TAG_BOOLEAN = 0x10
const TAG_NUMBER = 0x20
const TAG_STRING = 0x40
/** First of the canonical bytes of a string: its UTF-8 follows. */
export const KEY_TEXT = TAG_STRING

/** Bytes of the tag and the float64; two more with a remainder. */
const NUMBER_BYTES = 9

const TWO_32 = 0x1_0000_0000

const INTEGER_MIN = -(2n ** 63n)
const INTEGER_MAX = 2n ** 64n - 1n

const word = new DataView(new ArrayBuffer(8))

/**
 * Writes the canonical bytes of `key` at 0 of `target` (at least 1,100 bytes) and returns how many.
 * @throws DriftError INVALID_DOCUMENT if it is no key (missing, null, an object, NaN, a lone surrogate, …); LIMIT over 1,024 bytes.
 */
export function encodeKey(key: unknown, target: Uint8Array): number {
  switch (typeof key) {
    case 'string':
      return encodeText(key, target)
    case 'number':
      if (!Number.isFinite(key)) throw notAKey(String(key))
      return writeFloat(key, target)
    case 'bigint':
      if (key < INTEGER_MIN || key > INTEGER_MAX) throw notAKey('an integer outside -2^63 … 2^64-1')
      if (key < 0n) word.setBigInt64(0, key)
      else word.setBigUint64(0, key)
      return writeInteger(word.getUint32(0), word.getUint32(4), key < 0n, target)
    case 'boolean':
      target[0] = TAG_BOOLEAN
      target[1] = key ? 1 : 0
      return 2
    case 'undefined':
      throw notAKey('missing')
    case 'object':
      throw notAKey(key === null ? 'null' : Array.isArray(key) ? 'an array' : 'an object')
    default:
      throw notAKey(`a ${typeof key}`)
  }
}

/** The canonical bytes of a key, for whoever keeps them. @throws as {@link encodeKey}. */
export function keyBytes(key: unknown): Uint8Array {
  return keyScratch.slice(0, encodeKey(key, keyScratch))
}

const keyScratch = new Uint8Array(1100)

/**
 * The key of canonical bytes (all of `canonical`). A number that is exactly a float64 comes back as a number, past 2^53 too: whether it
 * was once a bigint cannot be told, they are one key. Any other integer comes back as a bigint.
 * @throws DriftError CORRUPT if these are not canonical bytes.
 */
export function decodeKey(canonical: Uint8Array): Key {
  return decodeKeyAt(canonical, 0, canonical.length)
}

/** The same of the bytes `canonical[from, to)`. */
export function decodeKeyAt(canonical: Uint8Array, from: number, to: number): Key {
  const length = to - from
  switch (canonical[from]) {
    case TAG_BOOLEAN:
      if (length !== 2) break
      return canonical[from + 1] === 1
    case TAG_NUMBER: {
      if (length !== NUMBER_BYTES && length !== NUMBER_BYTES + 2) break
      const float = readFloat(canonical, from)
      return length === NUMBER_BYTES ? float : BigInt(float) + BigInt(readRemainder(canonical, from))
    }
    case TAG_STRING:
      return Buffer.from(canonical.buffer, canonical.byteOffset + from + 1, length - 1).toString('utf8')
    default:
  }
  throw corrupt('not the canonical bytes of a key', from)
}

/**
 * Writes the key of `canonical[0 … length)` as msgpack at `target[offset …]`, in the form encodeValue gives it, and returns the
 * offset after it. Takes at most `length + 2` bytes.
 */
export function writeKeyPayload(canonical: Uint8Array, length: number, target: Uint8Array, offset: number): number {
  let at = offset
  switch (canonical[0]) {
    case TAG_BOOLEAN:
      target[at] = canonical[1] === 1 ? 0xc3 : 0xc2
      return at + 1
    case TAG_NUMBER:
      return length === NUMBER_BYTES ? writeFloatPayload(canonical, target, at) : writeBigPayload(canonical, target, at)
    case TAG_STRING: {
      const bytes = length - 1
      if (bytes < 32) {
        target[at++] = 0xa0 | bytes
      } else if (bytes < 0x100) {
        target[at++] = 0xd9
        target[at++] = bytes
      } else {
        target[at++] = 0xda
        target[at++] = bytes >>> 8
        target[at++] = bytes & 0xff
      }
      for (let index = 1; index < length; index++) target[at++] = canonical[index] as number
      return at
    }
    default:
      throw corrupt('not the canonical bytes of a key', 0)
  }
}

/**
 * Reads the msgpack key at `source[offset …]`, writes its canonical bytes at 0 of `target` and returns how many. Any width of number
 * is read. Where the key ends in `source` is {@link skipValue}'s answer.
 * @throws DriftError CORRUPT if there is no whole key there.
 */
export function readKeyPayload(source: Uint8Array, offset: number, target: Uint8Array): number {
  if (offset >= source.length) throw corrupt('the bytes end before the key', offset)
  const head = source[offset] as number
  const at = offset + 1
  if (head < 0x80) return writeFloat(head, target)
  if (head >= 0xe0) return writeFloat(head - 0x100, target)
  if (head >= 0xa0 && head < 0xc0) return copyText(source, at, head & 0x1f, target)
  switch (head) {
    case 0xc2:
    case 0xc3:
      target[0] = TAG_BOOLEAN
      target[1] = head & 1
      return 2
    case 0xca:
      return writeFloat(finite(float32(source, at), at), target)
    case 0xcb:
      return copyFloat(source, at, target)
    case 0xcc:
      need(source, at, 1)
      return writeFloat(source[at] as number, target)
    case 0xcd:
      return writeFloat(uint16(source, at), target)
    case 0xce:
      return writeFloat(uint32(source, at), target)
    case 0xd0:
      need(source, at, 1)
      return writeFloat(((source[at] as number) << 24) >> 24, target)
    case 0xd1:
      return writeFloat((uint16(source, at) << 16) >> 16, target)
    case 0xd2:
      return writeFloat(uint32(source, at) | 0, target)
    case 0xcf:
      return writeInteger(uint32(source, at), uint32(source, at + 4), false, target)
    case 0xd3: {
      const high = uint32(source, at)
      return writeInteger(high, uint32(source, at + 4), high >= 0x8000_0000, target)
    }
    case 0xd9:
      need(source, at, 1)
      return copyText(source, at + 1, source[at] as number, target)
    case 0xda:
      return copyText(source, at + 2, uint16(source, at), target)
    case 0xdb:
      return copyText(source, at + 4, uint32(source, at), target)
    default:
      throw corrupt(`byte 0x${head.toString(16)} begins no key`, offset)
  }
}

/** Key order of canonical bytes: negative, 0 or positive. */
export function compareKeys(a: Uint8Array, b: Uint8Array): number {
  const shorter = Math.min(a.length, b.length)
  for (let index = 0; index < shorter; index++) {
    const difference = (a[index] as number) - (b[index] as number)
    if (difference !== 0) return difference
  }
  return a.length - b.length
}

/** MurmurHash3 x86_32 of `bytes[offset … offset + length)`: unsigned 32 bits. The seed is the database's own. */
export function hashKey(bytes: Uint8Array, offset: number, length: number, seed: number): number {
  let hash = seed | 0
  let at = offset
  const blocksEnd = offset + (length & ~3)
  while (at < blocksEnd) {
    let block =
      (bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16) | ((bytes[at + 3] as number) << 24)
    block = Math.imul(block, 0xcc9e2d51)
    block = (block << 15) | (block >>> 17)
    hash ^= Math.imul(block, 0x1b873593)
    hash = (hash << 13) | (hash >>> 19)
    hash = (Math.imul(hash, 5) + 0xe6546b64) | 0
    at += 4
  }
  const rest = length & 3
  if (rest > 0) {
    let block = bytes[at] as number
    if (rest > 1) block |= (bytes[at + 1] as number) << 8
    if (rest > 2) block |= (bytes[at + 2] as number) << 16
    block = Math.imul(block, 0xcc9e2d51)
    block = (block << 15) | (block >>> 17)
    hash ^= Math.imul(block, 0x1b873593)
  }
  hash ^= length
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

/** UTF-8 by hand: as fast as encodeInto for a short key, and it refuses the lone surrogate that encodeInto would turn into U+FFFD. */
function encodeText(text: string, target: Uint8Array): number {
  const units = text.length
  if (units >= limits.keyBytesMax) throw tooLong(text)
  target[0] = TAG_STRING
  let at = 1
  let index = 0
  for (; index < units; index++) {
    const unit = text.charCodeAt(index)
    if (unit >= 0x80) break
    target[at++] = unit
  }
  while (index < units) {
    const unit = text.charCodeAt(index++)
    if (unit < 0x80) {
      target[at++] = unit
    } else if (unit < 0x800) {
      target[at++] = 0xc0 | (unit >>> 6)
      target[at++] = 0x80 | (unit & 0x3f)
    } else if (unit < 0xd800 || unit >= 0xe000) {
      target[at++] = 0xe0 | (unit >>> 12)
      target[at++] = 0x80 | ((unit >>> 6) & 0x3f)
      target[at++] = 0x80 | (unit & 0x3f)
    } else {
      const low = index < units ? text.charCodeAt(index++) : 0
      if (unit >= 0xdc00 || low < 0xdc00 || low >= 0xe000) throw notAKey('a string with a lone surrogate')
      const point = 0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00)
      target[at++] = 0xf0 | (point >>> 18)
      target[at++] = 0x80 | ((point >>> 12) & 0x3f)
      target[at++] = 0x80 | ((point >>> 6) & 0x3f)
      target[at++] = 0x80 | (point & 0x3f)
    }
    // One character past the limit still fits into the target; the next one is never begun.
    if (at > limits.keyBytesMax) throw tooLong(text)
  }
  return at
}

/** The 9 bytes of a finite float64. */
function writeFloat(value: number, target: Uint8Array): number {
  word.setFloat64(0, value + 0 === 0 ? 0 : value)
  return writeSortable(word.getInt32(0), word.getInt32(4), target)
}

/** The 9 bytes of a float64 given as its two big-endian words. */
function writeSortable(high: number, low: number, target: Uint8Array): number {
  const sortHigh = high < 0 ? ~high : high ^ 0x8000_0000
  const sortLow = high < 0 ? ~low : low
  target[0] = TAG_NUMBER
  target[1] = sortHigh >>> 24
  target[2] = (sortHigh >>> 16) & 0xff
  target[3] = (sortHigh >>> 8) & 0xff
  target[4] = sortHigh & 0xff
  target[5] = sortLow >>> 24
  target[6] = (sortLow >>> 16) & 0xff
  target[7] = (sortLow >>> 8) & 0xff
  target[8] = sortLow & 0xff
  return NUMBER_BYTES
}

/**
 * A 64-bit integer given as two unsigned words (two's complement if negative). Past 2^53 a float64 keeps the first 53 bits of the
 * magnitude; the rest, at most 11 bits, is the remainder. For a negative one the float64 is the next lower, so that it stays <= n.
 */
function writeInteger(high: number, low: number, negative: boolean, target: Uint8Array): number {
  const magnitudeLow = negative ? -low >>> 0 : low
  const magnitudeHigh = negative ? (~high + (low === 0 ? 1 : 0)) >>> 0 : high
  const bitsOver = 32 - Math.clz32(magnitudeHigh) - 21
  if (bitsOver <= 0) {
    const magnitude = magnitudeHigh * TWO_32 + magnitudeLow
    return writeFloat(negative ? -magnitude : magnitude, target)
  }
  const step = 1 << bitsOver
  const rest = magnitudeLow & (step - 1)
  const floor = magnitudeHigh * TWO_32 + (magnitudeLow - rest)
  if (rest === 0) return writeFloat(negative ? -floor : floor, target)
  writeFloat(negative ? -(floor + step) : floor, target)
  const remainder = negative ? step - rest : rest
  target[9] = remainder >>> 8
  target[10] = remainder & 0xff
  return NUMBER_BYTES + 2
}

/** The float64 of a canonical number, whose tag is at `at`. Leaves its two words in `word`. */
export function readFloat(canonical: Uint8Array, at = 0): number {
  const sortHigh = uint32(canonical, at + 1) | 0
  const sortLow = uint32(canonical, at + 5) | 0
  const positive = sortHigh < 0
  word.setInt32(0, positive ? sortHigh ^ 0x8000_0000 : ~sortHigh)
  word.setInt32(4, positive ? sortLow : ~sortLow)
  return word.getFloat64(0)
}

function readRemainder(canonical: Uint8Array, at = 0): number {
  return uint16(canonical, at + NUMBER_BYTES)
}

function writeFloatPayload(canonical: Uint8Array, target: Uint8Array, offset: number): number {
  const value = readFloat(canonical)
  let at = offset
  if (value >= 0 && value < TWO_32 && value >>> 0 === value) {
    if (value < 0x80) {
      target[at++] = value
    } else if (value < 0x100) {
      target[at++] = 0xcc
      target[at++] = value
    } else if (value < 0x1_0000) {
      target[at++] = 0xcd
      target[at++] = value >>> 8
      target[at++] = value & 0xff
    } else {
      target[at++] = 0xce
      at = putWord(value, target, at)
    }
    return at
  }
  if ((value | 0) === value) {
    if (value >= -0x20) {
      target[at++] = value & 0xff
    } else if (value >= -0x80) {
      target[at++] = 0xd0
      target[at++] = value & 0xff
    } else if (value >= -0x8000) {
      target[at++] = 0xd1
      target[at++] = (value >>> 8) & 0xff
      target[at++] = value & 0xff
    } else {
      target[at++] = 0xd2
      at = putWord(value, target, at)
    }
    return at
  }
  target[at++] = 0xcb
  at = putWord(word.getInt32(0), target, at)
  return putWord(word.getInt32(4), target, at)
}

/** An integer with a remainder: rare enough for a bigint. */
function writeBigPayload(canonical: Uint8Array, target: Uint8Array, offset: number): number {
  const value = BigInt(readFloat(canonical)) + BigInt(readRemainder(canonical))
  target[offset] = value < 0n ? 0xd3 : 0xcf
  if (value < 0n) word.setBigInt64(0, value)
  else word.setBigUint64(0, value)
  return putWord(word.getInt32(4), target, putWord(word.getInt32(0), target, offset + 1))
}

function putWord(value: number, target: Uint8Array, at: number): number {
  target[at] = value >>> 24
  target[at + 1] = (value >>> 16) & 0xff
  target[at + 2] = (value >>> 8) & 0xff
  target[at + 3] = value & 0xff
  return at + 4
}

function copyText(source: Uint8Array, at: number, bytes: number, target: Uint8Array): number {
  if (bytes >= limits.keyBytesMax) throw corrupt(`a key of ${bytes} bytes`, at)
  need(source, at, bytes)
  target[0] = TAG_STRING
  for (let index = 0; index < bytes; index++) target[index + 1] = source[at + index] as number
  return bytes + 1
}

function copyFloat(source: Uint8Array, at: number, target: Uint8Array): number {
  const high = uint32(source, at) | 0
  const low = uint32(source, at + 4) | 0
  if ((high & 0x7ff0_0000) === 0x7ff0_0000) throw corrupt('a key that is NaN or infinite', at)
  return writeSortable(high === -0x8000_0000 && low === 0 ? 0 : high, low, target)
}

function float32(source: Uint8Array, at: number): number {
  word.setUint32(0, uint32(source, at))
  return word.getFloat32(0)
}

function finite(value: number, at: number): number {
  if (!Number.isFinite(value)) throw corrupt('a key that is NaN or infinite', at)
  return value
}

function uint16(source: Uint8Array, at: number): number {
  need(source, at, 2)
  return ((source[at] as number) << 8) | (source[at + 1] as number)
}

function uint32(source: Uint8Array, at: number): number {
  need(source, at, 4)
  return (
    (((source[at] as number) << 24) |
      ((source[at + 1] as number) << 16) |
      ((source[at + 2] as number) << 8) |
      (source[at + 3] as number)) >>>
    0
  )
}

function need(source: Uint8Array, at: number, bytes: number): void {
  if (bytes > source.length - at) throw corrupt('the bytes end inside the key', at)
}

function notAKey(reason: string): DriftError {
  return new DriftError('INVALID_DOCUMENT', `key: must be a string, a finite number, a 64-bit integer or a boolean, not ${reason}`, {
    path: '',
    reason
  })
}

function tooLong(text: string): DriftError {
  const seen = Buffer.byteLength(text) + 1
  return new DriftError('LIMIT', `key: the limit is ${limits.keyBytesMax} canonical bytes, this has ${seen}`, {
    name: 'keyBytesMax',
    limit: limits.keyBytesMax,
    seen
  })
}

function corrupt(found: string, offset: number): DriftError {
  return new DriftError('CORRUPT', `key at offset ${offset}: ${found}`, { offset, found })
}
