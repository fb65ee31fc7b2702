/** How many rows joins give, by the statistics of their tables. */
import { isSystemTable } from '../base/ids.js'
import { estimatedTable, filteredRows } from './estimate-scan.js'
import { type Execution } from '../expression/evaluate.js'
import { isSamePath } from './index-candidate.js'
import { type JoinKey, type LeafPlan, type SourcePlan } from './source-plan.js'
import { type TableSource } from '../relation/table-source.js'

/** Different values of a column at which nobody looked, as PostgreSQL takes it. */
const DISTINCT_UNKNOWN = 200
/** Of differences, versions and tables of the system nobody knows: whoever looks up finds out before it costs more than not to. */
const UNKNOWN_ROWS = 1
/** Of a table of the system, which is not counted: that would be a read of it. */
const SYSTEM_ROWS = 1_000_000

/** Rows of one table at one point, behind its own conditions. */
export function estimatedLeafRows({ scan, where }: LeafPlan, { source, table, name }: TableSource, execution: Execution): number {
  const estimated = estimatedTable(source, table, name)
  if (scan.access.kind === 'keys') return Math.min(estimated?.rows ?? SYSTEM_ROWS, scan.access.keys.length)
  if (estimated === undefined) return SYSTEM_ROWS
  return where === undefined ? estimated.rows : filteredRows(where, estimated, execution)
}

export function estimatedSourceRows(plan: SourcePlan, tables: readonly TableSource[], execution: Execution): number {
  if (plan.kind === 'leaf') return estimatedRowsOf(plan, tables, execution)
  const left = estimatedSourceRows(plan.left, tables, execution)
  const right = estimatedRowsOf(plan.right, tables, execution)
  const joined = left * right * plan.keys.reduce((share, key) => share * shareOfKey(key, plan.right, tables), 1)
  return plan.side === 'left' ? Math.max(left, joined) : joined
}

function estimatedRowsOf(leaf: LeafPlan, tables: readonly TableSource[], execution: Execution): number {
  const table = tables[leaf.index] as TableSource
  return table.rows === undefined && !isSystemTable(table.table) ? estimatedLeafRows(leaf, table, execution) : UNKNOWN_ROWS
}

/** The part of all pairs that are equal: as if the side with fewer values had each of them on the other. */
export function shareOfKey({ field, left }: JoinKey, right: LeafPlan, tables: readonly TableSource[]): number {
  const ofRight = field === undefined ? undefined : distinctOf(tables[right.index] as TableSource, field)
  const [name, ...path] = left.kind === 'field' ? left.path : []
  const other = tables.find((each) => each.name === name)
  const ofLeft = other === undefined ? undefined : distinctOf(other, path as string[])
  return 1 / Math.max(1, ofRight ?? 0, ofLeft ?? 0, ofRight === undefined && ofLeft === undefined ? DISTINCT_UNKNOWN : 0)
}

/** How many rows of a table have one value, on average. */
export function rowsOfValue(table: TableSource, path: readonly string[]): number {
  const rows = liveRows(table)
  return rows / Math.max(1, distinctOf(table, path) ?? Math.min(rows, DISTINCT_UNKNOWN))
}

/** Of a table at the point that is read. */
export function liveRows({ source, table }: TableSource): number {
  return estimatedTable(source, table)?.rows ?? SYSTEM_ROWS
}

function distinctOf(of: TableSource, path: readonly string[]): number | undefined {
  const { source, table, primaryKey } = of
  if (path.length === 1 && path[0] === primaryKey) return liveRows(of)
  return source.statistics?.(table)?.columns.find((column) => isSamePath(column.path as string[], path))?.distinct
}
