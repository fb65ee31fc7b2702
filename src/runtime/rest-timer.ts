/** Calls back when nothing has stirred for a while, once for each time that something did. It keeps no process alive. */
export class RestTimer {
  readonly #restMs: number
  readonly #onRest: () => void
  #timer: NodeJS.Timeout | undefined
  #hasStirred = false
  #isStopped = false

  constructor(restMs: number, onRest: () => void) {
    this.#restMs = restMs
    this.#onRest = onRest
  }

  /** For every commit: a timer is made for the first of many. */
  stir(): void {
    this.#hasStirred = true
    if (this.#timer === undefined && !this.#isStopped) this.#arm()
  }

  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #arm(): void {
    this.#hasStirred = false
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      if (this.#hasStirred) this.#arm()
      else this.#onRest()
    }, this.#restMs)
    this.#timer.unref()
  }
}
