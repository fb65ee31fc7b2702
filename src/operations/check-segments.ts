import { limits } from '../base/limits.js'
import { decodeFileHeader, FILE_HEADER_BYTES, FILE_KIND_SEGMENT } from '../format/file-header.js'
import { frameBytes, frameFault, FRAME_PREFIX_BYTES, readFrame, type Frame } from '../format/frame.js'
import { segmentRange, type Manifest } from '../format/manifest.js'
import { decodeSegmentFooter, FOOTER_BYTES, footerBytes, type SegmentFooter } from '../format/segment-footer.js'
import type { File, Io } from '../io/io.js'
import { BlockBuilder, isCompacted, windowBytesOf } from '../segment/block-builder.js'
import { InflatedSegment } from '../segment/inflated-segment.js'
import { readStoredBlock } from '../segment/stored-block.js'
import { eventFault } from './check-event.js'
import { EventTrace } from './event-trace.js'
import { FileWindow } from './file-window.js'
import type { Findings } from './findings.js'

/** Work between two yields. */
const PIECE_BYTES = 4 * 1024 * 1024

/** A table's segments, as far as they could be read. */
export type SegmentScan = {
  readonly trace: EventTrace
  readonly files: number
  readonly bytes: number
  readonly lastSeq: number
  readonly lastTime: number
  /** False: something in them is wrong, so the counts say nothing. */
  readonly sound: boolean
}

/** Called with each frame that is whole and can be understood, in file order; valid during the call. */
export type EventSink = (frame: Frame, file: string, offset: number) => void

type Live = {
  readonly file: string
  readonly number: number
  readonly bytes: number | undefined
  readonly crc: number | undefined
  readonly sealed: boolean
}

/**
 * Checks every byte of the segments of one table, those that its manifest names, or, where that is lost, all that are there. After a
 * damaged frame it goes on with the next one, if that can be found. Yields the bytes it went through.
 */
export function* checkSegments(
  io: Io,
  directory: string,
  tableId: number,
  manifest: Manifest | undefined,
  databaseId: Uint8Array | undefined,
  findings: Findings,
  sink: EventSink
): Generator<number, SegmentScan> {
  const check = new SegmentCheck(tableId, databaseId, findings, sink)
  const names = io.kind(directory) === 'directory' ? io.list(directory) : []
  const live: Live[] = manifest === undefined ? filesFound(names) : [...manifest.segments]
  let next = 1
  let bytes = 0
  for (const [index, segment] of live.entries()) {
    const path = `${directory}/${segment.file}`
    if ((segmentRange(segment.file)?.first ?? segment.number) !== next) check.fault(path, 16, `segment ${next} is missing`)
    next = segment.number + 1
    if (io.kind(path) !== 'file') {
      check.fault(path, 0, 'the manifest names this file, and it is not there')
      continue
    }
    const file = io.openRead(path)
    try {
      const found = yield* check.file(file, segment, bytes, index === live.length - 1)
      bytes += segment.bytes ?? found
    } finally {
      file.close()
    }
  }
  const known = new Set(live.map((segment) => segment.file))
  for (const name of names) {
    if (!known.has(name)) findings.note(`${directory}/${name}`, 0, 'no manifest names this file; the next opening for writing removes it')
  }
  return { trace: check.trace, files: live.length, bytes, lastSeq: check.lastSeq, lastTime: check.lastTime, sound: check.sound }
}

function filesFound(names: readonly string[]): Live[] {
  const found = names
    .map((file) => ({ file, range: segmentRange(file) }))
    .flatMap(({ file, range }) => (range === undefined ? [] : [{ file, ...range }]))
    // Where a file that others were merged into stands beside them, it comes first.
    .sort((a, b) => a.first - b.first || b.last - a.last || b.file.length - a.file.length)
  const live: Live[] = []
  for (const { file, first, last } of found) {
    if (first <= (live.at(-1)?.number ?? 0)) continue
    live.push({ file, number: last, bytes: undefined, crc: undefined, sealed: false })
  }
  return live
}

