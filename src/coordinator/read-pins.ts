/** What a read view holds, and since when (monotonic ms). */
export type ReadPin = { readonly seq: number; readonly sinceMs: number }

/** The seqs that read views hold. A view that is garbage collected lets go by itself. */
export class ReadPins {
  readonly #monotonic: () => number
  /** In the order in which they came. */
  readonly #pins = new Set<ReadPin>()
  readonly #forgotten = new FinalizationRegistry<ReadPin>((pin) => void this.#pins.delete(pin))

  constructor(monotonic: () => number) {
    this.#monotonic = monotonic
  }

  /** Until {@link unpin} is called, or nobody has the view any more. */
  pin(view: object, seq: number): ReadPin {
    const pin = { seq, sinceMs: this.#monotonic() }
    this.#pins.add(pin)
    this.#forgotten.register(view, pin, pin)
    return pin
  }

  unpin(pin: ReadPin): void {
    if (this.#pins.delete(pin)) this.#forgotten.unregister(pin)
  }

  get count(): number {
    return this.#pins.size
  }

  get oldestSeq(): number | undefined {
    return this.#pins.size === 0 ? undefined : Math.min(...[...this.#pins].map(({ seq }) => seq))
  }

  /** Oldest first. */
  list(nowMs: number): readonly { readonly seq: number; readonly ageMs: number }[] {
    return [...this.#pins].map(({ seq, sinceMs }) => ({ seq, ageMs: nowMs - sinceMs }))
  }
}
