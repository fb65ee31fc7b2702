/**
 * Plain values between msgpack and cells. What is written here has the form in which the encoder writes it, so that a document put
 * together from cells has the bytes of the document that came in.
 */
import { skipValue } from '../codec/skip-value.js'

const TWO_32 = 0x1_0000_0000

let view: DataView = new DataView(new ArrayBuffer(8))

function viewOf(bytes: Uint8Array): DataView {
  if (view.buffer !== bytes.buffer) view = new DataView(bytes.buffer)
  return view
}

/**
 * The number at `at`, which a float64 holds exactly; NaN for any other value, and for an integer past 2^53 that is one in msgpack too: it
 * is a bigint.
 */
export function numberAt(source: Uint8Array, at: number): number {
  const head = source[at] as number
  if (head < 0x80) return head
  if (head >= 0xe0) return head - 0x100
  switch (head) {
    case 0xcc:
      return source[at + 1] as number
    case 0xcd:
      return ((source[at + 1] as number) << 8) | (source[at + 2] as number)
    case 0xce:
      return wordAt(source, at + 1) >>> 0
    case 0xd0:
      return ((source[at + 1] as number) << 24) >> 24
    case 0xd1:
      return (((source[at + 1] as number) << 24) | ((source[at + 2] as number) << 16)) >> 16
    case 0xd2:
      return wordAt(source, at + 1)
    case 0xca:
      return viewOf(source).getFloat32(source.byteOffset + at + 1)
    case 0xcb:
      return viewOf(source).getFloat64(source.byteOffset + at + 1)
    case 0xcf:
      return safe((wordAt(source, at + 1) >>> 0) * TWO_32 + (wordAt(source, at + 5) >>> 0))
    case 0xd3:
      return safe(wordAt(source, at + 1) * TWO_32 + (wordAt(source, at + 5) >>> 0))
    default:
      return NaN
  }
}

/** Big-endian, signed. */
function wordAt(source: Uint8Array, at: number): number {
  return (
    ((source[at] as number) << 24) | ((source[at + 1] as number) << 16) | ((source[at + 2] as number) << 8) | (source[at + 3] as number)
  )
}

function safe(value: number): number {
  return Number.isSafeInteger(value) ? value : NaN
}

/** The time at `at` in whole unix milliseconds; NaN for any other value. */
export function timeAt(source: Uint8Array, at: number): number {
  const head = source[at] as number
  if (head === 0xd6 && source[at + 1] === 0xff) return (wordAt(source, at + 2) >>> 0) * 1000
  if (head === 0xd7 && source[at + 1] === 0xff) {
    const high = wordAt(source, at + 2) >>> 0
    return wholeMs((high & 3) * TWO_32 + (wordAt(source, at + 6) >>> 0), high >>> 2)
  }
  if (head === 0xc7 && source[at + 1] === 12 && source[at + 2] === 0xff) {
    return wholeMs(wordAt(source, at + 7) * TWO_32 + (wordAt(source, at + 11) >>> 0), wordAt(source, at + 3) >>> 0)
  }
  return NaN
}

function wholeMs(seconds: number, nanoseconds: number): number {
  const ms = seconds * 1000 + nanoseconds / 1e6
  return nanoseconds % 1e6 === 0 && Math.abs(ms) <= 8.64e15 ? ms : NaN
}

/** At most 9 bytes; returns the offset behind them. */
export function writeNumber(value: number, target: Uint8Array, offset: number): number {
  let at = offset
  if (value >= 0 && value >>> 0 === value) {
    if (value < 0x80) {
      target[at++] = value
    } else if (value < 0x100) {
      target[at++] = 0xcc
      target[at++] = value
    } else if (value < 0x1_0000) {
      target[at++] = 0xcd
      at = writeShort(value, target, at)
    } else {
      target[at++] = 0xce
      at = writeWord(value, target, at)
    }
  } else if ((value | 0) === value) {
    if (value >= -0x20) {
      target[at++] = value & 0xff
    } else if (value >= -0x80) {
      target[at++] = 0xd0
      target[at++] = value & 0xff
    } else if (value >= -0x8000) {
      target[at++] = 0xd1
      at = writeShort(value, target, at)
    } else {
      target[at++] = 0xd2
      at = writeWord(value, target, at)
    }
  } else {
    target[at++] = 0xcb
    viewOf(target).setFloat64(target.byteOffset + at, value)
    at += 8
  }
  return at
}

/** At most 15 bytes. */
export function writeTime(ms: number, target: Uint8Array, offset: number): number {
  const seconds = Math.floor(ms / 1000)
  const nanoseconds = (ms - seconds * 1000) * 1e6
  let at = offset
  if (seconds >= 0 && seconds < TWO_32 * 4) {
    if (nanoseconds === 0 && seconds < TWO_32) {
      target[at++] = 0xd6
      target[at++] = 0xff
      return writeWord(seconds, target, at)
    }
    target[at++] = 0xd7
    target[at++] = 0xff
    at = writeWord(nanoseconds * 4 + Math.floor(seconds / TWO_32), target, at)
    return writeWord(seconds % TWO_32, target, at)
  }
  target[at++] = 0xc7
  target[at++] = 12
  target[at++] = 0xff
  at = writeWord(nanoseconds, target, at)
  at = writeWord(Math.floor(seconds / TWO_32), target, at)
  return writeWord(seconds - Math.floor(seconds / TWO_32) * TWO_32, target, at)
}

/** Head of a text, at most 5 bytes. */
export function writeTextHead(bytes: number, target: Uint8Array, offset: number): number {
  let at = offset
  if (bytes < 32) {
    target[at++] = 0xa0 | bytes
  } else if (bytes < 0x100) {
    target[at++] = 0xd9
    target[at++] = bytes
  } else if (bytes < 0x1_0000) {
    target[at++] = 0xda
    at = writeShort(bytes, target, at)
  } else {
    target[at++] = 0xdb
    at = writeWord(bytes, target, at)
  }
  return at
}

/** Head of a document, at most 5 bytes. */
export function writeMapHead(fields: number, target: Uint8Array, offset: number): number {
  let at = offset
  if (fields < 16) {
    target[at++] = 0x80 | fields
  } else if (fields < 0x1_0000) {
    target[at++] = 0xde
    at = writeShort(fields, target, at)
  } else {
    target[at++] = 0xdf
    at = writeWord(fields, target, at)
  }
  return at
}

/** True if the values at `at` and `otherAt` have the same bytes. */
export function sameValue(source: Uint8Array, at: number, other: Uint8Array, otherAt: number): boolean {
  const bytes = skipValue(source, at) - at
  for (let index = 0; index < bytes; index++) if (source[at + index] !== other[otherAt + index]) return false
  return true
}

function writeShort(value: number, target: Uint8Array, at: number): number {
  target[at] = (value >>> 8) & 0xff
  target[at + 1] = value & 0xff
  return at + 2
}

function writeWord(value: number, target: Uint8Array, at: number): number {
  target[at] = value >>> 24
  target[at + 1] = (value >>> 16) & 0xff
  target[at + 2] = (value >>> 8) & 0xff
  target[at + 3] = value & 0xff
  return at + 4
}
