/** Partial aggregates to the groups that the row engine would give. */
import { type Value } from '../codec/value.js'
import { type AggregateQuery, type PartialAggregates, type PartialKeys, type PartialState } from './aggregate-query.js'
import { groupOrder } from './group-order.js'
import { GroupTable } from './group-table.js'
import { type Cut, viewed } from './grown.js'
import { isSmallSums, meanOf, type PartialSums, totalOf } from './sum-states.js'

/** In columns, an item for each group: the values of GROUP BY, then the aggregates. */
export type GroupColumns = {
  readonly count: number
  readonly keys: readonly (readonly Value[])[]
  readonly values: readonly (readonly unknown[])[]
}

/** `cut` as in {@link GroupTable.partial}. */
export function mergePartials(query: AggregateQuery, partials: readonly PartialAggregates[], cut?: Cut): PartialAggregates {
  const [only] = partials
  if (only !== undefined && partials.length === 1) return only
  const table = new GroupTable(query)
  for (const partial of partials) table.absorb(partial)
  return table.partial(cut)
}

/**
 * In the order of their keys, NULL last. Undefined where pages cannot tell what the row engine would say: rows must be read.
 * @throws DriftError OUT_OF_RANGE for a sum that is no float64.
 */
export function finishPartials(query: AggregateQuery, partials: readonly PartialAggregates[]): GroupColumns | undefined {
  const { groupCount, keys, states, isUnsure } = mergePartials(query, partials, viewed)
  if (isUnsure) return undefined
  const order = groupOrder(keys, groupCount)
  const values = query.aggregates.map(({ name }, index) => resultsOf(states[index] as PartialState, name, order))
  if (!values.every((results) => results !== undefined)) return undefined
  return { count: groupCount, keys: keys.map((column) => valuesOf(order, column)), values }
}

function valuesOf(order: Int32Array, { values, numbers }: PartialKeys): Value[] {
  const list = new Array<Value>(order.length)
  for (let index = 0; index < order.length; index++) list[index] = values[numbers[order[index] as number] as number] as Value
  return list
}

/** An aggregate of groups in this order; undefined where pages cannot tell one of them. */
function resultsOf(state: PartialState, name: string, order: Int32Array): readonly unknown[] | undefined {
  if (state.kind === 'count') return numbersOf(order, state.counts)
  if (state.kind === 'extreme') return listOf(order, (group) => state.best[group] ?? null)
  if (name === 'avg') return listOf(order, (group) => meanOf(state, group))
  if (isSmallSums(state)) return smallSumsOf(order, state)
  const totals = listOf(order, (group) => totalOf(state, group))
  return totals.includes(undefined) ? undefined : totals
}

function numbersOf(order: Int32Array, numbers: Float64Array): number[] {
  const list = new Array<number>(order.length)
  for (let index = 0; index < order.length; index++) list[index] = smallest(numbers[order[index] as number] as number)
  return list
}

function smallSumsOf(order: Int32Array, { counts, integers }: PartialSums): (number | null)[] {
  const list = new Array<number | null>(order.length)
  for (let index = 0; index < order.length; index++) {
    const group = order[index] as number
    list[index] = counts[group] === 0 ? null : smallest(integers[group] as number)
  }
  return list
}

/** The same number, as a small integer where it is one: else each is an object of its own in the rows. */
function smallest(number: number): number {
  const small = number | 0
  return small === number ? small : number
}

/** As `Array.from`, which goes through an iterator. */
function listOf<Item>(order: Int32Array, of: (group: number) => Item): Item[] {
  const list: Item[] = []
  for (let index = 0; index < order.length; index++) list.push(of(order[index] as number))
  return list
}
