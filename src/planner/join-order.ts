/**
 * The order in which the tables of inner joins are joined: the one whose estimated cost is least among those in which each table has a key
 * with those before it. The rows come as if it were that of FROM: they are sorted by the keys of the tables, which costs too.
 */
import { byKeyCost, hashCost, indexRowsCost, scanCost, sortCost, walkCost } from './cost.js'
import { estimatedLeafRows, liveRows, shareOfKey } from './estimate-join.js'
import { type Execution } from '../expression/evaluate.js'
import { beginsWith, isSamePath } from './index-candidate.js'
import { indexLookupCost } from './join-select.js'
import { type JoinKey, type JoinPlan, type LeafPlan, type SourcePlan } from './source-plan.js'
import { type TableSource } from '../relation/table-source.js'

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
  const extended = (step: Step, table: number): Step | undefined => withTable(step, table, sides, edges, tables)
  const all = sides.map((_, index) => index)
  const written = all.reduce<Step | undefined>((step, table) => (step === undefined ? undefined : extended(step, table)), NOTHING)
  if (written === undefined) return undefined
  // The first rows are there before all of the left is read.
  const part = Math.min(1, wanted / Math.max(1, written.rows))
  let best: Step = { order: [], rows: 0, cost: written.cost * part * BETTER_BY }
  const search = (step: Step): void => {
    if (step.cost >= best.cost) return
    if (step.order.length === all.length) {
      const cost = step.cost + sortCost(step.rows, Number.POSITIVE_INFINITY)
      const isWritten = step.order.every((table, at) => table === at)
      if (cost < best.cost && !isWritten) best = { ...step, cost }
      return
    }
    for (const table of all) {
      const next = step.order.includes(table) ? undefined : extended(step, table)
      if (next !== undefined) search(next)
    }
  }
  search(NOTHING)
  return best.order.length === 0 ? undefined : best.order
}

const NOTHING: Step = { order: [], rows: 1, cost: 0 }

/** Undefined where the table has no key with those before it. */
function withTable(
  { order, rows, cost }: Step,
  table: number,
  sides: readonly Side[],
  edges: readonly Edge[],
  tables: readonly TableSource[]
): Step | undefined {
  const side = sides[table] as Side
  if (order.length === 0) return { order: [table], rows: side.rows, cost: side.cost }
  const keys = edges.filter(({ left, right }) => right === table && order.includes(left))
  if (keys.length === 0) return undefined
  const lookup = lookupCostOf(side, keys, rows) ?? Number.POSITIVE_INFINITY
  return {
    order: [...order, table],
    rows: rows * side.rows * keys.reduce((share, { key }) => share * shareOfKey(key, side.leaf, tables), 1),
    cost: cost + Math.min(side.cost + hashCost(side.rows, rows), lookup)
  }
}

function lookupCostOf({ source }: Side, keys: readonly Edge[], leftRows: number): number | undefined {
  const fields = keys.flatMap(({ key: { field } }) => (field === undefined ? [] : [field]))
  if (source.source.forced?.join === 'hash') return undefined
  if (fields.some((field) => isSamePath(field, [source.primaryKey]))) return byKeyCost(leftRows)
  const definition = source.source.indexDefinitions?.(source.table).find((each) => beginsWith(each, fields))
  const path = definition?.columns[0]?.path
  return path === undefined ? undefined : indexLookupCost(source, path, leftRows, false)
}

function sideOf(leaf: LeafPlan, source: TableSource, execution: Execution): Side {
  const live = liveRows(source)
  const rows = estimatedLeafRows(leaf, source, execution)
  const { scan } = leaf
  if (scan.access.kind === 'keys') return { leaf, source, rows, cost: byKeyCost(rows) }
  const scanned = scanCost(live, live, rows, scan.hasStar)
  const paths = scan.asked?.conditions.map(({ path }) => path) ?? []
  const isIndexed = source.source.indexDefinitions?.(source.table).some((each) => beginsWith(each, paths))
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
