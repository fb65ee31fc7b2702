/** From a SELECT to what its operators need: names resolved, expressions compiled, the way to the rows chosen. */
import { DriftError } from '../base/errors.js'
import { type Aggregate, type Expression, type Field, type Path, type Select, type SelectItem } from '../parser/ast.js'
import { expressionText, pathText } from '../parser/expression-text.js'
import { compile, type Evaluator, type Scope } from './evaluate.js'
import { keyAccess, type KeyAccess } from './key-access.js'
import { type AggregateColumn, type SortKey } from './operators.js'
import { typeOfExpression, type ExpressionType } from './expression-type.js'

export type Output = { readonly kind: 'star' } | { readonly kind: 'column'; readonly name: string; readonly type: ExpressionType }

export type SelectPlan = {
  readonly table: string | undefined
  /** What is taken out of the documents, in the columns of the scan. */
  readonly fields: readonly Path[]
  /** The key alone answers the query: no document is read. */
  readonly keysOnly: boolean
  readonly hasStar: boolean
  readonly access: KeyAccess
  readonly reverse: boolean
  readonly where: { readonly text: string; readonly evaluator: Evaluator; readonly expression: Expression } | undefined
  readonly group:
    | {
        readonly texts: readonly string[]
        readonly keys: readonly Evaluator[]
        readonly columns: readonly AggregateColumn[]
        /** What `keys` and `columns` were compiled from. */
        readonly keyExpressions: readonly Expression[]
        readonly aggregates: readonly Aggregate[]
      }
    | undefined
  /** Only COUNT(*) of a whole table: it is known without looking at the rows. */
  readonly isCount: boolean
  readonly having: { readonly text: string; readonly evaluator: Evaluator } | undefined
  readonly outputs: readonly Output[]
  /** The columns of the outputs that are no star, then those that only the order needs. */
  readonly columns: readonly Evaluator[]
  readonly outputColumnCount: number
  readonly distinct: boolean
  readonly sort: readonly SortKey[]
  /** What the sort keys were compiled from. */
  readonly sortExpressions: readonly Expression[]
  readonly sortTexts: readonly string[]
  readonly notices: readonly string[]
}

/** What names mean depends on the table: its key, and which names are columns of it at the point that is read. */
export type Names = { readonly primaryKey: string | undefined; isColumn(name: string): boolean }

/**
 * @throws DriftError INVALID_ARGUMENT for an aggregate where none can stand, a column that is neither grouped nor aggregated, an ordinal
 * that names no output, a star without a table or with GROUP BY.
 */
export function planSelect(select: Select, names: Names): SelectPlan {
  return new Planner(select, names).plan()
}

class Planner {
  readonly #select: Select
  readonly #names: Names
  readonly #items: readonly (SelectItem & { readonly kind: 'item' })[]
  readonly #fields: Path[] = []
  readonly #fieldIndexes = new Map<string, number>()
  readonly #notices = new Set<string>()

  constructor(select: Select, names: Names) {
    this.#select = select
    this.#names = names
    this.#items = select.items.filter((item) => item.kind === 'item')
  }

