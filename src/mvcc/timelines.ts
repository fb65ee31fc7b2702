/**
 * The versions of each row that has several, in one piece and in order, so that the one at any seq is a binary search over
 * neighbouring numbers: where versions lie scattered over all memory, each step of a chain costs a miss of cache and TLB (100-250 ns).
 *
 * A timeline is a run of slots, a power of two of them; when it is full it moves to one of twice the size and leaves its own to the
 * next timeline of that size. 12 bytes a slot.
 */
const BLOCK_BITS = 16
const BLOCK_SLOTS = 1 << BLOCK_BITS
const OFFSET_MASK = BLOCK_SLOTS - 1
const FIRST_LOG2 = 2

class TimelineBlock {
  readonly seqs: Float64Array
  readonly versions: Uint32Array

  constructor(slots: number) {
    this.seqs = new Float64Array(slots)
    this.versions = new Uint32Array(slots)
  }
}

/** One timeline; `start` is its block's number and its offset in it. */
export class Timelines {
  readonly #blocks: TimelineBlock[] = []
  /** Runs that were left, by the logarithm of their slots. */
  readonly #free: number[][] = []
  #current = 0
  #used = BLOCK_SLOTS
  #bytes = 0
  /** By timeline number; 0 is none. */
  #starts = new Uint32Array(64)
  #lengths = new Uint32Array(64)
  #log2 = new Uint8Array(64)
  #count = 1

  get bytes(): number {
    return this.#bytes + this.#starts.length * 9
  }

  /** A new timeline's number. */
  create(): number {
    if (this.#count === this.#starts.length) this.#grow()
    const timeline = this.#count++
    this.#log2[timeline] = FIRST_LOG2
    this.#starts[timeline] = this.#run(FIRST_LOG2)
    return timeline
  }

  lengthOf(timeline: number): number {
    return this.#lengths[timeline] ?? 0
  }

  /** `seq` is above all that the timeline has. */
  push(timeline: number, seq: number, version: number): void {
    const length = this.lengthOf(timeline)
    if (length === 1 << (this.#log2[timeline] ?? 0)) this.#double(timeline, length)
    const start = this.#starts[timeline] ?? 0
    const block = this.#blocks[start >>> BLOCK_BITS] as TimelineBlock
    block.seqs[(start & OFFSET_MASK) + length] = seq
    block.versions[(start & OFFSET_MASK) + length] = version
    this.#lengths[timeline] = length + 1
  }

  pop(timeline: number): void {
    this.#lengths[timeline] = this.lengthOf(timeline) - 1
  }

  /** The last version with a seq at or below `at`; 0 if there is none. */
  versionAt(timeline: number, at: number): number {
    const start = this.#starts[timeline] ?? 0
    const block = this.#blocks[start >>> BLOCK_BITS] as TimelineBlock
    const offset = start & OFFSET_MASK
    const { seqs } = block
    let low = 0
    let high = this.lengthOf(timeline)
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((seqs[offset + middle] ?? 0) <= at) low = middle + 1
      else high = middle
    }
    return low === 0 ? 0 : (block.versions[offset + low - 1] ?? 0)
  }

  #double(timeline: number, length: number): void {
    const from = this.#starts[timeline] ?? 0
    const old = this.#blocks[from >>> BLOCK_BITS] as TimelineBlock
    const offset = from & OFFSET_MASK
    this.#release(timeline)
    const log2 = (this.#log2[timeline] ?? 0) + 1
    const start = this.#run(log2)
    const block = this.#blocks[start >>> BLOCK_BITS] as TimelineBlock
    block.seqs.set(old.seqs.subarray(offset, offset + length), start & OFFSET_MASK)
    block.versions.set(old.versions.subarray(offset, offset + length), start & OFFSET_MASK)
    this.#starts[timeline] = start
    this.#log2[timeline] = log2
  }

  #release(timeline: number): void {
    const log2 = this.#log2[timeline] ?? 0
    ;(this.#free[log2] ??= []).push(this.#starts[timeline] ?? 0)
  }

  #run(log2: number): number {
    const free = this.#free[log2]?.pop()
    if (free !== undefined) return free
    const slots = 1 << log2
    // A run of more than a block has a block of its own.
    if (slots > BLOCK_SLOTS) return this.#block(slots)
    if (this.#used + slots > BLOCK_SLOTS) {
      this.#block(BLOCK_SLOTS)
      this.#used = 0
      this.#current = this.#blocks.length - 1
    }
    const start = this.#current * BLOCK_SLOTS + this.#used
    this.#used += slots
    return start
  }

  #block(slots: number): number {
    this.#bytes += slots * 12
    return (this.#blocks.push(new TimelineBlock(slots)) - 1) * BLOCK_SLOTS
  }

  #grow(): void {
    const slots = this.#starts.length * 2
    const starts = new Uint32Array(slots)
    const lengths = new Uint32Array(slots)
    const log2 = new Uint8Array(slots)
    starts.set(this.#starts)
    lengths.set(this.#lengths)
    log2.set(this.#log2)
    this.#starts = starts
    this.#lengths = lengths
    this.#log2 = log2
  }
}
