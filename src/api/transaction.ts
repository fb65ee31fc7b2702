import { DriftError } from '../base/errors.js'
import type { Document } from '../codec/value.js'
import type { Commit } from '../coordinator/commit-pipeline.js'
import type { Coordinator } from '../coordinator/coordinator.js'
import type { Transaction as OwnTransaction } from '../coordinator/transaction.js'
import type { Parameters } from '../query/parameters.js'
import type { Isolation } from '../txn/isolation.js'
import type { Database, QueryOptions } from './database.js'
import type { Query } from './query.js'
import type { SessionState } from './session.js'
import { TransactionTable } from './transaction-table.js'

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
  /** Resolves with the commit; rejects with TXN_CLOSED when it is rolled back instead. */
  readonly committed: Promise<Commit>
  readonly #coordinator: Coordinator
  readonly #db: Database
  readonly #own: OwnTransaction
  readonly #session: SessionState
  #resolve: (commit: Commit) => void = () => {}
  #reject: (error: DriftError) => void = () => {}
  #savepoints = 0

  /** @internal Use {@link Database.begin} or {@link Database.transaction}. */
  constructor(coordinator: Coordinator, db: Database, own: OwnTransaction, session: SessionState) {
    this.#coordinator = coordinator
    this.#db = db
    this.#own = own
    this.#session = session
    this.committed = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    // Nobody need look at it.
    this.committed.catch(() => {})
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
    return this.#db.query<Row>(text, parameters, { ...options, session: this.#session })
  }

  savepoint(name: string): void {
    this.#own.savepoint(name)
  }

  /** Undoes what was written since the savepoint, and goes on after an error that was no conflict. */
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
   * @throws WRITE_CONFLICT, SERIALIZATION: run it again. ALREADY_EXISTS, KEY_NOT_FOUND under READ COMMITTED. TXN_ABORTED after an error.
   */
  commit({ signal }: { readonly signal?: AbortSignal | undefined } = {}): Promise<Commit> {
    const committed = this.#session.inTurn(() => this.#own.commit({ ...this.#session.commitRequest, signal }))
    return Promise.resolve(committed).then((commit) => {
      this.#resolve(commit)
      return commit
    })
  }

  /** Allowed after anything. */
  async rollback(): Promise<void> {
    this.#own.rollback()
    this.#reject(new DriftError('TXN_CLOSED', `transaction ${this.id} was rolled back`, { transaction: this.id }))
  }

  /** Rolls back what was not committed. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#own.isEnded) await this.rollback()
  }
}
