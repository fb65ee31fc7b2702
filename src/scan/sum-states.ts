/** SUM and AVG of many groups, in columns. */
import { addExact, EXACT_SUM_BYTES, mergeExactSum } from '../kernel/exact-sum.js'
import { settled } from '../codec/integer.js'
import { type PartialState } from './aggregate-query.js'
import { grown } from './grown.js'
import { EXACT_WORDS, floatTotal, wholeTotal } from './number-sum.js'

/** Whether floats are in a sum. It decides only what a whole sum past 2^53 is: a float or a bigint. */
export const FLOATS_NO = 0
export const FLOATS_MAYBE = 1
export const FLOATS_YES = 2

const MAX_SAFE = BigInt(Number.MAX_SAFE_INTEGER)

export class SumStates {
  counts = new Float64Array(1)
  #integers = new Float64Array(1)
  readonly #bigIntegers = new Map<number, bigint>()
  #floats = new Uint8Array(1)
  #exact: Float64Array | undefined

  reserve(groups: number): void {
    this.counts = grown(this.counts, groups)
    this.#integers = grown(this.#integers, groups)
    this.#floats = grown(this.#floats, groups)
    if (this.#exact !== undefined) this.#exact = grown(this.#exact, groups * EXACT_WORDS)
  }

  /** A value that is not null. */
  add(group: number, value: unknown): void {
    if (typeof value === 'number') {
      this.counts[group] = (this.counts[group] as number) + 1
      if (Number.isSafeInteger(value)) this.addInteger(group, value)
      else {
        this.#floats[group] = FLOATS_YES
        addExact(this.exact, group * EXACT_SUM_BYTES, value)
      }
    } else if (typeof value === 'bigint') {
      this.counts[group] = (this.counts[group] as number) + 1
      this.addBigint(group, value)
    }
  }

  addCount(group: number, count: number): void {
    this.counts[group] = (this.counts[group] as number) + count
  }

  /** A safe integer. */
  addInteger(group: number, value: number): void {
    const sum = (this.#integers[group] as number) + value
    if (Number.isSafeInteger(sum)) {
      this.#integers[group] = sum
      return
    }
    this.addBigint(group, BigInt(this.#integers[group] as number))
    this.#integers[group] = value
  }

  addBigint(group: number, value: bigint): void {
    this.#bigIntegers.set(group, (this.#bigIntegers.get(group) ?? 0n) + value)
  }

  /** An i64. */
  addWords(group: number, low: number, high: number): void {
    const value = high * 2 ** 32 + (low >>> 0)
    if (Number.isSafeInteger(value)) this.addInteger(group, value)
    else this.addBigint(group, (BigInt(high) << 32n) + BigInt(low >>> 0))
  }

  addExactSum(group: number, f64: Float64Array, at: number, floats: number): void {
    if (floats > (this.#floats[group] as number)) this.#floats[group] = floats
    mergeExactSum(this.exact, group * EXACT_SUM_BYTES, f64, at)
  }

  /** Bytes of exact sums. */
  get exactBytes(): number {
    return this.#exact?.byteLength ?? 0
  }

  get exact(): Float64Array {
    return (this.#exact ??= new Float64Array(this.counts.length * EXACT_WORDS))
  }

  absorb(group: number, from: PartialState & { readonly kind: 'sum' }, fromGroup: number): void {
    this.addCount(group, from.counts[fromGroup] as number)
    this.addInteger(group, from.integers[fromGroup] as number)
    const big = from.bigIntegers.get(fromGroup)
    if (big !== undefined) this.addBigint(group, big)
    if (from.exact !== undefined) this.addExactSum(group, from.exact, fromGroup * EXACT_SUM_BYTES, from.floats[fromGroup] as number)
  }

  /** Undefined where it is not known whether the sum is a float. */
  total(group: number): number | bigint | null | undefined {
    if (this.counts[group] === 0) return null
    if (this.#isSmall(group)) return this.#integers[group] as number
    const floats = this.#floats[group] as number
    if (floats === FLOATS_YES) return this.#float(group)
    const whole = wholeTotal(this.#wholeOf(group), this.#exact, group * EXACT_SUM_BYTES)
    if (whole === undefined) return this.#float(group)
    if (floats === FLOATS_NO || (whole <= MAX_SAFE && whole >= -MAX_SAFE)) return settled(whole)
    return undefined
  }

  mean(group: number): number | null {
    if (this.counts[group] === 0) return null
    return (this.#isSmall(group) ? (this.#integers[group] as number) : this.#float(group)) / (this.counts[group] as number)
  }

  partial(groups: number): PartialState {
    return {
      kind: 'sum',
      counts: this.counts.slice(0, groups),
      integers: this.#integers.slice(0, groups),
      bigIntegers: this.#bigIntegers,
      floats: this.#floats.slice(0, groups),
      exact: this.#exact?.slice(0, groups * EXACT_WORDS)
    }
  }

  /** All of the sum is in its safe integer. */
  #isSmall(group: number): boolean {
    return this.#exact === undefined && !this.#bigIntegers.has(group)
  }

  #float(group: number): number {
    return floatTotal(this.#wholeOf(group), this.#exact, group * EXACT_SUM_BYTES)
  }

  #wholeOf(group: number): bigint {
    return (this.#bigIntegers.get(group) ?? 0n) + BigInt(this.#integers[group] as number)
  }
}
