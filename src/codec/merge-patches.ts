/**
 * A document with patches laid over it, from msgpack to msgpack: what `{ ...document, ...patch, ...patch }` would be encoded as, without
 * making any of the values. A property test compares the two. Only small maps of up to 15 fields; the rest is left to the decoder.
 */
import { textEnd, valueEnd } from './document-shape.js'

/** Fields of all patches together. */
const PATCHED_MAX = 16
const FIELDS_MAX = 15

const nameFrom = new Uint32Array(PATCHED_MAX)
const nameTo = new Uint32Array(PATCHED_MAX)
const valueTo = new Uint32Array(PATCHED_MAX)
const isTaken = new Uint8Array(PATCHED_MAX)

/**
 * `source[ends[0], ends[1])` is the document, what follows up to each next end is a patch, the oldest first. Writes the merged document at
 * the beginning of `target`, which has as much room; returns its end, or -1 where it is not of the common kind.
 */
export function mergePatches(source: Uint8Array, ends: readonly number[], target: Uint8Array): number {
  const patched = readPatches(source, ends)
  const documentAt = ends[0] ?? 0
  const fields = fieldsOf(source, documentAt)
  if (patched < 0 || fields < 0) return -1
  let count = fields
  let at = 1
  let from = documentAt + 1
  for (let field = 0; field < fields; field++) {
    const to = textEnd(source, from)
    const end = valueEnd(source, to)
    const newest = newestOf(source, from, to, patched)
    at = copy(source, from, to, target, at)
    at = newest < 0 ? copy(source, to, end, target, at) : copy(source, nameTo[newest] as number, valueTo[newest] as number, target, at)
    from = end
  }
  for (let index = 0; index < patched; index++) {
    if (isTaken[index] === 1) continue
    const newest = newestOf(source, nameFrom[index] as number, nameTo[index] as number, patched)
    if (++count > FIELDS_MAX) return -1
    at = copy(source, nameFrom[index] as number, nameTo[index] as number, target, at)
    at = copy(source, nameTo[newest] as number, valueTo[newest] as number, target, at)
  }
  target[0] = 0x80 | count
  return at
}

/** Notes where the fields of the patches are; how many, or -1. */
function readPatches(source: Uint8Array, ends: readonly number[]): number {
  let patched = 0
  for (let patch = 1; patch < ends.length - 1; patch++) {
    const patchAt = ends[patch] as number
    const fields = fieldsOf(source, patchAt)
    if (fields < 0 || patched + fields > PATCHED_MAX) return -1
    let from = patchAt + 1
    for (let field = 0; field < fields; field++) {
      const to = textEnd(source, from)
      nameFrom[patched] = from
      nameTo[patched] = to
      from = valueEnd(source, to)
      valueTo[patched] = from
      isTaken[patched++] = 0
    }
  }
  return patched
}

/** Of a small map; -1 where it is another. */
function fieldsOf(source: Uint8Array, at: number): number {
  const head = source[at] ?? 0
  return head >= 0x80 && head <= 0x8f ? head & 0x0f : -1
}

/** The last patched field of this name, or -1; all of them are taken then. */
function newestOf(source: Uint8Array, from: number, to: number, patched: number): number {
  let newest = -1
  for (let index = 0; index < patched; index++) {
    if (!isSame(source, from, to, nameFrom[index] as number, nameTo[index] as number)) continue
    isTaken[index] = 1
    newest = index
  }
  return newest
}

function isSame(source: Uint8Array, from: number, to: number, otherFrom: number, otherTo: number): boolean {
  if (to - from !== otherTo - otherFrom) return false
  for (let index = to - 1, other = otherTo - 1; index >= from; index--, other--) if (source[index] !== source[other]) return false
  return true
}

function copy(source: Uint8Array, from: number, to: number, target: Uint8Array, at: number): number {
  let end = at
  for (let index = from; index < to; index++) target[end++] = source[index] as number
  return end
}
