/** Small batches as WAL records, and files that hold them. */
import { EVENT_INSERT, frameHeadBytes, writeFrameHead } from '../../src/format/frame.js'
import { paddedBytes, RECORD_CLOSE, recordHeadBytes, sealRecord, writeRecordHead } from '../../src/format/wal-record.js'
import type { MemoryIo } from '../../src/io/memory-io.js'
import { WalFile } from '../../src/wal/wal-file.js'

export const WAL = '/data/wal'
export const databaseId = Uint8Array.from({ length: 16 }, (_, index) => index + 1)

/** A batch of `count` events, from `firstSeq` on, sealed for the file as it is now. */
export function batchFor(wal: { salt: number; syncedBytes: number }, firstSeq: number, count = 1, flags = 0): Uint8Array {
  const payloads = Array.from({ length: count }, (_, index) => Buffer.from(`payload of event ${firstSeq + index}`))
  const frames = payloads.reduce((sum, payload, index) => sum + frameHeadBytes(firstSeq + index) + payload.length, 0)
  const runs = count === 0 ? [] : [{ tableId: 16, count, bytes: frames }]
  const bytes = new Uint8Array(paddedBytes(recordHeadBytes(runs.length, 0) + frames))
  let at = writeRecordHead(bytes, 0, { flags, firstSeq, time: 1000 + firstSeq, count, runs, metadata: new Uint8Array(0) }, frames)
  for (const [index, payload] of payloads.entries()) {
    at = writeFrameHead(bytes, at, firstSeq + index, 1000 + firstSeq, EVENT_INSERT, payload.length)
    bytes.set(payload, at)
    at += payload.length
  }
  sealRecord(bytes, 0, wal.syncedBytes, wal.salt)
  return bytes
}

export function closeRecord(wal: { salt: number; syncedBytes: number }, nextSeq: number): Uint8Array {
  return batchFor(wal, nextSeq, 0, RECORD_CLOSE)
}

/** One group commit: these records in one write, then a sync. */
export function commitGroup(wal: WalFile, records: readonly Uint8Array[]): void {
  wal.append(
    records,
    records.reduce((sum, record) => sum + record.length, 0)
  )
  wal.sync()
}

/** A WAL file with `groups` groups of one batch of one event each, from event 1 on. */
export function walWith(io: MemoryIo, groups: number): WalFile {
  io.makeDirectory(WAL)
  const wal = WalFile.create(io, WAL, databaseId, 1, 1)
  for (let group = 0; group < groups; group++) commitGroup(wal, [batchFor(wal, group + 1)])
  return wal
}
