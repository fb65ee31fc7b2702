/** The order of canonical bytes is the order of keys, equal keys have equal bytes, and payloads read back to them. */
import test from 'ava'
import fc from 'fast-check'
import { DriftError } from '../../src/base/errors.js'
import { limits } from '../../src/base/limits.js'
import { decodeValue, encodeValue } from '../../src/codec/document-codec.js'
import {
  compareKeys,
  decodeKey,
  encodeKey,
  hashKey,
  readKeyPayload,
  skipValue,
  writeKeyPayload,
  type Key
} from '../../src/codec/key-codec.js'

const target = new Uint8Array(1100)
const canonical = (key: unknown) => target.slice(0, encodeKey(key, target))
const payload = (key: Key) => {
  const bytes = canonical(key)
  const out = new Uint8Array(bytes.length + 2)
  return out.slice(0, writeKeyPayload(bytes, bytes.length, out, 0))
}

function refused(action: () => unknown): string {
  try {
    action()
  } catch (error) {
    if (error instanceof DriftError) return error.code
    throw error
  }
  throw new Error('nothing was refused')
}

const rank = (key: Key) => (typeof key === 'boolean' ? 0 : typeof key === 'string' ? 2 : 1)

/** Key order without our bytes: JavaScript compares a number and a bigint exactly. */
function naiveCompare(a: Key, b: Key): number {
  if (rank(a) !== rank(b)) return rank(a) - rank(b)
  if (typeof a === 'string' || typeof b === 'string') return Buffer.compare(Buffer.from(String(a)), Buffer.from(String(b)))
  return a < b ? -1 : a > b ? 1 : 0
}

const edge = fc
  .constantFrom<(number | bigint)[]>(
    ...[53n, 54n, 57n, 60n, 62n, 63n].flatMap((bits) => [-3n, -1n, 0n, 1n, 3n].flatMap((d) => [2n ** bits + d, -(2n ** bits) + d])),
    2n ** 64n - 1n,
    2n ** 64n - 1025n,
    2n ** 64n - 2048n,
    2n ** 64n - 2049n,
    2 ** 53,
    2 ** 60,
    2 ** 63,
    2 ** 64,
    -(2 ** 63),
    0,
    -0,
    5e-324,
    -5e-324,
    1.7976931348623157e308
  )
  .filter((n) => typeof n === 'number' || (n >= -(2n ** 63n) && n < 2n ** 64n))
