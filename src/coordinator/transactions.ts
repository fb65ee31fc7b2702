/**
 * The transactions of a database that can be written or only read: who is open, who has locked what, and how their commits, and those of
 * single writes, come to the pipeline: behind the locks of others.
 */
import { DriftError } from '../base/errors.js'
import { WriteSet } from '../txn/write-set.js'
import type { Commit, CommitPipeline, CommitRequest } from './commit-pipeline.js'
import { OpenTransactions } from './open-transactions.js'
import { RowLocks } from './row-locks.js'
import type { TableState } from './table-state.js'
import { Transaction, type TransactionHost, type TransactionLimits } from './transaction.js'

/** Sets of transactions that ended, for others: making one costs more than a small transaction. */
const SPARE_SETS_MAX = 64

export type TransactionsHost = {
  lastSeq(): number
  monotonic(): number
  assertOpen(): void
  /** @throws READ_ONLY where nothing can be written. */
  pipeline(): CommitPipeline
  /** Of a commit that writes nothing. */
  emptyCommit(): Commit
}

export class Transactions {
  readonly #host: TransactionsHost
  readonly #locks: RowLocks
  readonly #open: OpenTransactions
  readonly #transactionHost: TransactionHost
  readonly #sets: WriteSet<TableState>[] = []
  #spareSet: WriteSet<TableState> | undefined

  constructor(host: TransactionsHost) {
    this.#host = host
    this.#locks = new RowLocks(() => host.monotonic())
    this.#open = new OpenTransactions({ left: (id, reason) => this.#locks.end(id, reason), monotonic: () => host.monotonic() })
    this.#transactionHost = {
      transactions: this.#open,
      locks: this.#locks,
      lastSeq: () => host.lastSeq(),
      monotonic: () => host.monotonic(),
      assertOpen: () => host.assertOpen(),
      writeSet: (bytesMax) => {
        const set = this.#sets.pop() ?? new WriteSet<TableState>()
        set.clear(bytesMax)
        return set
      },
      giveBack: (set) => void (this.#sets.length < SPARE_SETS_MAX && this.#sets.push(set)),
      assertWritable: () => void host.pipeline(),
      commit: (set, request) => host.pipeline().submit(set, request),
      settled: (table, key) => host.pipeline().settled(table.latestSeq(table.keys.find(key, key.length))),
      emptyCommit: () => host.emptyCommit()
    }
  }

  begin(limits: TransactionLimits): Transaction {
    return new Transaction(this.#transactionHost, limits)
  }

  /** The oldest point of which a transaction may still ask what changed since. */
  oldestReadSeq(): number {
    return this.#open.oldestReadSeq()
  }

  /** An empty set for writes that are a commit of their own: {@link commit} takes it. */
  writeSet(): WriteSet<TableState> {
    const set = this.#spareSet ?? new WriteSet<TableState>()
    this.#spareSet = undefined
    set.clear()
    return set
  }

  /** Where a transaction has locked rows that the set writes, the commit waits for them first, `lockTimeoutMs` at most. */
  commit(set: WriteSet<TableState>, request: CommitRequest, lockTimeoutMs: number): Promise<Commit> {
    const pipeline = this.#host.pipeline()
    if (this.#locks.isLocked(set)) return this.#commitBehindLocks(set, request, lockTimeoutMs)
    const promise = pipeline.submit(set, request)
    if (!pipeline.keeps(set)) this.#spareSet = set
    return promise
  }

  /** Oldest first. */
  list(nowMs: number) {
    return this.#open.list(nowMs).map((entry) => {
      return { ...entry, locks: this.#locks.countOf(entry.id), waitsFor: this.#locks.waitsFor(entry.id) }
    })
  }

  /** Rows that are locked, and transactions and writes that wait for one. */
  lockStats(): { readonly rows: number; readonly waiters: number } {
    return this.#locks.stats()
  }

  close(): void {
    this.#locks.close()
    this.#open.close()
  }

  async #commitBehindLocks(set: WriteSet<TableState>, request: CommitRequest, timeoutMs: number): Promise<Commit> {
    const id = this.#open.newId()
    const wait = { timeoutMs, signal: request.signal }
    try {
      for (;;) {
        const turn = this.#locks.beforeCommit(id, set, wait)
        if (turn === undefined) break
        await turn
      }
      return await this.#host.pipeline().submit(set, request)
    } finally {
      this.#locks.end(id, () => new DriftError('INVARIANT', `TXN-5: commit ${id} waits after its end`))
    }
  }
}
