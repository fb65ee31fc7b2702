/** Documents keep every value exactly, what cannot be kept is refused with its path, and bytes that are no value are CORRUPT. */
import test from 'ava'
import fc from 'fast-check'
import { encode as plainEncode, Encoder } from '@msgpack/msgpack'
import { DriftError, type ErrorName } from '../../src/base/errors.js'
import { limits } from '../../src/base/limits.js'
import { decodeDocument, decodeValue, encodeDocument, encodeValue } from '../../src/codec/document-codec.js'

type Refused = { readonly code: string; readonly details: Record<string, unknown> }

function refused(action: () => unknown): Refused {
  try {
    action()
  } catch (error) {
    if (error instanceof DriftError) return { code: error.code, details: { ...error.details } }
    throw error
  }
  throw new Error('nothing was refused')
}

const codeOf = (name: ErrorName) => `DRIFT_${name}`
const store = (value: unknown) => encodeDocument(value, 'document').slice()
const roundTrip = (value: unknown) => decodeDocument(store(value))

/** What a stored value comes back as, written down a second time and without regard for speed. */
function expected(value: unknown): unknown {
  if (typeof value === 'bigint') return value >= -(2n ** 53n - 1n) && value <= 2n ** 53n - 1n ? Number(value) : value
  if (typeof value === 'number') return value + 0 === 0 ? 0 : value
  if (value === undefined) return null
  if (Array.isArray(value)) return Array.from(value, expected)
  if (value === null || typeof value !== 'object' || value instanceof Uint8Array || value instanceof Date) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter((entry) => entry[1] !== undefined)
      .map(([field, inner]) => [field, expected(inner)])
  )
}

const text = fc.oneof(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme', minLength: 40, maxLength: 400 }))
const field = text.filter((name) => name !== '' && name !== '__proto__' && Buffer.byteLength(name) <= limits.fieldNameBytesMax)
const leaf = fc.oneof(
  text,
  fc.integer(),
  fc.maxSafeInteger(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
  fc.bigInt({ min: -1000n, max: 1000n }),
  fc.boolean(),
  fc.constant(null),
  fc.constant(undefined),
  fc.uint8Array({ maxLength: 300 }),
  fc.date({ noInvalidDate: true })
)
const { document } = fc.letrec((tie) => ({
  value: fc.oneof({ maxDepth: 4 }, leaf, fc.array(tie('value'), { maxLength: 5 }), tie('document')),
  document: fc.dictionary(field, tie('value'), { maxKeys: 8, noNullPrototype: false })
}))

test('any document comes back as its normal form, from private and from shared memory', (t) => {
  fc.assert(
    fc.property(document, (value) => {
      const bytes = store(value)
      const shared = new Uint8Array(new SharedArrayBuffer(bytes.length + 3), 3)
      shared.set(bytes)
      t.deepEqual(decodeDocument(bytes), expected(value) as never)
      t.deepEqual(decodeDocument(shared), expected(value) as never)
    }),
    { numRuns: 500 }
  )
})

test('the bytes of a document without small bigints are those of the plain encoder', (t) => {
  const plain = new Encoder({ useBigInt64: true, ignoreUndefined: true })
  const value = { id: 'a', n: 5, f: 1.5, big: 2n ** 60n, list: [1, [2]], none: undefined, at: new Date(5), bytes: Uint8Array.of(1, 2) }
  t.deepEqual(store(value), plain.encode(value))
})

test('a bigint that a number can hold is stored as the number, wherever it stands', (t) => {
  const safe = 2n ** 53n - 1n
  const given = { a: 5n, b: [1n, { c: -safe }], d: safe + 1n, e: -safe - 1n, f: -(2n ** 63n), g: 2n ** 64n - 1n }
  t.deepEqual(roundTrip(given), {
    a: 5,
    b: [1, { c: -Number(safe) }],
    d: safe + 1n,
    e: -safe - 1n,
    f: -(2n ** 63n),
    g: 2n ** 64n - 1n
  })
  t.is(given.a, 5n, 'the caller’s object is not touched')
  t.deepEqual(store(given), store({ ...given, a: 5, b: [1, { c: -Number(safe) }] }))
})

test('numbers past 2^53 stay numbers and -0 becomes 0', (t) => {
  const { a, b } = roundTrip({ a: 2 ** 60, b: -0 })
  t.is(a, 2 ** 60)
  t.is(b, 0)
})

test('undefined fields are dropped; holes and undefined in arrays become null', (t) => {
  const holes = new Array(3)
  holes[1] = undefined
  t.deepEqual(roundTrip({ a: undefined, b: { c: undefined }, d: holes }), { b: {}, d: [null, null, null] })
  t.deepEqual(roundTrip({ a: undefined, b: 1n, d: holes }), { b: 1, d: [null, null, null] })
})

test('times keep their millisecond, negative and far ones too', (t) => {
  for (const ms of [0, -1, 1, -62_135_596_800_001, 2 ** 34 * 1000 + 7, 1_735_689_600_123, 8.64e15, -8.64e15]) {
    const { at } = roundTrip({ at: new Date(ms) })
    t.true(at instanceof Date)
    t.is((at as Date).getTime(), ms)
  }
})

test('bytes come back as Uint8Array of their own, a Buffer too', (t) => {
  const bytes = store({ a: Buffer.from('hello'), b: new Uint8Array(0) })
  const asBuffer = Buffer.from(bytes)
  const value = decodeDocument(asBuffer)
  const a = value['a'] as Uint8Array
  t.is(Object.getPrototypeOf(a), Uint8Array.prototype)
  asBuffer.fill(0)
  t.deepEqual(a, new TextEncoder().encode('hello'))
  t.not(a.buffer, asBuffer.buffer)
})

test('a value decoded from shared memory does not change when that memory is used again', (t) => {
  const value = { a: Uint8Array.of(1, 2, 3), text: 'x'.repeat(300) }
  const bytes = store(value)
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.length))
  shared.set(bytes)
  const decoded = decodeDocument(shared)
  shared.fill(0)
  t.deepEqual(decoded, value)
})

