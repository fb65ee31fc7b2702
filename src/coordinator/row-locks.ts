/**
 * Row locks with time: how long a transaction waits, what ends its wait, and how the writes of others keep off a locked row.
 *
 * A lock is a promise to its holder: until it ends, nobody else's write of the row is numbered. So a commit asks here first; where one of
 * its rows is locked by another, it queues for it as a transaction does, and is numbered when it has it. Nothing is asked where nobody
 * has a lock, and rows that nobody has locked are not locked by a commit: between its last look and its number nothing else runs.
 */
import { DriftError } from '../base/errors.js'
import { decodeKey } from '../codec/key-codec.js'
import { untilOrCancelled } from '../runtime/turn.js'
import { LockTable } from '../txn/lock-table.js'
import type { WriteSet } from '../txn/write-set.js'
import type { TableState } from './table-state.js'

/** No transaction has this id. */
const NOBODY = 0

/** What ends a wait before its turn has come. */
export type LockWait = {
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
  /** Of the statement, monotonic ms; its own check says what is wrong then. */
  readonly endsAtMs?: number | undefined
}

export class RowLocks {
  readonly #table = new LockTable<TableState>()
  readonly #monotonic: () => number

  constructor(monotonic: () => number) {
    this.#monotonic = monotonic
  }

  get isEmpty(): boolean {
    return this.#table.isEmpty
  }

  stats(): { readonly rows: number; readonly waiters: number } {
    return { rows: this.#table.rows, waiters: this.#table.waiters }
  }

  countOf(id: number): number {
    return this.#table.countOf(id)
  }

  waitsFor(id: number): number | undefined {
    return this.#table.waitsFor(id)
  }

  /** The other transaction that has the row locked. */
  otherHolder(id: number, table: TableState, key: Uint8Array): number | undefined {
    if (this.#table.isEmpty) return undefined
    const holder = this.#table.holderOf(table, key)
    return holder === id ? undefined : holder
  }

  /**
   * Undefined: the row is locked now. Else a promise for it.
   * @throws DEADLOCK, LOCK_TIMEOUT, TIMEOUT, ABORTED, CLOSED by the promise; LIMIT, OVERLOADED at once.
   */
  acquire(id: number, table: TableState, key: Uint8Array, wait: LockWait): Promise<void> | undefined {
    const turn = this.#table.acquire(id, table, key)
    return turn === undefined ? undefined : this.#wait(id, turn, table, key.slice(), wait)
  }

  /**
   * Undefined: none of the rows of the set is locked by another now, so it may be numbered now. Else a promise after which to ask again;
   * the row that was waited for is locked then.
   */
  beforeCommit(id: number, set: WriteSet<TableState>, wait: LockWait): Promise<void> | undefined {
    if (this.#table.isEmpty) return undefined
    const locked = this.#firstLocked(id, set)
    return locked === undefined ? undefined : this.acquire(id, locked.table, locked.key, wait)
  }

  /** Somebody has locked a row of the set. */
  isLocked(set: WriteSet<TableState>): boolean {
    return !this.#table.isEmpty && this.#firstLocked(NOBODY, set) !== undefined
  }

  release(id: number, mark: number): void {
    this.#table.release(id, mark)
  }

  /** Where it waits, it gets the reason as its error, which is costly to make for nobody. */
  end(id: number, reason: () => DriftError): void {
    if (this.#table.isEmpty) return
    if (this.#table.waitsFor(id) !== undefined) this.#table.cancel(id, reason())
    this.#table.release(id, 0)
  }

  close(): void {
    this.#table.clear(new DriftError('CLOSED', 'the database is closed; open it again', {}))
  }

  #firstLocked(id: number, set: WriteSet<TableState>): { readonly table: TableState; readonly key: Uint8Array } | undefined {
    for (const { table, keyAt, end } of set.operations) {
      if (!this.#table.hasAny(table)) continue
      const key = set.buffer.subarray(keyAt, end)
      if (this.otherHolder(id, table, key) !== undefined) return { table, key }
    }
    return undefined
  }

  async #wait(id: number, turn: Promise<void>, table: TableState, key: Uint8Array, wait: LockWait): Promise<void> {
    const { timeoutMs, signal, endsAtMs = Number.POSITIVE_INFINITY } = wait
    const lastMs = this.#monotonic() + timeoutMs
    for (;;) {
      const lookMs = Math.min(lastMs, endsAtMs)
      if ((await untilOrCancelled(turn, signal, lookMs - this.#monotonic())) !== undefined) return
      const nowMs = this.#monotonic()
      const error = this.#reason(id, table, key, nowMs, { timeoutMs, signal, endsAtMs }, lastMs)
      if (error !== undefined && this.#table.cancel(id, error)) throw error
    }
  }

  #reason(id: number, table: TableState, key: Uint8Array, nowMs: number, wait: LockWait, lastMs: number): DriftError | undefined {
    if (wait.signal?.aborted === true) return new DriftError('ABORTED', 'the wait for a lock was cancelled', {})
    if (nowMs >= lastMs) return lockTimeout(table, key, this.otherHolder(id, table, key), wait.timeoutMs)
    if (nowMs < (wait.endsAtMs ?? Number.POSITIVE_INFINITY)) return undefined
    return new DriftError('TIMEOUT', 'the time of the statement was over while it waited for a lock', {})
  }
}

/** `timeoutMs` 0: NOWAIT. */
export function lockTimeout(table: TableState, key: Uint8Array, holder: number | undefined, timeoutMs: number): DriftError {
  const { name } = table.definition
  const found = decodeKey(key)
  const waited = timeoutMs === 0 ? '' : `, and was for ${timeoutMs} ms`
  const message = `table ${name}: key ${String(found)} is locked by ${holder === undefined ? 'another one' : `transaction ${holder}`}${waited}`
  return new DriftError('LOCK_TIMEOUT', message, { table: name, key: found, holder, timeoutMs })
}
