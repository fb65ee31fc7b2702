/** Random values of the database, small enough that equal ones meet often. */
import fc from 'fast-check'
import { type Value } from '../../src/codec/value.js'

/** Letters on both sides of the surrogates, where UTF-16 and UTF-8 order apart. */
export const text = fc
  .array(fc.constantFrom('a', 'B', 'é', '\u0000', '￿', '', '😀', '"', "'", '\n'), { maxLength: 3 })
  .map((all) => all.join(''))

export const number: fc.Arbitrary<number | bigint> = fc.oneof(
  fc.integer({ min: -3, max: 3 }),
  fc.constantFrom(0.5, -0.5, 0.1, 1e300, 5e-324, -1.7976931348623157e308),
  fc.constantFrom(Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 2 ** 53, 2 ** 60, 2 ** 63, -(2 ** 63), 2 ** 64),
  fc.constantFrom(2n ** 53n, 2n ** 53n + 1n, 2n ** 60n, 2n ** 60n + 1n, 2n ** 63n, -(2n ** 63n), 2n ** 64n - 1n)
)

export const scalar: fc.Arbitrary<Value> = fc.oneof(
  number,
  text,
  fc.boolean(),
  fc.constantFrom(0, 1, 1_700_000_000_000).map((time) => new Date(time)),
  fc.uint8Array({ maxLength: 2 })
)

/** Not null at the top; inside of lists and objects also null. */
export const value: fc.Arbitrary<Value> = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 2 },
    scalar,
    fc.array(fc.oneof(tie('value'), fc.constant(null)), { maxLength: 2 }),
    fc.dictionary(fc.constantFrom('a', 'b', '', '1:a', '😀'), fc.oneof(tie('value'), fc.constant(null)), { maxKeys: 2 })
  )
})).value

export const valueOrNull: fc.Arbitrary<Value> = fc.oneof({ weight: 5, arbitrary: value }, { weight: 1, arbitrary: fc.constant(null) })
