/** The newest version of each key, with what the next one is made from, by ordinal: 20 bytes a key (coordinator's memory). */
const HEAD_WORDS = 5
const FIRST_ORDINALS = 256

export class KeyHeads {
  #words = new Uint32Array(FIRST_ORDINALS * HEAD_WORDS)

  get bytes(): number {
    return this.#words.byteLength
  }

  /** 0: none. */
  versionOf(ordinal: number): number {
    return this.#words[ordinal * HEAD_WORDS] ?? 0
  }

  infoOf(ordinal: number): number {
    return this.#words[ordinal * HEAD_WORDS + 1] ?? 0
  }

  jumpOf(ordinal: number): number {
    return this.#words[ordinal * HEAD_WORDS + 2] ?? 0
  }

  /** Versions of the key. */
  depthOf(ordinal: number): number {
    return this.#words[ordinal * HEAD_WORDS + 3] ?? 0
  }

  /** 0: it has none. */
  timelineOf(ordinal: number): number {
    return this.#words[ordinal * HEAD_WORDS + 4] ?? 0
  }

  set(ordinal: number, version: number, info: number, jump: number, depth: number): void {
    if (ordinal * HEAD_WORDS >= this.#words.length) this.#widen(ordinal)
    const at = ordinal * HEAD_WORDS
    const words = this.#words
    words[at] = version
    words[at + 1] = info
    words[at + 2] = jump
    words[at + 3] = depth
  }

  setTimeline(ordinal: number, timeline: number): void {
    this.#words[ordinal * HEAD_WORDS + 4] = timeline
  }

  #widen(ordinal: number): void {
    const words = new Uint32Array(Math.max(ordinal + 1, (this.#words.length / HEAD_WORDS) * 2) * HEAD_WORDS)
    words.set(this.#words)
    this.#words = words
  }
}
