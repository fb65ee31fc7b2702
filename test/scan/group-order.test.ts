/** The order of groups beside a sort that compares them value by value. */
import test from 'ava'
import fc from 'fast-check'
import { type Value } from '../../src/codec/value.js'
import { compareValues } from '../../src/codec/value-order.js'
import { type PartialKeys } from '../../src/scan/aggregate-query.js'
import { groupOrder } from '../../src/scan/group-order.js'

function compareKeys(one: Value, other: Value): number {
  return one === null || other === null ? Number(one === null) - Number(other === null) : compareValues(one, other)
}

function expectedOrder(keys: readonly PartialKeys[], groupCount: number): number[] {
  const valueOf = ({ values, numbers }: PartialKeys, group: number) => values[numbers[group] as number] as Value
  return Array.from({ length: groupCount }, (_, group) => group).sort((one, other) => {
    for (const column of keys) {
      const order = compareKeys(valueOf(column, one), valueOf(column, other))
      if (order !== 0) return order
    }
    return one - other
  })
}

const number = fc.oneof(
  fc.integer({ min: -20, max: 20 }),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(-0, 2 ** 60)
)
const value: fc.Arbitrary<Value> = fc.oneof(
  number,
  fc.constantFrom(null, true, false, 2n ** 60n, 2n ** 70n),
  fc.string({ unit: 'grapheme', maxLength: 3 }),
  fc.date({ noInvalidDate: true })
)

/** Many values of three columns say more places than there is room for at once. */
const keys = fc.tuple(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 0, max: 3 })).chain(([groupCount, columnCount]) => {
  const ofOneKind = [value, number, fc.integer(), fc.integer({ min: -500, max: 500 })]
  const values = fc.oneof(...ofOneKind.map((each: fc.Arbitrary<Value>) => fc.array(each, { minLength: 1, maxLength: 60 })))
  const column = values.chain((some) =>
    fc
      .array(fc.nat(some.length - 1), { minLength: groupCount, maxLength: groupCount })
      .map((numbers): PartialKeys => ({ values: some, numbers: Int32Array.from(numbers) }))
  )
  return fc.tuple(fc.constant(groupCount), fc.array(column, { minLength: columnCount, maxLength: columnCount }))
})

test('groups come in the order of their values, column by column, NULL last, those that are alike as they were', (t) => {
  fc.assert(
    fc.property(keys, ([groupCount, columns]) => {
      t.deepEqual([...groupOrder(columns, groupCount)], expectedOrder(columns, groupCount))
    }),
    { numRuns: 500 }
  )
})
