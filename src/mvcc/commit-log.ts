import { DriftError } from '../base/errors.js'
import type { Value } from '../codec/value.js'
import { FILE_HEADER_BYTES } from '../format/file-header.js'
import { frameBytes } from '../format/frame.js'
import type { SegmentSummary } from '../segment/block-builder.js'
import type { SegmentReader } from '../segment/segment-reader.js'
import { CommitBlock, type CommitPoint } from './commit-block.js'
import { metadataOf, readCommit, type CommitRecord, type CommitRun } from './commit-record.js'

/** One commit: its events are firstSeq … seq. */
export type CommitEntry = { readonly seq: number; readonly firstSeq: number; readonly time: number; readonly metadata: Value }

/** `runs`: mostly one, of which the table's id says all; nothing else is kept for it, there may be many commits. */
type TailEntry = Omit<CommitRecord, 'runs'> & { readonly runs: number | readonly CommitRun[] }

/**
 * The commits in order, searched by seq and by time: the segments of `drift.commits` (only a sparse index of them is in memory: one
 * entry a block), then the commits that no checkpoint has moved there.
 *
 * TIM-1: neither seqs nor times decrease along it, so both searches are one binary search.
 */
export class CommitLog {
  readonly #segments: SegmentReader
  #tail: TailEntry[] = []
  /** By place; at most {@link BLOCKS_MAX}, the one listed first goes first. */
  readonly #blocks = new Map<number, CommitBlock>()

  constructor(segments: SegmentReader) {
    this.#segments = segments
  }

  /** `metadata` is msgpack, copied; empty: none. Several runs are kept as they are. */
  append(firstSeq: number, seq: number, time: number, metadata: Uint8Array, runs: readonly CommitRun[]): void {
    const kept = runs.length === 1 ? (runs[0]?.tableId ?? 0) : runs
    this.#tail.push({ seq, firstSeq, time, runs: kept, metadata: metadata.length === 0 ? metadata : metadata.slice() })
  }