class SegmentCheck {
  readonly trace = new EventTrace()
  lastSeq = 0
  lastTime = 0
  sound = true
  readonly #tableId: number
  readonly #databaseId: Uint8Array | undefined
  readonly #findings: Findings
  readonly #sink: EventSink

  constructor(tableId: number, databaseId: Uint8Array | undefined, findings: Findings, sink: EventSink) {
    this.#tableId = tableId
    this.#databaseId = databaseId
    this.#findings = findings
    this.#sink = sink
  }

  fault(file: string, offset: number, message: string): void {
    this.sound = false
    this.#findings.problem(file, offset, message)
  }

  /** Returns the bytes of frames in the file. */
  *file(file: File, segment: Live, origin: number, isLast: boolean): Generator<number, number> {
    this.#header(file, segment.number, origin)
    const size = file.size()
    const footer = readFooter(file, size)
    const known = segment.bytes ?? footer?.frameBytes
    const end = known === undefined ? size : FILE_HEADER_BYTES + known
    const isStored = footer !== undefined && isCompacted(footer)
    if (end > size && !isStored) this.fault(file.path, size, `the file ends at ${size}, but ${end} bytes of it are live`)
    if (segment.sealed && footer === undefined) this.fault(file.path, end, 'damaged footer of a sealed segment')
    if (segment.bytes !== undefined && segment.sealed && footer !== undefined && footer.frameBytes !== segment.bytes) {
      this.fault(file.path, end, `the footer counts ${footer.frameBytes} bytes of frames, the manifest ${segment.bytes}`)
    }
    // An active segment may be longer than its manifest says: the writer appends before it installs.
    const extra = segment.bytes !== undefined && !segment.sealed && size > end ? size - end : 0
    if (extra > 0) this.#findings.note(file.path, end, `${extra} bytes behind the manifest's length; they do not count`)
    const trusted = segment.sealed || segment.bytes === undefined ? footer : undefined
    const openEnd = known === undefined && isLast
    const view = trusted === undefined || !isCompacted(trusted) ? file : this.#storedFrames(file, trusted)
    if (view === undefined) return end - FILE_HEADER_BYTES
    const builder = yield* this.#frames(view, view === file ? Math.min(end, size) : end, trusted, openEnd)
    if (builder !== undefined) this.#sums(file.path, builder, trusted, segment)
    return builder?.bytes ?? end - FILE_HEADER_BYTES
  }

