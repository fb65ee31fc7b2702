/**
 * DISTINCT, also of more rows than fit in memory. What was seen is remembered until there is no more room; from then on a row that was not
 * seen is put aside in partitions with its place in the stream. They are gone through one after the other in the same way, and what is left
 * of them is sorted by those places: so the rows come as they would have without.
 */
import { EMPTY_BATCH, pick, type Batch } from '../expression/batch.js'
import { ExternalSort } from './external-sort.js'
import { identityOf } from '../codec/value-order.js'
import { LEVELS_MAX, Partitions } from './partitions.js'
import { type QueryMemory } from './query-memory.js'
import { readRows } from './spilled-rows.js'

type Steps = Generator<Batch, void, void>

/** Of an entry of a set, beside its text. */
const SEEN_BYTES = 64

export class DistinctRows {
  readonly #columnCount: number
  readonly #memory: QueryMemory
  readonly #level: number
  readonly #seen = new Set<string>()
  #bytes = 0
  #arrivals = 0
  #placeColumn = 0
  /** Set where there is no more room. */
  #partitions: Partitions | undefined
  #sort: ExternalSort | undefined

  /** What makes rows the same: the first `columnCount` columns, and the documents if there are any. */
  constructor(columnCount: number, memory: QueryMemory, level = 0) {
    this.#columnCount = columnCount
    this.#memory = memory
    this.#level = level
  }

  /** The rows of a batch that are known to be the first of their kind. */
  add(batch: Batch): Batch {
    const first: number[] = []
    for (let row = 0; row < batch.rowCount; row++) {
      const identity = this.#identityOf(batch, row)
      const arrival = this.#arrivals++
      if (this.#seen.has(identity)) continue
      if (this.#isNew(identity)) first.push(row)
      else this.#putAside(identity, batch, row, arrival)
    }
    return first.length === batch.rowCount ? batch : first.length === 0 ? EMPTY_BATCH : pick(batch, first)
  }

  /** Those that were put aside, once. */
  *rest(): Steps {
    if (this.#partitions === undefined) return
    this.#sort = new ExternalSort(
      [{ column: this.#placeColumn, descending: false, nullsFirst: false }],
      Number.POSITIVE_INFINITY,
      this.#memory
    )
    yield* this.#restInto(this.#sort)
    for (const batch of this.#sort.rows()) {
      yield batch.rowCount === 0 ? batch : { ...batch, columns: batch.columns.slice(0, this.#placeColumn) }
    }
  }

  close(): void {
    this.#forget()
    this.#partitions?.close()
    this.#sort?.close()
  }

  *#restInto(sort: ExternalSort): Steps {
    this.#forget()
    for (const rows of this.#partitions?.end() ?? []) {
      const part = new DistinctRows(this.#columnCount, this.#memory, this.#level + 1)
      try {
        for (const batch of readRows(rows, this.#memory)) {
          yield* sort.add(part.add(batch))
          yield EMPTY_BATCH
        }
        yield* part.#restInto(sort)
      } finally {
        part.close()
      }
    }
  }

  #isNew(identity: string): boolean {
    if (this.#partitions !== undefined) return false
    const bytes = SEEN_BYTES + identity.length
    // One at least: else no partition would ever be done.
    if (this.#seen.size > 0 && this.#level < LEVELS_MAX && this.#memory.isFull(this.#bytes, bytes)) {
      this.#partitions = new Partitions(this.#memory, this.#level)
      return false
    }
    this.#bytes += bytes
    this.#memory.take(bytes)
    this.#seen.add(identity)
    return true
  }

  /** In a partition the place is the last column already. */
  #putAside(identity: string, batch: Batch, row: number, arrival: number): void {
    if (this.#level === 0) this.#placeColumn = batch.columns.length
    this.#partitions?.add(identity, batch, row, this.#level === 0 ? arrival : undefined)
  }

  #identityOf({ columns, documents }: Batch, row: number): string {
    let identity = documents === undefined ? '' : identityOf(documents[row])
    for (let index = 0; index < this.#columnCount; index++) {
      const column = columns[index]
      identity += `|${identityOf(column?.nulls[row] === 1 ? null : column?.values[row])}`
    }
    return identity
  }

  #forget(): void {
    this.#seen.clear()
    this.#memory.free(this.#bytes)
    this.#bytes = 0
  }
}
