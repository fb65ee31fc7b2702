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
  readonly #forgotten = new FinalizationRegistry<number>((id) => this.#leave(id, forgotten(id)))
  readonly #left: (id: number, error: DriftError) => void
  #nextId = 1

  /** `left` is told of each that has ended, and what it gets if it still waits for something. */
  constructor(left: (id: number, error: DriftError) => void) {
    this.#left = left
  }

  /** In the order of beginning: also for a commit without a transaction, where it has to wait. */
  newId(): number {
    return this.#nextId++
  }

  begin(
    owner: object,
    given: Pick<OpenTransaction, 'isolation' | 'readOnly' | 'beganMs' | 'readSeq'> & { timeoutMs: number }
  ): OpenTransaction {
    const { isolation, readOnly, beganMs, readSeq, timeoutMs } = given
    this.sweep(beganMs)
    const id = this.newId()
    const entry = { id, isolation, readOnly, beganMs, readSeq, endsAtMs: beganMs + timeoutMs, writes: 0, writeBytes: 0, isExpired: false }
    this.#open.set(id, entry)
    this.#forgotten.register(owner, id, owner)
    return entry
  }

  end(owner: object, entry: OpenTransaction): void {
    this.#forgotten.unregister(owner)
    this.#leave(entry.id, new DriftError('TXN_CLOSED', `transaction ${entry.id} has ended`, { transaction: entry.id }))
  }

  /** The oldest point that a SERIALIZABLE one reads; Infinity if there is none. */
  oldestReadSeq(): number {
    let oldest = Number.POSITIVE_INFINITY
    for (const { isolation, readSeq } of this.#open.values()) if (isolation === 'serializable') oldest = Math.min(oldest, readSeq)
    return oldest
  }

  /** When the first of them will be over its age, monotonic ms; Infinity if none ever is. */
  earliestEndMs(): number {
    let earliest = Number.POSITIVE_INFINITY
    for (const { endsAtMs } of this.#open.values()) earliest = Math.min(earliest, endsAtMs)
    return earliest
  }

  /** Lets go of those that are over their limit. */
  sweep(nowMs: number): void {
    for (const entry of this.#open.values()) if (nowMs > entry.endsAtMs) this.expire(entry)
  }

  expire(entry: OpenTransaction): DriftError {
    entry.isExpired = true
    const timeoutMs = entry.endsAtMs - entry.beganMs
    const message = `transaction ${entry.id} was open for more than ${timeoutMs} ms and is rolled back`
    const error = new DriftError('TIMEOUT', message, { transaction: entry.id, timeoutMs })
    this.#leave(entry.id, error)
    return error
  }

  /** Oldest first. */
  list(nowMs: number) {
    this.sweep(nowMs)
    return [...this.#open.values()].map(({ id, isolation, readOnly, beganMs, readSeq, writes, writeBytes }) => {
      return { id, isolation, readOnly, ageMs: nowMs - beganMs, readSeq, writes, writeBytes }
    })
  }

  #leave(id: number, error: DriftError): void {
    this.#open.delete(id)
    this.#left(id, error)
  }
}

function forgotten(id: number): DriftError {
  return new DriftError('TXN_CLOSED', `transaction ${id} was forgotten, and is rolled back`, { transaction: id })
}
