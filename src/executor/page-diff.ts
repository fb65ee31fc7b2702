/**
 * DIFF over version pages: its rows as columns, of which only those are made that are named, and counts of its kinds. What pages do not
 * have is left to the row engine.
 */
import { type PagesAtSeq } from '../scan/scan-table.js'
import { changedTiles } from '../scan/changed-tiles.js'
import { changesFragment, countChanges, diffPages, isBounded, sumOfChanges } from '../scan/diff-pages.js'
import { type ChangeCounts } from '../scan/fragment.js'
import { BATCH_ROWS_MAX, EMPTY_BATCH, FIRST_BATCH_ROWS, vectorOf, type Batch } from '../expression/batch.js'
import { ChangeBatches } from './change-batches.js'
import { type Execution } from '../expression/evaluate.js'
import { findAccess } from '../planner/key-access.js'
import { type KeyBounds } from '../page/page-directory.js'
import { boundsOf, pagesForRange } from './key-bounds.js'
import { type Batches } from './operators.js'
import { partialSteps, runSteps, worthwhileRunner } from './page-groups.js'
import { type PagePlan } from './page-select.js'
import { type KeyRange, type QuerySource } from '../relation/query-source.js'
import { type QueryStats } from './query-stats.js'
import { topField } from '../planner/scan-condition.js'
import { type TableScan } from '../planner/source-plan.js'
import { type TableSource } from '../relation/table-source.js'

/** Of a difference: half of it for the pairs that are compared. */
const NS_PER_ROW = 6

/** In the order of their names, which is that of groups. */
const KINDS = ['delete', 'insert', 'update'] as const

/** Never NULL in a row of a difference. */
const ALWAYS_THERE: ReadonlySet<string> = new Set(['_key', '_change', '_seq', 'changed'])

/** The rows of a range in key order; false where they must be read another way, or are no difference. */
export function* diffByPages(
  scan: TableScan,
  table: TableSource,
  range: KeyRange,
  wanted: number,
  scanned: (rows: number) => void
): Generator<Batch, boolean, void> {
  const pages = pagesOf(table, range)
  if (pages === undefined || table.between === undefined) return false
  const { from, to } = table.between
  const maker = new ChangeBatches(pages.table, scan, from > to)
  let rowsMax = wanted === Number.POSITIVE_INFINITY ? BATCH_ROWS_MAX : FIRST_BATCH_ROWS
  try {
    const options = { bounds: boundsOf(range), reverse: scan.reverse, looked: scanned }
    for (const changes of diffPages(pages, Math.min(from, to), maker.wanted, options)) {
      if (changes.count === 0) {
        yield EMPTY_BATCH
        continue
      }
      maker.begin(changes)
      for (let left = changes.count; left > 0;) {
        const rowCount = Math.min(left, rowsMax)
        yield maker.next(rowCount)
        left -= rowCount
        rowsMax = Math.min(BATCH_ROWS_MAX, rowsMax * 2)
      }
    }
    return true
  } finally {
    pages.release()
  }
}

/** The aggregates of the plan, where it counts changes, all or of each kind: by pages, or else `byRows`. */
export function* countDiffByPages(plan: PagePlan, table: TableSource, byRows: Batches, execution: Execution, stats: QueryStats): Batches {
  const access = findAccess(plan.access, execution, false)
  const pages = countsOnly(plan) && access.kind === 'range' ? pagesOf(table, access.range) : undefined
  if (pages === undefined || access.kind !== 'range' || table.between === undefined) {
    yield* byRows
    return
  }
  byRows.return()
  const { from, to } = table.between
  const { keyExpressions = [], columns = [] } = plan.group ?? {}
  try {
    const { inserts, updates, deletes } = yield* countsOf(table.source, pages, Math.min(from, to), boundsOf(access.range), stats)
    const counts = { insert: from > to ? deletes : inserts, update: updates, delete: from > to ? inserts : deletes }
    const kinds = KINDS.filter((kind) => counts[kind] > 0)
    const values = keyExpressions.length === 0 ? [inserts + updates + deletes] : kinds.map((kind) => counts[kind])
    if (values.length > 0) {
      yield { rowCount: values.length, columns: [...keyExpressions.map(() => vectorOf(kinds)), ...columns.map(() => vectorOf(values))] }
    }
  } finally {
    pages.release()
  }
}

/** Counted by all threads where that is worth it. */
function* countsOf(
  source: QuerySource,
  pages: PagesAtSeq,
  earlier: number,
  bounds: KeyBounds,
  stats: QueryStats
): Generator<Batch, ChangeCounts, void> {
  const changed = changedTiles(pages, earlier, bounds)
  const window = { S: pages.S, earlier, isBounded: isBounded(bounds) }
  const { fragment, tiles } = changesFragment(changed, window)
  const runner = worthwhileRunner(source, tiles, NS_PER_ROW)
  if (runner === undefined) return yield* partialSteps(countChanges(pages.table, changed, window), stats)
  return sumOfChanges(yield* runSteps(runner.begin(pages, tiles, fragment), stats))
}

/** COUNT of all changes, grouped by their kind or not. */
function countsOnly({ where, group }: PagePlan): boolean {
  if (where !== undefined || group === undefined) return false
  const isCount = group.aggregates.every(({ name, distinct, operand }) => {
    const field = operand === null ? null : topField(operand)
    return name === 'count' && !distinct && (field === null || (field !== undefined && ALWAYS_THERE.has(field)))
  })
  return isCount && group.keyExpressions.every((expression) => topField(expression) === '_change')
}

/** Where there can be changes, and the range is worth them. */
function pagesOf({ between, source, table }: TableSource, range: KeyRange): PagesAtSeq | undefined {
  return between === undefined || between.from === between.to ? undefined : pagesForRange(source, table, range)
}
