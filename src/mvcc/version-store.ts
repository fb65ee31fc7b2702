import { DriftError } from '../base/errors.js'
import { EVENT_CODE_MASK, EVENT_INSERT, EVENT_PATCH, EVENT_SOFT_DELETE } from '../format/frame.js'
import {
  INFO_DEPTH_SHIFT,
  INFO_EVENT_MASK,
  INFO_HAS_DOCUMENT,
  INFO_KIB_MAX,
  INFO_KIB_SHIFT,
  INFO_PLACE_MAX,
  INFO_PLACE_SHIFT,
  INFO_SEQ_MAX,
  INFO_SEQ_SHIFT,
  INFO_WAS_LIVE,
  NODE_INFO,
  NODE_JUMP,
  NODE_ORDINAL,
  NODE_PLACE,
  NODE_PREVIOUS,
  NODE_SEQ,
  NODE_WORDS
} from '../format/version-node.js'
import type { BlockFile } from './block-file.js'
import { KeyHeads } from './key-heads.js'
import { Timelines } from './timelines.js'
import { VersionBlocks, type VersionBlocksOptions } from './version-blocks.js'
import { VersionMemory } from './version-memory.js'

/** A row with this many versions may have a timeline; a shorter chain is walked. */
const TIMELINE_VERSIONS = 4
/** Versions of a key in the block of a point that are looked at one by one. */
const NEAR_STEPS = 4
const TWO_32 = 2 ** 32
/** Steps along chains that a read of the past may spend on making a timeline, for each read that found none. */
const LEARNED_STEPS = 16
const LEARNED_STEPS_MAX = 1 << 14

/** A key's newest version as snapshots keep it. */
export type Head = { readonly version: number; readonly info: number; readonly jump: number; readonly depth: number }

/**
 * Every version of every row of one table, as chains from the newest to the oldest (coordinator's).
 *
 * A version is one event: its seq (where the version begins), its frame's place, the version before it of the same key and one further
 * back: 24 bytes, in blocks that leave memory when its budget is used up, and come back from a file when they are read. What is
 * kept of each key is its newest version, so memory is bounded by the keys and the budget, not by history.
 *
 * Versions are numbered in the order of their seqs, so a point in time is a number, and the version of a key at it is the last
 * one whose number is not above it. Jumps are those of a skew-binary list: about 2 log2(versions of the key) steps.
 */
export class VersionStore {
  readonly #blocks: VersionBlocks
  readonly #heads = new KeyHeads()
  readonly #timelines: Timelines
  readonly #bits: number
  readonly #mask: number
  /** Of the first version of each block. */
  readonly #seqs: number[] = []
  readonly #places: number[] = []
  /** Live rows before the first version of each block. */
  readonly #lives: number[] = []
  /** Versions are numbered from 1; 0 is none. */
  #count = 1
  #lastSeq = 0
  #live = 0
  /** The point asked for last, and what it came to. */
  #pointSeq = -1
  #pointVersion = 0
  #blockSeq = -1
  #blockFound = -1
  #steps = 0

  constructor(options: VersionBlocksOptions = {}) {
    const { memory = new VersionMemory() } = options
    this.#blocks = new VersionBlocks({ ...options, memory })
    this.#timelines = new Timelines(memory)
    this.#bits = this.#blocks.bits
    this.#mask = (1 << this.#bits) - 1
  }

  get count(): number {
    return this.#count - 1
  }

  /** Of the newest version, visible or not; 0: there is none. */
  get lastSeq(): number {
    return this.#lastSeq
  }

  /** Live rows at the newest version. */
  get liveCount(): number {
    return this.#live
  }

  /** Bytes of memory. */
  get bytes(): number {
    return this.#blocks.bytes + this.#heads.bytes + this.#timelines.bytes
  }

  get blocks(): VersionBlocks {
    return this.#blocks
  }

  /** The newest version of an ordinal, numbered or not yet visible; 0 if it has none. */
  latestOf(ordinal: number): number {
    return this.#heads.versionOf(ordinal)
  }

