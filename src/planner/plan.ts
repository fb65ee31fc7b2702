/** From a SELECT to what its operators need: names resolved, expressions compiled, the way to the rows chosen. */
import { DriftError } from '../base/errors.js'
import {
  type Aggregate,
  type Expression,
  type Field,
  type From,
  type Join,
  type OrderItem,
  type Path,
  type Select,
  type SelectItem
} from '../parser/ast.js'
import { expressionText, pathText } from '../parser/expression-text.js'
import { type AggregateColumn } from '../expression/aggregates.js'
import { columnConditions, namesOf } from './column-conditions.js'
import { compile, type Evaluator, type Scope } from '../expression/evaluate.js'
import { rewrite, some } from '../expression/expression-tree.js'
import { keyAccess } from './key-access.js'
import { type SortKey } from '../expression/row-order.js'
import { JoinFields, type JoinInput, type JoinOutcome, planJoin, planReordered, type TableNames } from './plan-join.js'
import { type ColumnOrder, type Condition, type ExtremeOf, type LeafPlan, type SourcePlan, type TableScan } from './source-plan.js'
import { typeOfExpression, type ExpressionType } from './expression-type.js'

/** `of`: in a join, the table that a star shows. */
export type Output =
  | { readonly kind: 'star'; readonly of?: string }
  | { readonly kind: 'column'; readonly name: string; readonly type: ExpressionType }

/** As a scan it is that of its table, where `source` is undefined. */
export type SelectPlan = TableScan & {
  /** Where the rows come from, unless that is one table at one point, or nothing. */
  readonly source: SourcePlan | undefined
  /** Of a join. */
  readonly isReorderable: boolean
  /** Of a join in another order than that of FROM: rows are sorted by these, the keys of the tables, to stand as if it were that. */
  readonly restored: readonly SortKey[]
  readonly where: Condition | undefined
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
  readonly having: Condition | undefined
  readonly outputs: readonly Output[]
  /** The columns of the outputs that are no star, then those that only the order needs. */
  readonly columns: readonly Evaluator[]
  readonly outputColumnCount: number
  readonly distinct: boolean
  readonly sort: readonly SortKey[]
  /** What the keys of `sort` and the order by the primary key were made of. */
  readonly sortExpressions: readonly Expression[]
  readonly sortTexts: readonly string[]
  readonly notices: readonly string[]
}

/**
 * What names mean depends on the tables: their keys, and which names are columns of them at the points that are read.
 * @throws DriftError INVALID_ARGUMENT for an aggregate where none can stand, a column that is neither grouped nor aggregated, an ordinal
 * that names no output, a star without a table or with GROUP BY, a name that two tables of a join have, or two tables of one name.
 * `order`: that in which tables are joined, by their places in FROM, where the plan of the written one is reorderable.
 */
export function planSelect(select: Select, tables: readonly TableNames[], order?: readonly number[]): SelectPlan {
  return new Planner(select, tables, order).plan()
}

class Planner {
  readonly #select: Select
  readonly #tables: readonly TableNames[]
  readonly #order: readonly number[] | undefined
  /** Of the first table. */
  readonly #primaryKey: string | undefined
  readonly #join: Join | undefined
  readonly #items: readonly (SelectItem & { readonly kind: 'item' })[]
  readonly #fields: Path[] = []
  readonly #fieldIndexes = new Map<string, number>()
  readonly #notices = new Set<string>()

  constructor(select: Select, tables: readonly TableNames[], order: readonly number[] | undefined) {
    this.#select = select
    this.#order = order
    this.#tables = tables
    this.#primaryKey = tables[0]?.primaryKey
    this.#join = select.from?.kind === 'join' ? select.from : undefined
    this.#items = select.items.filter((item) => item.kind === 'item')
  }

