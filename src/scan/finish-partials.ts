/** Partial aggregates to the groups that the row engine would give. */
import { type Value } from '../codec/value.js'
import { compareValues } from '../codec/value-order.js'
import { type AggregateQuery, type PartialAggregates } from './aggregate-query.js'
import { GroupTable } from './group-table.js'

/** In columns, an item for each group: the values of GROUP BY, then the aggregates. */
export type GroupColumns = {
  readonly count: number
  readonly keys: readonly (readonly Value[])[]
  readonly values: readonly (readonly unknown[])[]
}

export function mergePartials(query: AggregateQuery, partials: readonly PartialAggregates[]): PartialAggregates {
  const table = new GroupTable(query)
  for (const partial of partials) table.absorb(partial)
  return table.partial()
}

/**
 * In the order of their keys, NULL last. Undefined where pages cannot tell what the row engine would say: rows must be read.
 * @throws DriftError OUT_OF_RANGE for a sum that is no float64.
 */
export function finishPartials(query: AggregateQuery, partials: readonly PartialAggregates[]): GroupColumns | undefined {
  const table = new GroupTable(query)
  for (const partial of partials) table.absorb(partial)
  if (table.isUnsure) return undefined
  const { groupCount } = table
  const order = query.groupBy.length === 0 ? Int32Array.of(0) : inOrder(table, query.groupBy.length)
  const values = query.aggregates.map((_, index) => listOf(order, (group) => table.resultOf(index, group)))
  if (values.some((results) => results.includes(undefined))) return undefined
  const keys = query.groupBy.map((_, column) => {
    const [known, numbers] = [table.valuesOf(column), table.numbersOf(column)]
    return listOf(order, (group) => known[numbers[group] as number] as Value)
  })
  return { count: groupCount, keys, values }
}

/** The groups by their keys: of each column the values are compared once, then groups are sorted as numbers. */
function inOrder(table: GroupTable, columnCount: number): Int32Array {
  const { groupCount } = table
  const columns = Array.from({ length: columnCount }, (_, column) => ranksOf(table, column))
  const size = columns.reduce((product, { count }) => product * count, groupCount)
  if (size > Number.MAX_SAFE_INTEGER) {
    const compare = (one: number, other: number): number => {
      for (const { ranks } of columns) if (ranks[one] !== ranks[other]) return (ranks[one] as number) - (ranks[other] as number)
      return one - other
    }
    return Int32Array.from({ length: groupCount }, (_, group) => group).sort(compare)
  }
  const places = new Float64Array(groupCount)
  for (const { ranks, count } of columns) {
    for (let group = 0; group < groupCount; group++) places[group] = (places[group] as number) * count + (ranks[group] as number)
  }
  for (let group = 0; group < groupCount; group++) places[group] = (places[group] as number) * groupCount + group
  places.sort()
  const order = new Int32Array(groupCount)
  for (let index = 0; index < groupCount; index++) {
    const place = places[index] as number
    order[index] = place - Math.floor(place / groupCount) * groupCount
  }
  return order
}

/** As `Array.from`, which goes through an iterator. */
function listOf<Item>(order: Int32Array, of: (group: number) => Item): Item[] {
  const list: Item[] = []
  for (let index = 0; index < order.length; index++) list.push(of(order[index] as number))
  return list
}

/** Of each group the rank of its value, the same for values that are equal; below `count`. */
function ranksOf(table: GroupTable, column: number): { readonly ranks: Int32Array; readonly count: number } {
  const values = table.valuesOf(column)
  const sorted = Array.from(values, (_, number) => number).sort((one, other) => compareKeys(values[one] as Value, values[other] as Value))
  const ranks = new Int32Array(values.length)
  let rank = 0
  for (let index = 1; index < sorted.length; index++) {
    const [before, number] = [sorted[index - 1] as number, sorted[index] as number]
    if (compareKeys(values[before] as Value, values[number] as Value) !== 0) rank++
    ranks[number] = rank
  }
  return { ranks: table.numbersOf(column).map((number) => ranks[number] as number), count: values.length }
}

function compareKeys(one: Value, other: Value): number {
  return one === null || other === null ? Number(one === null) - Number(other === null) : compareValues(one, other)
}
