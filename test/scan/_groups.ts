/** Groups as rows: the values of GROUP BY, then the aggregates. */
import { type AggregateQuery, type PartialAggregates } from '../../src/scan/aggregate-query.js'
import { finishPartials, type GroupColumns } from '../../src/scan/finish-partials.js'
import { sweepQuery } from '../../src/scan/sweep-cells.js'

export type GroupRow = { readonly keys: readonly unknown[]; readonly values: readonly unknown[] }

export function groupRows({ count, keys, values }: GroupColumns): GroupRow[] {
  return Array.from({ length: count }, (_, row) => ({
    keys: keys.map((column) => column[row]),
    values: values.map((column) => column[row])
  }))
}

/** Those at one point of a sweep, as a query there would give them; undefined where pages cannot tell. */
export function rowsAtPoint(query: AggregateQuery, partials: readonly PartialAggregates[], S: number): readonly GroupRow[] | undefined {
  const columns = finishPartials(sweepQuery(query), partials)
  if (columns === undefined) return undefined
  const rows = groupRows(columns).filter(({ keys }) => keys[0] === S)
  // Without GROUP BY there is a group of no rows.
  if (rows.length === 0 && query.groupBy.length === 0) return groupRows(finishPartials(query, []) as GroupColumns)
  return rows.map(({ keys, values }) => ({ keys: keys.slice(1), values }))
}
