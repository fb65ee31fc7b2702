import { NODE_BLOCK_BITS, NODE_WORDS } from '../format/version-node.js'

/** Who has a full block of versions in memory. */
export type BlockOwner = {
  /** Lets go of the block's words, which are used again; undefined where it must stay. */
  giveUp(block: number): Uint32Array | undefined
  /** True if it was read since the last question. */
  wasUsed(block: number): boolean
}

type Resident = { readonly owner: BlockOwner; readonly block: number; readonly bytes: number }

/** Of the budget, for what makes reads of the past quick, and appends to long chains (`timelines.ts`). */
const TIMELINE_SHARE = 0.5
const BUFFERS_KEPT = 8
/** Blocks that have to stay, of those that one new block asks; the next one asks others. */
const REFUSALS_MAX = 8

/**
 * The byte budget of all tables' versions: full blocks are given up by a clock, oldest unused first, when others come. The last block of a
 * table, which takes versions, is not counted. Where nothing can be given up (no file takes it) the budget is exceeded.
 */
export class VersionMemory {
  readonly #blockBytesMax: number
  readonly #timelineBytesMax: number
  readonly #ring: Resident[] = []
  readonly #buffers: Uint32Array[] = []
  #hand = 0
  #blockBytes = 0
  #timelineBytes = 0

  constructor(budgetBytes = Number.POSITIVE_INFINITY) {
    this.#timelineBytesMax = budgetBytes * TIMELINE_SHARE
    this.#blockBytesMax = budgetBytes - (Number.isFinite(budgetBytes) ? this.#timelineBytesMax : 0)
  }

  get bytes(): number {
    return this.#blockBytes + this.#timelineBytes
  }

  /** Words for a whole block, of any content. */
  buffer(words: number): Uint32Array {
    if (words !== BUFFER_WORDS) return new Uint32Array(words)
    return this.#buffers.pop() ?? new Uint32Array(words)
  }

  release(words: Uint32Array): void {
    if (words.length === BUFFER_WORDS && this.#buffers.length < BUFFERS_KEPT) this.#buffers.push(words)
  }

  /** Counts a block that has just become full, or was read; others go until the budget holds. The newest always stays. */
  add(owner: BlockOwner, block: number, bytes: number): void {
    this.#blockBytes += bytes
    let refusals = 0
    while (this.#blockBytes > this.#blockBytesMax && refusals < REFUSALS_MAX && this.#ring.length > 0)
      refusals = this.#evictOne() ? 0 : refusals + 1
    this.#ring.push({ owner, block, bytes })
  }

  /** A block that is not full any more. */
  drop(owner: BlockOwner, block: number): void {
    const index = this.#ring.findIndex((resident) => resident.owner === owner && resident.block === block)
    if (index >= 0) this.#remove(index)
  }

  /** The blocks of a table that is closed. */
  forget(owner: BlockOwner): void {
    for (let index = this.#ring.length - 1; index >= 0; index--) if (this.#ring[index]?.owner === owner) this.#remove(index)
  }

  /** False where there is no room for so many more bytes. */
  takeTimeline(bytes: number): boolean {
    if (this.#timelineBytes + bytes > this.#timelineBytesMax) return false
    this.#timelineBytes += bytes
    return true
  }

  returnTimeline(bytes: number): void {
    this.#timelineBytes -= bytes
  }

  /** Looks at the block under the hand. */
  #evictOne(): boolean {
    if (this.#hand >= this.#ring.length) this.#hand = 0
    const resident = this.#ring[this.#hand]
    if (resident === undefined) return false
    if (resident.owner.wasUsed(resident.block)) {
      this.#hand++
      // Its second chance is no refusal.
      return true
    }
    const words = resident.owner.giveUp(resident.block)
    if (words === undefined) {
      this.#hand++
      return false
    }
    this.release(words)
    this.#remove(this.#hand)
    return true
  }

  #remove(index: number): void {
    const resident = this.#ring[index]
    const last = this.#ring.pop()
    if (resident === undefined || last === undefined) return
    if (last !== resident) this.#ring[index] = last
    this.#blockBytes -= resident.bytes
  }
}

const BUFFER_WORDS = NODE_WORDS << NODE_BLOCK_BITS
