/** Arithmetic and casts: exact integers, NULL where there is no answer, an error where it does not fit. */
import test from 'ava'
import fc from 'fast-check'
import { DriftError } from '../../src/base/errors.js'
import { type CastType } from '../../src/parser/ast.js'
import { arithmetic, negate } from '../../src/expression/arithmetic.js'
import { castTo } from '../../src/expression/cast.js'
import { number, value } from '../codec/_values.js'

const integer = fc.oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }), fc.bigInt({ min: -10n, max: 10n }))
const settled = (big: bigint): number | bigint => (Number.isSafeInteger(Number(big)) ? Number(big) : big)

test('integers are added, subtracted, multiplied and divided with rest exactly, past 2^53 as bigint', (t) => {
  fc.assert(
    fc.property(integer, integer, (left, right) => {
      const [a, b] = [settled(left), settled(right)]
      t.is(arithmetic('+', a, b), settled(left + right))
      t.is(arithmetic('-', a, b), settled(left - right))
      t.is(arithmetic('*', a, b), settled(left * right))
      t.is(arithmetic('%', a, b), right === 0n ? null : settled(left % right))
      t.is(negate(a), settled(-left))
    }),
    { numRuns: 3000 }
  )
})

test('/ is true division, also of integers', (t) => {
  t.is(arithmetic('/', 7, 2), 3.5)
  t.is(arithmetic('/', 6, 2), 3)
  t.is(arithmetic('/', 2n ** 62n, 2), 2 ** 61)
})

test('the rest has the sign of the dividend, and no zero has a sign', (t) => {
  t.is(arithmetic('%', 5, -3), 2)
  t.is(arithmetic('%', -5, 3), -2)
  t.is(arithmetic('%', -5.5, 2), -1.5)
  for (const zero of [arithmetic('%', -4, 2), arithmetic('%', -4.5, 1.5), arithmetic('*', 0, -1), arithmetic('/', 0, -5), negate(0)]) {
    t.is(zero, 0)
  }
  t.is(arithmetic('*', 5e-324, -0.1), 0)
})

test('by zero is NULL, whatever the zero', (t) => {
  for (const operator of ['/', '%'] as const) {
    for (const left of [1, 0, 1.5, 2n ** 60n]) {
      for (const zero of [0, -0]) t.is(arithmetic(operator, left, zero), null)
    }
  }
})

test('arithmetic with a value of another class is NULL', (t) => {
  fc.assert(
    fc.property(value, number, fc.constantFrom('+', '-', '*', '/', '%'), (other, one, operator) => {
      fc.pre(typeof other !== 'number' && typeof other !== 'bigint')
      t.is(arithmetic(operator, one, other), null)
      t.is(arithmetic(operator, other, one), null)
      t.is(negate(other), null)
    })
  )
})

test('a result that no float holds is OUT_OF_RANGE, never infinity', (t) => {
  const max = Number.MAX_VALUE
  for (const overflow of [
    () => arithmetic('+', max, max),
    () => arithmetic('*', max, 2),
    () => arithmetic('/', max, 0.5),
    () => arithmetic('-', -max, max)
  ]) {
    t.is(t.throws(overflow, { instanceOf: DriftError })?.code, 'DRIFT_OUT_OF_RANGE')
  }
})

test('a number past 2^53 is a float, a bigint an integer', (t) => {
  t.is(arithmetic('+', 2 ** 60, 1), 2 ** 60)
  t.is(arithmetic('+', 2n ** 60n, 1), 2n ** 60n + 1n)
  t.is(arithmetic('+', Number.MAX_SAFE_INTEGER, 1), 2n ** 53n)
  t.is(arithmetic('-', 2n ** 53n, 1), Number.MAX_SAFE_INTEGER)
})

const refused = (type: CastType, from: unknown): string | undefined => {
  try {
    castTo(type, from)
  } catch (thrown) {
    if (thrown instanceof DriftError) return thrown.code
    throw thrown
  }
  return undefined
}

test('casts to int8: texts of digits, booleans, floats to the nearest, halves to the even one', (t) => {
  const cases: readonly (readonly [unknown, unknown])[] = [
    [' -7 ', -7],
    ['+7', 7],
    ['18446744073709551615', 2n ** 64n - 1n],
    ['-9223372036854775808', -(2n ** 63n)],
    [true, 1],
    [0.5, 0],
    [1.5, 2],
    [2.5, 2],
    [-0.5, 0],
    [-1.5, -2],
    [-2.5, -2],
    [0.49999999999999994, 0],
    [2 ** 60, 2n ** 60n],
    [null, null]
  ]
  for (const [from, to] of cases) t.is(castTo('int8', from), to, String(from))
  for (const from of ['', '1.0', '1e3', '0x10', 'one', [], new Date(0)]) t.is(refused('int8', from), 'DRIFT_INVALID_ARGUMENT', String(from))
  for (const from of ['18446744073709551616', '-9223372036854775809', 2 ** 64, -1e300]) t.is(refused('int8', from), 'DRIFT_OUT_OF_RANGE')
})

test('casts to float8: every digit that a float has, no infinity', (t) => {
  for (const text of ['1.7976931348623157e308', '-0.1', '.5', '5.', ' 1E2 ', '5e-324']) t.is(castTo('float8', text), Number(text))
  t.is(castTo('float8', '-0'), 0)
  t.is(castTo('float8', 2n ** 63n), 2 ** 63)
  t.is(refused('float8', '1e309'), 'DRIFT_OUT_OF_RANGE')
  for (const from of ['', 'NaN', 'Infinity', '1e', '0x1', {}]) t.is(refused('float8', from), 'DRIFT_INVALID_ARGUMENT')
})

test('casts to text and back give the value', (t) => {
  const pairs: readonly (readonly [CastType, unknown])[] = [
    ['int8', 2n ** 64n - 1n],
    ['float8', 0.1],
    ['float8', 1.7976931348623157e308],
    ['bool', false],
    ['timestamptz', new Date(1_700_000_000_123)],
    ['bytea', new Uint8Array([0, 255, 7])],
    ['jsonb', { a: [1, 'é"', null, 2n ** 60n] }]
  ]
  for (const [type, from] of pairs) t.deepEqual(castTo(type, castTo('text', from)), from)
  t.is(castTo('text', 'as it is'), 'as it is')
})

test('casts to bool, timestamptz, bytea and jsonb refuse what has no counterpart', (t) => {
  for (const word of ['t', 'TRUE', ' yes ', 'on', '1']) t.is(castTo('bool', word), true)
  for (const word of ['f', 'False', 'no', 'off', '0']) t.is(castTo('bool', word), false)
  t.is(castTo('bool', 0n), false)
  t.is(castTo('bool', 0.1), true)
  t.is(refused('bool', 'maybe'), 'DRIFT_INVALID_ARGUMENT')
  t.is(refused('timestamptz', '@now'), 'DRIFT_INVALID_ARGUMENT')
  t.is(refused('timestamptz', 5), 'DRIFT_INVALID_ARGUMENT')
  t.is(refused('timestamptz', '2025-02-30'), 'DRIFT_INVALID_ARGUMENT')
  t.is(refused('bytea', 'a'), 'DRIFT_INVALID_ARGUMENT')
  t.is(refused('jsonb', '{"a":'), 'DRIFT_SYNTAX')
})
