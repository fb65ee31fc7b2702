/** An expression as DriftQL again: the name of a column without alias, and what EXPLAIN and messages show. */
import { unreachable } from '../base/errors.js'
import { formatJson } from '../codec/json-codec.js'
import { type Value } from '../codec/value.js'
import { type Expression, type Path } from './ast.js'

const PLAIN_NAME = /^[\p{L}_][\p{L}\p{M}\p{N}_$]*$/u
/** Keywords that are no names without quotes, as the rule `reserved` of the grammar. */
const RESERVED = new Set(['AND', 'AS', 'DISTINCT', 'FALSE', 'FROM', 'LIMIT', 'NOT', 'NULL', 'SELECT', 'TRUE', 'WHERE'])

/** Enough parentheses that it means the same when it is read again. */
export function expressionText(expression: Expression): string {
  switch (expression.kind) {
    case 'literal':
      return valueText(expression.value)
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
      // -(5) is no literal, and -- would be a comment.
      return expression.operand.kind === 'literal' ? `-(${expressionText(expression.operand)})` : `-${operandText(expression.operand)}`
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
      return `${castOperandText(expression.operand)}::${expression.type}`
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
    else text += (text === '' ? '' : '.') + (isPlainName(step) ? step : `\`${step.replaceAll('`', '``')}\``)
  }
  return text
}

function isPlainName(name: string): boolean {
  return PLAIN_NAME.test(name) && !RESERVED.has(name.toUpperCase())
}

/** A float without a point would be read as an integer. */
function valueText(value: Value): string {
  if (typeof value === 'string') return `'${value.replaceAll("'", "''")}'`
  return typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value) ? value.toExponential() : formatJson(value)
}

/** `-5::text` is `-(5::text)`. */
function castOperandText(expression: Expression): string {
  const text = operandText(expression)
  return text.startsWith('-') ? `(${text})` : text
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
