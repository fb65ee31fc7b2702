/** The footer of a sealed segment. */
import test from 'ava'
import fc from 'fast-check'
import { decodeSegmentFooter, encodeSegmentFooter, FOOTER_BLOCK_BYTES, FOOTER_BYTES, footerBytes } from '../../src/format/segment-footer.js'
import { missedFlips } from './_flip.js'

const u53 = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER })
const u32 = fc.nat({ max: 2 ** 32 - 1 })
const footer = fc.record({
  blocks: fc.array(fc.record({ offset: u32, crc: u32, firstSeq: u53, firstTime: u53 }), { maxLength: 20 }),
  frameBytes: u53,
  count: u53,
  firstSeq: u53,
  lastSeq: u53,
  firstTime: u53,
  lastTime: u53
})

test('a footer reads back as it was written, and its last 64 bytes tell its length', (t) => {
  fc.assert(
    fc.property(footer, (written) => {
      const bytes = encodeSegmentFooter(written)
      t.is(bytes.length, written.blocks.length * FOOTER_BLOCK_BYTES + FOOTER_BYTES)
      t.is(footerBytes(bytes.subarray(bytes.length - FOOTER_BYTES)), bytes.length)
      t.deepEqual(decodeSegmentFooter(bytes), written)
    }),
    { numRuns: 500 }
  )
})

test('FMT-1: one flipped bit anywhere in a footer is found', (t) => {
  const blocks = [1, 2, 3].map((n) => ({ offset: n * 65_536, crc: n * 77, firstSeq: n * 100, firstTime: n * 1000 }))
  const bytes = encodeSegmentFooter({
    blocks,
    frameBytes: 200_000,
    count: 300,
    firstSeq: 100,
    lastSeq: 400,
    firstTime: 1000,
    lastTime: 4000
  })
  t.deepEqual(
    missedFlips(bytes, (damaged) => decodeSegmentFooter(damaged) === undefined),
    []
  )
})

test('a footer that is cut, or has bytes too many, is none', (t) => {
  const block = { offset: 64, crc: 1, firstSeq: 1, firstTime: 1 }
  const bytes = encodeSegmentFooter({ blocks: [block], frameBytes: 1, count: 1, firstSeq: 1, lastSeq: 1, firstTime: 1, lastTime: 1 })
  for (let from = 1; from <= bytes.length; from++) t.is(decodeSegmentFooter(bytes.subarray(from)), undefined)
  for (let end = 0; end < bytes.length; end++) t.is(decodeSegmentFooter(bytes.subarray(0, end)), undefined)
  t.is(decodeSegmentFooter(Buffer.concat([Buffer.from([0]), bytes])), undefined)
  t.not(decodeSegmentFooter(bytes), undefined)
})
