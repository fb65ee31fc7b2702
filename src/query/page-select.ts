/**
 * A SELECT over version pages, where the source has them: rows by a scan that asks the condition of columns, aggregates and the first rows
 * of an order by kernels. What pages cannot say exactly as the row engine would is left to it.
 */
import { encodeKey, type Key } from '../codec/key-codec.js'
import { DriftError } from '../base/errors.js'
import { limits } from '../base/limits.js'
import { type Document } from '../codec/value.js'
import { type Path } from '../parser/ast.js'
import { type AggregateQuery, type PartialAggregates } from '../scan/aggregate-query.js'
import { aggregateTiles } from '../scan/aggregate-tiles.js'
import { finishPartials } from '../scan/finish-partials.js'
import { slicesOf } from '../scan/page-slice.js'
import { scanRows, type RowBatch } from '../scan/scan-rows.js'
import { type PagesAtSeq } from '../scan/scan-table.js'
import { type FragmentRunner, type PartialRun } from '../scan/fragment.js'
import { type RowOrder, topRows } from '../scan/top-rows.js'
import { type KeyBounds, type Tile } from '../page/page-directory.js'
import * as layout from '../page/page-layout.js'
import { BATCH_ROWS_MAX, EMPTY_BATCH, valueAt, vectorOf, type Batch, type Vector } from './batch.js'
import { type Evaluator, type Execution } from './evaluate.js'
import { findAccess } from './key-access.js'
import { filter, type Batches } from './operators.js'
import { type SelectPlan } from './plan.js'
import { type QueryMemory } from './query-memory.js'
import { type KeyRange, type QuerySource } from './query-source.js'
import { pushedCondition, topField } from './scan-condition.js'
import { type TableScan } from './source-plan.js'

/** What is asked of pages. */
export type PagePlan = TableScan & Pick<SelectPlan, 'where' | 'group' | 'sort' | 'sortExpressions' | 'distinct'>

/** All rows of a table, whatever is made of them. */
export function rowsOfTable(scan: TableScan): PagePlan {
  return { ...scan, where: undefined, group: undefined, sort: [], sortExpressions: [], distinct: false }
}

/** What an execution did. */
export type QueryStats = {
  rowsScanned: number
  /** Where a batch is empty because other threads work: when to look again. Who drives the query takes it away and waits for it. */
  until?: Promise<void> | undefined
}

/** Rows of the first batch where few may be enough; each later one has twice as many. */
export const FIRST_BATCH_ROWS = 32

/** More rows are sorted as all rows are. */
const TOP_ROWS_MAX = 4096

/** Of an aggregation that is left early. */
const NOTHING: PartialAggregates = { groupCount: 0, keys: [], states: [], isUnsure: false }

/** The groups need more memory than the query has for them: rows are grouped instead, and spilled. */
class NoRoomForGroups extends Error {}

