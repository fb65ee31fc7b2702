/**
 * FOR SYSTEM_TIME EACH with GROUP BY `_at` over version pages: all points in one pass. What pages cannot say exactly as the row engine
 * would is left to it.
 */
import { compareValues } from '../codec/value-order.js'
import { type Expression } from '../parser/ast.js'
import { type AggregateQuery, type PartialAggregates } from '../scan/aggregate-query.js'
import { finishPartials, mergePartials } from '../scan/finish-partials.js'
import { sweepAggregates } from '../scan/sweep-aggregates.js'
import { BATCH_ROWS_MAX, EMPTY_BATCH, vectorOf, type Batch } from './batch.js'
import { type Execution } from './evaluate.js'
import { some } from './expression-tree.js'
import { type Batches } from './operators.js'
import { aggregateQuery, type PagePlan, type QueryStats } from './page-select.js'
import { type QueryMemory } from './query-memory.js'
import { topField } from './scan-condition.js'
import { type SweepPoint } from './sweep-rows.js'
import { type TableSource } from './table-source.js'

/** The field that shows a row's point. */
const POINT = '_at'

/** Pages between two chances to look up: some milliseconds. */
const SLICES_PER_STEP = 48

type SweepRow = { readonly keys: readonly unknown[]; readonly values: readonly unknown[] }

/** The aggregates of the plan by point: by pages, or else `byRows`. */
export function* sweepByPages(
  plan: PagePlan,
  { source, table, points }: TableSource,
  byRows: Batches,
  execution: Execution,
  memory: QueryMemory,
  stats: QueryStats
): Batches {
  const asked = points === undefined || points.length === 0 ? undefined : sweepQuery(plan, execution)
  const pages = asked === undefined ? undefined : source.pages?.(table)
  if (points === undefined || asked === undefined || pages === undefined) {
    yield* byRows
    return
  }
  const { query, pointKey } = asked
  const seqs = distinctSeqs(points)
  let found: readonly PartialAggregates[] | undefined
  try {
    const slices = pages.slices(seqs)
    for (let from = 0; from === 0 || from < slices.length; from += SLICES_PER_STEP) {
      const some = slices.slice(from, from + SLICES_PER_STEP)
      const part = sweepAggregates(pages.table, some, seqs, query)
      if (part === undefined) {
        found = undefined
        break
      }
      for (const { page } of some) stats.rowsScanned += page.rowCount
      const before = found
      found =
        before === undefined ? part : part.map((partial, point) => mergePartials(query, [before[point] as PartialAggregates, partial]))
      yield EMPTY_BATCH
    }
  } finally {
    pages.release()
  }
  const rows = found === undefined ? undefined : rowsOf(query, found, seqs, points, pointKey)
  if (rows === undefined) {
    yield* byRows
    return
  }
  byRows.return()
  memory.take(rows.length * (64 + 16 * query.aggregates.length))
  yield* batchesOf(rows, query.groupBy.length + 1, query.aggregates.length - 1)
}

/** `pointKey`: which of the keys is the point. */
type SweepQuery = { readonly query: AggregateQuery; readonly pointKey: number }

/** Undefined unless it groups by the point, and by one field at most; the last aggregate tells where there are no rows. */
function sweepQuery(plan: PagePlan, execution: Execution): SweepQuery | undefined {
  const { group, where, access } = plan
  if (group === undefined || access.kind === 'keys') return undefined
  const pointKeys = group.keyExpressions.filter((expression) => topField(expression) === POINT)
  if (pointKeys.length !== 1) return undefined
  // As a field of documents it has no meaning here.
  const isNamed = (expression: Expression | null | undefined): boolean =>
    expression !== null && expression !== undefined && some(expression, (each) => each.kind === 'field' && String(each.path[0]) === POINT)
  if (isNamed(where?.expression) || group.aggregates.some(({ operand }) => isNamed(operand))) return undefined
  const fields = group.keyExpressions.filter((expression) => topField(expression) !== POINT)
  const query = aggregateQuery({ ...plan, group: { ...group, keyExpressions: fields } }, execution)
  if (query === undefined) return undefined
  const pointKey = group.keyExpressions.findIndex((expression) => topField(expression) === POINT)
  return { query: { ...query, aggregates: [...query.aggregates, { name: 'count', field: null }] }, pointKey }
}

/** Several points may mean the same commit. */
function distinctSeqs(points: readonly SweepPoint[]): number[] {
  const seqs: number[] = []
  for (const { seq } of points) if (seqs.at(-1) !== seq) seqs.push(seq)
  return seqs
}

function rowsOf(
  query: AggregateQuery,
  partials: readonly PartialAggregates[],
  seqs: readonly number[],
  points: readonly SweepPoint[],
  pointKey: number
): readonly SweepRow[] | undefined {
  const bySeq = new Map<number, readonly SweepRow[]>()
  for (const [index, partial] of partials.entries()) {
    const rows = finishPartials(query, [partial])
    if (rows === undefined) return undefined
    bySeq.set(
      seqs[index] as number,
      rows.filter(({ values }) => values.at(-1) !== 0)
    )
  }
  const rows = points.flatMap(({ at, seq }) =>
    (bySeq.get(seq) ?? []).map(({ keys, values }): SweepRow => ({ keys: keys.toSpliced(pointKey, 0, at as never), values }))
  )
  // By point they are in order already.
  return pointKey === 0 ? rows : rows.sort(({ keys: [left] }, { keys: [right] }) => compareKeys(left, right))
}

/** NULL comes last. */
function compareKeys(left: unknown, right: unknown): number {
  return left === null || right === null ? Number(left === null) - Number(right === null) : compareValues(left, right)
}

function* batchesOf(rows: readonly SweepRow[], keyCount: number, aggregateCount: number): Generator<Batch, void> {
  for (let from = 0; from < rows.length; from += BATCH_ROWS_MAX) {
    const some = rows.slice(from, from + BATCH_ROWS_MAX)
    yield {
      rowCount: some.length,
      columns: [
        ...Array.from({ length: keyCount }, (_, index) => vectorOf(some.map(({ keys }) => keys[index]))),
        ...Array.from({ length: aggregateCount }, (_, index) => vectorOf(some.map(({ values }) => values[index])))
      ]
    }
  }
}
