/** A WAL record reads back as it was written; a damaged one, and one of another file, is none. */
import test from 'ava'
import fc from 'fast-check'
import { limits } from '../../src/base/limits.js'
import { EVENT_INSERT, frameFault, frameHeadBytes, readFrame, writeFrameHead } from '../../src/format/frame.js'
import {
  isWholeRecord,
  JUMP_MAGIC,
  paddedBytes,
  readRecordHeader,
  RECORD_CLOSE,
  RECORD_CONTINUES,
  RECORD_HEAD_BYTES,
  RECORD_MAGIC,
  recordBytes,
  recordCount,
  recordFirstSeq,
  recordFramesOffset,
  recordHeadBytes,
  recordSyncedBytes,
  sealRecord,
  writeRecordHead
} from '../../src/format/wal-record.js'
import { missedFlips } from './_flip.js'

type Run = { tableId: number; payloads: Uint8Array[] }

/** A record of one batch at `offset`, with a frame for each payload. */
function recordOf(
  firstSeq: number,
  time: number,
  runs: Run[],
  metadata: Uint8Array,
  salt: number,
  syncedBytes = 64,
  offset = 0
): Uint8Array {
  let seq = firstSeq
  const sized = runs.map(({ tableId, payloads }) => ({
    tableId,
    count: payloads.length,
    bytes: payloads.reduce((sum, payload) => sum + frameHeadBytes(seq++) + payload.length, 0)
  }))
  const frames = sized.reduce((sum, run) => sum + run.bytes, 0)
  const bytes = new Uint8Array(offset + paddedBytes(recordHeadBytes(runs.length, metadata.length) + frames))
  let at = writeRecordHead(bytes, offset, { flags: 0, firstSeq, time, count: seq - firstSeq, runs: sized, metadata }, frames)
  seq = firstSeq
  for (const payload of runs.flatMap((run) => run.payloads)) {
    at = writeFrameHead(bytes, at, seq++, time, EVENT_INSERT, payload.length)
    bytes.set(payload, at)
    at += payload.length
  }
  sealRecord(bytes, offset, syncedBytes, salt)
  return bytes
}

const batch = fc.record({
  firstSeq: fc.oneof(fc.constantFrom(1, 126, 2 ** 32), fc.integer({ min: 1, max: limits.seqMax - 100 })),
  time: fc.integer({ min: 0, max: limits.timeMax }),
  runs: fc.array(
    fc.record({
      tableId: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
      payloads: fc.array(fc.uint8Array({ minLength: 2, maxLength: 60 }), { minLength: 1, maxLength: 5 })
    }),
    { minLength: 1, maxLength: 5 }
  ),
  metadata: fc.uint8Array({ maxLength: 80 }),
  salt: fc.nat({ max: 2 ** 32 - 1 }),
  syncedBytes: fc.integer({ min: 64, max: 2 ** 40 }),
  offset: fc.nat({ max: 10 }).map((words) => words * 8)
})

test('a record reads back as it was written, wherever it stands', (t) => {
  fc.assert(
    fc.property(batch, ({ firstSeq, time, runs, metadata, salt, syncedBytes, offset }) => {
      const bytes = recordOf(firstSeq, time, runs, metadata, salt, syncedBytes, offset)
      t.true(isWholeRecord(bytes, offset, bytes.length, salt))
      t.is(bytes.length % 8, 0)
      const header = readRecordHeader(bytes, offset)
      const payloads = runs.flatMap((run) => run.payloads)
      t.is(header.firstSeq, firstSeq)
      t.is(header.time, time)
      t.is(header.count, payloads.length)
      t.deepEqual([...header.metadata], [...metadata])
      t.deepEqual(
        header.runs.map(({ tableId, count }) => ({ tableId, count })),
        runs.map(({ tableId, payloads: mine }) => ({ tableId, count: mine.length }))
      )
      t.is(recordFirstSeq(bytes, offset), firstSeq)
      t.is(recordCount(bytes, offset), payloads.length)
      t.is(recordSyncedBytes(bytes, offset), syncedBytes)
      const end = offset + recordBytes(bytes, offset)
      let at = recordFramesOffset(bytes, offset)
      for (const [index, payload] of payloads.entries()) {
        t.is(frameFault(bytes, at, end, limits.frameBytesMax), undefined)
        const frame = readFrame(bytes, at)
        t.is(frame.seq, firstSeq + index)
        t.deepEqual([...frame.payload], [...payload])
        at += 8 + new DataView(bytes.buffer).getUint32(at, true)
      }
      t.is(at, end)
      t.true(bytes.length - end < 8)
    }),
    { numRuns: 300 }
  )
})

const small = () =>
  recordOf(
    5,
    1_700_000_000_000,
    [{ tableId: 16, payloads: [Buffer.from('abc'), Buffer.from('defg')] }],
    Buffer.from([0x81, 0xa1, 0x61, 1]),
    99
  )

test('FMT-1: one flipped bit anywhere in a record is found', (t) => {
  const bytes = small().subarray(0, recordBytes(small(), 0))
  t.deepEqual(
    missedFlips(bytes, (damaged) => !isWholeRecord(damaged, 0, damaged.length, 99)),
    []
  )
  const after = small()
  t.deepEqual(
    missedFlips(bytes, (damaged) => {
      const file = Buffer.concat([damaged, after, after])
      return !isWholeRecord(file, 0, file.length, 99)
    }),
    []
  )
})

test('ATM-2: a record that is cut anywhere is none', (t) => {
  const bytes = small()
  const whole = recordBytes(bytes, 0)
  for (let end = 0; end < whole; end++) t.false(isWholeRecord(bytes, 0, end, 99))
  t.true(isWholeRecord(bytes, 0, whole, 99))
})

test('a record of a file with another salt is noise', (t) => {
  const bytes = small()
  t.true(isWholeRecord(bytes, 0, bytes.length, 99))
  for (const salt of [0, 98, 100, 2 ** 32 - 1]) t.false(isWholeRecord(bytes, 0, bytes.length, salt))
})

test('FMT-2: counts that promise more than the record has are refused', (t) => {
  for (const at of [4, 44, 48]) {
    const bytes = small()
    new DataView(bytes.buffer).setUint32(at, 0xffff_fff0, true)
    t.false(isWholeRecord(bytes, 0, bytes.length, 99))
  }
  t.false(isWholeRecord(new Uint8Array(64), 0, 64, 0))
})

test('a CLOSE record has no events and is whole', (t) => {
  const bytes = new Uint8Array(paddedBytes(recordHeadBytes(0, 0)))
  writeRecordHead(bytes, 0, { flags: RECORD_CLOSE, firstSeq: 8, time: 0, count: 0, runs: [], metadata: new Uint8Array(0) }, 0)
  sealRecord(bytes, 0, 4096, 3)
  t.true(isWholeRecord(bytes, 0, bytes.length, 3))
  t.is(bytes.length, RECORD_HEAD_BYTES)
  t.is(readRecordHeader(bytes, 0).flags, RECORD_CLOSE)
})

test('FMT-5: the numbers of records are what they always were', (t) => {
  t.is(Buffer.from('DRWB').readUInt32LE(), RECORD_MAGIC)
  t.is(Buffer.from('JUMP').readUInt32LE(), JUMP_MAGIC)
  t.deepEqual([RECORD_CONTINUES, RECORD_CLOSE], [1, 2])
})
