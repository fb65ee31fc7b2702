import { EVENT_CODE_MASK, EVENT_INSERT, EVENT_PATCH, EVENT_SOFT_DELETE } from '../format/frame.js'

/**
 * Every version of every row of one table, as chains from the newest to the oldest, in flat arrays (coordinator's memory).
 *
 * A version is one event: its seq (where the version begins), its frame's place, the version before it of the same key, and a jump
 * to one further back, so that the version at any seq is found in O(log V) steps: 32 bytes a version. Version pages will take the
 * chains' place; everything above asks only {@link VersionStore.versionAt}.
 */
const BLOCK_BITS = 16
const BLOCK_VERSIONS = 1 << BLOCK_BITS
const INDEX_MASK = BLOCK_VERSIONS - 1
const FIRST_BLOCK_VERSIONS = 256

const DEPTH_SHIFT = 2
const HAS_DOCUMENT = 0x10
const SIZE_SHIFT = 8

/** 32 bytes a version, half a cache line: a step along a chain touches one. */
const F64_PER_VERSION = 4
const U32_PER_VERSION = 8
const SEQ = 0
const PLACE = 1
const PREVIOUS = 4
const JUMP = 5
const CHAIN = 6
const INFO = 7

class VersionBlock {
  readonly capacity: number
  readonly f64: Float64Array
  readonly u32: Uint32Array

  constructor(capacity: number, from?: VersionBlock) {
    this.capacity = capacity
    this.f64 = new Float64Array(capacity * F64_PER_VERSION)
    this.u32 = new Uint32Array(this.f64.buffer)
    if (from !== undefined) this.f64.set(from.f64)
  }
}

export class VersionStore {
  readonly #blocks: VersionBlock[] = [new VersionBlock(FIRST_BLOCK_VERSIONS)]
  /** Versions are numbered from 1; 0 is none. */
  #count = 1
  #latest = new Uint32Array(FIRST_BLOCK_VERSIONS)

  get count(): number {
    return this.#count - 1
  }

  get bytes(): number {
    return this.#blocks.reduce((sum, block) => sum + block.f64.byteLength, this.#latest.byteLength)
  }

  /** The newest version of an ordinal, numbered or not yet visible; 0 if it has none. */
  latestOf(ordinal: number): number {
    return this.#latest[ordinal] ?? 0
  }

  /**
   * The version of an ordinal that stands at seq `at`: its newest with begin <= `at`; 0 if there is none. A SOFT_DELETE is a version
   * too: see {@link isLive}.
   */
  versionAt(ordinal: number, at: number): number {
    let version = this.#latest[ordinal] ?? 0
    while (version !== 0) {
      const block = this.#block(version)
      const index = version & INDEX_MASK
      if ((block.f64[index * F64_PER_VERSION + SEQ] ?? 0) <= at) return version
      const jump = block.u32[index * U32_PER_VERSION + JUMP] ?? 0
      version = jump !== 0 && this.seqOf(jump) > at ? jump : (block.u32[index * U32_PER_VERSION + PREVIOUS] ?? 0)
    }
    return 0
  }

  seqOf(version: number): number {
    return this.#block(version).f64[(version & INDEX_MASK) * F64_PER_VERSION + SEQ] ?? 0
  }

  placeOf(version: number): number {
    return this.#block(version).f64[(version & INDEX_MASK) * F64_PER_VERSION + PLACE] ?? 0
  }

  previousOf(version: number): number {
    return this.#block(version).u32[(version & INDEX_MASK) * U32_PER_VERSION + PREVIOUS] ?? 0
  }

  eventOf(version: number): number {
    return this.#info(version) & 3
  }

  isLive(version: number): boolean {
    return version !== 0 && this.eventOf(version) !== EVENT_SOFT_DELETE
  }

