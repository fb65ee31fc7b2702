import { DriftError } from '../base/errors.js'
import type { QueryControl } from '../memory/query-control.js'

/** What runs of fragments have in common: how they end, and who is told that something changed. */
export class RunState {
  readonly #signal: AbortSignal | undefined
  readonly #onEnd: () => void
  readonly #abort = (): void => this.fail(new DriftError('ABORTED', 'the query was cancelled', {}, this.#signal?.reason))
  #control: QueryControl
  #failure: DriftError | undefined
  #isOver = false
  #changes = 0
  #waiters: (() => void)[] = []

  constructor(control: QueryControl, signal: AbortSignal | undefined, onEnd: () => void) {
    this.#control = control
    this.#signal = signal
    this.#onEnd = onEnd
    signal?.addEventListener('abort', this.#abort, { once: true })
    if (signal?.aborted === true) this.#abort()
  }

  /** Threads that follow the one before are stopped. */
  set control(control: QueryControl) {
    this.#control.stop()
    this.#control = control
    if (this.#isOver) control.stop()
  }

  get control(): QueryControl {
    return this.#control
  }

  /** It failed, was stopped, or is done. */
  get isOver(): boolean {
    return this.#isOver
  }

  throwIfFailed(): void {
    if (this.#failure !== undefined) throw this.#failure
  }

  fail(error: unknown): void {
    if (this.#isOver) return
    this.#failure = DriftError.from(error, 'query')
    this.end()
  }

  /** No thread takes another morsel. */
  end(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#control.stop()
    this.#signal?.removeEventListener('abort', this.#abort)
    this.#onEnd()
    this.change()
  }

  change(): void {
    this.#changes++
    for (const resolve of this.#waiters.splice(0)) resolve()
  }

  /** Resolves with the next change, or at once where one came since the last call. */
  #seen = 0
  changed(): Promise<void> {
    if (this.#isOver || this.#changes !== this.#seen) {
      this.#seen = this.#changes
      return Promise.resolve()
    }
    return new Promise((resolve) => {
      this.#waiters.push(() => {
        this.#seen = this.#changes
        resolve()
      })
    })
  }
}
