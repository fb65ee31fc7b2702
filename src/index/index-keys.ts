import { textEnd, valueEnd, fieldCount, firstFieldAt, encodeFieldName } from '../codec/document-shape.js'
import {
  invertSortValue,
  SORT_BODY_BYTES_MAX,
  sortValueEnd,
  wasCut,
  writeSortPayload,
  writeSortTextPrefix,
  writeSortValue
} from '../codec/sort-key.js'
import { type IndexColumn } from '../catalog/index-definition.js'
import { limits } from '../base/limits.js'

/** For the values of all columns together; the key of the row comes behind them. */
const VALUES_BYTES_MAX = 720
const NOWHERE = -1

/** Between these is the byte behind a value: the first of the next one, or of the row's key, but not what goes on with a text. */
const BEHIND_FROM = 0x02
const BEHIND_TO = 0xf8

/** Of the byte behind bytes that are whole values: that these end there, and no text among them goes on with a zero. */
export function isBehindValues(byte: number): boolean {
  return byte >= BEHIND_FROM && byte < BEHIND_TO
}

/** The keys that begin with whole values. */
export function startingWith(prefix: Uint8Array): { readonly from: Uint8Array; readonly to: Uint8Array } {
  return { from: behind(prefix, BEHIND_FROM), to: behind(prefix, BEHIND_TO) }
}

function behind(prefix: Uint8Array, byte: number): Uint8Array {
  const bytes = new Uint8Array(prefix.length + 1)
  bytes.set(prefix)
  bytes[prefix.length] = byte
  return bytes
}

/** Bytes of the longest body of one of so many columns. */
function bodyBytesMax(columns: number): number {
  return Math.min(SORT_BODY_BYTES_MAX, Math.floor(VALUES_BYTES_MAX / columns) - 3)
}

/**
 * Makes the keys of an index: the values of its columns, then the canonical bytes of the row's key, so that no two rows have the same and
 * rows with the same values stand in the order of their keys. A field that is absent stands as NULL.
 */
export class IndexKeys {
  /** Of the key that was made last. */
  readonly bytes = new Uint8Array(VALUES_BYTES_MAX + limits.keyBytesMax + 128)
  /** Of the key that was made last: a value of it is cut. */
  isCut = false
  readonly #columns: readonly IndexColumn[]
  readonly #names: readonly (readonly Uint8Array[])[]
  readonly #bodyMax: number
  /** The document that is looked at. */
  #source: Uint8Array = new Uint8Array(0)
  /** Where the value of each column lies in it. */
  readonly #found: Int32Array
  /** Whether the document has the column's first field. */
  readonly #isThere: Uint8Array

  constructor(columns: readonly IndexColumn[]) {
    this.#columns = columns
    this.#names = columns.map(({ path }) => path.map(encodeFieldName))
    this.#bodyMax = bodyBytesMax(columns.length)
    this.#found = new Int32Array(columns.length)
    this.#isThere = new Uint8Array(columns.length)
  }

  /** Looks for the columns' values in a document or a patch, the msgpack map at `source[from …)`; false: it has the first field of none. */
  look(source: Uint8Array, from: number): boolean {
    const names = this.#names
    this.#source = source
    for (let column = 0; column < names.length; column++) {
      this.#found[column] = NOWHERE
      this.#isThere[column] = 0
    }
    let isAny = false
    let at = firstFieldAt(source, from)
    for (let left = fieldCount(source, from); left > 0; left--) {
      const valueAt = textEnd(source, at)
      for (let column = 0; column < names.length; column++) {
        const path = names[column] as readonly Uint8Array[]
        if (!isName(source, at, valueAt, path[0] as Uint8Array)) continue
        isAny = true
        this.#isThere[column] = 1
        this.#found[column] = path.length === 1 ? valueAt : within(source, valueAt, path)
      }
      at = valueEnd(source, valueAt)
    }
    return isAny
  }

