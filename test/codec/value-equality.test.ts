/** `=` and AND with three values. */
import test from 'ava'
import fc from 'fast-check'
import { and, equals, FALSE, TRUE, UNKNOWN } from '../../src/codec/value-equality.js'

test('numbers are equal by value: 1, 1.0 and 1n', (t) => {
  t.is(equals(1, 1), TRUE)
  t.is(equals(1, 1n), TRUE)
  t.is(equals(1n, 1), TRUE)
  t.is(equals(0, -0), TRUE)
  t.is(equals(2 ** 60, 2n ** 60n), TRUE)
})

test('a bigint and a float that would only be equal by rounding are not', (t) => {
  t.is(equals(2 ** 53, 2n ** 53n + 1n), FALSE)
  t.is(equals(2n ** 60n + 1n, 2 ** 60), FALSE)
})

test('between classes = is false', (t) => {
  const values = [true, 1, 'a', new Uint8Array([1]), new Date(1), [1], { a: 1 }]
  for (const left of values) for (const right of values) t.is(equals(left, right), left === right ? TRUE : FALSE)
  t.is(equals(1, '1'), FALSE)
  t.is(equals(1n, '1'), FALSE)
  t.is(equals(true, 1), FALSE)
  t.is(equals(new Date(5), 5), FALSE)
  t.is(equals([], {}), FALSE)
})

test('NULL on either side is NULL, absent is NULL', (t) => {
  for (const nothing of [null, undefined]) {
    for (const value of [1, 'a', null, undefined, {}, []]) {
      t.is(equals(nothing, value), UNKNOWN)
      t.is(equals(value, nothing), UNKNOWN)
    }
  }
})

test('times, bytes, arrays and objects are equal by content', (t) => {
  t.is(equals(new Date(5), new Date(5)), TRUE)
  t.is(equals(new Date(5), new Date(6)), FALSE)
  t.is(equals(new Uint8Array([1, 2]), Buffer.from([1, 2])), TRUE)
  t.is(equals(new Uint8Array([1, 2]), new Uint8Array([1])), FALSE)
  t.is(equals([1, [2n]], [1n, [2]]), TRUE)
  t.is(equals([1, 2], [1]), FALSE)
  t.is(equals({ a: 1, b: [null] }, { b: [null], a: 1 }), TRUE)
})

test('inside a document null and absent are two things', (t) => {
  t.is(equals({ a: null }, {}), FALSE)
  t.is(equals({ a: null }, { b: null }), FALSE)
  t.is(equals({ a: null }, { a: null }), TRUE)
})

test('AND is false if one is false, else NULL if one is NULL', (t) => {
  const rows = [
    [TRUE, TRUE, TRUE],
    [TRUE, FALSE, FALSE],
    [TRUE, UNKNOWN, UNKNOWN],
    [FALSE, UNKNOWN, FALSE],
    [FALSE, FALSE, FALSE],
    [UNKNOWN, UNKNOWN, UNKNOWN]
  ] as const
  for (const [left, right, result] of rows) {
    t.is(and(left, right), result)
    t.is(and(right, left), result)
  }
})

test('= is symmetric, and a copy of a value is equal to it', (t) => {
  fc.assert(
    fc.property(fc.anything({ withBigInt: true, withDate: true }), fc.anything(), (left, right) => {
      t.is(equals(left, right), equals(right, left))
    })
  )
  fc.assert(
    fc.property(
      fc.jsonValue().filter((value) => value !== null),
      (value) => {
        t.is(equals(value, structuredClone(value)), TRUE)
      }
    )
  )
})