  /** The frames of a compacted segment as if they were not compressed; undefined if a block is damaged. */
  #storedFrames(file: File, footer: SegmentFooter): File | undefined {
    let isWhole = true
    let end = FILE_HEADER_BYTES
    for (const [index, block] of footer.blocks.entries()) {
      const next = footer.blocks[index + 1]?.offset ?? FILE_HEADER_BYTES + footer.frameBytes
      if (block.stored?.offset !== end) this.fault(file.path, end, `block ${index} is not where the one before it ends`)
      end = (block.stored?.offset ?? 0) + (block.stored?.bytes ?? 0)
      try {
        readStoredBlock(file, block, next - block.offset)
      } catch (error) {
        isWhole = false
        this.sound = false
        this.#findings.thrown(error, file.path, block.stored?.offset ?? 0)
      }
    }
    return isWhole ? new InflatedSegment(file, footer) : undefined
  }

  #header(file: File, number: number, origin: number): void {
    const bytes = new Uint8Array(FILE_HEADER_BYTES)
    try {
      const header = decodeFileHeader(bytes.subarray(0, file.read(bytes, 0)), file.path, FILE_KIND_SEGMENT)
      if (header.tableId !== this.#tableId)
        this.fault(file.path, 12, `its header has table id ${header.tableId}, expected ${this.#tableId}`)
      if (header.number !== number) this.fault(file.path, 16, `its header has number ${header.number}, expected ${number}`)
      if (header.origin !== origin)
        this.fault(file.path, 24, `its header has place ${header.origin} for its first frame, expected ${origin}`)
      if (this.#databaseId !== undefined && !Buffer.from(header.databaseId).equals(this.#databaseId)) {
        this.fault(file.path, 36, 'its header has the id of another database')
      }
    } catch (error) {
      this.sound = false
      this.#findings.thrown(error, file.path)
    }
  }

  /** Undefined if a frame was damaged: then sums of all frames say nothing more. */
  *#frames(file: File, end: number, footer: SegmentFooter | undefined, openEnd: boolean): Generator<number, BlockBuilder | undefined> {
    const window = new FileWindow(file, end)
    const builder = new BlockBuilder(undefined, footer === undefined ? undefined : windowBytesOf(footer))
    let whole = true
    let addedTo = FILE_HEADER_BYTES
    let yieldedTo = FILE_HEADER_BYTES
    let at = FILE_HEADER_BYTES
    const add = (to: number) => {
      if (!whole || to === addedTo) return
      const from = window.index(addedTo, to - addedTo)
      if (from !== undefined) builder.add(window.bytes, from, from + to - addedTo)
      addedTo = to
    }
    while (at < end) {
      const bytes = frameLength(window, at, end, () => add(at))
      const index = bytes === undefined ? undefined : window.index(at, bytes)
      const fault =
        bytes === undefined || index === undefined ? 'no frame' : frameFault(window.bytes, index, index + bytes, limits.frameBytesMax)
      if (fault === undefined && bytes !== undefined && index !== undefined) {
        this.#event(window.bytes, index, file.path, at)
        at += bytes
      } else if (openEnd && nextFrame(window, at, bytes, end, footer) === undefined) {
        // Without a manifest nobody knows where the active segment ended: its whole frames count.
        add(at)
        this.#findings.note(file.path, at, `${end - at} bytes behind the last whole frame of an active segment without a manifest`)
        break
      } else {
        add(at)
        whole = false
        this.fault(file.path, at, `${fault}: ${bytes === undefined ? 'the length is damaged or the file is cut' : `${bytes} bytes`}`)
        const next = nextFrame(window, at, bytes, end, footer)
        if (next === undefined) break
        at = next
      }
      if (at - yieldedTo >= PIECE_BYTES) {
        add(at)
        yield at - yieldedTo
        yieldedTo = at
      }
    }
    add(at)
    yield end - yieldedTo
    return whole ? builder : undefined
  }

  #event(source: Uint8Array, index: number, file: string, offset: number): void {
    const frame = readFrame(source, index)
    const { seq, time } = frame
    if (!(seq > this.lastSeq)) this.fault(file, offset, `event ${seq} stands behind event ${this.lastSeq} (SEQ-7)`)
    if (!(time >= this.lastTime)) this.fault(file, offset, `event ${seq} has time ${time}, one before it has ${this.lastTime} (TIM-1)`)
    if (seq > this.lastSeq) this.lastSeq = seq
    if (time > this.lastTime) this.lastTime = time
    const fault = eventFault(frame, source, index, this.#tableId)
    if (fault !== undefined) {
      this.sound = false
      this.#findings.problem(file, offset, fault.message, fault.code)
      return
    }
    this.trace.add(seq, time, frame.more)
    this.#sink(frame, file, offset)
  }

  #sums(path: string, builder: BlockBuilder, footer: SegmentFooter | undefined, segment: Live): void {
    if (segment.crc !== undefined && builder.crc !== segment.crc) {
      this.fault(path, FILE_HEADER_BYTES, `the checksum of all frames is ${builder.crc}, the manifest says ${segment.crc}`)
    }
    if (footer === undefined) return
    const at = FILE_HEADER_BYTES + footer.frameBytes
    const { blocks: found, ...sums } = builder.footer()
    const { blocks: expected, ...promised } = footer
    for (const name of ['frameBytes', 'count', 'firstSeq', 'lastSeq', 'firstTime', 'lastTime'] as const) {
      if (sums[name] !== promised[name]) this.fault(path, at, `the footer has ${name} ${promised[name]}, the frames have ${sums[name]}`)
    }
    const different = found.findIndex((block, index) => {
      const other = expected[index]
      return (
        block.offset !== other?.offset ||
        block.crc !== other.crc ||
        block.firstSeq !== other.firstSeq ||
        block.firstTime !== other.firstTime
      )
    })
    if (different >= 0) this.fault(path, found[different]?.offset ?? at, `block ${different} of the footer does not describe its frames`)
    else if (found.length !== expected.length)
      this.fault(path, at, `the footer has ${expected.length} blocks, the frames make ${found.length}`)
  }
}

