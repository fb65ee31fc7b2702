/** Operators whose rows do not fit: whatever the bound, the rows are those of the operator that keeps all, and no file is left. */
import test from 'ava'
import fc from 'fast-check'
import { type Document, type Value } from '../../src/codec/value.js'
import { batchOf, type Batch } from '../../src/expression/batch.js'
import { compile, newExecution, type Evaluator } from '../../src/expression/evaluate.js'
import { aggregate, distinctRows, project, sort } from '../../src/executor/operators.js'
import { type AggregateColumn } from '../../src/expression/aggregates.js'
import { type SortKey } from '../../src/expression/row-order.js'
import { QueryMemory } from '../../src/executor/query-memory.js'
import { TestSpace } from './_spill.js'
import { text, value, valueOrNull } from '../codec/_values.js'

type Row = { readonly n: number; readonly a: Value; readonly b: Value }
type Operator = (batches: Iterable<Batch>, memory: QueryMemory) => Generator<Batch, void, void>

const BOUND = 48 * 1024
const paths = [['n'], ['a'], ['b']]
const scope = { columnOf: () => undefined, field: ({ path }: { path: readonly unknown[] }) => ['n', 'a', 'b'].indexOf(String(path[0])) }
const [n, a, b] = ['n', 'a', 'b'].map((name): Evaluator => compile({ kind: 'field', path: [name] }, scope)) as [
  Evaluator,
  Evaluator,
  Evaluator
]
const execution = newExecution([])
const aggregates: readonly AggregateColumn[] = [
  { name: 'count', distinct: false, operand: null },
  { name: 'count', distinct: false, operand: b },
  { name: 'sum', distinct: false, operand: b },
  { name: 'avg', distinct: false, operand: b },
  { name: 'min', distinct: false, operand: b },
  { name: 'max', distinct: false, operand: n },
  { name: 'count', distinct: true, operand: b }
]

function* cut(rows: readonly Row[], size: number, log: string[] = []): Generator<Batch, void, void> {
  try {
    for (let from = 0; from < rows.length; from += size) {
      yield batchOf(rows.slice(from, from + size) as unknown as Document[], { paths, documents: 'keep' })
    }
  } finally {
    log.push('left')
  }
}

/** Every value of every row, with its class. */
function shown(batches: Iterable<Batch>): unknown[] {
  const rows: unknown[] = []
  for (const { rowCount, columns, documents } of batches) {
    for (let row = 0; row < rowCount; row++) rows.push([columns.map(({ values, nulls }) => [values[row], nulls[row]]), documents?.[row]])
  }
  return rows
}

function spilling(bound = BOUND, space = new TestSpace()): { readonly memory: QueryMemory; readonly space: TestSpace } {
  return { memory: new QueryMemory(bound, { space, bytesMax: 1e9 }), space }
}

/** Many rows from few, and of each some that are alike. */
function manyRows(some: readonly (readonly [Value, Value])[], count: number, distinct: number): Row[] {
  return Array.from({ length: count }, (_, index): Row => {
    const [one, two] = some[(index * 7919) % some.length] ?? [null, null]
    const mixed = (index * 7919) % distinct
    return { n: index, a: index % 3 === 0 ? one : index % 3 === 1 ? mixed : `text ${mixed}`, b: two }
  })
}

const key = fc.record({ column: fc.constantFrom(1, 2), descending: fc.boolean(), nullsFirst: fc.boolean() })
const keysOf: readonly SortKey[] = [{ column: 1, descending: false, nullsFirst: false }]
const someValues = fc.array(fc.tuple(valueOrNull, fc.oneof(valueOrNull, fc.constantFrom(-0, 0, 0.1, 1e16))), {
  minLength: 1,
  maxLength: 20
})

async function sameAsInMemory(
  t: { deepEqual(a: unknown, b: unknown): void; true(a: boolean): void; is(a: unknown, b: unknown): void },
  rows: readonly Row[],
  size: number,
  operator: Operator
): Promise<void> {
  const whole = new QueryMemory(1e12)
  const expected = shown(operator(cut(rows, size), whole))
  const { memory, space } = spilling()
  t.deepEqual(shown(operator(cut(rows, size), memory)), expected)
  t.true(space.fileCount > 0)
  t.is(space.open.size, 0)
  t.is(memory.bytes, 0)
  t.true(memory.peakBytes <= BOUND)
  t.true(memory.spilledBytes > 0 && memory.runs > 1)
}

