/**
 * The numbers of the versions of a row in one piece and in order, so that the one at any point is a binary search over neighbouring
 * numbers: along a chain each step is a miss of cache and TLB (100-250 ns). They stand beside the chains as long as there is room; a row
 * without one is read by its chain.
 *
 * A timeline is a run of slots, a power of two of them; when it is full it moves to one of twice the size and leaves its own to the
 * next timeline of that size. 4 bytes a slot.
 */
const BLOCK_BITS = 16
const BLOCK_SLOTS = 1 << BLOCK_BITS
const OFFSET_MASK = BLOCK_SLOTS - 1
const FIRST_LOG2 = 2
const FIRST_BLOCK_SLOTS = 256
const SLOT_BYTES = 4

/** Who says how much memory there is. */
export type TimelineRoom = { takeTimeline(bytes: number): boolean; returnTimeline(bytes: number): void }

export class Timelines {
  readonly #room: TimelineRoom
  readonly #blocks: Uint32Array[] = []
  /** Runs that were left, by the logarithm of their slots. */
  readonly #free: number[][] = []
  readonly #freeNumbers: number[] = []
  /** The block that runs are cut from, and how much of it is. */
  #current = -1
  #used = 0
  #bytes = 0
  /** By timeline number; 0 is none. */
  #starts = new Uint32Array(64)
  #lengths = new Uint32Array(64)
  #log2 = new Uint8Array(64)
  #count = 1

  constructor(room: TimelineRoom) {
    this.#room = room
  }

  get bytes(): number {
    return this.#bytes + this.#starts.length * 9
  }

  /** A new timeline's number; 0 where there is no room for one of `versions` versions. */
  create(versions: number): number {
    const log2 = Math.max(FIRST_LOG2, 32 - Math.clz32(versions - 1))
    const start = this.#run(log2)
    if (start === undefined) return 0
    const free = this.#freeNumbers.pop()
    if (free === undefined && this.#count === this.#starts.length) this.#grow()
    const timeline = free ?? this.#count++
    this.#log2[timeline] = log2
    this.#starts[timeline] = start
    this.#lengths[timeline] = 0
    return timeline
  }

  /** `version` is above all that the timeline has. False where there is no room: then it ends here, and is of no use. */
  push(timeline: number, version: number): boolean {
    const length = this.#lengths[timeline] ?? 0
    if (length === 1 << (this.#log2[timeline] ?? 0) && !this.#double(timeline, length)) return false
    const start = this.#starts[timeline] ?? 0
    const block = this.#blocks[start >>> BLOCK_BITS] as Uint32Array
    block[(start & OFFSET_MASK) + length] = version
    this.#lengths[timeline] = length + 1
    return true
  }

  pop(timeline: number): void {
    this.#lengths[timeline] = (this.#lengths[timeline] ?? 0) - 1
  }

  drop(timeline: number): void {
    this.#leave(this.#log2[timeline] ?? 0, this.#starts[timeline] ?? 0)
    this.#freeNumbers.push(timeline)
  }

  /** The version with this number in it, counted from 0. */
  at(timeline: number, index: number): number {
    const start = this.#starts[timeline] ?? 0
    return this.#blocks[start >>> BLOCK_BITS]?.[(start & OFFSET_MASK) + index] ?? 0
  }

  /** The last version at or below `bound`; 0 if there is none. */
  versionAt(timeline: number, bound: number): number {
    const start = this.#starts[timeline] ?? 0
    const block = this.#blocks[start >>> BLOCK_BITS] as Uint32Array
    const offset = start & OFFSET_MASK
    let low = 0
    let high = this.#lengths[timeline] ?? 0
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((block[offset + middle] ?? 0) <= bound) low = middle + 1
      else high = middle
    }
    return low === 0 ? 0 : (block[offset + low - 1] ?? 0)
  }

  close(): void {
    this.#room.returnTimeline(this.#bytes)
    this.#bytes = 0
  }

  #double(timeline: number, length: number): boolean {
    const log2 = this.#log2[timeline] ?? 0
    const from = this.#starts[timeline] ?? 0
    const start = this.#run(log2 + 1)
    if (start === undefined) return false
    const old = this.#blocks[from >>> BLOCK_BITS] as Uint32Array
    const block = this.#blocks[start >>> BLOCK_BITS] as Uint32Array
    block.set(old.subarray(from & OFFSET_MASK, (from & OFFSET_MASK) + length), start & OFFSET_MASK)
    this.#leave(log2, from)
    this.#starts[timeline] = start
    this.#log2[timeline] = log2 + 1
    return true
  }

  #leave(log2: number, start: number): void {
    ;(this.#free[log2] ??= []).push(start)
  }

  #run(log2: number): number | undefined {
    const free = this.#free[log2]?.pop()
    if (free !== undefined) return free
    const slots = 1 << log2
    // A run of more than a block has a block of its own.
    if (slots > BLOCK_SLOTS) return this.#block(slots)
    if (this.#current < 0 || this.#used + slots > BLOCK_SLOTS) {
      if (this.#block(Math.max(slots, this.#current < 0 ? FIRST_BLOCK_SLOTS : BLOCK_SLOTS)) === undefined) return undefined
      this.#used = 0
      this.#current = this.#blocks.length - 1
    } else if (this.#used + slots > (this.#blocks[this.#current]?.length ?? 0) && !this.#widen(this.#used + slots)) return undefined
    const start = this.#current * BLOCK_SLOTS + this.#used
    this.#used += slots
    return start
  }

  #block(slots: number): number | undefined {
    if (!this.#room.takeTimeline(slots * SLOT_BYTES)) return undefined
    this.#bytes += slots * SLOT_BYTES
    return (this.#blocks.push(new Uint32Array(slots)) - 1) * BLOCK_SLOTS
  }

  /** The first block of a table begins small. */
  #widen(slots: number): boolean {
    const old = this.#blocks[this.#current] as Uint32Array
    let wide = old.length
    while (wide < slots) wide *= 2
    const bytes = (wide - old.length) * SLOT_BYTES
    if (!this.#room.takeTimeline(bytes)) return false
    const block = new Uint32Array(wide)
    block.set(old)
    this.#blocks[this.#current] = block
    this.#bytes += bytes
    return true
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
