import { totalmem } from 'node:os'
import { resolve } from 'node:path'
import { systemClock, type Clock } from '../base/clock.js'
import type { Durability } from '../base/durability.js'
import { DriftError } from '../base/errors.js'
import { limits } from '../base/limits.js'
import { silentLog, type Log } from '../base/log.js'
import { systemRandom } from '../base/random.js'
import type { Key } from '../codec/key-codec.js'
import type { Document } from '../codec/value.js'
import type { Commit } from '../coordinator/commit-pipeline.js'
import { Coordinator } from '../coordinator/coordinator.js'
import type { ReadPin } from '../coordinator/read-pins.js'
import type { ReadPoint } from '../coordinator/read-points.js'
import type { CompactedTable, MaintenanceOptions, MaintenanceProgress, SnapshottedTable } from '../coordinator/maintenance.js'
import type { Io } from '../io/io.js'
import { MemoryIo } from '../io/memory-io.js'
import { realIo } from '../io/real-io.js'
import { BackgroundStatistics } from './background-statistics.js'
import { ChangeFeed, type ChangesOptions } from './change-feed.js'
import { askedPoint, type PointInput } from './point.js'
import { pointSelect } from '../planner/point-select.js'
import type { Parameters } from '../expression/parameters.js'
import type { ResultColumn } from '../executor/result-rows.js'
import { createIndex, type CreateIndexOptions } from './create-index.js'
import { indexRequest, type IndexOption } from './index-options.js'
import { integerMode, integersAs, type IntegerMode } from './integers.js'
import { driven, PreparedQuery, Query, wholeResult, type QueryResult } from './query.js'
import { fragment, identifier, statementText, TaggedQuery, type SqlFragment } from './sql-tag.js'
import { runTransaction, type Attempt, type TransactionOptions } from './run-transaction.js'
import { Session, SessionState } from './session.js'
import type { CommandName, StatementOptions } from './running-statement.js'
import { StatementRunner } from './statement-runner.js'
import { commitRequest, Table } from './table.js'
import { Transaction } from './transaction.js'
import { lockAtBegin } from './lock-at-begin.js'
import { lockTimeoutOf, transactionLimits, type BeginOptions } from './transaction-options.js'
import { TableView } from './view.js'

export type OpenOptions = {
  /** What an acknowledged write has behind it: `full` (default) its fdatasync, `os` its write, `none` its number. */
  readonly durability?: Durability
  /** Memory for version pages (three quarters) and blocks of segments; by default a quarter of the machine's, 1 GiB at most; 8 MiB at least. */
  readonly cacheBytes?: number
  /** Threads beside yours that take part in large scans: by default one less than there are cores, 15 at most; 0: none. */
  readonly queryThreads?: number
  /** Room of the log in memory, 64 MiB unless given: a checkpoint begins when half of it is used. At least 8 MiB, 1 GiB at most. */
  readonly logBytes?: number
  /**
   * SNAPSHOT of a table runs by itself when it has so many events that none of its snapshots has, those are an eighth of all its events, and
   * nobody has written for two seconds: 1,000,000 unless given; sixteen times as many while somebody writes. Infinity: only `snapshot()`.
   */
  readonly snapshotEvents?: number
  /** Reads beside a live writer, without a lock; writes are READ_ONLY, `refresh()` moves forward. */
  readonly readOnly?: boolean
  /** False: a directory that is no database is INVALID_ARGUMENT. */
  readonly create?: boolean
  /** Points ahead of the last event are SEQ_AHEAD, not a notice. */
  readonly strict?: boolean
  readonly dialect?: 'drift' | 'sql'
  /** How integers come back from queries; `auto` unless given. */
  readonly integers?: IntegerMode
  /** The greatest age of a transaction that names none, in milliseconds; none unless given. */
  readonly transactionTimeoutMs?: number
  /** How long writes and transactions wait for a row that another transaction has locked, in milliseconds; 60,000 unless given. */
  readonly lockTimeoutMs?: number
  /** False: statistics of columns are made by ANALYZE alone, not also in the background where many rows have changed. */
  readonly autoAnalyze?: boolean
  /** A pino logger, or anything of its shape. Silent unless given. */
  readonly log?: Log
  /** Time is a parameter; the system's unless given. */
  readonly clock?: Clock
}

