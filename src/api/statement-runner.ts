import { COMMITS_TABLE_NAME, isSystemTable, PLANS_TABLE_NAME } from '../base/ids.js'
import { DriftError } from '../base/errors.js'
import { decodeDocument, encodeDocument } from '../codec/document-codec.js'
import type { Key } from '../codec/key-codec.js'
import type { Document, Value } from '../codec/value.js'
import type { Commit } from '../coordinator/commit-pipeline.js'
import type { AskedPoint, Coordinator, ReadPoint } from '../coordinator/coordinator.js'
import type { TransactionView } from '../coordinator/transaction-view.js'
import type { Transaction } from '../coordinator/transaction.js'
import type {
  Analyze,
  Explain,
  Maintenance,
  Select,
  SelectForUpdate,
  SetOption,
  ShowDrift,
  Statement,
  TransactionStatement
} from '../parser/ast.js'
import type { Batch } from '../query/batch.js'
import { newExecution } from '../query/evaluate.js'
import { explainDocument, explainLines } from '../query/explain-node.js'
import { accessText, explainTree } from '../query/explain.js'
import { namesTable } from '../query/named-tables.js'
import { valueOf, type Parameters } from '../query/parameters.js'
import { PlanCache } from '../query/plan-cache.js'
import { PlanProbe } from '../query/plan-probe.js'
import { pointSelect } from '../query/point-select.js'
import { pointOf, pointOfValue } from '../query/point.js'
import { planWrite, returningSelect, type Write, type WritePlan, type WriteStatement } from '../query/plan-write.js'
import type { QuerySource } from '../query/query-source.js'
import { bytesOf } from '../query/query-memory.js'
import { arraysOf, objectsOf, starColumns, type ResultColumn } from '../query/result-rows.js'
import { runSelect, type SelectRun } from '../query/run-select.js'
import { analyzeTable } from './analyze-table.js'
import { Control, type ControlOptions } from './control.js'
import { HISTORY_COLUMNS, OWN_HISTORY_COLUMNS } from './history-columns.js'
import { lockWritten } from './locked-write.js'
import { selectAndLock } from './locked-select.js'
import { resolved } from './point.js'
import type { QueryResult } from './query.js'
import { sourceAt, type Moment } from './query-source.js'
import type { SessionState } from './session.js'
import { runSchemaStatement, schemaCommand, type SchemaCommand, type SchemaStatement } from './schema-statements.js'
import { StatementPages } from './statement-pages.js'
import { ANALYZE_COLUMNS, statisticsRows } from './statistics-rows.js'
import { transactionSource } from './transaction-source.js'
import {
  isTransactionStatement,
  runTransactionStatement,
  transactionCommand,
  writeInTransaction,
  type TransactionCommand
} from './transaction-statements.js'
import { transactionHistory } from './transaction-history.js'
import { TableView, type TransactionHistoryEntry } from './view.js'

export type CommandName =
  | 'SELECT'
  | 'EXPLAIN'
  | 'SHOW DRIFT'
  | 'INSERT'
  | 'UPSERT'
  | 'UPDATE'
  | 'DELETE'
  | 'PATCH'
  | 'SOFT DELETE'
  | SchemaCommand
  | 'SNAPSHOT'
  | 'COMPACT'
  | 'ANALYZE'
  | 'SET'
  | 'RESET'
  | TransactionCommand

export type StatementOptions = ControlOptions & {
  readonly parameters?: Parameters | undefined
  /** Where tables without their own AS OF are read; writes are READ_ONLY meanwhile. */
  readonly asOf?: AskedPoint | undefined
  readonly dialect?: 'drift' | 'sql' | undefined
  readonly strict?: boolean | undefined
}

/** A statement under way: what it is is known, its rows are made as they are pulled, once. */
export type RunningStatement = {
  readonly command: CommandName
  /** There before the first row. */
  readonly columns: readonly ResultColumn[]
  /** Of a statement that writes. */
  readonly commit: Commit | undefined
  /** Rows that were written; undefined for a statement that reads. */
  readonly writtenRows: number | undefined
  readonly notices: readonly string[]
  readonly rowsScanned: () => number
  readonly control: Control
  /** Before the first batch is pulled; undefined where nothing has to be waited for. */
  readonly begin?: (() => Promise<void> | undefined) | undefined
  /** After an empty batch: a promise to wait for before the next is pulled. */
  readonly until?: () => Promise<void> | undefined
  /** Told of what went wrong: throws what the reader gets. */
  readonly failed?: ((thrown: unknown) => never) | undefined
  /** When no more are pulled: lets go of what the statement held. */
  readonly end?: (() => void) | undefined
  /** Empty ones are a chance to look up. */
  readonly batches: Generator<Batch, void, void>
  readonly objects: (batch: Batch) => Document[]
  /** Instead of the batches, where it is faster. */
  readonly jsonLines?: (() => Generator<Uint8Array, void>) | undefined
  readonly arrays: (batch: Batch) => unknown[][]
}

