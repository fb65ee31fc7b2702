import { type IndexDefinition } from '../catalog/index-definition.js'
import { IndexKeys, isBehindValues, startingWith } from './index-keys.js'
import { EntryKeys, type EntryBatch, type IndexRange, type IndexReader } from './index-reader.js'

/**
 * How the entries of a range come: as they stand; backwards; or with their values backwards and rows with the same values forwards, which is
 * what a descending ORDER BY asks for.
 */
export type EntryOrder = 'forward' | 'backward' | 'backward-by-values'

/** An index that answers for a seq. */
export class ReadableIndex {
  readonly definition: IndexDefinition
  readonly reader: IndexReader
  readonly #keys: IndexKeys
  /** Of who read last: it is larger than what most read. */
  #spare: EntryKeys | undefined

  constructor(definition: IndexDefinition, reader: IndexReader) {
    this.definition = definition
    this.reader = reader
    this.#keys = new IndexKeys(definition.columns)
  }

  /** For {@link entries} with keys; to be given back. */
  takeKeys(): EntryKeys {
    const keys = this.#spare ?? new EntryKeys(this.reader.memory)
    this.#spare = undefined
    return keys
  }

  giveBack(keys: EntryKeys): void {
    this.#spare = keys
  }

  /** The entries of a range, a part of a leaf at a time; the arrays are filled again for each. Keys are there if they are asked for. */
  *entries(range: IndexRange, S: number, order: EntryOrder, keys?: EntryKeys): Generator<EntryBatch, void> {
    if (order !== 'backward-by-values') {
      yield* this.reader.batches(range, S, order === 'backward', keys)
      return
    }
    const own = keys ?? this.takeKeys()
    yield* this.#backwardByValues(range, S, own)
    if (keys === undefined) this.giveBack(own)
  }

  /** Where the values of a key end, and the key of its row begins. */
  valuesEnd(bytes: Uint8Array, from: number): number {
    return this.#keys.valuesEnd(bytes, from)
  }

  *#backwardByValues(range: IndexRange, S: number, keys: EntryKeys): Generator<EntryBatch, void> {
    let { to } = range
    for (;;) {
      let last: Uint8Array | undefined
      for (const { values, count } of this.reader.batches({ from: range.from, to }, S, true, keys)) {
        const whole = this.#turned(values, count, keys)
        last = this.#valuesOf(keys, count - 1)
        if (whole > 0) yield { values, count: whole }
        break
      }
      if (last === undefined) return
      // Rows with the last values of a leaf may begin in the leaf before it.
      const group = startingWith(last)
      yield* this.reader.batches(group, S, false, keys)
      to = group.from
    }
  }

  /** Turns the entries with the same values round, but for the last of them; how many there are before those. */
  #turned(values: Uint32Array, count: number, keys: EntryKeys): number {
    let first = 0
    let bytes = this.#valuesBytes(keys, 0)
    for (let entry = 1; entry < count; entry++) {
      if (beginsAlike(keys, first, entry, bytes)) continue
      if (entry - first > 1) {
        values.subarray(first, entry).reverse()
        keys.starts.subarray(first, entry).reverse()
        keys.ends.subarray(first, entry).reverse()
      }
      first = entry
      bytes = this.#valuesBytes(keys, entry)
    }
    return first
  }

  #valuesBytes({ bytes, starts }: EntryKeys, entry: number): number {
    const from = starts[entry] as number
    return this.valuesEnd(bytes, from) - from
  }

  #valuesOf({ bytes, starts }: EntryKeys, entry: number): Uint8Array {
    const from = starts[entry] as number
    return bytes.slice(from, this.valuesEnd(bytes, from))
  }
}

function beginsAlike({ bytes, starts, ends }: EntryKeys, one: number, other: number, length: number): boolean {
  const from = starts[one] as number
  const at = starts[other] as number
  if (at + length >= (ends[other] as number)) return false
  // Most differ at the end of their values.
  for (let index = length - 1; index >= 0; index--) if (bytes[from + index] !== bytes[at + index]) return false
  return isBehindValues(bytes[at + length] as number)
}
