/** From the shape of a text to what it means: gives each token its meaning in one dialect. */
import { type Dialect, type Token } from '../../grammar/lexer.js'
import {
  type IndexTree,
  arrayOf,
  type AssignmentTree,
  type Chain,
  type ConflictTree,
  type ExpressionTree,
  type InsertSourceTree,
  type NumberTree,
  type PathTree,
  type SelectItemTree,
  type SelectTree,
  type StatementTree,
  type ValueTree
} from '../../grammar/syntax-tree.js'
import { assertLaw, DriftError, unreachable } from '../base/errors.js'
import { limits } from '../base/limits.js'
import { type IndexColumn } from '../catalog/index-definition.js'
import { parseJson } from '../codec/json-codec.js'
import { type Value } from '../codec/value.js'
import {
  type AggregateName,
  type ArithmeticOperator,
  type Assignment,
  type CastType,
  type ComparisonOperator,
  type Explain,
  type Expression,
  type Insert,
  type InsertSource,
  type JsonText,
  type Literal,
  type OnConflict,
  type ParameterReference,
  type Path,
  type Select,
  type SelectItem,
  type Statement
} from './ast.js'
import { expressionText, pathText } from './expression-text.js'
import { FromBuilder } from './from-builder.js'
import { syntaxError } from './syntax-error.js'

const INTEGER_MIN = -(2n ** 63n)
const INTEGER_MAX = 2n ** 64n - 1n
/** Digits of 2^64; a longer integer need not be converted to know that it is out of range. */
const INTEGER_DIGITS_MAX = 20

/** A lone comma in a sentence would be read as the sentence's own. */
const PUNCTUATION = /^[().,;*=<>!+:/%-]+$/
const ARRAY_INDEX = /^\[\s*(\d{1,15})\s*\]$/

const AGGREGATES: ReadonlySet<string> = new Set<AggregateName>(['count', 'sum', 'avg', 'min', 'max'])
const ARITHMETIC: Readonly<Record<string, ArithmeticOperator>> = { plus: '+', minus: '-', star: '*', slash: '/', percent: '%' }
const COMPARISONS: Readonly<Record<string, ComparisonOperator>> = {
  equals: '=',
  notEquals: '<>',
  less: '<',
  lessOrEqual: '<=',
  greater: '>',
  greaterOrEqual: '>='
}
const CAST_TYPES: ReadonlyMap<string, CastType> = new Map([
  ...['int8', 'bigint', 'integer', 'int', 'int4', 'int2', 'smallint'].map((name): [string, CastType] => [name, 'int8']),
  ...['float8', 'double', 'float', 'real', 'float4', 'numeric', 'decimal'].map((name): [string, CastType] => [name, 'float8']),
  ...['text', 'varchar', 'string'].map((name): [string, CastType] => [name, 'text']),
  ...['bool', 'boolean'].map((name): [string, CastType] => [name, 'bool']),
  ...['timestamptz', 'timestamp'].map((name): [string, CastType] => [name, 'timestamptz']),
  ...['bytea', 'blob'].map((name): [string, CastType] => [name, 'bytea']),
  ...['jsonb', 'json'].map((name): [string, CastType] => [name, 'jsonb'])
])

/** What `"…"` alone is in dialect drift; in dialect sql it is always a name. */
type QuotedIs = 'name' | 'value'

export class StatementBuilder {
  readonly #text: string
  readonly #dialect: Dialect
  readonly #from: FromBuilder
  #depth = 0

