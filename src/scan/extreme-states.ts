/** MIN and MAX of many groups: the first in key order of the smallest or largest values. */
import { type Value } from '../codec/value.js'
import { compareValues } from '../codec/value-order.js'
import { type PartialState } from './aggregate-query.js'

export class ExtremeStates {
  /** -1: the smallest. */
  readonly sign: 1 | -1
  /** Two values that are equal are not the same: which one comes first in key order is not known here. */
  isUnsure = false
  #best: (Value | undefined)[] = []

  constructor(sign: 1 | -1) {
    this.sign = sign
  }

  /** A value that is not null. */
  add(group: number, value: Value): void {
    const best = this.#best[group]
    if (best === undefined) {
      this.#best[group] = value
      return
    }
    const order = compareValues(value, best)
    if (order === 0) {
      if (!isSame(value, best)) this.isUnsure = true
    } else if (order > 0 === this.sign > 0) this.#best[group] = value
  }

  bestOf(group: number): Value | undefined {
    return this.#best[group]
  }

  partial(groups: number): PartialState {
    return { kind: 'extreme', best: Array.from({ length: groups }, (_, group) => this.#best[group]) }
  }
}

/** Of two values that are equal: whether nothing tells one from the other. Of lists and objects that is not looked into. */
export function isSame(one: Value, other: Value): boolean {
  if (typeof one !== 'object' || typeof other !== 'object') return typeof one === typeof other
  return one === null || (one instanceof Date && other instanceof Date) || (one instanceof Uint8Array && other instanceof Uint8Array)
}
