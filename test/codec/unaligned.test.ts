import test from 'ava'
import fc from 'fast-check'
import { compareBytes, copyBytes, dataViewOf, hashBytes, sameBytes } from '../../src/codec/unaligned.js'

/** Bytes somewhere within a longer array. */
const run = fc.tuple(fc.uint8Array({ maxLength: 40 }), fc.nat(9), fc.nat(9))

function placed([bytes, before, behind]: [Uint8Array, number, number]): { data: DataView; at: number; bytes: Uint8Array } {
  const memory = new Uint8Array(before + bytes.length + behind).fill(0xa5)
  memory.set(bytes, before)
  return { data: dataViewOf(memory), at: before, bytes }
}

/** The same bytes, or others that often begin the same. */
const pair = fc.tuple(run, run, fc.nat(40), fc.boolean()).map(([one, other, shared, isSame]) => {
  const [first] = one
  const second = isSame ? first : Uint8Array.from([...first.subarray(0, shared), ...other[0].subarray(shared)])
  return { one: placed(one), other: placed([second, other[1], other[2]]) }
})

test('runs of bytes at any offsets are compared as Buffer does', (t) => {
  fc.assert(
    fc.property(pair, ({ one, other }) => {
      const bytes = Math.min(one.bytes.length, other.bytes.length)
      const order = Buffer.compare(one.bytes.subarray(0, bytes), other.bytes.subarray(0, bytes))
      t.is(Math.sign(compareBytes(one.data, one.at, other.data, other.at, bytes)), order)
      t.is(sameBytes(one.data, one.at, other.data, other.at, bytes), order === 0)
    })
  )
})

test('a copy has all bytes of the run and no other byte', (t) => {
  fc.assert(
    fc.property(run, fc.nat(9), (source, to) => {
      const { data, at, bytes } = placed(source)
      const target = new Uint8Array(to + bytes.length + 8).fill(0x5a)
      copyBytes(data, at, dataViewOf(target), to, bytes.length)
      const expected = new Uint8Array(target.length).fill(0x5a)
      expected.set(bytes, to)
      t.deepEqual(target, expected)
    })
  )
})

test('equal runs have equal hashes wherever they lie, and many short texts few that are the same', (t) => {
  fc.assert(
    fc.property(run, fc.nat(9), (source, before) => {
      const one = placed(source)
      const other = placed([one.bytes, before, 0])
      t.is(hashBytes(one.data, one.at, one.bytes.length), hashBytes(other.data, other.at, one.bytes.length))
    })
  )
  const hashes = new Set<number>()
  for (let number = 0; number < 10_000; number++) {
    const text = Buffer.from(`customer ${number}`)
    hashes.add(hashBytes(dataViewOf(text), 0, text.length))
  }
  t.true(hashes.size > 9990, `${hashes.size} of 10000 hashes`)
})
