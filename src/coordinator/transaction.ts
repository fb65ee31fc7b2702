import { DriftError } from '../base/errors.js'
import type { Isolation } from '../txn/isolation.js'
import { OwnWrites, type Mark } from '../txn/own-writes.js'
import { ReadSet } from '../txn/read-set.js'
import type { WriteSet } from '../txn/write-set.js'
import type { Commit, CommitRequest } from './commit-pipeline.js'
import type { OpenTransaction, OpenTransactions } from './open-transactions.js'
import { addOwnWrite, type OwnWrite } from './own-write.js'
import { lockTimeout, type LockWait, type RowLocks } from './row-locks.js'
import type { TableState } from './table-state.js'
import { TransactionView } from './transaction-view.js'
import { checkRow } from './validation.js'

export type TransactionLimits = {
  readonly isolation: Isolation
  readonly readOnly: boolean
  /** Its greatest age. */
  readonly timeoutMs: number
  readonly writeBytesMax: number
  /** How long it waits for a row that another one has locked. */
  readonly lockTimeoutMs: number
}

/** What a transaction needs of the database. */
export type TransactionHost = {
  readonly transactions: OpenTransactions
  readonly locks: RowLocks
  lastSeq(): number
  monotonic(): number
  assertOpen(): void
  /** An empty set; {@link TransactionHost.giveBack} takes it when nobody reads of it any more. */
  writeSet(bytesMax: number): WriteSet<TableState>
  giveBack(set: WriteSet<TableState>): void
  /** @throws READ_ONLY where nothing can be written. */
  assertWritable(): void
  commit(set: WriteSet<TableState>, request: CommitRequest): Promise<Commit>
  /**
   * Every commit that was called for before now is numbered, and the last event of the key is visible. Undefined: it is so now.
   */
  settled(table: TableState, key: Uint8Array): Promise<unknown> | undefined
  /** Of a commit that writes nothing. */
  emptyCommit(): Commit
}

/** A row to lock, and what to do where another one has it. */
export type LockWish = { readonly whenLocked: 'wait' | 'refuse' | 'skip' } & Partial<LockWait>

/**
 * `failed`: only ROLLBACK, or ROLLBACK TO, goes on. `doomed`: only ROLLBACK does; every other call gets the same error again, that of a
 * conflict or of its age. `committing` and `ended` take nothing any more.
 */
type State =
  | { readonly kind: 'open' }
  | { readonly kind: 'failed' | 'doomed'; readonly error: DriftError }
  | { readonly kind: 'committing' }
  | { readonly kind: 'ended'; readonly how: 'committed' | 'rolled back' }

type Savepoint = { readonly name: string; readonly mark: Mark; readonly locks: number }

const OPEN: State = { kind: 'open' }
const COMMITTING: State = { kind: 'committing' }
const COMMITTED: State = { kind: 'ended', how: 'committed' }
const ROLLED_BACK: State = { kind: 'ended', how: 'rolled back' }

/**
 * One transaction, on the coordinator's thread. Its writes are encoded, checked against what it sees and kept in memory: nothing of them is
 * in a file, or has a seq, before its commit gives them to the pipeline as one batch. So a rollback is to forget (ATM-5).
 */
export class Transaction {
  readonly isolation: Isolation
  readonly isReadOnly: boolean
  lockTimeoutMs: number
  readonly #host: TransactionHost
  readonly #entry: OpenTransaction
  readonly #own: OwnWrites<TableState>
  readonly #reads: ReadSet<TableState> | undefined
  readonly #savepoints: Savepoint[] = []
  #state: State = OPEN
  #isForgotten = false
  #view: TransactionView | undefined
  #commit: Commit | undefined
  #onEnded: ((commit: Commit | undefined) => void) | undefined

