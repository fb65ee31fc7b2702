/**
 * A sort of more rows than fit in memory. Rows are kept as long as there is room; then they are sorted and written as a run, and the runs
 * are merged at the end. A run holds rows that came one after the other, runs are merged in that order, and of rows that are alike the one
 * of the earlier run goes first: so the result is that of one stable sort.
 *
 * Where only the first n rows are asked for, what is kept is cut to n now and then, and from the first time on what comes after the last of
 * them is refused. So a long stream is not sorted: a few times n rows are.
 */
import { BATCH_ROWS_MAX, EMPTY_BATCH, type Batch } from '../expression/batch.js'
import { mergedRuns } from './merge-runs.js'
import { bytesOfBatch, type QueryMemory } from './query-memory.js'
import { type SortKey } from '../expression/row-order.js'
import { SortBound } from './sort-bound.js'
import { sortedRows } from './sort-rows.js'
import { RowWriter, SharedFile, type SpilledRows } from './spilled-rows.js'

type Steps = Generator<Batch, void, void>

/** More runs are merged in several passes, whatever the memory. */
const FAN_IN_MAX = 128
/** Of a row while it is sorted, beside its values: its number twice, its batch's; and for each key its value twice. */
const ROW_BYTES = 12
const KEY_BYTES = 16
/** Of n rows that are asked for so many times n are kept, before they are cut to n; of few, so many rows. */
const KEPT_TIMES = 4
const KEPT_ROWS_MIN = 8 * BATCH_ROWS_MAX

export class ExternalSort {
  readonly #keys: readonly SortKey[]
  readonly #count: number
  readonly #memory: QueryMemory
  readonly #files: SharedFile[] = []
  #kept: Batch[] = []
  #keptRows = 0
  #bytes = 0
  #bound: SortBound | undefined
  #runs: SpilledRows[] = []

  /** With a `count` only the first of the rows are given. */
  constructor(keys: readonly SortKey[], count: number, memory: QueryMemory) {
    this.#keys = keys
    this.#count = count
    this.#memory = memory
  }

  /** Yields only empty batches, where it works for long. */
  *add(given: Batch): Steps {
    if (given.rowCount === 0) return
    const batch = this.#bound === undefined ? given : this.#bound.admitted(given)
    if (batch.rowCount === 0) return
    const bytes = this.#bytesOf(batch)
    if (this.#memory.isFull(this.#bytes, bytes) && this.#keptRows > this.#count) yield* this.#cut()
    if (this.#memory.isFull(this.#bytes, bytes)) yield* this.#spill()
    this.#kept.push(batch)
    this.#keptRows += batch.rowCount
    // What is in hand alone is more than there is room for: it is not kept.
    if (this.#memory.isFull(this.#bytes, bytes)) yield* this.#spill()
    else this.#hold(this.#bytes + bytes)
    if (this.#keptRows > Math.max(this.#count * KEPT_TIMES, KEPT_ROWS_MIN)) yield* this.#cut()
  }

  /** All rows in order, once. */
  *rows(): Steps {
    if (this.#runs.length === 0) {
      yield* sortedRows(this.#kept, this.#keys, this.#count)
      return
    }
    yield* this.#spill()
    yield* this.#mergedToFew()
    const runs = this.#runs
    this.#runs = []
    yield* mergedRuns(runs, this.#keys, this.#count, this.#memory)
  }

  /** Lets go of memory and files, wherever it stands. */
  close(): void {
    this.#forget()
    for (const file of this.#files) file.close()
  }

  #bytesOf(batch: Batch): number {
    return bytesOfBatch(batch) + batch.rowCount * (ROW_BYTES + this.#keys.length * KEY_BYTES)
  }

  #hold(bytes: number): void {
    const more = bytes - this.#bytes
    this.#bytes = bytes
    if (more > 0) this.#memory.take(more)
    else this.#memory.free(-more)
  }

  #forget(): void {
    this.#kept = []
    this.#keptRows = 0
    this.#hold(0)
  }

  /** Keeps the first `count` of what is kept: in their order, so that rows that are alike and come later stay behind them. */
  *#cut(): Steps {
    const first: Batch[] = []
    for (const batch of sortedRows(this.#kept, this.#keys, this.#count)) {
      if (batch.rowCount > 0) first.push(batch)
      else yield EMPTY_BATCH
    }
    this.#forget()
    this.#kept = first
    this.#keptRows = first.reduce((sum, { rowCount }) => sum + rowCount, 0)
    this.#hold(first.reduce((sum, batch) => sum + this.#bytesOf(batch), 0))
    this.#boundBy(first.at(-1), this.#keptRows)
  }

  /** What is kept becomes a run. */
  *#spill(): Steps {
    if (this.#keptRows === 0) return
    const run = yield* this.#written(sortedRows(this.#kept, this.#keys, this.#count), this.#files[0] ?? this.#newFile())
    if (run.rowCount > 0) this.#runs.push(run)
    this.#forget()
  }

  /** Where these are all of n rows, no row that comes after the last of them is asked for. */
  #boundBy(last: Batch | undefined, rowCount: number): void {
    if (last !== undefined && rowCount === this.#count) this.#bound = new SortBound(this.#keys, last, last.rowCount - 1)
  }

  /** Merges neighbours until one merge can take all that are left. */
  *#mergedToFew(): Steps {
    for (;;) {
      const largest = this.#runs.reduce((most, run) => Math.max(most, run.blockMemoryBytes), 1)
      const fanIn = Math.min(FAN_IN_MAX, Math.max(2, Math.floor(this.#memory.mergeBytes / largest)))
      let tooMany = this.#runs.length - fanIn
      if (tooMany <= 0) return
      const before = this.#runs
      const after: SpilledRows[] = []
      const file = this.#newFile()
      let from = 0
      while (tooMany > 0 && from + 1 < before.length) {
        const some = before.slice(from, from + Math.min(fanIn, tooMany + 1))
        after.push(yield* this.#written(mergedRuns(some, this.#keys, this.#count, this.#memory), file))
        from += some.length
        tooMany -= some.length - 1
      }
      this.#runs = [...after, ...before.slice(from)]
    }
  }

  *#written(rows: Steps, file: SharedFile): Generator<Batch, SpilledRows, void> {
    const writer = new RowWriter(file, this.#memory)
    let last: Batch | undefined
    for (const batch of rows) {
      for (let row = 0; row < batch.rowCount; row++) writer.add(batch, row)
      if (batch.rowCount > 0) last = batch
      yield EMPTY_BATCH
    }
    this.#boundBy(last, writer.rowCount)
    return writer.end()
  }

  #newFile(): SharedFile {
    const file = new SharedFile(this.#memory)
    this.#files.push(file)
    return file
  }
}
