/**
 * Splits of open rectangles in time and by key, and merges of neighbours: freeze (the input does not change any more, new rows go to a
 * second delta), merge (`merge-pages.ts`, may run elsewhere), install. In between every answer is the same.
 *
 *   VIS-8  a sealed page never changes; a version that outlives it has its end where it was copied to
 */
import { DriftError } from '../base/errors.js'
import { type Arena } from '../memory/arena.js'
import { type DeltaChunks } from './delta-chunks.js'
import { endRow } from './end-row.js'
import { NOWHERE } from './key-table.js'
import { type MergedPages, type MergeJob, type PageMerger } from './merge-pages.js'
import { type OpenPage } from './open-page.js'
import { OpenRange } from './open-range.js'
import { type OpenRanges } from './open-ranges.js'
import { type PageCounters } from './page-counters.js'
import { type Past, withSlice } from './page-directory.js'
import { type SealedPage, type SealedPages } from './page-handle.js'
import * as layout from './page-layout.js'
import { type PageView } from './page-view.js'
import { type Moves, type SecondDelta } from './second-delta.js'
import { type SplitTrigger } from './split-trigger.js'

/** A merge under way. */
export type PendingMerge = { readonly job: MergeJob; readonly ranges: readonly OpenRange[] }

export type TimeSplitsParts = {
  readonly arena: Arena
  /** Id of the table. */
  readonly table: number
  readonly ranges: OpenRanges
  readonly chunks: DeltaChunks
  readonly trigger: SplitTrigger
  readonly merger: PageMerger
  readonly secondDelta: SecondDelta
  readonly counters: PageCounters
  /** Takes over what is sealed. */
  readonly sealed: SealedPages | undefined
  /** `by-steps`: merges wait in {@link TimeSplits.takeJob} for whoever runs and installs them. */
  readonly merging: 'at-once' | 'by-steps'
}

export class TimeSplits {
  readonly #parts: TimeSplitsParts
  #pending: PendingMerge[] = []

  constructor(parts: TimeSplitsParts) {
    this.#parts = parts
  }