/** A range with about so many rows, or the first so many of a table, are read row by row. */
const SMALL_RANGE_ROWS = 512

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
    const pages = this.#source.pages?.(table)
    if (pages === undefined) return false
    try {
      const bounds = boundsOf(range)
      const tiles = pages.tiles(bounds)
      if (isBounded(bounds) && isSmall(pages, tiles)) return false
      const { condition, isExact } = pushedCondition(where?.expression, this.#execution)
      this.#isFiltered = isExact
      const names = [...new Set(fields.map(([name]) => String(name)))]
      const columns = fields.map((path) => ({ index: names.indexOf(String(path[0])), rest: path.slice(1) }))
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
    const all = startingWith(first.value, batches)
    yield* this.#isFiltered ? all : filter(all, condition, this.#execution)
  }

  *#steps(partials: Generator<number, PartialAggregates>): Generator<Batch, PartialAggregates, void> {
    try {
      for (;;) {
        const step = partials.next()
        if (step.done === true) return step.value
        this.#stats.rowsScanned += step.value
        yield EMPTY_BATCH
      }
    } finally {
      partials.return(NOTHING)
    }
  }

  /** The aggregates of the plan: by pages, or else `byRows`. */
  *aggregate(byRows: Batches, memory: QueryMemory): Batches {
    const query = aggregateQuery(this.#plan, this.#execution)
    const access = findAccess(this.#plan.access, this.#execution, false)
    const pages = query === undefined || access.kind !== 'range' ? undefined : this.#source.pages?.(this.#plan.table ?? '')
    if (query === undefined || access.kind !== 'range' || pages === undefined) {
      yield* byRows
      return
    }
    let rows: ReturnType<typeof finishPartials>
    let kept = 0
    const keep = (bytes: number): void => {
      if (memory.isFull(kept, bytes)) throw new NoRoomForGroups()
      kept += bytes
      memory.take(bytes)
    }
    try {
      const bounds = boundsOf(access.range)
      const tiles = pages.tiles(bounds)
      if (isBounded(bounds) && isSmall(pages, tiles)) rows = undefined
      else {
        const runner = worthwhileRunner(this.#source, tiles)
        if (runner === undefined) {
          const partials = aggregateTiles(pages, tiles, query, { isBounded: isBounded(bounds), keep })
          rows = finishPartials(query, [yield* this.#steps(partials)])
        } else {
          const groupBytesMax = memory.mergeBytes
          const run = runner.begin(pages, tiles, { kind: 'aggregate', query, isBounded: isBounded(bounds), groupBytesMax })
          rows = finishPartials(query, yield* runSteps(run, this.#stats))
        }
      }
    } catch (error) {
      // A thread says the same as LIMIT.
      if (!(error instanceof NoRoomForGroups || (error instanceof DriftError && error.code === 'DRIFT_LIMIT'))) throw error
      memory.free(kept)
    } finally {
      pages.release()
    }
    if (rows === undefined) {
      yield* byRows
      return
    }
    byRows.return()
    for (let from = 0; from < rows.length; from += BATCH_ROWS_MAX) {
      const some = rows.slice(from, from + BATCH_ROWS_MAX)
      yield {
        rowCount: some.length,
        columns: [
          ...query.groupBy.map((_, index) => vectorOf(some.map(({ keys }) => keys[index]))),
          ...query.aggregates.map((_, index) => vectorOf(some.map(({ values }) => values[index])))
        ]
      }
    }
  }
}

/** Undefined where this thread alone is as quick. */
function worthwhileRunner(source: QuerySource, tiles: readonly Tile[]): FragmentRunner | undefined {
  const runner = source.fragments
  if (runner === undefined || tiles.length < 2) return undefined
  return runner.worthwhile(rowsIn(tiles)) ? runner : undefined
}

export function rowsIn(tiles: readonly Tile[]): number {
  let rows = 0
  for (const { page, chunks } of tiles) {
    rows += page?.rowCount ?? 0
    for (const chunk of chunks) rows += chunk.rowCount
  }
  return rows
}

/** The partial results of a run in which this thread takes part. */
export function* runSteps<Partial>(run: PartialRun<Partial>, stats: QueryStats): Generator<Batch, readonly Partial[], void> {
  try {
    for (;;) {
      const result = run.step()
      if (result === 'done') break
      if (result === 'waiting') stats.until = run.changed()
      yield EMPTY_BATCH
    }
    stats.rowsScanned += run.rowsLooked
    return run.partials
  } finally {
    run.stop()
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

function* startingWith(first: Batch, batches: Batches): Batches {
  try {
    yield first
    yield* batches
  } finally {
    batches.return()
  }
}

const scratch = new Uint8Array(limits.keyBytesMax + 128)

export function boundsOf({ gt, gte, lt, lte }: KeyRange): KeyBounds {
  const from = gt !== undefined ? behind(gt) : gte === undefined ? undefined : bytesOf(gte)
  const to = lte !== undefined ? behind(lte) : lt === undefined ? undefined : bytesOf(lt)
  return { from, to }
}

function bytesOf(key: Key): Uint8Array {
  return scratch.slice(0, encodeKey(key, scratch))
}

/** The least bytes behind those of a key. */
function behind(key: Key): Uint8Array {
  const bytes = encodeKey(key, scratch)
  scratch[bytes] = 0
  return scratch.slice(0, bytes + 1)
}

export function isBounded({ from, to }: KeyBounds): boolean {
  return from !== undefined || to !== undefined
}

/** Rows of the sorted pages within the bounds, and of deltas that stand alone. */
export function isSmall({ table, S }: PagesAtSeq, tiles: readonly Tile[]): boolean {
  let rows = 0
  for (const tile of tiles) {
    for (const slice of slicesOf(table, S, tile, true)) {
      if (slice.page.kind !== layout.DELTA || tile.page === undefined) rows += slice.rows
    }
    if (rows > SMALL_RANGE_ROWS) return false
  }
  return true
}
