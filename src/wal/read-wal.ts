import { DriftError } from '../base/errors.js'
import { readWhole, type Io } from '../io/io.js'
import { beginOfZeros } from '../io/zeros.js'
import { decodeFileHeader, FILE_HEADER_BYTES, FILE_KIND_WAL } from '../format/file-header.js'
import {
  isWholeRecord,
  paddedBytes,
  readRecordHeader,
  RECORD_CLOSE,
  RECORD_CONTINUES,
  recordBytes,
  recordSyncedBytes,
  sealRecord
} from '../format/wal-record.js'
import { rotatedNumber, WAL_NAME } from './wal-file.js'

/**
 * Reading the WAL after a crash or beside its writer.
 *
 * Let X be the first place of a file without a whole record. Only zeros from X on: clean. A later whole record that was written when
 * the file was synced past X, a newer WAL file, or a CLOSE record anywhere: what stood at X was durable once, so it is corrupt
 * (CORRUPT, file and offset). Else it is torn: the group that was being written when the process or the power went.
 */
export type WalImage = {
  readonly path: string
  readonly number: number
  readonly firstSeq: number
  readonly bytes: Uint8Array
  /** Offsets of the whole records that carry events, in order. */
  readonly records: readonly number[]
  /** Where the records end. */
  readonly end: number
  /** Bytes behind `end` that are part of a torn group: up to the last byte that is not zero. */
  readonly tornBytes: number
  readonly closed: boolean
}

/** All WAL files in order, the active one last. */
export function readWal(io: Io, directory: string): WalImage[] {
  const names = io.list(directory)
  const rotated = names.map(rotatedNumber).filter((number) => number !== undefined)
  const files = rotated.sort((a, b) => a - b).map((number) => ({ name: `${WAL_NAME}.${number}`, expected: number }))
  const all = names.includes(WAL_NAME) ? [...files, { name: WAL_NAME, expected: undefined }] : files
  const images: WalImage[] = []
  for (const [index, { name, expected }] of all.entries()) {
    const image = readWalFile(io, `${directory}/${name}`, index < all.length - 1 || expected !== undefined)
    const before = images.at(-1)
    const number = expected ?? (before === undefined ? image.number : before.number + 1)
    if (image.number !== number || (before !== undefined && number !== before.number + 1)) {
      throw new DriftError('CORRUPT', `${image.path} is number ${image.number} of the WAL, but a file before it is missing`, {
        file: image.path,
        offset: 16,
        expected: before === undefined ? number : before.number + 1,
        found: image.number
      })
    }
    images.push(image)
  }
  return images
}

export function readWalFile(io: Io, path: string, newerExists: boolean): WalImage {
  const bytes = readWhole(io, path)
  const header = decodeFileHeader(bytes, path, FILE_KIND_WAL)
  const records: number[] = []
  let closed = false
  let closeAt: number | undefined
  let at = FILE_HEADER_BYTES
  while (isWholeRecord(bytes, at, bytes.length, header.salt)) {
    const { flags, count } = readRecordHeader(bytes, at)
    if ((flags & RECORD_CONTINUES) !== 0) {
      throw new DriftError('UNSUPPORTED_VERSION', `${path} has a batch in parts at ${at}: written by a later release`, {
        file: path,
        offset: at
      })
    }
    closeAt = (flags & RECORD_CLOSE) !== 0 ? at : undefined
    closed ||= closeAt !== undefined
    if (count > 0) records.push(at)
    at += paddedBytes(recordBytes(bytes, at))
  }
  const last = lastNonZero(bytes, at)
  if (last >= at) {
    const isTornClose = closeAt !== undefined && isPrefixOfClose(bytes, closeAt, at, header.salt)
    const proof = (closed && !isTornClose) || newerExists ? at : laterProof(bytes, at, header.salt)
    if (proof !== undefined) {
      throw new DriftError('CORRUPT', `${path}: damaged at offset ${at}, in what was durable before; run driftdb doctor`, {
        file: path,
        offset: at,
        expected: 'a whole record',
        found: proof === at ? 'damaged bytes in a file that was finished' : `a later record at ${proof}`
      })
    }
  }
  return {
    path,
    number: header.number,
    firstSeq: header.origin,
    bytes,
    records,
    end: at,
    tornBytes: Math.max(0, last + 1 - at),
    closed
  }
}

/**
 * True if a power cut in a clean close left this: the first CLOSE record, which was synced, and behind it a beginning of the second one,
 * whose every byte is known.
 */
function isPrefixOfClose(bytes: Uint8Array, closeAt: number, at: number, salt: number): boolean {
  const second = bytes.slice(closeAt, at)
  sealRecord(second, 0, at, salt)
  let same = 0
  while (same < second.length && bytes[at + same] === second[same]) same++
  return lastNonZero(bytes, at) < at + same
}

/** Offset of a later record that proves that the bytes at `from` were durable. */
function laterProof(bytes: Uint8Array, from: number, salt: number): number | undefined {
  for (let at = from + 8; at + 8 <= bytes.length; at += 8) {
    if (!isWholeRecord(bytes, at, bytes.length, salt)) continue
    if (recordSyncedBytes(bytes, at) > from || (readRecordHeader(bytes, at).flags & RECORD_CLOSE) !== 0) return at
  }
  return undefined
}

/** Offset of the last byte at or behind `from` that is not zero; `from - 1` if there is none. */
function lastNonZero(bytes: Uint8Array, from: number): number {
  return beginOfZeros(bytes, from) - 1
}

/** A reader's own sync: what it read is durable on return. */
export function syncWal(io: Io, images: readonly WalImage[]): void {
  for (const image of images) {
    const file = io.openRead(image.path)
    try {
      file.sync()
    } finally {
      file.close()
    }
  }
}

/**
 * Cuts a torn tail: its bytes are kept in `wal/cut-<seq>`, then overwritten with zeros. Durable on return; a crash in between leaves
 * the tail to be cut again.
 */
export function cutTornTail(io: Io, directory: string, image: WalImage, lastSeq: number): string {
  const kept = `${directory}/cut-${lastSeq}`
  const copy = io.create(kept)
  copy.write([image.bytes.subarray(image.end, image.end + image.tornBytes)], 0)
  copy.sync()
  copy.close()
  io.syncDirectory(directory)
  const file = io.openWrite(image.path)
  file.write([new Uint8Array(image.tornBytes)], image.end)
  file.sync()
  file.close()
  return kept
}
