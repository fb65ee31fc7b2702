/** A sweep over many points says at each of them what a query there says. */
import test from 'ava'
import fc from 'fast-check'
import { inspect, isDeepStrictEqual } from 'node:util'
import { type AggregateQuery, type ScanAggregate } from '../../src/scan/aggregate-query.js'
import { type PagesAtSeq } from '../../src/scan/scan-table.js'
import { SweepAggregates } from '../../src/scan/sweep-aggregates.js'
import { slicesOfSweep, type SweepSlice } from '../../src/scan/sweep-pages.js'
import { history, parts, tableOf } from './_events.js'
import { rowsAtPoint } from './_groups.js'
import { answerOf, kinds, ScannedTable } from './_source.js'

const RUNS = process.env['FULL'] === '1' ? 1500 : 60

const field = fc.constantFrom('a', 'b', 'c', 'd', 'größe/€', '7', 'nothing')
const aggregate: fc.Arbitrary<ScanAggregate> = fc.oneof(
  fc.constant<ScanAggregate>({ name: 'count', field: null }),
  fc.record({ name: fc.constantFrom('count' as const, 'sum' as const, 'avg' as const), field })
)
const query: fc.Arbitrary<AggregateQuery> = fc.record({
  where: fc.option(
    fc.record({
      kind: fc.constant('compare' as const),
      field,
      operator: fc.constantFrom('<' as const, '<>' as const),
      value: fc.constantFrom(5, 'new')
    }),
    { nil: undefined }
  ),
  groupBy: fc.uniqueArray(field, { maxLength: 2 }),
  aggregates: fc.array(aggregate, { minLength: 1, maxLength: 3 })
})

/** The answer at one point, by the row engine. */
function expectedAt(table: ScannedTable, S: number, { where, groupBy, aggregates }: AggregateQuery): unknown {
  const items = aggregates.map(({ name, field: of }, index) => `${name}(${of === null ? '*' : `\`${of}\``}) AS x${index}`)
  const condition = where?.kind === 'compare' ? ` WHERE \`${where.field}\` ${where.operator} $1` : ''
  const keys = groupBy.map((name) => `\`${name}\``)
  const text = `SELECT ${[...keys.map((name, index) => `${name} AS k${index}`), ...items].join(', ')} FROM t${condition}`
  return answerOf(
    `${text}${keys.length === 0 ? '' : ` GROUP BY ${keys.join(', ')}`}`,
    where?.kind === 'compare' ? [where.value] : [],
    table.sourceAt(S)
  )
}

function swept({ table }: PagesAtSeq, slices: readonly SweepSlice[], points: readonly number[], asked: AggregateQuery) {
  const sweep = SweepAggregates.of(table, points, asked)
  try {
    return sweep !== undefined && sweep.add(slices) ? sweep.partials() : undefined
  } finally {
    sweep?.release()
  }
}

function checkSweep(table: ScannedTable, kind: number, points: readonly number[], asked: AggregateQuery): 'swept' | 'not served' {
  const pages = table.pagesAt(kind, table.model.seq)
  const slices = pages.sweepTiles(points).flatMap(slicesOfSweep)
  const half = slices.length >> 1
  // As two threads would do it.
  const first = swept(pages, slices.slice(0, half), points, asked)
  const second = swept(pages, slices.slice(half), points, asked)
  pages.release()
  if (first === undefined || second === undefined) return 'not served'
  const partials = structuredClone([first, second])
  points.forEach((S) => {
    const rows = rowsAtPoint(asked, partials, S)
    // What pages cannot tell is asked of rows.
    if (rows === undefined) return
    const found = rows.map(({ keys, values }) =>
      Object.fromEntries([...keys.map((key, at) => [`k${at}`, key] as const), ...values.map((value, at) => [`x${at}`, value] as const)])
    )
    const expected = expectedAt(table, S, asked)
    if (!isDeepStrictEqual(found, expected)) {
      throw new Error(`${inspect(asked, { depth: 5 })} at ${S} of ${points.join(' ')}: ${inspect(found)}, not ${inspect(expected)}`)
    }
  })
  return 'swept'
}

test('random sweeps say at each point what a query there says', (t) => {
  let swept = 0
  fc.assert(
    fc.property(history, parts(12), fc.array(query, { minLength: 2, maxLength: 6 }), (events, some, queries) => {
      const table = tableOf(events)
      const points = [...new Set(some.map((part) => Math.floor(part * table.model.seq)))].toSorted((one, other) => one - other)
      for (const asked of queries) {
        kinds.forEach((_, kind) => {
          if (checkSweep(table, kind, points, asked) === 'swept') swept++
        })
      }
    }),
    { numRuns: RUNS }
  )
  t.true(swept > RUNS, `${swept} sweeps were served`)
})

test('a table of plain orders is swept, by groups and in all, however many the points', (t) => {
  const table = new ScannedTable({ pageRows: 64 })
  const { model } = table
  for (let number = 0; number < 900; number++) {
    const row = model.rowOf(`k${number % 120}`)
    const state = ['new', 'paid', 'shipped'][(number * 7) % 3] as string
    if (model.documentOf(row) === undefined)
      model.insert({ id: `k${number % 120}`, state, area: `a${number % 11}`, cents: number * 31, part: number / 7 })
    else if (number % 50 === 0) model.delete(row)
    else model.patch(row, { state, cents: number * 17, part: number / 3 })
  }
  const aggregates: ScanAggregate[] = [
    { name: 'count', field: null },
    { name: 'sum', field: 'cents' },
    { name: 'avg', field: 'cents' }
  ]
  const points = Array.from({ length: 300 }, (_, index) => index * 3)
  kinds.forEach((_, kind) => {
    t.is(checkSweep(table, kind, points, { groupBy: [], aggregates }), 'swept')
    t.is(checkSweep(table, kind, points, { groupBy: ['state'], aggregates }), 'swept')
    t.is(checkSweep(table, kind, points.slice(0, 40), { groupBy: ['state'], aggregates: [{ name: 'sum', field: 'part' }] }), 'swept')
    t.is(checkSweep(table, kind, points, { groupBy: ['state', 'area'], aggregates }), 'swept')
    t.is(
      checkSweep(table, kind, points.slice(0, 40), { groupBy: ['area', 'state'], aggregates: [{ name: 'sum', field: 'part' }] }),
      'swept'
    )
    // Cells of exact sums take so much that the points are done in parts.
    t.is(checkSweep(table, kind, points, { groupBy: ['state'], aggregates: [{ name: 'sum', field: 'part' }] }), 'swept')
  })
})
