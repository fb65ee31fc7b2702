/**
 * Which keys of one table the newest events changed: what a SERIALIZABLE transaction looks through to see whether something came into a
 * range that it had read. 12 bytes an event, from the oldest point that someone may still ask about; the coordinator's.
 *
 * Seqs ascend, so a point is found by a binary search. What nobody can ask about any more goes when the arrays are full.
 */
export class RecentChanges {
  #seqs = new Float64Array(FIRST_EVENTS)
  #ordinals = new Uint32Array(FIRST_EVENTS)
  #count = 0

  /** An event was numbered. `oldest` gives the oldest point that may be asked about, and is called now and then. */
  push(seq: number, ordinal: number, oldest: () => number): void {
    if (this.#count === this.#seqs.length) this.#makeRoom(oldest())
    this.#seqs[this.#count] = seq
    this.#ordinals[this.#count++] = ordinal
  }

  /** Of the keys that changed behind `seq`, each once. */
  ordinalsAfter(seq: number): Set<number> {
    const ordinals = new Set<number>()
    for (let index = this.#firstAfter(seq); index < this.#count; index++) ordinals.add(this.#ordinals[index] ?? 0)
    return ordinals
  }

  #firstAfter(seq: number): number {
    let low = 0
    let high = this.#count
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#seqs[middle] ?? 0) > seq) high = middle
      else low = middle + 1
    }
    return low
  }

  #makeRoom(oldest: number): void {
    const from = this.#firstAfter(oldest)
    const kept = this.#count - from
    // Where little went, the next call would come soon.
    const capacity = kept * 2 > this.#seqs.length ? this.#seqs.length * 2 : this.#seqs.length
    const seqs = capacity === this.#seqs.length ? this.#seqs : new Float64Array(capacity)
    const ordinals = capacity === this.#ordinals.length ? this.#ordinals : new Uint32Array(capacity)
    seqs.set(this.#seqs.subarray(from, this.#count))
    ordinals.set(this.#ordinals.subarray(from, this.#count))
    this.#seqs = seqs
    this.#ordinals = ordinals
    this.#count = kept
  }
}

const FIRST_EVENTS = 1024
