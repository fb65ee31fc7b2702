import { tmpdir } from 'node:os'
import type { Clock } from '../base/clock.js'
import type { Durability } from '../base/durability.js'
import { DriftError } from '../base/errors.js'
import { COMMITS_TABLE_ID, COMMITS_TABLE_NAME, FIRST_USER_TABLE_ID, PLANS_TABLE_NAME } from '../base/ids.js'
import { limits } from '../base/limits.js'
import type { Log } from '../base/log.js'
import type { Random } from '../base/random.js'
import type { SchemaEvent, TableDefinition } from '../catalog/catalog.js'
import type { IndexDefinition } from '../catalog/index-definition.js'
import { WAITING_BYTES } from '../compaction/plan.js'
import { JUMP_MAGIC } from '../format/wal-record.js'
import type { FileLock, Io } from '../io/io.js'
import type { FragmentRunner } from '../scan/fragment.js'
import type { PagesAtSeq } from '../scan/scan-table.js'
import type { TableStatistics } from '../format/statistics-file.js'
import { ApplyMemory } from '../memory/apply-memory.js'
import { Arena } from '../memory/arena.js'
import { LogMemory } from '../memory/log-memory.js'
import { PageTable } from '../memory/page-table.js'
import type { ReadableIndex } from '../index/readable-index.js'
import { SharedLog } from '../memory/shared-log.js'
import type { CommitEntry } from '../mvcc/commit-log.js'
import { VersionMemory } from '../mvcc/version-memory.js'
import type { CommitRecord } from '../mvcc/commit-record.js'
import type { ApplyConfig } from '../runtime/apply-link.js'
import { RestTimer } from '../runtime/rest-timer.js'
import { InProcessCompactionPool, ThreadCompactionPool } from '../runtime/compaction-pool.js'
import { InProcessApplier } from '../runtime/in-process-applier.js'
import { InProcessWriter } from '../runtime/in-process-writer.js'
import { ThreadApplier } from '../runtime/thread-applier.js'
import { ThreadWriter } from '../runtime/thread-writer.js'
import { turn } from '../runtime/turn.js'
import type { WriterLink } from '../runtime/writer-link.js'
import { BlockCache } from '../segment/block-cache.js'
import type { WriteSet } from '../txn/write-set.js'
import type { WriterConfig } from '../writer/writer.js'
import { Arrivals } from './arrivals.js'
import { Checkpoints } from './checkpoints.js'
import { CommitPipeline, type Commit, type CommitRequest } from './commit-pipeline.js'
import { lockDirectory } from './directory-lock.js'
import { IndexAccess } from './index-access.js'
import { IndexCheckpoints } from './index-checkpoints.js'
import { Maintenance, type CompactedTable, type MaintainedTable, type MaintenanceOptions, type SnapshottedTable } from './maintenance.js'
import { MaintainedTables } from './maintained-tables.js'
import { pageBytesOf, queryThreadsOf, versionBytesOf } from './memory-shares.js'
import { directoryKind, makeDatabase } from './make-database.js'
import { PageAccess } from './page-access.js'
import { type ReadPin, ReadPins } from './read-pins.js'
import { type AskedPoint, type ReadPoint, ReadPoints } from './read-points.js'
import { closeReaders, recoverBeside } from './recover-beside.js'
import { recover, type Recovered, type RecoveryReport } from './recovery.js'
import { KeptStatistics } from './kept-statistics.js'
import { SchemaChanges } from './schema-changes.js'
import { SPILL_FOLDER, SpillFolder } from './spill-folder.js'
import { TableLoader } from './table-loader.js'
import { UniqueKeys } from './unique-keys.js'
import { Staging, STAGING_SOURCE } from './staging.js'
import type { TableState } from './table-state.js'
import type { Transaction, TransactionLimits } from './transaction.js'
import { Transactions } from './transactions.js'

