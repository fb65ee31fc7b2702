import { DriftError } from '../base/errors.js'
import { skipValue } from '../codec/key-codec.js'
import { decodeValue } from '../codec/document-codec.js'
import type { Value } from '../codec/value.js'
import { FILE_HEADER_BYTES } from '../format/file-header.js'
import { readFrame } from '../format/frame.js'
import type { SegmentSummary } from '../segment/block-builder.js'
import type { SegmentReader } from '../segment/segment-reader.js'
import { CommitBlock, type CommitPoint } from './commit-block.js'

/** One commit: its events are firstSeq … seq. */
export type CommitEntry = { readonly seq: number; readonly firstSeq: number; readonly time: number; readonly metadata: Value }

type TailEntry = { readonly seq: number; readonly firstSeq: number; readonly time: number; readonly metadata: Uint8Array }

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

  /** `metadata` is msgpack, copied; empty: none. */
  append(firstSeq: number, seq: number, time: number, metadata: Uint8Array): void {
    this.#tail.push({ seq, firstSeq, time, metadata: metadata.length === 0 ? metadata : metadata.slice() })
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
    return { ...entry, metadata: entry.metadata.length === 0 ? null : decodeValue(entry.metadata) }
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
    const frame = readFrame(this.#segments.source, this.#segments.offset)
    const firstSeqAt = 1
    const runsAt = skipValue(frame.payload, firstSeqAt)
    const metadataAt = skipValue(frame.payload, runsAt)
    const firstSeq = Number(decodeValue(frame.payload.subarray(firstSeqAt, runsAt)))
    const metadata = decodeValue(frame.payload.subarray(metadataAt, skipValue(frame.payload, metadataAt)))
    return { seq: frame.seq, firstSeq, time: frame.time, metadata }
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
