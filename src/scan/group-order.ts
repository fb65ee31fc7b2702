/** The order of groups: by their values of GROUP BY, one column after the other, NULL last. */
import { type Value } from '../codec/value.js'
import { compareValues } from '../codec/value-order.js'
import { type PartialKeys } from './aggregate-query.js'

/** Places that groups are dealt out to at once, for each group and beside. */
const PLACES_PER_GROUP = 4
const PLACES_FREE = 1024

/**
 * The groups in their order; those that are alike stay in the order of their numbers. Of each column the values are compared, and their
 * ranks, of some columns together as one number, say the places that groups are dealt out to, the last columns first: 3,072 groups of
 * three columns take 25 us, sorted as numbers 130.
 */
export function groupOrder(keys: readonly PartialKeys[], groupCount: number): Int32Array {
  const placesMax = PLACES_FREE + PLACES_PER_GROUP * groupCount
  const places = new Int32Array(groupCount)
  let placeCount = 1
  let order: Int32Array | undefined
  for (const { values, numbers } of keys.toReversed()) {
    if (values.length < 2) continue
    const { ranks, count } = nearIntegers(values, placesMax) ?? ranksOf(values)
    if (placeCount > 1 && placeCount * count > placesMax) {
      order = dealtOut(order, places, placeCount)
      places.fill(0)
      placeCount = 1
    }
    for (let group = 0; group < groupCount; group++) {
      places[group] = (places[group] as number) + placeCount * (ranks[numbers[group] as number] as number)
    }
    placeCount *= count
  }
  return dealtOut(order, places, placeCount)
}

/** Groups in this order, or that of their numbers, put in the order of their places. */
function dealtOut(order: Int32Array | undefined, places: Int32Array, placeCount: number): Int32Array {
  const next = new Int32Array(placeCount + 1)
  for (let group = 0; group < places.length; group++) {
    const behind = (places[group] as number) + 1
    next[behind] = (next[behind] as number) + 1
  }
  for (let place = 1; place < placeCount; place++) next[place] = (next[place] as number) + (next[place - 1] as number)
  const dealt = new Int32Array(places.length)
  for (let index = 0; index < places.length; index++) {
    const group = order === undefined ? index : (order[index] as number)
    const place = places[group] as number
    const at = next[place] as number
    next[place] = at + 1
    dealt[at] = group
  }
  return dealt
}

/** By number of a value its rank, below `count`; the same for values that are equal. */
type Ranks = { readonly ranks: Int32Array; readonly count: number }

/** Integers that lie close together are ranks as they are: a sort of 20,000 takes 4 ms. Undefined for others. */
function nearIntegers(values: readonly Value[], countMax: number): Ranks | undefined {
  let [least, most] = [Infinity, -Infinity]
  for (const value of values) {
    if (typeof value !== 'number' || !Number.isSafeInteger(value)) return undefined
    if (value < least) least = value
    if (value > most) most = value
    if (most - least >= countMax) return undefined
  }
  const ranks = new Int32Array(values.length)
  for (let number = 0; number < ranks.length; number++) ranks[number] = (values[number] as number) - least
  return { ranks, count: most - least + 1 }
}

function ranksOf(values: readonly Value[]): Ranks {
  const sorted = Array.from(values, (_, number) => number).sort((one, other) => compareKeys(values[one] as Value, values[other] as Value))
  const ranks = new Int32Array(values.length)
  let rank = 0
  for (let index = 1; index < sorted.length; index++) {
    const [before, number] = [sorted[index - 1] as number, sorted[index] as number]
    if (compareKeys(values[before] as Value, values[number] as Value) !== 0) rank++
    ranks[number] = rank
  }
  return { ranks, count: rank + 1 }
}

function compareKeys(one: Value, other: Value): number {
  return one === null || other === null ? Number(one === null) - Number(other === null) : compareValues(one, other)
}
