/**
 * The sealed pages of a table as COMPACT sees them: it cuts them anew (`recut.ts`) and puts what it made in their place; what was replaced
 * stays until nobody reads a directory from before, and nobody writes a snapshot of it.
 */
import { assertLaw, DriftError } from '../base/errors.js'
import { type Arena } from '../memory/arena.js'
import { type PageMerger } from './merge-pages.js'
import { type OpenRange } from './open-range.js'
import { type OpenRanges } from './open-ranges.js'
import { type PageCounters } from './page-counters.js'
import { type Past, type Slice } from './page-directory.js'
import { isHandle, type PageHandle, type PagePins, type SealedPage, type SealedPages } from './page-handle.js'
import { type PageLife } from './page-life.js'
import { type PageView } from './page-view.js'
import { Recut, type RecutProgress, refuseIfFull } from './recut.js'
import { SliceReplacement } from './slice-strips.js'

export type SealedSlicesParts = {
  readonly arena: Arena
  /** Id of the table. */
  readonly table: number
  readonly pageRows: number
  readonly offsetMax: number
  readonly ranges: OpenRanges
  readonly counters: PageCounters
  /** Without it all pages stay in memory. */
  readonly sealed: SealedPages | undefined
  readonly pins: PagePins | undefined
}

export class SealedSlices {
  readonly #parts: SealedSlicesParts
  /** Sealed pages whose place others took, and the directory from which on nobody finds them. */
  #replaced: { readonly page: SealedPage; readonly version: number }[] = []
  /** Up to this version replaced pages may go back. */
  #leftVersion = 0
  /** How many hold sealed pages, replaced ones too. */
  #holds = 0
  #isRecut = false
  readonly #lives = new WeakMap<SealedPage, PageLife>()
  /** Rows that {@link recut} wrote since the table was made or restored. */
  recutRows = 0

  constructor(parts: SealedSlicesParts) {
    this.#parts = parts
  }

  /**
   * Cuts sealed pages anew in time (VIS-12), in steps; nothing else may be merged by `merger` meanwhile.
   * @throws DriftError OVERLOADED where page memory is short; what was done stays done. INVARIANT while another one is under way.
   */
  *recut(merger: PageMerger): Generator<RecutProgress, void> {
    const { arena, table, pageRows, offsetMax, ranges, pins, sealed } = this.#parts
    if (this.#isRecut) throw new DriftError('INVARIANT', `the pages of table ${table} are being cut already`)
    this.#isRecut = true
    try {
      const recut = new Recut(
        {
          arena,
          table,
          pageRows,
          offsetMax,
          ranges: () => ranges.list.map((range) => ({ past: range.past, t0: range.t0, ...shareOf(range) })),
          pin: (page) => (isHandle(page) ? this.#pinned(page) : page),
          unpin: (page, view) => {
            if (isHandle(page)) pins?.unpin(view)
          },
          lives: this.#lives,
          install: (old, fresh) => this.#replace(old, fresh)
        },
        merger
      )
      for (const progress of recut.run()) {
        yield progress
        // Sealed pages that cannot leave memory must not take it from those that apply needs.
        if (sealed === undefined) refuseIfFull(arena)
      }
    } finally {
      this.#isRecut = false
    }
  }

  /** Pages that wait for {@link releaseReplaced}: no directory names them any more. */
  get replaced(): readonly SealedPage[] {
    return this.#replaced.map(({ page }) => page)
  }

  /** Gives back what {@link recut} replaced: no reader has a directory older than `version` any more. */
  releaseReplaced(version: number): void {
    this.#leftVersion = Math.max(this.#leftVersion, version)
    if (this.#holds > 0) return
    const gone = this.#replaced.filter((each) => each.version <= this.#leftVersion)
    this.#replaced = this.#replaced.filter((each) => each.version > this.#leftVersion)
    for (const { page } of gone) {
      if (isHandle(page)) this.#parts.sealed?.release(page)
      else this.#parts.arena.retire(page.address)
    }
  }

  /** Nothing that is sealed goes back until what is returned is called: for who writes a snapshot, in steps. */
  hold(): () => void {
    let isHeld = true
    this.#holds++
    return () => {
      if (!isHeld) return
      isHeld = false
      this.#holds--
      this.releaseReplaced(this.#leftVersion)
    }
  }

  /** Gives all pages back, open ones too. No reader may be inside. */
  release(): void {
    const { arena, ranges, sealed } = this.#parts
    const pages = new Set<SealedPage>()
    const addPast = (past: Past<SealedPage>): void => {
      for (const { page } of past.slices) if (page !== undefined) pages.add(page)
      past.parents.forEach(addPast)
    }
    for (const { base, chunks, past } of ranges.list) {
      if (base !== undefined) pages.add(base.view)
      for (const { view } of chunks) pages.add(view)
      addPast(past)
    }
    for (const { page } of this.#replaced.splice(0)) pages.add(page)
    for (const page of pages) {
      if (isHandle(page)) sealed?.release(page)
      else arena.release(page.address)
    }
    ranges.clear()
  }

  #pinned(page: PageHandle): PageView {
    const { pins } = this.#parts
    assertLaw(pins !== undefined, 'MEM-7', 'a page is told by a handle, and nothing is there to pin it')
    return pins.pin(page)
  }

  /** New pages in the place of sealed ones, of the same keys and the same time. */
  #replace(old: readonly Slice<SealedPage>[], fresh: readonly PageView[]): readonly Slice<SealedPage>[] {
    const { ranges, counters, sealed } = this.#parts
    const [first] = old as [Slice<SealedPage>]
    const slices = fresh.map((view): Slice<SealedPage> => ({
      t0: view.t0,
      t1: view.t1,
      low: first.low,
      page: sealed?.add(view) ?? view
    }))
    const replacement = new SliceReplacement(old, slices)
    for (const range of ranges.list) range.past = replacement.past(range.past)
    ranges.pagesChanged()
    for (const { page } of old) {
      this.#replaced.push({ page: page as SealedPage, version: ranges.structure })
      counters.sealedPages--
      counters.sealedRows -= isHandle(page as SealedPage) ? (page as PageHandle).rows : (page as PageView).rowCount
    }
    for (const { rowCount } of fresh) {
      counters.sealedPages++
      counters.sealedRows += rowCount
      this.recutRows += rowCount
    }
    return slices
  }
}

/** Rows of an open rectangle, and the fewest that were visible at a seq that it answers for. */
function shareOf({ base, chunks, alive, aliveMin, isAppended }: OpenRange): { readonly rows: number; readonly least: number } {
  const rows = chunks.reduce((sum, { rowCount }) => sum + rowCount, base?.view.rowCount ?? 0)
  // Of a delta a scan touches what has begun: where all of it is alive, no more than what is visible.
  return isAppended && alive === rows ? { rows: 0, least: 0 } : { rows, least: Math.min(alive, aliveMin) }
}
