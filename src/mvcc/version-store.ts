import { EVENT_CODE_MASK, EVENT_INSERT, EVENT_PATCH, EVENT_SOFT_DELETE } from '../format/frame.js'
import { Timelines } from './timelines.js'

/**
 * Every version of every row of one table, as chains from the newest to the oldest, in flat arrays (coordinator's memory).
 *
 * A version is one event: its seq (where the version begins), its frame's place and the version before it of the same key: 24 bytes.
 * Rows with several have a timeline beside the chain, in which the version at any seq is found by a binary search. Version pages will
 * take the place of both; everything above asks only {@link VersionStore.versionAt}.
 */
const BLOCK_BITS = 16
const BLOCK_VERSIONS = 1 << BLOCK_BITS
const INDEX_MASK = BLOCK_VERSIONS - 1
const FIRST_BLOCK_VERSIONS = 256

const DEPTH_SHIFT = 2
const HAS_DOCUMENT = 0x10
const SIZE_SHIFT = 8

/** 24 bytes a version. */
const F64_PER_VERSION = 3
const U32_PER_VERSION = 6
const SEQ = 0
const PLACE = 1
const PREVIOUS = 4
const INFO = 5

/** A row with this many versions gets a timeline; a shorter chain is walked. */
const TIMELINE_VERSIONS = 4

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
  /** By ordinal; 0: the chain is short. */
  #timelineOf = new Uint32Array(FIRST_BLOCK_VERSIONS)
  readonly #timelines = new Timelines()

  get count(): number {
    return this.#count - 1
  }

  get bytes(): number {
    return this.#blocks.reduce((sum, block) => sum + block.f64.byteLength, this.#latest.byteLength * 2 + this.#timelines.bytes)
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
    let version = this.latestOf(ordinal)
    if (version === 0 || this.seqOf(version) <= at) return version
    const timeline = this.#timelineOf[ordinal] ?? 0
    if (timeline !== 0) return this.#timelines.versionAt(timeline, at)
    do version = this.previousOf(version)
    while (version !== 0 && this.seqOf(version) > at)
    return version
  }

  /** The first version of an ordinal that begins behind `after` and at or before `through`; 0 if there is none. */
  firstVersionIn(ordinal: number, after: number, through: number): number {
    const before = this.versionAt(ordinal, after)
    let found = this.versionAt(ordinal, through)
    if (found === before || through <= after) return 0
    let low = after
    // Whatever stands at `low` is `before`; `found` is a later one.
    for (let high = this.seqOf(found); high - low > 1;) {
      const middle = Math.floor((low + high) / 2)
      const version = this.versionAt(ordinal, middle)
      if (version === before) low = middle
      else {
        found = version
        high = this.seqOf(version)
      }
    }
    return found
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
    const code = event & EVENT_CODE_MASK
    const whole = code === EVENT_INSERT || carriesDocument
    const depth = code === EVENT_PATCH && !whole ? this.patchDepthOf(previous) + 1 : 0
    const kib = Math.ceil(payloadBytes / 1024) + (depth > 0 ? this.documentKibMax(previous) : 0)
    block.u32[index * U32_PER_VERSION + INFO] = code | (depth << DEPTH_SHIFT) | (whole ? HAS_DOCUMENT : 0) | (kib << SIZE_SHIFT)
    this.#setLatest(ordinal, version)
    this.#extendTimeline(ordinal, seq, version)
    return version
  }

  /** How many versions there are with a seq at or below `seq`. */
  countThrough(seq: number): number {
    let low = 0
    let high = this.count
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if (this.seqOf(middle) <= seq) low = middle
      else high = middle - 1
    }
    return low
  }

  /** What snapshots keep of a version beside its seq and place, as `format/snapshot-file.ts` says. */
  infoOf(version: number): number {
    return this.#info(version)
  }

  /**
   * Appends the versions of a snapshot, which are proved: `seqs` count from `seq`, `bytes` from `place`, and `ordinals` are `keys` less
   * the ordinal, where `keys` grows with each 0. Returns how many keys there are then; undefined where a number cannot be.
   */
  restore(
    seqs: Float64Array,
    ordinals: Float64Array,
    bytes: Float64Array,
    infos: Float64Array,
    base: { readonly seq: number; readonly place: number; readonly keys: number }
  ): number | undefined {
    let { seq, place, keys } = base
    for (let index = 0; index < seqs.length; index++) {
      const step = seqs[index] ?? 0
      const ordinal = keys - (ordinals[index] ?? 0)
      if (step < 1 || ordinal < 0) return undefined
      if (ordinal === keys) keys++
      seq += step
      const version = this.#count++
      const previous = this.latestOf(ordinal)
      const block = this.#room(version)
      const at = version & INDEX_MASK
      block.f64[at * F64_PER_VERSION + SEQ] = seq
      block.f64[at * F64_PER_VERSION + PLACE] = place
      block.u32[at * U32_PER_VERSION + PREVIOUS] = previous
      block.u32[at * U32_PER_VERSION + INFO] = infos[index] ?? 0
      this.#setLatest(ordinal, version)
      if (previous !== 0) this.#extendTimeline(ordinal, seq, version)
      place += bytes[index] ?? 0
    }
    return keys
  }

  /** Takes the version that was appended last, which is `ordinal`'s newest, back. */
  removeLast(ordinal: number): void {
    this.#latest[ordinal] = this.previousOf(--this.#count)
    const timeline = this.#timelineOf[ordinal] ?? 0
    if (timeline !== 0) this.#timelines.pop(timeline)
  }

  #extendTimeline(ordinal: number, seq: number, version: number): void {
    let timeline = this.#timelineOf[ordinal] ?? 0
    if (timeline === 0) {
      if (this.previousOf(version) === 0) return
      const chain: number[] = []
      for (let older = this.previousOf(version); older !== 0; older = this.previousOf(older)) chain.push(older)
      if (chain.length + 1 < TIMELINE_VERSIONS) return
      timeline = this.#timelines.create()
      this.#timelineOf[ordinal] = timeline
      for (const older of chain.reverse()) this.#timelines.push(timeline, this.seqOf(older), older)
    }
    this.#timelines.push(timeline, seq, version)
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
      const ordinals = Math.max(FIRST_BLOCK_VERSIONS, ordinal * 2)
      const latest = new Uint32Array(ordinals)
      const timelineOf = new Uint32Array(ordinals)
      latest.set(this.#latest)
      timelineOf.set(this.#timelineOf)
      this.#latest = latest
      this.#timelineOf = timelineOf
    }
    this.#latest[ordinal] = version
  }
}
