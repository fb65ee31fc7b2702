import { DriftError } from '../base/errors.js'
import { limits } from '../base/limits.js'
import { decodeFileHeader, FILE_HEADER_BYTES, FILE_KIND_SEGMENT } from '../format/file-header.js'
import { frameBytes, frameFault, frameSeq } from '../format/frame.js'
import { decodeSegmentFooter, FOOTER_BYTES, footerBytes, type SegmentFooter } from '../format/segment-footer.js'
import { numberedFile, type Manifest } from '../format/manifest.js'
import type { File, Io } from '../io/io.js'
import { BlockBuilder, type SegmentSummary } from './block-builder.js'
import { damaged } from './segment-reader.js'

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
  for (const { file: name, number, bytes, crc, sealed } of manifest.segments) {
    const path = `${directory}/${name}`
    if (io.kind(path) !== 'file')
      throw new DriftError('CORRUPT', `${path} is live by its manifest, but it is lost`, { file: path, offset: 0 })
    const file = io.openRead(path)
    try {
      checkHeader(file, manifest, number, origin)
      const footer = sealed ? readFooter(file, bytes) : undefined
      const builder = new BlockBuilder(footer === undefined ? undefined : crc)
      yield* readFrames(file, bytes, footer, builder, origin, sink)
      if (builder.crc !== crc) throw firstDamage(file, bytes)
      const summary = builder.summary(number, name, origin, sealed)
      summaries.push(summary)
      origin += bytes
    } finally {
      file.close()
    }
  }
  return summaries
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
  const numbers = io
    .list(directory)
    .map((name) => /^(\d+)\.seg$/.exec(name)?.[1])
    .filter((digits) => digits !== undefined)
    .map(Number)
    .sort((a, b) => a - b)
  const segments: { file: string; number: number; bytes: number; crc: number; sealed: boolean }[] = []
  let checkpointSeq = 0
  for (const [index, number] of numbers.entries()) {
    const name = numberedFile(number, 'seg')
    const path = `${directory}/${name}`
    const file = io.openRead(path)
    try {
      if (number !== index + 1)
        throw new DriftError('CORRUPT', `${directory}: segment ${index + 1} is missing`, { file: directory, found: name })
      const all = new Uint8Array(file.size())
      file.read(all, 0)
      const header = decodeFileHeader(all, path, FILE_KIND_SEGMENT)
      if (header.tableId !== tableId) throw wrongHeader(path, 'table id', tableId, header.tableId)
      const footer = footerOf(file)
      const end = footer === undefined ? all.length : FILE_HEADER_BYTES + footer.frameBytes
      let at = FILE_HEADER_BYTES
      let isPast = false
      while (at < end && !isPast && frameFault(all, at, end, limits.frameBytesMax) === undefined) {
        isPast = frameSeq(all, at) > seqMax
        if (!isPast) at += frameBytes(all, at)
      }
      const last = index === numbers.length - 1
      if (at < end && !isPast && (footer !== undefined || !last)) throw damaged(path, all.subarray(at, end), at, end - at)
      const builder = new BlockBuilder()
      builder.add(all, FILE_HEADER_BYTES, at)
      if (builder.count > 0) checkpointSeq = builder.lastSeq
      segments.push({ file: name, number, bytes: builder.bytes, crc: builder.crc, sealed: footer !== undefined && !isPast })
      if (isPast) break
    } finally {
      file.close()
    }
  }
  return { segments, checkpointSeq }
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

function checkHeader(file: File, manifest: Manifest, number: number, origin: number): void {
  const bytes = new Uint8Array(FILE_HEADER_BYTES)
  const header = decodeFileHeader(bytes.subarray(0, file.read(bytes, 0)), file.path, FILE_KIND_SEGMENT)
  if (header.tableId !== manifest.tableId) throw wrongHeader(file.path, 'table id', manifest.tableId, header.tableId)
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
