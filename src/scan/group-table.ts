/**
 * The groups of an aggregation and their states, being made: rows, pages and partial results of other threads are added in any order. A
 * group is known by the identities of its values, as in the row engine; each value of a column of GROUP BY has a number, so that rows
 * find their group by numbers.
 */
import { type Value } from '../codec/value.js'
import { identityOf } from '../codec/value-order.js'
import { type AggregateQuery, type PartialAggregates, type PartialState } from './aggregate-query.js'
import { ExtremeStates, isSame } from './extreme-states.js'
import { copied, type Cut, grown } from './grown.js'
import { NumberedPairs } from './numbered-pairs.js'
import { SumStates } from './sum-states.js'

/** Of a group and its states, roughly. */
const GROUP_BYTES = 250
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
  readonly states: readonly AggregateStates[]
  readonly #columns: readonly KeyColumn[]
  readonly #keep: ((bytes: number) => void) | undefined
  /**
   * By column: the number of what was found by the columns before it, and that of the column's value, are a pair, which has the number of
   * the group, or one to go on with.
   */
  readonly #pairs: readonly NumberedPairs[]
  /** By column, of each group its value's number. */
  readonly #numbers: Int32Array[]
  #groupCount = 0
  #room = 1
  /** What `keep` was told. */
  #bytes = 0
  #isUnsure = false

  /** `keep` is told of the bytes that groups take. */
  constructor({ groupBy, aggregates }: Pick<AggregateQuery, 'groupBy' | 'aggregates'>, keep?: (bytes: number) => void) {
    this.#keep = keep
    this.#columns = groupBy.map(() => new KeyColumn())
    this.#pairs = groupBy.map(() => new NumberedPairs())
    this.#numbers = groupBy.map(() => new Int32Array(1))
    this.states = aggregates.map(({ name }) => {
      if (name === 'count') return new CountStates()
      return name === 'sum' || name === 'avg' ? new SumStates() : new ExtremeStates(name === 'min' ? -1 : 1)
    })
    if (groupBy.length === 0) this.#groupCount = 1
  }

  /** The number of a value in a column of GROUP BY. */
  numberOf(column: number, value: Value): number {
    return (this.#columns[column] as KeyColumn).numberOf(value)
  }

  /** The groups of so many rows, of which each column of GROUP BY has the numbers. */
  groupsOf(numbers: readonly Int32Array[], rows: number): Int32Array {
    const last = numbers.length - 1
    let found: Int32Array = new Int32Array(rows)
    for (const [column, ofColumn] of numbers.entries()) {
      const pairs = this.#pairs[column] as NumberedPairs
      const before = found
      // What the first of several columns finds is the number of its value.
      if (column === 0 && last > 0) {
        found = ofColumn
        continue
      }
      found = new Int32Array(rows)
      for (let row = 0; row < rows; row++) {
        const [left, right] = [before[row] as number, ofColumn[row] as number]
        let next = pairs.numberOf(left, right)
        if (next < 0) {
          next = column === last ? this.#addGroup(numbers, row) : pairs.count
          pairs.add(left, right, next)
        }
        found[row] = next
      }
    }
    return found
  }

  /** Room for so many groups: made at once where it is known that there are at least as many. */
  reserve(groups: number): void {
    if (groups <= this.#room) return
    this.#room = groups
    for (const [column, numbers] of this.#numbers.entries()) this.#numbers[column] = grown(numbers, groups)
    for (const states of this.states) {
      if (states instanceof CountStates) states.counts = grown(states.counts, groups)
      else if (states instanceof SumStates) states.reserve(groups)
    }
  }

  absorb({ groupCount, keys, states, isUnsure }: PartialAggregates): void {
    if (isUnsure) this.#isUnsure = true
    this.reserve(this.#groupCount + groupCount)
    const numbers = keys.map((of, column) => {
      const numbersHere = of.values.map((value) => this.numberOf(column, value))
      return of.numbers.map((number) => numbersHere[number] as number)
    })
    const groups = this.groupsOf(numbers, groupCount)
    states.forEach((state, index) => absorbState(this.states[index] as AggregateStates, groups, state))
  }

  /** Once, behind all that is added. `cut`: for another thread without the room that is left over; or views. */
  partial(cut: Cut = copied): PartialAggregates {
    const groups = this.#groupCount
    return {
      groupCount: groups,
      keys: this.#columns.map(({ values }, column) => ({ values, numbers: cut(this.#numbers[column] as Int32Array, groups) })),
      states: this.states.map((states): PartialState =>
        states instanceof CountStates ? { kind: 'count', counts: cut(states.counts, groups) } : states.partial(groups, cut)
      ),
      isUnsure: this.#isUnsure || this.#columns.some((column) => column.isUnsure) || this.states.some(isUnsureOf)
    }
  }

  /** That of a row. */
  #addGroup(numbers: readonly Int32Array[], row: number): number {
    const group = this.#groupCount++
    if (this.#groupCount > this.#room) this.reserve(Math.max(FIRST_ROOM, this.#groupCount * 2))
    for (let column = 0; column < numbers.length; column++) {
      const into = this.#numbers[column] as Int32Array
      into[group] = numbers[column]?.[row] as number
    }
    if (this.#keep !== undefined) {
      let bytes = this.#groupCount * GROUP_BYTES
      for (const states of this.states) if (states instanceof SumStates) bytes += states.exactBytes
      this.#keep(bytes - this.#bytes)
      this.#bytes = bytes
    }
    return group
  }
}

function isUnsureOf(states: AggregateStates): boolean {
  return states instanceof ExtremeStates && states.isUnsure
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
