import test from 'ava'
import fc from 'fast-check'
import { decodeValue, encodeValue } from '../../src/codec/document-codec.js'
import {
  invertSortValue,
  readSortValue,
  SORT_BODY_BYTES_MAX,
  SORT_VALUE_BYTES_MAX,
  sortValueEnd,
  UNTOLD,
  wasCut,
  writeSortPayload,
  writeSortValue
} from '../../src/codec/sort-key.js'
import { compareValues } from '../../src/codec/value-order.js'
import type { Value } from '../../src/codec/value.js'

const text = fc.oneof(
  fc.string({ maxLength: 6 }),
  fc.string({ unit: fc.constantFrom('\0', '\u0001', 'a', 'é', '\uFFFD', '😀'), maxLength: 6 }),
  fc.string({ unit: fc.constantFrom('\0', 'a'), minLength: SORT_BODY_BYTES_MAX / 2 - 2, maxLength: SORT_BODY_BYTES_MAX + 4 })
)
const number = fc.oneof(
  fc.integer({ min: -3, max: 3 }),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
  fc.constantFrom(2 ** 53, 2n ** 53n + 1n, -(2 ** 53), -(2n ** 53n) - 1n, 2 ** 53 - 1, 1 - 2 ** 53, 0)
)
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    number,
    text,
    fc.boolean(),
    fc.date({ noInvalidDate: true }),
    fc.uint8Array({ maxLength: 4 }),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom('a', 'b', 'aa'), tie('value'), { maxKeys: 3, noNullPrototype: true })
  )
}))

function bytesOf(each: unknown, isDescending = false): { readonly bytes: Uint8Array; readonly isCut: boolean } {
  const target = new Uint8Array(SORT_VALUE_BYTES_MAX)
  const end = writeSortValue(each, target, 0)
  const isCut = wasCut()
  if (isDescending) invertSortValue(target, 0, end)
  return { bytes: target.slice(0, end), isCut }
}

function orderOf(one: unknown, other: unknown): number {
  if (one === null) return other === null ? 0 : 1
  return other === null ? -1 : Math.sign(compareValues(one, other))
}

const TAG = Uint8Array.of(0x10)

/** Something always stands behind a value: the next one, or the key of the row. */
function followedOrder(left: Uint8Array, right: Uint8Array): number {
  return Math.sign(Buffer.compare(Buffer.concat([left, TAG]), Buffer.concat([right, TAG])))
}

test('the order of the bytes is the order of the values, both ways, and only what is cut may be equal', (t) => {
  const near = value.chain((one) => fc.tuple(fc.constant(one), fc.oneof(value, fc.constant(one))))
  fc.assert(
    fc.property(near, ([one, other]) => {
      const order = orderOf(one, other)
      for (const isDescending of [false, true]) {
        const [left, right] = [bytesOf(one, isDescending), bytesOf(other, isDescending)]
        const found = isDescending ? followedOrder(right.bytes, left.bytes) : followedOrder(left.bytes, right.bytes)
        t.true(found === order || (found === 0 && left.isCut && right.isCut), `${found} instead of ${order}`)
      }
    }),
    { numRuns: 5000 }
  )
})

test('a value ends by itself, so that what stands behind it does not change the order', (t) => {
  fc.assert(
    fc.property(value, value, value, fc.boolean(), (one, other, behind, isDescending) => {
      const [left, right, rest] = [bytesOf(one, isDescending), bytesOf(other, isDescending), bytesOf(behind, !isDescending)]
      const whole = Buffer.concat([left.bytes, rest.bytes])
      t.is(sortValueEnd(whole, 0, isDescending), left.bytes.length)
      const order = followedOrder(left.bytes, right.bytes)
      if (order !== 0) t.is(Math.sign(Buffer.compare(whole, Buffer.concat([right.bytes, rest.bytes]))), order)
    }),
    { numRuns: 3000 }
  )
})

test('a stored value has the same bytes as the value', (t) => {
  fc.assert(
    fc.property(value, (each) => {
      const stored = encodeValue(each as Value, 'value').slice()
      const target = new Uint8Array(SORT_VALUE_BYTES_MAX)
      const end = writeSortPayload(stored, 0, target, 0)
      const direct = bytesOf(each)
      t.deepEqual([target.slice(0, end), wasCut()], [direct.bytes, direct.isCut])
    }),
    { numRuns: 3000 }
  )
})

test('a value that bytes tell is read from them as a document gives it back, either way round; lists, objects and what is cut are not', (t) => {
  let told = 0
  fc.assert(
    fc.property(value, fc.boolean(), (each, isDescending) => {
      const { bytes, isCut } = bytesOf(each, isDescending)
      const around = Buffer.concat([TAG, bytes, TAG])
      const read = readSortValue(around, 1, 1 + bytes.length, isDescending)
      const isList = typeof each === 'object' && each !== null && !(each instanceof Date) && !(each instanceof Uint8Array)
      if (isCut || isList) t.is(read, UNTOLD)
      else if (read === UNTOLD) t.true(Math.abs(Number(each)) >= 2 ** 53)
      else t.deepEqual(read, decodeValue(encodeValue(each as Value, 'x')))
      if (read !== UNTOLD) told++
    })
  )
  t.true(told > 20)
})
