/**
 * A document's msgpack as a line of JSON, byte to byte: for streams of whole rows, where making objects and printing them takes five times
 * as long (`npm run bench -- queries`). The line is that of `formatJson`; a property test compares the two. What is not of the common kind
 * (bytes, times, 64-bit integers) is left to them.
 */
import { jsonNumber } from './json-codec.js'

type Target = { readonly bytes: Buffer; at: number }

/** At most this many bytes of JSON for one of msgpack: a control character becomes `\u0001`, an array of small numbers gets commas. */
const GROWTH_MAX = 6
/** Of a number, which is longest where its msgpack is short: a float32 has up to 24 characters for 5 bytes. */
const SLACK_BYTES = 64
const NESTING_MAX = 100

const QUOTE = 0x22
const BACKSLASH = 0x5c

let source: Uint8Array = new Uint8Array(0)
let view: DataView = new DataView(new ArrayBuffer(0))
let from = 0
let end = 0
let bytes: Buffer = Buffer.alloc(0)
let at = 0
let isOdd = false

/** Room that a document of this many bytes takes at most, its line feed included. */
export function jsonRoom(documentBytes: number): number {
  return documentBytes * GROWTH_MAX + SLACK_BYTES
}

/**
 * Writes the document and a line feed behind `target.at`, which moves on; the target has {@link jsonRoom}. False, and nothing moved, where
 * the document is not of the common kind.
 */
export function writeJsonLine(document: Uint8Array, target: Target): boolean {
  source = document
  view = new DataView(document.buffer, document.byteOffset, document.length)
  from = 0
  end = document.length
  bytes = target.bytes
  at = target.at
  isOdd = false
  writeValue(0)
  if (isOdd || from !== end) return false
  bytes[at++] = 0x0a
  target.at = at
  return true
}

function writeValue(level: number): void {
  const type = source[from++] ?? 0xc1
  if (type < 0x80) return writeDigits(type)
  if (type >= 0xe0) return writeText(String(type - 0x100))
  if (type < 0x90) return writeMap(type & 0x0f, level + 1)
  if (type < 0xa0) return writeArray(type & 0x0f, level + 1)
  if (type < 0xc0) return writeString(type & 0x1f)
  switch (type) {
    case 0xc0:
      return writeText('null')
    case 0xc2:
      return writeText('false')
    case 0xc3:
      return writeText('true')
    case 0xcb:
      return writeText(jsonNumber(readable(8) ? view.getFloat64(from - 8) : 0))
    case 0xcc:
      return writeDigits(readable(1) ? view.getUint8(from - 1) : 0)
    case 0xcd:
      return writeDigits(readable(2) ? view.getUint16(from - 2) : 0)
    case 0xce:
      return writeDigits(readable(4) ? view.getUint32(from - 4) : 0)
    case 0xd0:
      return writeText(String(readable(1) ? view.getInt8(from - 1) : 0))
    case 0xd1:
      return writeText(String(readable(2) ? view.getInt16(from - 2) : 0))
    case 0xd2:
      return writeText(String(readable(4) ? view.getInt32(from - 4) : 0))
    case 0xd9:
      return writeString(readable(1) ? view.getUint8(from - 1) : 0)
    case 0xda:
      return writeString(readable(2) ? view.getUint16(from - 2) : 0)
    case 0xdb:
      return writeString(readable(4) ? view.getUint32(from - 4) : 0)
    case 0xdc:
      return writeArray(readable(2) ? view.getUint16(from - 2) : 0, level + 1)
    case 0xde:
      return writeMap(readable(2) ? view.getUint16(from - 2) : 0, level + 1)
    default:
      isOdd = true
  }
}

/** Steps over the bytes if they are there. */
function readable(count: number): boolean {
  from += count
  if (from <= end) return true
  isOdd = true
  return false
}

function writeMap(count: number, level: number): void {
  if (level > NESTING_MAX) isOdd = true
  bytes[at++] = 0x7b
  for (let index = 0; index < count && !isOdd; index++) {
    if (index > 0) bytes[at++] = 0x2c
    const type = source[from] ?? 0
    // A name is a text; a name that looks like an index would come first in an object.
    if ((type & 0xe0) !== 0xa0 && type !== 0xd9 && type !== 0xda) isOdd = true
    else if (isDigit(source[from + (type < 0xc0 ? 1 : type === 0xd9 ? 2 : 3)] ?? 0)) isOdd = true
    else {
      writeValue(level)
      bytes[at++] = 0x3a
      writeValue(level)
    }
  }
  bytes[at++] = 0x7d
}

function writeArray(count: number, level: number): void {
  if (level > NESTING_MAX) isOdd = true
  bytes[at++] = 0x5b
  for (let index = 0; index < count && !isOdd; index++) {
    if (index > 0) bytes[at++] = 0x2c
    writeValue(level)
  }
  bytes[at++] = 0x5d
}

/** UTF-8 as it is but for what JSON escapes. */
function writeString(length: number): void {
  const stop = from + length
  if (stop > end) {
    isOdd = true
    return
  }
  bytes[at++] = QUOTE
  while (from < stop) {
    const byte = source[from++] ?? 0
    if (byte < 0x20 || byte === QUOTE || byte === BACKSLASH) writeEscape(byte)
    else bytes[at++] = byte
  }
  bytes[at++] = QUOTE
}

const SHORT_ESCAPES: ReadonlyMap<number, string> = new Map([
  [0x08, '\\b'],
  [0x09, '\\t'],
  [0x0a, '\\n'],
  [0x0c, '\\f'],
  [0x0d, '\\r'],
  [QUOTE, '\\"'],
  [BACKSLASH, '\\\\']
])

function writeEscape(byte: number): void {
  writeText(SHORT_ESCAPES.get(byte) ?? `\\u${byte.toString(16).padStart(4, '0')}`)
}

/** A whole number from 0 to 2^32 - 1. */
function writeDigits(value: number): void {
  if (value < 10) {
    bytes[at++] = 0x30 + value
    return
  }
  let digits = 1
  for (let power = 10; power <= value; power *= 10) digits++
  let rest = value
  for (let place = at + digits - 1; place >= at; place--) {
    const tens = Math.floor(rest / 10)
    bytes[place] = 0x30 + rest - tens * 10
    rest = tens
  }
  at += digits
}

function writeText(text: string): void {
  for (let index = 0; index < text.length; index++) bytes[at++] = text.charCodeAt(index)
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39
}
