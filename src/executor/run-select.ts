/** Runs a planned SELECT over a source, on the caller's thread. Rows are made as they are pulled. */
import { DriftError } from '../base/errors.js'
import { type Key } from '../codec/key-codec.js'
import { type Document, type Value } from '../codec/value.js'
import { type Select } from '../parser/ast.js'
import { BATCH_ROWS_MAX, batchOf, documentBatches, vectorOf } from '../expression/batch.js'
import { newExecution, NO_ROW, type Execution } from '../expression/evaluate.js'
import { rowsOfIndex } from './index-rows.js'
import { IndexSelect } from '../planner/index-select.js'
import { JoinSelect } from '../planner/join-select.js'
import { findAccess, timesOf } from '../planner/key-access.js'
import { aggregate, distinctRows, filter, project, slice, sort, type Batches } from './operators.js'
import { countDiffByPages } from './page-diff.js'
import { PageSelect, rowsOfTable } from './page-select.js'
import { sweepByPages } from './page-sweep.js'
import { versionsByPages } from './page-versions.js'
import { valueOf, type Parameters } from '../expression/parameters.js'
import { type SelectPlan } from '../planner/plan.js'
import { planFor, reordered } from '../planner/select-plans.js'
import { type QueryMemory } from './query-memory.js'
import { type FoundAccess, type KeyRange, type QuerySource } from '../relation/query-source.js'
import { type QueryStats } from './query-stats.js'
import { resultShape, type ResultShape } from './result-rows.js'
import { type LeafPlan, type SourcePlan, type TableScan } from '../planner/source-plan.js'
import { tellRead } from './source-read.js'
import { sourceRows } from './source-rows.js'
import { tableSources, type TableSource } from '../relation/table-source.js'

/** One step of a query: how many rows left it and how long it and those below it took. For EXPLAIN ANALYZE. */
export type StepProbe = (step: string, batches: Batches) => Batches

/** Its columns: of an output that is a star, all that the table has at the point that is read. */
export type SelectRun = ResultShape & {
  readonly tables: readonly TableSource[]
  readonly notices: readonly string[]
  readonly stats: QueryStats
  /** To be iterated once. An empty batch is a chance to look up. */
  readonly batches: Batches
  /** Which index is used, of one table at one point; to be asked when the query may run. */
  readonly index: IndexSelect | undefined
  /** The same of the tables of a join, by their places in FROM. */
  readonly leaves: ReadonlyMap<number, IndexSelect>
  /** How joins find their right sides, by the place of that. */
  readonly joins: ReadonlyMap<number, JoinSelect>
  /** Instead of them, where the rows are the table's own: lines of JSON. */
  readonly jsonLines: (() => Generator<Uint8Array, void>) | undefined
}

/**
 * The rows of a SELECT at the point of `source`; with `given`, over these documents of its table instead of those that are there.
 * @throws DriftError UNKNOWN_TABLE; INVALID_ARGUMENT for what has no meaning, for a parameter that is missing or no row count. All before
 * the first row.
 */