  /** Splits the rectangle if it is time for it; else says when to look again. */
  look(range: OpenRange): void {
    if (range.isFrozen) return
    const { trigger, ranges } = this.#parts
    const limit = this.#limitOf(range)
    if (range.rows < limit && !trigger.isFull(range)) {
      range.rowsMax = limit
      return
    }
    // Appended rows are left as they are: the next key behind them begins a new range, any other event splits this one.
    if (range.isAppended && range.alive === range.rows && range === ranges.last) return
    this.#freeze(range)
    if (this.#parts.merging === 'at-once') this.#runPending()
  }

  /** @throws DriftError OVERLOADED where it cannot be split now. */
  splitNow(range: OpenRange): void {
    if (!range.isFrozen) this.#freeze(range)
    this.#runPending()
    if (range.isFrozen) throw new DriftError('OVERLOADED', 'a merge must come first: it waits for page memory, or is being run')
  }

  /**
   * Leaves live rows only in the open pages: what a rectangle has besides is sealed now. In steps, a rectangle each; yields the rows that
   * were looked at. What is applied meanwhile may stay.
   * @throws DriftError OVERLOADED where page memory is short; what was done stays done.
   */
  *settle(): Generator<number, void> {
    const { ranges } = this.#parts
    for (const range of ranges.list) {
      // An earlier step may have merged it with its neighbour.
      if (!ranges.list.includes(range) || range.isFrozen) continue
      const { base, alive, rows } = range
      const isSettled = range.chunks.length === 0 ? alive === rows : base === undefined && range.isAppended && alive === rows
      if (!isSettled) this.splitNow(range)
      yield rows
    }
  }

  /**
   * The same of rectangles that are poor, the poorest first, as long as no more than `rowsMax` rows are written for it, and those of a
   * neighbour that one is merged with. Yields the rows that were.
   * @throws DriftError OVERLOADED where page memory is short; what was done stays done.
   */
  *settlePoor(rowsMax: number): Generator<number, void> {
    const { ranges, trigger, counters } = this.#parts
    const poor = ranges.list.filter((range) => trigger.isPoor(range))
    let left = rowsMax
    for (const range of poor.toSorted((one, other) => other.rows * one.alive - one.rows * other.alive)) {
      if (range.rows + range.alive > left) return
      // An earlier step may have merged it with its neighbour.
      if (!ranges.list.includes(range) || range.isFrozen) continue
      const before = counters.rowCopies
      this.splitNow(range)
      const written = counters.rowCopies - before
      left -= written
      yield written
    }
  }

  /** Merges that wait for page memory are tried again. */
  retry(): void {
    if (this.#pending.length > 0 && this.#parts.merging === 'at-once') this.#runPending()
  }

  /** The next merge that waits to be run, for {@link install}. */
  takeJob(): PendingMerge | undefined {
    return this.#pending.shift()
  }

  /** May run on any thread that has the pages of the job. */
  merge({ job }: PendingMerge): MergedPages {
    return this.#parts.merger.merge(job)
  }

  /**
   * Puts the pages of a merge in the place of what they were made from.
   * @throws DriftError OVERLOADED where the rows that came meanwhile find no page memory: nothing is changed then, and it can be tried again.
   */
  install({ job: { T }, ranges: old }: PendingMerge, merged: MergedPages): void {
    const { ranges, counters } = this.#parts
    ranges.publish()
    const [first] = old as [OpenRange]
    const fresh = merged.bases.map(({ page }, part) => new OpenRange(part === 0 ? first.low : page.lowKey, T + 1, first.past))
    if (fresh.length === 0) fresh.push(new OpenRange(first.low, T + 1, first.past))
    const moves = this.#fill(fresh, old, merged)
    // From here on nothing can fail.
    const past = this.#pastOf(old, merged, T)
    for (const range of fresh) range.past = { ...past, low: range.low }
    if (old.some(({ hasDeletes }) => hasDeletes)) {
      this.#forgetDead(merged, T)
      // A key that was deleted while the merge ran has its newest version in a new base or delta.
      for (const range of fresh) range.hasDeletes = true
    }
    merged.bases.forEach(({ sources }, part) => this.#moveToBase((fresh[part] as OpenRange).base as OpenPage, sources, merged))
    const { locations } = ranges.keys
    for (const { ordinal, from, to } of moves) if (locations[ordinal] === from) locations[ordinal] = to
    ranges.replace(old, fresh)
    this.#giveBack(old)
    for (const range of fresh) {
      range.alive = (range.base?.view.aliveCount ?? 0) + range.chunks.reduce((sum, { view }) => sum + view.aliveCount, 0)
      range.aliveMin = Math.min(range.base?.view.rowCount ?? 0, range.alive)
      range.isAppended = range.base === undefined && range.chunks.length === 0
    }
    for (const range of fresh) range.rowsMax = this.#limitOf(range)
    ranges.pagesChanged()
    counters.merges++
    counters.rowCopies += moves.length
    for (const page of merged.sealed) {
      if (page === undefined) continue
      counters.sealedPages++
      counters.sealedRows += page.rowCount
      counters.rowCopies += page.rowCount
    }
    for (const { page } of merged.bases) counters.rowCopies += page.rowCount
  }

  #limitOf(range: OpenRange): number {
    return this.#parts.trigger.limitOf(range, this.#parts.ranges.list.length)
  }

  #freeze(range: OpenRange): void {
    const { ranges, table, trigger } = this.#parts
    ranges.publish()
    const frozen = this.#withNeighbour(range)
    const job: MergeJob = {
      table,
      inputs: frozen.map((each) => ({
        t0: each.t0,
        low: each.low,
        high: ranges.highOf(each),
        base: each.base?.view,
        chunks: each.chunks.map(({ view }) => view)
      })),
      T: ranges.appliedSeq,
      parts: trigger.partsOf(frozen),
      offsetMax: trigger.offsetMax
    }
    for (const each of frozen) {
      each.isFrozen = true
      each.frozenCount = each.chunks.length
      each.rows = 0
      each.rowsMax = Infinity
    }
    this.#pending.push({ job, ranges: frozen })
  }

  /** A range with few live rows is merged with the smaller one beside it. */
  #withNeighbour(range: OpenRange): OpenRange[] {
    const { ranges, trigger } = this.#parts
    const { list } = ranges
    if (!trigger.isFew(range) || list.length === 1) return [range]
    const index = list.indexOf(range)
    const [before, behind] = [list[index - 1], list[index + 1]].map((each) => (each?.isFrozen === false ? each : undefined))
    if (before !== undefined && (behind === undefined || before.alive <= behind.alive)) return [before, range]
    return behind === undefined ? [range] : [range, behind]
  }

