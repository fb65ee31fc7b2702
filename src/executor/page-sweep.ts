/**
 * FOR SYSTEM_TIME EACH with GROUP BY `_at` over version pages: all points in one pass. What pages cannot say exactly as the row engine
 * would is left to it.
 */
import { type Value } from '../codec/value.js'
import { type Tile } from '../page/page-directory.js'
import { type AggregateQuery, type PartialAggregates } from '../scan/aggregate-query.js'
import { type FragmentRunner, type SweepFragment } from '../scan/fragment.js'
import { aggregateTiles } from '../scan/aggregate-tiles.js'
import { finishPartials, type GroupColumns } from '../scan/finish-partials.js'
import { type PagesAtSeq } from '../scan/scan-table.js'
import { SweepAggregates } from '../scan/sweep-aggregates.js'
import { sweepQuery as bySeq } from '../scan/sweep-cells.js'
import { countBelow } from '../kernel/sweep-plan.js'
import { slicesOfSweep } from '../scan/sweep-pages.js'
import { EMPTY_BATCH, type Batch } from '../expression/batch.js'
import { type Execution } from '../expression/evaluate.js'
import { type Batches } from './operators.js'
import { groupBatches, partialSteps, ROWS_PER_LOOK, runSteps, withinMemory, worthwhileRunner } from './page-groups.js'
import { aggregateQuery, namesField, type PagePlan } from './page-select.js'
import { type QueryMemory } from './query-memory.js'
import { type QueryStats } from './query-stats.js'
import { compareByKey, type SortKey } from '../expression/row-order.js'
import { topField } from '../planner/scan-condition.js'
import { type SweepPoint } from '../relation/sweep-rows.js'
import { type TableSource } from '../relation/table-source.js'

/** The field that shows a row's point. */
const POINT = '_at'

/** Of a sweep over some dozen points. */
const NS_PER_ROW = 2.5

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
  let columns: GroupColumns | undefined
  try {
    const tiles = byWindow(pages.sweepTiles(seqs), seqs)
    const runner = worthwhileRunner(source, tiles, NS_PER_ROW)
    let found =
      runner === undefined
        ? yield* sweepHere(pages, tiles, { query, points: seqs }, stats)
        : yield* sharedSweep(runner, pages, tiles, { kind: 'sweep', query, points: seqs }, stats)
    found ??= yield* withinMemory(memory, (keep) => pointByPoint(pages, seqs, query, keep, stats))
    columns = found === undefined ? undefined : finishPartials(bySeq(query), found)
  } finally {
    pages.release()
  }
  if (columns === undefined) {
    yield* byRows
    return
  }
  byRows.return()
  memory.take(columns.count * (64 + 16 * query.aggregates.length))
  yield* groupBatches(atPoints(columns, points, pointKey), query.aggregates.length - 1)
}

function* sharedSweep(
  runner: FragmentRunner,
  pages: PagesAtSeq,
  tiles: readonly Tile[],
  fragment: SweepFragment,
  stats: QueryStats
): Generator<Batch, readonly PartialAggregates[] | undefined, void> {
  const found = yield* runSteps(runner.begin(pages, tiles, fragment), stats)
  return found.every((partial) => partial !== undefined) ? found : undefined
}

/** What is seen from the same points comes together: packed cells have to be unpacked between. */
function byWindow(tiles: readonly Tile[], points: readonly number[]): Tile[] {
  const placed = tiles.map((tile) => ({ tile, first: countBelow(points, tile.t0), end: countBelow(points, tile.t1) }))
  return placed.sort((one, other) => one.first - other.first || one.end - other.end).map(({ tile }) => tile)
}

/** A few tiles a step: a chance to look up. */
function* sweepHere(
  pages: PagesAtSeq,
  tiles: readonly Tile[],
  { query, points }: Pick<SweepFragment, 'query' | 'points'>,
  stats: QueryStats
): Generator<Batch, readonly PartialAggregates[] | undefined, void> {
  const sweep = SweepAggregates.of(pages.table, points, query)
  if (sweep === undefined) return undefined
  let rows = 0
  try {
    for (const tile of tiles) {
      const slices = slicesOfSweep(tile)
      if (!sweep.add(slices)) return undefined
      for (const { page } of slices) rows += page.rowCount
      tile.letGo?.()
      if (rows < ROWS_PER_LOOK) continue
      stats.rowsScanned += rows
      rows = 0
      yield EMPTY_BATCH
    }
    stats.rowsScanned += rows
    return [sweep.partials()]
  } finally {
    sweep.release()
  }
}

/** What one pass cannot serve: more than two columns of groups, MIN and MAX, a key as group. */
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
    const partial = yield* partialSteps(partials, stats)
    found.push({ ...partial, keys: [{ values: [seq], numbers: new Int32Array(partial.groupCount) }, ...partial.keys] })
  }
  return found
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

/**
 * The groups of each point, those without rows left out, with the point as the key that it is. Several points may mean the same commit, and
 * have the same groups.
 */
function atPoints(
  { count, keys: [seqs = [], ...keys], values }: GroupColumns,
  points: readonly SweepPoint[],
  pointKey: number
): GroupColumns {
  const rowCounts = values.at(-1) as readonly unknown[]
  const order: number[] = []
  const at: unknown[] = []
  let first = 0
  for (const point of points) {
    while (first < count && (seqs[first] as number) < point.seq) first++
    for (let group = first; group < count && seqs[group] === point.seq; group++) {
      if (rowCounts[group] === 0) continue
      order.push(group)
      at.push(point.at)
    }
  }
  // As a rule each group comes once: they are in order as they are.
  const isAll = order.length === count && order.every((group, index) => group === index)
  const inOrder = (column: readonly unknown[]) => (isAll ? column : order.map((group) => column[group]))
  const columns = {
    count: order.length,
    keys: keys.map(inOrder).toSpliced(pointKey, 0, at) as Value[][],
    values: values.map(inOrder)
  }
  // By point they are in order already.
  return pointKey === 0 ? columns : byFirstKey(columns)
}

function byFirstKey({ count, keys, values }: GroupColumns): GroupColumns {
  const first = keys[0] as readonly Value[]
  const order = Array.from({ length: count }, (_, group) => group).sort((one, other) =>
    compareByKey(first[one] as Value, first[other] as Value, BY_FIRST_KEY)
  )
  const inOrder = <Item>(column: readonly Item[]) => order.map((group) => column[group] as Item)
  return { count, keys: keys.map(inOrder), values: values.map(inOrder) }
}
