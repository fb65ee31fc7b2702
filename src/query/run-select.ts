/** Runs a planned SELECT over a source, on the caller's thread. Rows are made as they are pulled. */
import { DriftError } from '../base/errors.js'
import { seqOf, unixMsOf } from '../base/ids.js'
import { type Key } from '../codec/key-codec.js'
import { type Document, type Value } from '../codec/value.js'
import { type AsOf, type Literal, type ParameterReference, type Select } from '../parser/ast.js'
import { parsePoint, type PointInTime } from '../parser/point-in-time.js'
import { BATCH_ROWS_MAX, batchOf, setField, vectorOf, type Batch } from './batch.js'
import { newExecution, NO_ROW, type Execution } from './evaluate.js'
import { findAccess, type FoundAccess } from './key-access.js'
import { aggregate, distinctRows, filter, project, slice, sort, type Batches } from './operators.js'
import { FIRST_BATCH_ROWS, PageSelect, type QueryStats } from './page-select.js'
import { valueOf, type Parameters } from './parameters.js'
import { planSelect, type SelectPlan } from './plan.js'
import { type QueryMemory } from './query-memory.js'
import { type ColumnType, type KeyRange, type QuerySource } from './query-source.js'

export type ResultColumn = { readonly name: string; readonly type: ColumnType; readonly table?: string; readonly nullable: boolean }

/** One step of a query: how many rows left it and how long it and those below it took. For EXPLAIN ANALYZE. */
export type StepProbe = (step: string, batches: Batches) => Batches

export type SelectRun = {
  /** Of an output that is a star: all that the table has at the point that is read. */
  readonly columns: readonly ResultColumn[]
  readonly plan: SelectPlan
  readonly notices: readonly string[]
  readonly stats: QueryStats
  /** To be iterated once. An empty batch is a chance to look up. */
  readonly batches: Batches
  /** Instead of them, where the rows are the table's own: lines of JSON. */
  readonly jsonLines: (() => Generator<Uint8Array, void>) | undefined
}

/** A statement planned for each way in which its names can be understood: mostly one. Statements are frozen and live in the plan cache. */
const plans = new WeakMap<Select, Map<string, SelectPlan>>()

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
  const plan = planFor(select, source)
  const execution = newExecution(parameters)
  const count = select.limit === null ? Number.POSITIVE_INFINITY : rowCountOf(valueOf(select.limit, parameters), 'LIMIT')
  const offset = select.offset === null ? 0 : rowCountOf(valueOf(select.offset, parameters), 'OFFSET')
  const stats: QueryStats = { rowsScanned: 0 }
  const documents = plan.hasStar ? 'keep' : 'drop'

  const pages = given === undefined && source.pages !== undefined ? new PageSelect(plan, source, execution, stats) : undefined
  let batches = probe('scan', given === undefined ? scan(plan, source, execution, offset + count, stats, pages) : over(given, plan))
  if (plan.where !== undefined) {
    const { evaluator } = plan.where
    batches = probe('filter', pages === undefined ? filter(batches, evaluator, execution) : pages.filter(batches, evaluator))
  }
  if (plan.group !== undefined && !(plan.isCount && given === undefined)) {
    const byRows = aggregate(batches, plan.group.keys, plan.group.columns, execution, memory)
    batches = probe('aggregate', pages === undefined ? byRows : pages.aggregate(byRows, memory))
  }
  if (plan.having !== undefined) batches = probe('having', filter(batches, plan.having.evaluator, execution))
  batches = project(batches, plan.columns, documents, execution)
  if (plan.distinct) batches = probe('distinct', distinctRows(batches, plan.outputColumnCount, memory))
  if (plan.sort.length > 0) batches = probe('sort', sort(batches, plan.sort, offset + count, memory))
  if (offset > 0 || count !== Number.POSITIVE_INFINITY) batches = probe('limit', slice(batches, offset, count))
  const isWhole = given === undefined && isWholeTable(plan) && offset === 0 && count === Number.POSITIVE_INFINITY
  const jsonLines = isWhole ? () => linesOf(plan, source, stats) : undefined
  return { columns: resultColumns(plan, source), plan, notices: plan.notices, stats, batches, jsonLines }
}

