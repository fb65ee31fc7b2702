import { DriftError } from '../base/errors.js'
import { keyBytes, type Key } from '../codec/key-codec.js'
import type { Document } from '../codec/value.js'
import type { Commit, CommitRequest } from '../coordinator/commit-pipeline.js'
import type { Coordinator } from '../coordinator/coordinator.js'
import type { LockWish, Transaction as OwnTransaction } from '../coordinator/transaction.js'
import type { Parameters } from '../expression/parameters.js'
import type { Isolation } from '../txn/isolation.js'
import type { Database, QueryOptions } from './database.js'
import type { Query } from './query.js'
import { SessionState } from './session.js'
import { lockTimeoutOf } from './transaction-options.js'
import { TransactionTable } from './transaction-table.js'

export type LockOptions = {
  /** Where another transaction has the row: an error at once. */
  readonly nowait?: boolean
  /** How long to wait for it; that of the transaction unless given. */
  readonly timeoutMs?: number
  /** Ends the wait with ABORTED. */
  readonly signal?: AbortSignal
}

/**
 * Several reads and writes as one commit, over any tables: all of it is there, or nothing. Until its commit nobody else sees any of it.
 * After a conflict every call but `rollback()` gets the same error; after another error TXN_ABORTED, until `rollback()`, or `rollbackTo()`.
 * One that nobody refers to any more is forgotten, as if it were rolled back.
 * @example
 * await using tx = await db.begin({ isolation: 'serializable' })
 * const account = tx.table('accounts').get('a')
 * await tx.table('accounts').patch('a', { amount: account.amount - 10 })
 * await tx.commit()
 */
export class Transaction implements AsyncDisposable {
  readonly #coordinator: Coordinator
  readonly #db: Database
  readonly #own: OwnTransaction
  readonly #request: CommitRequest
  /** Made with the first statement. */
  #session: SessionState | undefined
  #committed: Promise<Commit> | undefined
  #savepoints = 0

  /** @internal Use {@link Database.begin} or {@link Database.transaction}. */
  constructor(coordinator: Coordinator, db: Database, own: OwnTransaction, request: CommitRequest) {
    this.#coordinator = coordinator
    this.#db = db
    this.#own = own
    this.#request = request
  }

  /** Resolves with the commit; rejects with TXN_CLOSED when it is rolled back instead. */
  get committed(): Promise<Commit> {
    if (this.#committed === undefined) {
      this.#committed = new Promise((resolve, reject) => {
        this.#own.whenEnded((commit) => {
          if (commit !== undefined) resolve(commit)
          else reject(new DriftError('TXN_CLOSED', `transaction ${this.id} was rolled back`, { transaction: this.id }))
        })
      })
      // Nobody need look at it.
      this.#committed.catch(() => {})
    }
    return this.#committed
  }

  get id(): number {
    return this.#own.id
  }

  get isolation(): Isolation {
    return this.#own.isolation
  }

  get readOnly(): boolean {
    return this.#own.isReadOnly
  }

  /** The point that it reads; under READ COMMITTED that of its last statement. */
  get readSeq(): number {
    return this.#own.readSeq
  }

  /** Committed or rolled back. */
  get isEnded(): boolean {
    return this.#own.isEnded
  }

  /** @throws UNKNOWN_TABLE */
  table<Row extends object = Document>(name: string): TransactionTable<Row> {
    return new TransactionTable<Row>(this.#coordinator, this.#own, name)
  }

  /** {@link Database.query} in this transaction. */
  query<Row = { [column: string]: unknown }>(text: string, parameters: Parameters = [], options: QueryOptions = {}): Query<Row> {
    return this.#db.query<Row>(text, parameters, { ...options, session: this.#statements })
  }

  /**
   * Keeps all others from writing the row of a key, or from making one, until this transaction ends; resolves to its newest state. Who
   * comes first is served first. A row that is locked by another is waited for, `timeoutMs` at most, or with `nowait` an error at once.
   * From REPEATABLE READ on a row that was written since the read point is WRITE_CONFLICT.
   * @throws LOCK_TIMEOUT; DEADLOCK where each of some transactions waits for the next: the youngest of them gets it.
   * @example
   * const account = await tx.lock('accounts', 'a')
   */
  async lock<Row extends object = Document>(
    table: string,
    key: Key,
    { nowait = false, timeoutMs, signal }: LockOptions = {}
  ): Promise<Row | undefined> {
    const run = async (): Promise<Row | undefined> => {
      const found = this.#own.run(() => {
        const limit = lockTimeoutOf(timeoutMs)
        const wish: LockWish = { whenLocked: nowait ? 'refuse' : 'wait', signal, ...(limit === undefined ? {} : { timeoutMs: limit }) }
        return { state: this.#coordinator.table(table), bytes: keyBytes(key), wish }
      })
      await this.#own.lock(found.state, found.bytes, found.wish)
      return this.#own.run(() => this.#own.view().get(found.state, key)) as Row | undefined
    }
    return this.#statements.inTurn(run)
  }

  savepoint(name: string): void {
    this.#own.savepoint(name)
  }

  /** Undoes what was written and locked since the savepoint, and goes on after an error that was no conflict. */
  rollbackTo(name: string): void {
    this.#own.rollbackTo(name)
  }

  /** Forgets the savepoint; what was written since stays. */
  release(name: string): void {
    this.#own.release(name)
  }

  /** A part that happens whole or not at all: what it wrote is undone where `run` throws, and the rest can go on. */
  async transaction<Result>(run: (inner: Transaction) => Result | Promise<Result>): Promise<Result> {
    const name = `part ${++this.#savepoints} of transaction ${this.id}`
    this.#own.savepoint(name)
    try {
      const result = await run(this)
      this.#own.release(name)
      return result
    } catch (thrown) {
      if (!this.#own.isDoomed) this.#own.rollbackTo(name)
      throw thrown
    }
  }

  /**
   * Resolves when all of it is durable.
   * @throws WRITE_CONFLICT, SERIALIZATION, DEADLOCK: run it again. ALREADY_EXISTS, KEY_NOT_FOUND under READ COMMITTED. TXN_ABORTED after an error.
   */
  commit({ signal }: { readonly signal?: AbortSignal | undefined } = {}): Promise<Commit> {
    const request = signal === undefined ? this.#request : { ...this.#request, signal }
    // Behind the statements that are running. Nothing comes behind it: what is called from now on is refused.
    return this.#session?.behindStatements(() => this.#own.commit(request)) ?? this.#own.commit(request)
  }

  /** Allowed after anything. */
  async rollback(): Promise<void> {
    this.#own.rollback()
  }

  /** Rolls back what was not committed. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#own.isEnded) await this.rollback()
  }

  get #statements(): SessionState {
    if (this.#session === undefined) {
      this.#session = new SessionState('transaction')
      this.#session.commitRequest = this.#request
      this.#session.transaction = this.#own
    }
    return this.#session
  }
}
