/**
 * A SELECT over version pages, where the source has them: rows by a scan that asks the condition of columns, aggregates and the first rows
 * of an order by kernels. What pages cannot say exactly as the row engine would is left to it.
 */
import { type Document } from '../codec/value.js'
import { type KeyBounds } from '../page/page-directory.js'
import { type Expression, type Path } from '../parser/ast.js'
import { type AggregateQuery, type PartialAggregates } from '../scan/aggregate-query.js'
import { aggregateTiles } from '../scan/aggregate-tiles.js'
import { finishPartials } from '../scan/finish-partials.js'
import { scanRows, type RowBatch } from '../scan/scan-rows.js'
import { type PagesAtSeq } from '../scan/scan-table.js'
import { type RowOrder, topRows } from '../scan/top-rows.js'
import { EMPTY_BATCH, FIRST_BATCH_ROWS, valueAt, vectorOf, type Batch, type Vector } from '../expression/batch.js'
import { type Evaluator, type Execution } from '../expression/evaluate.js'
import { some } from '../expression/expression-tree.js'
import { findAccess } from '../planner/key-access.js'
import { boundsOf, isBounded, pagesForRange, SMALL_RANGE_ROWS } from './key-bounds.js'
import { filter, followed, type Batches } from './operators.js'
import { groupBatches, partialSteps, runSteps, withinMemory, worthwhileRunner } from './page-groups.js'
import { type SelectPlan } from '../planner/plan.js'
import { type QueryMemory } from './query-memory.js'
import { type KeyRange, type QuerySource } from '../relation/query-source.js'
import { type QueryStats } from './query-stats.js'
import { pushedCondition, topField } from '../planner/scan-condition.js'
import { type Condition, type TableScan } from '../planner/source-plan.js'

/** What is asked of pages. */
export type PagePlan = TableScan &
  Pick<SelectPlan, 'where' | 'group' | 'sort' | 'sortExpressions' | 'distinct'> &
  Partial<Pick<SelectPlan, 'columns'>>

/** The rows of a table for which a condition is true, and maybe others, whatever is made of them. */
export function rowsOfTable(scan: TableScan, where: Condition | undefined): PagePlan {
  return { ...scan, where, group: undefined, sort: [], sortExpressions: [], distinct: false }
}

/** Of groups by codes; by other values they take longer. */
const GROUP_NS_PER_ROW = 1.1
/** More rows are sorted as all rows are. */
const TOP_ROWS_MAX = 4096

export class PageSelect {
  readonly #plan: PagePlan
  readonly #source: QuerySource
  readonly #execution: Execution
  readonly #stats: QueryStats
  /** The scan gives only rows that fulfil all of the condition. */
  #isFiltered = false

  constructor(plan: PagePlan, source: QuerySource, execution: Execution, stats: QueryStats) {
    this.#plan = plan
    this.#source = source
    this.#execution = execution
    this.#stats = stats
  }

