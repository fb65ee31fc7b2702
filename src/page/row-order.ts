/**
 * The rows of bases and deltas in the order (key, begin). A base is sorted already and a delta is in seq order, so the keys of the base
 * are counted through (a counting sort by key), and only keys that are new in the delta are compared.
 */
import { type KeyTable } from './key-table.js'
import { type PageView } from './page-view.js'

export type OrderInput = { readonly base: PageView | undefined; readonly chunks: readonly PageView[] }

export class RowOrder {
  /** By ordinal: number of its key in the input at hand, or -1. */
  #keyOf = new Int32Array(0)

  /** Rows are numbered through base and chunks of one input after the other; the inputs stand in key order. */
  sort(inputs: readonly OrderInput[], keys: KeyTable, total: number): Int32Array {
    if (this.#keyOf.length < keys.capacity) this.#keyOf = new Int32Array(keys.capacity).fill(-1)
    const order = new Int32Array(total)
    let at = 0
    let first = 0
    for (const input of inputs) {
      const rows = this.#sortOne(input, keys, order, at, first)
      at += rows
      first += rows
    }
    return order
  }

  #sortOne({ base, chunks }: OrderInput, keys: KeyTable, order: Int32Array, start: number, first: number): number {
    const keyOf = this.#keyOf
    const ordinals: number[] = []
    // Keys of the base, and the row at which each begins.
    const baseRows = base === undefined ? 0 : base.rowCount
    const baseStarts: number[] = []
    if (base !== undefined) {
      let last = -1
      for (let row = 0; row < baseRows; row++) {
        const ordinal = base.i32[base.ordinalAt + row] as number
        if (ordinal === last) continue
        last = ordinal
        keyOf[ordinal] = ordinals.length
        ordinals.push(ordinal)
        baseStarts.push(row)
      }
    }
    const baseKeys = ordinals.length
    baseStarts.push(baseRows)
    const deltaRows = chunks.reduce((sum, { rowCount }) => sum + rowCount, 0)
    const keyOfRow = new Int32Array(deltaRows)
    let row = 0
    for (const { i32, ordinalAt, rowCount } of chunks) {
      for (let index = 0; index < rowCount; index++) {
        const ordinal = i32[ordinalAt + index] as number
        let key = keyOf[ordinal] as number
        if (key < 0) {
          key = ordinals.length
          keyOf[ordinal] = key
          ordinals.push(ordinal)
        }
        keyOfRow[row++] = key
      }
    }
    for (const ordinal of ordinals) keyOf[ordinal] = -1
    // Where each key's rows of the delta stand in `byKey`, which keeps the order of seqs.
    const starts = new Int32Array(ordinals.length + 1)
    for (let index = 0; index < deltaRows; index++)
      starts[(keyOfRow[index] as number) + 1] = (starts[(keyOfRow[index] as number) + 1] as number) + 1
    for (let key = 0; key < ordinals.length; key++) starts[key + 1] = (starts[key + 1] as number) + (starts[key] as number)
    const byKey = new Int32Array(deltaRows)
    const next = starts.slice()
    for (let index = 0; index < deltaRows; index++) {
      const key = keyOfRow[index] as number
      const slot = next[key] as number
      byKey[slot] = index
      next[key] = slot + 1
    }
    let at = start
    const put = (key: number): void => {
      if (key < baseKeys) {
        for (let from = baseStarts[key] as number; from < (baseStarts[key + 1] as number); from++) order[at++] = first + from
      }
      for (let slot = starts[key] as number; slot < (starts[key + 1] as number); slot++) {
        order[at++] = first + baseRows + (byKey[slot] as number)
      }
    }
    let baseKey = 0
    for (const key of newKeysInOrder(ordinals, baseKeys, keys)) {
      const end = seek(ordinals, baseKey, baseKeys, ordinals[key] as number, keys)
      while (baseKey < end) put(baseKey++)
      put(key)
    }
    while (baseKey < baseKeys) put(baseKey++)
    return baseRows + deltaRows
  }
}

function newKeysInOrder(ordinals: readonly number[], from: number, keys: KeyTable): number[] {
  const added = Array.from({ length: ordinals.length - from }, (_, index) => from + index)
  const compare = (one: number, other: number) => keys.compare(ordinals[one] as number, ordinals[other] as number)
  for (let index = 1; index < added.length; index++) {
    if (compare(added[index - 1] as number, added[index] as number) > 0) return added.sort(compare)
  }
  return added
}

/** The first key in [from, to) that is above that of `ordinal`: near ones are found with few comparisons. */
function seek(ordinals: readonly number[], from: number, to: number, ordinal: number, keys: KeyTable): number {
  const isBelow = (key: number) => keys.compare(ordinals[key] as number, ordinal) < 0
  let low = from
  let step = 1
  while (low + step <= to && isBelow(low + step - 1)) {
    low += step
    step *= 2
  }
  let high = Math.min(to, low + step)
  while (low < high) {
    const middle = (low + high) >> 1
    if (isBelow(middle)) low = middle + 1
    else high = middle
  }
  return low
}