export function runSelect(
  select: Select,
  source: QuerySource,
  parameters: Parameters,
  memory: QueryMemory,
  { probe = (_, batches) => batches, given }: { readonly probe?: StepProbe; readonly given?: readonly Document[] } = {}
): SelectRun {
  const tables = tableSources(select.from, source, parameters)
  const written = planFor(select, tables)
  const execution = newExecution(parameters)
  const { count, offset } = rowCounts(select, parameters)
  const plan = given === undefined && written.isReorderable ? reordered(select, written, tables, execution, offset + count) : written
  const stats: QueryStats = { rowsScanned: 0 }
  const documents = plan.hasStar ? 'keep' : 'drop'

  if (given === undefined && plan.source === undefined) {
    tellRead(source, plan.isCount ? { ...plan, keysOnly: true } : plan, plan.where, execution)
  }
  // What the plan asks of one table at one point, pages may answer as a whole.
  const isPlain = given === undefined && plan.source === undefined && source.pages !== undefined
  const isOneTable =
    given === undefined && plan.source === undefined && plan.table !== undefined && !plan.isCount && plan.isKeyEnds !== true
  const firstRows = count === Number.POSITIVE_INFINITY ? undefined : offset + count
  const index = isOneTable ? new IndexSelect(plan, plan.where, source, execution, firstRows) : undefined
  const leaves = new Map<number, IndexSelect>()
  const joins = new Map<number, JoinSelect>()
  if (plan.source !== undefined) selectFor(plan.source, tables, execution, leaves, joins)
  const pages = isPlain ? new PageSelect(plan, source, execution, stats) : undefined
  const rows = (): Batches => {
    if (given !== undefined) return probe('scan', over(given, plan))
    if (plan.source === undefined) return probe('scan', scan(plan, source, execution, offset + count, stats, pages, index))
    const scanned = (more: number): void => void (stats.rowsScanned += more)
    const scanOf = ({ scan: table, index: number, own }: LeafPlan, at: QuerySource, wanted: number): Batches => {
      const ofPages = at.pages === undefined ? undefined : new PageSelect(rowsOfTable(table, own), at, execution, stats)
      return scan(table, at, execution, wanted, stats, ofPages, leaves.get(number))
    }
    return sourceRows(plan.source, { tables, execution, memory, scan: scanOf, joins, scanned, probe }, offset + count)
  }
  let batches = rows()
  if (plan.where !== undefined) {
    const found = batches
    const filtered = (): Batches => filteredBy(pages, found, plan, execution)
    batches = probe('filter', index === undefined ? filtered() : unlessCounted(index, found, filtered))
  }
  if (plan.restored.length > 0) {
    batches = probe('restore', sort(batches, plan.restored, Number.POSITIVE_INFINITY, memory.part('restore')))
  }
  if (plan.group !== undefined && !(plan.isCount && given === undefined)) {
    const part = memory.part('aggregate')
    const byRows = aggregate(batches, plan.group.keys, plan.group.columns, execution, part)
    const leaf = given === undefined && plan.source?.kind === 'leaf' ? tables[0] : undefined
    const ofLeaf = leaf === undefined ? undefined : leafAggregates(plan, leaf, byRows, execution, part, stats)
    batches = probe(
      'aggregate',
      ofLeaf ??
        (pages === undefined || plan.isKeyEnds === true ? byRows : unlessIndexed(index, byRows, () => pages.aggregate(byRows, part)))
    )
  }
  if (plan.having !== undefined) batches = probe('having', filter(batches, plan.having.evaluator, execution))
  batches = project(batches, plan.columns, documents, execution)
  if (plan.distinct) batches = probe('distinct', distinctRows(batches, plan.outputColumnCount, memory.part('distinct')))
  const projected = batches
  const sorted = (unsorted: Batches): Batches =>
    plan.sort.length === 0 ? unsorted : sort(unsorted, plan.sort, offset + count, memory.part('sort'))
  if (index !== undefined && plan.group === undefined && !plan.distinct) {
    const unindexed = (): Batches => {
      const byPages = isPlain ? new PageSelect(plan, source, execution, stats) : undefined
      const all = filteredBy(byPages, scan(plan, source, execution, offset + count, stats, byPages), plan, execution)
      return sorted(project(all, plan.columns, documents, execution))
    }
    const ordered = inOrder(index, projected, sorted, unindexed)
    batches = plan.sort.length === 0 ? ordered : probe('sort', ordered)
  } else if (plan.sort.length > 0) batches = probe('sort', sorted(projected))
  if (offset > 0 || count !== Number.POSITIVE_INFINITY) batches = probe('limit', slice(batches, offset, count))
  const isWhole = given === undefined && isWholeTable(plan) && offset === 0 && count === Number.POSITIVE_INFINITY
  const jsonLines = isWhole ? () => linesOf(plan, source, stats) : undefined
  const { columns, starNames } = resultShape(plan, tables)
  return { plan, columns, starNames, tables, notices: noticesOf(plan, tables), stats, batches, index, leaves, joins, jsonLines }
}

