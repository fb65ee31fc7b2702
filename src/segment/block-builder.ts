import { crc32 } from '../codec/checksum.js'
import {
  BLOCK_BYTES,
  FOOTER_BLOCK_BYTES,
  FOOTER_BYTES,
  FOOTER_STORED_BLOCK_BYTES,
  type SegmentBlock,
  type SegmentFooter,
  STORED_BLOCK_BYTES
} from '../format/segment-footer.js'
import { FILE_HEADER_BYTES } from '../format/file-header.js'
import { frameBytes, FRAME_PREFIX_BYTES, frameSeq } from '../format/frame.js'
import { readU64, varintBytes } from '../format/bytes.js'

/** What is known of a segment's frames without reading them: plain data, crosses threads. */
export type SegmentSummary = {
  /** Of a segment that others were merged into: that of the last of them. */
  readonly number: number
  readonly file: string
  /** Place of the first frame. */
  readonly origin: number
  /** Bytes of frames. */
  readonly bytes: number
  /** crc32 of all frame bytes. */
  readonly crc: number
  readonly sealed: boolean
  readonly blocks: readonly SegmentBlock[]
  readonly count: number
  readonly firstSeq: number
  readonly lastSeq: number
  readonly firstTime: number
  readonly lastTime: number
}

/** True where its blocks are stored by a codec. */
export function isCompacted({ blocks }: { readonly blocks: readonly SegmentBlock[] }): boolean {
  return blocks[0]?.stored !== undefined
}

/** The width of the windows that a segment's blocks were cut in: compacted ones of before have those of the others. */
export function windowBytesOf({ blocks }: Pick<SegmentFooter, 'blocks'>): number {
  const windows = new Set(blocks.map(({ offset }) => Math.floor((offset - FILE_HEADER_BYTES) / BLOCK_BYTES)))
  return windows.size === blocks.length ? BLOCK_BYTES : STORED_BLOCK_BYTES
}

/** Bytes of the segment's file: header, frames as they are stored, and footer. */
export function segmentFileBytes(segment: SegmentSummary): number {
  const { blocks, sealed, bytes } = segment
  const stored = blocks.at(-1)?.stored
  if (stored !== undefined) return stored.offset + stored.bytes + blocks.length * FOOTER_STORED_BLOCK_BYTES + FOOTER_BYTES
  return FILE_HEADER_BYTES + bytes + (sealed ? blocks.length * FOOTER_BLOCK_BYTES + FOOTER_BYTES : 0)
}

/** Follows the frames of one segment as they are appended (writer) or read (opening), and keeps its blocks and sums. */
export class BlockBuilder {
  #blocks: { offset: number; crc: number; firstSeq: number; firstTime: number }[] = []
  #window = -1
  readonly #windowBytes: number
  readonly #knownCrc: number | undefined
  bytes = 0
  crc = 0
  count = 0
  firstSeq = 0
  lastSeq = 0
  firstTime = 0
  lastTime = 0

  /** `crc` given: the sum of the whole is known and proved by the blocks, so it is not computed again. */
  constructor(knownCrc?: number, windowBytes = BLOCK_BYTES) {
    this.#knownCrc = knownCrc
    this.#windowBytes = windowBytes
    this.crc = knownCrc ?? 0
  }

  static resume(summary: SegmentSummary): BlockBuilder {
    const builder = new BlockBuilder()
    builder.#blocks = summary.blocks.map((block) => ({ ...block }))
    const last = summary.blocks.at(-1)
    builder.#window = last === undefined ? -1 : Math.floor((last.offset - FILE_HEADER_BYTES) / BLOCK_BYTES)
    builder.bytes = summary.bytes
    builder.crc = summary.crc
    builder.count = summary.count
    builder.firstSeq = summary.firstSeq
    builder.lastSeq = summary.lastSeq
    builder.firstTime = summary.firstTime
    builder.lastTime = summary.lastTime
    return builder
  }

  get blocks(): readonly SegmentBlock[] {
    return this.#blocks
  }

  /** Takes the whole frames in `source[from, to)`. */
  add(source: Uint8Array, from: number, to: number): void {
    let blockFrom = from
    for (let at = from; at < to;) {
      const position = this.bytes + (at - from)
      const window = Math.floor(position / this.#windowBytes)
      if (window !== this.#window) {
        this.#closePart(source, blockFrom, at)
        blockFrom = at
        this.#window = window
        const seq = frameSeq(source, at)
        const time = readU64(source, at + FRAME_PREFIX_BYTES + varintBytes(seq))
        this.#blocks.push({ offset: FILE_HEADER_BYTES + position, crc: 0, firstSeq: seq, firstTime: time })
      }
      this.count++
      const bytes = frameBytes(source, at)
      if (at + bytes >= to || this.firstSeq === 0) {
        const seq = frameSeq(source, at)
        const time = readU64(source, at + FRAME_PREFIX_BYTES + varintBytes(seq))
        if (this.firstSeq === 0) {
          this.firstSeq = seq
          this.firstTime = time
        }
        this.lastSeq = seq
        this.lastTime = time
      }
      at += bytes
    }
    this.#closePart(source, blockFrom, to)
    if (this.#knownCrc === undefined) this.crc = crc32(source.subarray(from, to), this.crc)
    this.bytes += to - from
  }

  summary(number: number, file: string, origin: number, sealed: boolean): SegmentSummary {
    const { bytes, crc, count, firstSeq, lastSeq, firstTime, lastTime } = this
    // A copy: the last block goes on growing.
    const blocks = this.#blocks.map((block) => ({ ...block }))
    return { number, file, origin, bytes, crc, sealed, blocks, count, firstSeq, lastSeq, firstTime, lastTime }
  }

  footer(): SegmentFooter {
    const { bytes, count, firstSeq, lastSeq, firstTime, lastTime } = this
    return { blocks: this.#blocks, frameBytes: bytes, count, firstSeq, lastSeq, firstTime, lastTime }
  }

  #closePart(source: Uint8Array, from: number, to: number): void {
    const block = this.#blocks.at(-1)
    if (block !== undefined && to > from) block.crc = crc32(source.subarray(from, to), block.crc)
  }
}