export type CoordinatorOptions = {
  readonly io: Io
  /** Absolute, without a slash at its end. */
  readonly directory: string
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly durability: Durability
  readonly cacheBytes: number
  readonly readOnly: boolean
  readonly create: boolean
  /** A thread of its own, or the caller's (memory and simulated files live in one thread). */
  readonly writer: 'thread' | 'in-process'
  readonly logBytes: number
  /** Rows of a full version page; smaller in tests. */
  readonly pageRows?: number | undefined
  /** Of the query pool, beside the caller's; one less than there are cores. */
  readonly queryThreads?: number | undefined
  /** A scan that takes this long is shared with them; less in tests. */
  readonly worthwhileNs?: number | undefined
  /** A table with fewer versions is read from its documents: that is as quick. */
  readonly pagesFromVersions?: number | undefined
  /** Compaction runs by itself when a table has so many bytes of frames in sealed segments that are not compressed. */
  readonly compactAtBytes?: number
  /** SNAPSHOT runs by itself when a table has so many events that none of its snapshots has. */
  readonly snapshotEvents?: number | undefined
  /** The greatest age of a transaction that names none; Infinity unless given. */
  readonly transactionTimeoutMs?: number | undefined
  /** How long a write or a transaction waits for a row that another one has locked; a minute unless given. */
  readonly lockTimeoutMs?: number | undefined
  /** For temporary files of queries where the database is only read; the system's unless given. */
  readonly temporaryDirectory?: string
}

/** A point in time that someone asks for. */
/**
 * A record is at most a batch and its head. Where only the run in use is taken, room for three leaves a free run for one, wherever that lies.
 */
const RECORD_BYTES_MAX = limits.batchBytesMax + 16 * 1024 * 1024

const PAGES_FROM_VERSIONS = 2000

/** Of versions and pages some 40 MB are written then, in two or three seconds; an opening without costs as much, each time. */
const SNAPSHOT_EVENTS = 1_000_000
/** What an index takes in again at an opening, in half a second. */
const INDEX_EVENTS = 250_000
/** Who writes without a pause, at 300,000 events a second, would have two thirds of that beside a snapshot: it is put off. */
const BUSY_SNAPSHOT_FACTOR = 16
/** A snapshot by itself begins when nobody has written for so long. */
const REST_MS = 2000

/** Ids of tables are never given twice, and tables are not dropped. */
const APPLIED_TABLES_MAX = limits.tablesMax + FIRST_USER_TABLE_ID

const LOCK_TIMEOUT_MS = 60_000

/** What only a database that can be written has. */
type Writing = {
  readonly log: SharedLog
  readonly link: WriterLink
  readonly pipeline: CommitPipeline
  readonly maintenance: Maintenance
  readonly maintained: MaintainedTables
  readonly pages: PageAccess
  readonly checkpoints: Checkpoints
  /** Undefined where files are in memory, or simulated. */
  readonly rest: RestTimer | undefined
  readonly indexes: IndexAccess
  readonly schema: SchemaChanges
}

/**
 * The thread that opened the database: it orders commits, owns catalog and tables, and gives every read its point. Everything that
 * writes files is the writer's; everything that reads by key happens right here.
 */
