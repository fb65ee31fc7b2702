/** The shape of a document: exactly its fields and the classes of their values, however it is found. */
import test from 'ava'
import fc from 'fast-check'
import { DriftError } from '../../src/base/errors.js'
import { decodeDocument, encodeDocument, encodePlainDocument, shapeOfPlain } from '../../src/codec/document-codec.js'
import { eachField, emptyShape, shapeOfDocument, VALUE_CLASSES, type Shape, type ValueClass } from '../../src/codec/document-shape.js'
import { PLAIN_ROOM_BYTES } from '../../src/codec/plain-writer.js'
import type { Document, Value } from '../../src/codec/value.js'

type Field = readonly [name: string, valueClass: ValueClass | undefined]

const fieldsOf = (shape: Shape): Field[] => shape.fields().map(({ field, valueClass }) => [field, VALUE_CLASSES[valueClass]])

/** By the value itself, as it reads back. */
function classOf(value: Value): ValueClass {
  if (value === null) return 'null'
  if (typeof value === 'boolean') return 'bool'
  if (typeof value === 'string') return 'text'
  if (typeof value === 'bigint') return value > 2n ** 63n - 1n ? 'huge' : 'long'
  if (typeof value === 'number') return Number.isSafeInteger(value) ? 'int' : 'float'
  if (value instanceof Date) return 'time'
  if (value instanceof Uint8Array) return 'bytes'
  return Array.isArray(value) ? 'array' : 'object'
}

const value: fc.Arbitrary<Value> = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
  fc.constantFrom<Value>(
    -0,
    2 ** 31,
    2 ** 32,
    2 ** 53 - 1,
    2 ** 53,
    -(2 ** 53) + 1,
    -(2 ** 53),
    2n ** 53n,
    -(2n ** 53n),
    2n ** 53n - 1n,
    2n ** 63n - 1n,
    2n ** 63n,
    -(2n ** 63n)
  ),
  fc.string({ maxLength: 300 }),
  fc.string({ unit: 'grapheme', maxLength: 5 }),
  fc.date({ noInvalidDate: true }),
  fc.uint8Array({ maxLength: 300 }),
  fc.array(fc.integer(), { maxLength: 20 }),
  fc.dictionary(
    fc.string({ minLength: 1, maxLength: 3 }).filter((name) => name !== '__proto__'),
    fc.integer(),
    { noNullPrototype: true }
  )
)
const name = fc.oneof(fc.constantFrom('id', 'a', 'b', 'status', '1'), fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }))
const document = fc.dictionary(
  name.filter((text) => text !== '__proto__'),
  value,
  { maxKeys: 20, noNullPrototype: true }
)

test('the shape found in the bytes of a document has its fields in order, with the classes of their values', (t) => {
  fc.assert(
    fc.property(document, (written) => {
      const bytes = encodeDocument(written, 'document').slice()
      const read: Document = decodeDocument(bytes)
      const expected = Object.entries(read).map(([field, found]): Field => [field, classOf(found)])
      const shape = shapeOfDocument(bytes, 0)
      // Not Object.entries alone: names that are numbers come first there, as in the document that was written.
      t.deepEqual(shape === undefined ? undefined : fieldsOf(shape), expected)
      const fields: Field[] = []
      eachField(bytes, 0, (field, valueClass) => fields.push([field, VALUE_CLASSES[valueClass]]))
      t.deepEqual(fields, expected)
    }),
    { numRuns: 2000 }
  )
})

test('a plain document has the same shape, the same object, when it is written and when its bytes are walked', (t) => {
  const target = new Uint8Array(PLAIN_ROOM_BYTES + 3)
  let plain = 0
  fc.assert(
    fc.property(document, (written) => {
      const end = encodePlainDocument(written, target, 3)
      if (end < 0) return
      plain++
      t.true(shapeOfPlain() === shapeOfDocument(target, 3))
    }),
    { numRuns: 2000 }
  )
  t.true(plain > 100)
  const end = encodePlainDocument({ a: undefined, b: 1, c: 5_000_000_000 }, target, 0)
  t.true(end > 0)
  t.deepEqual(fieldsOf(shapeOfPlain()), [
    ['b', 'int'],
    ['c', 'int']
  ])
})

test('a document of 1,024 fields has a shape, one of 1,025 has none but tells its fields', (t) => {
  const wide = (count: number) =>
    encodeDocument(Object.fromEntries(Array.from({ length: count }, (_, n) => [`f${n}`, n])), 'document').slice()
  t.is(shapeOfDocument(wide(1024), 0)?.fields().length, 1024)
  t.is(shapeOfDocument(wide(1025), 0), undefined)
  let told = 0
  eachField(wide(1025), 0, () => told++)
  t.is(told, 1025)
})

test('more shapes than one tree holds: numbers are never given twice, and the trees before are let go', (t) => {
  const shapeOf = (field: string) => shapeOfDocument(encodeDocument({ [field]: 1 }, 'document'), 0)
  const numbers = new Map<number, string>()
  const first = shapeOf('field 0')
  const firstTree = emptyShape()
  for (let n = 0; n < 70_000; n++) {
    const shape = shapeOf(`field ${n}`)
    if (shape === undefined) return t.fail()
    if (numbers.has(shape.id)) return t.fail(`${numbers.get(shape.id)} and field ${n} have one number`)
    numbers.set(shape.id, `field ${n}`)
  }
  t.not(emptyShape(), firstTree)
  const again = shapeOf('field 0')
  t.not(again?.id, first?.id)
  t.is(shapeOf('field 0'), again)
})

test('bytes that are no document, or end early, are refused as corrupt', (t) => {
  const bytes = encodeDocument({ name: 'x'.repeat(40), n: 1.5, list: [1, 2] }, 'document').slice()
  for (let end = 0; end < bytes.length; end++) {
    const error = t.throws(() => shapeOfDocument(bytes.slice(0, end), 0), { instanceOf: DriftError })
    t.is(error.code, 'DRIFT_CORRUPT')
  }
  for (const odd of [[0x01], [0x93, 1, 2, 3], [0x81, 0x01, 0x01], [0xdf, 0xff, 0xff, 0xff, 0xff, 0xa1, 0x61]]) {
    const error = t.throws(() => eachField(Uint8Array.from(odd), 0, () => {}), { instanceOf: DriftError })
    t.is(error.code, 'DRIFT_CORRUPT')
  }
})
