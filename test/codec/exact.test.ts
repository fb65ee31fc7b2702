/** What a query puts aside comes back as it was, to the bit and to the class. */
import test from 'ava'
import fc from 'fast-check'
import { ExactReader } from '../../src/codec/exact-reader.js'
import { ExactWriter } from '../../src/codec/exact-writer.js'

const leaf = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 100 }),
  fc.string({ unit: 'binary-ascii', minLength: 20, maxLength: 70 }),
  fc.constantFrom('\ud800', 'a\udc00b', '', '__proto__', 'é'.repeat(32)),
  fc.integer(),
  fc.integer({ min: -40, max: 140 }),
  fc.double(),
  fc.constantFrom(-0, 0, 2 ** 31, -(2 ** 31), 2 ** 53, 1e300, Number.NaN, Infinity, -Infinity, 5e-324),
  fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }),
  fc.constantFrom(0n, -1n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n, 2n ** 64n, -(2n ** 63n), -(2n ** 63n) - 1n, 10n ** 100n),
  fc.boolean(),
  fc.constantFrom(null, undefined),
  fc.date({ noInvalidDate: false }),
  fc.constantFrom(8.64e15, -8.64e15, 0.5, -1).map((time) => new Date(time)),
  fc.uint8Array({ maxLength: 300 })
)
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    leaf,
    fc.array(tie('value'), { maxLength: 20 }),
    fc.dictionary(fc.string({ unit: 'binary', maxLength: 5 }), tie('value'), { maxKeys: 20, noNullPrototype: true })
  )
}))

test('every value comes back the same: classes, -0, bigints, lone surrogates, the order of fields', (t) => {
  fc.assert(
    fc.property(fc.array(value, { maxLength: 5 }), (values) => {
      const writer = new ExactWriter()
      for (const each of values) writer.write(each)
      const reader = new ExactReader(writer.bytes.slice())
      for (const each of values) {
        const found = reader.read()
        t.deepEqual(found, each)
        t.is(fieldsOf(found), fieldsOf(each))
      }
    }),
    { numRuns: 500 }
  )
})

test('what is read holds on to nothing of the bytes, and a writer that was cleared begins anew', (t) => {
  const writer = new ExactWriter()
  const bytes = new Uint8Array([1, 2, 3])
  writer.write(bytes)
  const encoded = writer.bytes.slice()
  const found = new ExactReader(encoded).read()
  encoded.fill(0)
  t.deepEqual(found, bytes)
  writer.write('x'.repeat(100_000))
  writer.clear(1000)
  t.is(writer.length, 0)
  writer.write(7)
  t.is(new ExactReader(writer.bytes).read(), 7)
})

test('bytes that end early, or that no writer wrote, are CORRUPT', (t) => {
  const writer = new ExactWriter()
  writer.write({ a: 'text', b: [1, -0, 2n ** 80n, new Date(0)], c: new Uint8Array(20) })
  const whole = writer.bytes.slice()
  for (let length = 0; length < whole.length; length++) {
    t.throws(() => new ExactReader(whole.subarray(0, length)).read(), { code: 'DRIFT_CORRUPT' })
  }
  t.throws(() => new ExactReader(new Uint8Array([0xc1])).read(), { code: 'DRIFT_CORRUPT' })
})

function fieldsOf(item: unknown): string {
  if (typeof item !== 'object' || item === null) return ''
  return JSON.stringify(Object.entries(item).map(([name, inner]) => [name, fieldsOf(inner)]))
}
