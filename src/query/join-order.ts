/**
 * The order in which the tables of inner joins are joined: the one whose estimated cost is least among those in which each table has a key
 * with those before it. The rows come as if it were that of FROM: they are sorted by the keys of the tables, which costs too.
 */
import { byKeyCost, hashCost, indexRowsCost, keyOrderCost, scanCost, sortCost, walkCost } from './cost.js'
import { estimatedLeafRows, liveRows, rowsOfValue, shareOfKey } from './estimate-join.js'
import { type Execution } from './evaluate.js'
import { type JoinKey, type JoinPlan, type LeafPlan, type SourcePlan } from './source-plan.js'
import { type TableSource } from './table-source.js'

/** Of more tables the written order is taken: there are too many others. */
const TABLES_MAX = 6
/** Estimates are off: an order that is not better by so much is not worth it. */
const BETTER_BY = 0.7

type Side = {
  readonly leaf: LeafPlan
  readonly source: TableSource
  /** Behind its own conditions. */
  readonly rows: number
  /** Of reading it. */
  readonly cost: number
}

/** `a.x = b.y` both ways: `right` is the number of the table that `field` is of. */
type Edge = { readonly left: number; readonly right: number; readonly key: JoinKey }

type Step = { readonly order: readonly number[]; readonly rows: number; readonly cost: number }

/** Places in FROM; undefined: the written order. `wanted`: so many rows are enough, in the order in which they come. */
export function joinOrder(
  plan: JoinPlan,
  tables: readonly TableSource[],
  execution: Execution,
  wanted: number
): readonly number[] | undefined {
  if (tables.length > TABLES_MAX || tables.some(({ source }) => source.forced?.order === 'written')) return undefined
  const sides = tables.map((source, index) => sideOf(leafOf(plan, index), source, execution))
  const edges = edgesOf(plan, tables)
  const written = sides.map((_, index) => index)
  const asWritten = costOf(written, sides, edges, tables)
  if (asWritten === undefined) return undefined
  // The first rows are there before all of the left is read.
  const part = Math.min(1, wanted / Math.max(1, asWritten.rows))
  let best: Step = { ...asWritten, cost: asWritten.cost * part * BETTER_BY }
  for (const order of ordersOf(written)) {
    const step = costOf(order, sides, edges, tables)
    if (step === undefined || order.every((table, at) => table === at)) continue
    const cost = step.cost + sortCost(step.rows, Number.POSITIVE_INFINITY)
    if (cost < best.cost) best = { ...step, cost }
  }
  return best.order === written || best.order === asWritten.order ? undefined : best.order
}

function costOf(
  order: readonly number[],
  sides: readonly Side[],
  edges: readonly Edge[],
  tables: readonly TableSource[]
): Step | undefined {
  const first = sides[order[0] as number] as Side
  let { rows, cost } = first
  for (const [at, table] of order.entries()) {
    if (at === 0) continue
    const keys = edges.filter(({ left, right }) => right === table && order.indexOf(left) < at)
    if (keys.length === 0) return undefined
    const side = sides[table] as Side
    const lookup = lookupCostOf(side, keys, rows)
    cost += Math.min(side.cost + hashCost(side.rows, rows), lookup ?? Number.POSITIVE_INFINITY)
    rows *= side.rows * keys.reduce((share, { key }) => share * shareOfKey(key, side.leaf, tables), 1)
  }
  return { order, rows, cost }
}

function lookupCostOf({ source }: Side, keys: readonly Edge[], leftRows: number): number | undefined {
  const fields = keys.map(({ key }) => key.field?.join('.'))
  if (source.source.forced?.join === 'hash') return undefined
  if (fields.includes(source.primaryKey)) return byKeyCost(leftRows)
  const definition = source.source.indexDefinitions?.(source.table).find(({ columns: [first] }) => fields.includes(first?.path.join('.')))
  const path = definition?.columns[0]?.path
  if (path === undefined) return undefined
  const entries = leftRows * rowsOfValue(source, path)
  return walkCost(leftRows, entries) + indexRowsCost(entries, false) + keyOrderCost(entries)
}

function sideOf(leaf: LeafPlan, source: TableSource, execution: Execution): Side {
  const live = liveRows(source)
  const rows = estimatedLeafRows(leaf, source, execution)
  const { scan } = leaf
  if (scan.access.kind === 'keys') return { leaf, source, rows, cost: byKeyCost(rows) }
  const scanned = scanCost(live, live, rows, scan.hasStar)
  const conditions = scan.asked?.conditions ?? []
  const isIndexed = source.source
    .indexDefinitions?.(source.table)
    .some(({ columns: [first] }) => conditions.some(({ path }) => path.join('.') === first?.path.join('.')))
  const byIndex = walkCost(1, rows) + indexRowsCost(rows, false)
  return { leaf, source, rows, cost: isIndexed === true ? Math.min(scanned, byIndex) : scanned }
}

function leafOf(plan: SourcePlan, index: number): LeafPlan {
  if (plan.kind === 'leaf') return plan
  return plan.right.index === index ? plan.right : leafOf(plan.left, index)
}

function edgesOf(plan: SourcePlan, tables: readonly TableSource[]): Edge[] {
  if (plan.kind === 'leaf') return []
  const edges = edgesOf(plan.left, tables)
  for (const key of plan.keys) {
    const { left, right } = key
    if (left.kind !== 'field' || right.kind !== 'field') continue
    const other = tables.findIndex(({ name }) => name === left.path[0])
    const names = left.path.slice(1)
    edges.push({ left: other, right: plan.right.index, key })
    const field = names.every((name) => typeof name === 'string') ? names : undefined
    edges.push({ left: plan.right.index, right: other, key: { left: right, right: left, field } })
  }
  return edges
}

function ordersOf(tables: readonly number[]): (readonly number[])[] {
  if (tables.length <= 1) return [tables]
  return tables.flatMap((first) => ordersOf(tables.filter((each) => each !== first)).map((rest) => [first, ...rest]))
}
