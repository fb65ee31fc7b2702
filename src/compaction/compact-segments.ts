import { DriftError } from '../base/errors.js'
import { packBlock } from '../codec/block-codec.js'
import { crc32 } from '../codec/checksum.js'
import { encodeFileHeader, FILE_FLAG_BLOCKS, FILE_HEADER_BYTES, FILE_KIND_SEGMENT } from '../format/file-header.js'
import { frameBytes } from '../format/frame.js'
import { mergedFile, segmentRange, type ManifestSegment } from '../format/manifest.js'
import { encodeSegmentFooter, STORED_BLOCK_BYTES, type SegmentBlock, type StoredBlock } from '../format/segment-footer.js'
import type { File, Io } from '../io/io.js'
import { BlockBuilder, type SegmentSummary } from '../segment/block-builder.js'
import { loadSegment } from '../segment/load-segments.js'

/** Neighbouring sealed segments of one table that become one file. Plain data, crosses threads. */
export type CompactJob = {
  /** The folder of the segments. */
  readonly directory: string
  readonly databaseId: Uint8Array
  readonly tableId: number
  /** Place of the first frame. */
  readonly origin: number
  readonly segments: readonly ManifestSegment[]
}

/** What was written is synced in pieces of this size: one large sync at the end would stand in the way of the log's. */
const SYNC_BYTES = 4 * 1024 * 1024

/**
 * Merges sealed segments into one file whose blocks are compressed (a thread of the compaction pool, or the caller's). Frames keep
 * their places. Every byte is proved when it is read, the new file is read back and proved before it gets its name, and nothing is
 * live before the writer has installed a manifest that names it. A crash leaves `*.tmp`, or a whole file that no manifest names; the
 * next opening removes both.
 *
 * Yields the bytes of frames that it went through, written first, then proved.
 */
export function* compactSegments(io: Io, job: CompactJob): Generator<number, SegmentSummary> {
  const { directory, tableId, origin } = job
  const first = segmentRange(job.segments[0]?.file ?? '')?.first
  const number = job.segments.at(-1)?.number
  if (first === undefined || number === undefined) throw new DriftError('INVARIANT', `CMP-4: no segments to merge in ${directory}`)
  const name = mergedFile(first, number)
  const temporary = `${name}.tmp`
  const file = io.create(`${directory}/${temporary}`)
  let isWhole = false
  try {
    const header = { kind: FILE_KIND_SEGMENT, flags: FILE_FLAG_BLOCKS, tableId, number, origin, salt: 0, databaseId: job.databaseId }
    file.write([encodeFileHeader(header)], 0)
    const writer = new StoredBlocks(file)
    let place = origin
    for (const segment of job.segments) {
      yield* loadSegment(io, directory, tableId, segment, place, (source, from, to) => writer.add(source, from, to))
      place += segment.bytes
    }
    const summary = writer.finish(number, temporary, origin)
    file.sync()
    const { bytes, crc } = summary
    yield* loadSegment(io, directory, tableId, { file: temporary, number, bytes, crc, sealed: true }, origin, () => {})
    io.rename(`${directory}/${temporary}`, `${directory}/${name}`)
    io.syncDirectory(directory)
    isWhole = true
    return { ...summary, file: name }
  } finally {
    file.close()
    if (!isWhole && io.kind(`${directory}/${temporary}`) === 'file') io.remove(`${directory}/${temporary}`)
  }
}

/** Writes the blocks of a compacted segment behind its header. */
class StoredBlocks {
  readonly #file: File
  readonly #builder = new BlockBuilder(undefined, STORED_BLOCK_BYTES)
  readonly #stored: StoredBlock[] = []
  /** The frames of the block in the making. */
  #block = new Uint8Array(2 * STORED_BLOCK_BYTES)
  #blockBytes = 0
  #window = 0
  #end = FILE_HEADER_BYTES
  #syncedEnd = FILE_HEADER_BYTES

  constructor(file: File) {
    this.#file = file
  }

  /** Takes whole frames. */
  add(source: Uint8Array, from: number, to: number): void {
    const start = this.#builder.bytes
    this.#builder.add(source, from, to)
    let begin = from
    for (let at = from; at < to; at += frameBytes(source, at)) {
      const window = Math.floor((start + at - from) / STORED_BLOCK_BYTES)
      if (window === this.#window) continue
      this.#take(source, begin, at)
      this.#close()
      this.#window = window
      begin = at
    }
    this.#take(source, begin, to)
  }

  /** Writes the last block and the footer; nothing is durable yet. */
  finish(number: number, file: string, origin: number): SegmentSummary {
    this.#close()
    const blocks = this.#builder.blocks.map((block, index): SegmentBlock => ({ ...block, stored: this.#stored[index] as StoredBlock }))
    if (this.#stored.length !== blocks.length) {
      throw new DriftError('INVARIANT', `CMP-4: ${this.#stored.length} blocks were stored, ${blocks.length} counted`)
    }
    this.#file.write([encodeSegmentFooter({ ...this.#builder.footer(), blocks })], this.#end)
    return { ...this.#builder.summary(number, file, origin, true), blocks }
  }

  #take(source: Uint8Array, from: number, to: number): void {
    const bytes = this.#blockBytes + to - from
    if (bytes > this.#block.length) {
      const grown = new Uint8Array(bytes * 2)
      grown.set(this.#block.subarray(0, this.#blockBytes))
      this.#block = grown
    }
    this.#block.set(source.subarray(from, to), this.#blockBytes)
    this.#blockBytes = bytes
  }

  #close(): void {
    if (this.#blockBytes === 0) return
    const { codec, bytes } = packBlock(this.#block.subarray(0, this.#blockBytes))
    this.#file.write([bytes], this.#end)
    this.#stored.push({ offset: this.#end, bytes: bytes.length, crc: crc32(bytes), codec })
    this.#end += bytes.length
    this.#blockBytes = 0
    if (this.#end - this.#syncedEnd < SYNC_BYTES) return
    this.#file.sync()
    this.#syncedEnd = this.#end
  }
}
