/**
 * FOR SYSTEM_TIME FROM, BETWEEN and ALL over version pages: rows and aggregates of each version once. What pages cannot say exactly as the
 * row engine would is left to it.
 */
import { type AggregateQuery, type PartialAggregates } from '../scan/aggregate-query.js'
import { aggregateTiles } from '../scan/aggregate-tiles.js'
import { finishPartials } from '../scan/finish-partials.js'
import { canOrder, orderedVersions } from '../scan/ordered-versions.js'
import { endedSlicesOf } from '../scan/page-slice.js'
import { type PagesAtSeq } from '../scan/scan-table.js'
import { BATCH_ROWS_MAX, EMPTY_BATCH, FIRST_BATCH_ROWS, type Batch } from '../expression/batch.js'
import { type Execution } from '../expression/evaluate.js'
import { findAccess } from '../planner/key-access.js'
import { boundsOf, isBounded, pagesForRange } from './key-bounds.js'
import { type Batches } from './operators.js'
import { groupBatches, partialSteps, withinMemory } from './page-groups.js'
import { aggregateQuery, namesField, type PagePlan } from './page-select.js'
import { type QueryMemory } from './query-memory.js'
import { type KeyRange } from '../relation/query-source.js'
import { type QueryStats } from './query-stats.js'
import { type TableScan } from '../planner/source-plan.js'
import { type TableSource } from '../relation/table-source.js'
import { toldByPages, VersionBatches } from './version-batches.js'
import { isOfVersion } from '../relation/version-rows.js'

/** The aggregates of the plan over versions: by pages, or else `byRows`. */
export function* versionsByPages(
  plan: PagePlan,
  table: TableSource,
  byRows: Batches,
  execution: Execution,
  memory: QueryMemory,
  stats: QueryStats
): Batches {
  const access = findAccess(plan.access, execution, false)
  const query = namesField(plan, isOfVersion) ? undefined : aggregateQuery(plan, execution)
  const pages = query === undefined || access.kind !== 'range' ? undefined : pagesOf(table, access.range)
  if (query === undefined || access.kind !== 'range' || pages === undefined || table.window === undefined) {
    yield* byRows
    return
  }
  let rows: ReturnType<typeof finishPartials>
  try {
    const { window } = table
    const { range } = access
    const partials = yield* withinMemory(memory, (keep) => partialsOf(partsOf(pages, query, range, window, keep), stats))
    rows = partials === undefined ? undefined : finishPartials(query, partials)
  } finally {
    pages.release()
  }
  if (rows === undefined) {
    yield* byRows
    return
  }
  byRows.return()
  yield* groupBatches(rows)
}

function* partialsOf(parts: readonly Part[], stats: QueryStats): Generator<Batch, readonly PartialAggregates[], void> {
  const partials: PartialAggregates[] = []
  for (const part of parts) partials.push(yield* partialSteps(part, stats))
  return partials
}

/** Rows in key order; false where they must be read another way, or are no versions. */
export function* versionRowsByPages(
  scan: TableScan,
  table: TableSource,
  range: KeyRange,
  wanted: number,
  scanned: (rows: number) => void
): Generator<Batch, boolean, void> {
  const pages = toldByPages(scan) ? pagesOf(table, range) : undefined
  if (pages === undefined || table.window === undefined) return false
  const { after, through } = table.window
  const batches = new VersionBatches(pages, scan, (seq) => table.source.commitEnd(seq))
  const isWhole = wanted === Number.POSITIVE_INFINITY
  let rowsMax = isWhole ? BATCH_ROWS_MAX : FIRST_BATCH_ROWS / 2
  const grow = (): number => (rowsMax = isWhole ? BATCH_ROWS_MAX : Math.min(BATCH_ROWS_MAX, rowsMax * 2))
  try {
    const { reverse } = scan
    const ends = scan.fields.some(([name]) => String(name).startsWith('_to')) ? 'all' : 'in-window'
    const options = { bounds: boundsOf(range), reverse, ends, looked: scanned } as const
    const window = { after, last: Math.min(pages.S, through) }
    if (!canOrder(pages, window, options.bounds)) return false
    for (const versions of orderedVersions(pages, window, options)) {
      if (versions.count === 0) yield EMPTY_BATCH
      yield* batches.of(versions, grow)
    }
    return true
  } finally {
    pages.release()
  }
}

type Part = Generator<number, PartialAggregates>

/**
 * A version is counted in the page in which it ends, which is one only; those that end behind the window are what is visible at its last
 * point.
 */
function partsOf(
  pages: PagesAtSeq,
  query: AggregateQuery,
  range: KeyRange,
  { after, through }: { readonly after: number; readonly through: number },
  keep: (bytes: number) => void
): readonly Part[] {
  const { table, S } = pages
  const bounds = boundsOf(range)
  const last = Math.min(S, through)
  const options = { isBounded: isBounded(bounds), keep }
  const visible = aggregateTiles({ table, S: last }, pages.tilesOf(last, bounds), query, options)
  if (last === after) return [visible]
  const slices = (tile: Parameters<typeof endedSlicesOf>[3]) => endedSlicesOf(table, after, last, tile, options.isBounded)
  const tiles = pages.tilesBetween(after + 1, last, bounds).flatMap((ofRange) => ofRange.tiles)
  const ended = aggregateTiles({ table, S: last }, tiles, query, { ...options, slices })
  return [visible, ended]
}

/** Where there can be versions, and the range is worth them. */
function pagesOf({ window, source, table }: TableSource, range: KeyRange): PagesAtSeq | undefined {
  if (window === undefined || window.through < 0 || Math.min(window.through, source.seq) < window.after) return undefined
  return pagesForRange(source, table, range)
}
