/**
 * A sum over the events of one table in their order: seq, commit time and whether more events of the commit follow. Two lists of
 * events are taken to be the same if their counts and sums are: so the events that the commit log promises are compared with those that
 * the files hold without keeping either. It finds accidents, not forgeries.
 */
export class EventTrace {
  count = 0
  firstSeq = 0
  lastSeq = 0
  #a = 0x2545f491
  #b = 0x6c62272e

  add(seq: number, time: number, more: boolean): void {
    if (this.count++ === 0) this.firstSeq = seq
    this.lastSeq = seq
    this.#mix(seq)
    this.#mix(time * 2 + Number(more))
  }

  equals(other: EventTrace): boolean {
    return this.count === other.count && this.#a === other.#a && this.#b === other.#b
  }

  #mix(value: number): void {
    const low = value | 0
    const high = (value / 2 ** 32) | 0
    this.#a = Math.imul(this.#a ^ low, 0x9e3779b1) + high
    this.#a = Math.imul(this.#a ^ (this.#a >>> 15), 0x85ebca6b) | 0
    this.#b = Math.imul(this.#b ^ high, 0xc2b2ae35) + low
    this.#b = Math.imul(this.#b ^ (this.#b >>> 13), 0x27d4eb2f) | 0
  }
}
