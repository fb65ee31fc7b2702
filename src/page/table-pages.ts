/**
 * The version pages of one table: takes events in the order of their seqs and keeps every version of every key in pages that tile the
 * plane key x seq (the apply thread; it alone changes open pages and the directory).
 *
 * A range of keys has one open rectangle: a base, sorted by (key, begin), and a delta in seq order. When base and delta together reach
 * (1 + g) times the live rows (g = 1), the rectangle is split in time: one sealed page [t0, now), and its live rows become a new base, or
 * two by key where they are many. So at any S a fixed part of every page is visible, whatever the history, and a row is copied about three
 * times in its life. What was tried beside it stands in docs/decisions/0012-version-pages.md.
 *
 * A merge is three steps: freeze (its input does not change any more, new rows go to a second delta), merge (`merge-pages.ts`, may run
 * elsewhere), install (here). In between every answer is the same.
 *
 *   VIS-7  at every S the rectangles are disjoint in key and leave no key out
 *   VIS-8  a sealed page never changes; a version that outlives it has its end where it was copied to
 *   VIS-9  a scan at S touches at most 2.5 times the rows that are visible, beyond two pages
 *   VIS-12 behind COMPACT it touches at most 1.6 times as many, beyond two pages
 *   VIS-10 what a page says about its rows (counts, bounds, zone maps, flags) is true
 */
import { assertLaw, DriftError } from '../base/errors.js'
import { CLASS_BOOL, CLASS_FLOAT, CLASS_INT, CLASS_TEXT, CLASS_TIME, eachField, fieldCount } from '../codec/document-shape.js'
import { EVENT_INSERT, EVENT_PATCH, EVENT_SOFT_DELETE } from '../format/frame.js'
import { type Arena } from '../memory/arena.js'
import { DeltaChunk } from './delta-chunk.js'
import { FieldNames } from './field-names.js'
import { KeyTable, NOWHERE } from './key-table.js'
import { type MergedPages, type MergeJob, PageMerger } from './merge-pages.js'
import { OpenPage } from './open-page.js'
import { OpenRange } from './open-range.js'
import { type PageDirectory, type Past, type RangeEntry, rangeIndex, type Slice, withSlice } from './page-directory.js'
import { type ColumnDraft, columnsBytes, createPage, HeapDraft, type PageDraft } from './page-draft.js'
import { type PageEvent } from './page-event.js'
import { isHandle, type PageHandle, type PagePins, type SealedPage, type SealedPages } from './page-handle.js'
import * as layout from './page-layout.js'
import { type PageLife } from './page-life.js'
import { writeTextHead } from './payload.js'
import { type PageView } from './page-view.js'
import { Recut, type RecutProgress, refuseIfFull } from './recut.js'
import { RowReader } from './row-reader.js'
import { SharedHeap } from './shared-heap.js'
import { SliceReplacement } from './slice-strips.js'
import { type RangeState, type TableState } from './table-state.js'
import { TextDictionary } from './text-dictionary.js'

export const PAGE_ROWS = 16_384
const CHUNK_ROWS = 1024
/** Rows per live row at which a rectangle is split. */
const ROWS_PER_ALIVE = 2
/** Where live rows grow: rows per live row of when it was fewest. */
const ROWS_PER_ALIVE_MIN = 2.5
/** More live rows than this part of a page become several bases, each of about {@link BASE_ROWS} of a page. */
const BASE_SHARE = 0.375
/**
 * Where only inserts come, a page that grows to q times its rows before it is split stores 1 + 1 / ln q rows a version: 2.44 with halves
 * (q = 2), 2.1 with what this makes: thirds of full pages, which grow to 2.5 times their rows, and halves of those.
 */
const BASE_ROWS = 0.4
const OFFSET_MAX = 0x7fff_fff0
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

export type PageCounters = {
  events: number
  /** Rows that merges wrote. */
  rowCopies: number
  merges: number
  sealedPages: number
  sealedRows: number
}

/** A merge under way. */
export type PendingMerge = { readonly job: MergeJob; readonly ranges: readonly OpenRange[] }

export class TablePages {
  readonly arena: Arena
  readonly table: number
  readonly keys: KeyTable
  readonly counters: PageCounters = { events: 0, rowCopies: 0, merges: 0, sealedPages: 0, sealedRows: 0 }
  readonly pageRows: number
  readonly #primaryKey: string
  readonly #isStepwise: boolean
  readonly #offsetMax: number
  readonly #chunkRows: number
  readonly #rowBits: number
  readonly #bytesMax: number
  readonly #heap: SharedHeap
  readonly #names = new FieldNames()
  readonly #merger: PageMerger
  readonly #reader: RowReader
  #ranges: OpenRange[]
  /** By number of the page. */
  readonly #pages: (OpenPage | undefined)[] = []
  readonly #rangeOfPage: (OpenRange | undefined)[] = []
  /** Chunks with rows that are not counted yet. */
  readonly #unpublished: DeltaChunk[] = []
  readonly #freeNumbers: number[] = []
  #pending: PendingMerge[] = []
  #appliedSeq = 0
  /** Counts every change of where the pages are, and of what a reader needs besides. */
  #structure = 1
  /** Of the last {@link publish}. */
  #toldReferences: Int32Array | undefined
  #toldAddresses: Int32Array | undefined
  #directory: PageDirectory<SealedPage> | undefined
  readonly #sealed: SealedPages | undefined
  readonly #pins: PagePins | undefined
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
  /** Heap bytes of a row of a delta, as the last full chunk had them. */
  #heapPerRow = -1

