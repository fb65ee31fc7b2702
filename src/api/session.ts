import { DriftError } from '../base/errors.js'
import type { Document } from '../codec/value.js'
import type { CommitRequest } from '../coordinator/commit-pipeline.js'
import type { AskedPoint } from '../coordinator/read-points.js'
import type { Transaction } from '../coordinator/transaction.js'
import type { Parameters } from '../expression/parameters.js'
import type { Database, QueryOptions, ScriptOptions } from './database.js'
import type { Query, QueryResult } from './query.js'
import type { ForcedPlans } from './statement-indexes.js'

/** Whose statements come one after another: of one alone BEGIN has no meaning, those of a function's transaction cannot end it. */
export type SessionKind = 'statement' | 'session' | 'transaction'

/** What `SET drift.…` changes for the statements that follow, and the transaction in which they stand. */
export class SessionState {
  asOf: AskedPoint | undefined
  strict: boolean | undefined
  dialect: 'drift' | 'sql' | undefined
  forced: ForcedPlans = {}
  /** How long a transaction waits for a locked row, in milliseconds. */
  lockTimeoutMs: number | undefined
  /** @internal */
  transaction: Transaction | undefined
  /** @internal What its commit is given. */
  commitRequest: CommitRequest = { metadata: new Uint8Array(0) }
  readonly #kind: SessionKind
  /** Settles when the statement before has run. */
  #before: Promise<void> | undefined

  constructor(kind: SessionKind) {
    this.#kind = kind
  }

  /** @internal */
  get kind(): SessionKind {
    return this.#kind
  }

  /** @internal Statements of a transaction run one after another; at once where none is running. */
  inTurn<Result>(run: () => Result | Promise<Result>): Result | Promise<Result> {
    if (this.#before !== undefined) return this.#kept(this.#before.then(run))
    const result = run()
    return result instanceof Promise ? this.#kept(result) : result
  }

  /** @internal As {@link inTurn}, for what nothing comes behind. Undefined: no statement is running. */
  behindStatements<Result>(run: () => Promise<Result>): Promise<Result> | undefined {
    return this.#before?.then(run)
  }

  /** @internal Forgets the transaction; true if there was one that had not ended. */
  rollBack(): boolean {
    const { transaction } = this
    this.transaction = undefined
    if (transaction === undefined || transaction.isEnded) return false
    transaction.rollback()
    return true
  }

  #kept<Result>(result: Promise<Result>): Promise<Result> {
    const before = result.then(
      () => {},
      () => {}
    )
    this.#before = before
    void before.then(() => {
      if (this.#before === before) this.#before = undefined
    })
    return result
  }
}

/**
 * Statements that belong together: BEGIN to COMMIT, and settings. Several sessions of one database are isolated from each other.
 * @example
 * using session = db.session()
 * await session.query('BEGIN ISOLATION LEVEL SERIALIZABLE')
 * await session.query('UPDATE orders SET amount = amount + 1')
 * await session.query('COMMIT')
 */
export class Session extends SessionState implements Disposable {
  readonly #db: Database
  #isClosed = false

  /** @internal Use {@link Database.session}. */
  constructor(db: Database) {
    super('session')
    this.#db = db
  }

  /** True between BEGIN and COMMIT or ROLLBACK. */
  get inTransaction(): boolean {
    return this.transaction !== undefined
  }

  /** {@link Database.query} in this session. */
  query<Row = { [column: string]: unknown }>(text: string, parameters: Parameters = [], options: QueryOptions = {}): Query<Row> {
    this.#assertOpen()
    return this.#db.query<Row>(text, parameters, { ...options, session: this })
  }

  /** {@link Database.exec} in this session. */
  exec(text: string, options: ScriptOptions = {}): Promise<QueryResult<Document>[]> {
    this.#assertOpen()
    return this.#db.exec(text, { ...options, session: this })
  }

  /** Rolls back a transaction that is open: true if there was one. */
  close(): boolean {
    this.#isClosed = true
    return this.rollBack()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #assertOpen(): void {
    if (this.#isClosed) throw new DriftError('CLOSED', 'the session was closed; begin another one', {})
  }
}
