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
  /** Of each group its values' numbers, by column. */
  readonly #numbers: number[][] = []
  #groupCount = 0
  #room = 1
  #isUnsure = false

  /** `keep` is told of the bytes that groups take. */
  constructor({ groupBy, aggregates }: Pick<AggregateQuery, 'groupBy' | 'aggregates'>, keep: (bytes: number) => void = () => {}) {
    this.aggregates = aggregates
    this.#keep = keep
    this.#columns = groupBy.map(() => new KeyColumn())
    this.#pairs = groupBy.map(() => new Map<number, number>())
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
      const pair = found * VALUES_MAX + (numbers[column] as number)
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
    for (let from = 0; from < groupCount; from++) {
      const group = this.groupOf(keys.map((values, column) => this.numberOf(column, values[from] as Value)))
      states.forEach((state, index) => absorbState(this.states[index] as AggregateStates, group, state, from))
    }
  }

  partial(): PartialAggregates {
    return {
      groupCount: this.#groupCount,
      keys: this.#columns.map(({ values }, column) => this.#numbers.map((numbers) => values[numbers[column] as number] as Value)),
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

  /** The values of a group, one a column. */
  keysOf(group: number): Value[] {
    return this.#columns.map(({ values }, column) => values[this.#numbers[group]?.[column] as number] as Value)
  }

  /** An aggregate of a group; undefined where pages cannot tell. */
  resultOf(index: number, group: number): unknown {
    const states = this.states[index] as AggregateStates
    if (states instanceof CountStates) return states.counts[group]
    if (states instanceof ExtremeStates) return states.bestOf(group) ?? null
    return this.aggregates[index]?.name === 'avg' ? states.mean(group) : states.total(group)
  }

  #addGroup(numbers: readonly number[]): number {
    this.#keep(numbers.length === 0 ? 0 : GROUP_BYTES)
    const group = this.#groupCount++
    this.#numbers.push([...numbers])
    if (this.#groupCount > this.#room) {
      this.#room = this.#groupCount * 2
      for (const states of this.states) {
        if (states instanceof CountStates) states.counts = grown(states.counts, this.#room)
        else if (states instanceof SumStates) states.reserve(this.#room)
      }
    }
    return group
  }
}

function absorbState(states: AggregateStates, group: number, from: PartialState, fromGroup: number): void {
  if (states instanceof CountStates) {
    if (from.kind === 'count') states.add(group, from.counts[fromGroup] as number)
  } else if (states instanceof SumStates) {
    if (from.kind === 'sum') states.absorb(group, from, fromGroup)
  } else if (from.kind === 'extreme') {
    const value = from.best[fromGroup]
    if (value !== undefined) states.add(group, value)
  }
}