test('a sort that spills is the stable sort of all rows, with every value as it was', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      someValues,
      fc.array(key, { minLength: 1, maxLength: 2 }),
      fc.integer({ min: 1, max: 300 }),
      async (some, keys, size) => {
        await sameAsInMemory(t, manyRows(some, 2000, 50), size, (batches, memory) => sort(batches, keys, Number.POSITIVE_INFINITY, memory))
      }
    ),
    { numRuns: 25 }
  )
})

test('the first rows of a sort that spills are the first of the stable sort', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      someValues,
      fc.array(key, { minLength: 1, maxLength: 2 }),
      fc.integer({ min: 1, max: 300 }),
      async (some, keys, size) => {
        for (const count of [400, 1500]) {
          await sameAsInMemory(t, manyRows(some, 2000, 50), size, (batches, memory) => sort(batches, keys, count, memory))
        }
      }
    ),
    { numRuns: 15 }
  )
})

/** No sum of these is too large for a float64. */
const summable = someValues.map((all) =>
  all.map(([one, two]): [Value, Value] => [one, typeof two === 'number' && Math.abs(two) > 1e300 ? 0.1 : two])
)

test('groups that do not fit are those that would, with sums to the last bit', async (t) => {
  await fc.assert(
    fc.asyncProperty(summable, fc.integer({ min: 1, max: 300 }), fc.boolean(), async (some, size, two) => {
      const keys = two ? [a, n] : [a]
      const kept = aggregates.filter(({ distinct }) => !distinct)
      await sameAsInMemory(t, manyRows(some, 2000, 700), size, (batches, memory) => aggregate(batches, keys, kept, execution, memory))
    }),
    { numRuns: 15 }
  )
})

test('DISTINCT of more than fits gives each row once, where it first came', async (t) => {
  await fc.assert(
    fc.asyncProperty(someValues, fc.integer({ min: 1, max: 300 }), async (some, size) => {
      await sameAsInMemory(t, manyRows(some, 3000, 900), size, (batches, memory) =>
        distinctRows(project(batches, [a, b], 'drop', execution), 2, memory)
      )
    }),
    { numRuns: 15 }
  )
  await sameAsInMemory(t, manyRows([[1, 2]], 1000, 10), 100, (batches, memory) => distinctRows(batches, 3, memory))
})

test('texts with lone surrogates, large bigints, -0 and times come back from a file as they were', (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(value, text, fc.constantFrom('\ud800', 2n ** 90n, -0, new Date(-1), 5n)), { minLength: 5, maxLength: 40 }),
      (values) => {
        const rows = Array.from({ length: 1500 }, (_, index): Row => ({
          n: index,
          a: index % 11,
          b: values[index % values.length] ?? null
        }))
        const batches = () => project(cut(rows, 100), [a, b, n], 'drop', execution)
        const keys = [{ column: 0, descending: true, nullsFirst: false }]
        const { memory } = spilling()
        t.deepEqual(
          shown(sort(batches(), keys, Number.POSITIVE_INFINITY, memory)),
          shown(sort(batches(), keys, Number.POSITIVE_INFINITY, new QueryMemory(1e9)))
        )
        t.true(memory.spilledBytes > 0)
      }
    ),
    { numRuns: 10 }
  )
})

/** Each with the most work it may do between two looks. */
const rows = manyRows([['x', 1]], 6000, 3000)
const operators: readonly (readonly [string, Operator])[] = [
  ['sort', (batches, memory) => sort(batches, keysOf, Number.POSITIVE_INFINITY, memory)],
  ['top', (batches, memory) => sort(batches, keysOf, 3000, memory)],
  ['aggregate', (batches, memory) => aggregate(batches, [a, n], aggregates.slice(0, 3), execution, memory)],
  ['distinct', (batches, memory) => distinctRows(batches, 3, memory)]
]

