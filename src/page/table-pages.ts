/**
 * The version pages of one table: takes events in the order of their seqs and keeps every version of every key in pages that tile the
 * plane key x seq (the apply thread; it alone changes open pages and the directory).
 *
 * A range of keys has one open rectangle: a base, sorted by (key, begin), and a delta in seq order. When base and delta together reach
 * (1 + g) times the live rows (g = 1), the rectangle is split in time: one sealed page [t0, now), and its live rows become a new base, or
 * two by key where they are many. So at any S a fixed part of every page is visible, whatever the history, and a row is copied about three
 * times in its life. What was tried beside it stands in docs/decisions/0012-version-pages.md.
 *
 * Its parts, in the order in which an event meets them: `row-writer.ts` takes it into the delta of its key's rectangle (`open-ranges.ts`,
 * `open-pages.ts`), which `delta-chunks.ts` makes; `split-trigger.ts` says when and into how many a rectangle is split, `time-splits.ts`
 * splits it (`merge-pages.ts`, `second-delta.ts`); `sealed-slices.ts` has what was sealed, for COMPACT to cut it anew.
 *
 * Nothing here knows that its keys are primary keys: events without fields, under any keys, make the same map of what was there when.
 *
 *   VIS-7  at every S the rectangles are disjoint in key and leave no key out
 *   VIS-8  a sealed page never changes; a version that outlives it has its end where it was copied to
 *   VIS-9  a scan at S touches at most 2.5 times the rows that are visible, beyond two pages
 *   VIS-12 behind COMPACT it touches at most 1.6 times as many, beyond two pages
 *   VIS-10 what a page says about its rows (counts, bounds, zone maps, flags) is true
 */
import { assertLaw, DriftError } from '../base/errors.js'
import { EVENT_INSERT, EVENT_PATCH, EVENT_SOFT_DELETE } from '../format/frame.js'
import { type Arena } from '../memory/arena.js'
import { DeltaChunks } from './delta-chunks.js'
import { FieldNames } from './field-names.js'
import { KeyTable, NOWHERE } from './key-table.js'
import { type MergedPages, PageMerger } from './merge-pages.js'
import { type OpenRowsHandle } from './open-rows.js'
import { OpenPages } from './open-pages.js'
import { OpenRanges } from './open-ranges.js'
import { type PageCounters } from './page-counters.js'
import { type PageDirectory } from './page-directory.js'
import { type PageEvent } from './page-event.js'
import { type PagePins, type SealedPage, type SealedPages } from './page-handle.js'
import { type PageView } from './page-view.js'
import { type RecutProgress } from './recut.js'
import { restoreRanges } from './restore-ranges.js'
import { RowReader } from './row-reader.js'
import { RowWriter } from './row-writer.js'
import { SealedSlices } from './sealed-slices.js'
import { SecondDelta } from './second-delta.js'
import { SharedHeap } from './shared-heap.js'
import { SplitTrigger } from './split-trigger.js'
import { rangeStateOf, type TableState } from './table-state.js'
import { TextDictionary } from './text-dictionary.js'
import { type PendingMerge, TimeSplits } from './time-splits.js'

export const PAGE_ROWS = 16_384
const OFFSET_MAX = 0x7fff_fff0
/** Rows an event that {@link TablePages.settlePoor} may write, over the life of a table in memory. */
const SETTLED_PER_EVENT = 0.5
/** Merges that wait for page memory are tried again after so many events. */
const RETRY_EVENTS = 256

export type TablePagesOptions = {
  readonly arena: Arena
  /** Id of the table. */
  readonly table: number
  readonly primaryKey: string
  /** Rows of a full page. */
  readonly pageRows?: number | undefined
  /** `by-steps`: merges wait in {@link TablePages.takeJob} for whoever runs and installs them. */
  readonly merging?: 'at-once' | 'by-steps'
  /** How far an offset reaches; smaller in tests. */
  readonly offsetMax?: number
  /** Takes over what is sealed, so that it may leave memory; without it all pages stay. */
  readonly sealed?: SealedPages | undefined
  /** How sealed pages are read that may have left memory: needed with {@link sealed} for {@link TablePages.recut}. */
  readonly pins?: PagePins | undefined
}

export class TablePages {
  readonly arena: Arena
  readonly table: number
  readonly keys: KeyTable
  readonly counters: PageCounters = { events: 0, rowCopies: 0, merges: 0, sealedPages: 0, sealedRows: 0 }
  readonly pageRows: number
  readonly #hasHandles: boolean
  readonly #names = new FieldNames()
  readonly #ranges: OpenRanges
  readonly #chunks: DeltaChunks
  readonly #splits: TimeSplits
  readonly #writer: RowWriter
  readonly #slices: SealedSlices
  /** Events that were taken before the table was restored; rows that {@link settlePoor} wrote since. */
  readonly #eventsBefore: number
  #settledRows = 0
  /** Of the last {@link publish}. */
  #openRows: OpenRowsHandle | undefined

