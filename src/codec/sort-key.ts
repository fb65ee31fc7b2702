/**
 * Values as bytes whose order is the order of values (`value-order.ts`), for indexes: each value ends by itself, so that several stand
 * behind one another. NULL is behind all others.
 *
 *   boolean  10 | 00 or 01                        bytes   50 | body
 *   number   20 | 8 bytes | 2 more from +-2^53    array   60 | body: its items, one behind the other
 *   time     30 | 8 bytes, unix ms as a number    object  70 | body: name and value of each field, by name
 *   string   40 | body: UTF-8                     NULL    F0
 *
 * A number is that of `key-codec.ts`, with its remainder from 2^53 on always. A body has 00 FF for each 00 and ends with 00; past
 * its limit it is cut and ends with 00 FE: such values share their bytes with others. Descending: all bytes inverted.
 */
import { DriftError } from '../base/errors.js'
import { limits } from '../base/limits.js'
import { decodeValue } from './document-codec.js'
import { decodeKeyAt, encodeKey, readFloat, readKeyPayload, skipValue } from './key-codec.js'
import { classOf, compareTexts, type ValueClass } from './value-order.js'

const TAG_BOOLEAN = 0x10
const TAG_NUMBER = 0x20
const TAG_TIME = 0x30
const TAG_STRING = 0x40
const TAG_BYTES = 0x50
const TAG_ARRAY = 0x60
const TAG_OBJECT = 0x70
const TAG_NULL = 0xf0

const TAGS: Readonly<Record<ValueClass, number>> = {
  boolean: TAG_BOOLEAN,
  number: TAG_NUMBER,
  time: TAG_TIME,
  string: TAG_STRING,
  bytes: TAG_BYTES,
  array: TAG_ARRAY,
  object: TAG_OBJECT
}

const BODY_END = 0x00
const ESCAPED = 0xff
const CUT = 0xfe

const NUMBER_BYTES = 9
/** First two bytes behind the tag of +-2^53. */
const WIDE_FROM = 0xc340
const WIDE_BELOW = 0x3cbf

/** Bytes of a body, escapes counted, where nothing less is asked for. */
export const SORT_BODY_BYTES_MAX = 240
/** Of one value with such a body, whatever it is. */
export const SORT_VALUE_BYTES_MAX = SORT_BODY_BYTES_MAX + 3

const scratch = new Uint8Array(limits.keyBytesMax + 128)
const utf8 = new TextEncoder()

/** True where the last value that was written is cut: others may have the same bytes. */
let cut = false

export function wasCut(): boolean {
  return cut
}

/**
 * Writes a value at `target[at …]`, which has room for `bodyMax` bytes and 3; the offset behind it.
 * @throws DriftError INVALID_DOCUMENT for a number or a text that no document can have.
 */
export function writeSortValue(value: unknown, target: Uint8Array, at: number, bodyMax = SORT_BODY_BYTES_MAX): number {
  cut = false
  if (value === null || value === undefined) {
    target[at] = TAG_NULL
    return at + 1
  }
  switch (classOf(value)) {
    case 'boolean':
      target[at] = TAG_BOOLEAN
      target[at + 1] = value === true ? 1 : 0
      return at + 2
    case 'number':
      return takeNumber(encodeKey(value, scratch), target, at)
    case 'time': {
      encodeKey((value as Date).getTime(), scratch)
      target[at] = TAG_TIME
      for (let index = 1; index < NUMBER_BYTES; index++) target[at + index] = scratch[index] as number
      return at + NUMBER_BYTES
    }
    case 'string':
      return writeText(value as string, target, at, bodyMax)
    case 'bytes': {
      const bytes = value as Uint8Array
      return writeBody(TAG_BYTES, bytes, 0, bytes.length, target, at, bodyMax)
    }
    case 'array': {
      const body = bodyOf(value as readonly unknown[], bodyMax)
      return writeBody(TAG_ARRAY, body, 0, body.length, target, at, bodyMax)
    }
    default: {
      const fields = value as { readonly [name: string]: unknown }
      const names = Object.keys(fields).sort(compareTexts)
      const body = bodyOf(
        names.flatMap((name) => [name, fields[name]]),
        bodyMax
      )
      return writeBody(TAG_OBJECT, body, 0, body.length, target, at, bodyMax)
    }
  }
}