  /** The key of the document that was looked at, of the row with the key `key[0, keyBytes)`; how many bytes it has. */
  ofDocument(key: Uint8Array, keyBytes: number): number {
    const source = this.#source
    let at = 0
    this.isCut = false
    for (let column = 0; column < this.#columns.length; column++) at = this.#write(source, this.#found[column] as number, column, at)
    for (let index = 0; index < keyBytes; index++) this.bytes[at++] = key[index] as number
    return at
  }

  /** The key of a row behind the patch that was looked at, before which it was `old[at, at + bytes)`; how many bytes it has. */
  ofPatch(old: Uint8Array, at: number, bytes: number): number {
    const source = this.#source
    let to = 0
    let next = at
    this.isCut = false
    for (let column = 0; column < this.#columns.length; column++) {
      const end = sortValueEnd(old, next, this.#columns[column]?.isDescending ?? false)
      if (this.#isThere[column] === 1) to = this.#write(source, this.#found[column] as number, column, to)
      else while (next < end) this.bytes[to++] = old[next++] as number
      next = end
    }
    while (next < at + bytes) this.bytes[to++] = old[next++] as number
    return to
  }

  /**
   * The bytes that the keys begin with whose first columns have these values; undefined where a value is none that a document could have.
   * `isCut` says whether others begin with them too.
   */
  prefix(values: readonly unknown[]): Uint8Array | undefined {
    let at = 0
    this.isCut = false
    for (const [column, value] of values.entries()) {
      let end: number
      try {
        end = writeSortValue(storable(value), this.bytes, at, this.#bodyMax)
      } catch {
        // A number that is none, or past 64 bits, or a text with half a surrogate pair: no document has it.
        return undefined
      }
      this.isCut ||= wasCut()
      if (this.#columns[column]?.isDescending === true) invertSortValue(this.bytes, at, end)
      at = end
    }
    return this.bytes.slice(0, at)
  }

  /** What the keys begin with whose first columns have these values and whose next one is a text that begins so. */
  textPrefix(values: readonly unknown[], text: string): Uint8Array {
    const before = this.prefix(values) ?? new Uint8Array(0)
    this.bytes.set(before)
    const end = writeSortTextPrefix(text, this.bytes, before.length, this.#bodyMax)
    if (this.#columns[values.length]?.isDescending === true) invertSortValue(this.bytes, before.length, end)
    return this.bytes.slice(0, end)
  }

  /** Where the values of a key end, and the key of its row begins. */
  valuesEnd(source: Uint8Array, from: number): number {
    let at = from
    for (const { isDescending } of this.#columns) at = sortValueEnd(source, at, isDescending)
    return at
  }

  #write(source: Uint8Array, offset: number, column: number, at: number): number {
    const { bytes } = this
    const end =
      offset === NOWHERE ? writeSortValue(null, bytes, at, this.#bodyMax) : writeSortPayload(source, offset, bytes, at, this.#bodyMax)
    this.isCut ||= wasCut()
    if (this.#columns[column]?.isDescending === true) invertSortValue(bytes, at, end)
    return end
  }
}

/** An integer past 64 bits is in no document, but it may equal a float that is. */
function storable(value: unknown): unknown {
  if (typeof value !== 'bigint' || BigInt.asUintN(64, value) === value || BigInt.asIntN(64, value) === value) return value
  const float = Number(value)
  return Number.isFinite(float) && BigInt(float) === value ? float : value
}

function isName(source: Uint8Array, from: number, to: number, name: Uint8Array): boolean {
  if (to - from !== name.length) return false
  for (let index = 0; index < name.length; index++) if (source[from + index] !== name[index]) return false
  return true
}

/** Where the value at the end of a path lies, of which the first step leads to `at`. */
function within(source: Uint8Array, at: number, path: readonly Uint8Array[]): number {
  let place = at
  for (let step = 1; step < path.length; step++) {
    const head = source[place] as number
    if (!((head >= 0x80 && head < 0x90) || head === 0xde || head === 0xdf)) return NOWHERE
    let next = firstFieldAt(source, place)
    let found = NOWHERE
    for (let left = fieldCount(source, place); left > 0 && found === NOWHERE; left--) {
      const valueAt = textEnd(source, next)
      if (isName(source, next, valueAt, path[step] as Uint8Array)) found = valueAt
      next = valueEnd(source, valueAt)
    }
    if (found === NOWHERE) return NOWHERE
    place = found
  }
  return place
}
