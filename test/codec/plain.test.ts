/** The short cuts of the hot paths give what the general ones give, or leave the document to them. */
import test from 'ava'
import fc from 'fast-check'
import { Decoder, Encoder } from '@msgpack/msgpack'
import { readPlain } from '../../src/codec/plain-reader.js'
import { PLAIN_ROOM_BYTES, writePlain as writePlainAt } from '../../src/codec/plain-writer.js'

const target = new Uint8Array(PLAIN_ROOM_BYTES + 7)

/** The bytes that are written at an odd offset, or undefined. */
function writePlain(document: object): Uint8Array | undefined {
  const end = writePlainAt(document, target, 7)
  return end < 0 ? undefined : target.slice(7, end)
}

const encoder = new Encoder({ useBigInt64: true, ignoreUndefined: true })
const decoder = new Decoder({ useBigInt64: true })

const leaf = fc.oneof(
  fc.string({ unit: 'binary-ascii', maxLength: 40 }),
  fc.string({ unit: 'grapheme', maxLength: 5 }),
  fc.integer(),
  fc.integer({ min: -300, max: 70_000 }),
  fc.maxSafeInteger(),
  fc.double(),
  fc.boolean(),
  fc.constant(null),
  fc.constant(undefined),
  fc.constantFrom(
    -0,
    127,
    128,
    255,
    256,
    65_535,
    65_536,
    2 ** 32 - 1,
    2 ** 32,
    -32,
    -33,
    -128,
    -129,
    -32_768,
    -32_769,
    -(2 ** 31),
    -(2 ** 31) - 1
  )
)
const { document } = fc.letrec((tie) => ({
  value: fc.oneof({ maxDepth: 3 }, leaf, fc.array(tie('value'), { maxLength: 4 }), tie('document')),
  document: fc.dictionary(fc.string({ unit: 'binary-ascii', minLength: 1, maxLength: 12 }), tie('value'), {
    maxKeys: 9,
    noNullPrototype: true
  })
}))

test('a plain document is written byte for byte as the encoder writes it, or left to it', (t) => {
  let written = 0
  fc.assert(
    fc.property(document, (value) => {
      const found = writePlain(value as object)
      if (found === undefined) return
      written++
      t.deepEqual(found.slice(), encoder.encode(value))
    }),
    { numRuns: 2000 }
  )
  t.true(written > 200, `only ${written} of 2,000 documents were of the common kind`)
})

test('a plain document is read as the decoder reads it, or left to it', (t) => {
  let read = 0
  fc.assert(
    fc.property(document, (value) => {
      const bytes = encoder.encode(value)
      const found = readPlain(bytes)
      if (found === undefined) return
      read++
      t.deepEqual(found, decoder.decode(bytes) as object)
    }),
    { numRuns: 2000 }
  )
  t.true(read > 200, `only ${read} of 2,000 documents were of the common kind`)
})

test('what the general path must refuse is never written by the short one', (t) => {
  for (const value of [
    Number.NaN,
    Number.POSITIVE_INFINITY,
    5n,
    '\ud800',
    'é',
    new Date(),
    new Map(),
    () => 1,
    Symbol('a'),
    Uint8Array.of(1)
  ]) {
    t.is(writePlain({ a: value }), undefined)
    t.is(writePlain({ a: [value] }), undefined)
    t.is(writePlain({ a: { b: value } }), undefined)
  }
  t.is(writePlain(JSON.parse('{"__proto__": 1}') as object), undefined)
  t.is(writePlain({ '': 1 }), undefined)
  t.is(writePlain({ ['x'.repeat(400)]: 1 }), undefined)
})

test('cut, lengthened and flipped bytes are left to the decoder or read as it reads them', (t) => {
  const bytes = encoder.encode({ id: 'order-1', amount: 70_000, ratio: 0.5, tags: ['a', 'b'], deep: { x: -5, y: null, z: true } })
  for (let length = 0; length < bytes.length; length++) t.is(readPlain(bytes.slice(0, length)), undefined)
  t.is(readPlain(Uint8Array.of(...bytes, 0)), undefined)
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = bytes.slice()
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    const found = readPlain(flipped)
    if (found !== undefined) t.deepEqual(found, decoder.decode(flipped) as object)
  }
})

test('texts that meet in one slot of the table are told apart', (t) => {
  for (let index = 0; index < 50_000; index++) {
    const value = { [`f${index % 700}`]: `text ${index}` }
    t.deepEqual(readPlain(encoder.encode(value)), value)
    if (index % 977 === 0) t.deepEqual(readPlain(encoder.encode({ a: 'text 1', b: 'text 2' })), { a: 'text 1', b: 'text 2' })
  }
})