  /** Runs what waits. Where page memory is short it goes on waiting: the delta grows meanwhile. */
  #runPending(): void {
    while (this.#pending.length > 0) {
      const [pending] = this.#pending as [PendingMerge]
      let merged: MergedPages
      try {
        merged = this.#parts.merger.merge(pending.job)
      } catch (error) {
        if (error instanceof DriftError && error.code === 'DRIFT_OVERLOADED') return
        throw error
      }
      this.#pending.shift()
      this.install(pending, merged)
    }
  }

  /** Bases, and the rows that came while the merge ran. */
  #fill(fresh: readonly OpenRange[], old: readonly OpenRange[], { bases }: MergedPages): Moves {
    const { arena, ranges, chunks: made, secondDelta } = this.#parts
    try {
      bases.forEach(({ page }, part) => made.setBase(fresh[part] as OpenRange, page))
      const moves = secondDelta.copy(old, fresh)
      for (const { chunks } of fresh) for (const chunk of chunks) chunk.publish()
      return moves
    } catch (error) {
      for (const { base, chunks } of fresh) {
        for (const { view } of chunks) arena.release(view.address)
        if (base !== undefined) ranges.pages.forget(base)
        for (const { page } of chunks) ranges.pages.forget(page)
      }
      throw error
    }
  }

  /** What was before the new rectangles: that of the old ones, and what was sealed now. */
  #pastOf(old: readonly OpenRange[], { sealed }: MergedPages, T: number): Past<SealedPage> {
    const pasts = old.map(({ past, t0, low }, index) => {
      const page = sealed[index]
      const kept = page === undefined ? undefined : (this.#parts.sealed?.add(page) ?? page)
      return withSlice<SealedPage>(past, { t0, t1: T + 1, low, page: kept })
    })
    const [first] = pasts as [Past<SealedPage>]
    return pasts.length === 1 ? first : { low: first.low, since: T + 1, slices: [], sliceCount: 0, parents: pasts }
  }

  #giveBack(old: readonly OpenRange[]): void {
    const { arena, ranges } = this.#parts
    for (const range of old) {
      range.isFrozen = false
      const pages = range.chunks.map(({ page }) => page)
      for (const page of range.base === undefined ? pages : [range.base, ...pages]) {
        ranges.pages.forget(page)
        arena.retire(page.view.address)
      }
    }
  }

  /** Ordinals whose newest version was dead at T are not in open pages any more. */
  #forgetDead({ pages: views }: MergedPages, T: number): void {
    const { keys, pages } = this.#parts.ranges
    const { locations } = keys
    for (const view of views) {
      const page = pages.locationOf(pages.numberOf(view), 0)
      for (let row = 0; row < view.rowCount; row++) {
        const ordinal = view.i32[view.ordinalAt + row] as number
        if (locations[ordinal] === (page | row) && view.endOf(row) <= T) locations[ordinal] = NOWHERE
      }
    }
  }

  /** The rows of a base are the newest of their keys, but for those that ended or were followed while the merge ran. */
  #moveToBase({ view, number }: OpenPage, sources: Int32Array, { pages: views, starts, pageOfRow }: MergedPages): void {
    const { keys, pages } = this.#parts.ranges
    const froms = views.map((page) => pages.locationOf(pages.numberOf(page), 0))
    const to = pages.locationOf(number, 0)
    const { locations } = keys
    for (let row = 0; row < sources.length; row++) {
      const source = sources[row] as number
      const part = pageOfRow[source] as number
      const from = views[part] as PageView
      const fromRow = source - (starts[part] as number)
      const ordinal = from.i32[from.ordinalAt + fromRow] as number
      const end = from.i32[from.endAt + fromRow] as number
      if (end !== layout.OPEN_END) endRow(view, row, from.seqBase + end)
      if (locations[ordinal] === ((froms[part] as number) | fromRow)) locations[ordinal] = to | row
    }
  }
}
