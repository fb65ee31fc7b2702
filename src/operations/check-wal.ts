import { DriftError } from '../base/errors.js'
import { limits } from '../base/limits.js'
import { decodeValue } from '../codec/document-codec.js'
import { frameFault, frameBytes, readFrame } from '../format/frame.js'
import { decodeFileHeader, FILE_HEADER_BYTES, FILE_KIND_WAL } from '../format/file-header.js'
import {
  paddedBytes,
  readRecordHeader,
  recordBytes,
  recordFramesOffset,
  recordSyncedBytes,
  type RecordHeader
} from '../format/wal-record.js'
import type { Io } from '../io/io.js'
import { readWalFile, type WalImage } from '../wal/read-wal.js'
import { rotatedNumber, WAL_NAME, walSalt } from '../wal/wal-file.js'
import { eventFault } from './check-event.js'
import type { Findings } from './findings.js'

/** The WAL, as far as it could be read. */
export type WalScan = {
  readonly images: readonly WalImage[]
  readonly bytes: number
  readonly events: number
  /** False: something in it is wrong, so the counts say nothing. */
  readonly sound: boolean
}

/** A file that is being written may look damaged for a moment: bytes that were read early beside some that were read late. */
const READS_MAX = 3

/** Checks every record of every WAL file. Yields the bytes it went through. */
export function* checkWal(io: Io, directory: string, databaseId: Uint8Array | undefined, findings: Findings): Generator<number, WalScan> {
  const names = io.kind(directory) === 'directory' ? io.list(directory) : []
  if (io.kind(directory) !== 'directory') findings.problem(directory, 0, 'the folder of the WAL is missing')
  const rotated = names.map(rotatedNumber).filter((number) => number !== undefined)
  const files = rotated.sort((a, b) => a - b).map((number) => ({ name: `${WAL_NAME}.${number}`, number: number as number | undefined }))
  if (names.includes(WAL_NAME)) files.push({ name: WAL_NAME, number: undefined })
  for (const name of names) {
    if (files.some((file) => file.name === name)) continue
    const what =
      name === 'wal.next'
        ? 'the next WAL file, half made'
        : name.startsWith('cut-')
          ? 'a torn tail that an opening cut off'
          : 'no file of ours'
    findings.note(`${directory}/${name}`, 0, what)
  }
  const images: WalImage[] = []
  const check = new WalCheck(databaseId, findings)
  let bytes = 0
  let lastNumber: number | undefined
  for (const [index, { name, number }] of files.entries()) {
    const path = `${directory}/${name}`
    const image = check.read(io, path, index < files.length - 1)
    if (image === undefined) {
      lastNumber = number ?? lastNumber
      continue
    }
    const expected = number ?? (lastNumber === undefined ? image.number : lastNumber + 1)
    if (image.number !== expected) check.fault(path, 16, `this is number ${image.number} of the WAL, expected ${expected}`)
    if (lastNumber !== undefined && expected !== lastNumber + 1)
      check.fault(path, 16, `the WAL file with number ${lastNumber + 1} is missing`)
    lastNumber = image.number
    if (image.tornBytes > 0) {
      findings.note(path, image.end, `a torn group of ${image.tornBytes} bytes: being written now, or cut off by the next opening`)
    }
    check.records(image)
    images.push(image)
    bytes += image.bytes.length
    yield image.bytes.length
  }
  return { images, bytes, events: check.events, sound: check.sound }
}

class WalCheck {
  events = 0
  sound = true
  readonly #databaseId: Uint8Array | undefined
  readonly #findings: Findings
  /** Seq of the next batch; undefined where a damaged file hides it. */
  #nextSeq: number | undefined
  #lastTime = 0

  constructor(databaseId: Uint8Array | undefined, findings: Findings) {
    this.#databaseId = databaseId
    this.#findings = findings
  }

  fault(file: string, offset: number, message: string): void {
    this.sound = false
    this.#findings.problem(file, offset, message)
  }

  read(io: Io, path: string, newerExists: boolean): WalImage | undefined {
    let before: unknown
    for (let read = 1; ; read++) {
      try {
        return readWalFile(io, path, newerExists)
      } catch (error) {
        const { code, details } = DriftError.from(error, path)
        const place = `${code} ${String(details['offset'])}`
        if (place !== before && read < READS_MAX) {
          before = place
          continue
        }
        this.sound = false
        this.#nextSeq = undefined
        this.#findings.thrown(error, path)
        return undefined
      }
    }
  }