test('a long string decodes from shared memory', (t) => {
  const long = 'é'.repeat(5000)
  const bytes = store({ long })
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.length))
  shared.set(bytes)
  t.deepEqual(decodeDocument(shared), { long })
})

test('the result of encodeDocument is a view that the next call overwrites', (t) => {
  const first = encodeDocument({ a: 1 }, 'document')
  const kept = first.slice()
  encodeDocument({ b: 2 }, 'document')
  t.notDeepEqual(first, kept)
})

test('what cannot be stored is refused with its path and reason', (t) => {
  class Point {
    x = 1
  }
  const cases: [unknown, string][] = [
    [NaN, 'NaN'],
    [Infinity, 'Infinity'],
    [-Infinity, '-Infinity'],
    [2n ** 64n, 'an integer outside -2^63 … 2^64-1'],
    [-(2n ** 63n) - 1n, 'an integer outside -2^63 … 2^64-1'],
    ['a\ud800', 'a string with a lone surrogate'],
    ['\udc00' + 'x'.repeat(300), 'a string with a lone surrogate'],
    [() => 1, 'a function'],
    [Symbol('s'), 'a symbol'],
    [new Map([['a', 1]]), 'an instance of Map'],
    [new Set([1]), 'an instance of Set'],
    [new Point(), 'an instance of Point'],
    [/a/, 'an instance of RegExp'],
    [new Number(1), 'an instance of Number'],
    [new Float64Array(1), 'an instance of Float64Array'],
    [new ArrayBuffer(1), 'an instance of ArrayBuffer'],
    [new Date(NaN), 'an invalid Date']
  ]
  for (const [value, reason] of cases) {
    const found = refused(() => encodeDocument({ a: { b: [0, 0, 0, value] } }, 'document'))
    t.deepEqual(found, { code: codeOf('INVALID_DOCUMENT'), details: { path: 'a.b[3]', reason } })
    t.deepEqual(refused(() => encodeValue(value, 'metadata')).details, { path: '', reason })
  }
})

