import { DriftError } from '../base/errors.js'
import { limits } from '../base/limits.js'
import { decodeFileHeader, FILE_HEADER_BYTES, FILE_KIND_SEGMENT } from '../format/file-header.js'
import { frameBytes, frameFault, frameSeq } from '../format/frame.js'
import { decodeSegmentFooter, FOOTER_BYTES, footerBytes, type SegmentFooter } from '../format/segment-footer.js'
import { segmentRange, type Manifest, type ManifestSegment } from '../format/manifest.js'
import type { File, Io } from '../io/io.js'
import { BlockBuilder, isCompacted, type SegmentSummary } from './block-builder.js'
import { damaged } from './segment-reader.js'
import { readStoredBlock } from './stored-block.js'

/** Frames are handed on in pieces of about this size. */
const PIECE_BYTES = 4 * 1024 * 1024

/** Called with whole, verified frames: `source[from, to)`; the first of them lies at `place`. The bytes are valid during the call. */
export type FrameSink = (source: Uint8Array, from: number, to: number, place: number) => void

/**
 * Reads the segments that a manifest names, verifies every byte of them, and hands their frames on in order. Yields between pieces so
 * that a long opening can breathe. Throws CORRUPT with file and offset.
 */
export function* loadSegments(io: Io, directory: string, manifest: Manifest, sink: FrameSink): Generator<number, SegmentSummary[]> {
  const summaries: SegmentSummary[] = []
  let origin = 0
  for (const segment of manifest.segments) {
    summaries.push(yield* loadSegment(io, directory, manifest.tableId, segment, origin, sink))
    origin += segment.bytes
  }
  return summaries
}

/** The same for one segment, whose first frame is at place `origin`. */
export function* loadSegment(
  io: Io,
  directory: string,
  tableId: number,
  { file: name, number, bytes, crc, sealed }: ManifestSegment,
  origin: number,
  sink: FrameSink
): Generator<number, SegmentSummary> {
  const file = openLive(io, `${directory}/${name}`)
  try {
    checkHeader(file, tableId, number, origin)
    const footer = sealed ? readFooter(file, bytes) : undefined
    const builder = new BlockBuilder(footer === undefined ? undefined : crc)
    if (footer !== undefined && isCompacted(footer)) {
      yield* readStoredFrames(file, footer, builder, origin, sink)
      return { ...builder.summary(number, name, origin, sealed), blocks: footer.blocks }
    }
    yield* readFrames(file, bytes, footer, builder, origin, sink)
    if (builder.crc !== crc) throw firstDamage(file, bytes)
    return builder.summary(number, name, origin, sealed)
  } finally {
    file.close()
  }
}

/**
 * What a sealed segment's footer says of it, without its frames: they are proved when they are read. Undefined where only the frames
 * tell: the segment is active.
 */
export function describeSegment(
  io: Io,
  directory: string,
  tableId: number,
  { file: name, number, bytes, crc, sealed }: ManifestSegment,
  origin: number
): SegmentSummary | undefined {
  if (!sealed) return undefined
  const file = openLive(io, `${directory}/${name}`)
  try {
    checkHeader(file, tableId, number, origin)
    const { blocks, count, firstSeq, lastSeq, firstTime, lastTime } = readFooter(file, bytes)
    return { number, file: name, origin, bytes, crc, sealed, blocks, count, firstSeq, lastSeq, firstTime, lastTime }
  } finally {
    file.close()
  }
}

/**
 * Without a manifest: takes the whole frames up to `seqMax` of the segment files there are, in order. A file with a whole footer is
 * sealed; the last one ends where its whole frames end. Throws CORRUPT for damage before that.
 */
