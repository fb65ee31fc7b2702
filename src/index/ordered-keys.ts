import { compareKeys } from '../codec/key-codec.js'
import { BTree } from './sorted-btree.js'
import type { KeyIndex } from './key-index.js'

export type KeyRange = {
  /** Canonical bytes of a bound. */
  readonly from?: Uint8Array | undefined
  readonly fromInclusive?: boolean
  readonly to?: Uint8Array | undefined
  readonly toInclusive?: boolean
  readonly reverse?: boolean
}

/** Above this share of new keys, sorting all of them is cheaper than inserting them one by one. */
const REBUILD_SHARE = 0.25

/**
 * Keys of one table in key order, for scans by range. Inserts cost nothing: the order is brought up to date by the scan that needs it
 * (a B-tree set costs microseconds, which the write path does not have).
 */
export class OrderedKeys {
  readonly #keys: KeyIndex
  #tree = new BTree<Uint8Array, number>(undefined, compareKeys)
  #ordered = 0

  constructor(keys: KeyIndex) {
    this.#keys = keys
  }

  /** A scan saw keys that a refused batch took back. */
  forget(count: number): void {
    if (this.#ordered <= count) return
    this.#tree = new BTree<Uint8Array, number>(undefined, compareKeys)
    this.#ordered = 0
  }

  /** Ordinals in key order; keys added while it runs may be missing. */
  *ordinals(range: KeyRange): Generator<number, void> {
    this.#catchUp()
    // A clone shares its nodes until they change: the walk is over the keys of this moment.
    const tree = this.#tree.clone()
    const { from, to, fromInclusive = true, toInclusive = true } = range
    if (range.reverse === true) {
      for (const [key, ordinal] of tree.entriesReversed(to)) {
        if (to !== undefined && !toInclusive && compareKeys(key, to) === 0) continue
        if (from !== undefined && isBefore(key, from, fromInclusive)) return
        yield ordinal
      }
      return
    }
    for (const [key, ordinal] of tree.entries(from)) {
      if (from !== undefined && !fromInclusive && compareKeys(key, from) === 0) continue
      if (to !== undefined && isBehind(key, to, toInclusive)) return
      yield ordinal
    }
  }

  #catchUp(): void {
    const count = this.#keys.count
    const missing = count - this.#ordered
    if (missing > REBUILD_SHARE * count) {
      const all: [Uint8Array, number][] = []
      for (let ordinal = 0; ordinal < count; ordinal++) all.push([this.#keys.keyOf(ordinal), ordinal])
      all.sort((a, b) => compareKeys(a[0], b[0]))
      this.#tree = new BTree<Uint8Array, number>(all, compareKeys)
    } else {
      for (let ordinal = this.#ordered; ordinal < count; ordinal++) this.#tree.set(this.#keys.keyOf(ordinal), ordinal)
    }
    this.#ordered = count
  }
}

function isBefore(key: Uint8Array, bound: Uint8Array, inclusive: boolean): boolean {
  const order = compareKeys(key, bound)
  return order < 0 || (order === 0 && !inclusive)
}

function isBehind(key: Uint8Array, bound: Uint8Array, inclusive: boolean): boolean {
  const order = compareKeys(key, bound)
  return order > 0 || (order === 0 && !inclusive)
}
