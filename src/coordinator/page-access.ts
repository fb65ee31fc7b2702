/**
 * The coordinator's view of version pages: which tables have them, where they are, and how a read gets hold of them at its seq.
 *
 * A table that was empty when the database was opened has pages from its first event on. Any other gets them when a scan first asks for
 * them, from its segments, in the background; until then that scan and others read documents instead, with the same answers.
 */
import { type DirectoryAnswer } from '../apply/applier.js'
import { PAGE_FOLDER } from '../apply/page-storage.js'
import { assertLaw, DriftError, type ErrorData } from '../base/errors.js'
import { type Log } from '../base/log.js'
import { type Io } from '../io/io.js'
import { realIo } from '../io/real-io.js'
import { compileKernels, wasmKernels } from '../kernel/wasm-kernels.js'
import { type ApplyMemory } from '../memory/apply-memory.js'
import { type Arena } from '../memory/arena.js'
import { type PageTable } from '../memory/page-table.js'
import { attachDirectory, PageHandles, PageViews, StaleDirectory } from '../page/directory-image.js'
import { KeyTable } from '../page/key-table.js'
import { OpenRows } from '../page/open-rows.js'
import { PageCache } from '../page/page-cache.js'
import { type PageDirectory } from '../page/page-directory.js'
import { PageFiles } from '../page/page-files.js'
import { type PagePins, type SealedPage } from '../page/page-handle.js'
import { type ReadPlace } from '../page/row-reader.js'
import { type ApplyLink } from '../runtime/apply-link.js'
import { QueryPool } from '../runtime/query-pool.js'
import { ScanMemory } from '../scan/scan-memory.js'
import { DirectoryPages, type PagesAtSeq, ScanTable } from '../scan/scan-table.js'
import { type PageSnapshotInfo } from '../snapshot/page-snapshots.js'
import { DirectoryReaders } from './directory-readers.js'
import { HeldDirectory } from './held-directory.js'
import { PageDocuments } from './page-documents.js'
import { type MissingPages } from './maintenance.js'
import { type TableLoader } from './table-loader.js'
import { type TableState } from './table-state.js'

/** A query waits for the pages of a table with so many events; for a larger one it reads documents, if memory can have them. */
const WAITED_EVENTS = 50_000
/** Of page memory, for sealed pages that one statement holds all at once. */
const HELD_SHARE = 0.25
/** A directory that is stale again and again: apply merges faster than it can be asked. */
const ATTEMPTS_MAX = 100

type TablePageState = {
  readonly table: TableState
  state: 'cold' | 'warming' | 'live'
  warming: Promise<void> | undefined
  directory: PageDirectory<SealedPage> | undefined
  scan: ScanTable | undefined
  /** Reads that are inside its pages. */
  readers: number
  /** The same by directory, of the pages that the table has now. */
  readersOf: DirectoryReaders
  /** Why it has none; it is not tried again. */
  refused: ErrorData | undefined
  /** Its pages are given up, and to be given back when no read is inside them any more. */
  isGivenUp: boolean
  /** They are being given back. */
  forgetting: Promise<void> | undefined
  readonly held: HeldDirectory
  /** A newer one is on its way. */
  isHeldAsked: boolean
  readonly documents: PageDocuments
}

export type PageAccessParts = {
  readonly io: Io
  readonly arena: Arena
  readonly pageTable: PageTable
  readonly apply: ApplyMemory
  readonly link: ApplyLink
  readonly logger: Log
  readonly tables: Iterable<TableState>
  /** Of the query pool, beside the caller's. */
  readonly threads: number
  /** A scan that takes this long is shared with them; less in tests. */
  readonly worthwhileNs: number | undefined
  readonly loader: TableLoader
  readonly onLost: () => void
}

export class PageAccess {
  readonly #parts: PageAccessParts
  readonly #tables = new Map<number, TablePageState>()
  /** Folders of page files. */
  readonly #folders = new Map<number, string>()
  /** Other threads that take part in large scans. */
  readonly fragments: QueryPool
  readonly #views: PageViews
  readonly #handles = new PageHandles()
  readonly #files: PageFiles
  readonly #cache: PageCache
  readonly #pins: PagePins
  /** Sealed pages that one statement may hold at once. */
  readonly #heldMax: number
  readonly #memory: ScanMemory
  #isLost = false
  #isClosed = false

