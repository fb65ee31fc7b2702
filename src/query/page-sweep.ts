/**
 * FOR SYSTEM_TIME EACH with GROUP BY `_at` over version pages: all points in one pass. What pages cannot say exactly as the row engine
 * would is left to it.
 */
import { compareValues } from '../codec/value-order.js'
import { type Tile } from '../page/page-directory.js'
import { type Expression } from '../parser/ast.js'
import { type AggregateQuery, type PartialAggregates } from '../scan/aggregate-query.js'
import { type FragmentRunner, type SweepFragment } from '../scan/fragment.js'
import { aggregateTiles } from '../scan/aggregate-tiles.js'
import { finishPartials, mergePartials } from '../scan/finish-partials.js'
import { type PagesAtSeq } from '../scan/scan-table.js'
import { sweepAggregates } from '../scan/sweep-aggregates.js'
import { BATCH_ROWS_MAX, EMPTY_BATCH, vectorOf, type Batch } from './batch.js'
import { type Execution } from './evaluate.js'
import { some } from './expression-tree.js'
import { type Batches } from './operators.js'
import { aggregateQuery, rowsIn, runSteps, type PagePlan, type QueryStats } from './page-select.js'
import { type QueryMemory } from './query-memory.js'
import { topField } from './scan-condition.js'
import { type SweepPoint } from './sweep-rows.js'
import { type TableSource } from './table-source.js'

/** The field that shows a row's point. */
const POINT = '_at'

/** Of a sweep over some dozen points. */
const NS_PER_ROW = 6

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
    const tiles = pages.sweepTiles(seqs)
    const runner = source.fragments
    const isShared = runner !== undefined && tiles.length > 1 && runner.worthwhile(rowsIn(tiles), NS_PER_ROW)
    found = isShared
      ? yield* sharedSweep(runner, pages, tiles, { kind: 'sweep', query, points: seqs }, stats)
      : yield* sweepHere(pages, seqs, query, stats)
    found ??= yield* pointByPoint(pages, seqs, query, memory, stats)
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

function* sharedSweep(
  runner: FragmentRunner,
  pages: PagesAtSeq,
  tiles: readonly Tile[],
  fragment: SweepFragment,
  stats: QueryStats
): Generator<Batch, readonly PartialAggregates[] | undefined, void> {
  let found: readonly PartialAggregates[] | undefined
  for (const part of yield* runSteps(runner.begin(pages, tiles, fragment), stats)) {
    if (part === undefined) return undefined
    found = merged(fragment.query, found, part)
  }
  return found
}

function* sweepHere(
  pages: PagesAtSeq,
  seqs: readonly number[],
  query: AggregateQuery,
  stats: QueryStats
): Generator<Batch, readonly PartialAggregates[] | undefined, void> {
  const slices = pages.slices(seqs)
  let found: readonly PartialAggregates[] | undefined
  for (let from = 0; from === 0 || from < slices.length; from += SLICES_PER_STEP) {
    const some = slices.slice(from, from + SLICES_PER_STEP)
    const part = sweepAggregates(pages.table, some, seqs, query)
    if (part === undefined) return undefined
    for (const { page } of some) stats.rowsScanned += page.rowCount
    found = merged(query, found, part)
    yield EMPTY_BATCH
  }
  return found
}

/** What one pass cannot serve: two columns of groups, MIN and MAX, a key as group. Undefined where its groups have no room. */
function* pointByPoint(
  pages: PagesAtSeq,
  seqs: readonly number[],
  query: AggregateQuery,
  memory: QueryMemory,
  stats: QueryStats
): Generator<Batch, readonly PartialAggregates[] | undefined, void> {
  const found: PartialAggregates[] = []
  let kept = 0
  let isFull = false
  const keep = (bytes: number): void => {
    isFull ||= memory.isFull(kept, bytes)
    kept += bytes
    memory.take(bytes)
  }
  for (const seq of seqs) {
    const steps = aggregateTiles({ table: pages.table, S: seq }, pages.tilesOf(seq), query, { isBounded: false, keep })
    for (;;) {
      const step = steps.next()
      if (step.done === true) {
        found.push(step.value)
        break
      }
      stats.rowsScanned += step.value
      yield EMPTY_BATCH
    }
    if (!isFull) continue
    memory.free(kept)
    return undefined
  }
  return found
}

function merged(
  query: AggregateQuery,
  before: readonly PartialAggregates[] | undefined,
  part: readonly PartialAggregates[]
): readonly PartialAggregates[] {
  return before === undefined ? part : part.map((partial, point) => mergePartials(query, [before[point] as PartialAggregates, partial]))
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
