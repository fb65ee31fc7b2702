import { isSystemTable } from '../base/ids.js'
import { DriftError } from '../base/errors.js'
import type { Value } from '../codec/value.js'
import type { Coordinator } from '../coordinator/coordinator.js'
import type { Statement, TransactionStatement } from '../parser/ast.js'
import { valueOf, type Parameters } from '../expression/parameters.js'
import { PlanCache } from '../planner/plan-cache.js'
import { pointSelect } from '../planner/point-select.js'
import { bytesOf } from '../executor/query-memory.js'
import { starColumns } from '../executor/result-rows.js'
import { Control } from './control.js'
import { analyze, maintain, refuseInTransaction } from './maintenance-statements.js'
import type { QueryResult } from './query.js'
import { ReadStatements } from './read-statements.js'
import { done, type RunningStatement, type StatementOptions } from './running-statement.js'
import { runSchemaStatement, schemaCommand, type SchemaStatement } from './schema-statements.js'
import type { SessionState } from './session.js'
import { setOption } from './set-option.js'
import { refuseAtPast, StatementReading } from './statement-reading.js'
import { isTransactionStatement, runTransactionStatement, transactionCommand } from './transaction-statements.js'
import { WriteStatements } from './write-statements.js'

/** Starts statements on one database, whose parsed texts it keeps. */
export class StatementRunner {
  readonly #coordinator: Coordinator
  readonly #plans: PlanCache
  readonly #reads: ReadStatements
  readonly #writes: WriteStatements

  constructor(coordinator: Coordinator) {
    this.#coordinator = coordinator
    this.#plans = new PlanCache(() => coordinator.catalogSeq)
    const reading = new StatementReading(coordinator, this.#plans)
    this.#reads = new ReadStatements(coordinator, this.#plans, reading)
    this.#writes = new WriteStatements(coordinator, reading)
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
        return this.#reads.select(statement, options, session, control)
      case 'select-for-update':
        return this.#reads.selectForUpdate(statement, options, session, control)
      case 'explain':
        return this.#reads.explain(statement, options, session, control)
      case 'show-drift':
        return this.#reads.history(statement, options, session, control)
      case 'create-table':
      case 'create-index':
      case 'drop-index':
        return this.#changeSchema(statement, options, session, control)
      case 'set':
        return setOption(statement, options, session, this.#coordinator, control)
      case 'analyze':
        return analyze(statement, options, session, this.#coordinator, control)
      case 'snapshot':
      case 'compact':
        return maintain(statement, options, session, this.#coordinator, control)
      case 'not-supported':
        throw notSupported(statement.statement)
      default:
        return this.#writes.run(statement, options, session, control)
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

  async #changeSchema(
    statement: SchemaStatement,
    options: StatementOptions,
    session: SessionState,
    control: Control
  ): Promise<RunningStatement> {
    const command = schemaCommand(statement)
    refuseInTransaction(session, command)
    refuseAtPast(options, session, statement.kind)
    const { commit, notice } = await runSchemaStatement(this.#coordinator, statement, options.signal)
    return done(command, control, commit, undefined, notice)
  }
}

const NO_NOTICES: readonly string[] = []
/** UTF-16 units of a text that is a key whatever its characters are. */
const SHORT_KEY_UNITS = 256

/** Not every value is a key: what may be none is left to the query. */
function isShortKey(value: Value): value is string | number | boolean {
  if (typeof value === 'string') return value.length <= SHORT_KEY_UNITS && value.isWellFormed()
  return typeof value === 'number' || typeof value === 'boolean'
}

function notSupported(statement: string): DriftError {
  const message = `${statement} is part of the language, but this version does not execute it yet`
  return new DriftError('NOT_SUPPORTED', message, { statement })
}
