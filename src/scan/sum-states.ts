/** SUM and AVG of many groups, in columns. */
import { addExact, EXACT_SUM_BYTES, mergeExactSum } from '../kernel/exact-sum.js'
import { settled } from '../codec/integer.js'
import { type PartialState } from './aggregate-query.js'
import { type Cut, grown } from './grown.js'
import { EXACT_WORDS, floatTotal, wholeTotal } from './number-sum.js'

/** Whether floats are in a sum. It decides only what a whole sum past 2^53 is: a float or a bigint. */
export const FLOATS_NO = 0
export const FLOATS_MAYBE = 1
export const FLOATS_YES = 2

const MAX_SAFE = BigInt(Number.MAX_SAFE_INTEGER)

export type PartialSums = PartialState & { readonly kind: 'sum' }

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

  absorb(group: number, from: PartialSums, fromGroup: number): void {
    this.addCount(group, from.counts[fromGroup] as number)
    this.addInteger(group, from.integers[fromGroup] as number)
    const big = from.bigIntegers.get(fromGroup)
    if (big !== undefined) this.addBigint(group, big)
    if (from.exact !== undefined) this.addExactSum(group, from.exact, fromGroup * EXACT_SUM_BYTES, from.floats[fromGroup] as number)
  }

  partial(groups: number, cut: Cut): PartialSums {
    return {
      kind: 'sum',
      counts: cut(this.counts, groups),
      integers: cut(this.#integers, groups),
      bigIntegers: this.#bigIntegers,
      floats: cut(this.#floats, groups),
      exact: this.#exact === undefined ? undefined : cut(this.#exact, groups * EXACT_WORDS)
    }
  }
}

/** All of each sum is in its safe integer. */
export function isSmallSums({ exact, bigIntegers }: PartialSums): boolean {
  return exact === undefined && bigIntegers.size === 0
}

/**
 * The sum of a group; undefined where it is not known whether it is a float.
 * @throws DriftError OUT_OF_RANGE where it is no float64.
 */
export function totalOf(sums: PartialSums, group: number): number | bigint | null | undefined {
  if (sums.counts[group] === 0) return null
  if (isSmall(sums, group)) return sums.integers[group] as number
  const floats = sums.floats[group] as number
  if (floats === FLOATS_YES) return floatOf(sums, group)
  const whole = wholeTotal(wholeOf(sums, group), sums.exact, group * EXACT_SUM_BYTES)
  if (whole === undefined) return floatOf(sums, group)
  if (floats === FLOATS_NO || (whole <= MAX_SAFE && whole >= -MAX_SAFE)) return settled(whole)
  return undefined
}

/** @throws DriftError OUT_OF_RANGE where the sum is no float64. */
export function meanOf(sums: PartialSums, group: number): number | null {
  if (sums.counts[group] === 0) return null
  return (isSmall(sums, group) ? (sums.integers[group] as number) : floatOf(sums, group)) / (sums.counts[group] as number)
}

function isSmall({ exact, bigIntegers }: PartialSums, group: number): boolean {
  return exact === undefined && !bigIntegers.has(group)
}

function floatOf(sums: PartialSums, group: number): number {
  return floatTotal(wholeOf(sums, group), sums.exact, group * EXACT_SUM_BYTES)
}

function wholeOf({ integers, bigIntegers }: PartialSums, group: number): bigint {
  return (bigIntegers.get(group) ?? 0n) + BigInt(integers[group] as number)
}
