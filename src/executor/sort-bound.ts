/** The last of the first n rows so far, where a sort gives only n: what does not come before it is refused, mostly by one comparison. */
import { EMPTY_BATCH, pick, type Batch, type Vector } from '../expression/batch.js'
import { compareByKey, type SortKey } from '../expression/row-order.js'

export class SortBound {
  readonly #keys: readonly SortKey[]
  readonly #values: readonly unknown[]

  /** `row` of `batch` is the last of n. */
  constructor(keys: readonly SortKey[], batch: Batch, row: number) {
    this.#keys = keys
    this.#values = keys.map(({ column }) => valueOf(batch, row, column))
  }

  /** The rows that come before the bound. One that is like it came later, and does not. */
  admitted(batch: Batch): Batch {
    const [key] = this.#keys
    if (key === undefined) return EMPTY_BATCH
    const { values, nulls } = batch.columns[key.column] as Vector
    const bound = this.#values[0]
    const admitted: number[] = []
    for (let row = 0; row < batch.rowCount; row++) {
      const value = values[row]
      let order: number
      if (typeof value === 'number' && typeof bound === 'number' && nulls[row] === 0) order = key.descending ? bound - value : value - bound
      else order = compareByKey(nulls[row] === 1 ? null : value, bound, key)
      if (order < 0 || (order === 0 && this.#keys.length > 1 && this.#comesBefore(batch, row))) admitted.push(row)
    }
    return admitted.length === batch.rowCount ? batch : admitted.length === 0 ? EMPTY_BATCH : pick(batch, admitted)
  }

  /** By the keys behind the first. */
  #comesBefore(batch: Batch, row: number): boolean {
    for (let index = 1; index < this.#keys.length; index++) {
      const key = this.#keys[index] as SortKey
      const order = compareByKey(valueOf(batch, row, key.column), this.#values[index], key)
      if (order !== 0) return order < 0
    }
    return false
  }
}

function valueOf({ columns }: Batch, row: number, column: number): unknown {
  const { values, nulls } = columns[column] as Vector
  return nulls[row] === 1 ? null : values[row]
}