export function surveySegments(
  io: Io,
  directory: string,
  tableId: number,
  seqMax = Number.POSITIVE_INFINITY
): Pick<Manifest, 'segments'> & { checkpointSeq: number } {
  const found = io
    .list(directory)
    .map((file) => ({ file, range: segmentRange(file) }))
    .flatMap(({ file, range }) => (range === undefined ? [] : [{ file, ...range }]))
  const segments: ManifestSegment[] = []
  let checkpointSeq = 0
  let origin = 0
  for (let next = 1; ;) {
    const isLast = !found.some(({ first }) => first > next)
    // A file that others were merged into stands beside them after a crash: the same frames, so the first whole one of them will do.
    const candidates = found.filter(({ first }) => first === next).sort((a, b) => b.last - a.last || b.file.length - a.file.length)
    let survey: Survey | undefined
    let failure: DriftError | undefined
    for (const { file, last } of candidates) {
      try {
        survey = surveySegment(io, directory, tableId, file, last, origin, seqMax, isLast)
        break
      } catch (error) {
        failure ??= DriftError.from(error, `${directory}/${file}`)
      }
    }
    if (survey === undefined) {
      if (failure !== undefined) throw failure
      const later = found.find(({ last }) => last >= next)
      if (later === undefined) return { segments, checkpointSeq }
      throw new DriftError('CORRUPT', `${directory}: segment ${next} is missing`, { file: directory, found: later.file })
    }
    segments.push(survey.segment)
    checkpointSeq = survey.lastSeq ?? checkpointSeq
    if (survey.isPast) return { segments, checkpointSeq }
    next = survey.segment.number + 1
    origin += survey.segment.bytes
  }
}

type Survey = { readonly segment: ManifestSegment; readonly lastSeq: number | undefined; readonly isPast: boolean }

function surveySegment(
  io: Io,
  directory: string,
  tableId: number,
  name: string,
  number: number,
  origin: number,
  seqMax: number,
  isLast: boolean
): Survey {
  const file = io.openRead(`${directory}/${name}`)
  try {
    checkHeader(file, tableId, number, origin)
    const footer = footerOf(file)
    const builder = new BlockBuilder()
    if (footer !== undefined && isCompacted(footer)) {
      // Its frames were all at or below a checkpoint before it was made.
      exhaust(readStoredFrames(file, footer, builder, origin, () => {}))
    } else {
      const all = new Uint8Array(file.size())
      file.read(all, 0)
      const end = footer === undefined ? all.length : FILE_HEADER_BYTES + footer.frameBytes
      let at = FILE_HEADER_BYTES
      let isPast = false
      while (at < end && !isPast && frameFault(all, at, end, limits.frameBytesMax) === undefined) {
        isPast = frameSeq(all, at) > seqMax
        if (!isPast) at += frameBytes(all, at)
      }
      if (at < end && !isPast && (footer !== undefined || !isLast)) throw damaged(file.path, all.subarray(at, end), at, end - at)
      builder.add(all, FILE_HEADER_BYTES, at)
      const sealed = footer !== undefined && !isPast
      const segment = { file: name, number, bytes: builder.bytes, crc: builder.crc, sealed }
      return { segment, lastSeq: builder.count > 0 ? builder.lastSeq : undefined, isPast }
    }
    const segment = { file: name, number, bytes: builder.bytes, crc: builder.crc, sealed: true }
    return { segment, lastSeq: builder.lastSeq, isPast: false }
  } finally {
    file.close()
  }
}

function exhaust(work: Generator<number, void>): void {
  while (work.next().done !== true);
}

/** The blocks of a compacted segment one after the other, each proved before it is handed on. */
function* readStoredFrames(
  file: File,
  footer: SegmentFooter,
  builder: BlockBuilder,
  origin: number,
  sink: FrameSink
): Generator<number, void> {
  for (const [index, block] of footer.blocks.entries()) {
    const end = footer.blocks[index + 1]?.offset ?? FILE_HEADER_BYTES + footer.frameBytes
    const frames = readStoredBlock(file, block, end - block.offset)
    builder.add(frames, 0, frames.length)
    sink(frames, 0, frames.length, origin + block.offset - FILE_HEADER_BYTES)
    yield frames.length
  }
}