  constructor(options: TablePagesOptions, state?: TableState) {
    const { arena, table, primaryKey, pageRows = PAGE_ROWS, merging = 'at-once', offsetMax = OFFSET_MAX, sealed, pins } = options
    this.arena = arena
    this.table = table
    this.pageRows = pageRows
    this.#primaryKey = primaryKey
    this.#isStepwise = merging === 'by-steps'
    this.#offsetMax = offsetMax
    this.#sealed = sealed
    this.#pins = pins
    this.#chunkRows = Math.max(2, Math.min(CHUNK_ROWS, pageRows >> 4))
    // No base and no chunk has as many rows as a full page.
    this.#rowBits = 32 - Math.clz32(Math.max(2, pageRows - 1))
    this.#bytesMax = arena.slotBytes * 0.75
    this.keys = state?.keys ?? new KeyTable(new SharedHeap(arena))
    this.#heap = this.keys.heap
    this.#reader = new RowReader(this.keys)
    this.#merger = new PageMerger(arena, this.keys, this.#reader)
    const low = new Uint8Array(0)
    this.#ranges = [new OpenRange(low, 0, { low, since: 0, slices: [], sliceCount: 0, parents: [] })]
    if (state !== undefined) this.#restore(state)
    for (const range of this.#ranges) range.rowsMax = this.#limitOf(range)
  }

  /** What a snapshot keeps; {@link restore} goes on from there. It is live: to be written before the next event. */
  get state(): TableState {
    this.publish()
    const stateOf = ({ number, view }: OpenPage) => ({ number, view })
    return {
      appliedSeq: this.#appliedSeq,
      structureVersion: this.#structure,
      heapPerRow: this.#heapPerRow,
      counters: this.counters,
      keys: this.keys,
      dictionaries: [...this.#names.dictionaries].map(([name, { reference }]) => ({ name, reference })),
      ranges: this.#ranges.map(
        ({ low, t0, past, base, chunks, alive, aliveMin, hasDeletes, isAppended, seqBase, lastOrdinal }): RangeState => ({
          low,
          t0,
          past,
          base: base === undefined ? undefined : stateOf(base),
          chunks: chunks.map(({ page }) => stateOf(page)),
          alive,
          aliveMin,
          hasDeletes,
          isAppended,
          seqBase,
          lastOrdinal
        })
      )
    }
  }

  /** The table of a snapshot: the same answers at every seq, and it takes the events behind `state.appliedSeq`. */
  static restore(options: TablePagesOptions, state: TableState): TablePages {
    return new TablePages(options, state)
  }

  get appliedSeq(): number {
    return this.#appliedSeq
  }

  /** Of the {@link directory}: it is another one only where pages came or went. */
  get structureVersion(): number {
    return this.#structure
  }

  /** Rows in all pages, each copy counted. */
  get rowsStored(): number {
    let rows = this.counters.sealedRows
    for (const { base, chunks } of this.#ranges) {
      rows += base?.view.rowCount ?? 0
      for (const chunk of chunks) rows += chunk.rowCount
    }
    return rows
  }

  /** The pages as they are now, all in memory. Readers pin what they read, see `page-reader.ts`. */
  get directory(): PageDirectory {
    assertLaw(this.#sealed === undefined, 'MEM-7', `sealed pages of table ${this.table} may be gone: they are told by handles`)
    return this.handleDirectory as PageDirectory
  }

  /** The pages as they are now; sealed ones by handles where they may leave memory. */
  get handleDirectory(): PageDirectory<SealedPage> {
    this.publish()
    this.#directory ??= {
      version: this.#structure,
      appliedSeq: this.#appliedSeq,
      ranges: this.#ranges.map(({ low, t0, base, chunks, past }): RangeEntry<SealedPage> => ({
        low,
        t0,
        base: base?.view,
        chunks: chunks.map(({ view }) => view),
        past
      }))
    }
    return this.#directory
  }

  /** The row at a location. */
  at(location: number): { readonly view: PageView; readonly row: number; readonly t0: number } | undefined {
    if (location === NOWHERE) return undefined
    return { view: this.#pageAt(location).view, row: this.#rowAt(location), t0: this.#rangeAt(location).t0 }
  }

  /** Takes one event into the pages, for whoever reads them; see {@link take}. */
  apply(event: PageEvent): void {
    this.take(event)
    this.publish()
  }

  /** Everything that was taken is there for whoever reads. */
  publish(): void {
    this.#tellGrowth()
    const chunks = this.#unpublished
    for (let index = 0; index < chunks.length; index++) (chunks[index] as DeltaChunk).publish()
    if (chunks.length > 0) chunks.length = 0
  }

  /**
   * Where the arrays of keys or of the heap's blocks gave place to longer ones, who has the old ones must ask again: what comes now has
   * numbers that are not in them.
   */
  #tellGrowth(): void {
    const { references, heap } = this.keys
    if (references === this.#toldReferences && heap.addresses === this.#toldAddresses) return
    this.#toldReferences = references
    this.#toldAddresses = heap.addresses
    this.#structure++
    this.#directory = undefined
  }

  /**
   * Takes one event into the pages; readers see it when {@link publish} was called. Where it throws, nothing of the event is taken.
   * @throws DriftError OVERLOADED where no page memory is free; CORRUPT for a payload that is no document; LIMIT for a row too large for
   * a page; NOT_SUPPORTED for too many fields; INVARIANT for an event that cannot follow those before it.
   */
  take(event: PageEvent): void {
    // No message is made for a law that holds: this runs for every event.
    if (event.seq <= this.#appliedSeq) assertLaw(false, 'SEQ-1', `event ${event.seq} comes after ${this.#appliedSeq}`)
    switch (event.event) {
      case EVENT_INSERT:
        this.#insert(event)
        break
      case EVENT_PATCH:
        this.#patch(event)
        break
      case EVENT_SOFT_DELETE:
        this.#delete(event)
        break
      default:
        throw new DriftError('INVARIANT', `an event of type ${event.event} has no place in pages`)
    }
    this.counters.events++
    if (this.#pending.length > 0 && !this.#isStepwise && this.counters.events % RETRY_EVENTS === 0) this.#runPending()
  }

  /** The next merge that waits to be run, for {@link install}. */
  takeJob(): PendingMerge | undefined {
    return this.#pending.shift()
  }

  /** May run on any thread that has the pages of the job. */
  merge({ job }: PendingMerge): MergedPages {
    return this.#merger.merge(job)
  }

  /**
   * Leaves live rows only in the open pages: what a rectangle has besides is sealed now. In steps, a rectangle each; yields the rows that
   * were looked at. What is applied meanwhile may stay.
   * @throws DriftError OVERLOADED where page memory is short; what was done stays done.
   */
  *settle(): Generator<number, void> {
    for (const range of this.#ranges) {
      // An earlier step may have merged it with its neighbour.
      if (!this.#ranges.includes(range) || range.isFrozen) continue
      const { base, alive, rows } = range
      const isSettled = range.chunks.length === 0 ? alive === rows : base === undefined && range.isAppended && alive === rows
      if (!isSettled) this.#splitNow(range)
      yield rows
    }
  }

  /**
   * Cuts sealed pages anew in time, so that a scan of the past touches few rows that are not visible (VIS-12); see `recut.ts`. In steps;
   * what is applied meanwhile is left for the next time. What other pages took the place of is there for readers of older directories
   * until {@link releaseReplaced}.
   * @throws DriftError OVERLOADED where page memory is short; what was done stays done. INVARIANT while another one is under way.
   */
  *recut(): Generator<RecutProgress, void> {
    if (this.#isRecut) throw new DriftError('INVARIANT', `the pages of table ${this.table} are being cut already`)
    this.#isRecut = true
    try {
      const merger = new PageMerger(this.arena, this.keys, new RowReader(this.keys))
      const recut = new Recut(
        {
          arena: this.arena,
          table: this.table,
          pageRows: this.pageRows,
          offsetMax: this.#offsetMax,
          ranges: () => this.#ranges.map((range) => ({ past: range.past, t0: range.t0, ...shareOf(range) })),
          pin: (page) => (isHandle(page) ? this.#pinned(page) : page),
          unpin: (page, view) => {
            if (isHandle(page)) this.#pins?.unpin(view)
          },
          lives: this.#lives,
          install: (old, fresh) => this.#replace(old, fresh)
        },
        merger
      )
      for (const progress of recut.run()) {
        yield progress
        // Sealed pages that cannot leave memory must not take it from those that apply needs.
        if (this.#sealed === undefined) refuseIfFull(this.arena)
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
    for (const { page } of gone) this.#giveBack(page)
  }

  /** Nothing that is sealed goes back until what is returned is called: for who writes a snapshot, in steps. */
  holdSealed(): () => void {
    let isHeld = true
    this.#holds++
    return () => {
      if (!isHeld) return
      isHeld = false
      this.#holds--
      this.releaseReplaced(this.#leftVersion)
    }
  }

  /** Gives all page memory back. No reader may be inside. */
  release(): void {
    const pages = new Set<SealedPage>()
    const addPast = (past: Past<SealedPage>): void => {
      for (const { page } of past.slices) if (page !== undefined) pages.add(page)
      past.parents.forEach(addPast)
    }
    for (const { base, chunks, past } of this.#ranges) {
      if (base !== undefined) pages.add(base.view)
      for (const { view } of chunks) pages.add(view)
      addPast(past)
    }
    for (const { page } of this.#replaced.splice(0)) pages.add(page)
    for (const page of pages) {
      if (isHandle(page)) this.#sealed?.release(page)
      else this.arena.release(page.address)
    }
    this.#heap.release()
    this.#unpublished.length = 0
    this.#ranges = []
  }

  #giveBack(page: SealedPage): void {
    if (isHandle(page)) this.#sealed?.release(page)
    else this.arena.retire(page.address)
  }

  #pinned(page: PageHandle): PageView {
    assertLaw(this.#pins !== undefined, 'MEM-7', 'a page is told by a handle, and nothing is there to pin it')
    return this.#pins.pin(page)
  }

  /** New pages in the place of sealed ones, of the same keys and the same time. */
  #replace(old: readonly Slice<SealedPage>[], fresh: readonly PageView[]): readonly Slice<SealedPage>[] {
    const [first] = old as [Slice<SealedPage>]
    const slices = fresh.map((view): Slice<SealedPage> => ({
      t0: view.t0,
      t1: view.t1,
      low: first.low,
      page: this.#sealed?.add(view) ?? view
    }))
    const replacement = new SliceReplacement(old, slices)
    for (const range of this.#ranges) range.past = replacement.past(range.past)
    this.#directory = undefined
    this.#structure++
    const { counters } = this
    for (const { page } of old) {
      this.#replaced.push({ page: page as SealedPage, version: this.#structure })
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

  #restore({ appliedSeq, structureVersion, heapPerRow, counters, dictionaries, ranges }: TableState): void {
    this.#appliedSeq = appliedSeq
    this.#structure = structureVersion
    this.#heapPerRow = heapPerRow
    Object.assign(this.counters, counters)
    for (const { name, reference } of dictionaries) this.#names.setDictionary(name, new TextDictionary(this.#heap, reference))
    this.#ranges = ranges.map((state) => this.#restoreRange(state))
    for (let number = this.#pages.length - 1; number >= 0; number--) if (this.#pages[number] === undefined) this.#freeNumbers.push(number)
  }

  #restoreRange({ low, t0, past, base, chunks, ...rest }: RangeState): OpenRange {
    const range = new OpenRange(low, t0, past)
    if (base !== undefined) this.#addBase(range, base.view, base.number)
    for (const { view, number } of chunks) {
      view.siblings = range.siblings
      view.sibling = range.siblings.length
      range.siblings.push(view)
      const chunk = new DeltaChunk(view, this.#names, number, this.keys)
      this.#enter(chunk.page, range)
      range.chunks.push(chunk)
      range.rows += chunk.rowCount
    }
    const { alive, aliveMin, hasDeletes, isAppended, seqBase, lastOrdinal } = rest
    Object.assign(range, { alive, aliveMin, hasDeletes, isAppended, seqBase, lastOrdinal })
    if (range.base !== undefined) this.#locate(range.base)
    for (const { page } of range.chunks) this.#locate(page)
    return range
  }

  /** The newest version of a key is the last one that its open rectangle has. */
  #locate({ view, number }: OpenPage): void {
    const { locations } = this.keys
    const { i32, ordinalAt, rowCount } = view
    const page = number << this.#rowBits
    for (let row = 0; row < rowCount; row++) locations[i32[ordinalAt + row] as number] = page | row
  }

  // Events.

  #insert(event: PageEvent): void {
    const { ordinal } = event
    const isNew = !this.keys.has(ordinal)
    if (isNew) this.keys.add(ordinal, event.key, event.keyBytes)
    let location = this.keys.locationOf(ordinal)
    let range = location === NOWHERE ? this.#rangeOf(ordinal) : this.#rangeAt(location)
    if (this.#mustSplit(range, event.seq)) {
      this.#splitNow(range)
      location = this.keys.locationOf(ordinal)
      range = location === NOWHERE ? this.#rangeOf(ordinal) : this.#rangeAt(location)
    }
    let isAppend = false
    if (location === NOWHERE && range === this.#ranges[this.#ranges.length - 1]) {
      isAppend = range.lastOrdinal < 0 || this.keys.compare(range.lastOrdinal, ordinal) < 0
      // Behind the last key a full range is left as it is, and a new one begins.
      if (isAppend && this.#isFullAtEnd(range)) range = this.#rangeBehind(range, ordinal)
    }
    let chunk = this.#chunkFor(range, event)
    if (!chunk.insert(event, location)) {
      chunk = this.#largerChunk(range, event, NOWHERE)
      assertLaw(chunk.insert(event, location), 'FMT-8', `no room for event ${event.seq} in a chunk that was made for it`)
    }
    const wasAlive = location !== NOWHERE && this.#endRow(location, event.seq)
    if (isAppend) range.lastOrdinal = ordinal
    else range.isAppended = false
    if (!wasAlive) range.alive++
    this.#added(range, chunk, event)
  }

  #patch(event: PageEvent): void {
    let location = this.#aliveLocation(event)
    let range = this.#rangeAt(location)
    if (this.#mustSplit(range, event.seq)) {
      this.#splitNow(range)
      location = this.#aliveLocation(event)
      range = this.#rangeAt(location)
    }
    const page = this.#pageAt(location)
    const row = this.#rowAt(location)
    let chunk = this.#chunkFor(range, event)
    if (!chunk.patch(event, page, row, location)) {
      chunk = this.#largerChunk(range, event, location)
      assertLaw(chunk.patch(event, page, row, location), 'FMT-8', `no room for event ${event.seq} in a chunk that was made for it`)
    }
    this.#endRow(location, event.seq)
    range.isAppended = false
    this.#added(range, chunk, event)
  }

  #delete(event: PageEvent): void {
    let location = this.#aliveLocation(event)
    let range = this.#rangeAt(location)
    if (this.#mustSplit(range, event.seq)) {
      this.#splitNow(range)
      location = this.#aliveLocation(event)
      range = this.#rangeAt(location)
    }
    this.#endRow(location, event.seq)
    range.alive--
    range.aliveMin = Math.min(range.aliveMin, range.alive)
    range.isAppended = false
    range.hasDeletes = true
    this.#appliedSeq = event.seq
    this.#directory = undefined
    if (!range.isFrozen) {
      // 0 says that its bytes are full.
      if (range.rowsMax > 0) range.rowsMax = this.#limitOf(range)
      if (range.rows >= range.rowsMax) this.#look(range)
    }
  }

  #added(range: OpenRange, chunk: DeltaChunk, { ordinal, seq }: PageEvent): void {
    this.keys.locations[ordinal] = (chunk.number << this.#rowBits) | (chunk.rowCount - 1)
    if (!chunk.isUnpublished) {
      chunk.isUnpublished = true
      this.#unpublished.push(chunk)
    }
    this.#appliedSeq = seq
    this.#directory = undefined
    range.rows++
    if (range.rows >= range.rowsMax) this.#look(range)
  }

  #aliveLocation({ ordinal, seq }: PageEvent): number {
    const location = this.keys.locationOf(ordinal)
    if (location !== NOWHERE) {
      const { view } = this.#pageAt(location)
      if (view.i32[view.endAt + this.#rowAt(location)] === layout.OPEN_END) return location
    }
    throw new DriftError('INVARIANT', `VIS-6: event ${seq} changes ordinal ${ordinal}, which is not there`, { law: 'VIS-6' })
  }

  /** Ends the version at a location; false if it had ended before. */
  #endRow(location: number, seq: number): boolean {
    const { view } = this.#pageAt(location)
    const row = this.#rowAt(location)
    return endRow(view, row, seq)
  }

  #pageAt(location: number): OpenPage {
    return this.#pages[location >>> this.#rowBits] as OpenPage
  }

  #rangeAt(location: number): OpenRange {
    return this.#rangeOfPage[location >>> this.#rowBits] as OpenRange
  }

  #rowAt(location: number): number {
    return location & ((1 << this.#rowBits) - 1)
  }

  #rangeOf(ordinal: number): OpenRange {
    const ranges = this.#ranges
    let high = ranges.length - 1
    // Many keys come behind all others.
    if (this.#isWithin(ordinal, ranges[high] as OpenRange)) return ranges[high] as OpenRange
    let low = 0
    high--
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (this.#isWithin(ordinal, ranges[middle] as OpenRange)) low = middle
      else high = middle - 1
    }
    return ranges[low] as OpenRange
  }

  /** True if the key is none below the range. */
  #isWithin(ordinal: number, { low, lowData }: OpenRange): boolean {
    return this.keys.compareWith(ordinal, lowData, 0, low.length) >= 0
  }

  #isFullAtEnd(range: OpenRange): boolean {
    if (range.lastOrdinal < 0 || range.isFrozen) return false
    return range.rowsMax === 0 || range.rows >= this.#limitOf(range) - 1
  }

  #rangeBehind(range: OpenRange, ordinal: number): OpenRange {
    const low = this.keys.keyOf(ordinal)
    const behind = new OpenRange(low, range.t0, { ...range.past, low })
    this.#ranges = [...this.#ranges, behind]
    behind.rowsMax = this.#limitOf(behind)
    this.#structure++
    return behind
  }

  // Chunks.

  #chunkFor(range: OpenRange, event: PageEvent): DeltaChunk {
    const chunk = range.chunks.length > range.frozenCount ? range.chunks[range.chunks.length - 1] : undefined
    return chunk?.hasRoom === true ? chunk : this.#addChunk(range, event, 0)
  }

  /** A chunk with room for the row that `event` makes, whatever it holds. */
  #largerChunk(range: OpenRange, event: PageEvent, location: number): DeltaChunk {
    const { source, from, to } = event
    let bytes = 2 * (to - from) + 16 * fieldCount(source, from) + 1024
    if (location !== NOWHERE) {
      const page = this.#pageAt(location)
      bytes += this.#reader.roomOf(page.view, this.#rowAt(location))
    }
    const limit = this.arena.slotBytes / 2
    if (bytes > limit) {
      throw new DriftError('LIMIT', `a row of about ${bytes} bytes is too large for a version page; ${limit} at most`, {
        name: 'pageRowBytesMax',
        limit,
        seen: bytes
      })
    }
    return this.#addChunk(range, event, bytes)
  }

  #addChunk(range: OpenRange, event: PageEvent, heapNeeded: number): DeltaChunk {
    const last = range.chunks[range.chunks.length - 1]
    if (last !== undefined && last.rowCount > 0) this.#heapPerRow = last.heapBytes / last.rowCount
    this.#names.settle()
    const columns = this.#columnsFor(range, event)
    const draft = (rowCapacity: number): PageDraft => ({
      kind: layout.DELTA,
      table: this.table,
      rowCapacity,
      t0: range.t0,
      t1: Infinity,
      seqBase: event.seq,
      low: range.low,
      high: this.#highOf(range),
      hasOrigin: false,
      columns
    })
    const half = this.arena.slotBytes / 2
    const rowBytes = columnsBytes(draft(64)) / 64
    const rows = Math.max(1, Math.min(this.#chunkRows, Math.floor(half / rowBytes)))
    const perRow = this.#heapPerRow < 0 ? event.to - event.from : this.#heapPerRow
    const room = Math.max(heapNeeded, Math.min(half, Math.ceil(perRow * rows * 1.25) + 512))
    const full = draft(rows)
    const view = createPage(this.arena, full, new HeapDraft(full), room)
    const sibling = range.siblings.length
    if (sibling > layout.SIBLINGS_MAX) {
      this.arena.release(view.address)
      throw new DriftError('OVERLOADED', 'a delta has too many chunks; its merge waits for page memory', { chunks: sibling })
    }
    view.siblings = range.siblings
    view.sibling = sibling
    range.siblings.push(view)
    const chunk = new DeltaChunk(view, this.#names, this.#newNumber(), this.keys)
    this.#enter(chunk.page, range)
    range.chunks.push(chunk)
    range.seqBase = Math.min(range.seqBase, view.seqBase)
    this.#directory = undefined
    this.#structure++
    // A rectangle that fills its bytes is looked at as one that fills its rows.
    if (this.#bytesOf(range) > this.#bytesMax && !range.isFrozen) range.rowsMax = 0
    return chunk
  }

  /** The columns of the base or of the chunk before, and fields that came up since. */
  #columnsFor(range: OpenRange, event: PageEvent): ColumnDraft[] {
    const lastChunk = range.chunks[range.chunks.length - 1]
    const last = lastChunk?.page ?? range.base
    const columns: ColumnDraft[] = []
    const names = new Set<string>()
    const add = (name: string, encodedName: Uint8Array, valueClass: number): void => {
      if (names.has(name) || columns.length >= layout.COLUMNS_MAX) return
      names.add(name)
      columns.push(this.#columnDraft(name, encodedName, valueClass))
    }
    if (last === undefined) {
      if (event.event === EVENT_INSERT) {
        const classes = topClasses(event)
        for (const [name, valueClass] of classes) {
          if (valueClass !== layout.CLASS_UNTYPED) add(name, encodedName(name), name === this.#primaryKey ? layout.CLASS_KEY : valueClass)
        }
      }
      return columns
    }
    last.renew()
    last.view.columns.forEach(({ valueClass }, index) => {
      const field = last.fieldOfColumn(index)
      add(field.name, field.encoded, valueClass === layout.CLASS_UNTYPED ? field.classSeen : valueClass)
    })
    if (lastChunk !== undefined) {
      for (const [field, rows] of lastChunk.fieldsWithoutColumn()) {
        if (rows * layout.COLUMN_SHARE >= lastChunk.rowCount && field.classSeen !== layout.CLASS_UNTYPED) {
          add(field.name, field.encoded, field.name === this.#primaryKey ? layout.CLASS_KEY : field.classSeen)
        }
      }
    }
    return columns
  }

  #columnDraft(name: string, encoded: Uint8Array, valueClass: number): ColumnDraft {
    let dictionary = 0
    if (valueClass === layout.CLASS_TEXT) {
      let known = this.#names.dictionaryOf(name)
      if (known === undefined) this.#names.setDictionary(name, (known = new TextDictionary(this.#heap)))
      dictionary = known.reference
    }
    return { encodedName: encoded, valueClass, encoding: deltaEncoding(valueClass), hasStates: true, dictionary }
  }

  #newNumber(): number {
    const number = this.#freeNumbers.pop() ?? this.#pages.length
    // The last number would make a location that reads as none.
    const limit = 2 ** (32 - this.#rowBits) - 1
    if (number < limit) return number
    throw new DriftError('LIMIT', `a table has room for ${limit} open pages`, { name: 'openPagesMax', limit, seen: number + 1 })
  }

  // Splits.

  /** Rows at which the rectangle is looked at. */
  #limitOf({ alive, aliveMin, isAppended }: OpenRange): number {
    const eighth = this.pageRows / 8
    const few = this.#ranges.length > 1 ? this.pageRows / 32 : eighth
    const growth = isAppended ? Infinity : ROWS_PER_ALIVE_MIN * Math.max(aliveMin, eighth)
    return Math.max(2, Math.min(this.pageRows, Math.ceil(ROWS_PER_ALIVE * Math.max(alive, few)), Math.ceil(growth)))
  }

  #look(range: OpenRange): void {
    if (range.isFrozen) return
    const isFull = this.#bytesOf(range) > this.#bytesMax
    const limit = this.#limitOf(range)
    if (range.rows < limit && !isFull) {
      range.rowsMax = limit
      return
    }
    // Appended rows are left as they are: the next key behind them begins a new range, any other event splits this one.
    if (range.isAppended && range.alive === range.rows && range === this.#ranges[this.#ranges.length - 1]) return
    this.#freeze(range)
    if (!this.#isStepwise) this.#runPending()
  }

  #freeze(range: OpenRange): void {
    this.publish()
    const ranges = this.#withNeighbour(range)
    const alive = ranges.reduce((sum, each) => sum + each.alive, 0)
    const rows = ranges.reduce((sum, each) => sum + each.rows, 0)
    const aliveBytes = (ranges.reduce((sum, each) => sum + this.#bytesOf(each), 0) * alive) / Math.max(1, rows)
    const byRows = alive <= BASE_SHARE * this.pageRows ? 1 : Math.max(2, Math.round(alive / (BASE_ROWS * this.pageRows)))
    const byBytes = Math.ceil(aliveBytes / (this.#bytesMax / 2))
    const T = this.#appliedSeq
    const job: MergeJob = {
      table: this.table,
      inputs: ranges.map((each) => ({
        t0: each.t0,
        low: each.low,
        high: this.#highOf(each),
        base: each.base?.view,
        chunks: each.chunks.map(({ view }) => view)
      })),
      T,
      parts: Math.max(byRows, byBytes),
      offsetMax: this.#offsetMax
    }
    for (const each of ranges) {
      each.isFrozen = true
      each.frozenCount = each.chunks.length
      each.rows = 0
      each.rowsMax = Infinity
    }
    this.#pending.push({ job, ranges })
  }

  /** A range with few live rows is merged with the smaller one beside it. */
  #withNeighbour(range: OpenRange): OpenRange[] {
    if (range.alive >= this.pageRows / 8 || this.#ranges.length === 1) return [range]
    const index = this.#ranges.indexOf(range)
    const [before, behind] = [this.#ranges[index - 1], this.#ranges[index + 1]].map((each) => (each?.isFrozen === false ? each : undefined))
    if (before !== undefined && (behind === undefined || before.alive <= behind.alive)) return [before, range]
    return behind === undefined ? [range] : [range, behind]
  }

  #highOf(range: OpenRange): Uint8Array | undefined {
    // A range that is being installed is not among them yet: what a chunk says of its end is what was known when it was made.
    const index = this.#ranges.indexOf(range)
    return index < 0 ? undefined : this.#ranges[index + 1]?.low
  }

  #bytesOf({ base, chunks, rows }: OpenRange): number {
    const last = chunks[chunks.length - 1]
    if (last === undefined && base === undefined) return 0
    let bytes = (base?.view.heapEnd ?? 0) + chunks.reduce((sum, chunk) => sum + chunk.heapBytes, 0)
    for (const { encoding } of (last ?? (base as OpenPage)).view.columns) bytes += rows * ((layout.ENCODING_BYTES[encoding] as number) + 1)
    return bytes + rows * 22
  }

  /** Offsets of the oldest page end here. */
  #mustSplit(range: OpenRange, seq: number): boolean {
    return seq - range.seqBase >= this.#offsetMax
  }

  #splitNow(range: OpenRange): void {
    if (!range.isFrozen) this.#freeze(range)
    this.#runPending()
    if (range.isFrozen) throw new DriftError('OVERLOADED', 'a merge must come first: it waits for page memory, or is being run')
  }

  /** Runs what waits. Where page memory is short it goes on waiting: the delta grows meanwhile. */
  #runPending(): void {
    while (this.#pending.length > 0) {
      const [pending] = this.#pending as [PendingMerge]
      let merged: MergedPages
      try {
        merged = this.#merger.merge(pending.job)
      } catch (error) {
        if (error instanceof DriftError && error.code === 'DRIFT_OVERLOADED') return
        throw error
      }
      this.#pending.shift()
      this.install(pending, merged)
    }
  }

  /**
   * Puts the pages of a merge in the place of what they were made from.
   * @throws DriftError OVERLOADED where the rows that came meanwhile find no page memory: nothing is changed then, and it can be tried again.
   */
  install({ job, ranges }: PendingMerge, merged: MergedPages): void {
    this.publish()
    const { T } = job
    const [first] = ranges as [OpenRange]
    const fresh = merged.bases.map(({ page }, part) => new OpenRange(part === 0 ? first.low : page.lowKey, T + 1, first.past))
    if (fresh.length === 0) fresh.push(new OpenRange(first.low, T + 1, first.past))
    let moves: Moves
    try {
      merged.bases.forEach(({ page }, part) => this.#addBase(fresh[part] as OpenRange, page))
      moves = this.#copySecondDelta(ranges, fresh)
      for (const { chunks } of fresh) for (const chunk of chunks) chunk.publish()
    } catch (error) {
      for (const { base, chunks } of fresh) {
        for (const { view } of chunks) this.arena.release(view.address)
        if (base !== undefined) this.#forgetPage(base)
        for (const { page } of chunks) this.#forgetPage(page)
      }
      throw error
    }
    // From here on nothing can fail.
    const pasts = ranges.map((range, index) => {
      const page = merged.sealed[index]
      const kept = page === undefined ? undefined : (this.#sealed?.add(page) ?? page)
      return withSlice<SealedPage>(range.past, { t0: range.t0, t1: T + 1, low: range.low, page: kept })
    })
    const past: Past<SealedPage> =
      pasts.length === 1 ? (pasts[0] as Past<SealedPage>) : { low: first.low, since: T + 1, slices: [], sliceCount: 0, parents: pasts }
    for (const range of fresh) range.past = { ...past, low: range.low }
    if (ranges.some(({ hasDeletes }) => hasDeletes)) {
      this.#forgetDead(merged, T)
      // A key that was deleted while the merge ran has its newest version in a new base or delta.
      for (const range of fresh) range.hasDeletes = true
    }
    merged.bases.forEach(({ sources }, part) => this.#moveToBase((fresh[part] as OpenRange).base as OpenPage, sources, merged))
    for (const { ordinal, from, to } of moves) if (this.keys.locations[ordinal] === from) this.keys.locations[ordinal] = to
    const index = this.#ranges.indexOf(first)
    this.#ranges = [...this.#ranges.slice(0, index), ...fresh, ...this.#ranges.slice(index + ranges.length)]
    for (const range of ranges) {
      range.isFrozen = false
      const pages = range.chunks.map(({ page }) => page)
      for (const page of range.base === undefined ? pages : [range.base, ...pages]) {
        this.#forgetPage(page)
        this.arena.retire(page.view.address)
      }
    }
    for (const range of fresh) {
      range.alive = (range.base?.view.aliveCount ?? 0) + range.chunks.reduce((sum, { view }) => sum + view.aliveCount, 0)
      range.aliveMin = Math.min(range.base?.view.rowCount ?? 0, range.alive)
      range.isAppended = range.base === undefined && range.chunks.length === 0
    }
    for (const range of fresh) range.rowsMax = this.#limitOf(range)
    this.#directory = undefined
    this.#structure++
    this.counters.merges++
    this.counters.rowCopies += moves.length
    for (const page of merged.sealed) {
      if (page === undefined) continue
      this.counters.sealedPages++
      this.counters.sealedRows += page.rowCount
      this.counters.rowCopies += page.rowCount
    }
    for (const { page } of merged.bases) this.counters.rowCopies += page.rowCount
  }

  #enter(page: OpenPage, range: OpenRange): void {
    this.#pages[page.number] = page
    this.#rangeOfPage[page.number] = range
  }

  #forgetPage({ number }: OpenPage): void {
    this.#pages[number] = this.#rangeOfPage[number] = undefined
    this.#freeNumbers.push(number)
  }

  /** Ordinals whose newest version was dead at T are not in open pages any more. */
  #forgetDead({ pages }: MergedPages, T: number): void {
    for (const view of pages) {
      const page = this.#numberOf(view) << this.#rowBits
      for (let row = 0; row < view.rowCount; row++) {
        const ordinal = view.i32[view.ordinalAt + row] as number
        if (this.keys.locations[ordinal] === (page | row) && view.endOf(row) <= T) this.keys.locations[ordinal] = NOWHERE
      }
    }
  }

  #addBase(range: OpenRange, view: PageView, number = this.#newNumber()): void {
    const base = new OpenPage(view, this.#names, number)
    this.#enter(base, range)
    range.base = base
    range.siblings[0] = view
    view.siblings = range.siblings
    range.rows = view.rowCount
    range.seqBase = view.seqBase
    range.lastOrdinal = view.ordinalOf(view.rowCount - 1)
  }

  /** The rows of a base are the newest of their keys, but for those that ended or were followed while the merge ran. */
  #moveToBase({ view, number }: OpenPage, sources: Int32Array, { pages, starts, pageOfRow }: MergedPages): void {
    const numbers = pages.map((page) => this.#numberOf(page) << this.#rowBits)
    const { locations } = this.keys
    for (let row = 0; row < sources.length; row++) {
      const source = sources[row] as number
      const part = pageOfRow[source] as number
      const from = pages[part] as PageView
      const fromRow = source - (starts[part] as number)
      const ordinal = from.i32[from.ordinalAt + fromRow] as number
      const end = from.i32[from.endAt + fromRow] as number
      if (end !== layout.OPEN_END) endRow(view, row, from.seqBase + end)
      if (locations[ordinal] === ((numbers[part] as number) | fromRow)) locations[ordinal] = (number << this.#rowBits) | row
    }
  }

  /** Copies the rows that came while the merge ran to the deltas of the new ranges, in the order of their seqs. */
  #copySecondDelta(ranges: readonly OpenRange[], fresh: readonly OpenRange[]): Moves {
    const rows: { readonly chunk: DeltaChunk; readonly row: number; readonly seq: number }[] = []
    for (const { chunks, frozenCount } of ranges) {
      for (const chunk of chunks.slice(frozenCount)) {
        for (let row = 0; row < chunk.rowCount; row++) rows.push({ chunk, row, seq: chunk.view.beginOf(row) })
      }
    }
    rows.sort((one, other) => one.seq - other.seq)
    const moved = new Map<number, number>()
    return rows.map(({ chunk, row, seq }) => {
      const { view } = chunk
      const ordinal = view.ordinalOf(row)
      const range = fresh[rangeIndex(fresh, this.keys.keyOf(ordinal))] as OpenRange
      const before = view.i32[view.previousAt + row] as number
      const previous = before === NOWHERE ? NOWHERE : (moved.get(before) ?? this.#inBase(range, ordinal))
      const target = this.#takeOver(range, view, row, seq, previous)
      const from = (chunk.number << this.#rowBits) | row
      const to = (target.number << this.#rowBits) | (target.rowCount - 1)
      moved.set(from, to)
      const end = view.endOf(row)
      if (end !== Infinity) endRow(target.view, target.rowCount - 1, end)
      range.rows++
      if (range.lastOrdinal < 0 || this.keys.compare(range.lastOrdinal, ordinal) < 0) range.lastOrdinal = ordinal
      return { ordinal, from, to }
    })
  }

  #takeOver(range: OpenRange, view: PageView, row: number, seq: number, previous: number): DeltaChunk {
    const event: PageEvent = {
      event: EVENT_INSERT,
      seq,
      ordinal: view.ordinalOf(row),
      key: noBytes,
      keyBytes: 0,
      source: emptyDocument,
      from: 0,
      to: emptyDocument.length,
      frame: -1
    }
    const chunk = this.#chunkFor(range, event)
    if (chunk.take(event, view, row, this.#reader, previous)) return chunk
    const larger = this.#addChunk(range, event, 2 * this.#reader.roomOf(view, row) + 1024)
    assertLaw(
      larger.take(event, view, row, this.#reader, previous),
      'FMT-8',
      'no room for a row that is moved in a chunk that was made for it'
    )
    return larger
  }

  /** Where the version that was alive at T lies now. */
  #inBase({ base }: OpenRange, ordinal: number): number {
    if (base === undefined) return NOWHERE
    const { view } = base
    let low = 0
    let high = view.rowCount
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.keys.compare(view.ordinalOf(middle), ordinal) < 0) low = middle + 1
      else high = middle
    }
    return low < view.rowCount && view.ordinalOf(low) === ordinal ? (base.number << this.#rowBits) | low : NOWHERE
  }

  #numberOf(view: PageView): number {
    assertLaw(this.#pages[view.openNumber]?.view === view, 'VIS-7', 'a merge was made from a page that is not open')
    return view.openNumber
  }
}

/** Rows of an open rectangle, and the fewest that were visible at a seq that it answers for. */
function shareOf({ base, chunks, alive, aliveMin, isAppended }: OpenRange): { readonly rows: number; readonly least: number } {
  const rows = chunks.reduce((sum, { rowCount }) => sum + rowCount, base?.view.rowCount ?? 0)
  // Of a delta a scan touches what has begun: where all of it is alive, no more than what is visible.
  return isAppended && alive === rows ? { rows: 0, least: 0 } : { rows, least: Math.min(alive, aliveMin) }
}

/** Rows that got another place. */
type Moves = readonly { readonly ordinal: number; readonly from: number; readonly to: number }[]

const noBytes = new Uint8Array(0)
const emptyDocument = Uint8Array.of(0x80)

/** Ends a version; false if it had ended before. */
function endRow(view: PageView, row: number, seq: number): boolean {
  const { i32 } = view
  if (i32[view.endAt + row] !== layout.OPEN_END) return false
  const { head } = view
  const offset = seq - view.seqBase
  i32[view.endAt + row] = offset
  if (offset < (i32[head + layout.END_MIN] as number)) i32[head + layout.END_MIN] = offset
  i32[head + layout.ALIVE_COUNT] = (i32[head + layout.ALIVE_COUNT] as number) - 1
  return true
}

/** The top-level fields of a document with the class of column that each asks for. */
function topClasses({ source, from }: PageEvent): Map<string, number> {
  const classes = new Map<string, number>()
  eachField(source, from, (name, valueClass) => {
    switch (valueClass) {
      case CLASS_BOOL:
        classes.set(name, layout.CLASS_BOOLEAN)
        break
      case CLASS_INT:
      case CLASS_FLOAT:
        classes.set(name, layout.CLASS_NUMBER)
        break
      case CLASS_TEXT:
        classes.set(name, layout.CLASS_TEXT)
        break
      case CLASS_TIME:
        classes.set(name, layout.CLASS_TIME)
        break
      default:
        classes.set(name, layout.CLASS_UNTYPED)
    }
  })
  return classes
}

function encodedName(name: string): Uint8Array {
  const text = Buffer.from(name, 'utf8')
  const encoded = new Uint8Array(text.length + 5)
  const at = writeTextHead(text.length, encoded, 0)
  encoded.set(text, at)
  return encoded.slice(0, at + text.length)
}

function deltaEncoding(valueClass: number): number {
  switch (valueClass) {
    case layout.CLASS_NUMBER:
    case layout.CLASS_TIME:
      return layout.ENCODED_F64
    case layout.CLASS_TEXT:
      return layout.ENCODED_I32
    case layout.CLASS_BOOLEAN:
      return layout.ENCODED_U8
    default:
      return layout.ENCODED_NOT
  }
}
