/** The order of values, and the identities by which GROUP BY and DISTINCT put them together. */
import test from 'ava'
import fc from 'fast-check'
import { equals, TRUE } from '../../src/codec/value-equality.js'
import { classOf, compareInClass, compareTexts, compareValues, identityOf } from '../../src/codec/value-order.js'
import { number, text, value, valueOrNull } from './_values.js'

test('the order is total: reflexive, antisymmetric, transitive', (t) => {
  fc.assert(
    fc.property(value, value, value, (a, b, c) => {
      t.is(compareValues(a, a), 0)
      t.is(Math.sign(compareValues(a, b)) + Math.sign(compareValues(b, a)), 0)
      const [low, middle, high] = [a, b, c].sort(compareValues)
      t.true(compareValues(low, middle) <= 0 && compareValues(middle, high) <= 0 && compareValues(low, high) <= 0)
    }),
    { numRuns: 3000 }
  )
})

test('two values have no order between them exactly if they are equal, and then one identity', (t) => {
  fc.assert(
    fc.property(value, value, (a, b) => {
      t.is(compareValues(a, b) === 0, equals(a, b) === TRUE)
      t.is(identityOf(a) === identityOf(b), equals(a, b) === TRUE)
    }),
    { numRuns: 5000 }
  )
})

test('NULL has an identity of its own, which an absent field shares', (t) => {
  t.is(identityOf(null), identityOf(undefined))
  fc.assert(fc.property(value, (a) => t.not(identityOf(a), identityOf(null))))
})

test('identities of several values in a row do not run into each other', (t) => {
  const row = fc.tuple(valueOrNull, valueOrNull)
  fc.assert(
    fc.property(row, row, (left, right) => {
      const same = left.every((one, index) => identityOf(one) === identityOf(right[index]))
      t.is(left.map(identityOf).join('|') === right.map(identityOf).join('|'), same)
    }),
    { numRuns: 5000 }
  )
  t.not(identityOf(['a', 'b']), identityOf(['a,s1:b']))
  t.not(identityOf({ a: 1, b: 2 }), identityOf({ 'a=i1,1:b': 2 }))
})

test('texts stand in the order of their UTF-8 bytes', (t) => {
  fc.assert(
    fc.property(fc.oneof(text, fc.string({ unit: 'grapheme' })), fc.oneof(text, fc.string({ unit: 'binary' })), (a, b) => {
      t.is(Math.sign(compareTexts(a, b)), Buffer.compare(Buffer.from(a), Buffer.from(b)))
    }),
    { numRuns: 5000 }
  )
  t.true(compareTexts('￿', '😀') < 0)
})

test('numbers compare by value, whether number or bigint, without rounding', (t) => {
  t.true(compareValues(2 ** 53, 2n ** 53n + 1n) < 0)
  t.is(compareValues(2 ** 60, 2n ** 60n), 0)
  t.true(compareValues(0.5, 1n) < 0)
  t.true(compareValues(-1.7976931348623157e308, -(2n ** 63n)) < 0)
  fc.assert(
    fc.property(
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      (big, float) => {
        const whole = BigInt(Math.trunc(float))
        const expected = big < whole ? -1 : big > whole ? 1 : Math.sign(Math.trunc(float) - float)
        t.is(compareValues(big, float), expected === 0 ? 0 : expected)
      }
    )
  )
})

test('the classes stand in their order, and within a comparison two classes have none', (t) => {
  const classes = [false, 5, new Date(0), '', new Uint8Array(0), [], {}]
  for (const [left, a] of classes.entries()) {
    for (const [right, b] of classes.entries()) {
      t.is(Math.sign(compareValues(a, b)), Math.sign(left - right))
      t.is(compareInClass(a, b), left === right ? 0 : undefined)
    }
  }
  fc.assert(fc.property(value, number, (a, b) => t.is(compareInClass(a, b) === undefined, classOf(a) !== 'number')))
})

test('inside of lists and objects null comes last, and an absent field is not null', (t) => {
  t.true(compareValues([1, null], [1, 2]) > 0)
  t.true(compareValues([1], [1, null]) < 0)
  t.true(compareValues({ a: null }, { a: 1 }) > 0)
  t.true(compareValues({}, { a: null }) < 0)
  t.is(compareValues({ a: 1, b: 2 }, { b: 2, a: 1 }), 0)
})
