/**
 * The groups of an aggregation and their states, being made: rows, pages and partial results of other threads are added in any order. A
 * group is known by the identities of its values, as in the row engine; each value of a column of GROUP BY has a number, so that rows
 * find their group by numbers.
 */
import { type Value } from '../codec/value.js'
import { identityOf } from '../codec/value-order.js'
import { type AggregateQuery, type PartialAggregates, type PartialState, type ScanAggregate } from './aggregate-query.js'
import { ExtremeStates, isSame } from './extreme-states.js'
import { grown } from './grown.js'
import { SumStates } from './sum-states.js'

/** Of a group and its states, roughly. */
const GROUP_BYTES = 250
/** Numbers of values are below this. */
const VALUES_MAX = 2 ** 26
/** A pair of numbers below these is one of 30 bits, which a map finds four times as fast as one that is no small integer. */
const SMALL_VALUES = 2 ** 12
const SMALL_FOUND = 2 ** 18
const FIRST_ROOM = 64

/** COUNT of many groups. */
export class CountStates {
  counts = new Float64Array(1)

  add(group: number, count: number): void {
    this.counts[group] = (this.counts[group] as number) + count
  }
}

export type AggregateStates = CountStates | SumStates | ExtremeStates

/** Values of one column of GROUP BY. */
class KeyColumn {
  readonly values: Value[] = []
  isUnsure = false
  readonly #byText = new Map<string, number>()
  readonly #byNumber = new Map<number, number>()
  readonly #byIdentity = new Map<string, number>()

  numberOf(value: Value): number {
    if (typeof value === 'string') return this.#find(this.#byText, value, value)
    if (typeof value === 'number' && Number.isSafeInteger(value)) return this.#find(this.#byNumber, value, value)
    return this.#find(this.#byIdentity, identityOf(value), value)
  }

  #find<K>(known: Map<K, number>, key: K, value: Value): number {
    const number = known.get(key)
    if (number === undefined) {
      known.set(key, this.values.length)
      return this.values.push(value) - 1
    }
    if (!isSame(value, this.values[number] as Value)) this.isUnsure = true
    return number
  }
}

export class GroupTable {
  readonly aggregates: readonly ScanAggregate[]
  readonly states: readonly AggregateStates[]
  readonly #columns: readonly KeyColumn[]
  readonly #keep: (bytes: number) => void
  /** By the numbers of all columns but the last, each pair made one number: the group, or the number of the pair. */
  readonly #pairs: readonly Map<number, number>[]
  /** By column, of each group its value's number. */
  readonly #numbers: Int32Array[]
  #groupCount = 0
  #room = 1
  /** What `keep` was told. */
  #bytes = 0
  #isUnsure = false

  /** `keep` is told of the bytes that groups take. */
  constructor({ groupBy, aggregates }: Pick<AggregateQuery, 'groupBy' | 'aggregates'>, keep: (bytes: number) => void = () => {}) {
    this.aggregates = aggregates
    this.#keep = keep
    this.#columns = groupBy.map(() => new KeyColumn())
    this.#pairs = groupBy.map(() => new Map<number, number>())
    this.#numbers = groupBy.map(() => new Int32Array(1))
    this.states = aggregates.map(({ name }) => {
      if (name === 'count') return new CountStates()
      return name === 'sum' || name === 'avg' ? new SumStates() : new ExtremeStates(name === 'min' ? -1 : 1)
    })
    if (groupBy.length === 0) this.#addGroup([])
  }

  get groupCount(): number {
    return this.#groupCount
  }