  plan(): SelectPlan {
    const select = this.#select
    const hasStar = select.items.some((item) => item.kind === 'star')
    if (hasStar && select.from === null) throw refused('* needs a table after FROM')

    const where = select.where === null ? null : this.#resolved(select.where, 'aliases')
    const rowScope: Scope = { columnOf: () => undefined, field: (field) => this.#fieldIndex(field) }
    const items = this.#items.map((item) => ({ ...item, expression: this.#resolved(item.expression, 'fields') }))
    const having = select.having === null ? null : this.#resolved(select.having, 'aliases')
    const order = select.orderBy.map((item) => ({ ...item, expression: this.#ordered(item.expression, items) }))
    const groupBy = select.groupBy.map((expression) => this.#grouped(expression, items))

    const outside = [...items.map((item) => item.expression), ...(having === null ? [] : [having]), ...order.map((item) => item.expression)]
    const isGrouped = groupBy.length > 0 || having !== null || outside.some(hasAggregate)
    if (isGrouped && hasStar) throw refused('* cannot be grouped; name the columns')
    const groups = isGrouped ? new GroupScope(groupBy, rowScope) : undefined
    const scope = groups ?? rowScope

    const columns = items.map((item) => compile(item.expression, scope))
    const texts = items.map((item) => expressionText(item.expression))
    const { primaryKey } = this.#names
    const byKey =
      order[0] !== undefined &&
      !isGrouped &&
      primaryKey !== undefined &&
      isField(order[0].expression, primaryKey) &&
      (!select.distinct || hasStar || texts.includes(expressionText(order[0].expression)))
    const sort = byKey
      ? []
      : order.map(({ expression, descending, nulls }): SortKey => {
          const text = expressionText(expression)
          let column = texts.indexOf(text)
          if (column < 0) {
            if (select.distinct) throw refused(`ORDER BY ${text} is not in the list of SELECT DISTINCT`)
            column = columns.push(compile(expression, scope)) - 1
            texts.push(text)
          }
          return { column, descending, nullsFirst: nulls === null ? descending : nulls === 'first' }
        })
    const havingEvaluator = having === null ? undefined : { text: expressionText(having), evaluator: compile(having, scope) }
    const whereEvaluator =
      where === null ? undefined : { text: expressionText(where), evaluator: compile(where, rowScope), expression: where }
    const keysOnly = !hasStar && select.from !== null && this.#fields.every((path) => path.length === 1 && path[0] === primaryKey)
    return {
      table: select.from?.table,
      fields: this.#fields,
      keysOnly,
      hasStar,
      access: primaryKey === undefined ? { kind: 'all' } : keyAccess(where, primaryKey),
      reverse: byKey && (order[0]?.descending ?? false),
      where: whereEvaluator,
      group:
        groups === undefined
          ? undefined
          : { texts: groups.texts, keys: groups.keys, columns: groups.columns, keyExpressions: groupBy, aggregates: groups.aggregates },
      isCount:
        select.from !== null &&
        where === null &&
        groups !== undefined &&
        groups.keys.length === 0 &&
        groups.columns.every(({ name, operand }) => name === 'count' && operand === null),
      having: havingEvaluator,
      outputs: this.#outputs(items),
      columns,
      outputColumnCount: items.length,
      distinct: select.distinct,
      sort,
      sortExpressions: order.map(({ expression }) => expression),
      sortTexts: order.map(({ expression, descending }) => `${expressionText(expression)}${descending ? ' desc' : ''}`),
      notices: [...this.#notices]
    }
  }

  #outputs(items: readonly { readonly expression: Expression; readonly name: string }[]): Output[] {
    let next = 0
    return this.#select.items.map((item): Output => {
      if (item.kind === 'star') return { kind: 'star' }
      const { expression, name } = items[next++] as { readonly expression: Expression; readonly name: string }
      return { kind: 'column', name, type: typeOfExpression(expression) }
    })
  }

  #fieldIndex(field: Field): number {
    const name = JSON.stringify(field.path)
    const known = this.#fieldIndexes.get(name)
    if (known !== undefined) return known
    if (this.#select.from === null) throw refused(`there is no column ${pathText(field.path)} without a table after FROM`)
    this.#fieldIndexes.set(name, this.#fields.length)
    return this.#fields.push(field.path) - 1
  }

  /**
   * Names given their meaning. The table's alias before a dot goes; a lone name that is an output's alias stands for that output where the
   * table has no column of the name (`aliases`).
   */
  #resolved(expression: Expression, lone: 'fields' | 'aliases'): Expression {
    return rewrite(expression, (leaf) => {
      if (leaf.kind === 'literal') {
        if (leaf.quoted === true && typeof leaf.value === 'string' && this.#names.isColumn(leaf.value)) {
          const text = JSON.stringify(leaf.value)
          this.#notices.add(`${text} is a value here, though the table has a column of that name; write it in backquotes for the column`)
        }
        return leaf
      }
      if (leaf.kind !== 'field') return leaf
      const [first] = leaf.path
      if (leaf.path.length > 1 && first === this.#tableName()) return { kind: 'field', path: leaf.path.slice(1) }
      if (lone === 'fields' || leaf.path.length > 1 || this.#names.isColumn(String(first))) return leaf
      const item = this.#aliased(first)
      return item === undefined ? leaf : this.#resolved(item.expression, 'fields')
    })
  }

  #ordered(expression: Expression, items: readonly { readonly expression: Expression }[]): Expression {
    if (expression.kind === 'field' && expression.path.length === 1) {
      const item = this.#aliased(expression.path[0])
      if (item !== undefined) return this.#resolved(item.expression, 'fields')
    }
    return this.#ordinal(expression, items, 'ORDER BY') ?? this.#resolved(expression, 'aliases')
  }

  #grouped(expression: Expression, items: readonly { readonly expression: Expression }[]): Expression {
    const found = this.#ordinal(expression, items, 'GROUP BY') ?? this.#resolved(expression, 'aliases')
    if (hasAggregate(found)) throw refused(`${expressionText(found)} cannot stand in GROUP BY`)
    return found
  }

  /** `ORDER BY 2`: the second output. */
  #ordinal(expression: Expression, items: readonly { readonly expression: Expression }[], clause: string): Expression | undefined {
    if (expression.kind !== 'literal' || typeof expression.value !== 'number' || !Number.isInteger(expression.value)) return undefined
    const place = this.#select.items[expression.value - 1]
    const before = this.#select.items.slice(0, expression.value - 1).filter((item) => item.kind === 'item').length
    if (place?.kind === 'item') return items[before]?.expression
    throw refused(`${clause} ${expression.value} is no column of the list: it has ${this.#select.items.length}`)
  }

  #aliased(name: string | number | undefined): (SelectItem & { readonly kind: 'item' }) | undefined {
    return this.#items.find((item) => item.aliased && item.name === name)
  }

