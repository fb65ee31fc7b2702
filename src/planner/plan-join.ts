/** From FROM … JOIN to a plan: what each table gives, by which keys rows meet, and which conditions can be asked before they do. */
import { DriftError } from '../base/errors.js'
import { type Expression, type From, type Join, type JoinSide, type Path } from '../parser/ast.js'
import { expressionText, pathText } from '../parser/expression-text.js'
import { columnConditions, namesOf } from './column-conditions.js'
import { compile, type Scope } from '../expression/evaluate.js'
import { rewrite, some } from '../expression/expression-tree.js'
import { conjuncts, keyAccess } from './key-access.js'
import { type Condition, type JoinKey, type JoinPlan, type LeafPlan, type SourcePlan } from './source-plan.js'

/** Of a name after FROM. */
export type TableNames = {
  readonly name: string
  readonly table: string
  readonly primaryKey: string
  readonly timeColumn?: string | undefined
  /** A table at one point, which can be read by its keys alone. */
  readonly isTable: boolean
  hasColumn(name: string): boolean
}

/** Where each field of a join is: fields are paths that begin with the name of their table. Column numbers count through all tables. */
export class JoinFields {
  readonly #tables: readonly TableNames[]
  readonly #paths: Path[][]
  readonly #indexes = new Map<string, number>()

  constructor(tables: readonly TableNames[]) {
    this.#tables = tables
    this.#paths = tables.map(() => [])
  }