  plan(): SelectPlan {
    const select = this.#select
    const hasStar = select.items.some((item) => item.kind === 'star')
    if (hasStar && select.from === null) throw refused('* needs a table after FROM')
    this.#checkTables()

    const where = select.where === null ? null : this.#resolved(select.where, 'aliases')
    const items = this.#items.map((item) => ({ ...item, expression: this.#resolved(item.expression, 'fields') }))
    const having = select.having === null ? null : this.#resolved(select.having, 'aliases')
    const order = select.orderBy.map((item) => ({ ...item, expression: this.#ordered(item.expression, items) }))
    const groupBy = select.groupBy.map((expression) => this.#grouped(expression, items))

    const outside = [...items.map((item) => item.expression), ...(having === null ? [] : [having]), ...order.map((item) => item.expression)]
    const isGrouped = groupBy.length > 0 || having !== null || outside.some(hasAggregate)
    if (isGrouped && hasStar) throw refused('* cannot be grouped; name the columns')
    const joined = this.#join === undefined ? undefined : new JoinFields(this.#inOrder(this.#tables))
    const on = joinsOf(this.#join).map((join) => (join.on === null ? null : this.#resolved(join.on, 'fields')))
    const keys =
      this.#order === undefined ? [] : this.#tables.map(({ name, primaryKey }): Field => ({ kind: 'field', path: [name, primaryKey] }))
    for (const expression of [where, ...on, ...groupBy, ...outside, ...keys]) if (expression !== null) joined?.add(expression)
    const rowScope: Scope = joined?.scope ?? { columnOf: () => undefined, field: (field) => this.#fieldIndex(field) }
    const groups = isGrouped ? new GroupScope(groupBy, rowScope) : undefined
    const scope = groups ?? rowScope

    const columns = items.map((item) => compile(item.expression, scope))
    const texts = items.map((item) => expressionText(item.expression))
    const primaryKey = this.#primaryKey
    const timeColumn = this.#tables[0]?.timeColumn
    const byKey =
      order[0] !== undefined &&
      !isGrouped &&
      (order.length === 1 || this.#hasOneRowOfKey()) &&
      this.#isKeyOfOrder(order[0].expression) &&
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
    const havingEvaluator =
      having === null ? undefined : { text: expressionText(having), evaluator: compile(having, scope), expression: having }
    const reverse = byKey && (order[0]?.descending ?? false)
    const found =
      this.#join === undefined || joined === undefined
        ? { source: undefined, where, isReorderable: false }
        : this.#joined({
            from: this.#join,
            tables: this.#inOrder(this.#tables),
            fields: joined,
            where,
            on: [null, ...on],
            stars: this.#inOrder(this.#stars()),
            reverse
          })
    const rest = found.where
    const whereEvaluator = rest === null ? undefined : { text: expressionText(rest), evaluator: compile(rest, rowScope), expression: rest }
    const isKeys = this.#fields.every((path) => path.length === 1 && path[0] === primaryKey)
    const scan: TableScan = {
      table: this.#join === undefined ? this.#tables[0]?.table : undefined,
      fields: this.#fields,
      keysOnly: !hasStar && isKeys && select.from?.kind === 'table',
      hasStar,
      access: primaryKey === undefined || this.#join !== undefined ? { kind: 'all' } : keyAccess(where, primaryKey),
      reverse,
      ...(select.from?.kind === 'table' ? { asked: columnConditions(where), order: this.#columnOrder(order, isGrouped) } : {}),
      ...(groups === undefined ? {} : this.#aggregated(groups, where)),
      ...(timeColumn === undefined || this.#join !== undefined ? {} : { times: keyAccess(where, timeColumn) })
    }
    return {
      ...scan,
      source: found.source ?? this.#leaf(scan),
      isReorderable: found.isReorderable,
      restored: keys.map((key, at): SortKey => ({ column: rowScope.field(key), descending: at === 0 && reverse, nullsFirst: false })),
      where: whereEvaluator,
      group:
        groups === undefined
          ? undefined
          : { texts: groups.texts, keys: groups.keys, columns: groups.columns, keyExpressions: groupBy, aggregates: groups.aggregates },
      isCount:
        select.from?.kind === 'table' &&
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

  #aggregated(groups: GroupScope, where: Expression | null): Partial<TableScan> {
    const only = aggregatedOnly(groups)
    const isKey = only.extremes?.every(({ path }) => path.length === 1 && path[0] === this.#primaryKey)
    return isKey === true && where === null && this.#select.from?.kind === 'table' ? { ...only, isKeyEnds: true } : only
  }

  #inOrder<Each>(each: readonly Each[]): readonly Each[] {
    return this.#order === undefined ? each : this.#order.map((at) => each[at] as Each)
  }

  #joined(input: JoinInput): JoinOutcome {
    return this.#order === undefined ? planJoin(input) : { ...planReordered(input, this.#order), isReorderable: true }
  }

  #outputs(items: readonly { readonly expression: Expression }[]): Output[] {
    let next = 0
    return this.#select.items.flatMap((item): Output | Output[] => {
      if (item.kind === 'star') return this.#starOutputs(item.of)
      const { expression } = items[next++] as { readonly expression: Expression }
      return { kind: 'column', name: this.#nameOf(item, expression), type: typeOfExpression(expression) }
    })
  }

  /** In a join, fields of one name that have no alias keep the names of their tables. */
  #nameOf({ name, aliased }: SelectItem & { readonly kind: 'item' }, expression: Expression): string {
    if (this.#join === undefined || aliased || expression.kind !== 'field') return name
    const isAlone = this.#items.filter((item) => item.name === name).length === 1
    return isAlone ? name : pathText(expression.path)
  }

  #starOutputs(of: string | undefined): Output[] {
    if (this.#join === undefined) return [{ kind: 'star' }]
    return this.#tables.filter(({ name }) => of === undefined || name === of).map(({ name }): Output => ({ kind: 'star', of: name }))
  }

  /** Of each table whether a star shows it. */
  #stars(): boolean[] {
    return this.#tables.map(({ name }) =>
      this.#select.items.some((item) => item.kind === 'star' && (item.of === undefined || item.of === name))
    )
  }

  #checkTables(): void {
    const names = this.#tables.map(({ name }) => name)
    const twice = names.find((name, index) => names.indexOf(name) < index)
    if (twice !== undefined) throw refused(`two tables are named ${twice}; give one of them an alias`)
    for (const item of this.#select.items) {
      if (item.kind === 'star' && item.of !== undefined && !names.includes(item.of)) throw refused(`${item.of}.*: no table has that name`)
    }
  }

  /** Of what stands alone after FROM and is no table at one point. */
  #leaf(scan: TableScan): LeafPlan | undefined {
    const { from } = this.#select
    if (from === null || from.kind === 'table') return undefined
    return { kind: 'leaf', index: 0, name: this.#tables[0]?.name ?? '', scan, where: undefined, own: undefined }
  }

  /** Undefined where an index cannot have it. */
  #columnOrder(order: readonly OrderItem[], isGrouped: boolean): readonly ColumnOrder[] | undefined {
    if (isGrouped || this.#select.distinct) return undefined
    const columns = order.map(({ expression, descending, nulls }): ColumnOrder | undefined => {
      const path = expression.kind === 'field' ? namesOf(expression.path) : undefined
      const isUsual = nulls === null || (nulls === 'first') === descending
      return path === undefined || !isUsual ? undefined : { path, isDescending: descending }
    })
    return columns.every((column) => column !== undefined) ? columns : undefined
  }

  #hasOneRowOfKey(): boolean {
    const kind = this.#select.from?.kind
    return kind === 'table' || kind === 'diff'
  }

  /** Rows come in the order of the first table's key, unless a join puts rows without it at their end. */
  #isKeyOfOrder(expression: Expression): boolean {
    const primaryKey = this.#primaryKey
    if (expression.kind !== 'field' || primaryKey === undefined) return false
    const { path } = expression
    if (this.#join === undefined) return path.length === 1 && path[0] === primaryKey
    const keepsOrder = joinsOf(this.#join).every(({ side }) => side !== 'right' && side !== 'full')
    return keepsOrder && path.length === 2 && path[0] === this.#tables[0]?.name && path[1] === primaryKey
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
   * Names given their meaning. The table's alias before a dot goes, in a join every path begins with one; a lone name that is an output's
   * alias stands for that output where no table has a column of the name (`aliases`).
   */
  #resolved(expression: Expression, lone: 'fields' | 'aliases'): Expression {
    return rewrite(expression, (leaf) => {
      if (leaf.kind === 'literal') {
        if (leaf.quoted === true && typeof leaf.value === 'string' && this.#isColumn(leaf.value)) {
          const text = JSON.stringify(leaf.value)
          this.#notices.add(`${text} is a value here, though the table has a column of that name; write it in backquotes for the column`)
        }
        return leaf
      }
      if (leaf.kind !== 'field') return leaf
      if (this.#isOfSystemTable(leaf)) return this.#resolved({ kind: 'field', path: leaf.path.slice(1) }, lone)
      const [first] = leaf.path
      if (leaf.path.length > 1 && this.#tables.some(({ name }) => name === first)) {
        return this.#join === undefined ? { kind: 'field', path: leaf.path.slice(1) } : leaf
      }
      const item = lone === 'fields' || leaf.path.length > 1 || this.#isColumn(String(first)) ? undefined : this.#aliased(first)
      return item === undefined ? this.#ofTable(leaf) : this.#resolved(item.expression, 'fields')
    })
  }

  /** `drift.commits.seq`, of the table that is named `commits` where it has no alias. */
  #isOfSystemTable({ path: [schema, name, column] }: Field): boolean {
    if (schema !== 'drift' || column === undefined) return false
    return this.#tables.some((table) => table.table === `drift.${name}` && table.name === name)
  }

  #isColumn(name: string): boolean {
    return this.#tables.some((table) => table.hasColumn(name))
  }

  /** In a join, a name without its table is that of the one that has such a column; of none, it is NULL, as the first one's. */
  #ofTable(field: Field): Field {
    if (this.#join === undefined) return field
    const name = String(field.path[0])
    const owners = this.#tables.filter((table) => table.hasColumn(name))
    const owner = owners[0] ?? this.#tables[0]
    if (owners.length <= 1 && owner !== undefined) return { kind: 'field', path: [owner.name, ...field.path] }
    const choices = owners.map((table) => pathText([table.name, ...field.path])).join(' or ')
    throw refused(`${pathText(field.path)} is a column of several tables; write ${choices}`)
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
}

/** From the first to the last. */
function joinsOf(join: Join | undefined): Join[] {
  const joins: Join[] = []
  for (let rest: From | undefined = join; rest?.kind === 'join'; rest = rest.left) joins.push(rest)
  return joins.reverse()
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

/** What the aggregates of one group ask of the rows, where that is less than all of them. */
function aggregatedOnly({ keys, aggregates }: GroupScope): Pick<TableScan, 'isAggregated' | 'isOnlyCounted' | 'extremes'> {
  if (keys.length > 0 || aggregates.length === 0) return { isAggregated: true }
  if (aggregates.every(({ name, operand }) => name === 'count' && operand === null)) return { isAggregated: true, isOnlyCounted: true }
  const extremes = aggregates.map(({ name, operand }): ExtremeOf | undefined => {
    const path = operand?.kind === 'field' ? namesOf(operand.path) : undefined
    return path === undefined || (name !== 'min' && name !== 'max') ? undefined : { path, isGreatest: name === 'max' }
  })
  return extremes.every((extreme) => extreme !== undefined) ? { isAggregated: true, extremes } : { isAggregated: true }
}

function hasAggregate(expression: Expression): boolean {
  return some(expression, ({ kind }) => kind === 'aggregate')
}

function refused(message: string): DriftError {
  return new DriftError('INVALID_ARGUMENT', message, {})
}
