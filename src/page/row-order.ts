/**
 * The rows of bases and deltas in the order (key, begin). A base is sorted already and a delta is in seq order, so the keys of the base
 * are counted through (a counting sort by key), and only keys that are new in the delta are compared.
 */
import { type KeyTable } from './key-table.js'

/** How many rows of a base and of its delta. */
export type RowCounts = { readonly baseRows: number; readonly deltaRows: number }

export class RowOrder {
  /** By ordinal: number of its key in the input at hand, or -1. */
  #keyOf = new Int32Array(0)
  #order = new Int32Array(0)
  /** By number of a key: its ordinal, its first row in the base, its first in {@link #byKey}. */
  #ordinals = new Int32Array(0)
  #baseStarts = new Int32Array(0)
  #starts = new Int32Array(0)
  /** By row of the delta: number of its key. */
  #keyOfRow = new Int32Array(0)
  /** Rows of the delta, key by key. */
  #byKey = new Int32Array(0)

  /**
   * Rows are numbered through base and chunks of one input after the other, `total` in all; the inputs stand in key order. What comes back
   * is valid until the next call.
   */
  sort(inputs: readonly RowCounts[], ordinals: Int32Array, total: number, keys: KeyTable): Int32Array {
    if (this.#keyOf.length < keys.capacity) this.#keyOf = new Int32Array(keys.capacity).fill(-1)
    if (this.#order.length < total) {
      this.#order = new Int32Array(total)
      this.#ordinals = new Int32Array(total)
      this.#baseStarts = new Int32Array(total + 1)
      this.#starts = new Int32Array(total + 1)
      this.#keyOfRow = new Int32Array(total)
      this.#byKey = new Int32Array(total)
    }
    let first = 0
    for (const { baseRows, deltaRows } of inputs) {
      this.#sortOne(ordinals, first, first + baseRows, first + baseRows + deltaRows, keys)
      first += baseRows + deltaRows
    }
    return this.#order.subarray(0, total)
  }

  /** Rows [from, end), of which those before `deltaFrom` are the base. */
  #sortOne(ordinalOf: Int32Array, from: number, deltaFrom: number, end: number, keys: KeyTable): void {
    const ordinals = this.#ordinals
    const baseKeys = this.#numberBase(ordinalOf, from, deltaFrom)
    const keyCount = this.#numberDelta(ordinalOf, deltaFrom, end, baseKeys)
    const keyOf = this.#keyOf
    for (let key = 0; key < keyCount; key++) keyOf[ordinals[key] as number] = -1
    this.#sortDelta(end - deltaFrom, keyCount)
    let at = from
    let baseKey = 0
    for (const key of this.#newKeysInOrder(baseKeys, keyCount, keys)) {
      const before = seek(ordinals, baseKey, baseKeys, ordinals[key] as number, keys)
      at = this.#putBase(baseKey, before, at, deltaFrom)
      baseKey = before
      at = this.#putDelta(key, at, deltaFrom)
    }
    this.#putBase(baseKey, baseKeys, at, deltaFrom)
  }

  #numberBase(ordinalOf: Int32Array, from: number, to: number): number {
    const keyOf = this.#keyOf
    const ordinals = this.#ordinals
    const starts = this.#baseStarts
    let count = 0
    let last = -1
    for (let row = from; row < to; row++) {
      const ordinal = ordinalOf[row] as number
      if (ordinal === last) continue
      last = ordinal
      keyOf[ordinal] = count
      ordinals[count] = ordinal
      starts[count++] = row
    }
    starts[count] = to
    return count
  }

  /** Numbers the keys that only the delta has behind those of the base; returns how many keys there are. */
  #numberDelta(ordinalOf: Int32Array, from: number, to: number, baseKeys: number): number {
    const keyOf = this.#keyOf
    const ordinals = this.#ordinals
    const keyOfRow = this.#keyOfRow
    let count = baseKeys
    for (let row = from; row < to; row++) {
      const ordinal = ordinalOf[row] as number
      let key = keyOf[ordinal] as number
      if (key < 0) {
        key = count
        keyOf[ordinal] = key
        ordinals[count++] = ordinal
      }
      keyOfRow[row - from] = key
    }
    return count
  }

  /** A counting sort, which keeps the order of seqs. Behind it `starts[key]` is where the key's rows end. */
  #sortDelta(rows: number, keyCount: number): void {
    const starts = this.#starts
    const keyOfRow = this.#keyOfRow
    const byKey = this.#byKey
    starts.fill(0, 0, keyCount + 1)
    for (let row = 0; row < rows; row++) {
      const slot = (keyOfRow[row] as number) + 1
      starts[slot] = (starts[slot] as number) + 1
    }
    let sum = 0
    for (let key = 0; key <= keyCount; key++) starts[key] = sum += starts[key] as number
    for (let row = 0; row < rows; row++) {
      const key = keyOfRow[row] as number
      const slot = starts[key] as number
      byKey[slot] = row
      starts[key] = slot + 1
    }
  }

  /** The rows of keys [from, to) of the base, each key's delta behind it. */
  #putBase(from: number, to: number, orderAt: number, deltaFrom: number): number {
    const order = this.#order
    const baseStarts = this.#baseStarts
    const ends = this.#starts
    const byKey = this.#byKey
    let at = orderAt
    let slot = from === 0 ? 0 : (ends[from - 1] as number)
    for (let key = from; key < to; key++) {
      for (let row = baseStarts[key] as number; row < (baseStarts[key + 1] as number); row++) order[at++] = row
      for (const end = ends[key] as number; slot < end; slot++) order[at++] = deltaFrom + (byKey[slot] as number)
    }
    return at
  }

  #putDelta(key: number, orderAt: number, deltaFrom: number): number {
    let at = orderAt
    for (let slot = key === 0 ? 0 : (this.#starts[key - 1] as number); slot < (this.#starts[key] as number); slot++) {
      this.#order[at++] = deltaFrom + (this.#byKey[slot] as number)
    }
    return at
  }

  #newKeysInOrder(from: number, to: number, keys: KeyTable): Int32Array {
    const ordinals = this.#ordinals
    const added = new Int32Array(to - from)
    let isSorted = true
    for (let index = 0; index < added.length; index++) {
      const key = from + index
      added[index] = key
      if (index > 0 && isSorted) isSorted = keys.compare(ordinals[key - 1] as number, ordinals[key] as number) <= 0
    }
    return isSorted ? added : added.sort((one, other) => keys.compare(ordinals[one] as number, ordinals[other] as number))
  }
}

/** The first key in [from, to) that is above that of `ordinal`: near ones are found with few comparisons. */
function seek(ordinals: Int32Array, from: number, to: number, ordinal: number, keys: KeyTable): number {
  let low = from
  let step = 1
  while (low + step <= to && keys.compare(ordinals[low + step - 1] as number, ordinal) < 0) {
    low += step
    step *= 2
  }
  let high = Math.min(to, low + step)
  while (low < high) {
    const middle = (low + high) >> 1
    if (keys.compare(ordinals[middle] as number, ordinal) < 0) low = middle + 1
    else high = middle
  }
  return low
}