  /** The rows of a range in key order, at least those that fulfil the condition; false where they must be read another way. */
  *rows(range: KeyRange, wanted: number): Generator<Batch, boolean, void> {
    const { table = '', where, fields, hasStar, reverse, sort, group, distinct } = this.#plan
    const takesFirst = where === undefined && sort.length === 0 && group === undefined && !distinct
    if (takesFirst && wanted <= SMALL_RANGE_ROWS) return false
    const pages = pagesForRange(this.#source, table, range)
    if (pages === undefined) return false
    try {
      const bounds = boundsOf(range)
      const tiles = pages.tiles(bounds)
      const { condition, isExact } = pushedCondition(where?.expression, this.#execution)
      this.#isFiltered = isExact
      const asked = isExact && isDocumentsOnly(this.#plan) ? [] : fields
      const names = [...new Set(asked.map(([name]) => String(name)))]
      const columns = asked.map((path) => ({ index: names.indexOf(String(path[0])), rest: path.slice(1) }))
      const query = { where: condition, fields: names, documents: hasStar ? 'keep' : 'drop', reverse } as const
      const options = {
        isBounded: isBounded(bounds),
        looked: (rows: number) => void (this.#stats.rowsScanned += rows),
        ...(wanted === Number.POSITIVE_INFINITY ? {} : { firstRows: FIRST_BATCH_ROWS })
      }
      const order = isExact ? orderOf(this.#plan, wanted) : undefined
      const top = order === undefined ? undefined : topRows(pages, tiles, query, order, options)
      for (const batch of top ?? scanRows(pages, tiles, query, options)) yield batchOf(batch, columns, hasStar)
      return true
    } finally {
      pages.release()
    }
  }

  /** Rows of {@link rows} for which the condition is true. */
  *filter(batches: Batches, condition: Evaluator): Batches {
    // Whether they are filtered already is known from their first batch on.
    const first = batches.next()
    if (first.done === true) return
    const all = followed([first.value], batches)
    yield* this.#isFiltered ? all : filter(all, condition, this.#execution)
  }

  /** The aggregates of the plan: by pages, or else `byRows`. */
  *aggregate(byRows: Batches, memory: QueryMemory): Batches {
    const query = aggregateQuery(this.#plan, this.#execution)
    const access = findAccess(this.#plan.access, this.#execution, false)
    const range = query === undefined || access.kind !== 'range' ? undefined : access.range
    const pages = range === undefined ? undefined : pagesForRange(this.#source, this.#plan.table ?? '', range)
    if (query === undefined || range === undefined || pages === undefined) {
      yield* byRows
      return
    }
    let rows: ReturnType<typeof finishPartials>
    try {
      const partials = yield* withinMemory(memory, (keep) => this.#partials(pages, query, boundsOf(range), memory, keep))
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

  *#partials(
    pages: PagesAtSeq,
    query: AggregateQuery,
    bounds: KeyBounds,
    memory: QueryMemory,
    keep: (bytes: number) => void
  ): Generator<Batch, readonly PartialAggregates[], void> {
    const tiles = pages.tiles(bounds)
    const runner = worthwhileRunner(this.#source, tiles, query.groupBy.length === 0 ? undefined : GROUP_NS_PER_ROW)
    if (runner === undefined) {
      const partials = aggregateTiles(pages, tiles, query, { isBounded: isBounded(bounds), keep })
      return [yield* partialSteps(partials, this.#stats)]
    }
    const groupBytesMax = memory.mergeBytes
    return yield* runSteps(
      runner.begin(pages, tiles, { kind: 'aggregate', query, isBounded: isBounded(bounds), groupBytesMax }),
      this.#stats
    )
  }
}

/** Undefined where the plan asks for more than pages can aggregate. */
export function aggregateQuery({ table, where, group }: PagePlan, execution: Execution): AggregateQuery | undefined {
  if (table === undefined || group === undefined) return undefined
  const { condition, isExact } = pushedCondition(where?.expression, execution)
  if (!isExact) return undefined
  const groupBy: string[] = []
  for (const expression of group.keyExpressions) {
    const field = topField(expression)
    if (field === undefined) return undefined
    groupBy.push(field)
  }
  const aggregates: AggregateQuery['aggregates'][number][] = []
  for (const { name, distinct, operand } of group.aggregates) {
    if (distinct && name !== 'min' && name !== 'max') return undefined
    const field = operand === null ? null : topField(operand)
    if (field === undefined) return undefined
    aggregates.push({ name, field })
  }
  return { where: condition, groupBy, aggregates }
}

/** Nobody behind the condition asks for a field: rows are whole documents, in the order in which they come. */
function isDocumentsOnly({ hasStar, columns, sort, group }: PagePlan): boolean {
  return hasStar && columns?.length === 0 && sort.length === 0 && group === undefined
}

/** Where only the first rows of one field's order are wanted: the sort that comes after puts them in their order. */
function orderOf({ sort, sortExpressions, group, distinct }: PagePlan, wanted: number): RowOrder | undefined {
  const [key] = sort
  const [expression] = sortExpressions
  if (key === undefined || expression === undefined || sort.length > 1 || group !== undefined || distinct) return undefined
  const field = topField(expression)
  if (field === undefined || wanted < 1 || wanted > TOP_ROWS_MAX) return undefined
  return { field, descending: key.descending, nullsFirst: key.nullsFirst, count: wanted }
}

type PathColumn = { readonly index: number; readonly rest: Path }

function batchOf({ rowCount, columns: read, documents }: RowBatch, columns: readonly PathColumn[], hasStar: boolean): Batch {
  if (rowCount === 0) return EMPTY_BATCH
  const vectors = columns.map(({ index, rest }): Vector => {
    const column = read[index] as Vector
    return rest.length === 0 ? column : vectorOf(column.values.map((value) => valueAt(value as Document, rest)))
  })
  return { rowCount, columns: vectors, ...(hasStar && documents !== undefined ? { documents } : {}) }
}

/** Whether the condition, a group or an operand names a field of which `isIt` is true. */
export function namesField({ where, group }: PagePlan, isIt: (name: string) => boolean): boolean {
  const isNamed = (expression: Expression | null | undefined): boolean =>
    expression !== null && expression !== undefined && some(expression, (each) => each.kind === 'field' && isIt(String(each.path[0])))
  return (
    isNamed(where?.expression) ||
    group?.keyExpressions.some(isNamed) === true ||
    group?.aggregates.some(({ operand }) => isNamed(operand)) === true
  )
}