export type CreateTableOptions = {
  readonly primaryKey: string
  /** `'status'`, `['customer', 'at']` for one of two columns, or with a name: no answer depends on them, but for unique ones. */
  readonly indexes?: readonly IndexOption[]
  readonly ifNotExists?: boolean
  readonly metadata?: unknown
  /** For importers of existing history: unix ms, not before the last commit, not ahead of now. */
  readonly time?: number
}

/** One write of a batch. */
export type BatchOperation = { readonly ifSeq?: number; readonly skipUnchanged?: boolean } & (
  | { readonly insert: string; readonly document: object }
  | { readonly upsert: string; readonly document: object }
  | { readonly patch: string; readonly key: Key; readonly set: object }
  | { readonly softDelete: string; readonly key: Key }
)

export type BatchOptions = {
  readonly metadata?: unknown
  /** For importers of existing history: unix ms, not before the last commit, not ahead of now. */
  readonly time?: number
  readonly signal?: AbortSignal
}

export type TableInfo = {
  readonly name: string
  readonly primaryKey: string
  readonly indexes: readonly string[]
  readonly createdSeq: number
}

export type QueryOptions = {
  /** Where tables without their own AS OF are read; writes are READ_ONLY meanwhile. */
  readonly asOf?: PointInput
  /** Ends the statement with ABORTED, within 50 ms. */
  readonly signal?: AbortSignal
  /** Ends it with TIMEOUT. */
  readonly timeoutMs?: number
  /** Bytes of rows that it may keep for ORDER BY, GROUP BY, DISTINCT, and a result read as a whole; 512 MiB unless given. */
  readonly memoryBytes?: number
  /** Bytes that it may write to temporary files where that is too small for ORDER BY, GROUP BY, DISTINCT; 64 GiB unless given, 0: none. */
  readonly spillBytes?: number
  readonly integers?: IntegerMode
  /** What `"…"` alone is: a value or a name. */
  readonly dialect?: 'drift' | 'sql'
  /** Where the statement belongs: to its settings (`SET drift.…`), and to the transaction that is open there. */
  readonly session?: SessionState
}

export type ScriptOptions = QueryOptions & {
  readonly parameters?: Parameters
}

/** One statement of a script. Rows come in lists of at most 1,024, made as they are pulled, once. */
export type StatementResult = {
  readonly command: CommandName
  readonly columns: readonly ResultColumn[]
  readonly batches: AsyncIterable<readonly Document[]>
  /** Of a statement that writes. */
  readonly commit: Commit | undefined
  /** Rows that were written; undefined for a statement that reads. */
  readonly writtenRows: number | undefined
  readonly notices: readonly string[]
}

/** `` db.sql`…` ``: a query whose values are parameters; `db.sql.id(name)` is a name, a fragment in a fragment is text with its values. */
export type SqlTag = {
  <Row = { [column: string]: unknown }>(strings: TemplateStringsArray, ...values: readonly unknown[]): TaggedQuery<Row>
  id(name: string): SqlFragment
}

/** What COMPACT did, a table each. */
export type CompactResult = { readonly tables: readonly CompactedTable[] }

/** What SNAPSHOT wrote, a table each. */
export type SnapshotResult = { readonly tables: readonly SnapshottedTable[] }

const DEFAULT_LOG_BYTES = 64 * 1024 * 1024

/**
 * Opens the database in `directory`, making it if it is not there; `:memory:` is a private one without files.
 *
 * @throws LOCKED with pid, hostname and since where another process writes; INVALID_ARGUMENT where the path is a file or a directory
 * with other things in it; CORRUPT with file and offset; IO and NO_SPACE from the file system.
 * @example
 * await using db = await open('./data')
 */