  records(image: WalImage): void {
    const { path, bytes } = image
    this.#header(image)
    if (this.#nextSeq !== undefined && image.firstSeq !== this.#nextSeq) {
      this.fault(path, 24, `its header says that it begins with event ${image.firstSeq}, expected ${this.#nextSeq} (SEQ-1)`)
    }
    let next = image.firstSeq
    for (const offset of image.records) {
      const header = readRecordHeader(bytes, offset)
      if (header.firstSeq !== next) this.fault(path, offset, `the batch begins with event ${header.firstSeq}, expected ${next} (SEQ-1)`)
      if (!(header.time >= this.#lastTime)) {
        this.fault(path, offset, `batch ${header.firstSeq} has time ${header.time}, one before it has ${this.#lastTime} (TIM-1)`)
      }
      if (header.time > this.#lastTime) this.#lastTime = header.time
      if (!(recordSyncedBytes(bytes, offset) <= offset))
        this.fault(path, offset + 32, `batch ${header.firstSeq} says that more was synced than was written`)
      if (header.flags !== 0) {
        this.sound = false
        this.#findings.problem(path, offset + 12, `batch ${header.firstSeq} has flags ${header.flags}`, 'DRIFT_UNSUPPORTED_VERSION')
      }
      this.#batch(image, offset, header)
      next = header.firstSeq + header.count
      this.events += header.count
    }
    this.#nextSeq = next
  }

  #header({ path, bytes, number }: WalImage): void {
    const { salt, databaseId } = decodeFileHeader(bytes.subarray(0, FILE_HEADER_BYTES), path, FILE_KIND_WAL)
    if (salt !== walSalt(databaseId, number)) this.fault(path, 32, `its header has salt ${salt}, expected ${walSalt(databaseId, number)}`)
    if (this.#databaseId !== undefined && !Buffer.from(databaseId).equals(this.#databaseId)) {
      this.fault(path, 36, 'its header has the id of another database')
    }
  }

  #batch({ path, bytes }: WalImage, offset: number, header: RecordHeader): void {
    const end = offset + recordBytes(bytes, offset)
    const last = header.firstSeq + header.count - 1
    try {
      if (header.metadata.length > 0) decodeValue(header.metadata)
    } catch (error) {
      this.fault(path, offset, `batch ${header.firstSeq}: its metadata cannot be read: ${DriftError.from(error, path).message}`)
    }
    let at = recordFramesOffset(bytes, offset)
    let seq = header.firstSeq
    for (const run of header.runs) {
      const runEnd = at + run.bytes
      const runSeq = seq
      while (at < runEnd) {
        const fault = frameFault(bytes, at, Math.min(runEnd, end), limits.frameBytesMax)
        if (fault !== undefined) return this.fault(path, at, `${fault}, in batch ${header.firstSeq}`)
        this.#event(path, bytes, at, seq, last, header, run.tableId)
        at += frameBytes(bytes, at)
        seq++
      }
      if (seq - runSeq !== run.count) this.fault(path, offset, `batch ${header.firstSeq}: ${seq - runSeq} events in a run of ${run.count}`)
    }
    if (at !== end) this.fault(path, at, `batch ${header.firstSeq}: ${end - at} bytes that belong to no run`)
    if (bytes.subarray(end, offset + paddedBytes(end - offset)).some((byte) => byte !== 0))
      this.fault(path, end, `bytes that are not zero pad batch ${header.firstSeq}`)
    if (seq - 1 !== last)
      this.fault(path, offset, `batch ${header.firstSeq}: ${seq - header.firstSeq} events, its head says ${header.count}`)
  }

  #event(path: string, bytes: Uint8Array, at: number, seq: number, last: number, header: RecordHeader, tableId: number): void {
    const frame = readFrame(bytes, at)
    if (frame.seq !== seq) this.fault(path, at, `a frame has seq ${frame.seq}, expected ${seq} (SEQ-2)`)
    if (frame.time !== header.time) this.fault(path, at, `event ${seq} has time ${frame.time}, its batch has ${header.time} (TIM-2)`)
    if (frame.more !== seq < last)
      this.fault(path, at, `event ${seq} says that ${frame.more ? 'more' : 'no more'} events of its commit follow`)
    const fault = eventFault(frame, bytes, at, tableId)
    if (fault === undefined) return
    this.sound = false
    this.#findings.problem(path, at, fault.message, fault.code)
  }
}
