/** What one pass over rows finds out: the number of different values within the error of HyperLogLog, the rest exactly where all rows fit. */
import test from 'ava'
import fc from 'fast-check'
import { compareValues, identityOf } from '../../src/codec/value-order.js'
import { type Value } from '../../src/codec/value.js'
import { type TableStatistics } from '../../src/format/statistics-file.js'
import { HyperLogLog } from '../../src/statistics/hyper-log-log.js'
import { Reservoir } from '../../src/statistics/reservoir.js'
import { StatisticsCollector } from '../../src/statistics/collector.js'
import { seededRandom } from '../../src/statistics/seeded-random.js'
import { shortValue, valueBytes } from '../../src/statistics/short-value.js'
import { sortedSteps } from '../../src/statistics/sorted-steps.js'
import { hashValue } from '../../src/statistics/value-hash.js'
import { valueOrNull } from '../codec/_values.js'

const hash = new Uint32Array(2)

function distinctOf(values: Iterable<unknown>): number {
  const counter = new HyperLogLog()
  for (const value of values) {
    hashValue(value, hash)
    counter.add(hash[0] ?? 0, hash[1] ?? 0)
  }
  return counter.estimate()
}

function collected(values: readonly Value[], sampleRowsMax?: number): TableStatistics {
  const collector = new StatisticsCollector([['a']], seededRandom(7), sampleRowsMax)
  for (let from = 0; from < values.length; from += 100) {
    const piece = values.slice(from, from + 100)
    const nulls = Uint8Array.from(piece, (value) => (value === null ? 1 : 0))
    for (const _ of collector.add(piece.length, [{ values: piece, nulls }]));
  }
  const steps = collector.finish({ seq: 9, events: 12 })
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
  }
}

const kinds: readonly [string, (index: number) => unknown][] = [
  ['whole numbers in order', (index) => index],
  ['multiples of 2^32', (index) => index * 2 ** 32],
  ['fractions', (index) => index / 7],
  ['large integers', (index) => 2n ** 62n + BigInt(index)],
  ['texts that differ in their ends', (index) => `customer-${index}`],
  ['texts of few letters', (index) => index.toString(2)],
  ['times a minute apart', (index) => new Date(1_700_000_000_000 + index * 60_000)],
  ['lists', (index) => [index % 300, Math.floor(index / 300)]]
]

for (const [name, valueOf] of kinds) {
  test(`the number of different values is off by less than three standard errors (5 %): ${name}`, (t) => {
    for (const count of [1, 2, 10, 100, 1000, 5000, 10_000, 30_000, 100_000]) {
      const estimate = distinctOf(Array.from({ length: count }, (_, index) => valueOf(index)))
      t.true(Math.abs(estimate - count) <= Math.max(0.5, (3 * 1.04 * count) / 64), `${count}: ${estimate}`)
    }
  })
}

test('nothing is no value, and the same values again change nothing', (t) => {
  t.is(distinctOf([]), 0)
  const values = Array.from({ length: 3000 }, (_, index) => index % 50)
  t.is(distinctOf(values), distinctOf(values.slice(0, 50)))
})

test('values that are equal have equal hashes', (t) => {
  const hashOf = (value: unknown): string => {
    hashValue(value, hash)
    return `${hash[0]} ${hash[1]}`
  }
  fc.assert(
    fc.property(valueOrNull, valueOrNull, (left, right) => {
      if (left === null || right === null) return
      t.is(hashOf(left) === hashOf(right), identityOf(left) === identityOf(right))
    }),
    { numRuns: 500, seed: 3 }
  )
  t.is(hashOf(2 ** 60), hashOf(2n ** 60n))
  t.is(hashOf(-0), hashOf(0))
})

test('each row of a stream is in the sample as often as every other', (t) => {
  const [rows, slots, tries] = [60, 10, 6000]
  const taken = new Uint32Array(rows)
  const random = seededRandom(11)
  for (let attempt = 0; attempt < tries; attempt++) {
    const reservoir = new Reservoir(slots, random)
    const sample = new Uint32Array(slots)
    for (let from = 0; from < rows; from += 7) {
      reservoir.offer(Math.min(7, rows - from), (row, slot) => (sample[slot] = from + row))
    }
    t.is(reservoir.size, slots)
    t.is(new Set(sample).size, slots)
    for (const row of sample) taken[row] = (taken[row] ?? 0) + 1
  }
  const expected = (tries * slots) / rows
  // Six standard deviations.
  for (const count of taken) t.true(Math.abs(count - expected) < 6 * Math.sqrt(expected), `${count} of ${expected}`)
})

