import { DriftError } from '../base/errors.js'
import { later, turn } from '../runtime/turn.js'
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
  /** Its commit is with the pipeline: that holds it, and cannot be stopped. */
  isCommitting: boolean
  /** Its owner is watched: where he is forgotten, so is it. */
  isWatched: boolean
  /** Told when its time is over; it must not keep the owner. */
  readonly expired: ((error: DriftError) => void) | undefined
}

type Given = Pick<OpenTransaction, 'isolation' | 'readOnly' | 'beganMs' | 'readSeq' | 'expired'> & { readonly timeoutMs: number }

/** What is told of transactions. */
export type TransactionListener = {
  /** It has ended; `reason` is what it gets if it still waits for something. */
  left(id: number, reason: () => DriftError): void
  monotonic(): number
}

/**
 * The open transactions of a database. One that its owner forgot goes when it is garbage collected, one that is older than its limit when
 * its time has come: nothing holds a point for ever.
 *
 * Most end within the turn of the event loop in which they began, or are on their way to the disk then. So an owner is watched from the
 * next turn on only (a watch costs as much as a small transaction), and there is one timer for all ages, which keeps no process alive.
 */
export class OpenTransactions {
  readonly #open = new Map<number, OpenTransaction>()
  readonly #forgotten = new FinalizationRegistry<number>((id) => this.#leave(id, () => forgotten(id)))
  readonly #listener: TransactionListener
  #young: { readonly owner: object; readonly entry: OpenTransaction }[] = []
  #nextId = 1
  /** When the timer comes; Infinity: there is none. */
  #timerMs = Number.POSITIVE_INFINITY
  #cancelTimer = (): void => {}

  constructor(listener: TransactionListener) {
    this.#listener = listener
  }

  /** In the order of beginning: also for a commit without a transaction, where it has to wait. */
  newId(): number {
    return this.#nextId++
  }

  begin(owner: object, { isolation, readOnly, beganMs, readSeq, timeoutMs, expired }: Given): OpenTransaction {
    const id = this.newId()
    const entry: OpenTransaction = {
      id,
      isolation,
      readOnly,
      beganMs,
      endsAtMs: beganMs + timeoutMs,
      readSeq,
      writes: 0,
      writeBytes: 0,
      isExpired: false,
      isCommitting: false,
      isWatched: false,
      expired
    }
    this.#open.set(id, entry)
    this.#watchSoon(owner, entry)
    if (entry.endsAtMs < this.#timerMs) this.#setTimer(entry.endsAtMs)
    return entry
  }

  /** Its commit is with the pipeline: it ends with that, or {@link goesOn}. */
  commits(entry: OpenTransaction): void {
    entry.isCommitting = true
  }

  goesOn(owner: object, entry: OpenTransaction): void {
    entry.isCommitting = false
    if (!entry.isWatched) this.#watchSoon(owner, entry)
  }

  end(owner: object, entry: OpenTransaction): void {
    if (entry.isWatched) this.#forgotten.unregister(owner)
    this.#leave(entry.id, () => new DriftError('TXN_CLOSED', `transaction ${entry.id} has ended`, { transaction: entry.id }))
  }

  /** The oldest point that a SERIALIZABLE one reads; Infinity if there is none. */
  oldestReadSeq(): number {
    let oldest = Number.POSITIVE_INFINITY
    for (const { isolation, readSeq } of this.#open.values()) if (isolation === 'serializable') oldest = Math.min(oldest, readSeq)
    return oldest
  }

  expire(entry: OpenTransaction): DriftError {
    entry.isExpired = true
    const timeoutMs = entry.endsAtMs - entry.beganMs
    const message = `transaction ${entry.id} was open for more than ${timeoutMs} ms and is rolled back`
    const error = new DriftError('TIMEOUT', message, { transaction: entry.id, timeoutMs })
    this.#leave(entry.id, () => error)
    entry.expired?.(error)
    return error
  }

  /** Oldest first. */
  list(nowMs: number) {
    this.#sweep(nowMs)
    return [...this.#open.values()].map(({ id, isolation, readOnly, beganMs, readSeq, writes, writeBytes }) => {
      return { id, isolation, readOnly, ageMs: nowMs - beganMs, readSeq, writes, writeBytes }
    })
  }

  close(): void {
    this.#cancelTimer()
    this.#timerMs = Number.POSITIVE_INFINITY
  }

  /** Lets go of those that are over their limit. */
  #sweep(nowMs: number): void {
    for (const entry of this.#open.values()) if (nowMs > entry.endsAtMs && !entry.isCommitting) this.expire(entry)
  }

  #setTimer(endsAtMs: number): void {
    this.#cancelTimer()
    this.#timerMs = endsAtMs
    this.#cancelTimer = later(endsAtMs - this.#listener.monotonic(), () => {
      this.#timerMs = Number.POSITIVE_INFINITY
      this.#sweep(this.#listener.monotonic())
      let earliest = Number.POSITIVE_INFINITY
      for (const entry of this.#open.values()) if (!entry.isCommitting) earliest = Math.min(earliest, entry.endsAtMs)
      if (earliest !== Number.POSITIVE_INFINITY) this.#setTimer(earliest)
    })
  }

  #watchSoon(owner: object, entry: OpenTransaction): void {
    if (this.#young.push({ owner, entry }) > 1) return
    void turn().then(() => {
      const young = this.#young
      this.#young = []
      for (const { owner: watched, entry: open } of young) {
        if (open.isCommitting || open.isWatched || !this.#open.has(open.id)) continue
        open.isWatched = true
        this.#forgotten.register(watched, open.id, watched)
      }
    })
  }

  #leave(id: number, reason: () => DriftError): void {
    if (this.#open.delete(id)) this.#listener.left(id, reason)
  }
}

function forgotten(id: number): DriftError {
  return new DriftError('TXN_CLOSED', `transaction ${id} was forgotten, and is rolled back`, { transaction: id })
}