for (const [name, operator] of operators) {
  test(`${name}: an error at any creation, write or read ends it with that error, and no file is left`, (t) => {
    const { memory, space } = spilling()
    shown(operator(cut(rows, 500), memory))
    t.true(space.writes > 3 && space.reads > 3)
    const step = Math.max(1, Math.floor(space.operations / 150))
    for (let failAt = 1; failAt <= space.operations; failAt += step) {
      const failing = spilling()
      failing.space.failAt = failAt
      const log: string[] = []
      t.throws(() => shown(operator(cut(rows, 500, log), failing.memory)), { code: 'DRIFT_NO_SPACE' }, `operation ${failAt}`)
      t.is(failing.space.open.size, 0, `operation ${failAt}`)
      t.deepEqual(log, ['left'])
    }
  })

  test(`${name}: it can be left after any batch, in each of its phases, and no file is left`, (t) => {
    const { memory, space } = spilling()
    let looks = 0
    let [mostWrites, mostReads, writes, reads] = [0, 0, 0, 0]
    const phases = new Set<string>()
    for (const _ of operator(cut(rows, 40), memory)) {
      looks++
      mostWrites = Math.max(mostWrites, space.writes - writes)
      mostReads = Math.max(mostReads, space.reads - reads)
      ;[writes, reads] = [space.writes, space.reads]
      phases.add(space.reads === 0 ? (space.writes === 0 ? 'keeping' : 'writing') : 'reading')
    }
    t.deepEqual([...phases], ['keeping', 'writing', 'reading'])
    // Rows are read in two blocks at most, and written in as many as one batch and the buffers of all partitions make.
    t.true(looks > 30, `${looks} looks`)
    t.true(mostReads <= 2, `${mostReads} reads without a look`)
    t.true(mostWrites <= 1024, `${mostWrites} writes without a look`)
    const step = Math.max(1, Math.floor(looks / 150))
    for (let left = 1; left <= looks; left += step) {
      const stopped = spilling()
      const log: string[] = []
      const batches = operator(cut(rows, 40, log), stopped.memory)
      for (let look = 0; look < left; look++) batches.next()
      batches.return()
      t.is(stopped.space.open.size, 0, `look ${left}`)
      t.deepEqual(log, ['left'])
    }
  })
}

test('without a place for files, or past what may be written to them, it is LIMIT with its name', (t) => {
  for (const [name, operator] of operators) {
    const none = t.throws(() => shown(operator(cut(rows, 500), new QueryMemory(BOUND))), { code: 'DRIFT_LIMIT' }, name)
    t.is((none as unknown as { details: { name: string } }).details.name, 'queryBytesMax')
    const whole = spilling()
    shown(operator(cut(rows, 500), whole.memory))
    const exact = new TestSpace()
    shown(operator(cut(rows, 500), new QueryMemory(BOUND, { space: exact, bytesMax: whole.memory.spilledBytes })))
    const space = new TestSpace()
    const over = new QueryMemory(BOUND, { space, bytesMax: whole.memory.spilledBytes - 1 })
    const error = t.throws(() => shown(operator(cut(rows, 500), over)), { code: 'DRIFT_LIMIT' }, name)
    t.is((error as unknown as { details: { name: string } }).details.name, 'querySpillBytesMax')
    t.is(space.open.size, 0)
  }
})

test('COUNT(DISTINCT) keeps its values in memory, and is LIMIT where they do not fit', (t) => {
  const { memory, space } = spilling()
  const distinct: AggregateColumn[] = [{ name: 'count', distinct: true, operand: n }]
  t.throws(() => shown(aggregate(cut(rows, 500), [], distinct, execution, memory)), { code: 'DRIFT_LIMIT' })
  t.is(space.open.size, 0)
})

test('rows that are larger than the share of a merge are merged two by two', (t) => {
  const large = Array.from({ length: 60 }, (_, index): Row => ({ n: index, a: (index * 7) % 13, b: 'x'.repeat(9000) }))
  const keys = [{ column: 1, descending: false, nullsFirst: false }]
  const { memory, space } = spilling(96 * 1024)
  const sorted = sort(project(cut(large, 1), [n, a, b], 'drop', execution), keys, Number.POSITIVE_INFINITY, memory)
  const expected = sort(project(cut(large, 1), [n, a, b], 'drop', execution), keys, Number.POSITIVE_INFINITY, new QueryMemory(1e9))
  t.deepEqual(shown(sorted), shown(expected))
  t.true(space.fileCount > 1, 'more than one pass')
  t.is(space.open.size, 0)
})
