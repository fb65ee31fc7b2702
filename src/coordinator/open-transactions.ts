import { DriftError } from '../base/errors.js'
import type { Isolation } from '../txn/isolation.js'

/** A transaction that has begun and not ended, as others see it. */
export type OpenTransaction = {
  readonly id: number
  readonly isolation: Isolation
  readonly readOnly: boolean
  /** Monotonic milliseconds. */
  readonly beganMs: number
  readonly endsAtMs: number
  /** The point that it reads, or that its last statement read. */
  readSeq: number
  writes: number
  writeBytes: number
  isExpired: boolean
}

/**
 * The open transactions of a database. One that its owner forgot goes when it is garbage collected, one that is older than its limit when
 * somebody looks: nothing holds a point for ever.
 */
export class OpenTransactions {
  readonly #open = new Map<number, OpenTransaction>()
  readonly #forgotten = new FinalizationRegistry<number>((id) => void this.#open.delete(id))
  #nextId = 1

  begin(
    owner: object,
    given: Pick<OpenTransaction, 'isolation' | 'readOnly' | 'beganMs' | 'readSeq'> & { timeoutMs: number }
  ): OpenTransaction {
    const { isolation, readOnly, beganMs, readSeq, timeoutMs } = given
    this.sweep(beganMs)
    const id = this.#nextId++
    const entry = { id, isolation, readOnly, beganMs, readSeq, endsAtMs: beganMs + timeoutMs, writes: 0, writeBytes: 0, isExpired: false }
    this.#open.set(id, entry)
    this.#forgotten.register(owner, id, owner)
    return entry
  }

  end(owner: object, entry: OpenTransaction): void {
    this.#open.delete(entry.id)
    this.#forgotten.unregister(owner)
  }

  /** The oldest point that a SERIALIZABLE one reads; Infinity if there is none. */
  oldestReadSeq(): number {
    let oldest = Number.POSITIVE_INFINITY
    for (const { isolation, readSeq } of this.#open.values()) if (isolation === 'serializable') oldest = Math.min(oldest, readSeq)
    return oldest
  }

  /** Lets go of those that are over their limit. */
  sweep(nowMs: number): void {
    for (const entry of this.#open.values()) if (nowMs > entry.endsAtMs) this.expire(entry)
  }

  expire(entry: OpenTransaction): DriftError {
    entry.isExpired = true
    this.#open.delete(entry.id)
    const timeoutMs = entry.endsAtMs - entry.beganMs
    return new DriftError('TIMEOUT', `transaction ${entry.id} was open for more than ${timeoutMs} ms and is rolled back`, {
      transaction: entry.id,
      timeoutMs
    })
  }

  /** Oldest first. */
  list(nowMs: number) {
    this.sweep(nowMs)
    return [...this.#open.values()].map(({ id, isolation, readOnly, beganMs, readSeq, writes, writeBytes }) => {
      return { id, isolation, readOnly, ageMs: nowMs - beganMs, readSeq, writes, writeBytes }
    })
  }
}