const number = fc.oneof(
  edge,
  fc.integer(),
  fc.maxSafeInteger(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
  fc.bigInt({ min: 2n ** 60n - 200n, max: 2n ** 60n + 200n }),
  fc.bigInt({ min: -(2n ** 60n) - 200n, max: -(2n ** 60n) + 200n })
)
const text = fc.string({ unit: 'grapheme', maxLength: 40 }).filter((s) => Buffer.byteLength(s) < 1000)
const key: fc.Arbitrary<Key> = fc.oneof(number, text, fc.string({ unit: 'binary', maxLength: 5 }), fc.boolean())

test('the byte order of canonical keys is the order of the keys', (t) => {
  fc.assert(
    fc.property(key, key, (a, b) => {
      const order = compareKeys(canonical(a), canonical(b))
      t.is(Math.sign(order), Math.sign(naiveCompare(a, b)), `${String(a)} ${String(b)}`)
      t.is(Math.sign(order), Buffer.compare(canonical(a), canonical(b)))
    }),
    { numRuns: 20_000 }
  )
})

test('numbers keep their order where bigints and floats are mixed', (t) => {
  fc.assert(
    fc.property(number, number, (a, b) => {
      t.is(Math.sign(compareKeys(canonical(a), canonical(b))), a < b ? -1 : a > b ? 1 : 0, `${a} ${b}`)
    }),
    { numRuns: 20_000 }
  )
})

test('equal numbers are one key; 1, "1" and true are three', (t) => {
  const pairs: [Key, Key][] = [
    [1, 1n],
    [2 ** 60, 2n ** 60n],
    [-0, 0],
    [0n, -0],
    [-(2 ** 63), -(2n ** 63n)],
    [2 ** 63, 2n ** 63n]
  ]
  for (const [a, b] of pairs) t.deepEqual(canonical(a), canonical(b))
  t.is(new Set([1, '1', true].map((k) => Buffer.from(canonical(k)).toString('hex'))).size, 3)
  t.notDeepEqual(canonical(2n ** 60n + 1n), canonical(2 ** 60))
})

test('a key comes back equal, its payload is what the document codec writes, and both read to the same bytes', (t) => {
  fc.assert(
    fc.property(key, (k) => {
      const bytes = canonical(k)
      const back = decodeKey(bytes)
      t.is(naiveCompare(back, k), 0)
      t.deepEqual(canonical(back), bytes)
      const stored = payload(k)
      t.true(stored.length <= bytes.length + 2)
      t.deepEqual(stored, encodeValue(back, 'key').slice())
      t.is(typeof decodeValue(stored), typeof back)
      t.deepEqual(target.slice(0, readKeyPayload(stored, 0, target)), bytes)
      t.is(skipValue(stored, 0), stored.length)
    }),
    { numRuns: 10_000 }
  )
})

test('an integer past 2^53 comes back as a number if a float64 holds it, else as a bigint', (t) => {
  t.is(decodeKey(canonical(2n ** 60n)), 2 ** 60)
  t.is(decodeKey(canonical(2n ** 60n + 1n)), 2n ** 60n + 1n)
  t.is(decodeKey(canonical(-(2n ** 60n) - 1n)), -(2n ** 60n) - 1n)
  t.is(decodeKey(canonical(12n)), 12)
  t.is(decodeKey(canonical('')), '')
})

test('a decoded key is read from a view in shared memory', (t) => {
  const bytes = canonical('schlüssel')
  const shared = new Uint8Array(new SharedArrayBuffer(64), 7, bytes.length)
  shared.set(bytes)
  t.is(decodeKey(shared), 'schlüssel')
})

test('every width of msgpack number reads to the same canonical bytes', (t) => {
  const cases: [number[], Key][] = [
    [[0x05], 5],
    [[0xcc, 5], 5],
    [[0xcd, 0, 5], 5],
    [[0xce, 0, 0, 0, 5], 5],
    [[0xcf, 0, 0, 0, 0, 0, 0, 0, 5], 5],
    [[0xd0, 5], 5],
    [[0xd1, 0, 5], 5],
    [[0xd2, 0, 0, 0, 5], 5],
    [[0xd3, 0, 0, 0, 0, 0, 0, 0, 5], 5],
    [[0xca, 0x40, 0xa0, 0, 0], 5],
    [[0xcb, 0x40, 0x14, 0, 0, 0, 0, 0, 0], 5],
    [[0xff], -1],
    [[0xd0, 0xff], -1],
    [[0xd1, 0xff, 0xff], -1],
    [[0xd2, 0xff, 0xff, 0xff, 0xff], -1],
    [[0xd3, 255, 255, 255, 255, 255, 255, 255, 255], -1],
    [[0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0], -(2n ** 63n)],
    [[0xd3, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0], -(2 ** 32)],
    [[0xcf, 255, 255, 255, 255, 255, 255, 255, 255], 2n ** 64n - 1n],
    [[0xce, 255, 255, 255, 255], 2 ** 32 - 1],
    [[0xcb, 0x80, 0, 0, 0, 0, 0, 0, 0], 0],
    [[0xca, 0x80, 0, 0, 0], 0],
    [[0xd9, 1, 0x61], 'a'],
    [[0xda, 0, 1, 0x61], 'a'],
    [[0xdb, 0, 0, 0, 1, 0x61], 'a'],
    [[0xc2], false],
    [[0xc3], true]
  ]
  for (const [bytes, k] of cases) {
    const padded = Uint8Array.from([9, 9, ...bytes, 9])
    t.deepEqual(target.slice(0, readKeyPayload(padded, 2, target)), canonical(k), `${bytes.join(' ')} ${String(k)}`)
    t.is(skipValue(padded, 2), 2 + bytes.length)
  }
})

test('a cut or foreign payload key is CORRUPT at every length', (t) => {
  for (const k of ['hello', 'x'.repeat(40), 'x'.repeat(300), 1000, -1000, 70_000, 1.5, 2n ** 60n + 1n, true]) {
    const stored = payload(k)
    for (let length = 0; length < stored.length; length++) {
      t.is(
        refused(() => readKeyPayload(stored.subarray(0, length), 0, target)),
        'DRIFT_CORRUPT'
      )
      t.is(
        refused(() => skipValue(stored.subarray(0, length), 0)),
        'DRIFT_CORRUPT'
      )
    }
  }
  const float = (value: number) => encodeNumber(value)
  for (const bytes of [
    [0xc0],
    [0xc1],
    [0x80],
    [0x90],
    [0xc4, 0],
    [0xca, 0x7f, 0xc0, 0, 0],
    [0xca, 0x7f, 0x80, 0, 0],
    float(NaN),
    float(-Infinity)
  ]) {
    t.is(
      refused(() => readKeyPayload(Uint8Array.from(bytes), 0, target)),
      'DRIFT_CORRUPT'
    )
  }
  t.is(
    refused(() => readKeyPayload(Uint8Array.from([0xda, 4, 0, ...new Array<number>(1024).fill(0x61)]), 0, target)),
    'DRIFT_CORRUPT'
  )
})

function encodeNumber(value: number): number[] {
  const bytes = new Uint8Array(9)
  bytes[0] = 0xcb
  new DataView(bytes.buffer).setFloat64(1, value)
  return [...bytes]
}

test('what is no key is INVALID_DOCUMENT', (t) => {
  const cases = [undefined, null, {}, [], NaN, Infinity, -Infinity, Symbol('s'), () => 1, new Date(), new Uint8Array(1)]
  for (const k of [...cases, '\ud800', 'a\udc00', '\ud800a', '\udc00\ud800', 2n ** 64n, -(2n ** 63n) - 1n]) {
    t.is(
      refused(() => encodeKey(k, target)),
      'DRIFT_INVALID_DOCUMENT',
      typeof k
    )
  }
})

test('a key of 1,024 canonical bytes is taken, one of 1,025 is LIMIT', (t) => {
  const room = limits.keyBytesMax - 1
  for (const k of ['x'.repeat(room), `${'é'.repeat(511)}x`, '€'.repeat(341), `xxx${'😀'.repeat(255)}`]) {
    t.is(canonical(k).length, limits.keyBytesMax)
    t.is(decodeKey(canonical(k)), k)
    t.deepEqual(target.slice(0, readKeyPayload(payload(k), 0, target)), canonical(k))
  }
  for (const k of ['x'.repeat(room + 1), 'é'.repeat(512), `x${'€'.repeat(341)}`, `${'😀'.repeat(256)}`, 'x'.repeat(2 ** 20)]) {
    const error = t.throws(() => encodeKey(k, target), { instanceOf: DriftError })
    t.is(error?.code, 'DRIFT_LIMIT')
    t.like(error?.details, { name: 'keyBytesMax', limit: 1024, seen: Buffer.byteLength(k) + 1 })
  }
})

test('bytes that are no canonical key are CORRUPT', (t) => {
  for (const bytes of [[], [0x99, 1], [0x10], [0x20, 1, 2]]) {
    t.is(
      refused(() => decodeKey(Uint8Array.from(bytes))),
      'DRIFT_CORRUPT'
    )
  }
})

test('skipValue ends where the value ends, for any value between others', (t) => {
  const leaf = fc.oneof(fc.string({ maxLength: 300 }), fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer(), fc.boolean())
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      leaf,
      fc.uint8Array({ maxLength: 300 }),
      fc.date({ noInvalidDate: true }),
      fc.constant(null),
      fc.array(tie('value'), { maxLength: 20 }),
      fc.dictionary(
        fc.string({ minLength: 1 }).filter((s) => s !== '__proto__'),
        tie('value'),
        { maxKeys: 20 }
      )
    )
  }))
  fc.assert(
    fc.property(value, value, (a, b) => {
      const first = encodeValue(a, 'value').slice()
      const both = Buffer.concat([first, encodeValue(b, 'value')])
      t.is(skipValue(both, 0), first.length)
      t.is(skipValue(both, first.length), both.length)
    })
  )
})

