/**
 * The apply actor: follows the shared log and takes every event into the version pages of its table. One thread owns the pages of all
 * tables; readers see them in shared memory.
 *
 * A table has pages from its first event on (`live`), or none (`cold`: it had events before this opening; they cost memory and time that
 * only who scans needs). A cold table gets pages part by part from its segments; when little is missing, it is `attended`: what the log
 * brings for it is remembered meanwhile, and taken in behind the last part. A table whose pages could not be kept (page memory is full,
 * a row is too large for a page) is cold again and says why.
 *
 *   MEM-6  a chunk of the log is not free before its events are applied
 *   VIS-11 what is published as applied is in the pages of every live table, whole commits only
 */
import { type ManifestPages } from '../format/manifest.js'
import { assertLaw, DriftError, type ErrorData } from '../base/errors.js'
import { type IndexDefinition } from '../catalog/index-definition.js'
import { CATALOG_TABLE_ID } from '../base/ids.js'
import { Catalog, type SchemaEvent, type TableDefinition } from '../catalog/catalog.js'
import { EVENT_SCHEMA, frameBytes, frameSeq, readFrame } from '../format/frame.js'
import {
  JUMP_MAGIC,
  paddedBytes,
  readRecordHeader,
  recordBytes,
  recordCount,
  recordFirstSeq,
  recordFramesOffset,
  type RecordRun
} from '../format/wal-record.js'
import { type Io } from '../io/io.js'
import { type ApplyMemory } from '../memory/apply-memory.js'
import { type Arena } from '../memory/arena.js'
import { LogFollower } from '../memory/log-follower.js'
import { type LogMemory } from '../memory/log-memory.js'
import { type PageTable } from '../memory/page-table.js'
import { type DirectoryImage, directoryImage } from '../page/directory-image.js'
import { type OpenRowsHandle } from '../page/open-rows.js'
import { pageFileName } from '../page/page-files.js'
import { type RecutProgress } from '../page/recut.js'
import { TablePages } from '../page/table-pages.js'
import { type PageSnapshotInfo } from '../snapshot/page-snapshots.js'
import { AppliedIndex, type IndexAnswer, type IndexCheckpointInfo, type KeptIndexes, type Remembered } from './applied-index.js'
import { type PageEvent } from '../page/page-event.js'
import { pageEventOf } from './apply-frame.js'
import { PageStorage, type TablePageStorage } from './page-storage.js'
import { type SegmentPart, takePart } from './segment-part.js'

/** Events of one step: about two milliseconds. */
const STEP_EVENTS = 1024
/** Of a compaction: about a tenth of a second with what is applied between them. */
const COMPACT_STEPS = 16

export type AppliedTable = {
  readonly definition: TableDefinition
  /** Path of its folder. */
  readonly directory: string
  /** Place of its next frame. */
  readonly nextPlace: number
  readonly state: 'live' | 'cold'
}

/** What apply knows of a table's pages. */
export type DirectoryAnswer = { readonly image: DirectoryImage } | { readonly refused: ErrorData | undefined }

/** How a table's newest rows are read, as long as the version is the published one. */
export type OpenRowsAnswer = { readonly version: number; readonly handle: OpenRowsHandle }

/** How far COMPACT is with a table's pages: rows that were gone through, of about so many. */
export type CompactionStep = {
  readonly done: number
  readonly total: number
  readonly isOver: boolean
  /** Of the directory: no reader of this one or a newer one finds a page that was replaced so far. */
  readonly version: number
}

/**
 * `find`: where it is. `restore`: of its files, before anything of it is loaded. `write`, `install`: a checkpoint, and that it counts.
 * `forget`: no reader is inside.
 */
export type IndexStep =
  | { readonly kind: 'find' | 'restore' | 'attend' | 'go-live' | 'write' | 'install' }
  | { readonly kind: 'load'; readonly part: SegmentPart }
  | { readonly kind: 'forget'; readonly isDropped: boolean }