/** The same for the msgpack value at `source[offset …]`; {@link skipValue} tells where that ends. */
export function writeSortPayload(
  source: Uint8Array,
  offset: number,
  target: Uint8Array,
  at: number,
  bodyMax = SORT_BODY_BYTES_MAX
): number {
  cut = false
  const head = source[offset] as number
  if (head === 0xc0) {
    target[at] = TAG_NULL
    return at + 1
  }
  if (head < 0x80 || head >= 0xe0 || (head >= 0xca && head <= 0xd3)) return takeNumber(readKeyPayload(source, offset, scratch), target, at)
  if (head === 0xc2 || head === 0xc3) {
    target[at] = TAG_BOOLEAN
    target[at + 1] = head & 1
    return at + 2
  }
  if (head >= 0xa0 && head < 0xc0) return writeBody(TAG_STRING, source, offset + 1, offset + 1 + (head & 0x1f), target, at, bodyMax)
  const end = skipValue(source, offset)
  if (head === 0xd9) return writeBody(TAG_STRING, source, offset + 2, end, target, at, bodyMax)
  if (head === 0xda) return writeBody(TAG_STRING, source, offset + 3, end, target, at, bodyMax)
  if (head === 0xdb) return writeBody(TAG_STRING, source, offset + 5, end, target, at, bodyMax)
  return writeSortValue(decodeValue(source.slice(offset, end)), target, at, bodyMax)
}

/** The first byte of the values of a class, where this one is of it; undefined of NULL. */
export function sortClassOf(value: unknown): number | undefined {
  return value === null || value === undefined ? undefined : TAGS[classOf(value)]
}

/** What every text begins with that begins with `text`: no end, and nothing past `bodyMax`. The offset behind it. */
export function writeSortTextPrefix(text: string, target: Uint8Array, at: number, bodyMax = SORT_BODY_BYTES_MAX): number {
  const bytes = utf8.encode(text)
  const end = writeBody(TAG_STRING, bytes, 0, bytes.length, target, at, bodyMax)
  return cut ? end - 2 : end - 1
}

/** Turns the order of the value in `target[from, to)` round. */
export function invertSortValue(target: Uint8Array, from: number, to: number): void {
  for (let index = from; index < to; index++) target[index] = 0xff ^ (target[index] as number)
}

/** The offset behind the value that was written at `at`. */
export function sortValueEnd(source: Uint8Array, at: number, isDescending: boolean): number {
  const mask = isDescending ? 0xff : 0
  switch ((source[at] as number) ^ mask) {
    case TAG_NULL:
      return at + 1
    case TAG_BOOLEAN:
      return at + 2
    case TAG_NUMBER:
      return at + NUMBER_BYTES + (isWide(source, at, mask) ? 2 : 0)
    case TAG_TIME:
      return at + NUMBER_BYTES
    case TAG_STRING:
    case TAG_BYTES:
    case TAG_ARRAY:
    case TAG_OBJECT:
      for (let next = at + 1; next < source.length; next++) {
        if (((source[next] as number) ^ mask) !== BODY_END) continue
        const behind = next + 1 < source.length ? (source[next + 1] as number) ^ mask : -1
        if (behind === CUT) return next + 2
        if (behind !== ESCAPED) return next + 1
        next++
      }
      break
    default:
  }
  throw new DriftError('CORRUPT', `no value of an index key at offset ${at}`, { offset: at })
}

/** What {@link readSortValue} gives where bytes do not tell the value as its document has it. */
export const UNTOLD = Symbol('untold')

/**
 * The value that was written at `source[at, end)`, as a document gives it back; UNTOLD of what is cut, of arrays and objects (the order of
 * names is lost), and of a number past 2^53 that is a float64 or an integer.
 */