  constructor(text: string, dialect: Dialect) {
    this.#text = text
    this.#dialect = dialect
    this.#from = new FromBuilder(text, {
      expression: (tree) => this.#expression(tree, 'name'),
      value: (tree) => this.#value(tree)
    })
  }

  statement(tree: StatementTree): Statement {
    switch (tree.kind) {
      case 'create-table': {
        const { table, body, ifNotExists } = tree
        const indexes = arrayOf(body.indexes).flatMap((list) => arrayOf(list).map((columns) => this.#indexColumns(columns)))
        return { kind: 'create-table', table: nameOf(table), primaryKey: nameOf(body.primaryKey), indexes, ifNotExists }
      }
      case 'insert':
        return this.#insert(tree)
      case 'update':
        return {
          kind: 'update',
          table: nameOf(tree.table),
          set: this.#assignments(tree.set),
          where: this.#optional(tree.where),
          returning: this.#returning(tree.returning)
        }
      case 'delete':
        return {
          kind: 'delete',
          table: nameOf(tree.table),
          where: this.#optional(tree.where),
          returning: this.#returning(tree.returning)
        }
      case 'patch':
        return { kind: 'patch', table: nameOf(tree.table), key: this.#value(tree.key), set: this.#document(tree.set) }
      case 'soft-delete':
      case 'show-drift':
        return { kind: tree.kind, table: nameOf(tree.table), key: this.#value(tree.key) }
      case 'select':
        return this.#select(tree)
      case 'select-for-update':
        return { kind: tree.kind, select: this.#select(tree.select), whenLocked: tree.whenLocked }
      case 'explain':
        return this.#explain(tree)
      case 'set':
        return {
          kind: 'set',
          name: this.#path(tree.name).join('.').toLowerCase(),
          value: tree.value === null ? null : this.#value(tree.value)
        }
      case 'maintenance':
        return { kind: tree.verb, table: nameOf(tree.table) }
      case 'analyze':
        return { kind: 'analyze', table: tree.table === null ? null : nameOf(tree.table) }
      case 'begin':
        return { kind: 'begin', isolation: tree.isolation, readOnly: tree.readOnly, metadata: this.#beginMetadata(tree.options) }
      case 'commit':
      case 'rollback':
        return { kind: tree.kind }
      case 'savepoint':
        return { kind: tree.verb, name: nameOf(tree.name) }
      case 'create-index':
        return {
          kind: 'create-index',
          table: nameOf(tree.table),
          name: tree.name === null ? null : nameOf(tree.name),
          columns: this.#indexColumns(tree.columns),
          isUnique: tree.unique,
          ifNotExists: tree.ifNotExists
        }
      case 'drop-index':
        return { kind: 'drop-index', name: nameOf(tree.name), ifExists: tree.ifExists }
      case 'not-supported':
        return { kind: 'not-supported', statement: tree.statement }
      default:
        return unreachable(tree)
    }
  }

  /** `(ANALYZE, FORMAT JSON)` in any order. */
  #explain(tree: StatementTree & { kind: 'explain' }): Explain {
    let { analyze } = tree
    let format: Explain['format'] = 'text'
    for (const { name, value } of arrayOf(tree.options)) {
      const asked = value?.text.toLowerCase()
      if (value === null) analyze = true
      else if (name.text.toLowerCase() !== 'format') throw syntaxError(this.#text, name.offset, name.text, ['ANALYZE', 'FORMAT'])
      else if (asked === 'text' || asked === 'json') format = asked
      else throw syntaxError(this.#text, value.offset, value.text, ['TEXT', 'JSON'])
    }
    return { kind: 'explain', analyze, format, select: this.#select(tree.select) }
  }

  /** `WITH (METADATA = {…})` */
  #beginMetadata(options: (StatementTree & { kind: 'begin' })['options']): JsonText | ParameterReference | null {
    if (options === null) return null
    const { name, value } = options
    if (name.text.toLowerCase() !== 'metadata') throw syntaxError(this.#text, name.offset, name.text, ['METADATA'])
    return this.#document(value)
  }

  // --- writes

  #insert(tree: StatementTree & { kind: 'insert' }): Insert {
    const verb = tree.verb.type === 'UPSERT' ? 'upsert' : 'insert'
    if (verb === 'upsert' && tree.conflict !== null) {
      throw syntaxError(this.#text, tree.conflict.on.offset, 'ON CONFLICT after UPSERT', ['INSERT … ON CONFLICT, or UPSERT without it'])
    }
    const target = tree.conflict === null ? [] : arrayOf(tree.conflict.target)
    const [column, second] = target
    if (second !== undefined) throw syntaxError(this.#text, second.offset, 'a second column', ['the primary key alone'])
    return {
      kind: 'insert',
      verb,
      table: nameOf(tree.table),
      source: this.#source(tree.source),
      conflictTarget: column === undefined ? null : nameOf(column),
      onConflict: tree.conflict === null ? null : this.#onConflict(tree.conflict),
      returning: this.#returning(tree.returning)
    }
  }

  #source(tree: InsertSourceTree): InsertSource {
    switch (tree.kind) {
      case 'documents':
        return { kind: 'documents', documents: arrayOf(tree.documents).map((token) => this.#document(token)) }
      case 'rows': {
        const columns = this.#columns(tree.columns)
        const rows = arrayOf(tree.rows).map((row) => {
          const values = arrayOf(row).map((expression) => this.#expression(expression, 'value'))
          if (values.length === columns.length) return values
          const reason = `a row of ${values.length} values for ${columns.length} columns`
          throw syntaxError(this.#text, firstOffset(row), reason, [`${columns.length} values`])
        })
        return { kind: 'rows', columns, rows }
      }
      case 'select':
        return { kind: 'query', columns: tree.columns === null ? null : this.#columns(tree.columns), select: this.#select(tree.select) }
      default:
        return unreachable(tree)
    }
  }

  #columns(tree: Chain<Token>): string[] {
    const tokens = arrayOf(tree)
    const names = new Set<string>()
    for (const token of tokens) {
      if (names.has(nameOf(token)))
        throw syntaxError(this.#text, token.offset, `the column ${foundWords(token)} twice`, ['each column once'])
      names.add(nameOf(token))
    }
    return [...names]
  }

  #onConflict(tree: ConflictTree): OnConflict {
    return { set: tree.set === null ? null : this.#assignments(tree.set), where: this.#optional(tree.where) }
  }

  #assignments(tree: Chain<AssignmentTree>): Assignment[] {
    const seen = new Set<string>()
    return arrayOf(tree).map(({ path: pathTree, expression }) => {
      const path = this.#path(pathTree)
      const name = JSON.stringify(path)
      if (seen.has(name)) {
        throw syntaxError(this.#text, firstToken(pathTree).offset, `${expressionText({ kind: 'field', path })} set twice`, [
          'each field once'
        ])
      }
      seen.add(name)
      return { path, value: this.#expression(expression, 'value') }
    })
  }

  #returning(tree: Chain<SelectItemTree> | null): readonly SelectItem[] | null {
    return tree === null ? null : arrayOf(tree).map((item) => this.#item(item))
  }

  // --- queries

  #select(tree: SelectTree): Select {
    const { from, asOf } = this.#from.from(tree)
    return {
      kind: 'select',
      distinct: tree.distinct,
      items: arrayOf(tree.items).map((item) => this.#item(item)),
      from,
      where: this.#optional(tree.where),
      groupBy: arrayOf(tree.groupBy).map((expression) => this.#expression(expression, 'name')),
      having: this.#optional(tree.having),
      orderBy: arrayOf(tree.orderBy).map(({ expression, direction, nulls }) => ({
        expression: this.#expression(expression, 'name'),
        descending: direction?.type === 'DESC',
        nulls: nulls === null ? null : nulls.type === 'FIRST' ? 'first' : 'last'
      })),
      asOf,
      limit: tree.limit === null ? null : this.#value(tree.limit),
      offset: tree.offset === null ? null : this.#value(tree.offset)
    }
  }

  #item(tree: SelectItemTree): SelectItem {
    if (tree.expression === null) return tree.of === null ? { kind: 'star' } : { kind: 'star', of: nameOf(tree.of) }
    const expression = this.#expression(tree.expression, 'name')
    const aliased = tree.alias !== null
    return { kind: 'item', expression, name: aliased ? nameOf(tree.alias) : columnName(expression), aliased }
  }

  // --- expressions

  #optional(tree: ExpressionTree | null): Expression | null {
    return tree === null ? null : this.#expression(tree, 'name')
  }

  #expression(tree: ExpressionTree, quotedIs: QuotedIs): Expression {
    if (++this.#depth > limits.expressionDepthMax) {
      const limit = limits.expressionDepthMax
      throw new DriftError('LIMIT', `an expression has at most ${limit} levels`, { name: 'expressionDepthMax', limit, seen: limit + 1 })
    }
    const expression = this.#expressionOf(tree, quotedIs)
    this.#depth--
    return expression
  }

  #expressionOf(tree: ExpressionTree, quotedIs: QuotedIs): Expression {
    switch (tree.kind) {
      case 'token':
        return this.#lone(tree.token, quotedIs)
      case 'number':
        return literalOf(this.#number(tree.token, tree.negative))
      case 'path':
        return { kind: 'field', path: this.#path(tree.path) }
      case 'group':
        return this.#expression(tree.expression, quotedIs)
      case 'binary':
        return this.#binary(tree, quotedIs)
      case 'unary':
        return this.#signed(tree.operator, tree.operand, quotedIs)
      case 'not':
        return { kind: 'not', operand: this.#expression(tree.operand, quotedIs) }
      case 'is-null':
        return { kind: 'is-null', operand: this.#expression(tree.operand, 'name'), negated: tree.negated }
      case 'in':
        return {
          kind: 'in',
          operand: this.#expression(tree.operand, 'name'),
          items: arrayOf(tree.items).map((item) => this.#expression(item, 'value')),
          negated: tree.negated
        }
      case 'between': {
        const [low, high] = [tree.low, tree.high].map((bound) => this.#expression(bound, 'value')) as [Expression, Expression]
        return { kind: 'between', operand: this.#expression(tree.operand, 'name'), low, high, negated: tree.negated }
      }
      case 'like':
        return {
          kind: 'like',
          operand: this.#expression(tree.operand, 'name'),
          pattern: this.#expression(tree.pattern, 'value'),
          escape: this.#escape(tree.escape),
          ignoreCase: tree.verb.type === 'ILIKE',
          negated: tree.negated
        }
      case 'cast':
        return { kind: 'cast', operand: this.#expression(tree.operand, quotedIs), type: this.#castType(tree.type) }
      case 'call':
        return this.#call(tree)
      default:
        return unreachable(tree)
    }
  }

  #binary(tree: ExpressionTree & { kind: 'binary' }, quotedIs: QuotedIs): Expression {
    const { type } = tree.operator
    if (type === 'AND' || type === 'OR') {
      // A chain of thousands is one level.
      const operands: Expression[] = []
      let left: ExpressionTree = tree
      for (; left.kind === 'binary' && left.operator.type === type; left = left.left) operands.push(this.#expression(left.right, quotedIs))
      operands.push(this.#expression(left, quotedIs))
      return { kind: type === 'AND' ? 'and' : 'or', operands: operands.reverse() }
    }
    const comparison = COMPARISONS[type]
    if (comparison !== undefined) {
      const left = this.#expression(tree.left, 'name')
      return { kind: 'comparison', operator: comparison, left, right: this.#expression(tree.right, 'value') }
    }
    const operator = ARITHMETIC[type]
    assertLaw(operator !== undefined, 'QRY-1', `an operator of type ${type}`)
    const left = this.#expression(tree.left, quotedIs)
    return { kind: 'arithmetic', operator, left, right: this.#expression(tree.right, quotedIs) }
  }

  /** A sign before a number belongs to it, so that -2^63 is one. */
  #signed(operator: Token, operand: ExpressionTree, quotedIs: QuotedIs): Expression {
    if (operand.kind === 'number') return literalOf(this.#number(operand.token, operator.type === 'minus'))
    const expression = this.#expression(operand, quotedIs)
    // `+ x` is arithmetic too: of another class than number it is NULL.
    if (operator.type !== 'minus') return { kind: 'negate', operand: { kind: 'negate', operand: expression } }
    return { kind: 'negate', operand: expression }
  }

  #call(tree: ExpressionTree & { kind: 'call' }): Expression {
    const name = nameOf(tree.name).toLowerCase()
    if (!AGGREGATES.has(name)) {
      throw syntaxError(
        this.#text,
        tree.name.offset,
        `the function ${foundWords(tree.name)}`,
        [...AGGREGATES].map((each) => each.toUpperCase())
      )
    }
    const operands = arrayOf(tree.items)
    const [operand, second] = operands
    if (second !== undefined) throw syntaxError(this.#text, tree.name.offset, `${name} of ${operands.length} values`, ['one value'])
    if (operand === undefined && name !== 'count') throw syntaxError(this.#text, tree.name.offset, `${name}(*)`, ['COUNT(*)'])
    return {
      kind: 'aggregate',
      name: name as AggregateName,
      distinct: tree.distinct,
      operand: operand === undefined ? null : this.#expression(operand, 'name')
    }
  }

  #castType(token: Token): CastType {
    const type = CAST_TYPES.get(nameOf(token).toLowerCase())
    if (type !== undefined) return type
    throw syntaxError(this.#text, token.offset, `the type ${foundWords(token)}`, [...new Set(CAST_TYPES.values())])
  }

  #escape(token: Token | null): string {
    if (token === null) return '\\'
    const character = nameOf(token)
    if (Array.from(character).length <= 1) return character
    throw syntaxError(this.#text, token.offset, foundWords(token), ['one character, or none'])
  }

  #lone(token: Token, quotedIs: QuotedIs): Expression {
    if (token.type !== 'quoted') return this.#valueOf(token)
    if (this.#dialect === 'sql' || quotedIs === 'name') return { kind: 'field', path: [nameOf(token)] }
    return { kind: 'literal', value: token.value, quoted: true }
  }

  // --- values and names

  #value(tree: ValueTree): Literal | ParameterReference {
    return tree.kind === 'number' ? literalOf(this.#number(tree.token, tree.negative)) : this.#valueOf(tree.token)
  }

  #valueOf(token: Token): Literal | ParameterReference {
    switch (token.type) {
      case 'quoted':
        this.#refuseQuotedValue(token)
        return literalOf(token.value)
      case 'string':
        return literalOf(token.value)
      case 'TRUE':
        return literalOf(true)
      case 'FALSE':
        return literalOf(false)
      case 'NULL':
        return literalOf(null)
      case 'json':
        return literalOf(this.#json(token))
      case 'parameter':
        return parameterOf(token)
      default:
        throw new DriftError('INVARIANT', `a value cannot be a token ${token.type}`)
    }
  }

  #number(token: Token, negative: NumberTree['negative']): number | bigint {
    const sign = negative ? '-' : ''
    if (token.type === 'float') {
      const value = Number(sign + token.text)
      if (!Number.isFinite(value)) throw outOfRange(token, sign, 'is too large for a float64')
      // No minus zero, as in documents.
      return value + 0
    }
    const significant = token.text.replace(/^0+(?=\d)/, '')
    const value = significant.length > INTEGER_DIGITS_MAX ? INTEGER_MAX + 1n : BigInt(significant) * (negative ? -1n : 1n)
    if (value < INTEGER_MIN || value > INTEGER_MAX) throw outOfRange(token, sign, 'is outside -2^63 … 2^64-1')
    return Number.isSafeInteger(Number(value)) ? Number(value) : value
  }

  #document(token: Token): JsonText | ParameterReference {
    if (token.type === 'parameter') return parameterOf(token)
    // Read once now, so that no statement of a text runs if one is wrong, and again at each execution, whose values are its own.
    this.#json(token)
    return { kind: 'json', text: token.text }
  }

  #json(token: Token): Value {
    try {
      return parseJson(token.text)
    } catch (thrown) {
      if (!(thrown instanceof DriftError) || thrown.code !== 'DRIFT_SYNTAX') throw thrown
      const { position, found, expected } = thrown.details
      const offset = token.offset + (typeof position === 'number' ? position : 0)
      throw syntaxError(this.#text, offset, String(found), [String(expected)], thrown)
    }
  }

  #indexColumns(columns: IndexTree): IndexColumn[] {
    return arrayOf(columns).map(({ path, direction }) => {
      const steps = this.#path(path)
      const names = steps.filter((step) => typeof step === 'string')
      if (names.length < steps.length) {
        throw new DriftError('NOT_SUPPORTED', `an index has fields, not elements of lists: ${pathText(steps)}`, { found: pathText(steps) })
      }
      return { path: names, isDescending: direction?.type === 'DESC' }
    })
  }

  #path(tree: PathTree): Path {
    return arrayOf(tree).map((token) => {
      if (token.type !== 'json') return nameOf(token)
      const index = ARRAY_INDEX.exec(token.text)?.[1]
      if (index === undefined) throw syntaxError(this.#text, token.offset, foundWords(token), ['an index such as [0]'])
      return Number(index)
    })
  }

  #refuseQuotedValue(token: Token): void {
    if (this.#dialect === 'drift') return
    throw syntaxError(this.#text, token.offset, `the name ${foundWords(token)}`, ['a value (\'…\' is one, "…" is a name in this dialect)'])
  }
}

/** A token as a message shows it. */
export function foundWords(token: Token): string {
  if (token.type === 'error') return String(token.value)
  if (PUNCTUATION.test(token.text)) return JSON.stringify(token.text)
  return token.text.length <= 40 ? token.text : `${token.text.slice(0, 39)}…`
}

function outOfRange(token: Token, sign: string, reason: string): DriftError {
  return new DriftError('OUT_OF_RANGE', `the number ${sign}${foundWords(token)} ${reason}`, { position: token.offset })
}

function nameOf(token: Token): string {
  return String(token.value)
}

function columnName(expression: Expression): string {
  if (expression.kind !== 'field') return expressionText(expression)
  const last = expression.path.findLast((step) => typeof step === 'string')
  return last ?? expressionText(expression)
}

function literalOf(value: Value): Literal {
  return { kind: 'literal', value }
}

function parameterOf(token: Token): ParameterReference {
  const reference = token.value
  if (reference === 0) throw new DriftError('INVALID_ARGUMENT', 'parameters are numbered from $1', { position: token.offset })
  if (typeof reference === 'number' && reference > limits.parametersMax) {
    const limit = limits.parametersMax
    throw new DriftError('LIMIT', `a text has at most ${limit} parameters`, { name: 'parametersMax', limit, seen: reference })
  }
  return { kind: 'parameter', reference }
}

function firstToken(path: PathTree): Token {
  let link = path
  while (link.before !== null) link = link.before
  return link.item
}

/** Where the first token of a row of expressions stands. */
function firstOffset(row: Chain<ExpressionTree>): number {
  const [first] = arrayOf(row)
  let tree = first
  for (;;) {
    if (tree === undefined) return 0
    switch (tree.kind) {
      case 'token':
      case 'number':
        return tree.token.offset
      case 'path':
        return firstToken(tree.path).offset
      case 'group':
        tree = tree.expression
        break
      case 'binary':
        tree = tree.left
        break
      case 'call':
        return tree.name.offset
      case 'unary':
        return tree.operator.offset
      default:
        tree = tree.operand
    }
  }
}