  /** True if the version's own frame carries its whole document. */
  hasDocument(version: number): boolean {
    return (this.#info(version) & HAS_DOCUMENT) !== 0
  }

  /** Patches since the last frame with a whole document, this version's included. */
  patchDepthOf(version: number): number {
    return (this.#info(version) >> DEPTH_SHIFT) & 3
  }

  /** At least the size of the version's document, in KiB: of the frames that it is folded from. */
  documentKibMax(version: number): number {
    return this.#info(version) >>> SIZE_SHIFT
  }

  /** The version of the next event; `seq` is above every earlier one (SEQ-1). */
  append(ordinal: number, seq: number, place: number, event: number, carriesDocument: boolean, payloadBytes: number): number {
    const version = this.#count++
    const previous = this.latestOf(ordinal)
    const block = this.#room(version)
    const index = version & INDEX_MASK
    block.f64[index * F64_PER_VERSION + SEQ] = seq
    block.f64[index * F64_PER_VERSION + PLACE] = place
    block.u32[index * U32_PER_VERSION + PREVIOUS] = previous
    block.u32[index * U32_PER_VERSION + JUMP] = this.#jumpFrom(previous)
    block.u32[index * U32_PER_VERSION + CHAIN] = previous === 0 ? 1 : this.#chainOf(previous) + 1
    const code = event & EVENT_CODE_MASK
    const whole = code === EVENT_INSERT || carriesDocument
    const depth = code === EVENT_PATCH && !whole ? this.patchDepthOf(previous) + 1 : 0
    const kib = Math.ceil(payloadBytes / 1024) + (depth > 0 ? this.documentKibMax(previous) : 0)
    block.u32[index * U32_PER_VERSION + INFO] = code | (depth << DEPTH_SHIFT) | (whole ? HAS_DOCUMENT : 0) | (kib << SIZE_SHIFT)
    this.#setLatest(ordinal, version)
    return version
  }

  /** Takes the version that was appended last, which is `ordinal`'s newest, back. */
  removeLast(ordinal: number): void {
    this.#latest[ordinal] = this.previousOf(--this.#count)
  }

  // A chain's n-th version jumps as far as the two jumps behind it together, if those are of one length: any seq is log(n) away.
  #jumpFrom(previous: number): number {
    if (previous === 0) return 0
    const jump = this.#jumpOf(previous)
    if (jump === 0) return previous
    const further = this.#jumpOf(jump)
    const chain = this.#chainOf(jump)
    return this.#chainOf(previous) - chain === chain - (further === 0 ? 0 : this.#chainOf(further)) ? further : previous
  }

  #jumpOf(version: number): number {
    return this.#block(version).u32[(version & INDEX_MASK) * U32_PER_VERSION + JUMP] ?? 0
  }

  #chainOf(version: number): number {
    return this.#block(version).u32[(version & INDEX_MASK) * U32_PER_VERSION + CHAIN] ?? 0
  }

  #info(version: number): number {
    return this.#block(version).u32[(version & INDEX_MASK) * U32_PER_VERSION + INFO] ?? 0
  }

  #block(version: number): VersionBlock {
    // Every version that exists has its block; block 0 holds "none".
    return this.#blocks[version >>> BLOCK_BITS] as VersionBlock
  }

  #room(version: number): VersionBlock {
    const number = version >>> BLOCK_BITS
    const block = this.#blocks[number]
    const needed = (version & INDEX_MASK) + 1
    if (block !== undefined && needed <= block.capacity) return block
    const capacity = number === 0 ? Math.min(BLOCK_VERSIONS, Math.max(FIRST_BLOCK_VERSIONS, needed * 2)) : BLOCK_VERSIONS
    const grown = new VersionBlock(capacity, block)
    this.#blocks[number] = grown
    return grown
  }

  #setLatest(ordinal: number, version: number): void {
    if (ordinal >= this.#latest.length) {
      const grown = new Uint32Array(Math.max(FIRST_BLOCK_VERSIONS, ordinal * 2))
      grown.set(this.#latest)
      this.#latest = grown
    }
    this.#latest[ordinal] = version
  }
}
