/** The seqs that read views hold, and since when. One that is garbage collected lets go by itself. */
export class ReadPins {
  readonly #monotonic: () => number
  readonly #pins = new Map<number, { readonly seq: number; readonly sinceMs: number }>()
  readonly #pinOf = new WeakMap<object, number>()
  readonly #forgotten = new FinalizationRegistry<number>((id) => void this.#pins.delete(id))
  #nextId = 1

  constructor(monotonic: () => number) {
    this.#monotonic = monotonic
  }

  pin(view: object, seq: number): void {
    const id = this.#nextId++
    this.#pins.set(id, { seq, sinceMs: this.#monotonic() })
    this.#pinOf.set(view, id)
    this.#forgotten.register(view, id, view)
  }

  unpin(view: object): void {
    const id = this.#pinOf.get(view)
    if (id === undefined) return
    this.#pins.delete(id)
    this.#pinOf.delete(view)
    this.#forgotten.unregister(view)
  }

  get count(): number {
    return this.#pins.size
  }

  get oldestSeq(): number | undefined {
    return this.#pins.size === 0 ? undefined : Math.min(...[...this.#pins.values()].map(({ seq }) => seq))
  }

  /** Oldest first. */
  list(nowMs: number): readonly { readonly seq: number; readonly ageMs: number }[] {
    return [...this.#pins.values()].map(({ seq, sinceMs }) => ({ seq, ageMs: nowMs - sinceMs }))
  }
}
