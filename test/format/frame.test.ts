/** A frame reads back as it was written, and a damaged one is not read at all. */
import test from 'ava'
import fc from 'fast-check'
import { limits } from '../../src/base/limits.js'
import { crc32 } from '../../src/codec/checksum.js'
import { writeU32 } from '../../src/format/bytes.js'
import {
  EVENT_COMMIT,
  EVENT_ERASE,
  EVENT_INSERT,
  EVENT_MORE,
  EVENT_NAMES,
  EVENT_PATCH,
  EVENT_SCHEMA,
  EVENT_SOFT_DELETE,
  frameBytes,
  frameFault,
  frameHeadBytes,
  frameSeq,
  readFrame,
  sealFrame,
  writeFrameHead
} from '../../src/format/frame.js'
import { missedFlips } from './_flip.js'

function frameOf(seq: number, time: number, type: number, payload: Uint8Array, offset = 0): Uint8Array {
  const bytes = new Uint8Array(offset + frameHeadBytes(seq) + payload.length)
  bytes.set(payload, writeFrameHead(bytes, offset, seq, time, type, payload.length))
  sealFrame(bytes, offset)
  return bytes
}

const event = fc.record({
  seq: fc.oneof(fc.constantFrom(1, 127, 128, 2 ** 32, 2 ** 49, limits.seqMax), fc.integer({ min: 1, max: limits.seqMax })),
  time: fc.oneof(fc.constantFrom(0, limits.timeMax), fc.integer({ min: 0, max: limits.timeMax })),
  event: fc.constantFrom(EVENT_INSERT, EVENT_PATCH, EVENT_SOFT_DELETE, EVENT_COMMIT, EVENT_SCHEMA, EVENT_ERASE),
  more: fc.boolean(),
  payload: fc.uint8Array({ minLength: 1, maxLength: 300 })
})

test('a frame reads back as it was written, wherever it stands', (t) => {
  fc.assert(
    fc.property(event, fc.nat({ max: 40 }), ({ seq, time, event: code, more, payload }, offset) => {
      const bytes = frameOf(seq, time, code | (more ? EVENT_MORE : 0), payload, offset)
      t.is(frameFault(bytes, offset, bytes.length, limits.frameBytesMax), undefined)
      t.is(frameBytes(bytes, offset), bytes.length - offset)
      t.is(frameSeq(bytes, offset), seq)
      const found = readFrame(bytes, offset)
      t.deepEqual({ ...found, payload: [...found.payload] }, { seq, time, event: code, more, payload: [...payload] })
    }),
    { numRuns: 1000 }
  )
})

test('the checksum is CRC-32 over the length field and everything behind the crc field', (t) => {
  const bytes = frameOf(300, 1_700_000_000_000, EVENT_INSERT, Buffer.from('payload'))
  const covered = Buffer.concat([bytes.subarray(0, 4), bytes.subarray(8)])
  t.is(new DataView(bytes.buffer).getUint32(4, true), crc32(covered))
})

test('FMT-1: one flipped bit anywhere in a frame is found', (t) => {
  const bytes = frameOf(300, 1_700_000_000_000, EVENT_PATCH | EVENT_MORE, Buffer.from('a payload of some bytes'))
  t.deepEqual(
    missedFlips(bytes, (damaged) => frameFault(damaged, 0, damaged.length, limits.frameBytesMax) !== undefined),
    []
  )
  // The same with bytes behind it, into which a wrong length may reach.
  const among = Buffer.concat([bytes, bytes, bytes])
  t.deepEqual(
    missedFlips(bytes, (damaged) => {
      const file = Buffer.concat([damaged, among])
      return frameFault(file, 0, file.length, limits.frameBytesMax) !== undefined
    }),
    []
  )
})

test('a frame that is cut anywhere is found', (t) => {
  const bytes = frameOf(7, 1, EVENT_SOFT_DELETE, Buffer.from([0x91, 5]))
  for (let end = 0; end < bytes.length; end++) t.not(frameFault(bytes, 0, end, limits.frameBytesMax), undefined)
  t.is(frameFault(bytes, 0, bytes.length, limits.frameBytesMax), undefined)
})

test('FMT-2: a length is checked against its limit and against the bytes that are there before the checksum is made', (t) => {
  const bytes = new Uint8Array(64)
  for (const length of [0, 10, limits.frameBytesMax - 7, 2 ** 31, 2 ** 32 - 1]) {
    writeU32(bytes, 0, length)
    t.is(frameFault(bytes, 0, bytes.length, limits.frameBytesMax), `a frame of ${length} bytes cannot be`)
  }
  writeU32(bytes, 0, limits.frameBytesMax - 8)
  t.is(frameFault(bytes, 0, bytes.length, limits.frameBytesMax), 'the frame is cut')
})

test('the largest frame is read, one byte more is refused', (t) => {
  const head = frameHeadBytes(9)
  const largest = frameOf(9, 1, EVENT_PATCH, new Uint8Array(limits.frameBytesMax - head).fill(7))
  t.is(largest.length, limits.frameBytesMax)
  t.is(frameFault(largest, 0, largest.length, limits.frameBytesMax), undefined)
  const larger = frameOf(9, 1, EVENT_PATCH, new Uint8Array(limits.frameBytesMax - head + 1).fill(7))
  t.is(frameFault(larger, 0, larger.length, limits.frameBytesMax), `a frame of ${larger.length - 8} bytes cannot be`)
})

test('FMT-5: the numbers of the events are what they always were', (t) => {
  t.deepEqual(EVENT_NAMES, { 1: 'INSERT', 2: 'PATCH', 3: 'SOFT_DELETE', 16: 'COMMIT', 17: 'SCHEMA', 18: 'ERASE' })
  t.is(EVENT_MORE, 0x80)
})