  constructor(host: TransactionHost, { isolation, readOnly, timeoutMs, writeBytesMax, lockTimeoutMs }: TransactionLimits) {
    this.isolation = isolation
    this.isReadOnly = readOnly
    this.lockTimeoutMs = lockTimeoutMs
    this.#host = host
    this.#own = new OwnWrites(host.writeSet(writeBytesMax))
    // Without writes it is serial at its read point, whatever it read.
    this.#reads = isolation === 'serializable' && !readOnly ? new ReadSet() : undefined
    const beganMs = host.monotonic()
    let expired: ((error: DriftError) => void) | undefined
    if (timeoutMs !== Number.POSITIVE_INFINITY) {
      const weak = new WeakRef<Transaction>(this)
      expired = (error) => {
        const transaction = weak.deref()
        if (transaction !== undefined) transaction.#expired(error)
      }
    }
    this.#entry = host.transactions.begin(this, { isolation, readOnly, beganMs, timeoutMs, readSeq: host.lastSeq(), expired })
  }

  get id(): number {
    return this.#entry.id
  }

  /** The point that it reads; under READ COMMITTED that of its last statement. */
  get readSeq(): number {
    return this.#entry.readSeq
  }

  /** It takes nothing any more: it has ended, or its commit is on its way. */
  get isEnded(): boolean {
    return this.#state.kind === 'ended' || this.#state.kind === 'committing'
  }

  /** After a conflict, or over its age: only a rollback ends it. */
  get isDoomed(): boolean {
    return this.#state.kind === 'doomed'
  }

