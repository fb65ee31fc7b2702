import { crc32Range, crc32Word } from '../codec/checksum.js'
import { readU32, readU64, writeU32, writeU64 } from './bytes.js'
import { sealFrame, frameBytes } from './frame.js'

/**
 * One batch in the WAL: the events of one commit. A batch is whole or it is not there. Records begin at multiples of 8.
 *
 * | offset | bytes | field | |
 * |---|---|---|---|
 * | 0 | 4 | magic | `DRWB` |
 * | 4 | 4 | length | bytes behind the crc field, without padding |
 * | 8 | 4 | crc32 | seeded with the file's salt; over the length field and everything behind the crc field |
 * | 12 | 4 | flags | 1 CONTINUES (reserved), 2 CLOSE, 4 has a previous hash (reserved) |
 * | 16 | 8 | first seq | |
 * | 24 | 8 | commit time | unix ms |
 * | 32 | 8 | synced bytes | how far this file was synced when the record was written |
 * | 40 | 4 | count | events |
 * | 44 | 4 | metadata bytes | |
 * | 48 | 4 | run count | |
 * | 52 | 4 | zeros | |
 * | 56 | 12 each | runs | table id u32, events u32, bytes u32, in frame order |
 * | | | metadata | msgpack |
 * | | | frames | in seq order |
 */
export const RECORD_HEAD_BYTES = 56
export const RUN_BYTES = 12
export const RECORD_MAGIC = 0x42575244
/** In memory only: the log goes on in another chunk, at the address in the next word (in units of 8 bytes). */
export const JUMP_MAGIC = 0x504d554a
export const RECORD_CONTINUES = 1
export const RECORD_CLOSE = 2
export const RECORD_HASHED = 4

export type RecordRun = { readonly tableId: number; readonly count: number; readonly bytes: number }

export type RecordHeader = {
  readonly flags: number
  readonly firstSeq: number
  readonly time: number
  readonly count: number
  readonly runs: readonly RecordRun[]
  readonly metadata: Uint8Array
}

/** Bytes of a record up to its first frame. */
export function recordHeadBytes(runCount: number, metadataBytes: number): number {
  return RECORD_HEAD_BYTES + runCount * RUN_BYTES + metadataBytes
}

export function paddedBytes(bytes: number): number {
  return (bytes + 7) & ~7
}

/** Writes a record's head; `frameBytesTotal` bytes of frames belong at the offset that is returned. crc and synced bytes come later. */
export function writeRecordHead(target: Uint8Array, offset: number, header: RecordHeader, frameBytesTotal: number): number {
  const framesAt = offset + recordHeadBytes(header.runs.length, header.metadata.length)
  writeU32(target, offset, RECORD_MAGIC)
  writeU32(target, offset + 4, framesAt + frameBytesTotal - offset - 12)
  writeU32(target, offset + 8, 0)
  writeU32(target, offset + 12, header.flags)
  writeU64(target, offset + 16, header.firstSeq)
  writeU64(target, offset + 24, header.time)
  writeU64(target, offset + 32, 0)
  writeU32(target, offset + 40, header.count)
  writeU32(target, offset + 44, header.metadata.length)
  writeU32(target, offset + 48, header.runs.length)
  writeU32(target, offset + 52, 0)
  let at = offset + RECORD_HEAD_BYTES
  for (const run of header.runs) {
    writeU32(target, at, run.tableId)
    writeU32(target, at + 4, run.count)
    writeU32(target, at + 8, run.bytes)
    at += RUN_BYTES
  }
  target.set(header.metadata, at)
  return framesAt
}

/** All bytes of the record at `offset`, without padding. */
export function recordBytes(source: Uint8Array, offset: number): number {
  return readU32(source, offset + 4) + 12
}

export function recordFirstSeq(source: Uint8Array, offset: number): number {
  return readU64(source, offset + 16)
}

export function recordCount(source: Uint8Array, offset: number): number {
  return readU32(source, offset + 40)
}

export function recordSyncedBytes(source: Uint8Array, offset: number): number {
  return readU64(source, offset + 32)
}

export function recordFramesOffset(source: Uint8Array, offset: number): number {
  return offset + recordHeadBytes(readU32(source, offset + 48), readU32(source, offset + 44))
}

/** Writes the frames' checksums, the synced bytes and the record's own checksum. The last thing before the bytes go to the file. */
export function sealRecord(target: Uint8Array, offset: number, syncedBytes: number, salt: number): void {
  const end = offset + recordBytes(target, offset)
  for (let at = recordFramesOffset(target, offset); at < end; at += frameBytes(target, at)) sealFrame(target, at)
  writeU64(target, offset + 32, syncedBytes)
  writeU32(target, offset + 8, recordChecksum(target, offset, salt))
}

function recordChecksum(source: Uint8Array, offset: number, salt: number): number {
  const end = offset + recordBytes(source, offset)
  return crc32Range(source, offset + 12, end, crc32Word(readU32(source, offset + 4), salt))
}

/** True if a whole, undamaged record of the file with this salt stands at `offset`. */
export function isWholeRecord(source: Uint8Array, offset: number, end: number, salt: number): boolean {
  if (offset + RECORD_HEAD_BYTES > end || readU32(source, offset) !== RECORD_MAGIC) return false
  const bytes = recordBytes(source, offset)
  if (bytes < RECORD_HEAD_BYTES || offset + bytes > end) return false
  if (recordHeadBytes(readU32(source, offset + 48), readU32(source, offset + 44)) > bytes) return false
  return readU32(source, offset + 8) === recordChecksum(source, offset, salt)
}

/** Reads a record's head; metadata is a view on the source. */
export function readRecordHeader(source: Uint8Array, offset: number): RecordHeader {
  const runCount = readU32(source, offset + 48)
  const metadataAt = offset + RECORD_HEAD_BYTES + runCount * RUN_BYTES
  const runs: RecordRun[] = []
  for (let at = offset + RECORD_HEAD_BYTES; at < metadataAt; at += RUN_BYTES) {
    runs.push({ tableId: readU32(source, at), count: readU32(source, at + 4), bytes: readU32(source, at + 8) })
  }
  return {
    flags: readU32(source, offset + 12),
    firstSeq: recordFirstSeq(source, offset),
    time: readU64(source, offset + 24),
    count: recordCount(source, offset),
    runs,
    metadata: source.subarray(metadataAt, metadataAt + readU32(source, offset + 44))
  }
}
