import { DriftError } from '../base/errors.js'
import { limits } from '../base/limits.js'
import { crc32 } from '../codec/checksum.js'
import { FILE_HEADER_BYTES } from '../format/file-header.js'
import { frameBytes, frameFault } from '../format/frame.js'
import type { File, Io } from '../io/io.js'
import { BLOCK_BYTES, type SegmentBlock, STORED_BLOCK_BYTES } from '../format/segment-footer.js'
import type { SegmentSummary } from './block-builder.js'
import type { BlockCache, CachedBlock } from './block-cache.js'
import { readStoredBlock } from './stored-block.js'

/**
 * Frames of one table by their place, out of its segments (any thread that has an `io`; here the coordinator's, synchronously).
 * A block is read and verified when it is first needed and stays in the cache.
 */
export class SegmentReader {
  readonly #io: Io
  readonly #directory: string
  readonly #cache: BlockCache
  #segments: OpenSegment[] = []

  /** The bytes that hold the frame found last by {@link find}, and where it begins. */
  source: Uint8Array = new Uint8Array(0)
  offset = 0

  constructor(io: Io, directory: string, cache: BlockCache, segments: readonly SegmentSummary[]) {
    this.#io = io
    this.#directory = directory
    this.#cache = cache
    this.install(segments)
  }

  /** The segments as they are now: those known keep their open file and cached blocks, those that are gone let go of theirs. */
  install(segments: readonly SegmentSummary[]): void {
    const files = new Set(segments.map((summary) => summary.file))
    for (const segment of this.#segments) if (!files.has(segment.summary.file)) segment.close()
    const known = new Map(this.#segments.map((segment) => [segment.summary.file, segment]))
    this.#segments = segments.map((summary) => {
      const segment = known.get(summary.file)
      if (segment === undefined) return new OpenSegment(`${this.#directory}/${summary.file}`, summary)
      segment.describe(summary)
      return segment
    })
  }

  /** The segments from the first one that a checkpoint changed. */
  installChanged(changed: readonly SegmentSummary[]): void {
    const first = changed[0]
    if (first !== undefined) this.install([...this.segments.filter((segment) => segment.number < first.number), ...changed])
  }

  /** Takes the segment that others were merged into in their place. */
  installMerged(merged: SegmentSummary): void {
    const end = merged.origin + merged.bytes
    const before = this.segments.filter((segment) => segment.origin < merged.origin)
    this.install([...before, merged, ...this.segments.filter((segment) => segment.origin >= end)])
  }