export class Coordinator {
  /** Where queries put rows that do not fit in their memory. */
  readonly spill: SpillFolder
  readonly #options: CoordinatorOptions
  readonly #cache: BlockCache
  readonly #versions: VersionMemory
  #state: Recovered
  #logBytes: (source: number) => Uint8Array
  readonly #lock: FileLock | undefined
  #writing: Writing | undefined
  #closed: Promise<void> | undefined
  readonly #points: ReadPoints
  readonly #transactions = new Transactions({
    lastSeq: () => this.lastSeq,
    monotonic: () => this.monotonic(),
    assertOpen: () => this.assertOpen(),
    pipeline: () => this.#writer().pipeline,
    emptyCommit: () => {
      const { seq, time } = this.#points.present()
      return { seq, firstSeq: seq + 1, count: 0, time }
    }
  })
  readonly #arrivals = new Arrivals()
  readonly #statistics: KeptStatistics
  /** Who wants to know when many events came. */
  #growth: { readonly events: number; readonly tell: () => void; nextSeq: number } | undefined
  readonly #pins = new ReadPins(() => this.monotonic())

  private constructor(
    options: CoordinatorOptions,
    cache: BlockCache,
    versions: VersionMemory,
    spill: SpillFolder,
    state: Recovered,
    lock: FileLock | undefined
  ) {
    this.#options = options
    this.#cache = cache
    this.#state = state
    this.#lock = lock
    this.#logBytes = imageBytes(state)
    this.#versions = versions
    this.spill = spill
    this.#points = new ReadPoints({
      clock: options.clock,
      lastSeq: () => this.lastSeq,
      recovered: () => this.#state,
      pipeline: () => this.#writing?.pipeline
    })
    this.#statistics = new KeptStatistics({
      io: options.io,
      databaseId: state.identity.databaseId,
      logger: options.log,
      lastSeq: () => this.lastSeq,
      link: () => this.#writing?.link
    })
  }

  static async open(options: CoordinatorOptions): Promise<Coordinator> {
    let lock: FileLock | undefined
    try {
      const { io, directory, clock } = options
      const kind = directoryKind(io, directory)
      if (kind !== 'database' && (!options.create || options.readOnly)) {
        throw new DriftError('INVALID_ARGUMENT', `${directory} is no database; make one with driftdb init, or open it with create`, {
          directory
        })
      }
      if (kind === 'absent') io.makeDirectory(directory)
      if (!options.readOnly) lock = lockDirectory(io, directory, clock.now())
      // Another process may have made it since: only under the lock is it sure.
      if (directoryKind(io, directory) !== 'database') makeDatabase(io, directory, clock.now(), options.random)
      return await Coordinator.#recovered(options, lock)
    } catch (error) {
      lock?.release()
      throw DriftError.from(error, options.directory)
    }
  }

  static async #recovered(options: CoordinatorOptions, lock: FileLock | undefined): Promise<Coordinator> {
    const { io, directory, clock, log } = options
    const began = clock.monotonic()
    const cache = new BlockCache(options.cacheBytes - pageBytesOf(options.cacheBytes) - versionBytesOf(options.cacheBytes))
    const versions = new VersionMemory(versionBytesOf(options.cacheBytes))
    const { random, readOnly, temporaryDirectory = tmpdir() } = options
    const spill = new SpillFolder({ io, random, directory: readOnly ? temporaryDirectory : `${directory}/${SPILL_FOLDER}` })
    let logBytes: (source: number) => Uint8Array = () => new Uint8Array(0)
    const memory = options.readOnly ? undefined : LogMemory.create(options.logBytes, options.logBytes + 3 * RECORD_BYTES_MAX)
    // The writer's thread comes up while the files are read.
    const thread = memory !== undefined && options.writer === 'thread' ? new ThreadWriter(memory) : undefined
    let coordinator: Coordinator
    let state: Recovered
    try {
      state = await (options.readOnly ? recoverBeside : recover)({
        io,
        directory,
        cache,
        versions: { memory: versions, spill },
        readOnly: options.readOnly,
        log: (source) => logBytes(source),
        logger: log,
        breathe: turn
      })
      coordinator = new Coordinator(options, cache, versions, spill, state, lock)
      logBytes = (source) => coordinator.#logBytes(source)
      if (!options.readOnly) coordinator.spill.sweep(log)
      if (memory === undefined || state.damaged.length > 0) await thread?.abandon()
      else await coordinator.#startWriter(memory, thread)
    } catch (error) {
      await thread?.abandon()
      spill.close()
      throw error
    }
    log.info(
      { directory, lastSeq: state.lastSeq, tables: state.tables.size, ms: Math.round(clock.monotonic() - began), ...state.report },
      'database opened'
    )
    return coordinator
  }

  // Reads.

  get lastSeq(): number {
    return this.#writing?.pipeline.visibleSeq ?? this.#state.lastSeq
  }

  get isReadOnly(): boolean {
    return this.#writing === undefined
  }

  get report(): RecoveryReport {
    return this.#state.report
  }

  /** Tables that a reader of the present sees, in order of creation. */
  tables(): readonly TableDefinition[] {
    this.assertOpen()
    return this.#state.catalog.tables.filter((table) => table.createdSeq <= this.lastSeq)
  }

  /** The table of this name, or UNKNOWN_TABLE. */
  table(name: string): TableState {
    this.assertOpen()
    if (name === COMMITS_TABLE_NAME) {
      const message = `${name} is the log of commits, which only commits write: SELECT reads it, at one point in time`
      throw new DriftError('INVALID_ARGUMENT', message, { table: name })
    }
    if (name === PLANS_TABLE_NAME) {
      throw new DriftError('INVALID_ARGUMENT', `${name} is what the database knows of its statements: SELECT reads it, now`, {
        table: name
      })
    }
    const definition = this.#state.catalog.table(name)
    const table = this.#state.tables.get(definition.id)
    if (table === undefined) throw new DriftError('INVARIANT', `CAT-1: no state for table ${name}`)
    return table
  }

  /** All tables, or those of the names. */
  tableStates(names?: readonly string[]): TableState[] {
    this.assertOpen()
    return names === undefined ? [...this.#state.tables.values()] : names.map((name) => this.table(name))
  }

  tableById(id: number): TableState {
    const table = this.#state.tables.get(id)
    if (table === undefined) throw new DriftError('INVARIANT', `CAT-1: an event of table ${id}, which nobody made`, { tableId: id })
    return table
  }

  /** Seq of the last schema event; 0: there is none. */
  get catalogSeq(): number {
    return this.#state.catalog.lastEventSeq
  }

  /** What a schema event did. */
  schemaEventAt(seq: number): SchemaEvent {
    return this.#state.catalog.eventAt(seq)
  }

  hasTable(name: string): boolean {
    this.assertOpen()
    return this.#state.catalog.find(name) !== undefined
  }

  /** Now, as this database knows it, unix ms. */
  now(): number {
    return this.#points.now()
  }

  /** Milliseconds, for durations only. */
  monotonic(): number {
    return this.#options.clock.monotonic()
  }

  /** What the point means, once and for all: a commit's end at or before it. */
  readPoint(point: AskedPoint, strict: boolean): ReadPoint {
    this.assertOpen()
    return this.#points.find(point, strict)
  }

  /** Commit of an event: its time and metadata. */
  commitOf(seq: number): CommitEntry {
    return this.#state.commits.commitOf(seq)
  }

  /** Some of the commits that end behind `seq` and at or before `through`, oldest first; none only where there is none. */
  commitsAfter(seq: number, through: number, limit: number): readonly CommitRecord[] {
    this.assertOpen()
    return this.#state.commits.after(seq, Math.min(through, this.lastSeq), limit)
  }

  /** Some of the commits that end before `seq`, newest first. */
  commitsBefore(seq: number, limit: number): readonly CommitRecord[] {
    this.assertOpen()
    return this.#state.commits.before(Math.min(seq, this.lastSeq + 1), limit)
  }

  /** How many commits end at or before `seq`. */
  commitCount(seq: number): number {
    this.assertOpen()
    return this.#state.commits.countThrough(Math.min(seq, this.lastSeq))
  }

  /** The last seq that a commit with a time at or before `time` has; 0: there is none. */
  lastSeqAtTime(time: number): number {
    this.assertOpen()
    return Math.min(this.#state.commits.atTime(time).seq, this.lastSeq)
  }

  /** Calls `wake` once when there may be more to see, or never will be; returns how to take that back. */
  onArrival(wake: () => void): () => void {
    return this.#arrivals.once(wake)
  }

  /** @throws POISONED where nothing will become visible any more, CLOSED. */
  assertAlive(): void {
    this.assertOpen()
    const failure = this.#writing?.pipeline.failure
    if (failure !== undefined) throw failure
  }

  /** Other threads that take part in large scans. */
  get fragments(): FragmentRunner | undefined {
    return this.#writing?.pages.fragments
  }

  get pagesFromVersions(): number {
    return this.#options.pagesFromVersions ?? PAGES_FROM_VERSIONS
  }

  /**
   * The version pages of a table at S, a read point, pinned until they are released; undefined where the table has none, which is no
   * mistake: its documents say the same. `isWhole`: all rows are wanted, and pages are waited for where documents lie in files.
   */
  pages(table: TableState, S: number, isWhole = false): PagesAtSeq | undefined | Promise<PagesAtSeq | undefined> {
    const pages = this.#writing?.pages
    if (pages === undefined || table.damage !== undefined) return undefined
    return pages.pagesNow(table, S) ?? pages.pages(table, S, isWhole && table.segments.bytes > this.#cache.budgetBytes)
  }

  /** A read view holds its seq until {@link unpin}; one that is garbage collected lets go by itself. */
  pin(view: object, seq: number): ReadPin {
    return this.#pins.pin(view, seq)
  }

  unpin(pin: ReadPin): void {
    this.#pins.unpin(pin)
  }

  // Writes.

  /** Begins a transaction: it reads at the last visible seq, and writes nothing before its commit. */
  begin(options: TransactionLimits): Transaction {
    this.assertOpen()
    return this.#transactions.begin(options)
  }

  get transactionTimeoutMs(): number {
    return this.#options.transactionTimeoutMs ?? Number.POSITIVE_INFINITY
  }

  get lockTimeoutMs(): number {
    return this.#options.lockTimeoutMs ?? LOCK_TIMEOUT_MS
  }

  /** 0 <= x < 1. */
  random(): number {
    const [a = 0, b = 0] = this.#options.random(2)
    return (a * 256 + b) / 65_536
  }

  /** An empty set of writes. */
  writeSet(): WriteSet<TableState> {
    this.#writer()
    return this.#transactions.writeSet()
  }

  /**
   * Validates, numbers and logs the writes; resolves when they are as durable as the database promises. Where a transaction has locked
   * rows that it writes, it waits for them first.
   */
  commit(set: WriteSet<TableState>, request: CommitRequest): Promise<Commit> {
    return this.#transactions.commit(set, request, this.lockTimeoutMs)
  }

  /** Tables and indexes that come and go. */
  get schema(): SchemaChanges {
    return this.#writer().schema
  }

  /** Of a table's indexes those that can be read at S; a promise where that is to be waited for. */
  indexes(table: TableState, S: number): readonly ReadableIndex[] | Promise<readonly ReadableIndex[]> {
    const indexes = this.#writing?.indexes
    if (indexes === undefined || table.definition.indexes.length === 0) return []
    return indexes.readableNow(table, S) ?? indexes.readable(table, S)
  }

  findIndex(name: string): { readonly table: TableDefinition; readonly index: IndexDefinition } | undefined {
    this.assertOpen()
    return this.#state.catalog.findIndex(name)
  }

  /** Resolves when the table that has this name is visible: another call may still be making it. */
  async untilVisible(name: string): Promise<void> {
    const { createdSeq } = this.table(name).definition
    await this.#writing?.pipeline.untilVisible(createdSeq)
  }

  /** Moves everything visible into segments now. */
  async checkpoint(): Promise<void> {
    await this.#writing?.checkpoints.run()
  }

  /** Merges and compresses the segments of a table, or of all and the commit log. Waits for no reader. */
  async compact(name: string | undefined, options: MaintenanceOptions): Promise<CompactedTable[]> {
    const { maintenance, maintained, pages } = this.#writer()
    const tables = this.#maintained({ maintained }, name)
    await this.checkpoint()
    const compacted = await maintenance.compact(tables, options)
    for (const table of name === undefined ? this.#state.tables.values() : [this.table(name)]) {
      await pages.compact(table, (done, total) => maintenance.reportPages(options, done, total))
    }
    return compacted
  }

  /** Writes a snapshot of a table, or of all: the next opening begins from it. Waits for no reader. */
  async snapshot(name: string | undefined, options: MaintenanceOptions): Promise<SnapshottedTable[]> {
    const { maintenance, maintained } = this.#writer()
    const tables = this.#maintained({ maintained }, name).filter(({ tableId }) => tableId !== COMMITS_TABLE_ID)
    await this.checkpoint()
    return maintenance.snapshot(tables, options)
  }

  /** Of a table's columns, of whatever point they are; undefined where nobody looked. */
  statisticsOf(table: TableState): TableStatistics | undefined {
    return this.#statistics.of(table)
  }

  /** Statistics of the table are missing, though it has rows, or so much has changed since that they should be made again. */
  hasOldStatistics(table: TableState): boolean {
    return table.damage === undefined && this.#statistics.isOld(table)
  }

  /** @throws READ_ONLY, CLOSED. */
  assertWritable(): void {
    this.#writer()
  }

  /** @throws READ_ONLY */
  async installStatistics(table: TableState, statistics: TableStatistics): Promise<void> {
    this.assertWritable()
    await this.#statistics.install(table, statistics)
  }

  /** From now on `tell` is called when so many more events have become visible; one that is told, whoever came last. It must be quick. */
  onGrowth(events: number, tell: () => void): void {
    this.#growth = { events, tell, nextSeq: this.lastSeq + events }
  }

  /** Events that are not durable yet. */
  get pendingCount(): number {
    return this.#writing?.pipeline.pendingCount ?? 0
  }

  #grown(): void {
    const growth = this.#growth
    if (growth === undefined || this.lastSeq < growth.nextSeq) return
    growth.nextSeq = this.lastSeq + growth.events
    growth.tell()
  }

  /** Read-only: moves forward to what the writer has acknowledged since. */
  async refresh(): Promise<void> {
    this.assertOpen()
    if (this.#writing !== undefined) return
    const { io, directory } = this.#options
    let logBytes = this.#logBytes
    const state = await recoverBeside({
      io,
      directory,
      cache: this.#cache,
      versions: { memory: this.#versions, spill: this.spill },
      readOnly: true,
      log: (source) => logBytes(source),
      logger: this.#options.log,
      breathe: turn
    })
    logBytes = imageBytes(state)
    const before = this.#state
    this.#logBytes = logBytes
    this.#state = state
    this.#statistics.forget()
    closeReaders(before)
    this.#arrivals.announce()
  }

  stats() {
    const tables = [...this.#state.tables.values()]
    const now = this.monotonic()
    return {
      lastSeq: this.lastSeq,
      pending: this.#writing?.pipeline.pendingCount ?? 0,
      cacheBytes: this.#cache.bytes,
      cacheBytesMax: this.#cache.budgetBytes,
      logBytes: this.#writing?.log.usedBytes ?? 0,
      logBytesMax: this.#writing?.log.roomBytes ?? 0,
      checkpoints: this.#writing?.checkpoints.count ?? 0,
      compactions: this.#writing?.maintenance.compactions ?? 0,
      views: this.#pins.count,
      oldestViewSeq: this.#pins.oldestSeq,
      /** Views of the past that nobody has let go of, oldest first. */
      readViews: this.#pins.list(now),
      /** Oldest first. */
      transactions: this.#transactions.list(now),
      /** Rows that are locked, and transactions and writes that wait for one. */
      lockedRows: this.#transactions.lockStats().rows,
      lockWaiters: this.#transactions.lockStats().waiters,
      /** Everything up to here is in the version pages of the tables that have some. */
      appliedSeq: this.#writing?.pages.appliedSeq ?? 0,
      pageBytes: this.#writing?.pages.bytes ?? 0,
      pageBytesMax: this.#writing?.pages.bytesMax ?? 0,
      pageLoads: this.#writing?.pages.loads ?? 0,
      memoryBytes: tables.reduce((sum, table) => sum + table.keys.bytes + table.versions.bytes, 0)
    }
  }

  /** Waits for what is pending, moves it into segments, ends the writer, frees the lock. Every later call gets CLOSED. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    const writing = this.#writing
    this.#transactions.close()
    try {
      this.#arrivals.announce()
      if (writing !== undefined) {
        writing.rest?.stop()
        await writing.pipeline.idle()
        writing.indexes.close()
        await writing.pages.close()
        await writing.maintenance.stop()
        await writing.checkpoints.idle()
        if (writing.log.memory.poisoned) {
          // The writer can only be ended; what it knew is in the WAL.
          await writing.link.close().catch((error: unknown) => this.#logPoisonedClose(error))
        } else {
          await writing.checkpoints.attempt()
          await writing.link.close()
        }
      }
    } finally {
      this.spill.close()
      closeReaders(this.#state)
      this.#lock?.release()
    }
  }

  /** Under `full` nothing that was acknowledged is missing; under a weaker durability it may be, and the closing says so. */
  #logPoisonedClose(error: unknown): void {
    if (this.#options.durability !== 'full') throw error
    this.#options.log.warn({ code: DriftError.from(error, this.#options.directory).code }, 'a poisoned database was closed')
  }

  async #startWriter(memory: LogMemory, thread: ThreadWriter | undefined): Promise<void> {
    const { io, directory, durability, clock, log: logger } = this.#options
    const { identity, walNumber, files, lastSeq, lastTime, commits } = this.#state
    const { databaseId } = identity
    memory.visibleSeq = lastSeq
    memory.durableSeq = lastSeq
    const log = new SharedLog(memory, JUMP_MAGIC)
    const config: WriterConfig = { directory, identity, durability, walNumber, firstSeq: lastSeq + 1, tables: files }
    await thread?.start(config)
    const link = thread ?? new InProcessWriter(io, memory, config)
    const unique: UniqueKeys = new UniqueKeys({ appliedSeq: () => apply.appliedSeq, readable: (id) => indexes.readableOf(id) })
    const oldestReadSeq = (): number => Math.min(this.lastSeq, this.#transactions.oldestReadSeq())
    const staging = new Staging(oldestReadSeq, (staged, seq) => unique.check(staged, seq))
    this.#logBytes = (source) => (source === STAGING_SOURCE ? staging.buffer : memory.bytes())
    const tables = this.#state.tables
    const apply = ApplyMemory.create(this.#options.logBytes, this.#options.logBytes + 3 * RECORD_BYTES_MAX, APPLIED_TABLES_MAX)
    apply.publishApplied(lastSeq)
    const arena = Arena.create({ bytes: pageBytesOf(this.#options.cacheBytes) })
    const pageTable = PageTable.create()
    const applyConfig: ApplyConfig = {
      memory,
      apply,
      arena,
      pageTable,
      directory,
      databaseId,
      lastSeq,
      pageRows: this.#options.pageRows,
      tables: [...tables.values()].map(({ definition, directory: folder, nextPlace, versions }) => ({
        definition,
        directory: folder,
        nextPlace,
        state: versions.count === 0 ? 'live' : 'cold'
      }))
    }
    const applyLink = thread === undefined ? new InProcessApplier(io, applyConfig) : new ThreadApplier(applyConfig)
    const loader = new TableLoader(
      () => this.checkpoint(),
      () => apply.appliedSeq,
      () => pipeline.untilVisible(pipeline.numberedSeq)
    )
    const indexes = new IndexAccess({ io, databaseId, arena, apply, link: applyLink, loader, logger, tables: tables.values() })
    const pages = new PageAccess({
      io,
      arena,
      pageTable,
      apply,
      link: applyLink,
      logger,
      tables: tables.values(),
      threads: thread === undefined ? 0 : queryThreadsOf(this.#options.queryThreads, arena.budgetBytes),
      worthwhileNs: this.#options.worthwhileNs,
      loader,
      onLost: () => indexes.lost()
    })
    const checkpoints = new Checkpoints({
      log,
      link,
      pipeline: () => pipeline,
      pages,
      commits,
      tables,
      clock,
      logger,
      seq: lastSeq,
      isClosed: () => this.#closed !== undefined,
      onInstalled: () => maintenance.afterCheckpoint()
    })
    const rest = thread === undefined ? undefined : new RestTimer(REST_MS, () => this.#atRest())
    const pipeline = new CommitPipeline({
      log,
      link,
      apply,
      onLogged: () => {
        applyLink.stir()
        rest?.stir()
      },
      commits,
      staging,
      clock,
      durability,
      logger,
      lastSeq,
      lastTime,
      onVisible: () => {
        this.#grown()
        if (log.usedBytes * 2 >= log.roomBytes) checkpoints.start()
        this.#arrivals.announce()
      },
      onFailed: () => this.#arrivals.announce(),
      onLogFull: () => checkpoints.start()
    })
    // Files in memory do not outlive the process: nothing ever begins from them.
    const { snapshotEvents = thread === undefined ? Number.POSITIVE_INFINITY : SNAPSHOT_EVENTS } = this.#options
    const pool = thread === undefined ? new InProcessCompactionPool(io) : new ThreadCompactionPool()
    const settled = async (seq: number): Promise<void> => {
      await pipeline.untilVisible(seq)
      await this.checkpoint()
    }
    const ofIndexes = new IndexCheckpoints({ io, databaseId, link: applyLink, indexes, settled })
    const checkpointSeq = (): number => checkpoints.seq
    const maintained = new MaintainedTables({
      io,
      directory,
      logger,
      commits,
      pages,
      indexes,
      checkpoints: ofIndexes,
      settled,
      checkpointSeq
    })
    const maintenance = new Maintenance({
      databaseId,
      hashSeed: identity.hashSeed,
      link,
      pool,
      logger,
      monotonic: () => clock.monotonic(),
      waitingBytes: this.#options.compactAtBytes ?? WAITING_BYTES,
      snapshotEvents,
      indexEvents: thread === undefined ? snapshotEvents : Math.min(snapshotEvents, INDEX_EVENTS),
      busyFactor: thread === undefined ? 1 : BUSY_SNAPSHOT_FACTOR,
      tables: () => this.#maintained({ maintained }, undefined)
    })
    const schema = new SchemaChanges({
      directory,
      state: this.#state,
      pipeline,
      link,
      pages,
      indexes,
      unique,
      untilApplied: (seq) => applyLink.untilApplied(seq)
    })
    this.#writing = { log, link, pipeline, maintenance, maintained, pages, checkpoints, indexes, schema, rest }
    await schema.resume()
  }

  /** Nobody has written for a while. */
  #atRest(): void {
    const maintenance = this.#writing?.maintenance
    if (maintenance?.isSnapshotDue !== true || this.#closed !== undefined) return
    // A checkpoint that fails says so itself, and is tried again by whoever needs it.
    this.checkpoint().then(
      () => maintenance.atRest(),
      () => {}
    )
  }

  /** The table of this name, or every table and the commit log, as maintenance sees them. */
  #maintained({ maintained }: Pick<Writing, 'maintained'>, name: string | undefined): MaintainedTable[] {
    if (name !== undefined) return [maintained.of(this.table(name))]
    return [...[...this.#state.tables.values()].map((table) => maintained.of(table)), maintained.commits]
  }

  #writer() {
    this.assertOpen()
    if (this.#writing !== undefined) return this.#writing
    const damaged = this.#state.damaged[0]
    if (damaged !== undefined && !this.#options.readOnly) {
      const details = { ...damaged.damage?.details, table: damaged.definition.name }
      throw new DriftError(
        'READ_ONLY',
        `table ${damaged.definition.name} is damaged, so nothing is written: ${damaged.damage?.message}`,
        details
      )
    }
    throw new DriftError('READ_ONLY', 'the database was opened read-only', {})
  }

  assertOpen(): void {
    if (this.#closed !== undefined) throw new DriftError('CLOSED', 'the database is closed; open it again', {})
  }
}

function imageBytes(state: Recovered): (source: number) => Uint8Array {
  return (source) => state.images[source]?.bytes ?? new Uint8Array(0)
}
