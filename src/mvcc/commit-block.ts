import { frameBytes, readFrame } from '../format/frame.js'

/** The end of a commit, which is all that a point in time can be. */
export type CommitPoint = { readonly seq: number; readonly time: number }

/**
 * The commits in one block of `drift.commits`, listed by one walk through its frames, so that finding a point in it is a binary search:
 * a walk takes about 40 us a thousand commits, and every read of the past begins by finding its point.
 */
export class CommitBlock {
  /** Of the frames. */
  readonly bytes: number
  readonly #seqs: number[] = []
  readonly #times: number[] = []
  readonly #offsets: number[] = []

  /** The frames from `begin` on to the end of `source`. */
  constructor(source: Uint8Array, begin: number) {
    this.bytes = source.length - begin
    for (let at = begin; at < source.length; at += frameBytes(source, at)) {
      const { seq, time } = readFrame(source, at)
      this.#seqs.push(seq)
      this.#times.push(time)
      this.#offsets.push(at - begin)
    }
  }

  /** How many of the commits, from the first on, `holds` is true for; it is true up to somewhere and false from there. */
  partition(holds: (point: CommitPoint) => boolean): number {
    let low = 0
    let high = this.#seqs.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (holds(this.point(middle))) low = middle + 1
      else high = middle
    }
    return low
  }

  point(index: number): CommitPoint {
    return { seq: this.#seqs[index] ?? 0, time: this.#times[index] ?? 0 }
  }

  /** Of a commit, from the begin of the block; the block's length behind the last one. */
  offset(index: number): number {
    return this.#offsets[index] ?? this.bytes
  }
}