  /** Opens every file now: beside a writer that merges segments, an open file stays readable when its name goes. */
  hold(): void {
    for (const segment of this.#segments) segment.file(this.#io)
  }

  get segments(): readonly SegmentSummary[] {
    return this.#segments.map((segment) => segment.summary)
  }

  /** Bytes of frames in all segments: the place of the next frame. */
  get bytes(): number {
    const last = this.#segments.at(-1)?.summary
    return last === undefined ? 0 : last.origin + last.bytes
  }

  /** True if {@link find} would read no file. */
  isCached(place: number): boolean {
    const segment = this.#segmentAt(place)
    return segment.cachedBlock(segment.blockIndex(FILE_HEADER_BYTES + place - segment.summary.origin)) !== undefined
  }

  /** Puts the frame at `place` into {@link source} and {@link offset}. Throws CORRUPT with file and offset. */
  find(place: number): void {
    const segment = this.#segmentAt(place)
    const inFile = FILE_HEADER_BYTES + place - segment.summary.origin
    const block = this.#block(segment, inFile)
    this.source = block.bytes
    this.offset = inFile - block.offset
  }

  close(): void {
    for (const segment of this.#segments) segment.close()
  }

  #segmentAt(place: number): OpenSegment {
    let index = this.#segments.length - 1
    let segment = this.#segments[index]
    while (segment !== undefined && segment.summary.origin > place) segment = this.#segments[--index]
    if (segment === undefined || place >= segment.summary.origin + segment.summary.bytes) {
      throw new DriftError('INVARIANT', `FMT-3: no frame at place ${place} of ${this.#directory}`, { place })
    }
    return segment
  }

  #block(segment: OpenSegment, inFile: number): CachedBlock {
    const index = segment.blockIndex(inFile)
    const cached = segment.cachedBlock(index)
    if (cached !== undefined) {
      cached.used = true
      return cached
    }
    const begin = segment.offsets[index] ?? 0
    const end = segment.offsets[index + 1] ?? 0
    const stale = segment.cached[index]
    if (stale !== undefined) stale.evict = undefined
    const description = segment.summary.blocks[index]
    if (description === undefined) throw new DriftError('INVARIANT', `FMT-3: ${segment.path} has no block ${index}`)
    const file = segment.file(this.#io)
    const target =
      description.stored === undefined ? readPlainBlock(file, description, end - begin) : readStoredBlock(file, description, end - begin)
    const block: CachedBlock = { bytes: target, offset: begin, used: false, evict: () => segment.forget(index) }
    this.#cache.add(block)
    segment.cached[index] = block
    return block
  }
}

function readPlainBlock(file: File, { offset, crc }: SegmentBlock, size: number): Uint8Array {
  const target = new Uint8Array(size)
  const count = file.read(target, offset)
  if (count < target.length || crc32(target) !== crc) throw damaged(file.path, target, offset, count)
  return target
}

/** The error for bytes of a segment whose sum is wrong: names the first frame that is not whole. */
export function damaged(file: string, bytes: Uint8Array, offset: number, readBytes: number): DriftError {
  let at = 0
  let fault: string | undefined
  while (at < bytes.length) {
    fault = frameFault(bytes, at, readBytes, limits.frameBytesMax)
    if (fault !== undefined) break
    at += frameBytes(bytes, at)
  }
  const place = offset + (fault === undefined ? 0 : at)
  const what = fault ?? 'wrong checksum of a block'
  return new DriftError('CORRUPT', `${file}: ${what} at offset ${place}; run driftdb doctor`, { file, offset: place, found: what })
}

const WINDOW_SHIFT = Math.log2(BLOCK_BYTES)
const STORED_WINDOW_SHIFT = Math.log2(STORED_BLOCK_BYTES)

class OpenSegment {
  readonly path: string
  summary: SegmentSummary
  /** Of the blocks, in the file; the end of the last one behind them. */
  offsets: Uint32Array
  readonly cached: (CachedBlock | undefined)[] = []
  #file: File | undefined

  constructor(path: string, summary: SegmentSummary) {
    this.path = path
    this.summary = summary
    this.offsets = blockOffsets(summary)
  }

  describe(summary: SegmentSummary): void {
    this.summary = summary
    this.offsets = blockOffsets(summary)
  }

  /** A block's number is at most that of its window, of which each has 1 << so many bytes. */
  get windowShift(): number {
    return this.summary.blocks[0]?.stored === undefined ? WINDOW_SHIFT : STORED_WINDOW_SHIFT
  }

  /** Of the block that has a frame at this offset of the file. */
  blockIndex(inFile: number): number {
    const { offsets } = this
    // The block of a window is at its number or before it: a window in which no frame begins has none, and it may be wider.
    let index = Math.min((inFile - FILE_HEADER_BYTES) >>> this.windowShift, offsets.length - 2)
    if ((offsets[index] ?? 0) <= inFile) return index
    let low = 0
    while (low < index) {
      const middle = (low + index + 1) >> 1
      if ((offsets[middle] ?? 0) <= inFile) low = middle
      else index = middle - 1
    }
    return index
  }

  /** The block in memory. The last one of an active segment grows with each checkpoint: a copy from before it is stale. */
  cachedBlock(index: number): CachedBlock | undefined {
    const { offsets } = this
    const cached = this.cached[index]
    return cached?.bytes.length === (offsets[index + 1] ?? 0) - (offsets[index] ?? 0) ? cached : undefined
  }

  file(io: Io): File {
    this.#file ??= io.openRead(this.path)
    return this.#file
  }

  forget(index: number): void {
    this.cached[index] = undefined
  }

  close(): void {
    this.#file?.close()
    this.#file = undefined
    for (const block of this.cached) block?.evict?.()
  }
}

function blockOffsets({ blocks, bytes }: SegmentSummary): Uint32Array {
  const offsets = new Uint32Array(blocks.length + 1)
  for (const [index, block] of blocks.entries()) offsets[index] = block.offset
  offsets[blocks.length] = FILE_HEADER_BYTES + bytes
  return offsets
}
