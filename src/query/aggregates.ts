/** COUNT, SUM, AVG, MIN, MAX of one group. All skip NULL; over nothing COUNT is 0 and the others are NULL. */
import { DriftError } from '../base/errors.js'
import { type AggregateName } from '../parser/ast.js'
import { settled } from './arithmetic.js'
import { compareValues, identityOf } from './order.js'

export type Accumulator = {
  /** A value that is not null. */
  add(value: unknown): void
  result(): unknown
}

/** `keep` is told how many bytes a DISTINCT takes for a value that it must remember. */
export function newAccumulator(name: AggregateName, distinct: boolean, keep: (bytes: number) => void): Accumulator {
  const accumulator = plainAccumulator(name)
  // MIN and MAX are the same over distinct values.
  return distinct && name !== 'min' && name !== 'max' ? new DistinctValues(accumulator, keep) : accumulator
}

function plainAccumulator(name: AggregateName): Accumulator {
  switch (name) {
    case 'count':
      return new Count()
    case 'sum':
      return new Sum((sum) => sum.total())
    case 'avg':
      return new Sum((sum) => sum.mean())
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

/**
 * Integers are summed exactly. Floats are summed in two doubles (Dekker's and Knuth's error-free additions), so that the result does not
 * depend on how the rows were cut into pages. Values that are no numbers do not count.
 */
class Sum implements Accumulator {
  readonly #finish: (sum: Sum) => number | bigint | null
  #count = 0
  #integers = 0
  #bigIntegers = 0n
  #hasFloats = false
  #high = 0
  #low = 0

  constructor(finish: (sum: Sum) => number | bigint | null) {
    this.#finish = finish
  }

  add(value: unknown): void {
    if (typeof value === 'number') {
      this.#count++
      if (Number.isSafeInteger(value)) {
        const sum = this.#integers + value
        if (Number.isSafeInteger(sum)) this.#integers = sum
        else {
          this.#bigIntegers += BigInt(this.#integers)
          this.#integers = value
        }
      } else {
        this.#hasFloats = true
        this.#addFloat(value)
      }
    } else if (typeof value === 'bigint') {
      this.#count++
      this.#bigIntegers += value
    }
  }

  result(): number | bigint | null {
    return this.#count === 0 ? null : this.#finish(this)
  }

  total(): number | bigint {
    return this.#hasFloats ? this.#float() : settled(this.#bigIntegers + BigInt(this.#integers))
  }

  mean(): number {
    return this.#float() / this.#count
  }

  #float(): number {
    const integers = this.#bigIntegers + BigInt(this.#integers)
    const nearest = Number(integers)
    const before = [this.#high, this.#low] as const
    this.#addFloat(nearest)
    this.#addFloat(Number(integers - BigInt(nearest)))
    const sum = this.#high + this.#low
    this.#high = before[0]
    this.#low = before[1]
    if (!Number.isFinite(sum)) throw new DriftError('OUT_OF_RANGE', 'a sum is too large for a float64', { operator: 'sum' })
    return sum + 0
  }

  #addFloat(value: number): void {
    const high = this.#high + value
    const part = high - this.#high
    const low = this.#low + (this.#high - (high - part) + (value - part))
    this.#high = high + low
    this.#low = low - (this.#high - high)
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