test('skipValue walks a million levels, long headers, and every extension', (t) => {
  const deep = new Uint8Array(1_000_001).fill(0x91)
  deep[1_000_000] = 1
  t.is(skipValue(deep, 0), deep.length)
  for (const [head, size] of [
    [[0xc4, 3], 3],
    [[0xc5, 0, 3], 3],
    [[0xc6, 0, 0, 0, 3], 3],
    [[0xd4, 1], 1],
    [[0xd5, 1], 2],
    [[0xd6, 1], 4],
    [[0xd7, 1], 8],
    [[0xd8, 1], 16],
    [[0xc7, 3, 1], 3],
    [[0xc8, 0, 3, 1], 3],
    [[0xc9, 0, 0, 0, 3, 1], 3],
    [[0xdc, 0, 2], 2],
    [[0xdd, 0, 0, 0, 2], 2],
    [[0xde, 0, 1], 2],
    [[0xdf, 0, 0, 0, 1], 2]
  ] as const) {
    const bytes = Uint8Array.from([...head, ...new Array<number>(size).fill(1)])
    t.is(skipValue(bytes, 0), bytes.length, String(head))
    t.is(
      refused(() => skipValue(bytes.subarray(0, -1), 0)),
      'DRIFT_CORRUPT'
    )
  }
})

test('hashKey is MurmurHash3 x86_32', (t) => {
  const hex = (bytes: string) => Uint8Array.from(Buffer.from(bytes, 'hex'))
  const ascii = (s: string) => Uint8Array.from(Buffer.from(s))
  const vectors: [Uint8Array, number, number][] = [
    [hex(''), 0, 0],
    [hex(''), 1, 0x514e28b7],
    [hex(''), 0xffffffff, 0x81f16f39],
    [hex('ffffffff'), 0, 0x76293b50],
    [hex('21436587'), 0, 0xf55b516b],
    [hex('21436587'), 0x5082edee, 0x2362f9de],
    [hex('214365'), 0, 0x7e4a8634],
    [hex('2143'), 0, 0xa0f7b07a],
    [hex('21'), 0, 0x72661cf4],
    [hex('00000000'), 0, 0x2362f9de],
    [hex('000000'), 0, 0x85f0b427],
    [hex('0000'), 0, 0x30f4c306],
    [hex('00'), 0, 0x514e28b7],
    [ascii('aaaa'), 0x9747b28c, 0x5a97808a],
    [ascii('Hello, world!'), 0x9747b28c, 0x24884cba],
    [ascii('The quick brown fox jumps over the lazy dog'), 0x9747b28c, 0x2fa826cd]
  ]
  for (const [bytes, seed, hash] of vectors) {
    t.is(hashKey(bytes, 0, bytes.length, seed), hash)
    const inside = Uint8Array.from([1, 2, 3, ...bytes, 4, 5])
    t.is(hashKey(inside, 3, bytes.length, seed), hash)
  }
})
