/** What a scan will look at, for a source that wants to know: which keys, and what must be true of a row that matters. */
import { batchOf } from '../expression/batch.js'
import { type Execution } from '../expression/evaluate.js'
import { findAccess } from '../planner/key-access.js'
import { type QuerySource } from '../relation/query-source.js'
import { type Condition, type TableScan } from '../planner/source-plan.js'

/** `where`: over the fields of the scan as documents have them; undefined where every row matters. */
export function tellRead(
  source: QuerySource,
  scan: TableScan,
  where: Condition | undefined,
  execution: Execution,
  table = scan.table
): void {
  if (source.read === undefined || table === undefined) return
  const access = findAccess(scan.access, execution, false)
  const { fields, keysOnly } = scan
  const matches =
    where === undefined
      ? undefined
      : (document: Parameters<typeof batchOf>[0][number]): boolean => {
          const { values, nulls } = where.evaluator.vector(batchOf([document], { paths: fields, documents: 'drop' }), execution)
          return nulls[0] === 0 && values[0] === true
        }
  const [keys, range] = access.kind === 'keys' ? [access.keys, undefined] : [undefined, access.range]
  source.read(table, { keys, range, keysOnly, matches })
}