  /** The commits up to `seq` are in segments now. */
  flushThrough(seq: number, changed: readonly SegmentSummary[]): void {
    this.#segments.installChanged(changed)
    const kept = partition(this.#tail, (entry) => entry.seq <= seq)
    this.#tail = this.#tail.slice(kept)
  }

  get segments(): readonly SegmentSummary[] {
    return this.#segments.segments
  }

  /** Takes the segment that others were merged into in their place. */
  installMerged(merged: SegmentSummary): void {
    this.#segments.installMerged(merged)
  }

  /** Opens every file now, see {@link SegmentReader.hold}. */
  hold(): void {
    this.#segments.hold()
  }

  close(): void {
    this.#segments.close()
  }

  /** The last commit with seq <= `seq`; seq 0 where there is none. */
  atSeq(seq: number): CommitPoint {
    return this.#last((point) => point.seq <= seq)
  }

  /** The last commit with time <= `time`; seq 0 where there is none. */
  atTime(time: number): CommitPoint {
    return this.#last((point) => point.time <= time)
  }

  /** The commit that the event `seq` belongs to. */
  commitOf(seq: number): CommitEntry {
    const first = this.#tail[0]
    if (first === undefined || seq < first.firstSeq) {
      const found = this.#inSegments(seq)
      if (found !== undefined) return found
    }
    const index = partition(this.#tail, (entry) => entry.seq < seq)
    const entry = this.#tail[index]
    if (entry === undefined || entry.firstSeq > seq) throw new DriftError('INVARIANT', `SEQ-2: no commit has seq ${seq}`, { seq })
    const { firstSeq, time } = entry
    return { seq: entry.seq, firstSeq, time, metadata: metadataOf(entry) }
  }

  /**
   * The commits that end behind `seq` and at or before `through`, oldest first: some of them, `limit` at most, none only where there is
   * none. Nothing is held between two calls, so whoever walks through the log may take all the time it likes.
   */
  after(seq: number, through: number, limit: number): readonly CommitRecord[] {
    const found: CommitRecord[] = []
    const first = this.#tail[0]
    if (first === undefined || first.firstSeq > seq + 1) {
      const before = this.#lastInSegments((point) => point.seq <= seq)
      const place = before === undefined ? 0 : before.origin + before.block.offset(before.index + 1)
      if (place < this.#segments.bytes) {
        this.#segments.find(place)
        const { source, offset } = this.#segments
        for (let at = offset; at < source.length && found.length < limit; at += frameBytes(source, at)) {
          const commit = readCommit(source, at)
          if (commit.seq > through) break
          found.push(commit)
        }
        return found
      }
    }
    for (let index = partition(this.#tail, (entry) => entry.seq <= seq); found.length < limit; index++) {
      const entry = this.#tail[index]
      if (entry === undefined || entry.seq > through) break
      found.push(recordOf(entry))
    }
    return found
  }

  /** The commits that end before `seq`, newest first, as {@link after}. */
  before(seq: number, limit: number): readonly CommitRecord[] {
    const inTail = partition(this.#tail, (entry) => entry.seq < seq)
    if (inTail > 0)
      return this.#tail
        .slice(Math.max(0, inTail - limit), inTail)
        .reverse()
        .map(recordOf)
    const last = this.#lastInSegments((point) => point.seq < seq)
    if (last === undefined) return []
    this.#segments.find(last.origin)
    const { source, offset } = this.#segments
    const found: CommitRecord[] = []
    for (let index = last.index; index >= 0 && found.length < limit; index--) {
      found.push(readCommit(source, offset + last.block.offset(index)))
    }
    return found
  }

  /** How many commits end at or before `seq`. Segments know how many they have; the one that `seq` lies in is walked through. */
  countThrough(seq: number): number {
    const { segments } = this
    const lastSeq = segments.at(-1)?.lastSeq ?? 0
    if (seq >= lastSeq) {
      return segments.reduce((sum, { count }) => sum + count, 0) + partition(this.#tail, (entry) => entry.seq <= seq)
    }
    let count = 0
    for (const segment of segments) {
      if (segment.firstSeq > seq) break
      if (segment.lastSeq <= seq) count += segment.count
      else for (const block of segment.blocks) if (block.firstSeq <= seq) count += this.#countInBlock(segment.origin + block.offset, seq)
    }
    return count
  }

  #countInBlock(behindHeader: number, seq: number): number {
    this.#segments.find(behindHeader - FIRST_FRAME)
    const { source, offset } = this.#segments
    return new CommitBlock(source, offset).partition((point) => point.seq <= seq)
  }

  #last(holds: (point: CommitPoint) => boolean): CommitPoint {
    const inTail = partition(this.#tail, holds)
    const entry = this.#tail[inTail - 1]
    if (entry !== undefined) return { seq: entry.seq, time: entry.time }
    const last = this.#lastInSegments(holds)
    return last === undefined ? { seq: 0, time: 0 } : last.block.point(last.index)
  }

  #inSegments(seq: number): CommitEntry | undefined {
    const before = this.#lastInSegments((point) => point.seq < seq)
    const place = before === undefined ? 0 : before.origin + before.block.offset(before.index + 1)
    if (place >= this.#segments.bytes) return undefined
    this.#segments.find(place)
    const commit = readCommit(this.#segments.source, this.#segments.offset)
    return { seq: commit.seq, firstSeq: commit.firstSeq, time: commit.time, metadata: metadataOf(commit) }
  }

  /** The last commit in segments for which `holds` is true; it is true up to somewhere and false from there. `origin`: the block's place. */
  #lastInSegments(
    holds: (point: CommitPoint) => boolean
  ): { readonly origin: number; readonly block: CommitBlock; readonly index: number } | undefined {
    const segments = this.#segments.segments
    const segment = segments[partition(segments, ({ firstSeq, firstTime }) => holds({ seq: firstSeq, time: firstTime })) - 1]
    if (segment === undefined) return undefined
    const block = segment.blocks[partition(segment.blocks, ({ firstSeq, firstTime }) => holds({ seq: firstSeq, time: firstTime })) - 1]
    if (block === undefined) return undefined
    const origin = segment.origin + block.offset - FIRST_FRAME
    const listed = this.#blockAt(origin)
    // The block's first commit holds, or the block before would have been chosen.
    return { origin, block: listed, index: Math.max(0, listed.partition(holds) - 1) }
  }

  /** The commits of the block that begins at a place: listed when it is first searched. */
  #blockAt(origin: number): CommitBlock {
    this.#segments.find(origin)
    const { source, offset } = this.#segments
    const known = this.#blocks.get(origin)
    // The last block of an active segment grows.
    if (known !== undefined && known.bytes === source.length - offset) return known
    const block = new CommitBlock(source, offset)
    const oldest = this.#blocks.keys().next()
    if (this.#blocks.size >= BLOCKS_MAX && oldest.done !== true) this.#blocks.delete(oldest.value)
    this.#blocks.set(origin, block)
    return block
  }
}

function recordOf(entry: TailEntry): CommitRecord {
  const { seq, firstSeq, runs } = entry
  return { ...entry, runs: typeof runs === 'number' ? [{ tableId: runs, count: seq - firstSeq + 1 }] : runs }
}

/** Of about 1,000 commits and 20 KiB each. */
const BLOCKS_MAX = 256

/** Offset of a segment's first frame in its file. */
const FIRST_FRAME = FILE_HEADER_BYTES

/** How many of the items, from the first on, `holds` is true for. */
function partition<Item>(items: readonly Item[], holds: (item: Item) => boolean): number {
  let low = 0
  let high = items.length
  while (low < high) {
    const middle = (low + high) >> 1
    const item = items[middle]
    if (item !== undefined && holds(item)) low = middle + 1
    else high = middle
  }
  return low
}
