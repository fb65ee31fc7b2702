/** A WHERE expression as a condition that pages can be asked, with the values of one execution; undefined where it is more than that. */
import { DriftError } from '../base/errors.js'
import { likeMatcher } from '../codec/like.js'
import { type Value } from '../codec/value.js'
import { type ComparisonOperator, type Expression } from '../parser/ast.js'
import { type ScanCondition } from '../scan/condition.js'
import { compile, type Execution, type Scope } from '../expression/evaluate.js'

const MIRRORED: Readonly<Record<ComparisonOperator, ComparisonOperator>> = {
  '=': '=',
  '<>': '<>',
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<='
}

export function scanCondition(expression: Expression, execution: Execution): ScanCondition | undefined {
  switch (expression.kind) {
    case 'and':
    case 'or': {
      const operands = expression.operands.map((operand) => scanCondition(operand, execution))
      return operands.every((operand) => operand !== undefined) ? { kind: expression.kind, operands } : undefined
    }
    case 'not': {
      const operand = scanCondition(expression.operand, execution)
      return operand === undefined ? undefined : { kind: 'not', operand }
    }
    case 'comparison': {
      const isLeft = topField(expression.left) !== undefined
      const field = topField(isLeft ? expression.left : expression.right)
      const constant = constantOf(isLeft ? expression.right : expression.left, execution)
      if (field === undefined || constant === undefined) return undefined
      if (constant.value === null) return { kind: 'never' }
      return { kind: 'compare', field, operator: isLeft ? expression.operator : MIRRORED[expression.operator], value: constant.value }
    }
    case 'between': {
      const field = topField(expression.operand)
      const low = constantOf(expression.low, execution)
      const high = constantOf(expression.high, execution)
      if (field === undefined || low === undefined || high === undefined) return undefined
      const bound = (operator: ComparisonOperator, { value }: Constant): ScanCondition =>
        value === null ? { kind: 'never' } : { kind: 'compare', field, operator, value }
      const inside: ScanCondition = { kind: 'and', operands: [bound('>=', low), bound('<=', high)] }
      return expression.negated ? { kind: 'not', operand: inside } : inside
    }
    case 'in': {
      const field = topField(expression.operand)
      const constants = expression.items.map((item) => constantOf(item, execution))
      if (field === undefined || !constants.every((constant) => constant !== undefined)) return undefined
      const values = constants.map(({ value }) => value).filter((value) => value !== null)
      return { kind: 'in', field, values, hasNull: values.length < constants.length, negated: expression.negated }
    }
    case 'like': {
      const field = topField(expression.operand)
      const pattern = constantOf(expression.pattern, execution)
      if (field === undefined || pattern === undefined) return undefined
      if (typeof pattern.value !== 'string') return { kind: 'never' }
      const { escape, ignoreCase, negated } = expression
      if (!isPattern(pattern.value, escape, ignoreCase)) return undefined
      return { kind: 'like', field, pattern: pattern.value, escape, ignoreCase, negated }
    }
    case 'is-null': {
      const field = topField(expression.operand)
      return field === undefined ? undefined : { kind: 'is-null', field, negated: expression.negated }
    }
    case 'field': {
      const field = topField(expression)
      return field === undefined ? undefined : { kind: 'is', field, value: true }
    }
    case 'literal':
    case 'parameter': {
      const constant = constantOf(expression, execution)
      if (constant === undefined) return undefined
      return typeof constant.value === 'boolean' ? { kind: 'constant', value: constant.value } : { kind: 'never' }
    }
    default:
      return undefined
  }
}

/** What pages can be asked of a WHERE. Without `isExact` the rows must be asked for all of it afterwards. */
export type PushedCondition = { readonly condition: ScanCondition | undefined; readonly isExact: boolean }

/**
 * All of it, or those operands of an AND that pages understand. The others must then be unable to fail: the row engine asks them of rows
 * that these leave out.
 */
export function pushedCondition(where: Expression | undefined, execution: Execution): PushedCondition {
  if (where === undefined) return { condition: undefined, isExact: true }
  const whole = scanCondition(where, execution)
  if (whole !== undefined) return { condition: whole, isExact: true }
  const nothing: PushedCondition = { condition: undefined, isExact: false }
  if (where.kind !== 'and') return nothing
  const operands: ScanCondition[] = []
  for (const operand of where.operands) {
    const condition = scanCondition(operand, execution)
    if (condition !== undefined) operands.push(condition)
    else if (!cannotFail(operand)) return nothing
  }
  return operands.length === 0 ? nothing : { condition: { kind: 'and', operands }, isExact: false }
}

function cannotFail(expression: Expression): boolean {
  switch (expression.kind) {
    case 'literal':
    case 'field':
      return true
    case 'and':
    case 'or':
      return expression.operands.every(cannotFail)
    case 'not':
    case 'is-null':
      return cannotFail(expression.operand)
    case 'comparison':
      return cannotFail(expression.left) && cannotFail(expression.right)
    case 'in':
      return cannotFail(expression.operand) && expression.items.every(cannotFail)
    case 'between':
      return cannotFail(expression.operand) && cannotFail(expression.low) && cannotFail(expression.high)
    default:
      return false
  }
}

/** The name of a field of the document itself. */
export function topField(expression: Expression): string | undefined {
  if (expression.kind !== 'field' || expression.path.length !== 1) return undefined
  const [name] = expression.path
  return typeof name === 'string' ? name : undefined
}

export type Constant = { readonly value: Value }

class NotConstant extends Error {}

const NO_FIELDS: Scope = {
  columnOf: () => undefined,
  field: () => {
    throw new NotConstant()
  }
}

/** Undefined of what has fields, and of what fails, which is left to the rows: an error counts only if a row asks for the value. */
export function constantOf(expression: Expression, execution: Execution): Constant | undefined {
  try {
    return { value: (compile(expression, NO_FIELDS).value(execution) ?? null) as Value }
  } catch (thrown) {
    if (thrown instanceof NotConstant || thrown instanceof DriftError) return undefined
    throw thrown
  }
}

/** False of what LIKE refuses when it is asked of a row. */
export function isPattern(pattern: string, escape: string, ignoreCase: boolean): boolean {
  try {
    likeMatcher(pattern, escape, ignoreCase)
    return true
  } catch (thrown) {
    if (thrown instanceof DriftError) return false
    throw thrown
  }
}