test('a field name __proto__ or with a lone surrogate is refused, and names with dots are quoted in the path', (t) => {
  t.deepEqual(refused(() => encodeDocument(JSON.parse('{"a":{"__proto__":{"x":1}}}'), 'document')).details, {
    path: 'a.__proto__',
    reason: 'the field name __proto__'
  })
  t.is(refused(() => encodeDocument({ '\ud800': 1 }, 'document')).details['reason'], 'a field name with a lone surrogate')
  t.is(refused(() => encodeDocument({ 'x.y': { 'a`b': NaN } }, 'document')).details['path'], '`x.y`.`a``b`')
})

test('a document must be a plain object', (t) => {
  for (const value of [null, undefined, 1, 'a', [], new Date(), new Map(), new Uint8Array(1), new (class A {})()]) {
    t.is(refused(() => encodeDocument(value, 'document')).code, codeOf('INVALID_DOCUMENT'))
  }
  t.deepEqual(roundTrip(Object.assign(Object.create(null), { a: 1 })), { a: 1 })
  t.is(refused(() => encodeValue(undefined, 'metadata')).code, codeOf('INVALID_DOCUMENT'))
})

function nested(levels: number, kind: 'object' | 'array'): unknown {
  let value: unknown = 1
  for (let level = 0; level < levels; level++) value = kind === 'object' ? { a: value } : [value]
  return value
}

test('100 levels are stored and 101 refused', (t) => {
  for (const kind of ['object', 'array'] as const) {
    t.deepEqual(decodeValue(encodeValue(nested(limits.nestingMax, kind), 'value')), nested(limits.nestingMax, kind) as never)
    t.is(refused(() => encodeValue(nested(limits.nestingMax + 1, kind), 'value')).details['reason'], 'more than 100 levels')
  }
})

test('a million levels are an error, not a stack overflow', (t) => {
  t.is(refused(() => encodeDocument(nested(1_000_000, 'object'), 'document')).details['reason'], 'more than 100 levels')
  t.is(refused(() => encodeValue(nested(1_000_000, 'array'), 'value')).details['reason'], 'more than 100 levels')
})

test('a cycle is named as one', (t) => {
  const own: Record<string, unknown> = {}
  own['list'] = [{ own }]
  t.is(refused(() => encodeDocument(own, 'document')).details['reason'], 'a cycle')
})

test('parts that are shared are stored each time, and an explosion of them is a LIMIT', (t) => {
  const part = { a: 1n }
  t.deepEqual(roundTrip({ x: part, y: [part, part] }), { x: { a: 1 }, y: [{ a: 1 }, { a: 1 }] })
  let value: unknown = 1
  for (let level = 0; level < 90; level++) value = { l: value, r: value }
  t.is(refused(() => encodeDocument(value, 'document')).code, codeOf('LIMIT'))
})

test('a field name of 1,024 bytes is stored, one of 1,025 and an empty one are LIMIT', (t) => {
  for (const name of ['x'.repeat(1024), 'é'.repeat(512)]) t.deepEqual(roundTrip({ [name]: 1 }), { [name]: 1 })
  for (const [name, seen] of [
    ['x'.repeat(1025), 1025],
    [`${'é'.repeat(512)}x`, 1025],
    ['', 0]
  ] as const) {
    const { code, details } = refused(() => encodeDocument({ [name]: 1 }, 'document'))
    t.is(code, codeOf('LIMIT'))
    t.like(details, { name: 'fieldNameBytesMax', limit: 1024, seen })
  }
})