/** The rows for which WHERE is true; where pages gave them, they have asked already what they can. */
function filteredBy(pages: PageSelect | undefined, rows: Batches, { where }: SelectPlan, execution: Execution): Batches {
  if (where === undefined) return rows
  return pages === undefined ? filter(rows, where.evaluator, execution) : pages.filter(rows, where.evaluator)
}

/** The choices of a join's tables, each made when it is needed. */
function selectFor(
  plan: SourcePlan,
  tables: readonly TableSource[],
  execution: Execution,
  leaves: Map<number, IndexSelect>,
  joins: Map<number, JoinSelect>
): void {
  const leaf = plan.kind === 'leaf' ? plan : plan.right
  const table = tables[leaf.index] as TableSource
  if (table.rows === undefined) leaves.set(leaf.index, new IndexSelect(leaf.scan, leaf.where, table.source, execution, undefined))
  if (plan.kind === 'leaf') return
  joins.set(leaf.index, new JoinSelect(plan, table, execution))
  selectFor(plan.left, tables, execution, leaves, joins)
}

/** The aggregates of a sweep, a difference or versions: by pages, or else `byRows`. Undefined of a table at one point. */
function leafAggregates(
  plan: SelectPlan,
  table: TableSource,
  byRows: Batches,
  execution: Execution,
  memory: QueryMemory,
  stats: QueryStats
): Batches | undefined {
  if (table.points !== undefined) return sweepByPages(plan, table, byRows, execution, memory, stats)
  if (table.between !== undefined) return countDiffByPages(plan, table, byRows, execution, stats)
  return table.window === undefined ? undefined : versionsByPages(plan, table, byRows, execution, memory, stats)
}

/** Each once. */
function noticesOf(plan: SelectPlan, tables: readonly TableSource[]): readonly string[] {
  if (plan.notices.length === 0 && tables.every(({ notices }) => notices.length === 0)) return NO_NOTICES
  return [...new Set([...plan.notices, ...tables.flatMap(({ notices }) => notices)])]
}

const NO_NOTICES: readonly string[] = []

/** SELECT * and nothing that chooses or orders but by key. */
function isWholeTable({ source, table, outputs, where, distinct, sort }: SelectPlan): boolean {
  return (
    source === undefined &&
    table !== undefined &&
    outputs.length === 1 &&
    outputs[0]?.kind === 'star' &&
    where === undefined &&
    !distinct &&
    sort.length === 0
  )
}

function* linesOf({ table = '', reverse }: SelectPlan, source: QuerySource, stats: QueryStats): Generator<Uint8Array, void> {
  for (const { bytes, rows } of source.jsonLines(table, { reverse })) {
    stats.rowsScanned += rows
    yield bytes
  }
}

/** The rows of one table at one point. */
function* scan(
  plan: TableScan | SelectPlan,
  source: QuerySource,
  execution: Execution,
  wanted: number,
  stats: QueryStats,
  pages: PageSelect | undefined,
  index?: IndexSelect
): Batches {
  const { table } = plan
  if (table === undefined) {
    yield NO_ROW
    return
  }
  if ('isCount' in plan && plan.isCount) {
    const count = source.count(table)
    yield { rowCount: 1, columns: (plan.group?.columns ?? []).map(() => vectorOf([count])) }
    return
  }
  const scanned = (rows: number): void => void (stats.rowsScanned += rows)
  if (plan.isKeyEnds === true) {
    yield* documentBatches(endsOf(source, table), { paths: plan.fields, documents: 'drop' }, wanted, scanned)
    return
  }
  const access = withTimes(findAccess(plan.access, execution, plan.reverse), plan, execution)
  const choice = access.kind === 'range' ? index?.choice : undefined
  if (index !== undefined && choice !== undefined) {
    let given = 0
    for (const batch of rowsOfIndex(choice, plan, source, wanted, scanned)) {
      yield batch
      given += batch.rowCount
      index.isGivenUp = given >= choice.rowsMax
      if (index.isGivenUp) break
    }
    return
  }
  if (pages !== undefined && access.kind === 'range' && (yield* pages.rows(access.range, wanted))) return
  const fields = { paths: plan.fields, documents: plan.hasStar ? 'keep' : 'drop' } as const
  yield* documentBatches(documentsOf(plan, source, table, access), fields, wanted, scanned)
}

