/** Sorting rows in memory, in steps: a million rows take seconds, and an empty batch between two steps lets whoever drives look up. */
import { type Document } from '../codec/value.js'
import { BATCH_ROWS_MAX, EMPTY_BATCH, type Batch, type Vector } from '../expression/batch.js'
import { KeyColumn, type RowComparison, type SortKey } from '../expression/row-order.js'

/** Rows that are sorted, and rows that are merged, in one go: a few milliseconds, also of texts. */
const SORT_ROWS = 2048
const MERGE_ROWS = 8192
const MERGE_BATCHES = MERGE_ROWS / BATCH_ROWS_MAX

/** The first `count` rows of all in the order of `keys`; rows that are alike stay in their order. */
export function* sortedRows(batches: readonly Batch[], keys: readonly SortKey[], count: number): Generator<Batch, void, void> {
  // A row's number counts through all batches; `firsts` has the number of each batch's first row.
  const firsts: number[] = []
  let rowCount = 0
  for (const batch of batches) {
    firsts.push(rowCount)
    rowCount += batch.rowCount
  }
  const columns = keys.map((key) => new KeyColumn(key, rowCount))
  for (const [index, batch] of batches.entries()) {
    for (const column of columns) column.add(batch)
    if (index % MERGE_BATCHES === 0) yield EMPTY_BATCH
  }
  const numbers = yield* sortedNumbers(rowCount, comparisonBy(columns.map((column) => column.comparison())))
  const batchOfRow = new Uint32Array(rowCount)
  for (const [index, batch] of batches.entries()) batchOfRow.fill(index, firsts[index], (firsts[index] ?? 0) + batch.rowCount)
  const end = Math.min(rowCount, count)
  for (let from = 0; from < end; from += BATCH_ROWS_MAX) {
    yield gathered(batches, firsts, batchOfRow, numbers.subarray(from, Math.min(end, from + BATCH_ROWS_MAX)))
  }
}

/** By the first key that tells two rows apart, or else by their numbers. */
function comparisonBy(keys: readonly RowComparison[]): RowComparison {
  const [first] = keys
  if (first !== undefined && keys.length === 1) return (left, right) => first(left, right) || left - right
  return (left, right) => {
    for (const key of keys) {
      const order = key(left, right)
      if (order !== 0) return order
    }
    return left - right
  }
}

/** The numbers below `count` in the order of `compare`, which finds no two alike. */
export function* sortedNumbers(count: number, compare: RowComparison): Generator<Batch, Uint32Array> {
  let from = new Uint32Array(count)
  for (let at = 0; at < count; at += SORT_ROWS) {
    // The sort of a plain array is twice as fast as that of a typed one with a function.
    const step: number[] = []
    for (let number = at; number < Math.min(count, at + SORT_ROWS); number++) step.push(number)
    from.set(step.sort(compare), at)
    yield EMPTY_BATCH
  }
  if (count <= SORT_ROWS) return from
  let into = new Uint32Array(count)
  for (let width = SORT_ROWS; width < count; width *= 2) {
    let sinceYield = 0
    for (let begin = 0; begin < count; begin += width * 2) {
      const middle = Math.min(begin + width, count)
      const end = Math.min(begin + width * 2, count)
      let left = begin
      let right = middle
      for (let at = begin; at < end; at++) {
        const takesLeft = right >= end || (left < middle && compare(from[left] as number, from[right] as number) <= 0)
        into[at] = from[takesLeft ? left++ : right++] as number
        if (++sinceYield < MERGE_ROWS) continue
        sinceYield = 0
        yield EMPTY_BATCH
      }
    }
    const sorted = into
    into = from
    from = sorted
  }
  return from
}

function gathered(batches: readonly Batch[], firsts: readonly number[], batchOfRow: Uint32Array, numbers: Uint32Array): Batch {
  const rowCount = numbers.length
  const columnCount = batches[0]?.columns.length ?? 0
  const columns = Array.from({ length: columnCount }, () => ({ values: new Array<unknown>(rowCount), nulls: new Uint8Array(rowCount) }))
  const documents: Document[] = []
  const hasDocuments = batches[0]?.documents !== undefined
  for (let index = 0; index < rowCount; index++) {
    const number = numbers[index] as number
    const place = batchOfRow[number] as number
    const batch = batches[place] as Batch
    const row = number - (firsts[place] as number)
    for (let column = 0; column < columnCount; column++) {
      const from = batch.columns[column] as Vector
      const into = columns[column] as { values: unknown[]; nulls: Uint8Array }
      into.values[index] = from.values[row]
      into.nulls[index] = from.nulls[row] as number
    }
    if (hasDocuments) documents.push(batch.documents?.[row] as Document)
  }
  return hasDocuments ? { rowCount, columns, documents } : { rowCount, columns }
}
