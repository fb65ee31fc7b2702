/** A field's condition on values that lie in columns of numbers: numbers themselves, times as milliseconds, booleans as 0 and 1. */
import { type Comparison } from '../kernel/kernels.js'
import * as layout from '../page/page-layout.js'
import { type ColumnView } from '../page/page-view.js'
import { type FieldCondition } from './condition.js'

type Check = { readonly operator: Comparison; readonly constant: number }

/** True where one of `any` is; with `negated` where none is. */
export type NumberCheck = { readonly any: readonly Check[]; readonly negated: boolean }

const never: NumberCheck = { any: [], negated: false }
const always: NumberCheck = { any: [], negated: true }

type Numeric = 'numbers' | 'times' | 'booleans'

export function numberChecks(condition: FieldCondition): Readonly<Record<Numeric, NumberCheck>> {
  return {
    numbers: checkOf(condition, (value, operator) =>
      typeof value === 'number' ? { operator, constant: value } : typeof value === 'bigint' ? nearBigint(value, operator) : undefined
    ),
    times: checkOf(condition, (value, operator) => (value instanceof Date ? { operator, constant: value.getTime() } : undefined)),
    booleans: checkOf(condition, (value, operator) => (typeof value === 'boolean' ? { operator, constant: Number(value) } : undefined))
  }
}

/** `inClass` says the comparison with a constant of the class; undefined for one of another class. */
function checkOf(
  condition: FieldCondition,
  inClass: (value: unknown, operator: Comparison) => Check | NumberCheck | undefined
): NumberCheck {
  switch (condition.kind) {
    case 'compare': {
      const check = inClass(condition.value, condition.operator)
      // Values of different classes are not equal, and not in an order.
      if (check === undefined) return condition.operator === '<>' ? always : never
      return 'any' in check ? check : { any: [check], negated: false }
    }
    case 'in': {
      const checks = condition.values.map((value) => inClass(value, '=')).filter((check) => check !== undefined)
      const any = checks.flatMap((check) => ('any' in check ? check.any : [check]))
      return condition.negated && condition.hasNull ? never : { any, negated: condition.negated }
    }
    case 'is': {
      const check = inClass(condition.value, '=')
      return check === undefined ? never : 'any' in check ? check : { any: [check], negated: false }
    }
    default:
      return never
  }
}

/** A bigint that is no float64 lies between two of them: the nearest one is below or above it. */
function nearBigint(value: bigint, operator: Comparison): Check | NumberCheck {
  const nearest = Number(value)
  if (!Number.isFinite(nearest)) {
    const isBelow = nearest < 0
    if (operator === '=' || operator === '<>') return operator === '=' ? never : always
    return operator.startsWith('<') === isBelow ? never : always
  }
  const exact = BigInt(nearest)
  if (exact === value) return { operator, constant: nearest }
  switch (operator) {
    case '=':
      return never
    case '<>':
      return always
    case '<':
    case '<=':
      return { operator: exact > value ? '<' : '<=', constant: nearest }
    case '>':
    case '>=':
      return { operator: exact > value ? '>=' : '>', constant: nearest }
  }
}

/** What the zone map says of all plain values of a column. */
export function pagesAnswer({ any, negated }: NumberCheck, column: ColumnView): 'all' | 'none' | 'some' {
  if (any.length === 0) return negated ? 'all' : 'none'
  if ((column.flags & layout.HAS_BOUNDS) === 0) return 'some'
  const { min, max } = column
  let isNone = true
  for (const { operator, constant } of any) {
    const answer = ofBounds(operator, constant, min, max)
    if (answer === 'all') return negated ? 'none' : 'all'
    if (answer === 'some') isNone = false
  }
  return isNone ? (negated ? 'all' : 'none') : 'some'
}

function ofBounds(operator: Comparison, constant: number, min: number, max: number): 'all' | 'none' | 'some' {
  // Without plain values nothing is true.
  if (min > max) return 'none'
  switch (operator) {
    case '=':
      return constant < min || constant > max ? 'none' : min === max ? 'all' : 'some'
    case '<>':
      return constant < min || constant > max ? 'all' : min === max ? 'none' : 'some'
    case '<':
      return max < constant ? 'all' : min >= constant ? 'none' : 'some'
    case '<=':
      return max <= constant ? 'all' : min > constant ? 'none' : 'some'
    case '>':
      return min > constant ? 'all' : max <= constant ? 'none' : 'some'
    case '>=':
      return min >= constant ? 'all' : max < constant ? 'none' : 'some'
  }
}
