/** Little-endian integers and unsigned LEB128 over byte arrays: the alphabet of every file. */

const TWO_32 = 2 ** 32

export function writeU32(target: Uint8Array, offset: number, value: number): void {
  target[offset] = value
  target[offset + 1] = value >>> 8
  target[offset + 2] = value >>> 16
  target[offset + 3] = value >>> 24
}

export function readU32(source: Uint8Array, offset: number): number {
  return (
    ((source[offset] ?? 0) | ((source[offset + 1] ?? 0) << 8) | ((source[offset + 2] ?? 0) << 16) | ((source[offset + 3] ?? 0) << 24)) >>> 0
  )
}

/** A whole number up to 2^53 - 1 in eight bytes. */
export function writeU64(target: Uint8Array, offset: number, value: number): void {
  writeU32(target, offset, value % TWO_32)
  writeU32(target, offset + 4, Math.floor(value / TWO_32))
}

/** NaN where the eight bytes hold more than 2^53 - 1: no comparison with it is true, so checks fail closed. */
export function readU64(source: Uint8Array, offset: number): number {
  const value = readU32(source, offset) + readU32(source, offset + 4) * TWO_32
  return value <= Number.MAX_SAFE_INTEGER ? value : Number.NaN
}

/** Bytes that {@link writeVarint} takes for `value`: 1 to 8. */
export function varintBytes(value: number): number {
  let bytes = 1
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) bytes++
  return bytes
}

/** Writes unsigned LEB128 and returns the offset behind it. */
export function writeVarint(target: Uint8Array, offset: number, value: number): number {
  let rest = value
  let at = offset
  while (rest >= 128) {
    target[at++] = (rest % 128) | 0x80
    rest = Math.floor(rest / 128)
  }
  target[at++] = rest
  return at
}

/** Behind the varint at `offset`. */
export function varintEnd(source: Uint8Array, offset: number): number {
  let at = offset
  while ((source[at] ?? 0) >= 128) at++
  return at + 1
}

/** Reads unsigned LEB128; NaN if it is longer than 8 bytes or past 2^53 - 1. Its length is {@link varintBytes} of the value. */
export function readVarint(source: Uint8Array, offset: number): number {
  // The seqs of the first 268 million events: no floating point, and no loop.
  const a = source[offset] ?? 0
  const b = source[offset + 1] ?? 0
  const c = source[offset + 2] ?? 0
  const d = source[offset + 3] ?? 0
  if (a < 128) return a
  if (b < 128) return (a & 0x7f) | (b << 7)
  if (c < 128) return (a & 0x7f) | ((b & 0x7f) << 7) | (c << 14)
  if (d < 128) return (a & 0x7f) | ((b & 0x7f) << 7) | ((c & 0x7f) << 14) | (d << 21)
  let value = 0
  let scale = 1
  for (let index = 0; index < 8; index++) {
    const byte = source[offset + index] ?? 0
    value += (byte & 0x7f) * scale
    if (byte < 128) return value <= Number.MAX_SAFE_INTEGER ? value : Number.NaN
    scale *= 128
  }
  return Number.NaN
}
