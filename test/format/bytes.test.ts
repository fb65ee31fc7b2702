/** Little-endian integers and varints, at their limits. */
import test from 'ava'
import fc from 'fast-check'
import { readU32, readU64, readVarint, varintBytes, varintEnd, writeU32, writeU64, writeVarint } from '../../src/format/bytes.js'

const SEQ_MAX = Number.MAX_SAFE_INTEGER
/** Where a varint, a 32-bit word or a 53-bit number grows by a byte or ends. */
const edges = [0, 1, 127, 128, 2 ** 14 - 1, 2 ** 14, 2 ** 21 - 1, 2 ** 21, 2 ** 28 - 1, 2 ** 28, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32]
const limits = [...edges, 2 ** 35 - 1, 2 ** 35, 2 ** 42 - 1, 2 ** 42, 2 ** 49 - 1, 2 ** 49, 2 ** 52, SEQ_MAX - 1, SEQ_MAX]
const number = fc.oneof(fc.constantFrom(...limits), fc.nat({ max: 300 }), fc.integer({ min: 0, max: SEQ_MAX }))

test('a varint reads back as the same number and takes as many bytes as it says', (t) => {
  fc.assert(
    fc.property(number, fc.nat({ max: 5 }), (value, offset) => {
      const bytes = new Uint8Array(20).fill(0xee)
      const end = writeVarint(bytes, offset, value)
      t.is(end - offset, varintBytes(value))
      t.is(varintEnd(bytes, offset), end)
      t.is(readVarint(bytes, offset), value)
      t.deepEqual([...bytes.subarray(end)], new Array<number>(20 - end).fill(0xee))
    }),
    { numRuns: 2000 }
  )
})

test('a varint is unsigned LEB128: 1 byte to 127, 8 bytes at 2^53-1', (t) => {
  const encoded = (value: number) => {
    const bytes = new Uint8Array(8)
    return Buffer.from(bytes.subarray(0, writeVarint(bytes, 0, value))).toString('hex')
  }
  t.is(encoded(0), '00')
  t.is(encoded(127), '7f')
  t.is(encoded(128), '8001')
  t.is(encoded(624_485), 'e58e26')
  t.is(encoded(2 ** 49 - 1), 'ffffffffffff7f')
  t.is(encoded(2 ** 49), '8080808080808001')
  t.is(encoded(SEQ_MAX), 'ffffffffffffff0f')
})

test('a varint past 2^53-1 or longer than 8 bytes is no number, so that every comparison fails', (t) => {
  t.is(readVarint(Buffer.from('ffffffffffffff10', 'hex'), 0), Number.NaN)
  t.is(readVarint(Buffer.from('8080808080808010', 'hex'), 0), Number.NaN)
  t.is(readVarint(Buffer.from('808080808080808001', 'hex'), 0), Number.NaN)
  t.is(readVarint(new Uint8Array(20).fill(0xff), 0), Number.NaN)
})

test('a 64-bit number reads back up to 2^53-1 and is no number above', (t) => {
  fc.assert(
    fc.property(number, fc.nat({ max: 5 }), (value, offset) => {
      const bytes = new Uint8Array(20)
      writeU64(bytes, offset, value)
      t.is(readU64(bytes, offset), value)
      t.is(new DataView(bytes.buffer).getBigUint64(offset, true), BigInt(value))
    }),
    { numRuns: 2000 }
  )
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigUint64(0, 2n ** 53n, true)
  t.is(readU64(bytes, 0), Number.NaN)
  t.is(readU64(new Uint8Array(8).fill(0xff), 0), Number.NaN)
})

test('a 32-bit number is little-endian and unsigned', (t) => {
  fc.assert(
    fc.property(fc.oneof(fc.constantFrom(0, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1), fc.nat({ max: 2 ** 32 - 1 })), (value) => {
      const bytes = new Uint8Array(6)
      writeU32(bytes, 1, value)
      t.is(readU32(bytes, 1), value)
      t.is(new DataView(bytes.buffer).getUint32(1, true), value)
      t.is(bytes[0], 0)
      t.is(bytes[5], 0)
    })
  )
})