  constructor(parts: PageAccessParts) {
    this.#parts = parts
    const { io, arena, pageTable, threads, worthwhileNs } = parts
    this.#views = new PageViews(arena)
    this.#files = new PageFiles(io, (tableId) => this.#folders.get(tableId) ?? '')
    this.#cache = new PageCache(arena, pageTable, this.#files)
    this.#pins = {
      pin: (handle) => {
        try {
          return this.#cache.pin(handle)
        } catch (error) {
          return this.#foundDamage(handle.number, error)
        }
      },
      unpin: this.#cache.unpin
    }
    this.#heldMax = Math.floor((arena.budgetBytes * HELD_SHARE) / arena.slotBytes)
    let module: WebAssembly.Module | undefined
    const kernels = (): WebAssembly.Module => (module ??= compileKernels(realIo))
    this.#memory = new ScanMemory(arena, (memory) => wasmKernels(kernels(), memory))
    this.fragments = threads === 0 ? QueryPool.inProcess() : QueryPool.onThreads({ arena, pageTable, kernels, threads, worthwhileNs })
    for (const table of parts.tables) this.addTable(table)
    parts.link.onLost(({ message }) => {
      this.#isLost = true
      parts.onLost()
      parts.logger.error({ message }, 'the apply thread is lost; tables are read without their pages')
    })
  }

  addTable(table: TableState): void {
    const { id } = table.definition
    const { apply, arena, link } = this.#parts
    const documents = new PageDocuments({
      apply,
      tableId: id,
      isLive: () => state.state === 'live' && !this.#isLost && !this.#isClosed,
      ask: () => link.openRows(id).catch((error: unknown) => this.#warn(error, 'rows of pages cannot be read by themselves')),
      attach: ({ handle }) => new OpenRows(arena, this.#views, handle, readPlaceOf(table)),
      directory: () => state.held.directory,
      renewDirectory: () => this.#renewHeld(state),
      pinResident: this.#cache.pinResident,
      pin: (handle) => this.#pins.pin(handle),
      unpin: this.#cache.unpin,
      onWanted: () => this.#warm(table, state)
    })
    const state: TablePageState = {
      table,
      state: table.versions.count === 0 ? 'live' : 'cold',
      warming: undefined,
      directory: undefined,
      scan: undefined,
      readers: 0,
      readersOf: new DirectoryReaders(),
      refused: undefined,
      isGivenUp: false,
      forgetting: undefined,
      held: new HeldDirectory(),
      isHeldAsked: false,
      documents
    }
    this.#folders.set(id, pageFolder(table))
    this.#tables.set(id, state)
    table.frames.pages = documents
  }

  get appliedSeq(): number {
    return this.#parts.apply.appliedSeq
  }

  get bytes(): number {
    return this.#parts.arena.claimedBytes
  }

  get bytesMax(): number {
    return this.#parts.arena.budgetBytes
  }

  /** Sealed pages that this thread read from files. */
  get loads(): number {
    return this.#cache.counters.loads
  }

  /** Chunks of the log up to this seq are not needed by apply any more. */
  get freeSeq(): number {
    if (this.#isLost) return Number.MAX_SAFE_INTEGER
    return Math.min(this.#parts.apply.appliedSeq, this.#parts.loader.freeSeq)
  }

  /** Resolves when apply does not hold the log below `seq` any more. */
  async untilFree(seq: number): Promise<void> {
    if (this.#isLost) return
    await this.#parts.link.untilApplied(seq).catch((error: unknown) => {
      if (!this.#isLost) throw error
    })
    await this.#parts.loader.idle()
  }

  /** At once, where the pages are there and known; else undefined. */
  pagesNow(table: TableState, S: number): PagesAtSeq | undefined {
    const state = this.#stateOf(table)
    const { apply } = this.#parts
    const { directory, scan } = state
    if (state.state !== 'live' || this.#isLost || directory === undefined || scan === undefined || apply.appliedSeq < S) return undefined
    // Read behind the applied seq: what is applied up to there is in the pages of this version.
    if (directory.version !== apply.directoryVersion(table.definition.id)) return undefined
    return this.#pinned(state, directory, scan, S)
  }

  /**
   * The pages of a table at S, which is visible, as soon as everything up to S is in them; undefined where the table has none: then
   * documents are read, and pages are made meanwhile. With `isWaited` they are waited for however large the table is.
   */
  async pages(table: TableState, S: number, isWaited = false): Promise<PagesAtSeq | undefined> {
    const now = this.pagesNow(table, S)
    if (now !== undefined) return now
    const state = this.#stateOf(table)
    if (state.state !== 'live') {
      this.#warm(table, state)
      if (isWaited || table.versions.count - eventsOf(table) <= WAITED_EVENTS) await state.warming
    }
    for (let attempt = 0; attempt < ATTEMPTS_MAX && state.state === 'live' && !this.#isLost; attempt++) {
      const { link } = this.#parts
      try {
        await link.untilApplied(S)
        this.#learn(table, state, await link.directory(table.definition.id))
      } catch (error) {
        if (this.#isLost && !this.#isClosed) return undefined
        throw error
      }
      const { directory, scan } = state
      if (directory === undefined || scan === undefined) return undefined
      const pinned = this.#pinned(state, directory, scan, S)
      if (pinned !== undefined) return pinned
    }
    return undefined
  }

  /** Writes a snapshot of a table's pages; undefined where it has none and they are not to be made for it, or cannot be. */
  async snapshot(table: TableState, missing: MissingPages): Promise<PageSnapshotInfo | undefined> {
    if (missing === 'leave' && this.#stateOf(table).state !== 'live') return undefined
    return this.#repairing(table, () => this.#parts.link.snapshot(table.definition.id))
  }

  /**
   * COMPACT of a table's pages, which are read or made for it if need be: live rows only in open pages, sealed ones so that the past is
   * cheap to scan. `report` is told how many rows of about how many were gone through, and may throw. Where page memory is short the rest
   * is left as it is.
   */
  async compact(table: TableState, report: (done: number, total: number) => void): Promise<void> {
    const { logger } = this.#parts
    try {
      await this.#repairing(table, (state) => this.#compactPages(state, report))
    } catch (error) {
      const { code, message } = DriftError.from(error, 'apply')
      if (code !== 'DRIFT_OVERLOADED') throw error
      logger.warn({ table: table.definition.name, message }, 'compaction left pages of a table as they are')
    }
  }

  async #compactPages(state: TablePageState, report: (done: number, total: number) => void): Promise<void> {
    while (state.state === 'live' && !this.#isLost) {
      const { done, total, isOver, version } = await this.#parts.link.compact(state.table.definition.id)
      state.readersOf.replaced(version)
      state.held.letGo()
      this.#releaseReplaced(state)
      if (isOver) return
      report(done, total)
    }
  }

  /**
   * Work on the pages of a table, which are read or made before; undefined where it can have none. A page that cannot be read from its file
   * is no loss: pages are made anew of the segments, and the work begins again, once.
   */
  async #repairing<Result>(table: TableState, work: (state: TablePageState) => Promise<Result>): Promise<Result | undefined> {
    const state = this.#stateOf(table)
    for (let attempt = 0; ; attempt++) {
      if (!(await this.#isLive(state))) return undefined
      try {
        return await work(state)
      } catch (error) {
        if (attempt > 0 || !this.#isDamage(state, error)) throw error
      }
    }
  }

  /** Makes the table's pages if it has none; false where it can have none now. */
  async #isLive(state: TablePageState): Promise<boolean> {
    const { table } = state
    if (this.#isLost || table.damage !== undefined) return false
    if (state.state !== 'live') {
      await state.forgetting
      this.#warm(table, state)
      await state.warming
    }
    return state.state === 'live'
  }

  /** Pages that no reader finds any more go back: those replaced before the oldest directory that somebody reads. */
  #releaseReplaced(state: TablePageState): void {
    const { readersOf } = state
    if (state.state !== 'live' || this.#isClosed || this.#isLost) return
    const version = readersOf.takeOldest()
    if (version === undefined) return
    const release = async (): Promise<void> => {
      // Threads may be a little behind the read that they belong to.
      await this.fragments.untilLeft()
      if (state.readersOf === readersOf) await this.#parts.link.releaseReplaced(state.table.definition.id, version)
    }
    release().catch((error: unknown) => this.#warn(error, 'replaced pages of a table could not be given back'))
  }

  /** Of what nobody waits for; a thread that is lost or closed is told elsewhere. */
  #warn(error: unknown, what: string): undefined {
    if (this.#isClosed || this.#isLost) return undefined
    const { code, message } = DriftError.from(error, 'apply')
    this.#parts.logger.warn({ code, message }, what)
    return undefined
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.fragments.close()
    // What is being made is left: its thread ends.
    await this.#parts.link.close()
    for (const { warming } of this.#tables.values()) await warming
    this.#files.close()
  }

  #stateOf({ definition }: TableState): TablePageState {
    const state = this.#tables.get(definition.id)
    assertLaw(state !== undefined, 'CAT-1', `no pages are kept for table ${definition.name}`)
    return state
  }

  #learn(table: TableState, state: TablePageState, answer: DirectoryAnswer): void {
    if ('image' in answer) {
      const { arena } = this.#parts
      const { image } = answer
      state.directory = attachDirectory(image, this.#views, this.#handles)
      if (state.scan === undefined) {
        const readPlace = readPlaceOf(table)
        const keys = KeyTable.attach(arena, image.keys)
        const { id } = table.definition
        state.scan = new ScanTable({ arena, keys, memory: this.#memory, readPlace, tableId: id, pageFolder: pageFolder(table) })
      } else state.scan.keys.renew(image.keys)
      state.held.hold(state.directory, state.readersOf)
      state.documents.renew()
      return
    }
    this.#refuse(table, state, answer.refused)
  }

  /** Its pages could not be kept: documents are read from now on. */
  #refuse({ definition }: TableState, state: TablePageState, why: ErrorData | undefined): void {
    state.refused = why ?? { name: 'INVARIANT', message: 'the table has no pages', details: {} }
    this.#parts.logger.warn({ table: definition.name, reason: state.refused.message }, 'the pages of a table are given up')
    this.#giveUp(state)
  }

  #giveUp(state: TablePageState): void {
    state.state = 'cold'
    state.directory = state.scan = undefined
    state.held.letGo()
    state.readersOf = new DirectoryReaders()
    state.isGivenUp = true
    if (state.readers === 0) this.#forget(state)
  }

  /** A sealed page cannot be read from its file: pages are derived, and made again of the segments. Whoever asked for it gets the fault. */
  #foundDamage(number: number, error: unknown): never {
    const damage = DriftError.from(error, 'page file')
    const state = this.#tables.get(this.#parts.pageTable.tableOf(number))
    if (state !== undefined) this.#isDamage(state, damage)
    throw damage
  }

  /** True if the fault is that of a file of pages: those of its table are given up then. */
  #isDamage(state: TablePageState, error: unknown): boolean {
    const { kind, code, message } = DriftError.from(error, 'page file')
    if (state.state !== 'live' || (kind !== 'data' && code !== 'DRIFT_IO')) return false
    this.#parts.logger.warn({ table: state.table.definition.name, code, message }, 'a file of pages is damaged; they are made again')
    state.table.pages = undefined
    this.#giveUp(state)
    return true
  }

  #renewHeld(state: TablePageState): void {
    const { apply, link } = this.#parts
    const { table, held } = state
    const { id } = table.definition
    if (state.isHeldAsked || held.directory?.version === apply.directoryVersion(id)) return
    state.isHeldAsked = true
    const renewed = async (): Promise<void> => {
      try {
        const answer = await link.directory(id)
        if (state.state !== 'live' || this.#isClosed) return
        this.#learn(table, state, answer)
        this.#releaseReplaced(state)
      } finally {
        state.isHeldAsked = false
      }
    }
    renewed().catch((error: unknown) => this.#warn(error, 'pages of the past cannot be read row by row'))
  }

  /** Undefined where the directory is an old one. S is applied. */
  #pinned(state: TablePageState, directory: PageDirectory<SealedPage>, table: ScanTable, S: number): PagesAtSeq | undefined {
    const { appliedSeq } = this.#parts.apply
    state.readers++
    const leave = state.readersOf.enter(directory.version)
    const onRelease = (): void => {
      state.readers--
      leave()
      this.#releaseReplaced(state)
      if (state.readers === 0 && state.isGivenUp) this.#forget(state)
    }
    try {
      return new DirectoryPages(table, directory, S, { appliedSeq, pins: this.#pins, heldMax: this.#heldMax, onRelease })
    } catch (error) {
      if (error instanceof StaleDirectory) return undefined
      throw error
    }
  }

  #warm(table: TableState, state: TablePageState): void {
    if (state.warming !== undefined || state.refused !== undefined || state.isGivenUp || this.#isClosed || this.#isLost) return
    state.state = 'warming'
    state.warming = this.#makePages(table)
      .then(
        (isLive) => {
          if (isLive) state.state = 'live'
          else this.#refuse(table, state, undefined)
        },
        (error: unknown) => {
          state.state = 'cold'
          if (this.#isClosed) return undefined
          const { code, message } = DriftError.from(error, table.directory)
          this.#parts.logger.warn({ table: table.definition.name, code, message }, 'the pages of a table could not be made')
          this.#forget(state)
          return state.forgetting
        }
      )
      .finally(() => {
        state.warming = undefined
      })
  }

  async #makePages(table: TableState): Promise<boolean> {
    const { link, loader } = this.#parts
    const { id } = table.definition
    return loader.make(table, {
      done: await this.#restore(table),
      load: (part) => link.load(id, part),
      attend: () => link.attend(id),
      goLive: () => link.goLive(id)
    })
  }

  /** Takes the pages of the table's snapshot; how many events they have, 0 where there is none that can be used. */
  async #restore(table: TableState): Promise<number> {
    const { pages } = table
    if (pages === undefined) return 0
    const events = eventsOf(table)
    try {
      await this.#parts.link.restore(table.definition.id, pages, events)
      this.#parts.logger.info({ table: table.definition.name, seq: pages.seq, events }, 'pages restored from their snapshot')
      return events
    } catch (error) {
      const { code, message, details } = DriftError.from(error, table.directory)
      if (this.#isClosed || this.#isLost) throw error
      this.#parts.logger.warn(
        { table: table.definition.name, code, message, ...details },
        'a snapshot of pages is of no use; segments are read'
      )
      return 0
    }
  }

  /** Nobody reads in the table's pages: they go back. */
  #forget(state: TablePageState): void {
    if (this.#isClosed || this.#isLost) return
    const forgetting = this.#givePagesBack(state).finally(() => {
      if (state.forgetting === forgetting) state.forgetting = undefined
    })
    state.forgetting = forgetting
  }

  async #givePagesBack(state: TablePageState): Promise<void> {
    // Heaps are read without pins.
    await this.fragments.untilLeft()
    try {
      await this.#parts.link.forget(state.table.definition.id)
      state.isGivenUp = false
    } catch (error) {
      const { code, message } = DriftError.from(error, 'apply')
      this.#parts.logger.warn({ code, message }, 'the pages of a table could not be given back')
    }
  }
}

function readPlaceOf({ frames }: TableState): ReadPlace {
  return ({ frame, offset, bytes }) => frames.payloadBytes(frame, offset, bytes)
}

function pageFolder({ directory }: TableState): string {
  return `${directory}/${PAGE_FOLDER}`
}

/** Events of which the pages are in the table's snapshot. */
function eventsOf({ pages, versions }: TableState): number {
  return pages === undefined ? 0 : versions.through(pages.seq)
}
