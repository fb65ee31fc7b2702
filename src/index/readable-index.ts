import { type IndexDefinition } from '../catalog/index-definition.js'
import { IndexKeys, startingWith } from './index-keys.js'
import { type IndexRange, type IndexReader } from './index-reader.js'

/** An index that answers for a seq. */
export class ReadableIndex {
  readonly definition: IndexDefinition
  readonly reader: IndexReader
  readonly #keys: IndexKeys

  constructor(definition: IndexDefinition, reader: IndexReader) {
    this.definition = definition
    this.reader = reader
    this.#keys = new IndexKeys(definition.columns)
  }

  /** The ordinals of a range in the order of the columns, or against it; those with equal values in the order of their keys, either way. */
  *inOrder(range: IndexRange, S: number, isReverse: boolean): Generator<number, void> {
    if (!isReverse) {
      for (const { values, count } of this.reader.batches(range, S, false)) yield* values.subarray(0, count)
      return
    }
    let { to } = range
    for (;;) {
      const last = this.reader.lastKey({ from: range.from, to }, S)
      if (last === undefined) return
      // All that have the values of the last one, forward.
      const group = startingWith(last.slice(0, this.#keys.valuesEnd(last, 0)))
      for (const { values, count } of this.reader.batches(group, S, false)) yield* values.subarray(0, count)
      to = group.from
    }
  }
}