/** A statement that reads and then writes is run again where another commit came between, this often at most. */
const ATTEMPTS_MAX = 50

const SNAPSHOT_COLUMNS: readonly ResultColumn[] = [
  { name: 'table', type: 'text', nullable: false },
  ...['seq', 'events', 'bytes'].map((name): ResultColumn => ({ name, type: 'int8', nullable: false })),
  { name: 'files', type: 'jsonb', nullable: false }
]
const COMPACT_COLUMNS: readonly ResultColumn[] = [
  { name: 'table', type: 'text', nullable: false },
  ...['events', 'segments_before', 'segments_after', 'bytes_before', 'bytes_after'].map((name): ResultColumn => ({
    name,
    type: 'int8',
    nullable: false
  }))
]
const PLAN_COLUMNS: readonly ResultColumn[] = [{ name: 'plan', type: 'text', nullable: false }]
const PLAN_DOCUMENT_COLUMNS: readonly ResultColumn[] = [{ name: 'plan', type: 'jsonb', nullable: false }]

/** Starts statements on one database, whose parsed texts it keeps. */
export class StatementRunner {
  readonly #coordinator: Coordinator
  readonly #plans: PlanCache
  /** Resolves when the statement that came last to be run again is done. */
  #lastRetry: Promise<void> = Promise.resolve()

  constructor(coordinator: Coordinator) {
    this.#coordinator = coordinator
    this.#plans = new PlanCache(() => coordinator.catalogSeq)
  }

  /** @throws DriftError SYNTAX and what else a text can be refused for. */
  statements(text: string, dialect: 'drift' | 'sql'): readonly Statement[] {
    return this.#plans.statements(text, dialect)
  }

  /** The one statement of a text. @throws DriftError INVALID_ARGUMENT where there are several, or none. */
  statement(text: string, dialect: 'drift' | 'sql'): Statement {
    const statements = this.statements(text, dialect)
    const [statement] = statements
    if (statement !== undefined && statements.length === 1) return statement
    throw new DriftError('INVALID_ARGUMENT', `a query is one statement, this text has ${statements.length}; exec runs several`, {})
  }

  /** The one statement of a text that is kept; undefined where it is not, or there are several. */
  known(text: string, dialect: 'drift' | 'sql'): Statement | undefined {
    const statements = this.#plans.kept(text, dialect)
    return statements?.length === 1 ? statements[0] : undefined
  }

