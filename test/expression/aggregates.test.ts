/** COUNT, SUM, AVG, MIN, MAX: exact, and the same however rows come in batches. */
import test from 'ava'
import fc from 'fast-check'
import { type AggregateName } from '../../src/parser/ast.js'
import { newAccumulator } from '../../src/expression/aggregates.js'
import { vectorOf, type Batch } from '../../src/expression/batch.js'
import { compile, newExecution, type Scope } from '../../src/expression/evaluate.js'
import { aggregate } from '../../src/executor/operators.js'
import { compareValues } from '../../src/codec/value-order.js'
import { QueryMemory } from '../../src/executor/query-memory.js'
import { value, valueOrNull } from '../codec/_values.js'

function over(name: AggregateName, values: readonly unknown[], distinct = false): unknown {
  const accumulator = newAccumulator(name, distinct, () => {})
  for (const one of values) accumulator.add(one)
  return accumulator.result()
}

const column: Scope = { columnOf: () => undefined, field: () => 0 }
const field = compile({ kind: 'field', path: ['x'] }, column)

function overBatches(name: AggregateName, values: readonly unknown[], cuts: readonly number[]): unknown {
  const ends = [...cuts.map((cut) => cut % (values.length + 1)), values.length].sort((a, b) => a - b)
  const batches = ends.map((end, index): Batch => {
    const part = values.slice(ends[index - 1] ?? 0, end)
    return { rowCount: part.length, columns: [vectorOf(part)] }
  })
  const columns = [{ name, distinct: false, operand: field }]
  const all = [...aggregate(batches, [], columns, newExecution([]), new QueryMemory(1e9))]
  return all.at(-1)?.columns[0]?.values[0]
}

test('over nothing COUNT is 0 and the others are NULL', (t) => {
  t.is(over('count', []), 0)
  for (const name of ['sum', 'avg', 'min', 'max'] as const) t.is(over(name, []), null)
})

test('SUM of integers is exact past 2^53, AVG divides the exact sum', (t) => {
  fc.assert(
    fc.property(fc.array(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }), { minLength: 1 }), (integers) => {
      const stored = integers.map((big) => (Number.isSafeInteger(Number(big)) ? Number(big) : big))
      const sum = integers.reduce((total, big) => total + big, 0n)
      t.is(BigInt(over('sum', stored) as bigint), sum)
      t.is(over('avg', stored), Number(sum) / integers.length)
    })
  )
  t.is(
    over(
      'sum',
      Array.from({ length: 1000 }, () => Number.MAX_SAFE_INTEGER)
    ),
    1000n * BigInt(Number.MAX_SAFE_INTEGER)
  )
  t.is(over('sum', [2n ** 53n, -1]), Number.MAX_SAFE_INTEGER)
})

test('SUM and AVG of floats have the same bits however the rows are cut into batches', (t) => {
  const float = fc.oneof(fc.double({ noNaN: true, min: -1e15, max: 1e15 }), fc.integer(), fc.constantFrom(0.1, 1e16, -1e16, 2n ** 60n))
  fc.assert(
    fc.property(fc.array(float, { minLength: 1, maxLength: 60 }), fc.array(fc.nat(), { maxLength: 8 }), (floats, cuts) => {
      for (const name of ['sum', 'avg'] as const) t.is(overBatches(name, floats, cuts), overBatches(name, floats, []))
    })
  )
})

test('a sum of floats does not lose the small ones beside the large', (t) => {
  t.is(over('sum', [1e16, 1.5, -1e16]), 1.5)
  t.is(
    over(
      'sum',
      Array.from({ length: 10 }, () => 0.1)
    ),
    1
  )
  t.is(over('sum', [2n ** 62n, 0.5, -(2n ** 62n)]), 0.5)
})

test('a sum that no float holds is OUT_OF_RANGE', (t) => {
  t.throws(() => over('sum', [1.7e308, 1.7e308]), { code: 'DRIFT_OUT_OF_RANGE' })
  t.throws(() => over('avg', [-1.7e308, -1.7e308]), { code: 'DRIFT_OUT_OF_RANGE' })
})

test('values that are no numbers do not count for SUM and AVG', (t) => {
  t.is(over('sum', ['1', true, [], 2]), 2)
  t.is(over('avg', ['1', 2, 4]), 3)
  t.is(over('sum', ['a']), null)
})

test('MIN and MAX are the first and the last in the order of values, over all classes', (t) => {
  fc.assert(
    fc.property(fc.array(value, { minLength: 1, maxLength: 8 }), (values) => {
      t.true(values.every((one) => compareValues(over('min', values), one) <= 0))
      t.true(values.every((one) => compareValues(over('max', values), one) >= 0))
    })
  )
})

test('aggregates skip NULL, and DISTINCT counts equal values once', (t) => {
  fc.assert(
    fc.property(fc.array(valueOrNull, { maxLength: 20 }), (values) => {
      t.is(overBatches('count', values, [3]), values.filter((one) => one !== null).length)
    })
  )
  t.is(over('count', [1, 1n, 1.0, '1', [1], [1n]], true), 3)
  t.is(over('sum', [2, 2n, 3], true), 5)
  t.is(over('avg', [2, 2, 4], true), 3)
})