/** An index finds the few rows that are aggregated: pages need not be asked. */
function* unlessIndexed(index: IndexSelect | undefined, byRows: Batches, byPages: () => Batches): Batches {
  yield* index?.choice === undefined ? byPages() : byRows
}

/** Rows that were only counted have no columns: the condition is true of each. */
function* unlessCounted(index: IndexSelect, batches: Batches, filtered: () => Batches): Batches {
  yield* index.choice?.way === 'count' ? batches : filtered()
}

/** What comes in the order of an index is not sorted. Where that was given up, the rows behind those that came are the scan's. */
function* inOrder(index: IndexSelect, batches: Batches, sorted: (unsorted: Batches) => Batches, unindexed: () => Batches): Batches {
  if (index.choice?.way !== 'order') {
    yield* sorted(batches)
    return
  }
  let given = 0
  for (const batch of batches) {
    given += batch.rowCount
    yield batch
  }
  if (index.isGivenUp) yield* slice(unindexed(), given, Number.POSITIVE_INFINITY)
}

function withTimes(access: FoundAccess, { times }: TableScan, execution: Execution): FoundAccess {
  if (times === undefined || access.kind === 'keys') return access
  return { kind: 'range', range: { ...access.range, time: timesOf(times, execution) } }
}

function* over(given: readonly Document[], plan: SelectPlan): Batches {
  for (let from = 0; from < given.length; from += BATCH_ROWS_MAX) {
    yield batchOf(given.slice(from, from + BATCH_ROWS_MAX), { paths: plan.fields, documents: plan.hasStar ? 'keep' : 'drop' })
  }
}

function documentsOf(plan: TableScan, source: QuerySource, table: string, access: FoundAccess): Iterable<Document> {
  if (access.kind === 'keys') return documentsOfKeys(source, table, access.keys)
  return plan.keysOnly ? keysAsDocuments(source, table, access.range) : source.scan(table, access.range)
}

function* endsOf(source: QuerySource, table: string): Generator<Document, void> {
  for (const reverse of [false, true]) {
    for (const document of source.scan(table, { reverse })) {
      yield document
      break
    }
  }
}

function* documentsOfKeys(source: QuerySource, table: string, keys: readonly Key[]): Generator<Document, void, void> {
  for (const key of keys) {
    const document = source.get(table, key)
    if (document !== undefined) yield document
  }
}

function* keysAsDocuments(source: QuerySource, table: string, range: KeyRange): Generator<Document, void, void> {
  const primaryKey = source.primaryKey(table)
  for (const key of source.keys(table, range)) yield { [primaryKey]: key }
}

/** What LIMIT and OFFSET say. @throws INVALID_ARGUMENT. */
export function rowCounts({ limit, offset }: Select, parameters: Parameters): { readonly count: number; readonly offset: number } {
  return {
    count: limit === null ? Number.POSITIVE_INFINITY : rowCountOf(valueOf(limit, parameters), 'LIMIT'),
    offset: offset === null ? 0 : rowCountOf(valueOf(offset, parameters), 'OFFSET')
  }
}

function rowCountOf(value: Value, name: 'LIMIT' | 'OFFSET'): number {
  // More rows than a number can count are all rows.
  if (typeof value === 'bigint' && value > Number.MAX_SAFE_INTEGER) return Number.MAX_SAFE_INTEGER
  const rowCount = typeof value === 'bigint' ? Number(value) : value
  if (typeof rowCount === 'number' && Number.isSafeInteger(rowCount) && rowCount >= 0) return rowCount
  throw new DriftError('INVALID_ARGUMENT', `${name} takes a whole number from 0`, { name })
}
