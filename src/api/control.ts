import { DriftError } from '../base/errors.js'
import { limits } from '../base/limits.js'
import type { Coordinator } from '../coordinator/coordinator.js'
import { QueryMemory } from '../executor/query-memory.js'
import { turn, untilOrCancelled } from '../runtime/turn.js'

export type ControlOptions = {
  readonly signal?: AbortSignal | undefined
  readonly timeoutMs?: number | undefined
  /** Bytes of rows that the query may keep: for ORDER BY, GROUP BY, DISTINCT, and results read as a whole. */
  readonly memoryBytes?: number | undefined
  /** Bytes that it may write to temporary files where its memory is too small; 0: none. */
  readonly spillBytes?: number | undefined
}

/** Work between two turns of the event loop. */
const SLICE_MS = 5
/** What a running statement must look up for: its signal, its time, whether the database is still open. */
export class Control {
  readonly memory: QueryMemory
  readonly #coordinator: Coordinator
  readonly #signal: AbortSignal | undefined
  readonly #endsAt: number
  readonly #timeoutMs: number
  #turnAt: number

  constructor(coordinator: Coordinator, { signal, timeoutMs, memoryBytes, spillBytes = limits.querySpillBytesMax }: ControlOptions) {
    this.#coordinator = coordinator
    this.#signal = signal
    this.#timeoutMs = timeoutMs ?? Number.POSITIVE_INFINITY
    const now = coordinator.monotonic()
    this.#endsAt = now + this.#timeoutMs
    this.#turnAt = now + SLICE_MS
    const spill = spillBytes > 0 ? { space: coordinator.spill, bytesMax: spillBytes } : undefined
    this.memory = new QueryMemory(memoryBytes ?? limits.queryBytesMax, spill)
  }

  /** @throws DriftError ABORTED, TIMEOUT, CLOSED. */
  check(): void {
    if (this.#signal?.aborted === true) throw new DriftError('ABORTED', 'the statement was cancelled', {})
    if (this.#coordinator.monotonic() > this.#endsAt) {
      throw new DriftError('TIMEOUT', `the statement took longer than ${this.#timeoutMs} ms`, { timeoutMs: this.#timeoutMs })
    }
    this.#coordinator.assertOpen()
  }

  /** What ends a wait of the statement, where the wait looks for itself. */
  get waiting(): { readonly signal: AbortSignal | undefined; readonly endsAtMs: number } {
    return { signal: this.#signal, endsAtMs: this.#endsAt }
  }

  /** True where it is time to let the event loop turn. */
  get isTurnDue(): boolean {
    return this.#coordinator.monotonic() >= this.#turnAt
  }

  /** Between two batches: waits where there is something to wait for, lets the event loop turn where it is time, and looks up. */
  rest(until: Promise<void> | undefined): Promise<void> | undefined {
    if (until !== undefined) return this.until(until)
    return this.isTurnDue ? this.turn() : undefined
  }

  async turn(): Promise<void> {
    await turn()
    this.#turnAt = this.#coordinator.monotonic() + SLICE_MS
    this.check()
  }

  /** What `promise` gives, or the error of whatever ends the statement before. */
  async until<Result>(promise: Promise<Result>): Promise<Result> {
    const result = await untilOrCancelled(promise, this.#signal, this.#endsAt - this.#coordinator.monotonic())
    this.check()
    if (result === undefined) throw new DriftError('INVARIANT', 'a wait ended without a result and without a reason')
    return result.value
  }

  /** Runs to the end, turning the event loop now and then. */
  async finish<Result>(work: Generator<unknown, Result>, until: () => Promise<void> | undefined = () => undefined): Promise<Result> {
    try {
      for (;;) {
        const next = work.next()
        if (next.done === true) return next.value
        const rest = this.rest(until())
        if (rest !== undefined) await rest
      }
    } finally {
      work.return(undefined as Result)
    }
  }
}
