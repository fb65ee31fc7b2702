/** Walks through expressions. */
import { type Expression } from '../parser/ast.js'

/** A copy with every leaf replaced; aggregates and operators stay as they are. */
export function rewrite(expression: Expression, leaf: (expression: Expression) => Expression): Expression {
  const inner = (operand: Expression): Expression => rewrite(operand, leaf)
  switch (expression.kind) {
    case 'literal':
    case 'parameter':
    case 'field':
      return leaf(expression)
    case 'and':
    case 'or':
      return { ...expression, operands: expression.operands.map(inner) }
    case 'comparison':
    case 'arithmetic':
      return { ...expression, left: inner(expression.left), right: inner(expression.right) }
    case 'in':
      return { ...expression, operand: inner(expression.operand), items: expression.items.map(inner) }
    case 'between':
      return { ...expression, operand: inner(expression.operand), low: inner(expression.low), high: inner(expression.high) }
    case 'like':
      return { ...expression, operand: inner(expression.operand), pattern: inner(expression.pattern) }
    case 'aggregate':
      return { ...expression, operand: expression.operand === null ? null : inner(expression.operand) }
    default:
      return { ...expression, operand: inner(expression.operand) }
  }
}

/** True if it holds for the expression or for one inside it. */
export function some(expression: Expression, holds: (expression: Expression) => boolean): boolean {
  return holds(expression) || operandsOf(expression).some((operand) => some(operand, holds))
}

function operandsOf(expression: Expression): readonly Expression[] {
  switch (expression.kind) {
    case 'literal':
    case 'parameter':
    case 'field':
      return []
    case 'and':
    case 'or':
      return expression.operands
    case 'comparison':
    case 'arithmetic':
      return [expression.left, expression.right]
    case 'in':
      return [expression.operand, ...expression.items]
    case 'between':
      return [expression.operand, expression.low, expression.high]
    case 'like':
      return [expression.operand, expression.pattern]
    case 'aggregate':
      return expression.operand === null ? [] : [expression.operand]
    default:
      return [expression.operand]
  }
}
