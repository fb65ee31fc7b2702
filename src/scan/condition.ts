/**
 * What a scan may ask of a row, as plain data that crosses threads: a WHERE condition over top-level fields and constants. Its meaning is
 * that of DriftQL, with three values; a scan selects the rows for which it is true.
 */
import { type Comparison } from '../kernel/kernels.js'
import { type Value } from '../codec/value.js'

/** Of one field. `value` is not null: a comparison with NULL is `{ kind: 'never' }`. */
export type FieldCondition =
  | { readonly kind: 'compare'; readonly field: string; readonly operator: Comparison; readonly value: Exclude<Value, null> }
  /** `hasNull`: NULL stood among the values. */
  | {
      readonly kind: 'in'
      readonly field: string
      readonly values: readonly Exclude<Value, null>[]
      readonly hasNull: boolean
      readonly negated: boolean
    }
  | {
      readonly kind: 'like'
      readonly field: string
      readonly pattern: string
      readonly escape: string
      readonly ignoreCase: boolean
      readonly negated: boolean
    }
  | { readonly kind: 'is-null'; readonly field: string; readonly negated: boolean }
  /** The field alone: true where it is this boolean. */
  | { readonly kind: 'is'; readonly field: string; readonly value: boolean }

export type ScanCondition =
  | FieldCondition
  /** True or false for all rows. */
  | { readonly kind: 'constant'; readonly value: boolean }
  /** NULL for all rows: neither it nor its negation is true. */
  | { readonly kind: 'never' }
  | { readonly kind: 'and' | 'or'; readonly operands: readonly ScanCondition[] }
  | { readonly kind: 'not'; readonly operand: ScanCondition }

/** A condition without `not`: true for the same rows. So whether a row is false or NULL need not be told apart any more. */
export type PositiveCondition =
  | Exclude<ScanCondition, { readonly kind: 'not' | 'and' | 'or' }>
  | { readonly kind: 'and' | 'or'; readonly operands: readonly PositiveCondition[] }

const OPPOSITES: Readonly<Record<Comparison, Comparison>> = { '=': '<>', '<>': '=', '<': '>=', '<=': '>', '>': '<=', '>=': '<' }

/** NOT is carried down to the fields, where each condition has its opposite: NULL stays NULL. */
export function positive(condition: ScanCondition, negated = false): PositiveCondition {
  switch (condition.kind) {
    case 'not':
      return positive(condition.operand, !negated)
    case 'and':
    case 'or': {
      const kind = negated ? (condition.kind === 'and' ? 'or' : 'and') : condition.kind
      return { kind, operands: condition.operands.map((operand) => positive(operand, negated)) }
    }
    case 'never':
      return condition
    case 'constant':
    case 'is':
      return negated ? { ...condition, value: !condition.value } : condition
    case 'compare':
      return negated ? { ...condition, operator: OPPOSITES[condition.operator] } : condition
    default:
      return negated ? { ...condition, negated: !condition.negated } : condition
  }
}
