import type { SegmentPart } from '../apply/segment-part.js'
import type { TableState } from './table-state.js'

/** Events that are left for the last part, during which the log is held. */
const LAST_PART_EVENTS = 50_000

/** What is made of the events of a table: its pages, or an index. */
export type Derived = {
  /** Events that it has already. */
  readonly done: number
  load(part: SegmentPart): Promise<unknown>
  /** What the log brings from now on is remembered. */
  attend(): Promise<unknown>
  /** Takes that; false where it could not be kept. */
  goLive(): Promise<boolean>
}

/** Makes what is derived from a table's segments, part by part, while writes go on; the log is held for the last part only. */
export class TableLoader {
  readonly #checkpoint: () => Promise<void>
  readonly #appliedSeq: () => number
  readonly #settled: () => Promise<unknown>
  /** Below these no chunk of the log is freed. */
  readonly #holds = new Map<Derived, number>()
  readonly #running = new Set<Promise<unknown>>()

  /** `checkpoint` moves everything visible into segments; `settled` resolves when everything that is numbered is visible. */
  constructor(checkpoint: () => Promise<void>, appliedSeq: () => number, settled: () => Promise<unknown>) {
    this.#checkpoint = checkpoint
    this.#appliedSeq = appliedSeq
    this.#settled = settled
  }

  /** Chunks of the log up to this seq are not needed; Infinity where nothing is made. */
  get freeSeq(): number {
    return Math.min(Infinity, ...this.#holds.values())
  }

  /** Resolves when what is being made now is made, or could not be. */
  async idle(): Promise<void> {
    await Promise.allSettled(this.#running)
  }

  /** `report` is told how many of about how many events were taken, and may throw. */
  make(table: TableState, derived: Derived, report: (done: number, total: number) => void = () => {}): Promise<boolean> {
    const run = this.#make(table, derived, report).finally(() => {
      this.#running.delete(run)
      this.#holds.delete(derived)
    })
    this.#running.add(run)
    return run
  }

  async #make(table: TableState, derived: Derived, report: (done: number, total: number) => void): Promise<boolean> {
    let { done } = derived
    for (;;) {
      await this.#checkpoint()
      const { flushed } = table.frames
      if (done > 0 && flushed - done <= LAST_PART_EVENTS) break
      await derived.load(partOf(table, done, flushed))
      done = flushed
      report(done, table.versions.count)
      if (flushed <= LAST_PART_EVENTS) break
    }
    this.#holds.set(derived, this.#appliedSeq())
    await derived.attend()
    // Apply runs ahead of what is visible: what it had gone through when it began to remember is to be in the segments, all of it.
    await this.#settled()
    await this.#checkpoint()
    await derived.load(partOf(table, done, table.frames.flushed))
    return derived.goLive()
  }
}

/** The events of a table from number `done` (they are counted from 0) up to `flushed`, as they lie in segments. */
function partOf(table: TableState, done: number, flushed: number): SegmentPart {
  const all = table.segments.segments
  let before = 0
  let first = 0
  while (first < all.length && before + (all[first]?.count ?? 0) <= done) before += all[first++]?.count ?? 0
  const segments = all.slice(first).map(({ file, number, bytes, crc, sealed }) => ({ file, number, bytes, crc, sealed }))
  return {
    directory: `${table.directory}/segments`,
    segments,
    origin: all[first]?.origin ?? 0,
    isFirst: done === 0,
    skip: done - before,
    ordinals: table.ordinalsOf(done, flushed)
  }
}
