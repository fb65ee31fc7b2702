/** Partial aggregates to the rows that the row engine would give. */
import { type Value } from '../codec/value.js'
import { compareValues } from '../codec/value-order.js'
import { type AggregateQuery, type PartialAggregates } from './aggregate-query.js'
import { GroupTable } from './group-table.js'

/** A row for each group: the values of GROUP BY, then the aggregates. */
export type GroupRow = { readonly keys: readonly Value[]; readonly values: readonly unknown[] }

export function mergePartials(query: AggregateQuery, partials: readonly PartialAggregates[]): PartialAggregates {
  const table = new GroupTable(query)
  for (const partial of partials) table.absorb(partial)
  return table.partial()
}

/**
 * In the order of their keys, NULL last. Undefined where pages cannot tell what the row engine would say: rows must be read.
 * @throws DriftError OUT_OF_RANGE for a sum that is no float64.
 */
export function finishPartials(query: AggregateQuery, partials: readonly PartialAggregates[]): readonly GroupRow[] | undefined {
  const table = new GroupTable(query)
  for (const partial of partials) table.absorb(partial)
  if (table.isUnsure) return undefined
  const rows: GroupRow[] = []
  for (let group = 0; group < table.groupCount; group++) {
    const values = query.aggregates.map((_, index) => table.resultOf(index, group))
    if (values.includes(undefined)) return undefined
    rows.push({ keys: table.keysOf(group), values })
  }
  return rows.sort(byKeys)
}

function byKeys({ keys: left }: GroupRow, { keys: right }: GroupRow): number {
  for (let index = 0; index < left.length; index++) {
    const [one, other] = [left[index] as Value, right[index] as Value]
    const order = one === null || other === null ? Number(one === null) - Number(other === null) : compareValues(one, other)
    if (order !== 0) return order
  }
  return 0
}
