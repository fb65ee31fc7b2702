/**
 * The first `count` rows of a stream in the order of its keys, of rows that are alike the earlier: a heap with the last of those that are
 * kept on top. Most rows of a long stream are refused by one comparison with it.
 */
import { type Document } from '../codec/value.js'
import { BATCH_ROWS_MAX, vectorOf, type Batch, type Vector } from './batch.js'
import { bytesOfRow } from './query-memory.js'
import { compareByKey, type SortKey } from './row-order.js'
import { sortedNumbers } from './sort-rows.js'

type Row = {
  /** Place in the stream. */
  readonly arrival: number
  readonly keys: readonly unknown[]
  readonly values: readonly unknown[]
  readonly document: Document | undefined
  readonly bytes: number
}

/** What a row takes beside its values. */
const ROW_BYTES = 120

export class TopRows {
  readonly #keys: readonly SortKey[]
  readonly #count: number
  /** A heap: no row comes before the one at `(index - 1) >> 1` that is above it. */
  readonly #rows: Row[] = []
  #arrivals = 0
  #bytes = 0

  constructor(keys: readonly SortKey[], count: number) {
    this.#keys = keys
    this.#count = count
  }

  get rowCount(): number {
    return this.#rows.length
  }

  /** Of the rows that are kept. */
  get bytes(): number {
    return this.#bytes
  }

  add(batch: Batch): void {
    const first = this.#keys[0] as SortKey
    const vector = batch.columns[first.column] as Vector
    for (let row = 0; row < batch.rowCount; row++) {
      const arrival = this.#arrivals++
      if (this.#rows.length >= this.#count && this.#isRefused(batch, row, vector, first)) continue
      this.#keep(batch, row, arrival)
    }
  }

  /** The rows that are kept, in order, in steps; the heap is done with after it. */
  *rows(): Generator<Batch, void, void> {
    const rows = this.#rows
    const numbers = yield* sortedNumbers(rows.length, (left, right) => this.#compare(rows[left] as Row, rows[right] as Row))
    for (let from = 0; from < rows.length; from += BATCH_ROWS_MAX) {
      yield batchOfRows(Array.from(numbers.subarray(from, from + BATCH_ROWS_MAX), (number) => rows[number] as Row))
    }
  }

  /** A row that comes after the last of those that are kept, or is like it. */
  #isRefused(batch: Batch, row: number, vector: Vector, first: SortKey): boolean {
    const last = this.#rows[0]
    if (last === undefined) return true
    const value = vector.values[row]
    const bound = last.keys[0]
    if (typeof value === 'number' && typeof bound === 'number' && vector.nulls[row] === 0) {
      if (value !== bound) return first.descending ? value < bound : value > bound
    } else {
      const order = compareByKey(vector.nulls[row] === 1 ? null : value, bound, first)
      if (order !== 0) return order > 0
    }
    for (let index = 1; index < this.#keys.length; index++) {
      const key = this.#keys[index] as SortKey
      const order = compareByKey(valueOf(batch, row, key.column), last.keys[index], key)
      if (order !== 0) return order > 0
    }
    return true
  }

  #keep(batch: Batch, row: number, arrival: number): void {
    const kept: Row = {
      arrival,
      keys: this.#keys.map(({ column }) => valueOf(batch, row, column)),
      values: batch.columns.map((_, column) => valueOf(batch, row, column)),
      document: batch.documents?.[row],
      bytes: ROW_BYTES + bytesOfRow(batch, row)
    }
    this.#bytes += kept.bytes
    if (this.#rows.length < this.#count) {
      this.#rows.push(kept)
      this.#up(this.#rows.length - 1)
    } else {
      this.#bytes -= this.#rows[0]?.bytes ?? 0
      this.#rows[0] = kept
      this.#down()
    }
  }

  #up(from: number): void {
    const rows = this.#rows
    const row = rows[from] as Row
    let at = from
    while (at > 0) {
      const above = (at - 1) >> 1
      if (this.#compare(rows[above] as Row, row) > 0) break
      rows[at] = rows[above] as Row
      at = above
    }
    rows[at] = row
  }

  #down(): void {
    const rows = this.#rows
    const row = rows[0] as Row
    let at = 0
    for (;;) {
      let below = at * 2 + 1
      if (below >= rows.length) break
      if (below + 1 < rows.length && this.#compare(rows[below + 1] as Row, rows[below] as Row) > 0) below++
      if (this.#compare(rows[below] as Row, row) < 0) break
      rows[at] = rows[below] as Row
      at = below
    }
    rows[at] = row
  }

  /** No two rows are alike: they did not arrive together. */
  #compare(left: Row, right: Row): number {
    for (let index = 0; index < this.#keys.length; index++) {
      const key = this.#keys[index] as SortKey
      const a = left.keys[index]
      const b = right.keys[index]
      const order = typeof a === 'number' && typeof b === 'number' ? (key.descending ? b - a : a - b) : compareByKey(a, b, key)
      if (order !== 0) return order
    }
    return left.arrival - right.arrival
  }
}

function valueOf({ columns }: Batch, row: number, column: number): unknown {
  const vector = columns[column] as Vector
  return vector.nulls[row] === 1 ? null : vector.values[row]
}

function batchOfRows(rows: readonly Row[]): Batch {
  const columns = (rows[0]?.values ?? []).map((_, column) => vectorOf(rows.map(({ values }) => values[column])))
  if (rows[0]?.document === undefined) return { rowCount: rows.length, columns }
  return { rowCount: rows.length, columns, documents: rows.map(({ document }) => document as Document) }
}