  #tableName(): string | undefined {
    return this.#select.from?.alias ?? this.#select.from?.table
  }
}

/** Above an aggregation only what is grouped or aggregated has a value. */
class GroupScope implements Scope {
  readonly texts: string[]
  readonly keys: Evaluator[]
  readonly columns: AggregateColumn[] = []
  readonly aggregates: Aggregate[] = []
  readonly #rowScope: Scope
  readonly #indexes = new Map<string, number>()

  constructor(groupBy: readonly Expression[], rowScope: Scope) {
    this.#rowScope = rowScope
    this.texts = groupBy.map(expressionText)
    this.keys = groupBy.map((expression) => compile(expression, rowScope))
    for (const [index, text] of this.texts.entries()) if (!this.#indexes.has(text)) this.#indexes.set(text, index)
  }

  columnOf(expression: Expression): number | undefined {
    if (expression.kind === 'literal' || expression.kind === 'parameter') return undefined
    const text = expressionText(expression)
    const known = this.#indexes.get(text)
    if (known !== undefined || expression.kind !== 'aggregate') return known
    const index = this.keys.length + this.columns.length
    this.columns.push(this.#aggregate(expression))
    this.aggregates.push(expression)
    this.texts.push(text)
    this.#indexes.set(text, index)
    return index
  }

  field(field: Field): number {
    const name = pathText(field.path)
    throw refused(`${name} must stand in GROUP BY or in an aggregate such as MAX(${name})`)
  }

  #aggregate({ name, distinct, operand }: Aggregate): AggregateColumn {
    return { name, distinct, operand: operand === null ? null : compile(operand, this.#rowScope) }
  }
}

/** A copy with every leaf replaced; aggregates and operators stay as they are. */
function rewrite(expression: Expression, leaf: (expression: Expression) => Expression): Expression {
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

function hasAggregate(expression: Expression): boolean {
  return expression.kind === 'aggregate' || operandsOf(expression).some(hasAggregate)
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

function isField(expression: Expression, name: string): boolean {
  return expression.kind === 'field' && expression.path.length === 1 && expression.path[0] === name
}

function refused(message: string): DriftError {
  return new DriftError('INVALID_ARGUMENT', message, {})
}