test('a document of 16 MiB is stored, one byte more is LIMIT', (t) => {
  // One byte of map, two of field name, five of string header.
  const room = limits.documentBytesMax - 8
  t.is(encodeDocument({ a: 'x'.repeat(room) }, 'document').length, limits.documentBytesMax)
  const over = refused(() => encodeDocument({ a: 'x'.repeat(room + 1) }, 'document'))
  t.is(over.code, codeOf('LIMIT'))
  t.like(over.details, { name: 'documentBytesMax', limit: limits.documentBytesMax, seen: limits.documentBytesMax + 1 })
  t.is(refused(() => encodeDocument({ a: 'é'.repeat(room / 2 + 1) }, 'document')).code, codeOf('LIMIT'))
  t.is(encodeDocument({ a: new Uint8Array(room) }, 'document').length, limits.documentBytesMax)
  t.is(refused(() => encodeDocument({ a: new Uint8Array(room + 1) }, 'document')).code, codeOf('LIMIT'))
  t.is(refused(() => encodeDocument({ a: new Array(2 ** 32 - 1) }, 'document')).code, codeOf('LIMIT'))
  t.deepEqual(roundTrip({ after: 1 }), { after: 1 })
})

test('a getter that throws is INVALID_DOCUMENT', (t) => {
  const value = {
    get a() {
      throw new Error('no')
    }
  }
  t.is(refused(() => encodeDocument(value, 'document')).code, codeOf('INVALID_DOCUMENT'))
  t.deepEqual(roundTrip({ after: 1 }), { after: 1 })
})

test('a small integer that another writer stored in 64 bits decodes as a number', (t) => {
  t.deepEqual(decodeValue(Uint8Array.of(0x92, 0xcf, 0, 0, 0, 0, 0, 0, 0, 5, 0xd3, 255, 255, 255, 255, 255, 255, 255, 254)), [5, -2])
})

test('bytes that are not one whole value are CORRUPT', (t) => {
  const cases: Record<string, number[]> = {
    empty: [],
    'cut string': [0xa5, 0x61],
    'cut map': [0x81, 0xa1, 0x61],
    'bytes after': [0x01, 0x01],
    'no such head': [0xc1],
    'unknown extension': [0xd4, 7, 1],
    'long unknown extension': [0xc7, 200, 7, ...new Array<number>(200).fill(0)],
    'number as a field': [0x81, 0x01, 0x01],
    'forbidden field': [0x81, 0xa9, ...Buffer.from('__proto__'), 0x01],
    'time of a wrong size': [0xd4, 0xff, 1],
    'time out of range': [0xc7, 12, 0xff, 0, 0, 0, 0, 0x7f, 255, 255, 255, 255, 255, 255, 255],
    'absurd array': [0xdd, 255, 255, 255, 255],
    'absurd arrays': new Array<number[]>(50).fill([0xdd, 0, 255, 255, 255]).flat(),
    'absurd string': [0xdb, 255, 255, 255, 255, 1],
    deep: [...new Array<number>(5000).fill(0x91), 0x01]
  }
  for (const [name, bytes] of Object.entries(cases)) {
    t.is(refused(() => decodeValue(Uint8Array.from(bytes))).code, codeOf('CORRUPT'), name)
  }
  t.is(refused(() => decodeDocument(encodeValue([1], 'value'))).code, codeOf('CORRUPT'))
  t.is(refused(() => decodeDocument(encodeValue(null, 'value'))).code, codeOf('CORRUPT'))
})

test('random bytes decode or are CORRUPT, and nothing else happens', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      try {
        decodeValue(bytes)
      } catch (error) {
        if (!(error instanceof DriftError) || error.code !== 'DRIFT_CORRUPT') throw error
      }
    }),
    { numRuns: 5000 }
  )
  t.pass()
})

test('what decodes can be encoded again: foreign bytes of the same values give the same value', (t) => {
  const value = { a: [1, -5, 3.5, 'x'], b: { c: null, d: true } }
  t.deepEqual(decodeValue(plainEncode(value)), value)
})