  /** All fields of a query are added before the first column number is asked for. */
  add(expression: Expression): void {
    some(expression, (each) => {
      if (each.kind !== 'field') return false
      const identity = JSON.stringify(each.path)
      const paths = this.#paths[this.tableOf(each.path)]
      if (paths !== undefined && !this.#indexes.has(identity)) this.#indexes.set(identity, paths.push(each.path.slice(1)) - 1)
      return false
    })
  }

  /** Number of the table. */
  tableOf([name]: Path): number {
    return this.#tables.findIndex((table) => table.name === name)
  }

  pathsOf(table: number): readonly Path[] {
    return this.#paths[table] ?? []
  }

  /** In the rows of the join. */
  readonly scope: Scope = {
    columnOf: () => undefined,
    field: ({ path }) => {
      const table = this.tableOf(path)
      return this.#paths.slice(0, table).reduce((sum, { length }) => sum + length, this.#local(path))
    }
  }

  /** In the rows of the field's table. */
  readonly localScope: Scope = { columnOf: () => undefined, field: ({ path }) => this.#local(path) }

  #local(path: Path): number {
    const index = this.#indexes.get(JSON.stringify(path))
    if (index === undefined) throw new DriftError('INVARIANT', `QRY-2: ${pathText(path)} has no column`, {})
    return index
  }
}

export type JoinInput = {
  readonly from: Join
  readonly tables: readonly TableNames[]
  readonly fields: JoinFields
  readonly where: Expression | null
  /** The conditions of ON, their names resolved, by number of the right table. */
  readonly on: readonly (Expression | null)[]
  /** Of each table: `*` shows it. */
  readonly stars: readonly boolean[]
  /** The first table is read backwards. */
  readonly reverse: boolean
}

export type JoinOutcome = {
  readonly source: SourcePlan
  /** What is left of WHERE for the rows of the join. */
  readonly where: Expression | null
  /** Tables can be joined in any order: each pair of rows is asked the same whenever it meets, and none stands alone. */
  readonly isReorderable: boolean
}

/** The tables in the order of FROM. */
export function planJoin(input: JoinInput): JoinOutcome {
  const sides = sidesOf(input.from)
  const positions = input.tables.map((_, index) => index)
  const found = planInOrder(input, sides, positions)
  const conditions = [...conjuncts(input.where), ...input.on.flatMap(conjuncts)]
  const isReorderable =
    sides.every((side) => side === 'inner') &&
    input.tables.every(({ isTable, timeColumn }) => isTable && timeColumn === undefined) &&
    conditions.every(isSafe)
  return { ...found, isReorderable }
}

/**
 * The tables of a join that is reorderable in another order, `positions` being their places in FROM. The conditions of ON are asked as soon
 * as all of their tables are joined. `input` has tables and stars in the new order.
 */
export function planReordered(input: JoinInput, positions: readonly number[]): Omit<JoinOutcome, 'isReorderable'> {
  const { tables, fields } = input
  const on = tables.map((): Expression[] => [])
  for (const condition of input.on.flatMap(conjuncts)) on[Math.max(1, ...tablesIn(condition, fields))]?.push(condition)
  return planInOrder(
    { ...input, on: on.map(allOf), reverse: false },
    tables.map(() => 'inner' as const),
    positions
  )
}

function planInOrder(input: JoinInput, sides: readonly JoinSide[], positions: readonly number[]): Omit<JoinOutcome, 'isReorderable'> {
  const { tables, fields } = input
  const early = tables.map((): Expression[] => [])
  const rest = conjuncts(input.where).filter((condition) => {
    const only = onlyTable(condition, fields)
    if (only === undefined || !isSafe(condition) || !keepsRows(sides, only)) return true
    early[only]?.push(condition)
    return false
  })
  const joins = tables.map((_, index) => (index === 0 ? undefined : joinCondition(input, index, sides[index] ?? 'inner', early)))
  const leaves = tables.map((_, index) => ({ ...leafPlan(input, index, early[index] ?? []), index: positions[index] ?? index }))
  let source: SourcePlan = leaves[0] as LeafPlan
  for (const [index, join] of joins.entries()) {
    if (join !== undefined)
      source = { kind: 'join', side: sides[index] ?? 'inner', left: source, right: leaves[index] as LeafPlan, ...join }
  }
  return { source, where: allOf(rest) }
}

/** Of each table how it was joined to those before it; of the first it says nothing. */
function sidesOf(from: From): JoinSide[] {
  const sides: JoinSide[] = []
  let rest = from
  for (; rest.kind === 'join'; rest = rest.left) sides.push(rest.side)
  return ['inner' as const, ...sides.reverse()]
}

/** Every row of the join has a row of this table: a condition on it can be asked before. */
function keepsRows(sides: readonly JoinSide[], table: number): boolean {
  const isOwn = table === 0 || sides[table] === 'inner' || sides[table] === 'cross' || sides[table] === 'right'
  return isOwn && sides.slice(table + 1).every((side) => side !== 'right' && side !== 'full')
}

/** The conjuncts of ON: equal keys, conditions for the right table alone (put into `early`), and the others. */
function joinCondition({ tables, fields, on }: JoinInput, table: number, side: JoinSide, early: Expression[][]) {
  const leftKeys: Expression[] = []
  const rightKeys: Expression[] = []
  const keyTexts: string[] = []
  const joinKeys: JoinKey[] = []
  const others: Expression[] = []
  for (const condition of conjuncts(on[table] ?? null)) {
    const ahead = [...tablesIn(condition, fields)].find((each) => each > table)
    if (ahead !== undefined) {
      throw new DriftError('INVALID_ARGUMENT', `${expressionText(condition)} names a table that is joined after its ON`, {})
    }
    const keys = equalKeys(condition, table, fields)
    if (keys !== undefined) {
      leftKeys.push(keys.left)
      rightKeys.push(keys.right)
      keyTexts.push(expressionText(condition))
      joinKeys.push({ ...keys, field: keys.right.kind === 'field' ? namesOf(keys.right.path.slice(1)) : undefined })
    } else if (onlyTable(condition, fields) === table && isSafe(condition) && (side === 'inner' || side === 'left')) {
      early[table]?.push(condition)
    } else others.push(condition)
  }
  const { isTable } = tables[table] as TableNames
  return {
    keys: joinKeys,
    mayLookUp: isTable && (side === 'inner' || side === 'left') && joinKeys.some(({ field }) => field !== undefined),
    leftKeys: leftKeys.map((key) => compile(key, fields.scope)),
    rightKeys: rightKeys.map((key) => compile(key, fields.localScope)),
    keyTexts,
    condition: conditionOf(allOf(others), fields.scope)
  } satisfies Partial<JoinPlan>
}

/** `left = right`, each over its side alone. */
function equalKeys(condition: Expression, table: number, fields: JoinFields): { left: Expression; right: Expression } | undefined {
  if (condition.kind !== 'comparison' || condition.operator !== '=') return undefined
  for (const [left, right] of [
    [condition.left, condition.right],
    [condition.right, condition.left]
  ] as const) {
    const ofLeft = tablesIn(left, fields)
    if (ofLeft.size > 0 && !ofLeft.has(table) && onlyTable(right, fields) === table) return { left, right }
  }
  return undefined
}

function leafPlan({ tables, fields, stars, reverse }: JoinInput, index: number, conditions: readonly Expression[]): LeafPlan {
  const { name, table, primaryKey, timeColumn, isTable } = tables[index] as TableNames
  const where = allOf(conditions)
  const local = where === null ? null : rewrite(where, (leaf) => (leaf.kind === 'field' ? { ...leaf, path: leaf.path.slice(1) } : leaf))
  const found = conditionOf(where, fields.localScope)
  const hasStar = stars[index] ?? false
  const paths = fields.pathsOf(index)
  return {
    kind: 'leaf',
    index,
    name,
    scan: {
      table,
      fields: paths,
      keysOnly: isTable && !hasStar && paths.every((path) => path.length === 1 && path[0] === primaryKey),
      hasStar,
      access: keyAccess(local, primaryKey),
      reverse: reverse && index === 0,
      name,
      ...(isTable ? { asked: columnConditions(local) } : {}),
      ...(timeColumn === undefined ? {} : { times: keyAccess(local, timeColumn) })
    },
    where: found,
    own: found === undefined || local === null ? undefined : { ...found, expression: local }
  }
}

function conditionOf(expression: Expression | null, scope: Scope): Condition | undefined {
  return expression === null ? undefined : { text: expressionText(expression), evaluator: compile(expression, scope), expression }
}

function allOf(conditions: readonly Expression[]): Expression | null {
  const [only, second] = conditions
  if (only === undefined) return null
  return second === undefined ? only : { kind: 'and', operands: conditions }
}

function tablesIn(expression: Expression, fields: JoinFields): Set<number> {
  const tables = new Set<number>()
  some(expression, (each) => {
    if (each.kind === 'field') tables.add(fields.tableOf(each.path))
    return false
  })
  return tables
}

function onlyTable(expression: Expression, fields: JoinFields): number | undefined {
  const [only, second] = tablesIn(expression, fields)
  return second === undefined ? only : undefined
}

/** It refuses no value: a row that would not come to be joined cannot be the error of a query. */
function isSafe(expression: Expression): boolean {
  return !some(expression, (each) => UNSAFE.has(each.kind) || (each.kind === 'like' && each.pattern.kind !== 'literal'))
}

const UNSAFE: ReadonlySet<Expression['kind']> = new Set(['cast', 'arithmetic', 'negate', 'aggregate'])