const NO_INDEXES: readonly AppliedIndex[] = []

type OpenRecord = { readonly at: number; readonly runs: readonly RecordRun[]; readonly lastSeq: number }

type Table = {
  readonly id: number
  readonly name: string
  readonly directory: string
  readonly storage: TablePageStorage
  readonly primaryKey: string
  state: 'live' | 'cold' | 'attended'
  pages: TablePages | undefined
  nextPlace: number
  /** Frames of the log that came while it was attended. */
  remembered: Remembered[]
  refused: ErrorData | undefined
  /** Pages that were given up, until no reader is inside. */
  given: TablePages | undefined
  compaction: Generator<RecutProgress, void> | undefined
  /** As it was published; undefined while its pages are not live. */
  openRows: OpenRowsAnswer | undefined
  readonly indexes: Map<number, AppliedIndex>
}

export type ApplierParts = {
  readonly io: Io
  readonly memory: LogMemory
  readonly apply: ApplyMemory
  readonly arena: Arena
  readonly pageTable: PageTable
  /** The database's folder, and its id. */
  readonly directory: string
  readonly databaseId: Uint8Array
  readonly lastSeq: number
  readonly tables: readonly AppliedTable[]
  /** Rows of a full page; smaller in tests. */
  readonly pageRows?: number | undefined
}

export class Applier {
  readonly #io: Io
  readonly #memory: LogMemory
  readonly #apply: ApplyMemory
  readonly #arena: Arena
  readonly #storage: PageStorage
  readonly #directory: string
  readonly #databaseId: Uint8Array
  readonly #pageRows: number | undefined
  readonly #follower: LogFollower
  readonly #tables = new Map<number, Table>()
  readonly #keptIndexes: KeptIndexes = { count: 0 }
  /** Tables whose pages are others than at the last publishing. */
  readonly #changed = new Set<Table>()
  #openRowsVersions = 0
  readonly #catalog = new Catalog()
  /** The record under way: its runs, from `runIndex` on. */
  #record: OpenRecord | undefined
  #runIndex = 0
  #eventsOfRun = 0
  #frameAt = 0
  /** The last seq of the last whole record. */
  #lastSeq: number

  constructor({ io, memory, apply, arena, pageTable, directory, databaseId, lastSeq, tables, pageRows }: ApplierParts) {
    this.#io = io
    this.#memory = memory
    this.#apply = apply
    this.#arena = arena
    this.#storage = new PageStorage({ io, arena, pageTable, databaseId })
    this.#directory = directory
    this.#databaseId = databaseId
    this.#pageRows = pageRows
    this.#follower = new LogFollower(memory, JUMP_MAGIC)
    this.#lastSeq = lastSeq
    for (const table of tables) {
      this.#catalog.add({ kind: 'create-table', table: table.definition }, table.definition.createdSeq)
      this.#addTable(table)
    }
    this.#publish()
  }

