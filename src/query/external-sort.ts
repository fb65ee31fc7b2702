/**
 * A sort of more rows than fit in memory. Rows are kept as long as there is room; then they are sorted and written as a run, and the runs
 * are merged at the end. A run holds rows that came one after the other, runs are merged in that order, and of rows that are alike the one
 * of the earlier run goes first: so the result is that of one stable sort.
 */
import { EMPTY_BATCH, type Batch } from './batch.js'
import { mergedRuns } from './merge-runs.js'
import { bytesOfBatch, type QueryMemory } from './query-memory.js'
import { type SortKey } from './row-order.js'
import { sortedRows } from './sort-rows.js'
import { RowWriter, SharedFile, type SpilledRows } from './spilled-rows.js'
import { TopRows } from './top-rows.js'

type Steps = Generator<Batch, void, void>

/** More runs are merged in several passes, whatever the memory. */
const FAN_IN_MAX = 128
/** Of a row while it is sorted, beside its values: its number twice, its batch's; and for each key its value twice. */
const ROW_BYTES = 12
const KEY_BYTES = 16

export class ExternalSort {
  readonly #keys: readonly SortKey[]
  readonly #count: number
  readonly #memory: QueryMemory
  readonly #files: SharedFile[] = []
  #kept: Batch[] = []
  #top: TopRows | undefined
  #bytes = 0
  #runs: SpilledRows[] = []

  /** With a `count` only the first of the rows are kept and given: in a heap while they fit. */
  constructor(keys: readonly SortKey[], count: number, memory: QueryMemory) {
    this.#keys = keys
    this.#count = count
    this.#memory = memory
    if (count !== Number.POSITIVE_INFINITY) this.#top = new TopRows(keys, count)
  }

  /** Yields only empty batches, where it writes. */
  *add(batch: Batch): Steps {
    if (batch.rowCount === 0) return
    if (this.#top !== undefined) {
      this.#top.add(batch)
      if (!this.#memory.isFull(this.#bytes, this.#top.bytes - this.#bytes)) this.#hold(this.#top.bytes)
      else yield* this.#spill()
      return
    }
    const bytes = bytesOfBatch(batch) + batch.rowCount * (ROW_BYTES + this.#keys.length * KEY_BYTES)
    if (this.#memory.isFull(this.#bytes, bytes)) yield* this.#spill()
    this.#kept.push(batch)
    // What is in hand alone is more than there is room for: it is not kept.
    if (this.#memory.isFull(this.#bytes, bytes)) yield* this.#spill()
    else this.#hold(this.#bytes + bytes)
  }

  /** All rows in order, once. */
  *rows(): Steps {
    if (this.#runs.length === 0) {
      yield* this.#inMemory()
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
    this.#kept = []
    this.#top = undefined
    this.#hold(0)
    for (const file of this.#files) file.close()
  }

  #inMemory(): Steps {
    return this.#top === undefined ? sortedRows(this.#kept, this.#keys, this.#count) : this.#top.rows()
  }

  #hold(bytes: number): void {
    const more = bytes - this.#bytes
    this.#bytes = bytes
    if (more > 0) this.#memory.take(more)
    else this.#memory.free(-more)
  }

  /** What is kept becomes a run. After a heap that does not fit, rows are kept as they come: those that it refused are refused for ever. */
  *#spill(): Steps {
    if (this.#kept.length === 0 && (this.#top?.rowCount ?? 0) === 0) return
    const run = yield* this.#written(this.#inMemory(), this.#runFile())
    if (run.rowCount > 0) this.#runs.push(run)
    this.#kept = []
    this.#top = undefined
    this.#hold(0)
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
    for (const batch of rows) {
      for (let row = 0; row < batch.rowCount; row++) writer.add(batch, row)
      yield EMPTY_BATCH
    }
    return writer.end()
  }

  #runFile(): SharedFile {
    return this.#files[0] ?? this.#newFile()
  }

  #newFile(): SharedFile {
    const file = new SharedFile(this.#memory)
    this.#files.push(file)
    return file
  }
}
