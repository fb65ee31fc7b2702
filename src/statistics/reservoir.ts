/**
 * Which rows of a stream, whose length nobody knows, belong to a sample in which each row is as likely as every other: Algorithm L (Li 1994).
 * It jumps over what it does not take, so a row that is left out costs nothing.
 */
export class Reservoir {
  readonly #slots: number
  readonly #random: () => number
  #seen = 0
  /** Number of the next row that is taken. */
  #next = 0
  #weight = 1

  constructor(slots: number, random: () => number) {
    this.#slots = slots
    this.#random = random
  }

  /** Rows that the sample has. */
  get size(): number {
    return Math.min(this.#seen, this.#slots)
  }

  /** All rows that there were are in it. */
  get isWhole(): boolean {
    return this.#seen <= this.#slots
  }

  /** Takes the next `rows` rows: `take` is called with the number of a row among them and with the place that it gets. */
  offer(rows: number, take: (row: number, slot: number) => void): void {
    const end = this.#seen + rows
    for (; this.#next < end; this.#jump()) {
      const slot = this.#next < this.#slots ? this.#next : Math.floor(this.#random() * this.#slots)
      take(this.#next - this.#seen, slot)
    }
    this.#seen = end
  }

  #jump(): void {
    this.#next++
    if (this.#next < this.#slots) return
    // Of 0 there is no logarithm.
    this.#weight *= Math.exp(Math.log(1 - this.#random()) / this.#slots)
    const over = Math.floor(Math.log(1 - this.#random()) / Math.log1p(-this.#weight))
    // A jump further than any table is one behind its end.
    this.#next += Number.isFinite(over) ? over : Number.MAX_SAFE_INTEGER / 2
  }
}