  /** One bounded piece of work: events of the log into pages. False where nothing is left. */
  step(tail = this.#memory.tail): boolean {
    const seqBefore = this.#lastSeq
    let left = STEP_EVENTS
    while (left > 0) {
      if (this.#record === undefined && !this.#nextRecord(tail)) break
      left -= this.#applyRun(left)
    }
    this.#storage.settle()
    if (this.#lastSeq !== seqBefore) this.#publish()
    return left < STEP_EVENTS
  }

  /** Where the table's pages are now; everything that was published when it was asked is in them. */
  directory(tableId: number): DirectoryAnswer {
    this.#catchUp()
    const table = this.#table(tableId)
    if (table.state !== 'live' || table.pages === undefined) return { refused: table.refused }
    // Within a commit that is taken in in steps the pages are ahead of what is published; readers do not look there.
    return { image: { ...directoryImage(table.pages.handleDirectory, table.pages.keys.handle), appliedSeq: this.#lastSeq } }
  }

  /** How the newest rows of a table are read; undefined where it has no pages. */
  openRows(tableId: number): OpenRowsAnswer | undefined {
    return this.#table(tableId).openRows
  }

  /**
   * Takes the pages of a cold table from its snapshot: they have `events` events up to the snapshot's seq. What comes next is to be loaded.
   * @throws DriftError CORRUPT, UNSUPPORTED_VERSION, NOT_SUPPORTED, IO, OVERLOADED: the table is as before.
   */
  restore(tableId: number, info: ManifestPages, events: number): void {
    const table = this.#table(tableId)
    assertLaw(table.state === 'cold', 'VIS-11', `table ${tableId} is not cold`)
    table.refused = undefined
    table.pages?.release()
    table.pages = undefined
    const pages = table.storage.restore(info)
    table.pages = pages
    const { appliedSeq, counters } = pages
    if (counters.events === events && appliedSeq <= info.seq) return
    table.pages = undefined
    pages.release()
    throw new DriftError('CORRUPT', `the pages of table ${tableId} have ${counters.events} events, not ${events}`, {
      file: `${table.storage.folder}/${pageFileName(info.file)}`,
      offset: 0,
      expected: events,
      found: counters.events
    })
  }

  /** Writes a snapshot of a live table's pages, in steps; undefined where it has none. */
  *snapshot(tableId: number): Generator<void, PageSnapshotInfo | undefined> {
    const { pages, state, storage } = this.#table(tableId)
    if (pages === undefined || state !== 'live') return undefined
    const steps = storage.snapshot(pages)
    for (;;) {
      const step = steps.next()
      if (step.done === true) return step.value
      yield
      // They were given up meanwhile.
      if (this.#table(tableId).pages !== pages) {
        steps.return({ file: 0, seq: 0, files: [], bytes: 0 })
        return undefined
      }
    }
  }

  /** Takes a part of a cold table's segments into its pages: the events behind those taken before. In steps: yields between them. */
  *load(tableId: number, part: SegmentPart): Generator<void, void> {
    const table = this.#table(tableId)
    assertLaw(table.state !== 'live', 'VIS-11', `table ${tableId} has pages already`)
    if (part.isFirst) {
      table.refused = undefined
      table.pages?.release()
      table.pages = this.#newPages(table)
    }
    const { pages } = table
    // Its pages could not be kept.
    if (pages === undefined) return
    yield* takePart(this.#io, tableId, part, (source, at, ordinal, place) => this.#takeFrame(table, source, at, ordinal, place))
  }

  /** From now on what the log brings for the table is remembered. */
  attend(tableId: number): void {
    const table = this.#table(tableId)
    this.#catchUp()
    assertLaw(table.state === 'cold', 'VIS-11', `table ${tableId} is not cold`)
    table.state = 'attended'
    table.remembered = []
  }

  /** Behind the last part: takes what was remembered. The table is live then, unless its pages could not be kept. */
  *goLive(tableId: number): Generator<void, boolean> {
    const table = this.#table(tableId)
    assertLaw(table.state === 'attended', 'VIS-11', `table ${tableId} is not attended`)
    yield* this.#settlePoor(table)
    for (let next = 0; next < table.remembered.length && table.pages !== undefined; next++) {
      const { address, place } = table.remembered[next] as Remembered
      const bytes = this.#memory.bytes()
      if (frameSeq(bytes, address) <= table.pages.appliedSeq) continue
      this.#takeFrame(table, bytes, address, this.#apply.ordinalOf(address), place)
      if (next % STEP_EVENTS === 0) yield
    }
    table.remembered = []
    table.state = table.pages === undefined ? 'cold' : 'live'
    this.#changed.add(table)
    this.#publish()
    return table.state === 'live'
  }

  /**
   * For when nothing has come for a while: where a scan of the present would look at many rows that are gone, only live ones are left in
   * open pages. In steps of a few milliseconds; not gone on with once something comes, for it may be left at any.
   */
  *rest(): Generator<void, void> {
    for (const table of this.#tables.values()) {
      if (table.state !== 'live' || table.compaction !== undefined) continue
      for (const _ of this.#settlePoor(table)) {
        this.#changed.add(table)
        this.#publish()
        yield
      }
    }
  }

  *#settlePoor({ pages }: Table): Generator<void, void> {
    if (pages === undefined) return
    try {
      yield* pages.settlePoor()
    } catch (error) {
      // Where page memory is short the present is read as it is.
      if (!(error instanceof DriftError) || error.code !== 'DRIFT_OVERLOADED') throw error
    }
  }

  /**
   * A part of COMPACT of a table's pages: open ones are left with live rows only, then sealed ones are cut anew. In steps of a few
   * milliseconds; to be called until it is over. A compaction that nobody goes on with is gone on with by the next one.
   * @throws DriftError OVERLOADED where page memory is short: what was done stays done.
   */
  *compact(tableId: number): Generator<void, CompactionStep> {
    const table = this.#table(tableId)
    let progress: RecutProgress = { done: 0, total: 0 }
    for (let left = COMPACT_STEPS; left > 0; left--) {
      const { pages } = table
      if (table.state !== 'live' || pages === undefined) return { ...progress, isOver: true, version: 0 }
      table.compaction ??= compactionOf(pages)
      let isOver = true
      try {
        const step = table.compaction.next()
        isOver = step.done === true
        if (step.done !== true) progress = step.value
      } finally {
        if (isOver) table.compaction = undefined
        this.#changed.add(table)
        this.#publish()
      }
      if (isOver) return { ...progress, isOver, version: pages.structureVersion }
      yield
    }
    return { ...progress, isOver: false, version: table.pages?.structureVersion ?? 0 }
  }

  /** No reader has a directory of the table that is older than `version`. */
  releaseReplaced(tableId: number, version: number): void {
    this.#table(tableId).pages?.releaseReplaced(version)
  }

  /** One step in the life of an index, from the first that makes it of the segments to the last that gives it back. */
  *index(tableId: number, indexId: number, step: IndexStep): Generator<void, IndexAnswer> {
    // The event that declared it is applied, whatever is asked first.
    if (step.kind !== 'load' || step.part.isFirst) this.#catchUp()
    const table = this.#table(tableId)
    const index = table.indexes.get(indexId)
    if (index === undefined) return { refused: undefined }
    const checkpoint = yield* this.#indexCheckpoint(index, step)
    if (checkpoint !== undefined) return { checkpoint }
    switch (step.kind) {
      case 'load':
        if (step.part.isFirst) index.begin()
        if (index.isKept) yield* takePart(this.#io, tableId, step.part, index.takeFrame)
        break
      case 'attend':
        index.state = 'attended'
        break
      case 'go-live':
        yield* this.#takeRemembered(index)
        // One that was dropped meanwhile is cold.
        if (index.state === 'attended') index.goLive()
        break
      case 'forget':
        index.forget()
        if (step.isDropped) {
          index.removeFiles()
          table.indexes.delete(indexId)
        }
        break
      default:
    }
    return index.answer
  }

  *#indexCheckpoint(index: AppliedIndex, { kind }: IndexStep): Generator<void, IndexCheckpointInfo | undefined> {
    if (kind === 'restore') return yield* index.restore()
    if (kind === 'write') return yield* index.write()
    return kind === 'install' ? index.install() : undefined
  }

  /** Removes what is of no use to anybody else. */
  close(): void {
    this.#storage.close()
    for (const { indexes } of this.#tables.values()) for (const index of indexes.values()) index.close()
  }

  /** What could not be kept in pages is given back when no reader is inside any more. */
  forget(tableId: number): void {
    const table = this.#table(tableId)
    table.state = 'cold'
    this.#endOpenRows(table)
    endCompaction(table)
    table.given?.release()
    table.pages?.release()
    table.given = table.pages = undefined
  }

  /** In steps what is there now, at once what comes meanwhile: who writes without a pause may be quicker than an index. */
  *#takeRemembered({ remembered, takenSeq, takeFrame }: AppliedIndex): Generator<void, void> {
    const { length } = remembered
    for (const [next, { address, place }] of remembered.entries()) {
      const bytes = this.#memory.bytes()
      if (frameSeq(bytes, address) <= takenSeq) continue
      if (!takeFrame(bytes, address, this.#apply.ordinalOf(address), place)) return
      if (next < length && next % STEP_EVENTS === STEP_EVENTS - 1) yield
    }
  }

  /** Whole commits up to what is published now: what comes meanwhile is left, or who writes without a pause would never let it end. */
  #catchUp(): void {
    const { tail } = this.#memory
    while (this.step(tail));
  }

  #table(tableId: number): Table {
    const table = this.#tables.get(tableId)
    assertLaw(table !== undefined, 'CAT-1', `apply does not know table ${tableId}`)
    return table
  }

  #addTable({ definition, directory, nextPlace, state }: AppliedTable): void {
    const { id, name, primaryKey, indexes } = definition
    const storage = this.#storage.table(id, primaryKey, directory)
    const nothing = { pages: undefined, remembered: [], refused: undefined, given: undefined, compaction: undefined, openRows: undefined }
    const table: Table = { id, name, directory, primaryKey, storage, state, nextPlace, ...nothing, indexes: new Map() }
    if (state === 'live') {
      table.pages = this.#newPages(table)
      this.#changed.add(table)
    }
    for (const index of indexes) this.#addIndex(table, index, state)
    this.#tables.set(id, table)
  }

  #addIndex(table: Table, index: IndexDefinition, state: 'live' | 'cold'): void {
    const { id: tableId, name, directory } = table
    const owner = { databaseId: this.#databaseId, tableId, table: name, directory, definition: index }
    table.indexes.set(index.id, new AppliedIndex(this.#arena, this.#io, owner, this.#keptIndexes, state))
  }

  #newPages({ id, primaryKey, storage }: Table): TablePages {
    const { sealed, pins } = storage
    storage.reset()
    return new TablePages({ arena: this.#arena, table: id, primaryKey, pageRows: this.#pageRows, sealed, pins })
  }

  #nextRecord(tail: number): boolean {
    const at = this.#follower.next(tail)
    if (at === undefined) return false
    const bytes = this.#memory.bytes()
    const { runs } = readRecordHeader(bytes, at)
    this.#record = { at, runs, lastSeq: recordFirstSeq(bytes, at) + recordCount(bytes, at) - 1 }
    this.#runIndex = 0
    this.#eventsOfRun = 0
    this.#frameAt = recordFramesOffset(bytes, at)
    return true
  }

  /** At most `count` events of the record's current run; ends the record behind its last run. */
  #applyRun(count: number): number {
    const { at, runs, lastSeq } = this.#record as OpenRecord
    const run = runs[this.#runIndex]
    if (run === undefined) {
      this.#follower.advance(paddedBytes(recordBytes(this.#memory.bytes(), at)))
      this.#record = undefined
      this.#lastSeq = lastSeq
      return 0
    }
    const taken = Math.min(count, run.count - this.#eventsOfRun)
    this.#takeFrames(run, taken)
    this.#eventsOfRun += taken
    if (this.#eventsOfRun === run.count) {
      this.#runIndex++
      this.#eventsOfRun = 0
    }
    return taken
  }

  #takeFrames({ tableId, count, bytes: runBytes }: RecordRun, taken: number): void {
    const bytes = this.#memory.bytes()
    const table = this.#tables.get(tableId)
    if (tableId === CATALOG_TABLE_ID) {
      for (let left = taken; left > 0; left--) {
        const frame = readFrame(bytes, this.#frameAt)
        if (frame.event === EVENT_SCHEMA) this.#takeSchema(this.#catalog.apply(frame.payload, frame.seq))
        this.#frameAt += frameBytes(bytes, this.#frameAt)
      }
      return
    }
    assertLaw(table !== undefined, 'CAT-1', `apply does not know table ${tableId}`)
    const indexes = table.indexes.size === 0 ? NO_INDEXES : [...table.indexes.values()].filter(({ isFollowing }) => isFollowing)
    if (table.state === 'cold' && indexes.length === 0 && taken === count) {
      this.#frameAt += runBytes
      table.nextPlace += runBytes
      return
    }
    for (let left = taken; left > 0; left--) {
      const at = this.#frameAt
      const ordinal = this.#apply.ordinalOf(at)
      const event = pageEventOf(bytes, at, ordinal, table.nextPlace, isKnown(table, ordinal) ? 'without key' : 'with key')
      if (table.state === 'live') this.#take(table, event)
      else if (table.state === 'attended') table.remembered.push({ address: at, place: table.nextPlace })
      for (const index of indexes) {
        if (index.state === 'live') index.take(event)
        else if (index.state === 'attended') index.remembered.push({ address: at, place: table.nextPlace })
      }
      const frame = frameBytes(bytes, at)
      this.#frameAt += frame
      table.nextPlace += frame
    }
  }

  #takeSchema(event: SchemaEvent): void {
    const { id, folder } = event.table
    switch (event.kind) {
      case 'create-table':
        this.#addTable({ definition: event.table, directory: `${this.#directory}/tables/${folder}`, nextPlace: 0, state: 'live' })
        break
      case 'create-index': {
        const table = this.#table(id)
        // Of a table without events it has everything.
        this.#addIndex(table, event.index, table.nextPlace === 0 ? 'live' : 'cold')
        break
      }
      case 'enforce-index':
        break
      default:
        // Readers may be inside: its memory goes back when who asked for the drop says so.
        this.#table(id).indexes.get(event.index.id)?.leave()
    }
  }

  #takeFrame(table: Table, source: Uint8Array, at: number, ordinal: number, place: number): boolean {
    return this.#take(table, pageEventOf(source, at, ordinal, place, isKnown(table, ordinal) ? 'without key' : 'with key'))
  }

  /** False where the table's pages cannot take the event: it is cold from then on. */
  #take(table: Table, event: PageEvent): boolean {
    const { pages } = table
    if (pages === undefined) return false
    this.#changed.add(table)
    try {
      pages.take(event)
      return true
    } catch (error) {
      // Whatever it is: the table is read as if it had no pages, and is right.
      table.refused = DriftError.from(error, `pages of table ${table.id}`).toData()
      table.given = pages
      table.pages = undefined
      endCompaction(table)
      if (table.state === 'live') table.state = 'cold'
      table.remembered = []
      this.#apply.setDirectoryVersion(table.id, 0)
      this.#endOpenRows(table)
      return false
    }
  }

  #endOpenRows(table: Table): void {
    table.openRows = undefined
    this.#apply.setOpenRowsVersion(table.id, 0)
  }

  #publish(): void {
    for (const table of this.#changed) {
      const { id, state, pages } = table
      pages?.publish()
      if (state !== 'live' || pages === undefined) continue
      this.#apply.setDirectoryVersion(id, pages.structureVersion)
      if (table.openRows?.handle === pages.openRows) continue
      table.openRows = { version: ++this.#openRowsVersions, handle: pages.openRows }
      this.#apply.setOpenRowsVersion(id, table.openRows.version)
    }
    this.#changed.clear()
    this.#apply.publishApplied(this.#lastSeq)
  }
}

function* compactionOf(pages: TablePages): Generator<RecutProgress, void> {
  const total = pages.rowsStored
  let done = 0
  for (const rows of pages.settle()) yield { done: Math.min(total, (done += rows)), total }
  yield* pages.recut()
}

function isKnown({ pages }: Table, ordinal: number): boolean {
  return pages !== undefined && pages.keys.has(ordinal)
}

/** What it has pinned is let go. */
function endCompaction(table: Table): void {
  table.compaction?.return()
  table.compaction = undefined
}
