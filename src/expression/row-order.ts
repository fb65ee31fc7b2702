/** The order of rows by their sort keys. */
import { type Batch, type Vector } from './batch.js'
import { compareTexts, compareValues } from '../codec/value-order.js'

/** `column` of the batch. */
export type SortKey = { readonly column: number; readonly descending: boolean; readonly nullsFirst: boolean }

/** Negative, 0 or positive; a NULL has its place whatever the direction. */
export function compareByKey(left: unknown, right: unknown, { descending, nullsFirst }: SortKey): number {
  const leftIsNull = left === null || left === undefined
  const rightIsNull = right === null || right === undefined
  if (leftIsNull || rightIsNull) return leftIsNull === rightIsNull ? 0 : leftIsNull === nullsFirst ? -1 : 1
  const order = compareValues(left, right)
  return descending ? -order : order
}

/** Rows compared by the numbers they were added in. */
export type RowComparison = (left: number, right: number) => number

/** The values of one sort key, a row each: while all are numbers, or all texts, nothing need be asked of each when they are compared. */
export class KeyColumn {
  readonly #key: SortKey
  readonly #values: unknown[]
  readonly #numbers: Float64Array
  #areNumbers = true
  #areTexts = true
  #count = 0

  constructor(key: SortKey, rowCount: number) {
    this.#key = key
    this.#values = new Array<unknown>(rowCount)
    this.#numbers = new Float64Array(rowCount)
  }

  add({ columns, rowCount }: Batch): void {
    const { values, nulls } = columns[this.#key.column] as Vector
    for (let row = 0; row < rowCount; row++) {
      const value = nulls[row] === 0 ? values[row] : null
      const number = this.#count++
      this.#values[number] = value
      if (typeof value === 'number') {
        this.#numbers[number] = value
        this.#areTexts = false
      } else {
        this.#areNumbers = false
        if (typeof value !== 'string') this.#areTexts = false
      }
    }
  }

  comparison(): RowComparison {
    const values = this.#values
    const numbers = this.#numbers
    const key = this.#key
    const sign = key.descending ? -1 : 1
    if (this.#areNumbers) return (left, right) => sign * ((numbers[left] as number) - (numbers[right] as number))
    if (this.#areTexts) return (left, right) => sign * compareTexts(values[left] as string, values[right] as string)
    return (left, right) => compareByKey(values[left], values[right], key)
  }
}