  /** The number of a value in a column of GROUP BY. */
  numberOf(column: number, value: Value): number {
    return (this.#columns[column] as KeyColumn).numberOf(value)
  }

  /** The group of these numbers, one a column. */
  groupOf(numbers: readonly number[]): number {
    const { length } = numbers
    if (length === 0) return 0
    let found = 0
    for (let column = 0; column < length; column++) {
      const pairs = this.#pairs[column] as Map<number, number>
      const pair = pairOf(found, numbers[column] as number)
      let next = pairs.get(pair)
      if (next === undefined) {
        next = column === length - 1 ? this.#addGroup(numbers) : pairs.size
        pairs.set(pair, next)
      }
      found = next
    }
    return found
  }

  absorb({ groupCount, keys, states, isUnsure }: PartialAggregates): void {
    if (isUnsure) this.#isUnsure = true
    const numbersOf = keys.map(({ values }, column) => values.map((value) => this.numberOf(column, value)))
    this.#reserve(this.#groupCount + groupCount)
    const groups = new Int32Array(groupCount)
    const one = new Array<number>(keys.length)
    for (let from = 0; from < groupCount; from++) {
      for (let column = 0; column < keys.length; column++) {
        one[column] = numbersOf[column]?.[keys[column]?.numbers[from] as number] as number
      }
      groups[from] = this.groupOf(one)
    }
    states.forEach((state, index) => absorbState(this.states[index] as AggregateStates, groups, state))
  }

  partial(): PartialAggregates {
    return {
      groupCount: this.#groupCount,
      keys: this.#columns.map(({ values }, column) => ({ values, numbers: this.numbersOf(column) })),
      states: this.states.map((states): PartialState =>
        states instanceof CountStates
          ? { kind: 'count', counts: states.counts.slice(0, this.#groupCount) }
          : states.partial(this.#groupCount)
      ),
      isUnsure: this.isUnsure
    }
  }

  get isUnsure(): boolean {
    return (
      this.#isUnsure ||
      this.#columns.some((column) => column.isUnsure) ||
      this.states.some((states) => states instanceof ExtremeStates && states.isUnsure)
    )
  }

  /** The values of a column of GROUP BY, each once. */
  valuesOf(column: number): readonly Value[] {
    return (this.#columns[column] as KeyColumn).values
  }

  /** By group the number of its value. */
  numbersOf(column: number): Int32Array {
    return (this.#numbers[column] as Int32Array).slice(0, this.#groupCount)
  }

  /** An aggregate of a group; undefined where pages cannot tell. */
  resultOf(index: number, group: number): unknown {
    const states = this.states[index] as AggregateStates
    if (states instanceof CountStates) return states.counts[group]
    if (states instanceof ExtremeStates) return states.bestOf(group) ?? null
    return this.aggregates[index]?.name === 'avg' ? states.mean(group) : states.total(group)
  }

  /** Room for so many groups. */
  #reserve(groups: number): void {
    if (groups <= this.#room) return
    this.#room = groups
    for (const [column, numbers] of this.#numbers.entries()) this.#numbers[column] = grown(numbers, groups)
    for (const states of this.states) {
      if (states instanceof CountStates) states.counts = grown(states.counts, groups)
      else if (states instanceof SumStates) states.reserve(groups)
    }
  }

  #addGroup(numbers: readonly number[]): number {
    const group = this.#groupCount++
    if (this.#groupCount > this.#room) this.#reserve(Math.max(FIRST_ROOM, this.#groupCount * 2))
    for (let column = 0; column < numbers.length; column++) (this.#numbers[column] as Int32Array)[group] = numbers[column] as number
    if (numbers.length > 0) {
      let bytes = this.#groupCount * GROUP_BYTES
      for (const states of this.states) if (states instanceof SumStates) bytes += states.exactBytes
      this.#keep(bytes - this.#bytes)
      this.#bytes = bytes
    }
    return group
  }
}

/** Small pairs are not negative, others are. */
function pairOf(found: number, number: number): number {
  if (number < SMALL_VALUES && found < SMALL_FOUND) return found * SMALL_VALUES + number
  return -1 - (found * VALUES_MAX + number)
}

/** `groups`: by group of `from`. */
function absorbState(states: AggregateStates, groups: Int32Array, from: PartialState): void {
  if (states instanceof CountStates) {
    if (from.kind === 'count')
      for (let group = 0; group < groups.length; group++) states.add(groups[group] as number, from.counts[group] as number)
  } else if (states instanceof SumStates) {
    if (from.kind === 'sum') for (let group = 0; group < groups.length; group++) states.absorb(groups[group] as number, from, group)
  } else if (from.kind === 'extreme') {
    for (let group = 0; group < groups.length; group++) {
      const value = from.best[group]
      if (value !== undefined) states.add(groups[group] as number, value)
    }
  }
}