test('a table that fits into the sample is known exactly', (t) => {
  fc.assert(
    fc.property(fc.array(valueOrNull, { maxLength: 80 }), (values) => {
      const { rows, sampledRows, seq, events, columns } = collected(values)
      t.deepEqual({ rows, sampledRows, seq, events }, { rows: values.length, sampledRows: values.length, seq: 9, events: 12 })
      const [column] = columns
      const there = values.filter((value) => value !== null).toSorted(compareValues)
      t.is(column?.nulls, values.length - there.length)
      t.is(column?.distinct, new Set(there.map(identityOf)).size)
      t.is(compareOr(column?.min, there[0]), 0)
      t.is(compareOr(column?.max, there.at(-1)), 0)
      for (const { value, share } of column?.common ?? []) {
        t.is(share, values.filter((each) => each !== null && compareValues(each, value) === 0).length / values.length)
      }
      t.true((column?.common.length ?? 0) <= 32 && (column?.histogram.length ?? 0) <= 64)
    }),
    { numRuns: 300, seed: 5 }
  )
})

function compareOr(left: Value | undefined, right: Value | undefined): number {
  if (left === undefined || left === null || right === undefined) return left === null && right === undefined ? 0 : 1
  return compareValues(left, right)
}

test('bounds of a histogram have as many values between them, and a value that is common is in none', (t) => {
  const random = seededRandom(1)
  const values = Array.from({ length: 20_000 }, (_, index) => (index % 4 === 0 ? 7 : Math.floor(random() * 1e6)))
  const [column] = collected(values).columns
  t.deepEqual(column?.common, [{ value: 7, share: 0.25 }])
  const bounds = column?.histogram as number[]
  t.is(bounds.length, 64)
  const rest = values.filter((value) => value !== 7)
  for (let at = 1; at < bounds.length; at++) {
    const count = rest.filter((value) => value > (bounds[at - 1] ?? 0) && value <= (bounds[at] ?? 0)).length
    t.true(Math.abs(count - 15_000 / 63) <= 2, `${at}: ${count}`)
  }
})

test('of more rows than the sample takes, what all rows say is exact and what the sample says is near', (t) => {
  const random = seededRandom(2)
  const values = Array.from({ length: 50_000 }, (): Value => {
    const drawn = random()
    return drawn < 0.1 ? null : drawn < 0.3 ? 'paid' : Math.floor(drawn * 20_000)
  })
  const { rows, sampledRows, columns } = collected(values, 5000)
  const [column] = columns
  t.deepEqual([rows, sampledRows], [50_000, 5000])
  t.is(column?.nulls, values.filter((value) => value === null).length)
  t.is(column?.min, Math.min(...values.filter((value) => typeof value === 'number')))
  t.is(column?.max, 'paid')
  t.is(column?.common[0]?.value, 'paid')
  t.true(Math.abs((column?.common[0]?.share ?? 0) - 0.2) < 0.02)
  const distinct = new Set(values.filter((value) => value !== null)).size
  t.true(Math.abs((column?.distinct ?? 0) - distinct) < distinct * 0.05, `${column?.distinct} of ${distinct}`)
  t.deepEqual(collected(values, 5000), { rows, sampledRows, columns, seq: 9, events: 12 }, 'the same numbers draw the same sample')
})

test('a column of different values alone is known to be one', (t) => {
  const values = Array.from({ length: 40_000 }, (_, index) => `key ${index}`)
  t.is(collected(values, 1000).columns[0]?.distinct, 40_000)
})

test('what is long is cut, and the cut text is none that keeps the long one in memory', (t) => {
  t.is(shortValue('x'.repeat(64)), 'x'.repeat(64))
  t.is(shortValue('x'.repeat(65)), 'x'.repeat(64))
  t.is(shortValue(`${'x'.repeat(63)}😀`), 'x'.repeat(63), 'no half of a character')
  t.deepEqual(shortValue(new Uint8Array(500)), new Uint8Array(128))
  t.deepEqual(shortValue(Array.from({ length: 500 }, () => 1)), [])
  t.deepEqual(shortValue({ text: 'x'.repeat(500) }), {})
  t.deepEqual(shortValue({ a: [1, 2] }), { a: [1, 2] })
  t.is(valueBytes({ a: [1, 300, 'xy'] }), 11)
})

test('sorting in steps is sorting', (t) => {
  const random = seededRandom(4)
  for (const count of [0, 1, 1023, 1024, 1025, 5000, 20_000]) {
    const values = Array.from({ length: count }, (_, index) => ({ key: Math.floor(random() * 50), index }))
    const expected = values.toSorted((left, right) => left.key - right.key)
    const steps = sortedSteps([...values], (left, right) => left.key - right.key)
    for (let made = 0; ; made++) {
      const step = steps.next()
      if (step.done !== true) continue
      t.deepEqual(step.value, expected, 'and equal ones keep their order')
      t.true(made >= Math.floor(count / 1024))
      break
    }
  }
})
