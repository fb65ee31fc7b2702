/** An expression as DriftQL again: the name of a column without alias, and what EXPLAIN and messages show. */
import { unreachable } from '../base/errors.js'
import { formatJson } from '../codec/json-codec.js'
import { type Expression, type Path } from './ast.js'

const PLAIN_NAME = /^[\p{L}_][\p{L}\p{M}\p{N}_$]*$/u

/** Enough parentheses that it means the same when it is read again. */
export function expressionText(expression: Expression): string {
  switch (expression.kind) {
    case 'literal': {
      const { value } = expression
      return typeof value === 'string' ? `'${value.replaceAll("'", "''")}'` : formatJson(value)
    }
    case 'parameter':
      return typeof expression.reference === 'number' ? `$${expression.reference}` : `:${expression.reference}`
    case 'field':
      return pathText(expression.path)
    case 'and':
    case 'or':
      return expression.operands.map(operandText).join(` ${expression.kind} `)
    case 'not':
      return `not ${operandText(expression.operand)}`
    case 'negate':
      return `-${operandText(expression.operand)}`
    case 'comparison':
    case 'arithmetic':
      return `${operandText(expression.left)} ${expression.operator} ${operandText(expression.right)}`
    case 'in':
      return `${operandText(expression.operand)}${not(expression)} in (${expression.items.map(expressionText).join(', ')})`
    case 'between':
      return `${operandText(expression.operand)}${not(expression)} between ${operandText(expression.low)} and ${operandText(expression.high)}`
    case 'like': {
      const escape = expression.escape === '\\' ? '' : ` escape '${expression.escape.replaceAll("'", "''")}'`
      const verb = expression.ignoreCase ? 'ilike' : 'like'
      return `${operandText(expression.operand)}${not(expression)} ${verb} ${operandText(expression.pattern)}${escape}`
    }
    case 'is-null':
      return `${operandText(expression.operand)} is${not(expression)} null`
    case 'cast':
      return `${operandText(expression.operand)}::${expression.type}`
    case 'aggregate':
      if (expression.operand === null) return `${expression.name}(*)`
      return `${expression.name}(${expression.distinct ? 'distinct ' : ''}${expressionText(expression.operand)})`
    default:
      return unreachable(expression)
  }
}

export function pathText(path: Path): string {
  let text = ''
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`
    else text += (text === '' ? '' : '.') + (PLAIN_NAME.test(step) ? step : `\`${step.replaceAll('`', '``')}\``)
  }
  return text
}

function operandText(expression: Expression): string {
  switch (expression.kind) {
    case 'literal':
    case 'parameter':
    case 'field':
    case 'aggregate':
    case 'cast':
      return expressionText(expression)
    default:
      return `(${expressionText(expression)})`
  }
}

function not({ negated }: { readonly negated: boolean }): string {
  return negated ? ' not' : ''
}