function* readFrames(
  file: File,
  bytes: number,
  footer: SegmentFooter | undefined,
  builder: BlockBuilder,
  origin: number,
  sink: FrameSink
): Generator<number, void> {
  const end = FILE_HEADER_BYTES + bytes
  let buffer = new Uint8Array(Math.min(PIECE_BYTES, bytes))
  let blockIndex = 0
  let position = FILE_HEADER_BYTES
  while (position < end) {
    const want = Math.min(buffer.length, end - position)
    const count = file.read(buffer.subarray(0, want), position)
    if (count < want) throw cutFile(file.path, position + count, end)
    // Whole frames only; what is left of the last one is read again with the next piece.
    let whole = 0
    while (whole + 4 <= count) {
      const frame = frameBytes(buffer, whole)
      if (frame < 19 || frame > limits.frameBytesMax || whole + frame > count) break
      whole += frame
    }
    if (whole === 0) {
      const frame = count >= 4 ? frameBytes(buffer, 0) : 0
      if (frame < 19 || frame > limits.frameBytesMax || position + frame > end) throw firstDamage(file, bytes)
      buffer = new Uint8Array(frame + PIECE_BYTES)
      continue
    }
    builder.add(buffer, 0, whole)
    // A sealed segment proves each block as soon as it is complete; the sum of the active one is proved at its end.
    for (
      const complete = builder.blocks.length - (position + whole < end ? 1 : 0);
      footer !== undefined && blockIndex < complete;
      blockIndex++
    ) {
      const found = builder.blocks[blockIndex]
      const expected = footer.blocks[blockIndex]
      if (found?.crc !== expected?.crc || found?.offset !== expected?.offset) throw firstDamage(file, bytes)
    }
    try {
      sink(buffer, 0, whole, origin + position - FILE_HEADER_BYTES)
    } catch (error) {
      // The active segment's sum is proved at its end: what could not be understood may be damage.
      throw framesFault(buffer, whole) === undefined ? error : firstDamage(file, bytes)
    }
    position += whole
    yield whole
  }
}

function framesFault(bytes: Uint8Array, end: number): string | undefined {
  for (let at = 0; at < end; at += frameBytes(bytes, at)) {
    const fault = frameFault(bytes, at, end, limits.frameBytesMax)
    if (fault !== undefined) return fault
  }
  return undefined
}

/** The error that names the first damaged frame of a file whose sum is wrong. */
function firstDamage(file: File, bytes: number): DriftError {
  const all = new Uint8Array(bytes)
  const count = file.read(all, FILE_HEADER_BYTES)
  return damaged(file.path, all, FILE_HEADER_BYTES, count)
}

function openLive(io: Io, path: string): File {
  if (io.kind(path) !== 'file')
    throw new DriftError('CORRUPT', `${path} is live by its manifest, but it is lost`, { file: path, offset: 0 })
  return io.openRead(path)
}

function checkHeader(file: File, tableId: number, number: number, origin: number): void {
  const bytes = new Uint8Array(FILE_HEADER_BYTES)
  const header = decodeFileHeader(bytes.subarray(0, file.read(bytes, 0)), file.path, FILE_KIND_SEGMENT)
  if (header.tableId !== tableId) throw wrongHeader(file.path, 'table id', tableId, header.tableId)
  if (header.number !== number) throw wrongHeader(file.path, 'number', number, header.number)
  if (header.origin !== origin) throw wrongHeader(file.path, 'place of the first frame', origin, header.origin)
}

function readFooter(file: File, bytes: number): SegmentFooter {
  const footer = footerOf(file)
  if (footer === undefined || footer.frameBytes !== bytes) {
    const offset = FILE_HEADER_BYTES + bytes
    throw new DriftError('CORRUPT', `${file.path}: damaged footer of a sealed segment at offset ${offset}`, { file: file.path, offset })
  }
  return footer
}

function footerOf(file: File): SegmentFooter | undefined {
  const size = file.size()
  if (size < FILE_HEADER_BYTES + FOOTER_BYTES) return undefined
  const tail = new Uint8Array(FOOTER_BYTES)
  file.read(tail, size - FOOTER_BYTES)
  const bytes = footerBytes(tail)
  if (bytes === undefined || bytes > size - FILE_HEADER_BYTES) return undefined
  const footer = new Uint8Array(bytes)
  file.read(footer, size - bytes)
  return decodeSegmentFooter(footer)
}

function wrongHeader(file: string, what: string, expected: number, found: number): DriftError {
  return new DriftError('CORRUPT', `${file}: its header has ${what} ${found}, expected ${expected}`, { file, offset: 0, expected, found })
}

function cutFile(file: string, found: number, expected: number): DriftError {
  return new DriftError('CORRUPT', `${file}: ends at ${found}, but ${expected} bytes of it are live`, {
    file,
    offset: found,
    expected,
    found
  })
}
