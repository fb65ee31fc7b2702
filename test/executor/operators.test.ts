/** Operators over batches: whatever the cuts, the rows are those of the whole list; and what is left early lets go. */
import test from 'ava'
import fc from 'fast-check'
import { type Document, type Value } from '../../src/codec/value.js'
import { BATCH_ROWS_MAX, batchOf, type Batch } from '../../src/expression/batch.js'
import { compile, newExecution, type Evaluator } from '../../src/expression/evaluate.js'
import { aggregate, distinctRows, filter, project, slice, sort } from '../../src/executor/operators.js'
import { type SortKey } from '../../src/expression/row-order.js'
import { compareValues, identityOf } from '../../src/codec/value-order.js'
import { QueryMemory } from '../../src/executor/query-memory.js'
import { valueOrNull } from '../codec/_values.js'

type Row = { readonly n: number; readonly a: Value; readonly b: Value }
const paths = [['n'], ['a'], ['b']]
const scope = { columnOf: () => undefined, field: ({ path }: { path: readonly unknown[] }) => ['n', 'a', 'b'].indexOf(String(path[0])) }
const a: Evaluator = compile({ kind: 'field', path: ['a'] }, scope)
const aIsTrue: Evaluator = compile(
  { kind: 'comparison', operator: '>=', left: { kind: 'field', path: ['a'] }, right: { kind: 'literal', value: 1 } },
  scope
)
const memory = () => new QueryMemory(1e9)

/** Rows in pieces; empty ones among them, as operators give them. */
function* cut(rows: readonly Row[], sizes: readonly number[], log: string[] = []): Generator<Batch, void, void> {
  try {
    let from = 0
    for (const size of [...sizes, ...Array.from({ length: rows.length }, () => 3)]) {
      if (from >= rows.length) break
      log.push('batch')
      yield batchOf(rows.slice(from, from + size) as unknown as Document[], { paths, documents: 'keep' })
      from += size
    }
  } finally {
    log.push('left')
  }
}

function rowsOf(batches: Iterable<Batch>): number[] {
  const rows: number[] = []
  for (const batch of batches) {
    for (let row = 0; row < batch.rowCount; row++) {
      const n = batch.columns[0]?.values[row] as number
      if (batch.documents?.[row]?.['n'] !== n) throw new Error('a document stands beside the values of another row')
      rows.push(n)
    }
  }
  return rows
}

const rows = fc
  .array(fc.tuple(valueOrNull, fc.constantFrom(1, 2, 'x', null)), { maxLength: 40 })
  .map((all) => all.map(([one, two], n): Row => ({ n, a: one, b: two })))
const sizes = fc.array(fc.nat(7), { maxLength: 10 })

function compareNulls(left: Value, right: Value, { descending, nullsFirst }: SortKey): number {
  if (left === null || right === null) return left === right ? 0 : (left === null) === nullsFirst ? -1 : 1
  return descending ? compareValues(right, left) : compareValues(left, right)
}

test('filter keeps the rows for which the condition is true, in their order', (t) => {
  fc.assert(
    fc.property(rows, sizes, (all, pieces) => {
      const kept = all.filter((row) => (typeof row.a === 'number' || typeof row.a === 'bigint') && row.a >= 1).map((row) => row.n)
      t.deepEqual(rowsOf(filter(cut(all, pieces), aIsTrue, newExecution([]))), kept)
    })
  )
})

test('sort is the stable sort of all rows, NULLs where they belong, and with a count it is the beginning of that', (t) => {
  const key = fc.record({ column: fc.constantFrom(1, 2), descending: fc.boolean(), nullsFirst: fc.boolean() })
  fc.assert(
    fc.property(rows, sizes, fc.array(key, { minLength: 1, maxLength: 2 }), fc.nat(45), (all, pieces, keys, count) => {
      const expected = [...all].sort((left, right) => {
        for (const each of keys) {
          const order = each.column === 1 ? compareNulls(left.a, right.a, each) : compareNulls(left.b, right.b, each)
          if (order !== 0) return order
        }
        return 0
      })
      const numbers = expected.map((row) => row.n)
      t.deepEqual(rowsOf(sort(cut(all, pieces), keys, Number.POSITIVE_INFINITY, memory())), numbers)
      t.deepEqual(rowsOf(sort(cut(all, pieces), keys, count, memory())), numbers.slice(0, count))
    }),
    { numRuns: 300 }
  )
})

test('the first rows of many are the same as those of the full sort, in bounded memory', (t) => {
  const all = Array.from({ length: 30_000 }, (_, n): Row => ({ n, a: (n * 7919) % 1000, b: null }))
  const keys = [{ column: 1, descending: true, nullsFirst: true }]
  const pieces = Array.from({ length: 30 }, () => 1000)
  const some = memory()
  const first = rowsOf(sort(cut(all, pieces), keys, 25, some))
  t.deepEqual(first, rowsOf(sort(cut(all, pieces), keys, Number.POSITIVE_INFINITY, memory())).slice(0, 25))
  const whole = memory()
  rowsOf(sort(cut(all, pieces), keys, Number.POSITIVE_INFINITY, whole))
  t.true(some.peakBytes < whole.peakBytes / 3, `${some.peakBytes} of ${whole.peakBytes}`)
  t.deepEqual([some.bytes, whole.bytes], [0, 0])
})