  constructor(options: TablePagesOptions, state?: TableState) {
    const { arena, table, primaryKey, pageRows = PAGE_ROWS, merging = 'at-once', offsetMax = OFFSET_MAX, sealed, pins } = options
    this.arena = arena
    this.table = table
    this.pageRows = pageRows
    this.#hasHandles = sealed !== undefined
    this.keys = state?.keys ?? new KeyTable(new SharedHeap(arena))
    const { counters } = this
    const names = this.#names
    const reader = new RowReader(this.keys)
    const trigger = new SplitTrigger(pageRows, offsetMax, arena.slotBytes)
    const ranges = (this.#ranges = new OpenRanges(this.keys, new OpenPages(pageRows)))
    const chunks = (this.#chunks = new DeltaChunks({ arena, table, primaryKey, ranges, names, reader, trigger }))
    const merger = new PageMerger(arena, this.keys, reader)
    const secondDelta = new SecondDelta(ranges, chunks, reader)
    this.#splits = new TimeSplits({ arena, table, ranges, chunks, trigger, merger, secondDelta, counters, sealed, merging })
    this.#writer = new RowWriter(ranges, chunks, trigger, this.#splits)
    this.#slices = new SealedSlices({ arena, table, pageRows, offsetMax, ranges, counters, sealed, pins })
    if (state !== undefined) this.#restore(state)
    this.#eventsBefore = counters.events
    for (const range of ranges.list) range.rowsMax = trigger.limitOf(range, ranges.list.length)
  }

  /** What a snapshot keeps; {@link restore} goes on from there. It is live: to be written before the next event. */
  get state(): TableState {
    this.publish()
    return {
      appliedSeq: this.appliedSeq,
      structureVersion: this.structureVersion,
      heapPerRow: this.#chunks.heapPerRow,
      counters: this.counters,
      keys: this.keys,
      dictionaries: [...this.#names.dictionaries].map(([name, { reference }]) => ({ name, reference })),
      ranges: this.#ranges.list.map(rangeStateOf)
    }
  }

  /** The table of a snapshot: the same answers at every seq, and it takes the events behind `state.appliedSeq`. */
  static restore(options: TablePagesOptions, state: TableState): TablePages {
    return new TablePages(options, state)
  }

  get appliedSeq(): number {
    return this.#ranges.appliedSeq
  }

  /** Of the {@link directory}: it is another one only where pages came or went. */
  get structureVersion(): number {
    return this.#ranges.structure
  }

  /** Rows in all pages, each copy counted. */
  get rowsStored(): number {
    let rows = this.counters.sealedRows
    for (const { base, chunks } of this.#ranges.list) {
      rows += base?.view.rowCount ?? 0
      for (const chunk of chunks) rows += chunk.rowCount
    }
    return rows
  }

  /** The pages as they are now, all in memory. Readers pin what they read. */
  get directory(): PageDirectory {
    assertLaw(!this.#hasHandles, 'MEM-7', `sealed pages of table ${this.table} may be gone: they are told by handles`)
    return this.handleDirectory as PageDirectory
  }

  /** The pages as they are now; sealed ones by handles where they may leave memory. */
  get handleDirectory(): PageDirectory<SealedPage> {
    return this.#ranges.directory
  }

  /** What reads the newest rows in other threads; as of the last {@link publish}, and another one where an array was not long enough. */
  get openRows(): OpenRowsHandle {
    return (this.#openRows ??= { keys: this.keys.handle, pages: this.#ranges.pages.words, rowBits: this.#ranges.pages.rowBits })
  }

  /** The row at a location. */
  at(location: number): { readonly view: PageView; readonly row: number; readonly t0: number } | undefined {
    if (location === NOWHERE) return undefined
    const { pages } = this.#ranges
    return { view: pages.pageAt(location).view, row: pages.rowAt(location), t0: pages.rangeAt(location).t0 }
  }

  /** Takes one event into the pages, for whoever reads them; see {@link take}. */
  apply(event: PageEvent): void {
    this.take(event)
    this.publish()
  }

  /** Everything that was taken is there for whoever reads. */
  publish(): void {
    this.#tellGrowth()
    this.#ranges.publish()
  }

  /**
   * Where the arrays of keys, of the heap's blocks or of open pages gave place to longer ones, who has the old ones must ask again: what
   * comes now has numbers that are not in them.
   */
  #tellGrowth(): void {
    const { references, heap } = this.keys
    const told = this.openRows
    const isKnown = references === told.keys.references && heap.addresses === told.keys.heap
    if (isKnown && this.#ranges.pages.words === told.pages) return
    this.#openRows = undefined
    if (!isKnown) this.#ranges.pagesChanged()
  }

  /**
   * Takes one event into the pages; readers see it when {@link publish} was called. Where it throws, nothing of the event is taken.
   * @throws DriftError OVERLOADED where no page memory is free; CORRUPT for a payload that is no document; LIMIT for a row too large for
   * a page; NOT_SUPPORTED for too many fields; INVARIANT for an event that cannot follow those before it.
   */
  take(event: PageEvent): void {
    // No message is made for a law that holds: this runs for every event.
    if (event.seq <= this.#ranges.appliedSeq) assertLaw(false, 'SEQ-1', `event ${event.seq} comes after ${this.appliedSeq}`)
    switch (event.event) {
      case EVENT_INSERT:
        this.#writer.insert(event)
        break
      case EVENT_PATCH:
        this.#writer.patch(event)
        break
      case EVENT_SOFT_DELETE:
        this.#writer.delete(event)
        break
      default:
        throw new DriftError('INVARIANT', `an event of type ${event.event} has no place in pages`)
    }
    this.counters.events++
    if (this.counters.events % RETRY_EVENTS === 0) this.#splits.retry()
  }

  /** The next merge that waits to be run, for {@link install}. */
  takeJob(): PendingMerge | undefined {
    return this.#splits.takeJob()
  }

  /** May run on any thread that has the pages of the job. */
  merge(pending: PendingMerge): MergedPages {
    return this.#splits.merge(pending)
  }

  /**
   * Puts the pages of a merge in the place of what they were made from.
   * @throws DriftError OVERLOADED where the rows that came meanwhile find no page memory: nothing is changed then, and it can be tried again.
   */
  install(pending: PendingMerge, merged: MergedPages): void {
    this.#splits.install(pending, merged)
  }

  /**
   * Leaves live rows only in the open pages: what a rectangle has besides is sealed now. In steps, a rectangle each; yields the rows that
   * were looked at. What is applied meanwhile may stay.
   * @throws DriftError OVERLOADED where page memory is short; what was done stays done.
   */
  settle(): Generator<number, void> {
    return this.#splits.settle()
  }

  /**
   * The same where it gains something for who reads the present, for a table at rest: half a row is written for each event that was taken
   * since the table was made or restored, and at most one rectangle more. In steps.
   * @throws DriftError OVERLOADED as above.
   */
  *settlePoor(): Generator<void, void> {
    const allowed = (this.counters.events - this.#eventsBefore) * SETTLED_PER_EVENT - this.#settledRows
    for (const rows of this.#splits.settlePoor(allowed)) {
      this.#settledRows += rows
      yield
    }
  }

  /**
   * Cuts sealed pages anew in time, so that a scan of the past touches few rows that are not visible (VIS-12); see `recut.ts`. In steps;
   * what is applied meanwhile is left for the next time. What other pages took the place of is there for readers of older directories
   * until {@link releaseReplaced}.
   * @throws DriftError OVERLOADED where page memory is short; what was done stays done. INVARIANT while another one is under way.
   */
  recut(): Generator<RecutProgress, void> {
    return this.#slices.recut(new PageMerger(this.arena, this.keys, new RowReader(this.keys)))
  }

  /** Rows that {@link recut} wrote since the table was made or restored. */
  get recutRows(): number {
    return this.#slices.recutRows
  }

  /** Pages that wait for {@link releaseReplaced}: no directory names them any more. */
  get replaced(): readonly SealedPage[] {
    return this.#slices.replaced
  }

  /** Gives back what {@link recut} replaced: no reader has a directory older than `version` any more. */
  releaseReplaced(version: number): void {
    this.#slices.releaseReplaced(version)
  }

  /** Nothing that is sealed goes back until what is returned is called: for who writes a snapshot, in steps. */
  holdSealed(): () => void {
    return this.#slices.hold()
  }

  /** Gives all page memory back. No reader may be inside. */
  release(): void {
    this.#slices.release()
    this.keys.heap.release()
  }

  #restore(state: TableState): void {
    this.#chunks.heapPerRow = state.heapPerRow
    Object.assign(this.counters, state.counters)
    for (const { name, reference } of state.dictionaries) {
      this.#names.setDictionary(name, new TextDictionary(this.keys.heap, reference))
    }
    restoreRanges(state, this.#ranges, this.#chunks)
  }
}