  /** What a statement that begins now sees. */
  view(): TransactionView {
    this.check()
    if (this.isolation === 'read committed') this.#entry.readSeq = this.#host.lastSeq()
    const { readSeq } = this.#entry
    if (this.#view?.isAsNow(readSeq) !== true) this.#view = new TransactionView(this.#own, readSeq, this.#reads)
    return this.#view
  }

  /** Its commit, where it has one. */
  get commitMade(): Commit | undefined {
    return this.#commit
  }

  /** Tells once when it has ended: its commit, or nothing where it was rolled back. */
  whenEnded(listener: (commit: Commit | undefined) => void): void {
    if (this.#state.kind === 'ended') listener(this.#commit)
    else this.#onEnded = listener
  }

  /** @throws what a call gets now: nothing while it is open. */
  check(): void {
    this.#host.assertOpen()
    this.#checkAge()
    if (this.#state === OPEN) return
    switch (this.#state.kind) {
      case 'open':
        return
      case 'doomed':
        throw this.#state.error
      case 'failed': {
        const { error } = this.#state
        const message = `transaction ${this.id} failed before; ROLLBACK, or ROLLBACK TO a savepoint: ${error.message}`
        throw new DriftError('TXN_ABORTED', message, { transaction: this.id, reason: error.code }, error)
      }
      case 'committing':
        throw new DriftError('TXN_CLOSED', `transaction ${this.id} is being committed`, { transaction: this.id })
      case 'ended':
        throw new DriftError('TXN_CLOSED', `transaction ${this.id} was ${this.#state.how}; begin another one`, { transaction: this.id })
    }
  }

  /** A statement failed: notes what that means for the rest, and gives the error that its caller gets. */
  fail(thrown: unknown): DriftError {
    const error = DriftError.from(thrown, `transaction ${this.id}`)
    if (this.#state.kind !== 'open') return error
    if (error.kind === 'conflict') this.#doom(error)
    else this.#state = { kind: 'failed', error }
    return error
  }

  /** Runs what is a statement of its own. */
  run<Result>(statement: () => Result): Result {
    this.check()
    try {
      return statement()
    } catch (thrown) {
      throw this.fail(thrown)
    }
  }

  /**
   * All of the writes of one statement, which read at `at`, or none.
   * @throws what refuses one of them; the transaction has failed then.
   */
  write(writes: readonly OwnWrite[], at: number): void {
    this.check()
    this.#writeAll(writes, at)
  }

  /** A write that is a statement of its own. Throws as {@link write}. */
  writeOne(write: OwnWrite): void {
    this.check()
    // A statement of its own reads its own point.
    if (this.isolation === 'read committed') this.#entry.readSeq = this.#host.lastSeq()
    this.#writeAll([write], this.#entry.readSeq)
  }

  #writeAll(writes: readonly OwnWrite[], at: number): void {
    const { mark } = this.#own
    try {
      this.#assertCanWrite()
      for (let index = 0; index < writes.length; index++)
        addOwnWrite(writes[index] as OwnWrite, this.#own, { at, reads: this.#reads, isRechecked: this.isolation !== 'read committed' })
    } catch (thrown) {
      this.#own.takeBack(mark)
      throw this.fail(thrown)
    } finally {
      this.#count()
    }
  }

  /**
   * Keeps all others from writing the row until this transaction ends, or goes back to a savepoint from before. False: it was skipped.
   * What is read of the row by a statement that begins afterwards is its newest state. A promise where it is not known at once.
   * @throws WRITE_CONFLICT where the row was written since the read point; LOCK_TIMEOUT, DEADLOCK, LIMIT, READ_ONLY.
   */
  lock(table: TableState, key: Uint8Array, wish: LockWish): boolean | Promise<boolean> {
    return this.run(() => {
      this.#assertCanWrite()
      if (table.damage !== undefined) throw table.damage
      const { locks } = this.#host
      const holder = locks.otherHolder(this.id, table, key)
      if (holder !== undefined && wish.whenLocked === 'skip') return false
      if (holder !== undefined && wish.whenLocked === 'refuse') throw lockTimeout(table, key, holder, 0)
      const turn = locks.acquire(this.id, table, key, this.#lockWait(wish))
      const settled = turn === undefined ? this.#host.settled(table, key) : undefined
      if (turn !== undefined || settled !== undefined) return this.#locked(table, key.slice(), turn ?? settled)
      if (this.isolation !== 'read committed') checkRow(table, table.keys.find(key, key.length), this.readSeq)
      return true
    })
  }

  /** Locks rows before anything is read, and reads from then on. */
  async lockFirst(rows: readonly { readonly table: TableState; readonly key: Uint8Array }[]): Promise<void> {
    for (const { table, key } of rows) {
      const turn = this.run(() => {
        this.#assertCanWrite()
        return this.#host.locks.acquire(this.id, table, key, this.#lockWait({}))
      })
      await this.#waited(turn)
      await this.#waited(this.#host.settled(table, key))
    }
    this.#entry.readSeq = this.#host.lastSeq()
  }

  savepoint(name: string): void {
    this.run(() => void this.#savepoints.push({ name, mark: this.#own.mark, locks: this.#host.locks.countOf(this.id) }))
  }

  /** Undoes what was written and locked since, and goes on after an error. The savepoint stays. */
  rollbackTo(name: string): void {
    if (this.#state.kind === 'failed') {
      this.#checkAge()
      this.#host.assertOpen()
    } else this.check()
    const index = this.#savepoints.findLastIndex((savepoint) => savepoint.name === name)
    const savepoint = this.#savepoints[index]
    if (savepoint === undefined) throw this.fail(unknownSavepoint(name))
    this.#savepoints.length = index + 1
    this.#own.takeBack(savepoint.mark)
    this.#host.locks.release(this.id, savepoint.locks)
    this.#state = OPEN
    this.#count()
  }

  release(name: string): void {
    this.run(() => {
      const index = this.#savepoints.findLastIndex((savepoint) => savepoint.name === name)
      if (index < 0) throw unknownSavepoint(name)
      this.#savepoints.length = index
    })
  }

  /**
   * Numbers all of its writes as one commit; resolves when that is durable. Where others have locked rows that it writes, it waits for them
   * first. After a refusal only a rollback ends the transaction.
   */
  commit(request: CommitRequest): Promise<Commit> {
    try {
      this.check()
    } catch (thrown) {
      return Promise.reject(thrown as Error)
    }
    const { set } = this.#own
    if (set.operations.length === 0) return Promise.resolve(this.#committed(this.#host.emptyCommit()))
    this.#state = COMMITTING
    // Where nobody has locked anything, nothing stands between the call and its number.
    const numbered = this.#host.locks.isEmpty ? this.#number(request) : this.#numberBehindLocks(request)
    return numbered.then(
      (commit) => this.#committed(commit),
      (thrown: unknown) => {
        this.#state = OPEN
        this.#host.transactions.goesOn(this, this.#entry)
        throw this.fail(thrown)
      }
    )
  }

  #number({ metadata, time, signal }: CommitRequest): Promise<Commit> {
    const basis = this.isolation === 'read committed' ? undefined : { seq: this.readSeq, reads: this.#reads }
    this.#host.transactions.commits(this.#entry)
    return this.#host.commit(this.#own.set, { metadata, time, signal, basis })
  }

  async #numberBehindLocks(request: CommitRequest): Promise<Commit> {
    const wait = this.#lockWait(request)
    for (;;) {
      const turn = this.#host.locks.beforeCommit(this.id, this.#own.set, wait)
      if (turn === undefined) return this.#number(request)
      await turn
    }
  }

  #committed(commit: Commit): Commit {
    this.#commit = commit
    this.#end('committed')
    return commit
  }

  /** Always possible; of one that has ended it does nothing. */
  rollback(): void {
    if (this.#state.kind === 'ended') return
    if (this.#state.kind === 'committing') {
      throw new DriftError('TXN_CLOSED', `transaction ${this.id} is being committed`, { transaction: this.id })
    }
    this.#end('rolled back')
  }

  #assertCanWrite(): void {
    this.#host.assertWritable()
    if (this.isReadOnly) throw new DriftError('READ_ONLY', `transaction ${this.id} is READ ONLY`, { transaction: this.id })
  }

  #lockWait({ timeoutMs = this.lockTimeoutMs, signal, endsAtMs }: Partial<LockWait>): LockWait {
    return { timeoutMs, signal, endsAtMs }
  }

  async #locked(table: TableState, key: Uint8Array, wait: Promise<unknown> | undefined): Promise<boolean> {
    await this.#waited(wait)
    await this.#waited(this.#host.settled(table, key))
    if (this.isolation !== 'read committed') this.run(() => checkRow(table, table.keys.find(key, key.length), this.readSeq))
    return true
  }

  /** What ends the wait with an error fails the transaction, or dooms it; it may have ended meanwhile too. */
  async #waited(wait: Promise<unknown> | undefined): Promise<void> {
    try {
      await wait
    } catch (thrown) {
      throw this.fail(thrown)
    }
    this.check()
  }

  #doom(error: DriftError): void {
    this.#state = { kind: 'doomed', error }
    this.#host.transactions.end(this, this.#entry)
    this.#forget()
  }

  #checkAge(): void {
    if (this.#state.kind !== 'open' && this.#state.kind !== 'failed') return
    const { isExpired, endsAtMs } = this.#entry
    // Every call comes by here: the clock is read only where there is a limit.
    if (!isExpired && (endsAtMs === Number.POSITIVE_INFINITY || this.#host.monotonic() <= endsAtMs)) return
    this.#expired(this.#host.transactions.expire(this.#entry))
  }

  /** A commit that waits for locks is told by its wait. */
  #expired(error: DriftError): void {
    if (this.#state.kind === 'open' || this.#state.kind === 'failed') this.#doom(error)
  }

  #end(how: 'committed' | 'rolled back'): void {
    this.#state = how === 'committed' ? COMMITTED : ROLLED_BACK
    this.#host.transactions.end(this, this.#entry)
    this.#forget()
    this.#onEnded?.(this.#commit)
  }

  /** Who still reads of it gets TXN_ABORTED. */
  #forget(): void {
    if (this.#isForgotten) return
    this.#isForgotten = true
    this.#own.forget()
    this.#savepoints.length = 0
    this.#host.giveBack(this.#own.set)
  }

  #count(): void {
    this.#entry.writes = this.#own.events.length
    this.#entry.writeBytes = this.#own.set.bytes
  }
}

function unknownSavepoint(name: string): DriftError {
  return new DriftError('INVALID_ARGUMENT', `there is no savepoint ${JSON.stringify(name)}`, { savepoint: name })
}