export function planFor(select: Select, source: QuerySource): SelectPlan {
  let known = plans.get(select)
  if (known === undefined) {
    known = new Map()
    plans.set(select, known)
  }
  const table = select.from?.table
  const primaryKey = table === undefined ? undefined : source.primaryKey(table)
  const asking = asksFor(select)
  const columns = table !== undefined && asking.length > 0 ? source.columns(table) : []
  const names = new Set(columns.map((column) => column.name))
  const asked = asking.filter((name) => names.has(name))
  const reading = `${primaryKey ?? ''}\n${asked.join('\n')}`
  const found = known.get(reading)
  if (found !== undefined) return found
  const plan = planSelect(select, { primaryKey, isColumn: (name) => names.has(name) })
  known.set(reading, plan)
  return plan
}

/** Names whose meaning depends on whether the table has such a column: aliases, and values written `"…"`. */
function asksFor(select: Select): readonly string[] {
  const known = askedNames.get(select)
  if (known !== undefined) return known
  const names = new Set<string>()
  for (const item of select.items) if (item.kind === 'item' && item.aliased) names.add(item.name)
  const look = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return
    if ('quoted' in node && 'value' in node) names.add(String(node.value))
    else for (const inner of Object.values(node)) look(inner)
  }
  look(select)
  const asked = [...names].sort()
  askedNames.set(select, asked)
  return asked
}

const askedNames = new WeakMap<Select, readonly string[]>()

function resultColumns(plan: SelectPlan, source: QuerySource): ResultColumn[] {
  const { table } = plan
  const columns = table === undefined ? [] : source.columns(table)
  return plan.outputs.flatMap((output): ResultColumn[] => {
    if (output.kind === 'star') return columns.map((column) => ({ ...column, ...(table === undefined ? {} : { table }) }))
    return [{ name: output.name, ...output.type(columns) }]
  })
}

/** SELECT * and nothing that chooses or orders but by key. */
function isWholeTable({ table, outputs, where, distinct, sort }: SelectPlan): boolean {
  return table !== undefined && outputs.length === 1 && outputs[0]?.kind === 'star' && where === undefined && !distinct && sort.length === 0
}

function* linesOf({ table = '', reverse }: SelectPlan, source: QuerySource, stats: QueryStats): Generator<Uint8Array, void> {
  for (const { bytes, rows } of source.jsonLines(table, { reverse })) {
    stats.rowsScanned += rows
    yield bytes
  }
}

/**
 * The point of an AS OF, or undefined without one. A parameter may be a seq (number), a text or a Date.
 * @throws DriftError INVALID_ARGUMENT for a parameter that is missing or no point in time.
 */
export function pointOf(asOf: AsOf | null, parameters: Parameters): PointInTime | undefined {
  if (asOf === null) return undefined
  return asOf.kind === 'point' ? asOf.point : pointOfValue(asOf, parameters)
}

/** The same of a value anywhere. */
export function pointOfValue(value: Literal | ParameterReference, parameters: Parameters): PointInTime {
  const point = valueOf(value, parameters)
  if (typeof point === 'string') return parsePoint(point)
  if (point instanceof Date) return { kind: 'time', time: unixMsOf(point.getTime()) }
  if (typeof point === 'number' || typeof point === 'bigint') {
    const seq = Number(point)
    if (Number.isSafeInteger(seq) && seq >= 0) return { kind: 'seq', seq: seqOf(seq) }
  }
  const advice = "a seq (a whole number from 0), a Date or a text such as '@seq:100' or '2025-01-31T10:30:00Z'"
  const details = value.kind === 'parameter' ? { parameter: value.reference } : {}
  throw new DriftError('INVALID_ARGUMENT', `a point in time is ${advice}`, details)
}

