import type { SegmentPart } from '../apply/segment-part.js'
import type { ManifestSegment } from '../format/manifest.js'
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
      done = await this.#load(table, derived, done, (taken) => report(taken, table.versions.count))
      if (flushed <= LAST_PART_EVENTS) break
    }
    this.#holds.set(derived, this.#appliedSeq())
    await derived.attend()
    // Apply runs ahead of what is visible: what it had gone through when it began to remember is to be in the segments, all of it.
    await this.#settled()
    await this.#checkpoint()
    await this.#load(table, derived, done, () => {})
    return derived.goLive()
  }

  /**
   * Events from number `done` on up to what is in segments now, a segment at a time; how many there are then. COMPACT waits for nobody and may
   * take a file away before it is opened: nothing of it was taken then, and its events are in another file.
   */
  async #load(table: TableState, derived: Derived, done: number, report: (taken: number) => void): Promise<number> {
    const { flushed } = table.frames
    let taken = done
    do {
      const part = partOf(table, taken)
      try {
        await derived.load(part)
      } catch (error) {
        if (isLive(table, part)) throw error
        continue
      }
      taken += part.ordinals.length
      report(taken)
    } while (taken < flushed)
    return taken
  }
}

function isLive(table: TableState, { segment }: SegmentPart): boolean {
  return segment === undefined || table.segments.segments.some(({ file }) => file === segment.file)
}

/** The events of a table from number `done` on (they are counted from 0) that lie in one segment. */
function partOf(table: TableState, done: number): SegmentPart {
  const all = table.segments.segments
  let before = 0
  let next = 0
  while (next < all.length && before + (all[next]?.count ?? 0) <= done) before += all[next++]?.count ?? 0
  const found = all[next]
  return {
    directory: `${table.directory}/segments`,
    segment: found === undefined ? undefined : segmentOf(found),
    origin: found?.origin ?? 0,
    isFirst: done === 0,
    skip: done - before,
    ordinals: table.ordinalsOf(done, found === undefined ? done : before + found.count)
  }
}

function segmentOf({ file, number, bytes, crc, sealed }: ManifestSegment): ManifestSegment {
  return { file, number, bytes, crc, sealed }
}