export function readSortValue(source: Uint8Array, at: number, end: number, isDescending: boolean): unknown {
  if (isDescending) {
    const turned = source.slice(at, end)
    invertSortValue(turned, 0, turned.length)
    return readSortValue(turned, 0, turned.length, false)
  }
  switch (source[at]) {
    case TAG_NULL:
      return null
    case TAG_BOOLEAN:
      return source[at + 1] === 1
    case TAG_NUMBER:
      if (end - at === NUMBER_BYTES) return readFloat(source, at)
      return source[end - 1] === 0 && source[end - 2] === 0 ? UNTOLD : decodeKeyAt(source, at, end)
    case TAG_TIME:
      return new Date(readFloat(source, at))
    case TAG_STRING: {
      const body = bodyIn(source, at + 1, end)
      return body === undefined ? UNTOLD : textIn(body.bytes, body.from, body.to)
    }
    case TAG_BYTES: {
      const body = bodyIn(source, at + 1, end)
      return body === undefined ? UNTOLD : Uint8Array.from(body.bytes.subarray(body.from, body.to))
    }
    default:
      return UNTOLD
  }
}

/** The bytes of a body, without its end and its escapes; undefined: it is cut. */
function bodyIn(source: Uint8Array, from: number, end: number): { bytes: Uint8Array; from: number; to: number } | undefined {
  if (source[end - 1] !== BODY_END) return undefined
  const to = end - 1
  const escape = source.indexOf(BODY_END, from)
  if (escape >= to) return { bytes: source, from, to }
  const bytes = new Uint8Array(to - from)
  let length = 0
  for (let index = from; index < to; index++) {
    bytes[length++] = source[index] as number
    if (source[index] === BODY_END) index++
  }
  return { bytes, from: 0, to: length }
}

const TEXT_UNITS_MAX = 24

function textIn(bytes: Uint8Array, from: number, to: number): string {
  if (to - from <= TEXT_UNITS_MAX) {
    let text = ''
    let at = from
    for (; at < to && (bytes[at] as number) < 0x80; at++) text += String.fromCharCode(bytes[at] as number)
    if (at === to) return text
  }
  return Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString('utf8')
}

function takeNumber(bytes: number, target: Uint8Array, at: number): number {
  target[at] = TAG_NUMBER
  for (let index = 1; index < bytes; index++) target[at + index] = scratch[index] as number
  if (bytes > NUMBER_BYTES || !isWide(scratch, 0, 0)) return at + bytes
  target[at + NUMBER_BYTES] = target[at + NUMBER_BYTES + 1] = 0
  return at + NUMBER_BYTES + 2
}

/** From +-2^53 on, where integers may lie between two float64s. */
function isWide(source: Uint8Array, at: number, mask: number): boolean {
  const high = ((((source[at + 1] as number) ^ mask) << 8) | ((source[at + 2] as number) ^ mask)) >>> 0
  return high >= WIDE_FROM || high <= WIDE_BELOW
}

function writeText(text: string, target: Uint8Array, at: number, bodyMax: number): number {
  const units = text.length
  if (units <= bodyMax) {
    let to = at + 1
    let index = 0
    for (; index < units; index++) {
      const unit = text.charCodeAt(index)
      if (unit === 0 || unit >= 0x80) break
      target[to++] = unit
    }
    if (index === units) {
      target[at] = TAG_STRING
      target[to] = BODY_END
      return to + 1
    }
  }
  if (!text.isWellFormed()) throw new DriftError('INVALID_DOCUMENT', 'a text with a lone surrogate is in no document', {})
  const bytes = utf8.encode(text)
  return writeBody(TAG_STRING, bytes, 0, bytes.length, target, at, bodyMax)
}

// oxlint-disable-next-line max-params
function writeBody(tag: number, source: Uint8Array, from: number, to: number, target: Uint8Array, at: number, bodyMax: number): number {
  target[at] = tag
  let next = at + 1
  const limit = next + bodyMax
  for (let index = from; index < to; index++) {
    const byte = source[index] as number
    if (next + (byte === 0 ? 2 : 1) > limit) {
      cut = true
      target[next] = BODY_END
      target[next + 1] = CUT
      return next + 2
    }
    target[next++] = byte
    if (byte === 0) target[next++] = ESCAPED
  }
  target[next] = BODY_END
  return next + 1
}

/** What is cut within is cut as a whole: everything behind it is left out. */
function bodyOf(values: readonly unknown[], bodyMax: number): Uint8Array {
  const body = new Uint8Array(2 * bodyMax + 16)
  let at = 0
  for (const value of values) {
    at = writeSortValue(value, body, at, bodyMax)
    // With the end of what was cut it is longer than a body, which is cut in its turn before it.
    if (cut) return body.slice(0, at - 1)
    if (at > bodyMax) break
  }
  return body.slice(0, at)
}
