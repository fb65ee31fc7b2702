import type { Document, Value } from '../codec/value.js'
import type { TableStatistics } from '../format/statistics-file.js'
import { pathText } from '../parser/expression-text.js'
import type { ResultColumn } from '../executor/result-rows.js'

/** Most common values that are shown; plans know more of them. */
const TOP_MAX = 5

/** What ANALYZE shows of each column. */
export const ANALYZE_COLUMNS: readonly ResultColumn[] = [
  { name: 'table', type: 'text', nullable: false },
  { name: 'column', type: 'text', nullable: false },
  { name: 'rows', type: 'int8', nullable: false },
  { name: 'nulls', type: 'int8', nullable: false },
  { name: 'distinct', type: 'int8', nullable: false },
  { name: 'min', type: 'jsonb', nullable: true },
  { name: 'max', type: 'jsonb', nullable: true },
  { name: 'top', type: 'jsonb', nullable: false }
]

export function statisticsRows(table: string, { rows, columns }: TableStatistics): Document[] {
  return columns.map(({ path, nulls, distinct, min, max, common }) => {
    const top = common.slice(0, TOP_MAX).map(({ value, share }): Value => ({ value, share: Math.round(share * 10_000) / 10_000 }))
    return { table, column: pathText(path), rows, nulls, distinct, min, max, top }
  })
}
