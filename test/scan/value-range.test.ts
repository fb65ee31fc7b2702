/** A range has exactly the numbers for which its condition is true. */
import test from 'ava'
import fc from 'fast-check'
import { type Comparison } from '../../src/kernel/kernels.js'
import { valueRange } from '../../src/scan/value-range.js'

const comparisons: Readonly<Record<Exclude<Comparison, '<>'>, (value: number, constant: number) => boolean>> = {
  '=': (value, constant) => value === constant,
  '<': (value, constant) => value < constant,
  '<=': (value, constant) => value <= constant,
  '>': (value, constant) => value > constant,
  '>=': (value, constant) => value >= constant
}
const someComparison = fc.constantFrom(...(Object.keys(comparisons) as (keyof typeof comparisons)[]))
const extremes = fc.constantFrom(0, -0, Number.MIN_VALUE, -Number.MIN_VALUE, Number.MAX_VALUE, -Number.MAX_VALUE, 2 ** -1022, 1, -1)
const someNumber = fc.oneof(fc.integer({ min: -5, max: 5 }), fc.double({ noNaN: true, noDefaultInfinity: true }), extremes)
const compare = fc.record({ operator: someComparison, value: someNumber })

test('one or two comparisons of a field with numbers are a range, ends and neighbours included', (t) => {
  fc.assert(
    fc.property(fc.array(compare, { minLength: 1, maxLength: 2 }), someNumber, fc.constantFrom(-1, 0, 1), (conditions, other, step) => {
      const operands = conditions.map(({ operator, value }) => ({ kind: 'compare' as const, field: 'a', operator, value }))
      const range = valueRange(operands.length === 1 && operands[0] !== undefined ? operands[0] : { kind: 'and', operands })
      // The constant itself, and numbers right beside it, as well as any other.
      const near = conditions[0]?.value ?? 0
      for (const value of [other, near, near + step * 2 ** -1074, near * (1 + step * Number.EPSILON)]) {
        const isTrue = conditions.every(({ operator, value: constant }) => comparisons[operator](value, constant))
        t.is(range !== undefined && value >= range.low && value <= range.high, isTrue)
      }
    }),
    { numRuns: 1000 }
  )
})

test('other conditions are no range', (t) => {
  const a = { kind: 'compare', field: 'a', operator: '<', value: 1 } as const
  t.is(valueRange({ ...a, operator: '<>' }), undefined)
  t.is(valueRange({ ...a, value: 1n }), undefined)
  t.is(valueRange({ ...a, value: Number.NaN }), undefined)
  t.is(valueRange({ kind: 'and', operands: [a, { ...a, field: 'b' }] }), undefined)
  t.is(valueRange({ kind: 'or', operands: [a] }), undefined)
  t.is(valueRange({ kind: 'and', operands: [] }), undefined)
})
