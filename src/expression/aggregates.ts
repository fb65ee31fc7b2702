/** COUNT, SUM, AVG, MIN, MAX of one group. All skip NULL; over nothing COUNT is 0 and the others are NULL. */
import { compareValues, identityOf } from '../codec/value-order.js'
import { EXACT_SUM_BYTES } from '../kernel/exact-sum.js'
import { type AggregateName } from '../parser/ast.js'
import { NumberSum } from '../scan/number-sum.js'
import { type Evaluator } from './evaluate.js'

/** An aggregate of a statement; without an operand it counts rows. */
export type AggregateColumn = { readonly name: AggregateName; readonly distinct: boolean; readonly operand: Evaluator | null }

export type Accumulator = {
  /** A value that is not null. */
  add(value: unknown): void
  result(): unknown
}

/** `keep` is told how many bytes a sum of floats takes, and a DISTINCT for a value that it must remember. */
export function newAccumulator(name: AggregateName, distinct: boolean, keep: (bytes: number) => void): Accumulator {
  const accumulator = plainAccumulator(name, keep)
  // MIN and MAX are the same over distinct values.
  return distinct && name !== 'min' && name !== 'max' ? new DistinctValues(accumulator, keep) : accumulator
}

function plainAccumulator(name: AggregateName, keep: (bytes: number) => void): Accumulator {
  switch (name) {
    case 'count':
      return new Count()
    case 'sum':
      return new Sum((sum) => sum.total(), keep)
    case 'avg':
      return new Sum((sum) => sum.mean(), keep)
    case 'min':
      return new Extreme(-1)
    case 'max':
      return new Extreme(1)
  }
}

class Count implements Accumulator {
  #count = 0

  add(): void {
    this.#count++
  }

  result(): number {
    return this.#count
  }
}

class Sum implements Accumulator {
  readonly #finish: (sum: NumberSum) => number | bigint | null
  readonly #keep: (bytes: number) => void
  readonly #sum = new NumberSum()

  constructor(finish: (sum: NumberSum) => number | bigint | null, keep: (bytes: number) => void) {
    this.#finish = finish
    this.#keep = keep
  }

  add(value: unknown): void {
    if (this.#sum.add(value)) this.#keep(EXACT_SUM_BYTES)
  }

  result(): number | bigint | null {
    return this.#finish(this.#sum)
  }
}

class Extreme implements Accumulator {
  readonly #sign: number
  #best: unknown = null

  constructor(sign: number) {
    this.#sign = sign
  }

  add(value: unknown): void {
    if (this.#best === null || Math.sign(compareValues(value, this.#best)) === this.#sign) this.#best = value
  }

  result(): unknown {
    return this.#best
  }
}

class DistinctValues implements Accumulator {
  readonly #inner: Accumulator
  readonly #keep: (bytes: number) => void
  readonly #seen = new Set<string>()

  constructor(inner: Accumulator, keep: (bytes: number) => void) {
    this.#inner = inner
    this.#keep = keep
  }

  add(value: unknown): void {
    const identity = identityOf(value)
    if (this.#seen.has(identity)) return
    this.#keep(64 + identity.length)
    this.#seen.add(identity)
    this.#inner.add(value)
  }

  result(): unknown {
    return this.#inner.result()
  }
}
