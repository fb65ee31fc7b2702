import { type Expression, type Literal, type ParameterReference, type Select, type Statement } from '../parser/ast.js'

/** `SELECT * FROM table WHERE field = key`, and nothing else. */
export type PointSelect = { readonly table: string; readonly field: string; readonly key: Literal | ParameterReference }

const known = new WeakMap<Statement, PointSelect | typeof NONE>()
const NONE = Symbol('no point select')

/** What a statement asks for, where it is of the simplest form: the key, if it is that field, says all. Statements are frozen. */
export function pointSelect(statement: Statement): PointSelect | undefined {
  let found = known.get(statement)
  if (found === undefined) known.set(statement, (found = (statement.kind === 'select' ? formOf(statement) : undefined) ?? NONE))
  return found === NONE ? undefined : (found as PointSelect)
}

function formOf({ items, from, where, groupBy, having, orderBy, limit, offset, distinct, asOf }: Select): PointSelect | undefined {
  const isStar = items.length === 1 && items[0]?.kind === 'star' && items[0].of === undefined
  const isPlain = groupBy.length === 0 && having === null && orderBy.length === 0 && limit === null && offset === null && !distinct
  if (!isStar || !isPlain || asOf !== null || from?.kind !== 'table' || from.asOf !== null) return undefined
  if (where?.kind !== 'comparison' || where.operator !== '=') return undefined
  const field = fieldOf(where.left)
  const key = keyOf(where.right)
  return field === undefined || key === undefined ? undefined : { table: from.table, field, key }
}

function fieldOf(expression: Expression): string | undefined {
  if (expression.kind !== 'field' || expression.path.length !== 1) return undefined
  const [name] = expression.path
  return typeof name === 'string' ? name : undefined
}

/** A value that is written `"…"` may be told about. */
function keyOf(expression: Expression): Literal | ParameterReference | undefined {
  if (expression.kind === 'parameter') return expression
  return expression.kind === 'literal' && expression.quoted !== true ? expression : undefined
}
