/** The newest version of each key, with what the next one is made from, by ordinal: 20 bytes a key (coordinator's memory). */
const HEAD_WORDS = 4
const FIRST_ORDINALS = 256

export class KeyHeads {
  #words = new Uint32Array(FIRST_ORDINALS * HEAD_WORDS)
  #timelines = new Uint32Array(FIRST_ORDINALS)

  get bytes(): number {
    return this.#words.byteLength + this.#timelines.byteLength
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
    return this.#timelines[ordinal] ?? 0
  }

  set(ordinal: number, version: number, info: number, jump: number, depth: number): void {
    if (ordinal >= this.#timelines.length) this.#widen(ordinal)
    const at = ordinal * HEAD_WORDS
    const words = this.#words
    words[at] = version
    words[at + 1] = info
    words[at + 2] = jump
    words[at + 3] = depth
  }

  setTimeline(ordinal: number, timeline: number): void {
    this.#timelines[ordinal] = timeline
  }

  #widen(ordinal: number): void {
    const ordinals = Math.max(ordinal + 1, this.#timelines.length * 2)
    const words = new Uint32Array(ordinals * HEAD_WORDS)
    const timelines = new Uint32Array(ordinals)
    words.set(this.#words)
    timelines.set(this.#timelines)
    this.#words = words
    this.#timelines = timelines
  }
}