export async function open(directory: string, options: OpenOptions = {}): Promise<Database> {
  const inMemory = directory === ':memory:'
  const io: Io = inMemory ? new MemoryIo() : realIo
  const cacheBytes = options.cacheBytes ?? Math.max(limits.cacheBytesMin, Math.min(limits.cacheBytesMax, Math.floor(totalmem() / 4)))
  if (!(cacheBytes >= limits.cacheBytesMin)) {
    throw new DriftError('LIMIT', `cacheBytes is at least ${limits.cacheBytesMin}`, {
      name: 'cacheBytesMin',
      limit: limits.cacheBytesMin,
      seen: cacheBytes
    })
  }
  const durability = options.durability ?? 'full'
  if (durability !== 'full' && durability !== 'os' && durability !== 'none') {
    throw new DriftError('INVALID_ARGUMENT', `durability is 'full', 'os' or 'none', got ${String(durability)}`, { found: durability })
  }
  const logBytes = options.logBytes ?? DEFAULT_LOG_BYTES
  if (!(logBytes >= limits.logBytesMin && logBytes <= limits.logBytesMax)) {
    const details = { name: 'logBytes', limit: limits.logBytesMax, seen: logBytes }
    throw new DriftError('LIMIT', `logBytes is from ${limits.logBytesMin} to ${limits.logBytesMax}`, details)
  }
  const coordinator = await Coordinator.open({
    io,
    directory: inMemory ? '/memory' : resolve(directory),
    clock: options.clock ?? systemClock,
    random: systemRandom,
    log: options.log ?? silentLog,
    durability,
    cacheBytes,
    readOnly: options.readOnly ?? false,
    create: options.create ?? true,
    writer: inMemory ? 'in-process' : 'thread',
    queryThreads: queryThreadsOf(options.queryThreads),
    transactionTimeoutMs: options.transactionTimeoutMs,
    lockTimeoutMs: lockTimeoutOf(options.lockTimeoutMs),
    snapshotEvents: snapshotEventsOf(options.snapshotEvents),
    logBytes
  })
  return new Database(coordinator, { ...options, autoAnalyze: options.autoAnalyze ?? true })
}

function queryThreadsOf(asked: number | undefined): number | undefined {
  if (asked === undefined || (Number.isInteger(asked) && asked >= 0 && asked <= QUERY_THREADS_MAX)) return asked
  const details = { name: 'queryThreads', limit: QUERY_THREADS_MAX, seen: asked }
  throw new DriftError('LIMIT', `queryThreads is a whole number from 0 to ${QUERY_THREADS_MAX}`, details)
}

const QUERY_THREADS_MAX = 15

function snapshotEventsOf(asked: number | undefined): number | undefined {
  if (asked === undefined || asked >= 1) return asked
  throw new DriftError('INVALID_ARGUMENT', `snapshotEvents is a number from 1 on, got ${String(asked)}`, { found: asked })
}

/** An open database. Reading by key is synchronous; what waits for a disk is a promise. */
export class Database implements AsyncDisposable {
  readonly #coordinator: Coordinator
  readonly #options: OpenOptions
  readonly #statements: StatementRunner
  readonly #integers: IntegerMode
  readonly #background: BackgroundStatistics | undefined

  /** @internal Use {@link open}. */
  constructor(coordinator: Coordinator, options: OpenOptions) {
    this.#coordinator = coordinator
    this.#options = options
    this.#integers = integerMode(options.integers)
    this.#statements = new StatementRunner(coordinator)
    const isRefreshing = options.autoAnalyze === true && !coordinator.isReadOnly
    this.#background = isRefreshing ? new BackgroundStatistics(coordinator, options.log ?? silentLog) : undefined
  }

  /** The last visible seq; 0 in an empty database. */
  get lastSeq(): number {
    return this.#coordinator.lastSeq
  }

  get readOnly(): boolean {
    return this.#coordinator.isReadOnly
  }

