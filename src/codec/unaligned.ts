/**
 * Runs of bytes, four at a time. Most names and texts are a few dozen bytes: a call into the engine costs more than such a loop, and a
 * loop over single bytes takes three to four times as long. A DataView reads a word at any byte; one is kept for the array asked for last,
 * since making one costs more than all else.
 */
let lastBytes: Uint8Array = new Uint8Array(0)
let lastData: DataView = new DataView(lastBytes.buffer)

/** A view on the same bytes. */
export function dataViewOf(bytes: Uint8Array): DataView {
  if (bytes !== lastBytes) {
    lastData = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    lastBytes = bytes
  }
  return lastData
}

/** True if the `bytes` bytes at both offsets are the same; all of them must be there. */
export function sameBytes(one: DataView, at: number, other: DataView, otherAt: number, bytes: number): boolean {
  if (bytes < 4) {
    for (let index = 0; index < bytes; index++) if (one.getUint8(at + index) !== other.getUint8(otherAt + index)) return false
    return true
  }
  const last = bytes - 4
  for (let index = 0; index < last; index += 4) {
    if (one.getInt32(at + index, true) !== other.getInt32(otherAt + index, true)) return false
  }
  // The last word may begin within the one before it.
  return one.getInt32(at + last, true) === other.getInt32(otherAt + last, true)
}

/** The order of the runs of `bytes` bytes at both offsets: below 0, 0 or above 0. */
export function compareBytes(one: DataView, at: number, other: DataView, otherAt: number, bytes: number): number {
  let index = 0
  for (; index + 4 <= bytes; index += 4) {
    const first = one.getUint32(at + index)
    const second = other.getUint32(otherAt + index)
    if (first !== second) return first < second ? -1 : 1
  }
  for (; index < bytes; index++) {
    const difference = one.getUint8(at + index) - other.getUint8(otherAt + index)
    if (difference !== 0) return difference
  }
  return 0
}

/** Copies `bytes` bytes; the two runs must not overlap. */
export function copyBytes(source: DataView, from: number, target: DataView, to: number, bytes: number): void {
  if (bytes < 4) {
    for (let index = 0; index < bytes; index++) target.setUint8(to + index, source.getUint8(from + index))
    return
  }
  const last = bytes - 4
  for (let index = 0; index < last; index += 4) target.setInt32(to + index, source.getInt32(from + index, true), true)
  target.setInt32(to + last, source.getInt32(from + last, true), true)
}

/** A hash of the `bytes` bytes at `at`; only for tables in memory. */
export function hashBytes(data: DataView, at: number, bytes: number): number {
  let hash = bytes
  if (bytes < 4) {
    for (let index = 0; index < bytes; index++) hash = (hash << 8) | data.getUint8(at + index)
  } else {
    const last = bytes - 4
    for (let index = 0; index < last; index += 4) {
      hash = Math.imul(hash ^ data.getInt32(at + index, true), 0x9e37_79b1)
      hash ^= hash >>> 15
    }
    hash ^= data.getInt32(at + last, true)
  }
  hash = Math.imul(hash, 0x85eb_ca6b)
  return hash ^ (hash >>> 13)
}