/** The rows of a batch as objects: documents for a star, else each named column, null where it has no value. */
export function objectsOf({ rowCount, columns, documents }: Batch, { outputs }: SelectPlan): Document[] {
  const [first] = outputs
  if (documents !== undefined && outputs.length === 1 && first?.kind === 'star') return documents as Document[]
  const rows: Document[] = []
  for (let row = 0; row < rowCount; row++) {
    const object: { [name: string]: Value } = {}
    let next = 0
    for (const output of outputs) {
      if (output.kind === 'star') Object.assign(object, documents?.[row])
      else setField(object, output.name, columns[next++]?.values[row] as Value)
    }
    rows.push(object)
  }
  return rows
}

/** The rows of a batch as arrays in the order of `columns`. */
export function arraysOf({ rowCount, columns, documents }: Batch, { outputs }: SelectPlan, names: readonly ResultColumn[]): Value[][] {
  const starCount = names.length - outputs.filter((output) => output.kind === 'column').length
  const starNames = outputs.some((output) => output.kind === 'star') ? starColumns(outputs, names, starCount) : []
  return Array.from({ length: rowCount }, (_, row) => {
    let next = 0
    return outputs.flatMap((output): Value[] => {
      if (output.kind === 'column') return [columns[next++]?.values[row] as Value]
      const document = documents?.[row]
      return starNames.map((name) => (document !== undefined && Object.hasOwn(document, name) ? (document[name] ?? null) : null))
    })
  })
}

function starColumns(outputs: SelectPlan['outputs'], names: readonly ResultColumn[], starCount: number): string[] {
  const stars = outputs.filter((output) => output.kind === 'star').length
  const begin = outputs.findIndex((output) => output.kind === 'star')
  return names.slice(begin, begin + starCount / stars).map((column) => column.name)
}

function* scan(
  plan: SelectPlan,
  source: QuerySource,
  execution: Execution,
  wanted: number,
  stats: QueryStats,
  pages: PageSelect | undefined
): Batches {
  const { table } = plan
  if (table === undefined) {
    yield NO_ROW
    return
  }
  if (plan.isCount) {
    const count = source.count(table)
    yield { rowCount: 1, columns: (plan.group?.columns ?? []).map(() => vectorOf([count])) }
    return
  }
  const access = findAccess(plan.access, execution, plan.reverse)
  if (pages !== undefined && access.kind === 'range' && (yield* pages.rows(access.range, wanted))) return
  let rowsMax = wanted === Number.POSITIVE_INFINITY ? BATCH_ROWS_MAX : FIRST_BATCH_ROWS
  let documents: Document[] = []
  const batch = (): Batch => {
    stats.rowsScanned += documents.length
    const made = batchOf(documents, { paths: plan.fields, documents: plan.hasStar ? 'keep' : 'drop' })
    documents = []
    rowsMax = Math.min(BATCH_ROWS_MAX, rowsMax * 2)
    return made
  }
  for (const document of documentsOf(plan, source, table, access)) {
    documents.push(document)
    if (documents.length >= rowsMax) yield batch()
  }
  if (documents.length > 0) yield batch()
}

function* over(given: readonly Document[], plan: SelectPlan): Batches {
  for (let from = 0; from < given.length; from += BATCH_ROWS_MAX) {
    yield batchOf(given.slice(from, from + BATCH_ROWS_MAX), { paths: plan.fields, documents: plan.hasStar ? 'keep' : 'drop' })
  }
}

function documentsOf(plan: SelectPlan, source: QuerySource, table: string, access: FoundAccess): Iterable<Document> {
  if (access.kind === 'keys') return documentsOfKeys(source, table, access.keys)
  return plan.keysOnly ? keysAsDocuments(source, table, access.range) : source.scan(table, access.range)
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

function rowCountOf(value: Value, name: 'LIMIT' | 'OFFSET'): number {
  // More rows than a number can count are all rows.
  if (typeof value === 'bigint' && value > Number.MAX_SAFE_INTEGER) return Number.MAX_SAFE_INTEGER
  const rowCount = typeof value === 'bigint' ? Number(value) : value
  if (typeof rowCount === 'number' && Number.isSafeInteger(rowCount) && rowCount >= 0) return rowCount
  throw new DriftError('INVALID_ARGUMENT', `${name} takes a whole number from 0`, { name })
}
