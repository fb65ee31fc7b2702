import { EVENT_CODE_MASK, EVENT_INSERT, EVENT_PATCH, EVENT_SOFT_DELETE } from '../format/frame.js'

/**
 * Every version of every row of one table, as chains from the newest to the oldest, in flat arrays (coordinator's memory).
 *
 * A version is one event: its seq (where the version begins), its frame's place, the version before it of the same key, and a jump
 * to one further back, so that the version at any seq is found in O(log V) steps: 29 bytes a version. Version pages will take the
 * chains' place; everything above asks only {@link VersionStore.versionAt}.
 */
const BLOCK_BITS = 16
const BLOCK_VERSIONS = 1 << BLOCK_BITS
const INDEX_MASK = BLOCK_VERSIONS - 1
const FIRST_BLOCK_VERSIONS = 256

const DEPTH_SHIFT = 2
const HAS_DOCUMENT = 0x10

class VersionBlock {
  readonly seq: Float64Array
  readonly place: Float64Array
  readonly previous: Uint32Array
  readonly jump: Uint32Array
  readonly chain: Uint32Array
  readonly info: Uint8Array

  constructor(capacity: number, from?: VersionBlock) {
    this.seq = new Float64Array(capacity)
    this.place = new Float64Array(capacity)
    this.previous = new Uint32Array(capacity)
    this.jump = new Uint32Array(capacity)
    this.chain = new Uint32Array(capacity)
    this.info = new Uint8Array(capacity)
    if (from === undefined) return
    this.seq.set(from.seq)
    this.place.set(from.place)
    this.previous.set(from.previous)
    this.jump.set(from.jump)
    this.chain.set(from.chain)
    this.info.set(from.info)
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
    return this.#blocks.reduce((sum, block) => sum + block.seq.length * 29, this.#latest.byteLength)
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
      if ((block.seq[index] ?? 0) <= at) return version
      const jump = block.jump[index] ?? 0
      version = jump !== 0 && this.seqOf(jump) > at ? jump : (block.previous[index] ?? 0)
    }
    return 0
  }

  seqOf(version: number): number {
    return this.#block(version).seq[version & INDEX_MASK] ?? 0
  }

  placeOf(version: number): number {
    return this.#block(version).place[version & INDEX_MASK] ?? 0
  }

  previousOf(version: number): number {
    return this.#block(version).previous[version & INDEX_MASK] ?? 0
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

  /** The version of the next event; `seq` is above every earlier one (SEQ-1). */
  append(ordinal: number, seq: number, place: number, event: number, carriesDocument: boolean): number {
    const version = this.#count++
    const previous = this.latestOf(ordinal)
    const block = this.#room(version)
    const index = version & INDEX_MASK
    block.seq[index] = seq
    block.place[index] = place
    block.previous[index] = previous
    block.jump[index] = this.#jumpFrom(previous)
    block.chain[index] = previous === 0 ? 1 : this.#chainOf(previous) + 1
    const code = event & EVENT_CODE_MASK
    const whole = code === EVENT_INSERT || carriesDocument
    const depth = code === EVENT_PATCH && !whole ? this.patchDepthOf(previous) + 1 : 0
    block.info[index] = code | (depth << DEPTH_SHIFT) | (whole ? HAS_DOCUMENT : 0)
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
    return this.#block(version).jump[version & INDEX_MASK] ?? 0
  }

  #chainOf(version: number): number {
    return this.#block(version).chain[version & INDEX_MASK] ?? 0
  }

  #info(version: number): number {
    return this.#block(version).info[version & INDEX_MASK] ?? 0
  }

  #block(version: number): VersionBlock {
    // Every version that exists has its block; block 0 holds "none".
    return this.#blocks[version >>> BLOCK_BITS] as VersionBlock
  }

  #room(version: number): VersionBlock {
    const number = version >>> BLOCK_BITS
    const block = this.#blocks[number]
    const needed = (version & INDEX_MASK) + 1
    if (block !== undefined && needed <= block.seq.length) return block
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