  /** The same without a look into a block. */
  isLatestLive(ordinal: number): boolean {
    return this.latestOf(ordinal) !== 0 && isLiveInfo(this.#heads.infoOf(ordinal))
  }

  /** Patches since the last frame with a whole document, that of the newest version included. */
  latestPatchDepthOf(ordinal: number): number {
    return (this.#heads.infoOf(ordinal) >> INFO_DEPTH_SHIFT) & 3
  }

  /** At least the size of the newest document, in KiB: of the frames that it is folded from. */
  latestKibMax(ordinal: number): number {
    return (this.#heads.infoOf(ordinal) >>> INFO_KIB_SHIFT) & INFO_KIB_MAX
  }

  /**
   * The version of an ordinal that stands at seq `at`: its newest with begin <= `at`; 0 if there is none. A SOFT_DELETE is a version
   * too: see {@link isLive}.
   */
  versionAt(ordinal: number, at: number): number {
    const latest = this.#heads.versionOf(ordinal)
    if (latest === 0 || at >= this.#lastSeq) return latest
    const block = this.#blockAt(at)
    if (block < 0) return 0
    // Where the key has no version in the block of the point, only numbers need be compared, and no version is looked at.
    let found = this.#lastUpTo(ordinal, latest, ((block + 1) << this.#bits) - 1)
    for (let step = 0; step < NEAR_STEPS; step++) {
      if (found < block << this.#bits || this.seqOf(found) <= at) return found
      found = this.previousOf(found)
    }
    return this.#lastUpTo(ordinal, latest, this.through(at))
  }

  /** The same where no block has to be read from a file for it; else -1. */
  versionInMemoryAt(ordinal: number, at: number): number {
    const blocks = this.#blocks
    blocks.beginInMemory()
    try {
      const version = this.versionAt(ordinal, at)
      if (!blocks.missed) return version
      // What was not read said nothing of the point.
      this.#pointSeq = -1
      return -1
    } finally {
      blocks.endInMemory()
    }
  }

  /** The same, 0 where it is a delete. */
  liveVersionAt(ordinal: number, at: number): number {
    const version = this.versionAt(ordinal, at)
    const isLive = version === this.latestOf(ordinal) ? this.isLatestLive(ordinal) : this.isLive(version)
    return isLive ? version : 0
  }

  /** The last version with seq <= `at`: they are numbered in that order. */
  through(at: number): number {
    if (at >= this.#lastSeq) return this.#count - 1
    if (at === this.#pointSeq) return this.#pointVersion
    const version = this.#search(at)
    this.#pointSeq = at
    this.#pointVersion = version
    return version
  }

  /** Live rows at seq `at`. */
  liveCountAt(at: number): number {
    if (at >= this.#lastSeq) return this.#live
    const last = this.through(at)
    const block = last >>> this.#bits
    let live = this.#lives[block] ?? 0
    const words = this.#blocks.words(block)
    for (let row = block === 0 ? 1 : 0; row <= (last & this.#mask); row++) live += liveChange(words[row * NODE_WORDS + NODE_INFO] ?? 0)
    return live
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
    const words = this.#blocks.words(version >>> this.#bits)
    const at = (version & this.#mask) * NODE_WORDS
    const high = (words[at + NODE_INFO] ?? 0) >>> INFO_SEQ_SHIFT
    const low = (words[at + NODE_SEQ] ?? 0) + (this.#seqs[version >>> this.#bits] ?? 0)
    return high === 0 ? low : low + high * TWO_32
  }

  /** True if a look at the version reads no file. */
  isResident(version: number): boolean {
    return this.#blocks.isResident(version >>> this.#bits)
  }

  /** True if `seq` lies among those of the block that has the version: no version is looked at. */
  isInBlockOf(version: number, seq: number): boolean {
    return this.#blockAt(seq) === version >>> this.#bits
  }

  placeOf(version: number): number {
    const words = this.#blocks.words(version >>> this.#bits)
    const at = (version & this.#mask) * NODE_WORDS
    const high = ((words[at + NODE_INFO] ?? 0) >>> INFO_PLACE_SHIFT) & INFO_PLACE_MAX
    const low = (words[at + NODE_PLACE] ?? 0) + (this.#places[version >>> this.#bits] ?? 0)
    return high === 0 ? low : low + high * TWO_32
  }

  /** Of the version that {@link read} was asked for last. */
  seqRead = 0
  placeRead = 0

  /** {@link seqOf} and {@link placeOf} at once, for who reads frames: into {@link seqRead} and {@link placeRead}. */
  read(version: number): void {
    const block = version >>> this.#bits
    const words = this.#blocks.words(block)
    const at = (version & this.#mask) * NODE_WORDS
    const info = words[at + NODE_INFO] ?? 0
    this.seqRead = (words[at + NODE_SEQ] ?? 0) + (this.#seqs[block] ?? 0)
    this.placeRead = (words[at + NODE_PLACE] ?? 0) + (this.#places[block] ?? 0)
    if (info >>> INFO_PLACE_SHIFT === 0) return
    this.seqRead += (info >>> INFO_SEQ_SHIFT) * TWO_32
    this.placeRead += ((info >>> INFO_PLACE_SHIFT) & INFO_PLACE_MAX) * TWO_32
  }

  previousOf(version: number): number {
    return this.#word(version, NODE_PREVIOUS)
  }

  ordinalOf(version: number): number {
    return this.#word(version, NODE_ORDINAL)
  }

  eventOf(version: number): number {
    return this.#word(version, NODE_INFO) & INFO_EVENT_MASK
  }

  isLive(version: number): boolean {
    return version !== 0 && isLiveInfo(this.#word(version, NODE_INFO))
  }

  /** By how many rows the event of a version made the table larger: 1, 0 or -1. */
  liveChangeOf(version: number): number {
    return liveChange(this.#word(version, NODE_INFO))
  }

  /** True if the version's own frame carries its whole document. */
  hasDocument(version: number): boolean {
    return (this.#word(version, NODE_INFO) & INFO_HAS_DOCUMENT) !== 0
  }

  /** The version of the next event; `seq` is above every earlier one (SEQ-1). Throws LIMIT, and what reading a block throws. */
  append(ordinal: number, seq: number, place: number, event: number, carriesDocument: boolean, payloadBytes: number): number {
    const heads = this.#heads
    const previous = heads.versionOf(ordinal)
    const before = heads.infoOf(ordinal)
    const code = event & EVENT_CODE_MASK
    const whole = code === EVENT_INSERT || carriesDocument
    const depth = code === EVENT_PATCH && !whole ? ((before >> INFO_DEPTH_SHIFT) & 3) + 1 : 0
    const kib = Math.ceil(payloadBytes / 1024) + (depth > 0 ? (before >>> INFO_KIB_SHIFT) & INFO_KIB_MAX : 0)
    return this.#put(ordinal, seq, place, code | (depth << INFO_DEPTH_SHIFT) | (whole ? INFO_HAS_DOCUMENT : 0), kib, previous)
  }

  /**
   * Appends the versions of a snapshot that has no blocks, which are proved: `seqs` count from `seq`, `bytes` from `place`, and `ordinals`
   * are `keys` less the ordinal, where `keys` grows with each 0. Returns how many keys there are then; undefined where a number cannot be.
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
      const info = infos[index] ?? 0
      // Bits 0-4 mean the same there; from 8 on KiB.
      this.#put(ordinal, seq, place, info & 0x1f, Math.floor(info / 256), this.latestOf(ordinal))
      place += bytes[index] ?? 0
    }
    return keys
  }

  /**
   * Takes the blocks of a snapshot that goes on where what is here ends: from the block of the next version on, which begins with what is
   * here. `seqs`, `places` and `lives` are those of the blocks' first versions. False where they cannot be right.
   */
  attach(file: BlockFile, count: number, bases: BlockBases): boolean {
    const first = this.#count >>> this.#bits
    const last = count >>> this.#bits
    if (count < this.count || bases.seqs.length !== last - first + 1) return false
    if (this.count > 0 && first < this.#seqs.length && bases.seqs[0] !== this.#seqs[first]) return false
    for (let block = first; block <= last; block++) {
      this.#seqs[block] = bases.seqs[block - first] ?? 0
      this.#places[block] = bases.places[block - first] ?? 0
      this.#lives[block] = bases.lives[block - first] ?? 0
    }
    this.#blocks.attach(first, last, file)
    this.#blocks.resume(last, (count & this.#mask) + 1)
    this.#count = count + 1
    this.#lastSeq = this.seqOf(count)
    this.#live = this.#liveAtEnd()
    this.#pointSeq = this.#blockSeq = -1
    return true
  }

  /** The full blocks up to version `count` lie in this file too: they may leave memory. */
  keep(file: BlockFile, firstBlock: number, count: number): void {
    const last = ((count + 1) >>> this.#bits) - 1
    if (last < firstBlock) file.close()
    else this.#blocks.attach(firstBlock, last, file)
  }

  /** A key's newest version, of a snapshot whose blocks were attached. False where it cannot be. */
  setHead(ordinal: number, version: number, info: number, jump: number, depth: number): boolean {
    if (!(version > 0 && version < this.#count && jump < version && depth > 0)) return false
    const timeline = this.#heads.timelineOf(ordinal)
    if (timeline !== 0) this.#forgetTimeline(ordinal, timeline)
    this.#heads.set(ordinal, version, info, jump, depth)
    return true
  }

  /** What a head repeats of its version. */
  nodeOf(version: number): { readonly info: number; readonly jump: number } {
    return { info: this.#word(version, NODE_INFO), jump: this.#word(version, NODE_JUMP) }
  }

  /** Whether another store has the same version under this number. */
  isSame(version: number, other: VersionStore): boolean {
    if (this.seqOf(version) !== other.seqOf(version) || this.placeOf(version) !== other.placeOf(version)) return false
    return [NODE_PREVIOUS, NODE_JUMP, NODE_ORDINAL, NODE_INFO].every((field) => this.#word(version, field) === other.#word(version, field))
  }

  headOf(ordinal: number): Head {
    const heads = this.#heads
    return { version: heads.versionOf(ordinal), info: heads.infoOf(ordinal), jump: heads.jumpOf(ordinal), depth: heads.depthOf(ordinal) }
  }

  /** Of the first version of a block. */
  baseOf(block: number): { readonly seq: number; readonly place: number; readonly live: number } {
    return { seq: this.#seqs[block] ?? 0, place: this.#places[block] ?? 0, live: this.#lives[block] ?? 0 }
  }

  /** Takes the version that was appended last, which is `ordinal`'s newest, back. */
  removeLast(ordinal: number): void {
    const heads = this.#heads
    const version = this.#count - 1
    const previous = this.previousOf(version)
    const depth = heads.depthOf(ordinal) - 1
    this.#live -= this.liveChangeOf(version)
    if (previous === 0) heads.set(ordinal, 0, 0, 0, 0)
    else heads.set(ordinal, previous, this.#word(previous, NODE_INFO), this.#word(previous, NODE_JUMP), depth)
    const timeline = heads.timelineOf(ordinal)
    if (timeline !== 0) this.#timelines.pop(timeline)
    this.#count = version
    this.#pointSeq = this.#blockSeq = -1
    const last = version - 1
    this.#blocks.reopen(last >>> this.#bits)
    this.#lastSeq = last === 0 ? 0 : this.seqOf(last)
  }

  close(): void {
    this.#blocks.close()
    this.#timelines.close()
  }

  #put(ordinal: number, seq: number, place: number, state: number, kib: number, previous: number): number {
    const heads = this.#heads
    const version = this.#count
    const depth = heads.depthOf(ordinal)
    // Everything that may fail comes before anything is changed.
    const jump = this.#nextJump(ordinal, depth, previous)
    const block = version >>> this.#bits
    const row = version & this.#mask
    const isFirst = row === 0 || version === 1
    const seqStep = isFirst ? 0 : seq - (this.#seqs[block] ?? 0)
    const placeStep = isFirst ? 0 : place - (this.#places[block] ?? 0)
    let info = state | (previous !== 0 && isLiveInfo(heads.infoOf(ordinal)) ? INFO_WAS_LIVE : 0)
    info |= Math.min(kib, INFO_KIB_MAX) << INFO_KIB_SHIFT
    if (seqStep >= TWO_32 || placeStep >= TWO_32) info = withHighBits(info, seqStep, placeStep)
    const words = this.#blocks.room(block, row)
    if (isFirst) {
      this.#seqs[block] = seq
      this.#places[block] = place
      this.#lives[block] = this.#live
    }
    const at = row * NODE_WORDS
    words[at + NODE_SEQ] = seqStep
    words[at + NODE_PLACE] = placeStep
    words[at + NODE_PREVIOUS] = previous
    words[at + NODE_JUMP] = jump
    words[at + NODE_ORDINAL] = ordinal
    words[at + NODE_INFO] = info
    this.#count++
    this.#lastSeq = seq
    this.#live += liveChange(info)
    heads.set(ordinal, version, info, jump, depth + 1)
    const timeline = heads.timelineOf(ordinal)
    if (timeline !== 0) {
      if (!this.#timelines.push(timeline, version)) this.#forgetTimeline(ordinal, timeline)
    } else if (depth + 1 === TIMELINE_VERSIONS) this.#makeTimeline(ordinal, TIMELINE_VERSIONS)
    return version
  }

  /** Where the next version of a key jumps to that has so many. A timeline says it without a look at a version. */
  #nextJump(ordinal: number, depth: number, previous: number): number {
    const behind = itemsBehindJump(depth)
    if (behind === depth) return previous
    if (behind === 0) return 0
    const timeline = this.#heads.timelineOf(ordinal)
    return timeline === 0 ? this.#word(this.#heads.jumpOf(ordinal), NODE_JUMP) : this.#timelines.at(timeline, behind - 1)
  }

  /** The newest version of a key that is not above `bound`. */
  #lastUpTo(ordinal: number, latest: number, bound: number): number {
    if (latest <= bound) return latest
    const timeline = this.#heads.timelineOf(ordinal)
    if (timeline !== 0) return this.#timelines.versionAt(timeline, bound)
    this.#learn(ordinal)
    return this.#alongChain(latest, bound)
  }

  #word(version: number, field: number): number {
    return this.#blocks.words(version >>> this.#bits)[(version & this.#mask) * NODE_WORDS + field] ?? 0
  }

  /** The newest at or before `bound` of the chain from `version` on. */
  #alongChain(version: number, bound: number): number {
    let found = version
    while (found > bound) {
      const words = this.#blocks.words(found >>> this.#bits)
      const at = (found & this.#mask) * NODE_WORDS
      const jump = words[at + NODE_JUMP] ?? 0
      found = jump >= bound ? jump : (words[at + NODE_PREVIOUS] ?? 0)
    }
    return found
  }

  /** The last block whose first version has a seq <= `at`; -1: there is none. */
  #blockAt(at: number): number {
    if (at === this.#blockSeq) return this.#blockFound
    const seqs = this.#seqs
    const blocks = ((this.#count - 1) >>> this.#bits) + 1
    // Seqs are mostly even: from a guess on in steps that double, then between the last two.
    const guess = Math.min(blocks - 1, Math.floor((at / this.#lastSeq) * blocks))
    let low = guess
    let high = guess
    if ((seqs[guess] ?? 0) <= at) for (let step = 1; high < blocks && (seqs[high] ?? 0) <= at; step *= 2) [low, high] = [high, high + step]
    else for (let step = 1; low > 0 && (seqs[low] ?? 0) > at; step *= 2) [low, high] = [low - step, low]
    low = Math.max(0, low)
    high = Math.min(blocks, high)
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((seqs[middle] ?? 0) <= at) low = middle + 1
      else high = middle
    }
    this.#blockSeq = at
    this.#blockFound = low - 1
    return low - 1
  }

  /** `at` is below the seq of the newest version. */
  #search(at: number): number {
    const block = this.#blockAt(at)
    if (block < 0) return 0
    let known = Math.max(1, block << this.#bits)
    let beyond = Math.min(this.#count, (block + 1) << this.#bits)
    while (known + 1 < beyond) {
      const middle = (known + beyond) >>> 1
      if (this.seqOf(middle) <= at) known = middle
      else beyond = middle
    }
    return known
  }

  /** Reads of the past that find no timeline pay for some steps of making one. */
  #learn(ordinal: number): void {
    const depth = this.#heads.depthOf(ordinal)
    this.#steps = Math.min(LEARNED_STEPS_MAX, this.#steps + LEARNED_STEPS)
    if (depth < TIMELINE_VERSIONS || depth > this.#steps) return
    this.#steps -= depth
    this.#makeTimeline(ordinal, depth)
  }

  /** If the whole chain is in memory, and there is room. */
  #makeTimeline(ordinal: number, depth: number): void {
    const chain: number[] = []
    for (let version = this.latestOf(ordinal); version !== 0; version = this.previousOf(version)) {
      if (!this.#blocks.isResident(version >>> this.#bits)) return
      chain.push(version)
    }
    const timeline = this.#timelines.create(depth)
    if (timeline === 0) return
    this.#heads.setTimeline(ordinal, timeline)
    for (let index = chain.length - 1; index >= 0; index--) {
      if (!this.#timelines.push(timeline, chain[index] ?? 0)) return this.#forgetTimeline(ordinal, timeline)
    }
  }

  #forgetTimeline(ordinal: number, timeline: number): void {
    this.#timelines.drop(timeline)
    this.#heads.setTimeline(ordinal, 0)
  }

  #liveAtEnd(): number {
    const last = this.#count - 1
    const block = last >>> this.#bits
    let live = this.#lives[block] ?? 0
    const words = this.#blocks.words(block)
    for (let row = block === 0 ? 1 : 0; row <= (last & this.#mask); row++) live += liveChange(words[row * NODE_WORDS + NODE_INFO] ?? 0)
    return live
  }
}

/** Of the first version of each block. */
export type BlockBases = { readonly seqs: Float64Array; readonly places: Float64Array; readonly lives: Float64Array }

function isLiveInfo(info: number): boolean {
  return (info & INFO_EVENT_MASK) !== EVENT_SOFT_DELETE
}

function liveChange(info: number): number {
  return Number(isLiveInfo(info)) - Number((info & INFO_WAS_LIVE) !== 0)
}

function withHighBits(info: number, seqStep: number, placeStep: number): number {
  const seqHigh = Math.floor(seqStep / TWO_32)
  const placeHigh = Math.floor(placeStep / TWO_32)
  if (seqHigh > INFO_SEQ_MAX || placeHigh > INFO_PLACE_MAX) {
    throw new DriftError('LIMIT', 'events of a table lie too far apart in the order of the database', { seen: seqStep })
  }
  return (info | (placeHigh << INFO_PLACE_SHIFT) | (seqHigh << INFO_SEQ_SHIFT)) >>> 0
}

/**
 * Behind how many of the oldest items the next one of a skew-binary list of so many jumps: where the two trees in front are of one size it
 * is put above both, and jumps behind them; else it jumps to the item before it.
 */
function itemsBehindJump(items: number): number {
  return items < ITEMS_BEHIND_JUMP.length ? (ITEMS_BEHIND_JUMP[items] ?? 0) : findItemsBehindJump(items)
}

function findItemsBehindJump(items: number): number {
  let rest = items
  let last = 0
  let before = 0
  while (rest > 0) {
    before = last
    last = 31 - Math.clz32(rest + 1)
    rest -= (1 << last) - 1
  }
  return last !== 0 && last === before ? items - 2 * ((1 << last) - 1) : items
}

const ITEMS_BEHIND_JUMP = Uint16Array.from({ length: 1024 }, (_, items) => findItemsBehindJump(items))
