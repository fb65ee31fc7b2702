/**
 * Walks over msgpack bytes without decoding them: no allocation, no recursion, every length checked against the bytes that are there.
 * Each value takes at least one byte, so the values still owed can never be more than the bytes left: that one comparison bounds
 * the loop and refuses an absurd length before anyone allocates for it.
 */
import { DriftError } from '../base/errors.js'
import { limits } from '../base/limits.js'

/** Set by {@link walk}: the value holds bytes, extensions, 64-bit integers, or enough containers that it may be too deep. */
let special = false

/**
 * The offset after the msgpack value that begins at `offset`.
 * @throws DriftError CORRUPT if the bytes end early or hold a byte that begins no value.
 */
export function skipValue(source: Uint8Array, offset: number): number {
  return walk(source, offset)
}

/**
 * Checks that `bytes` are exactly one msgpack value. True if a decoded value still needs a second look (bytes to copy, extensions,
 * 64-bit integers, possible depth); false for the common document of strings, numbers and booleans.
 * @throws DriftError CORRUPT if they are not.
 */
export function scanValue(bytes: Uint8Array): boolean {
  const end = walk(bytes, 0)
  if (end !== bytes.length) throw corrupt('bytes follow the value', bytes, end)
  return special
}

function walk(source: Uint8Array, offset: number): number {
  const end = source.length
  let at = offset
  let left = 1
  let containers = 0
  special = false
  while (left > 0) {
    if (left > end - at) throw corrupt('the bytes end inside a value', source, offset)
    const head = source[at++] as number
    left--
    if (head < 0x80 || head >= 0xe0) continue
    if (head >= 0xa0 && head < 0xc0) {
      at += head & 0x1f
      continue
    }
    if (head < 0x90) {
      left += (head & 0x0f) * 2
      containers++
      continue
    }
    if (head < 0xa0) {
      left += head & 0x0f
      containers++
      continue
    }
    switch (head) {
      case 0xc0:
      case 0xc2:
      case 0xc3:
        break
      case 0xcc:
      case 0xd0:
        at += 1
        break
      case 0xcd:
      case 0xd1:
        at += 2
        break
      case 0xca:
      case 0xce:
      case 0xd2:
        at += 4
        break
      case 0xcb:
        at += 8
        break
      case 0xcf:
      case 0xd3:
        at += 8
        special = true
        break
      case 0xd9:
        at += 1 + length8(source, at)
        break
      case 0xda:
        at += 2 + length16(source, at)
        break
      case 0xdb:
        at += 4 + length32(source, at)
        break
      case 0xc4:
        at += 1 + length8(source, at)
        special = true
        break
      case 0xc5:
        at += 2 + length16(source, at)
        special = true
        break
      case 0xc6:
        at += 4 + length32(source, at)
        special = true
        break
      case 0xdc:
        left += length16(source, at)
        at += 2
        containers++
        break
      case 0xdd:
        left += length32(source, at)
        at += 4
        containers++
        break
      case 0xde:
        left += length16(source, at) * 2
        at += 2
        containers++
        break
      case 0xdf:
        left += length32(source, at) * 2
        at += 4
        containers++
        break
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        at += 1 + (1 << (head - 0xd4))
        special = true
        break
      case 0xc7:
        at += 2 + length8(source, at)
        special = true
        break
      case 0xc8:
        at += 3 + length16(source, at)
        special = true
        break
      case 0xc9:
        at += 5 + length32(source, at)
        special = true
        break
      default:
        throw corrupt(`byte 0x${head.toString(16)} begins no value`, source, at - 1)
    }
  }
  if (at > end) throw corrupt('the bytes end inside a value', source, offset)
  if (containers > limits.nestingMax) special = true
  return at
}

/** Past the end these read 0, and the comparison in the loop or after it refuses the value. */
function length8(source: Uint8Array, at: number): number {
  return source[at] ?? 0
}

function length16(source: Uint8Array, at: number): number {
  return ((source[at] ?? 0) << 8) | (source[at + 1] ?? 0)
}

function length32(source: Uint8Array, at: number): number {
  return length16(source, at) * 0x1_0000 + length16(source, at + 2)
}

function corrupt(found: string, source: Uint8Array, offset: number): DriftError {
  return new DriftError('CORRUPT', `msgpack value at offset ${offset} of ${source.length} bytes: ${found}`, {
    offset,
    length: source.length,
    found
  })
}
