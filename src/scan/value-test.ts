/** A field's condition as a function of one value: what the row engine says of it, where it is true. */
import { likeMatcher } from '../codec/like.js'
import { equals, FALSE, TRUE } from '../codec/value-equality.js'
import { compareInClass } from '../codec/value-order.js'
import { type Comparison } from '../kernel/kernels.js'
import { type FieldCondition } from './condition.js'

/** True where the condition is; null stands for NULL and for a field that is not there. */
export type ValueTest = (value: unknown) => boolean

const COMPARERS: Readonly<Record<Comparison, (left: unknown, right: unknown) => boolean>> = {
  '=': (left, right) => equals(left, right) === TRUE,
  '<>': (left, right) => equals(left, right) === FALSE,
  '<': (left, right) => (compareInClass(left, right) ?? 0) < 0,
  '<=': (left, right) => (compareInClass(left, right) ?? 1) <= 0,
  '>': (left, right) => (compareInClass(left, right) ?? 0) > 0,
  '>=': (left, right) => (compareInClass(left, right) ?? -1) >= 0
}

/** @throws DriftError INVALID_ARGUMENT for a LIKE pattern that ends in its escape character. */
export function valueTest(condition: FieldCondition): ValueTest {
  switch (condition.kind) {
    case 'compare': {
      const { value: constant } = condition
      const compare = COMPARERS[condition.operator]
      return (value) => value !== null && compare(value, constant)
    }
    case 'in': {
      const { values, hasNull, negated } = condition
      const texts = new Set(values.filter((value) => typeof value === 'string'))
      const others = values.filter((value) => typeof value !== 'string')
      return (value) => {
        if (value === null) return false
        const isFound = typeof value === 'string' ? texts.has(value) : others.some((other) => equals(value, other) === TRUE)
        return negated ? !isFound && !hasNull : isFound
      }
    }
    case 'like': {
      const { pattern, escape, ignoreCase, negated } = condition
      const matches = likeMatcher(pattern, escape, ignoreCase)
      return (value) => typeof value === 'string' && matches(value) !== negated
    }
    case 'is-null':
      return (value) => (value === null) !== condition.negated
    case 'is':
      return (value) => value === condition.value
  }
}