  tables(): readonly TableInfo[] {
    return this.#coordinator.tables().map(({ name, primaryKey, indexes, createdSeq }) => ({
      name,
      primaryKey,
      indexes: indexes.map((index) => index.name),
      createdSeq
    }))
  }

  /** @throws ALREADY_EXISTS unless `ifNotExists`; INVALID_ARGUMENT, LIMIT for names. Resolves to the Commit, or undefined if it was there. */
  async createTable(name: string, options: CreateTableOptions): Promise<Commit | undefined> {
    if (options.ifNotExists === true && this.#coordinator.hasTable(name)) {
      await this.#coordinator.untilVisible(name)
      return undefined
    }
    const indexes = (options.indexes ?? []).map((index) => indexRequest(name, index))
    return this.#coordinator.schema.createTable(name, options.primaryKey, indexes, commitRequest(options))
  }

  /**
   * Makes an index of a table, over all its past, while writes go on; resolves when queries use it. `ifNotExists`: one of that name is left
   * as it is. `onProgress` is told how many events of about how many were gone through. With `signal` the wait ends, the index is dropped.
   * @throws UNKNOWN_TABLE; ALREADY_EXISTS for its name; LIMIT, INVALID_ARGUMENT for its columns; OVERLOADED where page memory has no room.
   */
  async createIndex(table: string, index: IndexOption, options: CreateIndexOptions = {}): Promise<Commit | undefined> {
    return createIndex(this.#coordinator, table, indexRequest(table, index), options)
  }

  /** @throws UNKNOWN_INDEX unless `ifExists`. Resolves to the Commit, or undefined if it was not there. */
  async dropIndex(name: string, options: { readonly ifExists?: boolean; readonly metadata?: unknown } = {}): Promise<Commit | undefined> {
    if (options.ifExists === true && this.#coordinator.findIndex(name) === undefined) return undefined
    return this.#coordinator.schema.dropIndex(name, commitRequest(options))
  }

  /** @throws UNKNOWN_TABLE */
  table<Row extends object = Document>(name: string): Table<Row> {
    return new Table<Row>(this.#coordinator, name, () => this.#coordinator.lastSeq)
  }

  /**
   * Several writes, in several tables, as one commit: each sees the ones before it, all happen or none. The first that is refused refuses
   * the whole batch, with `details.index`, and uses no seq.
   */
  async batch(operations: readonly BatchOperation[], options: BatchOptions = {}): Promise<Commit> {
    const set = this.#coordinator.writeSet()
    for (const [index, operation] of operations.entries()) {
      try {
        if ('insert' in operation) set.document('insert', this.#coordinator.table(operation.insert), operation.document, operation)
        else if ('upsert' in operation) set.document('upsert', this.#coordinator.table(operation.upsert), operation.document, operation)
        else if ('patch' in operation) set.patch(this.#coordinator.table(operation.patch), operation.key, operation.set, operation)
        else if ('softDelete' in operation) set.softDelete(this.#coordinator.table(operation.softDelete), operation.key, operation)
        else throw new DriftError('INVALID_ARGUMENT', 'an operation is one of insert, upsert, patch, softDelete', {})
      } catch (error) {
        const cause = DriftError.from(error, 'batch')
        throw new DriftError(cause.code.slice(6) as 'LIMIT', `operation ${index}: ${cause.message}`, { ...cause.details, index }, cause)
      }
    }
    return this.#coordinator.commit(set, commitRequest(options))
  }

  /** The state at a past point: pinned, disposable, and the same answers for ever. */
  asOf(point: PointInput, options: { readonly strict?: boolean } = {}): AsOfView {
    const strict = options.strict ?? this.#options.strict ?? false
    const found = this.#coordinator.readPoint(askedPoint(point, this.#coordinator.now()), strict)
    return new AsOfView(this.#coordinator, found, (text, parameters, asked) => this.query(text, parameters, asked))
  }

  /**
   * One statement of DriftQL. It runs once, when it is awaited or read: `await`, `all()`, `first()`, `value()`, `arrays()`; as a stream with
   * `for await`, `batches(n)`, `json()`. Parameters: an array for `$1` and `?`, an object for `:name`.
   * @example
   * await db.query('SELECT * FROM orders WHERE status = $1 AS OF @now - 1 hour', ['paid']).all()
   */
  query<Row = { [column: string]: unknown }>(text: string, parameters: Parameters = [], options: QueryOptions = {}): Query<Row> {
    const integers = options.integers === undefined ? this.#integers : integerMode(options.integers)
    return new Query<Row>(
      () => this.#start(text, { ...options, parameters }, options.session),
      integers,
      isUsual(options) && integers === 'auto' ? () => this.#pointResult<Row>(text, parameters) : undefined
    )
  }

  /** The text is read now and kept; each call of the result's verbs takes its parameters. */
  prepare<
    Given extends readonly unknown[] | { readonly [name: string]: unknown } = readonly unknown[],
    Row = { [column: string]: unknown }
  >(text: string, options: QueryOptions = {}): PreparedQuery<Given, Row> {
    const statement = this.#statements.statement(text, this.#dialect(options))
    const integers = options.integers === undefined ? this.#integers : integerMode(options.integers)
    const isQuick = isUsual(options) && integers === 'auto' && pointSelect(statement) !== undefined
    return new PreparedQuery<Given, Row>((parameters) => {
      const start = () =>
        this.#statements.start(statement, this.#asked({ ...options, parameters }), options.session ?? new SessionState('statement'))
      return new Query<Row>(start, integers, isQuick ? () => this.#statements.pointResult<Row>(statement, parameters) : undefined)
    })
  }

  #pointResult<Row>(text: string, parameters: Parameters): QueryResult<Row> | undefined {
    const statement = this.#statements.known(text, this.#dialect({}))
    const result = statement === undefined ? undefined : this.#statements.pointResult<Row>(statement, parameters)
    // It was found among those that are kept.
    if (result !== undefined) this.#statements.statements(text, this.#dialect({}))
    return result
  }

  /** A query as a template: values become parameters, never text. */
  readonly sql: SqlTag = Object.assign(
    <Row>(strings: TemplateStringsArray, ...values: readonly unknown[]): TaggedQuery<Row> => {
      const made = fragment(strings, values)
      return new TaggedQuery<Row>(made, () => this.#start(statementText(made), { parameters: made.values }), this.#integers)
    },
    { id: identifier }
  )

  /** Runs the statements of a text in order; rows are in memory. Ends with the first error, and says where it is if it is SYNTAX. */
  async exec(text: string, options: ScriptOptions = {}): Promise<QueryResult<Document>[]> {
    const integers = options.integers === undefined ? this.#integers : integerMode(options.integers)
    const session = options.session ?? new SessionState('session')
    const results: QueryResult<Document>[] = []
    try {
      for (const statement of this.#statements.statements(text, this.#dialect(options, session))) {
        results.push(await wholeResult<Document>(await this.#statements.start(statement, this.#asked(options), session), integers))
      }
    } finally {
      // A script without a session ends with its text.
      const last = results.at(-1)
      if (options.session === undefined && session.rollBack() && last !== undefined) {
        results[results.length - 1] = { ...last, notices: [...last.notices, 'the transaction that was still open was rolled back'] }
      }
    }
    return results
  }

  /** Settings (`SET drift.…`) and transactions (BEGIN … COMMIT) that several statements and scripts share. */
  session(): Session {
    return new Session(this)
  }

  /**
   * Begins a transaction that ends with its `commit()` or `rollback()`.
   * @throws INVALID_ARGUMENT, LIMIT; LOCK_TIMEOUT, DEADLOCK with `lock`.
   */
  async begin(options: BeginOptions = {}): Promise<Transaction> {
    return this.#begin(options)
  }

  /**
   * Runs a function as one transaction and commits; resolves to what the function gave, when all of it is durable. What it throws rolls
   * back. After a conflict (WRITE_CONFLICT, SERIALIZATION, DEADLOCK) all of it is run again, `retries` times at most, after a pause of
   * random length: so it should do nothing else than reading and writing here.
   * @example
   * await db.transaction(async (tx) => {
   *   const { amount } = tx.table('accounts').get('a')
   *   await tx.table('accounts').patch('a', { amount: amount - 10 })
   *   await tx.query("UPDATE accounts SET amount = amount + 10 WHERE id = 'b'")
   * }, { isolation: 'serializable' })
   */
  transaction<Result>(
    run: (tx: Transaction, attempt: Attempt) => Result | Promise<Result>,
    options: TransactionOptions = {}
  ): Promise<Result> {
    return runTransaction(this.#coordinator, () => this.#begin(options), run, options)
  }

  /** At once where nothing is to be waited for. */
  #begin(options: BeginOptions): Transaction | Promise<Transaction> {
    const request = commitRequest(options)
    const own = this.#coordinator.begin(transactionLimits(options, this.#coordinator))
    const begun = new Transaction(this.#coordinator, this, own, request)
    return options.lock === undefined ? begun : lockAtBegin(this.#coordinator, own, options.lock).then(() => begun)
  }

  /** The same, one result at a time, with rows that are made as they are pulled. */
  async *statements(text: string, options: ScriptOptions = {}): AsyncGenerator<StatementResult, void> {
    const integers = options.integers === undefined ? this.#integers : integerMode(options.integers)
    const session = options.session ?? new SessionState('session')
    try {
      for (const statement of this.#statements.statements(text, this.#dialect(options, session))) {
        const running = await this.#statements.start(statement, this.#asked(options), session)
        const { command, columns, commit, writtenRows, notices } = running
        const batches = async function* (): AsyncGenerator<readonly Document[], void> {
          for await (const batch of driven(running)) {
            const rows = running.objects(batch)
            yield integers === 'auto' ? rows : rows.map((row) => integersAs(row, integers) as Document)
          }
        }
        yield { command, columns, batches: batches(), commit, writtenRows, notices }
      }
    } finally {
      // A script without a session ends with its text.
      if (options.session === undefined) session.rollBack()
    }
  }

  #start(text: string, options: ScriptOptions, session = new SessionState('statement')) {
    try {
      return this.#statements.start(this.#statements.statement(text, this.#dialect(options, session)), this.#asked(options), session)
    } catch (thrown) {
      // A text that cannot be read fails its transaction, as every error does.
      throw session.transaction?.fail(thrown) ?? thrown
    }
  }

  #dialect(options: QueryOptions, session?: SessionState): 'drift' | 'sql' {
    const dialect = session?.dialect ?? options.dialect ?? this.#options.dialect ?? 'drift'
    if (dialect === 'drift' || dialect === 'sql') return dialect
    throw new DriftError('INVALID_ARGUMENT', `dialect is 'drift' or 'sql', not ${String(dialect)}`, { found: dialect })
  }

  #asked({ parameters, asOf, signal, timeoutMs, memoryBytes, spillBytes }: ScriptOptions): StatementOptions {
    return {
      parameters,
      asOf: asOf === undefined ? undefined : askedPoint(asOf, this.#coordinator.now()),
      strict: this.#options.strict,
      signal,
      timeoutMs,
      memoryBytes,
      spillBytes
    }
  }

  /**
   * The log as a feed: every commit that is as durable as the database promises, once and in order, with all its events. It has no bound
   * of its own: the reader sets the pace, writers never wait for it, and what it has not come to yet is read from the files.
   *
   * @throws INVALID_ARGUMENT; UNKNOWN_TABLE; SEQ_AHEAD where `from` is behind more than the next seq; CLOSED. While it is read: ABORTED by
   * `signal`, CLOSED, CORRUPT for damage in a segment, POISONED where it waits for what cannot come any more.
   * @example
   * for await (const { seq, metadata, events } of db.changes({ from: last + 1, follow: true })) {
   *   for (const { table, key, event, document } of events) console.log(seq, table, key, event, document, metadata)
   * }
   */
  changes(options: ChangesOptions = {}): ChangeFeed {
    this.#coordinator.assertOpen()
    return new ChangeFeed(this.#coordinator, options)
  }

  /**
   * Merges the segments of a table into larger ones and compresses their blocks; without a name those of all tables and of the commit
   * log. No answer changes, and nothing waits for readers. It also runs by itself where enough waits.
   *
   * @throws UNKNOWN_TABLE; READ_ONLY; ABORTED by `signal`: what was installed by then stays; CORRUPT for damage in a segment.
   * @example
   * const { tables } = await db.compact('orders')
   * console.log(tables[0].bytesBefore, tables[0].bytesAfter)
   */
  async compact(table?: string, options: MaintenanceOptions = {}): Promise<CompactResult> {
    return { tables: await this.#coordinator.compact(table, options) }
  }

  /**
   * Writes a snapshot of a table, or of all: its versions up to now, from which the next opening begins. No answer changes, and nothing
   * waits for readers. What the snapshots before have is not written again, unless they are small beside what is new.
   *
   * @throws UNKNOWN_TABLE; READ_ONLY; ABORTED by `signal`; CORRUPT for damage in a segment.
   * @example
   * await db.snapshot('orders')
   */
  async snapshot(table?: string, options: MaintenanceOptions = {}): Promise<SnapshotResult> {
    return { tables: await this.#coordinator.snapshot(table, options) }
  }

  /** Sizes and counts, for people and monitors. Bytes unless the name says otherwise. */
  stats() {
    const tables = this.tables().map(({ name }) => {
      const state = this.#coordinator.table(name)
      return { name, ...state.stats() }
    })
    return { ...this.#coordinator.stats(), recovery: this.#coordinator.report, tables }
  }

  /** Read-only: moves forward to what the writer has acknowledged by now. Views taken before keep their point. */
  refresh(): Promise<void> {
    return this.#coordinator.refresh()
  }

  /** Waits for pending writes, then frees the lock and ends the thread. Safe to call twice; later calls of others get CLOSED. */
  async close(): Promise<void> {
    const stopped = this.#background?.stop()
    await this.#coordinator.close()
    await stopped
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

/** The database at one point in time. */
export class AsOfView implements Disposable {
  readonly #coordinator: Coordinator
  readonly #point: ReadPoint
  readonly #query: (text: string, parameters: Parameters, options: QueryOptions) => Query<unknown>
  readonly #pin: ReadPin
  #disposed = false

  /** @internal Use {@link Database.asOf}. */
  constructor(
    coordinator: Coordinator,
    point: ReadPoint,
    query: (text: string, parameters: Parameters, options: QueryOptions) => Query<unknown>
  ) {
    this.#coordinator = coordinator
    this.#query = query
    this.#point = point
    this.#pin = coordinator.pin(this, point.seq)
  }

  /** The last event that is seen; 0: none. */
  get seq(): number {
    return this.#point.seq
  }

  /** Commit time of that event, unix ms. */
  get time(): number {
    return this.#point.time
  }

  /** What there is to know about this point: that it lay ahead of the last event. */
  get notices(): readonly string[] {
    return this.#point.notice === undefined ? [] : [this.#point.notice]
  }

  table<Row extends object = Document>(name: string): TableView<Row> {
    return new TableView<Row>(this.#coordinator, name, () => this.#seq())
  }

  /** {@link Database.query} at this point. */
  query<Row = { [column: string]: unknown }>(
    text: string,
    parameters: Parameters = [],
    options: Omit<QueryOptions, 'asOf'> = {}
  ): Query<Row> {
    return this.#query(text, parameters, { ...options, asOf: { seq: this.#seq() } }) as Query<Row>
  }

  #seq(): number {
    if (this.#disposed) throw new DriftError('CLOSED', 'this view was disposed', {})
    return this.#point.seq
  }

  [Symbol.dispose](): void {
    this.#disposed = true
    this.#coordinator.unpin(this.#pin)
  }
}

export type { Commit, CompactedTable, MaintenanceOptions, MaintenanceProgress, Parameters, ResultColumn, SnapshottedTable }

/** Nothing is asked for that a result that is found at once would have to obey. */
function isUsual({ session, asOf, signal, timeoutMs, memoryBytes, dialect }: QueryOptions): boolean {
  return [session, asOf, signal, timeoutMs, memoryBytes, dialect].every((option) => option === undefined)
}
