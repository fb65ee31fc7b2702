/** What an aggregation over pages is asked, and its partial results: plain data that crosses threads. */
import { type Value } from '../codec/value.js'
import { type ScanCondition } from './condition.js'

export type ScanAggregate = {
  readonly name: 'count' | 'sum' | 'avg' | 'min' | 'max'
  /** Null: COUNT(*). */
  readonly field: string | null
}

export type AggregateQuery = {
  readonly where?: ScanCondition | undefined
  /** Top-level fields. */
  readonly groupBy: readonly string[]
  readonly aggregates: readonly ScanAggregate[]
}

/** Of one aggregate, by group. */
export type PartialState =
  | { readonly kind: 'count'; readonly counts: Float64Array }
  | {
      readonly kind: 'sum'
      readonly counts: Float64Array
      /** Safe integers; what ran over stands in `bigIntegers`. */
      readonly integers: Float64Array
      readonly bigIntegers: ReadonlyMap<number, bigint>
      /** Whether there were floats: see `sum-states.ts`. */
      readonly floats: Uint8Array
      /** Exact sums side by side; of all groups or of none. */
      readonly exact: Float64Array | undefined
    }
  /** Undefined where there was no value. */
  | { readonly kind: 'extreme'; readonly best: readonly (Value | undefined)[] }

/** The values of a column of GROUP BY, each once, and by group the number of its value. */
export type PartialKeys = { readonly values: readonly Value[]; readonly numbers: Int32Array }

export type PartialAggregates = {
  readonly groupCount: number
  /** For each column of GROUP BY. */
  readonly keys: readonly PartialKeys[]
  readonly states: readonly PartialState[]
  /** The pages cannot tell what the row engine would say: two values that are equal look different, say 2^60 as a float and as a bigint. */
  readonly isUnsure: boolean
}
