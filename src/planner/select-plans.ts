/** The plans of statements, kept with them: made anew only where their names mean something else, or tables are joined in another order. */
import { type Select } from '../parser/ast.js'
import { type Execution } from '../expression/evaluate.js'
import { joinOrder } from './join-order.js'
import { planSelect, type SelectPlan } from './plan.js'
import { type TableSource } from '../relation/table-source.js'

/** A statement planned for each way in which its names can be understood: mostly one. Statements are frozen and live in the plan cache. */
const plans = new WeakMap<Select, Map<string, SelectPlan>>()

/** `order`: see `planSelect`. */
export function planFor(select: Select, tables: readonly TableSource[], order?: readonly number[]): SelectPlan {
  let known = plans.get(select)
  if (known === undefined) {
    known = new Map()
    plans.set(select, known)
  }
  const asking = asksFor(select)
  const names = tables.map((table) => [table.primaryKey, ...asking.filter((name) => table.hasColumn(name))].join('\n')).join('\n\n')
  const reading = order === undefined ? names : `${order.join(' ')}\n\n\n${names}`
  const found = known.get(reading)
  if (found !== undefined) return found
  const plan = planSelect(
    select,
    tables.map((table) => ({ ...table, isTable: table.rows === undefined })),
    order
  )
  known.set(reading, plan)
  return plan
}

/** Names whose meaning depends on which table has such a column: aliases, values written `"…"`, in a join all that name no table. */
function asksFor(select: Select): readonly string[] {
  const known = askedNames.get(select)
  if (known !== undefined) return known
  const names = new Set<string>()
  const isJoin = select.from?.kind === 'join'
  for (const item of select.items) if (item.kind === 'item' && item.aliased) names.add(item.name)
  const look = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return
    if ('quoted' in node && 'value' in node) names.add(String(node.value))
    else if (isJoin && 'path' in node && Array.isArray(node.path)) names.add(String(node.path[0]))
    else for (const inner of Object.values(node)) look(inner)
  }
  look(select)
  const asked = [...names].sort()
  askedNames.set(select, asked)
  return asked
}

const askedNames = new WeakMap<Select, readonly string[]>()

/** The plan in the order of tables that is expected to cost least. `firstRows`: so many of its rows may be enough. */
export function reordered(
  select: Select,
  written: SelectPlan,
  tables: readonly TableSource[],
  execution: Execution,
  firstRows: number
): SelectPlan {
  if (written.source?.kind !== 'join') return written
  const isStreamed = written.group === undefined && written.sort.length === 0 && !written.distinct
  const order = joinOrder(written.source, tables, execution, isStreamed ? firstRows : Number.POSITIVE_INFINITY)
  return order === undefined ? written : planFor(select, tables, order)
}