  /** What a {@link pointSelect} finds, at once; undefined of any other statement, and where it has not run before. */
  pointResult<Row>(statement: Statement, parameters: Parameters): QueryResult<Row> | undefined {
    const point = pointSelect(statement)
    if (point === undefined || !this.#plans.isPlanned(statement) || isSystemTable(point.table)) return undefined
    const began = this.#coordinator.monotonic()
    if (!this.#coordinator.hasTable(point.table)) return undefined
    const state = this.#coordinator.table(point.table)
    const key = state.definition.primaryKey === point.field ? valueOf(point.key, parameters) : null
    if (!isShortKey(key)) return undefined
    const { lastSeq } = this.#coordinator
    const document = state.get(key, lastSeq)
    const rows = (document === undefined ? [] : [document]) as unknown as readonly Row[]
    const columns = starColumns(point.table, state.columnsAt(lastSeq))
    this.#plans.ran(statement, this.#coordinator.monotonic() - began)
    const stats = { rowsScanned: rows.length, memoryBytes: document === undefined ? 0 : bytesOf(document), spilledBytes: 0 }
    return { rows, columns, rowCount: rows.length, command: 'SELECT', commit: undefined, notices: NO_NOTICES, stats }
  }

  /** Resolves when a write is durable; of a query before its first row. In a transaction a statement begins when the one before has run. */
  start(statement: Statement, options: StatementOptions, session: SessionState): RunningStatement | Promise<RunningStatement> {
    const began = this.#coordinator.monotonic()
    const control = new Control(this.#coordinator, options)
    control.check()
    const started = this.#started(statement, options, session, control)
    return started instanceof Promise ? started.then((run) => this.#timed(run, statement, began)) : this.#timed(started, statement, began)
  }

  #started(
    statement: Statement,
    options: StatementOptions,
    session: SessionState,
    control: Control
  ): RunningStatement | Promise<RunningStatement> {
    if (isTransactionStatement(statement)) {
      return session.inTurn(() => this.#transactionStatement(statement, options, session, control))
    }
    if (session.transaction === undefined) return this.#run(statement, options, session, control)
    return session.inTurn(() => this.#inTransaction(statement, options, session, control))
  }

  /** It is told when the statement ends, for `drift.plans`. */
  #timed(run: RunningStatement, statement: Statement, began: number): RunningStatement {
    const { end } = run
    // Made for this call alone; a copy would cost as much as all the rest of a quick statement.
    const timed: { -readonly [Name in keyof RunningStatement]: RunningStatement[Name] } = run
    timed.end = () => {
      end?.()
      this.#plans.ran(statement, this.#coordinator.monotonic() - began)
    }
    return timed
  }

  #run(
    statement: Exclude<Statement, TransactionStatement>,
    options: StatementOptions,
    session: SessionState,
    control: Control
  ): RunningStatement | Promise<RunningStatement> {
    switch (statement.kind) {
      case 'select':
        return this.#select(statement, options, session, control)
      case 'select-for-update':
        return this.#selectForUpdate(statement, options, session, control)
      case 'explain':
        return this.#explain(statement, options, session, control)
      case 'show-drift':
        return this.#history(statement, options, session, control)
      case 'create-table':
      case 'create-index':
      case 'drop-index':
        return this.#changeSchema(statement, options, session, control)
      case 'set':
        return this.#set(statement, options, session, control)
      case 'analyze':
        return this.#analyze(statement, options, session, control)
      case 'snapshot':
      case 'compact':
        return this.#maintain(statement, options, session, control)
      case 'not-supported':
        throw notSupported(statement.statement)
      default:
        return this.#write(statement, options, session, control)
    }
  }

  /** Whatever goes wrong, until the last row, is noted in the transaction. */
  #inTransaction(
    statement: Exclude<Statement, TransactionStatement>,
    options: StatementOptions,
    session: SessionState,
    control: Control
  ): RunningStatement | Promise<RunningStatement> {
    const { transaction } = session
    // The statement before may have ended it.
    if (transaction === undefined) return this.#run(statement, options, session, control)
    transaction.check()
    const failed = (thrown: unknown): never => {
      throw transaction.fail(thrown)
    }
    try {
      const started = this.#run(statement, options, session, control)
      const watched = (run: RunningStatement): RunningStatement => ({ ...run, failed })
      return started instanceof Promise ? started.then(watched, failed) : watched(started)
    } catch (thrown) {
      return failed(thrown)
    }
  }

  async #transactionStatement(
    statement: TransactionStatement,
    options: StatementOptions,
    session: SessionState,
    control: Control
  ): Promise<RunningStatement> {
    const { parameters = [], signal, timeoutMs } = options
    const commit = await runTransactionStatement(statement, session, this.#coordinator, { parameters, signal, timeoutMs })
    return done(transactionCommand(statement), control, commit, undefined, undefined)
  }

  #select(select: Select, options: StatementOptions, session: SessionState, control: Control): RunningStatement {
    const pages = new StatementPages(this.#coordinator, session.forced)
    const { source, point } = this.#reading(select, options, session, pages)
    const run = runSelect(select, source, options.parameters ?? [], control.memory)
    wantPages(run, pages)
    // An index is chosen when the first row is asked for.
    const planned = (): void => this.#plans.planned(select, run.index?.made?.index.definition ?? run.plan, () => accessText(run, source))
    if (!this.#plans.isPlanned(select)) planned()
    const end = (): void => {
      pages.end()
      planned()
    }
    return running('SELECT', run, control, point.notice, { begin: () => pages.begin(control), end })
  }

  async #selectForUpdate(
    statement: SelectForUpdate,
    options: StatementOptions,
    session: SessionState,
    control: Control
  ): Promise<RunningStatement> {
    this.#refuseAtPast(options, session, 'SELECT FOR UPDATE')
    const { transaction } = session
    if (transaction === undefined) {
      const message = 'FOR UPDATE locks rows to the end of a transaction, and none is open here; BEGIN begins one'
      throw new DriftError('INVALID_ARGUMENT', message, {})
    }
    const parameters = options.parameters ?? []
    const source = (): QuerySource => {
      const view = transaction.view()
      return transactionSource(this.#coordinator, view, this.#momentOf(statement, view, options, session))
    }
    const { run, batches } = await selectAndLock(statement, transaction, source, this.#coordinator, parameters, control)
    return { ...running('SELECT', run, control, undefined), batches: given(batches), jsonLines: undefined }
  }

  async #explain(
    { select, analyze, format }: Explain,
    options: StatementOptions,
    session: SessionState,
    control: Control
  ): Promise<RunningStatement> {
    const pages = new StatementPages(this.#coordinator, session.forced, { isCounting: analyze })
    const { source, point } = this.#reading(select, options, session, pages)
    const probe = analyze ? new PlanProbe(() => this.#coordinator.monotonic(), control.memory) : undefined
    const run = runSelect(select, source, options.parameters ?? [], control.memory, probe === undefined ? {} : { probe: probe.probe })
    try {
      if (analyze) wantPages(run, pages)
      else wantIndexes(run, pages)
      await pages.begin(control)
      if (analyze) await control.finish(run.batches, () => takeUntil(run))
      // Which index would be used is known while what it is asked may be read.
      void run.index?.choice
    } finally {
      pages.end()
    }
    const tree = explainTree(select, run, source, probe, newExecution(options.parameters ?? []))
    const isText = format === 'text'
    const rows = isText ? explainLines(tree).map((plan) => ({ plan })) : [{ plan: explainDocument(tree) }]
    const columns = isText ? PLAN_COLUMNS : PLAN_DOCUMENT_COLUMNS
    return { ...rowsRun('EXPLAIN', columns, rows, control, undefined), notices: noticesOf(run, point.notice) }
  }

  #history({ table, key }: ShowDrift, options: StatementOptions, session: SessionState, control: Control): RunningStatement {
    const asked = options.asOf ?? session.asOf ?? PRESENT
    const { transaction } = session
    const wanted = valueOf(key, options.parameters ?? []) as Key
    if (transaction !== undefined && asked.kind === 'now') {
      const rows = transactionHistory(this.#coordinator, transaction.view(), this.#coordinator.table(table), wanted)
      return rowsRun('SHOW DRIFT', OWN_HISTORY_COLUMNS, shownEvents(rows), control, undefined)
    }
    const point = this.#point(asked, options, session)
    const view = new TableView(this.#coordinator, table, () => point.seq)
    return rowsRun('SHOW DRIFT', HISTORY_COLUMNS, shownEvents(view.history(wanted)), control, point.notice)
  }

  async #changeSchema(
    statement: SchemaStatement,
    options: StatementOptions,
    session: SessionState,
    control: Control
  ): Promise<RunningStatement> {
    const command = schemaCommand(statement)
    refuseInTransaction(session, command)
    this.#refuseAtPast(options, session, statement.kind)
    const { commit, notice } = await runSchemaStatement(this.#coordinator, statement, options.signal)
    return done(command, control, commit, undefined, notice)
  }

  /** One row for each table. */
  async #maintain(
    { kind, table }: Maintenance,
    options: StatementOptions,
    session: SessionState,
    control: Control
  ): Promise<RunningStatement> {
    refuseInTransaction(session, kind.toUpperCase())
    this.#refuseAtPast(options, session, kind)
    const { signal } = options
    if (kind === 'snapshot') {
      const rows = await this.#coordinator.snapshot(table, { signal })
      return rowsRun(
        'SNAPSHOT',
        SNAPSHOT_COLUMNS,
        rows.map(({ seq, events, files, bytes, table: name }) => ({ table: name, seq, events, bytes, files })),
        control,
        undefined
      )
    }
    const rows = await this.#coordinator.compact(table, { signal })
    return rowsRun(
      'COMPACT',
      COMPACT_COLUMNS,
      rows.map((row) => ({
        table: row.table,
        events: row.events,
        segments_before: row.segmentsBefore,
        segments_after: row.segmentsAfter,
        bytes_before: row.bytesBefore,
        bytes_after: row.bytesAfter
      })),
      control,
      undefined
    )
  }

  /** One row for each column. */
  async #analyze({ table }: Analyze, options: StatementOptions, session: SessionState, control: Control): Promise<RunningStatement> {
    refuseInTransaction(session, 'ANALYZE')
    this.#refuseAtPast(options, session, 'ANALYZE')
    this.#coordinator.assertWritable()
    const rows: Document[] = []
    for (const state of this.#coordinator.tableStates(table === null ? undefined : [table])) {
      const statistics = await analyzeTable(this.#coordinator, state, { control })
      await this.#coordinator.installStatistics(state, statistics)
      rows.push(...statisticsRows(state.definition.name, statistics))
    }
    return rowsRun('ANALYZE', ANALYZE_COLUMNS, rows, control, undefined)
  }

  #set({ name, value }: SetOption, options: StatementOptions, session: SessionState, control: Control): RunningStatement {
    const given = value === null ? undefined : valueOf(value, options.parameters ?? [])
    switch (name) {
      case 'drift.as_of':
        session.asOf = value === null ? undefined : resolved(pointOfValue(value, options.parameters ?? []), this.#coordinator.now())
        break
      case 'drift.strict_time':
        session.strict = given === undefined ? undefined : onOrOff(name, given)
        break
      case 'drift.dialect':
        if (given !== undefined && given !== 'drift' && given !== 'sql') throw badSetting(name, given, "'drift' or 'sql'")
        session.dialect = given
        break
      case 'drift.index':
        if (given !== undefined && typeof given !== 'string') throw badSetting(name, given, "'auto', 'none' or the name of an index")
        session.forced = { ...session.forced, index: given === 'auto' ? undefined : given }
        break
      case 'drift.join':
        if (!isOneOf(given, ['auto', 'hash', 'lookup'])) throw badSetting(name, given, "'auto', 'hash' or 'lookup'")
        session.forced = { ...session.forced, join: given === 'auto' ? undefined : given }
        break
      case 'drift.join_order':
        if (!isOneOf(given, ['auto', 'written'])) throw badSetting(name, given, "'auto' or 'written'")
        session.forced = { ...session.forced, joinOrder: given === 'auto' ? undefined : given }
        break
      case 'drift.lock_timeout':
        session.lockTimeoutMs = given === undefined ? undefined : milliseconds(name, given)
        if (session.transaction !== undefined) {
          session.transaction.lockTimeoutMs = session.lockTimeoutMs ?? this.#coordinator.lockTimeoutMs
        }
        break
      default: {
        const known = 'drift.as_of, drift.strict_time, drift.dialect, drift.index, drift.join, drift.join_order and drift.lock_timeout are'
        throw new DriftError('INVALID_ARGUMENT', `there is no setting ${name}: ${known}`, { name })
      }
    }
    return done(value === null ? 'RESET' : 'SET', control, undefined, undefined, undefined)
  }

  /**
   * Reads at the last visible seq, then commits under the condition that no row has changed since it was read; where one has, all of it is
   * done again at the state after that.
   */
  async #write(statement: WriteStatement, options: StatementOptions, session: SessionState, control: Control): Promise<RunningStatement> {
    this.#refuseAtPast(options, session, statement.kind)
    // Also where nothing would be found to be written.
    this.#coordinator.table(statement.table)
    if (session.transaction !== undefined) return this.#ownWrite(statement, options, session, control, session.transaction)
    let passOn = (): void => {}
    try {
      return await this.#attempts(statement, options, session, control, async () => {
        passOn = await this.#turnToRetry()
      })
    } finally {
      passOn()
    }
  }

  /** Statements that ran into each other are run again one by one: each time at least one of them is done. */
  async #turnToRetry(): Promise<() => void> {
    const before = this.#lastRetry
    let passOn = (): void => {}
    this.#lastRetry = new Promise((resolve) => (passOn = resolve))
    await before
    return passOn
  }

  async #attempts(
    statement: WriteStatement,
    options: StatementOptions,
    session: SessionState,
    control: Control,
    turnToRetry: () => Promise<void>
  ): Promise<RunningStatement> {
    const parameters = options.parameters ?? []
    const bytesBefore = control.memory.bytes
    for (let attempt = 1; ; attempt++) {
      control.memory.free(control.memory.bytes - bytesBefore)
      const moment = this.#moment(statement, options, session)
      const source = sourceAt(this.#coordinator, moment.present, moment)
      const plan = await control.finish(
        planWrite(statement, {
          source,
          querySource: (select) => this.#readingAt(select, options, session, moment).source,
          parameters,
          memory: control.memory
        })
      )
      const set = this.#coordinator.writeSet()
      for (const write of plan.writes) addWrite(set, this.#coordinator, write)
      // Before the commit: what RETURNING is refused for refuses the statement.
      const returned = await returnedBatches(statement, plan, source, parameters, control)
      try {
        const commit = await this.#coordinator.commit(set, { metadata: new Uint8Array(0), signal: options.signal })
        return this.#written(statement, plan, returned, commit, parameters, control, moment)
      } catch (error) {
        if (attempt === ATTEMPTS_MAX || !hasChangedSince(error, plan)) throw error
        if (attempt === 1) await turnToRetry()
        // What came between may not be visible yet: a commit of nothing resolves when it is.
        await this.#coordinator.commit(this.#coordinator.writeSet(), { metadata: new Uint8Array(0) })
        control.check()
      }
    }
  }

  /** The writes that the statement comes to at what the transaction sees are added to the transaction's, all or none. */
  async #ownWrite(
    statement: WriteStatement,
    options: StatementOptions,
    session: SessionState,
    control: Control,
    transaction: Transaction
  ): Promise<RunningStatement> {
    const parameters = options.parameters ?? []
    const bytesBefore = control.memory.bytes
    for (;;) {
      control.memory.free(control.memory.bytes - bytesBefore)
      const view = transaction.view()
      const moment = this.#momentOf(statement, view, options, session)
      const source = transactionSource(this.#coordinator, view, moment)
      const plan = await control.finish(
        planWrite(statement, {
          source,
          querySource: (select) => this.#readingAt(select, options, session, { ...moment, own: source }).source,
          parameters,
          memory: control.memory
        })
      )
      // From REPEATABLE READ on a row that was written since is refused; here it is waited for, and read again.
      if (transaction.isolation === 'read committed') {
        if (!(await lockWritten(plan.writes, view.at, transaction, this.#coordinator, control))) continue
      }
      const returned = await returnedBatches(statement, plan, source, parameters, control)
      writeInTransaction(this.#coordinator, transaction, plan.writes, view.at)
      const after = (): QuerySource => transactionSource(this.#coordinator, transaction.view(), moment)
      return this.#returned(statement, plan, returned, undefined, parameters, control, after)
    }
  }

  #written(
    statement: WriteStatement,
    plan: WritePlan,
    returned: readonly Batch[],
    commit: Commit,
    parameters: Parameters,
    control: Control,
    moment: Moment
  ): RunningStatement {
    return this.#returned(statement, plan, returned, commit, parameters, control, () => sourceAt(this.#coordinator, commit.seq, moment))
  }

  /** `after`: what is there after the write, so that * has the columns that it brought. */
  #returned(
    statement: WriteStatement,
    plan: WritePlan,
    returned: readonly Batch[],
    commit: Commit | undefined,
    parameters: Parameters,
    control: Control,
    after: () => QuerySource
  ): RunningStatement {
    const command = commandOf(statement)
    const returning = 'returning' in statement ? statement.returning : null
    if (returning === null) return done(command, control, commit, plan.rowCount, undefined)
    const run = runSelect(returningSelect(statement.table, returning), after(), parameters, control.memory, { given: [] })
    const batches = given(returned)
    return { ...running(command, { ...run, batches }, control, undefined), commit, writtenRows: plan.rowCount }
  }

  /** What a statement that begins now takes for the present. */
  #moment(statement: Statement, options: StatementOptions, session: SessionState): Moment {
    const { lastSeq: present } = this.#coordinator
    return { now: this.#coordinator.now(), present, strict: isStrict(options, session), ...this.#systemOf(statement) }
  }

  /** The same for a statement of a transaction. */
  #momentOf(statement: Statement, view: TransactionView, options: StatementOptions, session: SessionState): Moment {
    return { now: this.#coordinator.now(), present: view.at, strict: isStrict(options, session), ...this.#systemOf(statement) }
  }

  /** Every source would have to look for the tables of the system: only a statement that names one is given it. */
  #systemOf(statement: Statement): Pick<Moment, 'plans' | 'isWithoutLog'> {
    const plans = namesTable(statement, PLANS_TABLE_NAME) ? this.#plans : undefined
    return { plans, isWithoutLog: !namesTable(statement, COMMITS_TABLE_NAME) }
  }

  #reading(select: Select, options: StatementOptions, session: SessionState, pages: StatementPages) {
    const view = session.transaction?.view()
    if (view === undefined) return this.#readingAt(select, options, session, this.#moment(select, options, session), pages)
    const moment = this.#momentOf(select, view, options, session)
    return this.#readingAt(select, options, session, { ...moment, own: transactionSource(this.#coordinator, view, moment, pages) }, pages)
  }

  /** Where the tables without their own point are read. */
  #readingAt(select: Select, options: StatementOptions, session: SessionState, moment: Moment, pages?: StatementPages) {
    const asked = select.asOf === null ? undefined : resolved(pointOf(select.asOf, options.parameters ?? []), moment.now)
    const wanted = asked ?? options.asOf ?? session.asOf ?? PRESENT
    if (moment.own !== undefined && wanted.kind === 'now') return { source: moment.own, point: { notice: undefined } }
    const { seq, notice } = this.#point(wanted, options, session)
    const at = Math.min(seq, moment.present)
    // Of a transaction's source, so that what it reads at its own point is noted.
    return { source: moment.own?.at(at) ?? sourceAt(this.#coordinator, at, moment, pages), point: { notice } }
  }

  #point(point: AskedPoint, options: StatementOptions, session: SessionState): ReadPoint {
    return this.#coordinator.readPoint(point, isStrict(options, session))
  }

  #refuseAtPast(options: StatementOptions, session: SessionState, statement: string): void {
    const point = options.asOf ?? session.asOf
    if (point === undefined || point.kind === 'now') return
    throw new DriftError('READ_ONLY', 'what is read at a past point cannot be written', { statement })
  }
}

function isStrict(options: StatementOptions, session: SessionState): boolean {
  return session.strict ?? options.strict ?? false
}

function noticesOf(run: SelectRun, notice: string | undefined): readonly string[] {
  return notice === undefined || run.notices.includes(notice) ? run.notices : [...run.notices, notice]
}

const PRESENT: AskedPoint = { kind: 'now' }
const NO_NOTICES: readonly string[] = []
/** UTF-16 units of a text that is a key whatever its characters are. */
const SHORT_KEY_UNITS = 256

/** Not every value is a key: what may be none is left to the query. */
function isShortKey(value: Value): value is string | number | boolean {
  if (typeof value === 'string') return value.length <= SHORT_KEY_UNITS && value.isWellFormed()
  return typeof value === 'number' || typeof value === 'boolean'
}

type WriteSet = ReturnType<Coordinator['writeSet']>

function addWrite(set: WriteSet, coordinator: Coordinator, write: Write): void {
  if ('insert' in write) set.document('insert', coordinator.table(write.insert), write.document, write)
  else if ('upsert' in write) set.document('upsert', coordinator.table(write.upsert), write.document, write)
  else if ('patch' in write) set.patch(coordinator.table(write.patch), write.key, write.set, write)
  else set.softDelete(coordinator.table(write.softDelete), write.key, write)
}

/** What RETURNING shows of the rows, as they will be stored. */
async function returnedBatches(
  statement: WriteStatement,
  { returned }: WritePlan,
  source: QuerySource,
  parameters: Parameters,
  control: Control
): Promise<readonly Batch[]> {
  const items = 'returning' in statement ? statement.returning : null
  if (items === null) return []
  const stored = returned.map((document) => decodeDocument(encodeDocument(document, statement.table)))
  const { batches } = runSelect(returningSelect(statement.table, items), source, parameters, control.memory, { given: stored })
  const kept: Batch[] = []
  const collect = function* (): Generator<void, void> {
    for (const batch of batches) {
      kept.push(batch)
      yield
    }
  }
  await control.finish(collect())
  return kept
}

function takeUntil({ stats }: SelectRun): Promise<void> | undefined {
  const { until } = stats
  stats.until = undefined
  return until
}

function wantIndexes({ plan, tables }: SelectRun, { indexes }: StatementPages): void {
  const isJoin = plan.source?.kind === 'join'
  if (!isJoin && (plan.source !== undefined || plan.table === undefined || plan.access.kind === 'keys')) return
  for (const { table, source, rows } of tables) {
    if (rows === undefined && !isSystemTable(table) && source.hasOwn?.(table) !== true) indexes.want(table, source.seq)
  }
}

/** What is found by its key is read by its key. */
function wantPages(run: SelectRun, pages: StatementPages): void {
  const { plan, tables } = run
  if (plan.source?.kind !== 'join' && plan.access.kind === 'keys') return
  wantIndexes(run, pages)
  // One that a transaction wrote is read by its documents.
  for (const { table, source } of tables) if (source.hasOwn?.(table) !== true) pages.want(table, source.seq)
}

function* given(batches: readonly Batch[]): Generator<Batch, void> {
  yield* batches
}

/** The statement read rows, and one of them is another by now. */
function hasChangedSince(error: unknown, plan: WritePlan): boolean {
  if (!(error instanceof DriftError) || !plan.writes.some((write) => write.ifSeq !== undefined)) return false
  if (error.code === 'DRIFT_WRITE_CONFLICT') return true
  // A key that came or went meanwhile: its write had a condition.
  return error.code === 'DRIFT_KEY_NOT_FOUND' && plan.writes.every((write) => write.ifSeq !== undefined)
}

function running(
  command: CommandName,
  run: SelectRun,
  control: Control,
  notice: string | undefined,
  { begin, end }: Pick<RunningStatement, 'begin' | 'end'> = {}
): RunningStatement {
  const { columns, batches, stats, jsonLines } = run
  return {
    command,
    columns,
    commit: undefined,
    writtenRows: undefined,
    notices: noticesOf(run, notice),
    rowsScanned: () => stats.rowsScanned,
    until: () => takeUntil(run),
    control,
    begin,
    end,
    batches,
    jsonLines,
    objects: (batch) => objectsOf(batch, run),
    arrays: (batch) => arraysOf(batch, run)
  }
}

/** Rows that are made outside the query room. */
function rowsRun(
  command: CommandName,
  columns: readonly ResultColumn[],
  rows: Iterable<Document>,
  control: Control,
  notice: string | undefined
): RunningStatement {
  const batches = function* (): Generator<Batch, void> {
    for (const row of rows) yield { rowCount: 1, columns: [], documents: [row] }
  }
  return {
    command,
    columns,
    commit: undefined,
    writtenRows: undefined,
    notices: notice === undefined ? [] : [notice],
    rowsScanned: () => 0,
    control,
    batches: batches(),
    objects: ({ documents }) => [...(documents ?? [])],
    arrays: ({ documents }) => (documents ?? []).map((row) => columns.map(({ name }) => row[name] ?? null))
  }
}

function done(
  command: CommandName,
  control: Control,
  commit: Commit | undefined,
  writtenRows: number | undefined,
  notice: string | undefined
): RunningStatement {
  return { ...rowsRun(command, [], [], control, notice), commit, writtenRows }
}

function commandOf(statement: WriteStatement): CommandName {
  switch (statement.kind) {
    case 'insert':
      return statement.verb === 'upsert' ? 'UPSERT' : 'INSERT'
    case 'soft-delete':
      return 'SOFT DELETE'
    case 'patch':
      return 'PATCH'
    case 'update':
      return 'UPDATE'
    case 'delete':
      return 'DELETE'
  }
}

function* shownEvents(entries: Iterable<TransactionHistoryEntry<unknown>>): Generator<Document, void> {
  for (const { seq, time, event, payload, document, metadata } of entries) {
    yield { seq, time: time === null ? null : new Date(time), event, payload, document: document as Document | null, metadata }
  }
}

function milliseconds(name: string, value: unknown): number {
  if (typeof value === 'number' && value > 0) return value
  throw badSetting(name, value, 'a number of milliseconds above 0')
}

/** Undefined of RESET. */
function isOneOf<Text extends string>(value: unknown, texts: readonly Text[]): value is Text | undefined {
  return value === undefined || texts.includes(value as Text)
}

function onOrOff(name: string, value: unknown): boolean {
  if (value === true || value === 'on') return true
  if (value === false || value === 'off') return false
  throw badSetting(name, value, "'on' or 'off'")
}

function badSetting(name: string, value: unknown, expected: string): DriftError {
  return new DriftError('INVALID_ARGUMENT', `${name} is ${expected}, not ${String(value)}`, { name, found: value })
}

function refuseInTransaction({ transaction }: SessionState, statement: string): void {
  if (transaction === undefined) return
  throw new DriftError('NOT_SUPPORTED', `${statement} is a commit of its own; it cannot stand in a transaction`, { statement })
}

function notSupported(statement: string): DriftError {
  const message = `${statement} is part of the language, but this version does not execute it yet`
  return new DriftError('NOT_SUPPORTED', message, { statement })
}
