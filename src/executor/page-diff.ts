/**
 * DIFF over version pages: its rows as columns, of which only those are made that are named, and counts of its kinds. What pages do not
 * have is left to the row engine.
 */
import { type PagesAtSeq } from '../scan/scan-table.js'
import { countChanges, diffPages } from '../scan/diff-pages.js'
import { BATCH_ROWS_MAX, EMPTY_BATCH, FIRST_BATCH_ROWS, vectorOf, type Batch } from '../expression/batch.js'
import { ChangeBatches } from './change-batches.js'
import { type Execution } from '../expression/evaluate.js'
import { findAccess } from '../planner/key-access.js'
import { boundsOf, pagesForRange } from './key-bounds.js'
import { type Batches } from './operators.js'
import { type PagePlan } from './page-select.js'
import { type KeyRange } from '../relation/query-source.js'
import { type QueryStats } from './query-stats.js'
import { topField } from '../planner/scan-condition.js'
import { type TableScan } from '../planner/source-plan.js'
import { type TableSource } from '../relation/table-source.js'

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
    const looked = (rows: number): void => void (stats.rowsScanned += rows)
    const counting = countChanges(pages, Math.min(from, to), { bounds: boundsOf(access.range), looked })
    let step = counting.next()
    for (; step.done !== true; step = counting.next()) yield EMPTY_BATCH
    const { inserts, updates, deletes } = step.value
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
