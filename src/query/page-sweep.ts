/**
 * FOR SYSTEM_TIME EACH with GROUP BY `_at` over version pages: all points in one pass. What pages cannot say exactly as the row engine
 * would is left to it.
 */
import { type Tile } from '../page/page-directory.js'
import { type AggregateQuery, type PartialAggregates } from '../scan/aggregate-query.js'
import { type FragmentRunner, type SweepFragment } from '../scan/fragment.js'
import { aggregateTiles } from '../scan/aggregate-tiles.js'
import { finishPartials, mergePartials } from '../scan/finish-partials.js'
import { type PagesAtSeq } from '../scan/scan-table.js'
import { sweepAggregates } from '../scan/sweep-aggregates.js'
import { slicesOfSweep, type SweepSlice } from '../scan/sweep-pages.js'
import { EMPTY_BATCH, type Batch } from './batch.js'
import { type Execution } from './evaluate.js'
import { type Batches } from './operators.js'
import { groupBatches, type GroupRow, partialSteps, runSteps, withinMemory, worthwhileRunner } from './page-groups.js'
import { aggregateQuery, namesField, type PagePlan } from './page-select.js'
import { type QueryMemory } from './query-memory.js'
import { type QueryStats } from './query-stats.js'
import { compareByKey, type SortKey } from './row-order.js'
import { topField } from './scan-condition.js'
import { type SweepPoint } from './sweep-rows.js'
import { type TableSource } from './table-source.js'

/** The field that shows a row's point. */
const POINT = '_at'

/** Of a sweep over some dozen points. */
const NS_PER_ROW = 6

/** Pages between two chances to look up: some milliseconds. */
const SLICES_PER_STEP = 48

/** NULL comes last. */
const BY_FIRST_KEY: SortKey = { column: 0, descending: false, nullsFirst: false }

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
    const runner = worthwhileRunner(source, tiles, NS_PER_ROW)
    found =
      runner === undefined
        ? yield* sweepHere(pages, seqs, query, stats)
        : yield* sharedSweep(runner, pages, tiles, { kind: 'sweep', query, points: seqs }, stats)
    found ??= yield* withinMemory(memory, (keep) => pointByPoint(pages, seqs, query, keep, stats))
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
  yield* groupBatches(rows, query.groupBy.length + 1, query.aggregates.length - 1)
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
  const tiles = pages.sweepTiles(seqs)
  let found: readonly PartialAggregates[] | undefined
  let from = 0
  do {
    const slices: SweepSlice[] = []
    const first = from
    for (; from < tiles.length && slices.length < SLICES_PER_STEP; from++) slices.push(...slicesOfSweep(tiles[from] as Tile))
    const part = sweepAggregates(pages.table, slices, seqs, query)
    if (part === undefined) return undefined
    for (const { page } of slices) stats.rowsScanned += page.rowCount
    for (const tile of tiles.slice(first, from)) tile.letGo?.()
    found = merged(query, found, part)
    yield EMPTY_BATCH
  } while (from < tiles.length)
  return found
}

/** What one pass cannot serve: two columns of groups, MIN and MAX, a key as group. */
function* pointByPoint(
  pages: PagesAtSeq,
  seqs: readonly number[],
  query: AggregateQuery,
  keep: (bytes: number) => void,
  stats: QueryStats
): Generator<Batch, readonly PartialAggregates[], void> {
  const found: PartialAggregates[] = []
  for (const seq of seqs) {
    const partials = aggregateTiles({ table: pages.table, S: seq }, pages.tilesOf(seq), query, { isBounded: false, keep })
    found.push(yield* partialSteps(partials, stats))
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

/** Undefined unless it groups by the point; the last aggregate tells where there are no rows. */
function sweepQuery(plan: PagePlan, execution: Execution): SweepQuery | undefined {
  const { group, access } = plan
  if (group === undefined || access.kind === 'keys') return undefined
  const pointKeys = group.keyExpressions.filter((expression) => topField(expression) === POINT)
  if (pointKeys.length !== 1) return undefined
  const fields = group.keyExpressions.filter((expression) => topField(expression) !== POINT)
  const byFields: PagePlan = { ...plan, group: { ...group, keyExpressions: fields } }
  // As a field of documents it has no meaning here.
  const query = namesField(byFields, (name) => name === POINT) ? undefined : aggregateQuery(byFields, execution)
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
): readonly GroupRow[] | undefined {
  const bySeq = new Map<number, readonly GroupRow[]>()
  for (const [index, partial] of partials.entries()) {
    const rows = finishPartials(query, [partial])
    if (rows === undefined) return undefined
    bySeq.set(
      seqs[index] as number,
      rows.filter(({ values }) => values.at(-1) !== 0)
    )
  }
  const rows = points.flatMap(({ at, seq }) =>
    (bySeq.get(seq) ?? []).map(({ keys, values }): GroupRow => ({ keys: keys.toSpliced(pointKey, 0, at as never), values }))
  )
  // By point they are in order already.
  return pointKey === 0 ? rows : rows.sort(({ keys: [left] }, { keys: [right] }) => compareByKey(left, right, BY_FIRST_KEY))
}
