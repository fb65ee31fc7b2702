/**
 * Who waits until there is more to see: called once when the visible seq moved, when it never will again, or when the database closes.
 * They look for themselves which of it is so. Nobody waits as a rule, and then a commit pays for one comparison.
 */
export class Arrivals {
  readonly #waiting = new Set<() => void>()

  /** Returns how to take it back. */
  once(wake: () => void): () => void {
    this.#waiting.add(wake)
    return () => void this.#waiting.delete(wake)
  }

  announce(): void {
    if (this.#waiting.size === 0) return
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const wake of waiting) wake()
  }
}
