/** How many rows a scan of one table gives, and how many of them a filter leaves: for EXPLAIN, and for whoever chooses between plans. */
import { isSystemTable } from '../base/ids.js'
import { type Bound } from '../statistics/column-estimates.js'
import { type Value } from '../codec/value.js'
import { type Execution } from '../expression/evaluate.js'
import { type KeyAccess } from './key-access.js'
import { type QuerySource } from '../relation/query-source.js'
import { estimatedRows, keyRangeShare, selectivity, type EstimatedTable } from './selectivity.js'
import { type Condition, type TableScan } from './source-plan.js'

/**
 * The table at the point of `source`: its rows there, and the statistics that there are, of whatever point. `name`: what paths of its fields
 * begin with, in a join. Undefined of a table of the system: nobody knows what is in its columns, and counting it is a read of it.
 */
export function estimatedTable(source: QuerySource, table: string, name?: string): EstimatedTable | undefined {
  if (isSystemTable(table)) return undefined
  return { rows: source.count(table), statistics: source.statistics?.(table), primaryKey: source.primaryKey(table), name }
}

/** Rows that a scan finds by its access, before any condition. */
export function scanRows({ access }: Pick<TableScan, 'access'>, table: EstimatedTable, execution: Execution): number {
  switch (access.kind) {
    case 'all':
      return table.rows
    case 'keys':
      return Math.min(access.keys.length, table.rows)
    case 'range': {
      const bound = (side: 'g' | 'l'): Bound | undefined => boundOf(access, side, execution)
      return estimatedRows(keyRangeShare(table, bound('g'), bound('l'), execution), table)
    }
  }
}

/** Rows of the table for which a condition is true. */
export function filteredRows({ expression }: Condition, table: EstimatedTable, execution: Execution): number {
  return estimatedRows(selectivity(expression, table, execution), table)
}

/** The first one of its side, which is the one that the scan goes by. NULL bounds nothing: the condition is asked of the rows. */
function boundOf({ bounds }: KeyAccess & { readonly kind: 'range' }, of: 'g' | 'l', execution: Execution): Bound | undefined {
  const found = bounds.find(({ side }) => side.startsWith(of))
  const value = (found?.value.value(execution) ?? null) as Value
  return found === undefined || value === null ? undefined : { value, isInclusive: found.side.endsWith('e') }
}