test('distinct keeps the first of equal rows', (t) => {
  fc.assert(
    fc.property(rows, sizes, (all, pieces) => {
      const seen = new Set<string>()
      const kept = all.filter(({ a: value }) => !seen.has(identityOf(value)) && seen.add(identityOf(value)))
      const projected = project(cut(all, pieces), [a], 'drop', newExecution([]))
      const values = [...distinctRows(projected, 1, memory())].flatMap((batch) => [
        ...(batch.columns[0]?.values.slice(0, batch.rowCount) ?? [])
      ])
      t.deepEqual(
        values,
        kept.map((row) => row.a)
      )
    })
  )
})

test('slice gives the rows from offset on, count of them', (t) => {
  fc.assert(
    fc.property(rows, sizes, fc.nat(45), fc.nat(45), (all, pieces, offset, count) => {
      t.deepEqual(
        rowsOf(slice(cut(all, pieces), offset, count)),
        all.slice(offset, offset + count).map((row) => row.n)
      )
    })
  )
})

test('groups come in the order of their keys, NULL last, each with its rows', (t) => {
  fc.assert(
    fc.property(rows, sizes, (all, pieces) => {
      const columns = [{ name: 'count' as const, distinct: false, operand: null }]
      const found = [...aggregate(cut(all, pieces), [a], columns, newExecution([]), memory())].flatMap(
        ({ rowCount, columns: [keys, counts] }) =>
          Array.from({ length: rowCount }, (_, row) => [identityOf(keys?.values[row]), counts?.values[row]])
      )
      const key: SortKey = { column: 1, descending: false, nullsFirst: false }
      const counts = new Map<string, number>()
      for (const row of [...all].sort((left, right) => compareNulls(left.a, right.a, key))) {
        counts.set(identityOf(row.a), (counts.get(identityOf(row.a)) ?? 0) + 1)
      }
      t.deepEqual(found, [...counts])
    })
  )
})

test('more groups than fit one batch come in several', (t) => {
  const all = Array.from({ length: BATCH_ROWS_MAX * 2 + 5 }, (_, n): Row => ({ n, a: `k${n}`, b: null }))
  const batches = [...aggregate(cut(all, [1000, 1000, 1000]), [a], [], newExecution([]), memory())].filter((batch) => batch.rowCount > 0)
  t.deepEqual(
    batches.map((batch) => batch.rowCount),
    [BATCH_ROWS_MAX, BATCH_ROWS_MAX, 5]
  )
})

test('an operator that is left early lets go of what it reads, and slice pulls nothing after its last row', (t) => {
  const all = Array.from({ length: 30 }, (_, n): Row => ({ n, a: n, b: null }))
  const keys = [{ column: 1, descending: false, nullsFirst: false }]
  const execution = newExecution([])
  const operators: readonly ((batches: Iterable<Batch>) => Generator<Batch>)[] = [
    (batches) => filter(batches, aIsTrue, execution),
    (batches) => project(batches, [a], 'keep', execution),
    (batches) => slice(batches, 1, 20),
    (batches) => distinctRows(batches, 3, memory()),
    (batches) => sort(batches, keys, 5, memory()),
    (batches) => aggregate(batches, [a], [], execution, memory())
  ]
  for (const operator of operators) {
    const log: string[] = []
    const batches = operator(cut(all, [], log))
    batches.next()
    batches.return(undefined)
    t.deepEqual(log, ['batch', 'left'])
  }
  const log: string[] = []
  t.is(rowsOf(slice(cut(all, [], log), 1, 5)).length, 5)
  t.deepEqual(log, ['batch', 'batch', 'left'])
  const none: string[] = []
  t.deepEqual(rowsOf(slice(cut(all, [], none), 0, 0)), [])
  t.deepEqual(none, [])
})

test('what is kept over the bound of the query is LIMIT with its name', (t) => {
  const all = Array.from({ length: 3000 }, (_, n): Row => ({ n, a: `text ${n}`, b: null }))
  const keys = [{ column: 1, descending: false, nullsFirst: false }]
  const execution = newExecution([])
  const count = [{ name: 'count' as const, distinct: true, operand: a }]
  for (const operator of [
    () => sort(cut(all, []), keys, Number.POSITIVE_INFINITY, new QueryMemory(10_000)),
    () => aggregate(cut(all, []), [a], [], execution, new QueryMemory(10_000)),
    () => aggregate(cut(all, []), [], count, execution, new QueryMemory(10_000)),
    () => distinctRows(cut(all, []), 3, new QueryMemory(10_000))
  ]) {
    const error = t.throws(() => [...operator()], { code: 'DRIFT_LIMIT' }) as { details?: { name?: string; limit?: number } } | undefined
    t.is(error?.details?.name, 'queryBytesMax')
    t.is(error?.details?.limit, 10_000)
  }
})
