/** The table and zlib compute the same CRC-32. */
import test from 'ava'
import fc from 'fast-check'
import { crc32, crc32Range, crc32Word } from '../../src/codec/checksum.js'

const bytesOf = (word: number) => {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, word, true)
  return bytes
}

test('crc32 is CRC-32/ISO-HDLC', (t) => {
  t.is(crc32(new TextEncoder().encode('123456789')), 0xcbf43926)
  t.is(crc32(new Uint8Array(0)), 0)
})

test('crc32Word equals crc32 over the four little-endian bytes, with any seed', (t) => {
  fc.assert(
    fc.property(fc.nat({ max: 0xffffffff }), fc.nat({ max: 0xffffffff }), (word, seed) => {
      t.is(crc32Word(word), crc32(bytesOf(word)))
      t.is(crc32Word(word, seed), crc32(bytesOf(word), seed))
    }),
    { numRuns: 5000 }
  )
})

test('a checksum goes on from the one before: a length word, then the rest', (t) => {
  const rest = new TextEncoder().encode('the rest of the frame')
  const whole = new Uint8Array([...bytesOf(rest.length), ...rest])
  t.is(crc32(rest, crc32Word(rest.length)), crc32(whole))
  for (const nothing of [new Uint8Array(0), new Uint8Array(new ArrayBuffer(0)), whole.subarray(3, 3)]) t.is(crc32(nothing, 5), 5)
})

test('crc32Range equals crc32 of the same bytes, however many they are, wherever they begin, with any seed', (t) => {
  const bytes = Uint8Array.from({ length: 700 }, (_, index) => (index * 7919) >>> 3)
  for (let length = 0; length <= 600; length++) {
    const from = length % 13
    t.is(crc32Range(bytes, from, from + length), crc32(bytes.subarray(from, from + length)))
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat({ max: 40 }), fc.nat({ max: 0xffffffff }), (all, skipped, seed) => {
      const from = Math.min(skipped, all.length)
      t.is(crc32Range(all, from, all.length, seed), crc32(all.subarray(from), seed))
    })
  )
})

test('crc32 reads a view of shared memory', (t) => {
  const shared = new Uint8Array(new SharedArrayBuffer(20), 5, 9)
  shared.set(new TextEncoder().encode('123456789'))
  t.is(crc32(shared), 0xcbf43926)
})
