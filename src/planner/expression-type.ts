/** The type of an expression's column, as far as it can be said before the first row. Types of fields come from the table's columns. */
import { type Expression } from '../parser/ast.js'
import { classOf } from '../codec/value-order.js'
import { type ColumnType, type TableColumn } from '../relation/query-source.js'

/** Asked with the columns of the table at the point that is read. */
export type ExpressionType = (columns: readonly TableColumn[]) => { readonly type: ColumnType; readonly nullable: boolean }

export function typeOfExpression(expression: Expression): ExpressionType {
  switch (expression.kind) {
    case 'literal': {
      const { value } = expression
      return fixed(value === null ? 'text' : typeOfValue(value), value === null)
    }
    case 'parameter':
      return fixed('text')
    case 'field': {
      const { path } = expression
      return (columns) => {
        // In a join columns have tables, and paths begin with them.
        const depth = columns[0]?.table === undefined ? 1 : 2
        if (path.length !== depth) return { type: 'jsonb', nullable: true }
        const column = columns.find((each) => each.name === path[depth - 1] && (depth === 1 || each.table === path[0]))
        return { type: column?.type ?? 'text', nullable: column?.nullable ?? true }
      }
    }
    case 'negate':
      return numeric([expression.operand])
    case 'arithmetic':
      return expression.operator === '/' ? fixed('float8') : numeric([expression.left, expression.right])
    case 'cast':
      return fixed(expression.type)
    case 'is-null':
      return fixed('bool', false)
    case 'aggregate': {
      const { name, operand } = expression
      if (name === 'count' || operand === null) return fixed('int8', false)
      if (name === 'avg') return fixed('float8')
      if (name === 'sum') return numeric([operand])
      const inner = typeOfExpression(operand)
      return (columns) => ({ type: inner(columns).type, nullable: true })
    }
    default:
      return fixed('bool')
  }
}

function fixed(type: ColumnType, nullable = true): ExpressionType {
  const known = { type, nullable }
  return () => known
}

/** Of integers alone an integer, else a float. */
function numeric(operands: readonly Expression[]): ExpressionType {
  const types = operands.map(typeOfExpression)
  return (columns) => ({ type: types.every((type) => type(columns).type === 'int8') ? 'int8' : 'float8', nullable: true })
}

function typeOfValue(value: unknown): ColumnType {
  switch (classOf(value)) {
    case 'boolean':
      return 'bool'
    case 'number':
      return typeof value === 'bigint' || Number.isSafeInteger(value) ? 'int8' : 'float8'
    case 'time':
      return 'timestamptz'
    case 'string':
      return 'text'
    case 'bytes':
      return 'bytea'
    default:
      return 'jsonb'
  }
}