/** Bytes of the frame at `at` if they can be; `moving` is called before the window moves. */
function frameLength(window: FileWindow, at: number, end: number, moving: () => void): number | undefined {
  if (at + FRAME_PREFIX_BYTES > end) return undefined
  if (!window.holds(at, FRAME_PREFIX_BYTES)) moving()
  const index = window.index(at, FRAME_PREFIX_BYTES)
  if (index === undefined) return undefined
  const bytes = frameBytes(window.bytes, index)
  if (bytes < FRAME_PREFIX_BYTES + 11 || bytes > limits.frameBytesMax || at + bytes > end) return undefined
  if (!window.holds(at, bytes)) moving()
  return bytes
}

/** Where to go on behind a damaged frame: the frame behind it if its length is right, else the next block. */
function nextFrame(
  window: FileWindow,
  at: number,
  bytes: number | undefined,
  end: number,
  footer: SegmentFooter | undefined
): number | undefined {
  if (bytes !== undefined) {
    const next = at + bytes
    if (next === end) return undefined
    const length = frameLength(window, next, end, () => {})
    const index = length === undefined ? undefined : window.index(next, length)
    if (length !== undefined && index !== undefined && frameFault(window.bytes, index, index + length, limits.frameBytesMax) === undefined)
      return next
  }
  return footer?.blocks.find((block) => block.offset > at && block.offset < end)?.offset
}

function readFooter(file: File, size: number): SegmentFooter | undefined {
  if (size < FILE_HEADER_BYTES + FOOTER_BYTES) return undefined
  const tail = new Uint8Array(FOOTER_BYTES)
  file.read(tail, size - FOOTER_BYTES)
  const bytes = footerBytes(tail)
  if (bytes === undefined || bytes > size - FILE_HEADER_BYTES) return undefined
  const whole = new Uint8Array(bytes)
  file.read(whole, size - bytes)
  const footer = decodeSegmentFooter(whole)
  // An active segment's last bytes cannot be a footer that describes another length.
  const stored = footer?.blocks.at(-1)?.stored
  const end = stored === undefined ? FILE_HEADER_BYTES + (footer?.frameBytes ?? 0) : stored.offset + stored.bytes
  return footer !== undefined && end + bytes === size ? footer : undefined
}

/** The frames of segments that were checked before, again: only those that are whole. */
export function* framesOf(io: Io, directory: string, manifest: Manifest): Generator<{ frame: Frame; file: string; offset: number }, void> {
  for (const segment of manifest.segments) {
    const stored = io.openRead(`${directory}/${segment.file}`)
    try {
      const footer = segment.sealed ? readFooter(stored, stored.size()) : undefined
      const file = footer !== undefined && isCompacted(footer) ? new InflatedSegment(stored, footer) : stored
      const end = FILE_HEADER_BYTES + segment.bytes
      const window = new FileWindow(file, end)
      for (let at = FILE_HEADER_BYTES; at < end;) {
        const bytes = frameLength(window, at, end, () => {})
        const index = bytes === undefined ? undefined : window.index(at, bytes)
        if (bytes === undefined || index === undefined) return
        yield { frame: readFrame(window.bytes, index), file: file.path, offset: at }
        at += bytes
      }
    } finally {
      stored.close()
    }
  }
}
