/** Whether the entries of an index stand in the order that a query asks for, and which way they are read for it. */
import { type EntryOrder } from '../index/readable-index.js'
import { isSamePath, type IndexCandidate } from './index-candidate.js'
import { type ColumnOrder } from './source-plan.js'

/**
 * `order`: as ORDER BY has it; empty: that of the keys. Rows that it does not tell apart come in the order of their keys. Undefined: the
 * entries stand otherwise.
 */
export function entryOrder(
  { index, ranges, known }: IndexCandidate,
  order: readonly ColumnOrder[],
  primaryKey: string
): EntryOrder | undefined {
  const { columns } = index.definition
  if (ranges.length !== 1 || index.reader.memory.hasCut) return undefined
  const isKey = (path: readonly string[] | undefined): boolean => path !== undefined && path.length === 1 && path[0] === primaryKey
  let at = known
  let isForward: boolean | undefined
  // How rows are told apart in the end: by their keys, if nothing else is said.
  let isKeyDescending = false
  for (const { path, isDescending } of order) {
    // One value is in no order.
    if (columns.slice(0, known).some((column) => isSamePath(column.path, path))) continue
    if (isKey(path)) {
      isKeyDescending = isDescending
      break
    }
    const column = columns[at++]
    if (column === undefined || !isSamePath(column.path, path)) return undefined
    const isAlong = column.isDescending === isDescending
    if (isForward !== undefined && isForward !== isAlong) return undefined
    isForward = isAlong
  }
  const next = columns[at]
  if (next !== undefined && !isKey(next.path)) return undefined
  const isBackwardForKey = (next?.isDescending ?? false) !== isKeyDescending
  if (isForward === undefined || isForward !== isBackwardForKey) return isBackwardForKey ? 'backward' : 'forward'
  // Values one way, keys the other.
  return !isForward && next === undefined && !isKeyDescending ? 'backward-by-values' : undefined
}
