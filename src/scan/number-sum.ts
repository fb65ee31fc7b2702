/**
 * SUM and AVG without rounding on the way: integers exactly, floats as an exact sum that is rounded once at the end. So a statement has
 * the same bits whatever path it takes and however its rows were cut into pages and threads. An integer past 2^53 is a bigint; a number
 * past 2^53 is a float, and makes the sum one.
 */
import { DriftError } from '../base/errors.js'
import { settled } from '../codec/integer.js'
import { addExact, EXACT_SUM_BYTES, exactSumInteger, exactSumNumber } from '../kernel/exact-sum.js'

/** Float64s of an exact sum. */
export const EXACT_WORDS = EXACT_SUM_BYTES / 8

/** Of one group. */
export class NumberSum {
  #count = 0
  #integers = 0
  #bigIntegers = 0n
  #exact: Float64Array | undefined

  /** Values that are no numbers do not count. Returns true where the sum began to take {@link EXACT_SUM_BYTES}. */
  add(value: unknown): boolean {
    if (typeof value === 'number') {
      this.#count++
      if (!Number.isSafeInteger(value)) {
        const isFirst = this.#exact === undefined
        this.#exact ??= new Float64Array(EXACT_WORDS)
        addExact(this.#exact, 0, value)
        return isFirst
      }
      const sum = this.#integers + value
      if (Number.isSafeInteger(sum)) this.#integers = sum
      else {
        this.#bigIntegers += BigInt(this.#integers)
        this.#integers = value
      }
    } else if (typeof value === 'bigint') {
      this.#count++
      this.#bigIntegers += value
    }
    return false
  }

  total(): number | bigint | null {
    if (this.#count === 0) return null
    return this.#exact === undefined ? settled(this.#whole) : floatTotal(this.#whole, this.#exact, 0)
  }

  mean(): number | null {
    return this.#count === 0 ? null : floatTotal(this.#whole, this.#exact, 0) / this.#count
  }

  get #whole(): bigint {
    return this.#bigIntegers + BigInt(this.#integers)
  }
}

/**
 * Integers and an exact sum, rounded once.
 * @throws DriftError OUT_OF_RANGE where that is no float64.
 */
export function floatTotal(integers: bigint, exact: Float64Array | undefined, at: number): number {
  const all = new Float64Array(EXACT_WORDS)
  if (exact !== undefined) all.set(exact.subarray(at / 8, at / 8 + EXACT_WORDS))
  addBigint(all, integers)
  const sum = exactSumNumber(all, 0)
  if (!Number.isFinite(sum)) throw new DriftError('OUT_OF_RANGE', 'a sum is too large for a float64', { operator: 'sum' })
  return sum + 0
}

/** Integers and an exact sum of integers. */
export function wholeTotal(integers: bigint, exact: Float64Array | undefined, at: number): bigint | undefined {
  const whole = exact === undefined ? 0n : exactSumInteger(exact, at)
  return whole === undefined ? undefined : integers + whole
}

const PIECE_BITS = 32n
const PIECE = 2 ** 32

function addBigint(exact: Float64Array, value: bigint): void {
  const sign = value < 0n ? -1 : 1
  let left = value < 0n ? -value : value
  for (let scale = sign; left > 0n; scale *= PIECE, left >>= PIECE_BITS) {
    addExact(exact, 0, Number(BigInt.asUintN(32, left)) * scale)
  }
}
