/** What stands after FROM: tables, each at its point or over a range of time, and joins of them. */
import { type Token } from '../../grammar/lexer.js'
import {
  arrayOf,
  type AsOfTree,
  type ExpressionTree,
  type PointTree,
  type RangeTree,
  type SelectTree,
  type TableReferenceTree,
  type ValueTree
} from '../../grammar/syntax-tree.js'
import { assertLaw, DriftError, unreachable } from '../base/errors.js'
import { isSystemTable } from '../base/ids.js'
import { limits } from '../base/limits.js'
import {
  type AsOf,
  type Expression,
  type From,
  type JoinSide,
  type Literal,
  type ParameterReference,
  type TableReference,
  type TimeRange,
  type TimeStep
} from './ast.js'
import { parsePoint, unitMsOf } from './point-in-time.js'
import { syntaxError } from './syntax-error.js'

/** How the builder of the statement reads what is not ours. */
export type Leaves = {
  expression(tree: ExpressionTree): Expression
  value(tree: ValueTree): Literal | ParameterReference
}

export class FromBuilder {
  readonly #text: string
  readonly #leaves: Leaves

  constructor(text: string, leaves: Leaves) {
    this.#text = text
    this.#leaves = leaves
  }

  /** With the point of the query: AS OF of a table that stands alone, or that of all tables without their own. */
  from(tree: SelectTree): { readonly from: From | null; readonly asOf: AsOf | null } {
    const behind = tree.asOf.filter((clause) => clause !== null)
    if (tree.from === null) return { from: null, asOf: this.#asOf(behind) }
    const { table, joins } = tree.from
    if (joins === null) {
      const clauses = [...table.asOf.filter((clause) => clause !== null), ...behind]
      const from = this.#reference(table, null)
      if (!hasPlaceForPoint(from)) this.#refuseAsOf(clauses[0])
      return { from, asOf: this.#asOf(clauses) }
    }
    const limit = limits.joinTablesMax
    const seen = arrayOf(joins).length + 1
    if (seen > limit) throw new DriftError('LIMIT', `a query joins at most ${limit} tables`, { name: 'joinTablesMax', limit, seen })
    const first = this.#withOwnPoint(table)
    let from: From = first
    let isTaken = takesPoint(first)
    // Of the query, wherever it stands: behind a condition, or a later clause.
    const points = [
      ...arrayOf(joins)
        .map(({ asOf }) => asOf)
        .filter((clause) => clause !== null),
      ...behind
    ]
    for (const { side, table: joined, on } of arrayOf(joins)) {
      const right = this.#withOwnPoint(joined)
      isTaken ||= takesPoint(right)
      from = { kind: 'join', side: sideOf(side), left: from, right, on: on === null ? null : this.#leaves.expression(on) }
    }
    if (!isTaken) this.#refuseAsOf(points[0])
    return { from, asOf: this.#asOf(points) }
  }

  #withOwnPoint(tree: TableReferenceTree): TableReference {
    const clauses = tree.asOf.filter((clause) => clause !== null)
    const reference = this.#reference(tree, this.#asOf(clauses))
    if (!hasPlaceForPoint(reference)) this.#refuseAsOf(clauses[0])
    return reference
  }

  #reference({ table: token, alias: named, period }: TableReferenceTree, asOf: AsOf | null): TableReference {
    const table = String(token.value)
    const alias = named === null ? systemAlias(table) : String(named.value)
    if (period === null) return { kind: 'table', table, alias, asOf }
    switch (period.kind) {
      case 'diff':
        return { kind: 'diff', table, alias, from: this.#point(period.from), to: this.#point(period.to) }
      case 'all':
        return { kind: 'versions', table, alias, range: null, asOf }
      case 'range':
        return { kind: 'versions', table, alias, range: this.#range(period.range), asOf }
      case 'each':
        return { kind: 'each', table, alias, step: this.#step(period.step, period.unit), range: this.#range(period.range) }
      default:
        return unreachable(period)
    }
  }

  #range({ from, to, includesEnd }: RangeTree): TimeRange {
    return { from: this.#point(from), to: this.#point(to), includesEnd }
  }

  #step(count: ValueTree, unit: Token): TimeStep {
    const word = String(unit.value)
    const unitMs = /^seqs?$/i.test(word) ? null : unitMsOf(word)
    if (unitMs !== undefined) return { count: this.#leaves.value(count), unitMs }
    throw syntaxError(this.#text, unit.offset, `the unit ${word}`, ['ms', 'second', 'minute', 'hour', 'day', 'week', 'SEQ'])
  }

  #asOf(clauses: readonly AsOfTree[]): AsOf | null {
    const [clause, second] = clauses
    if (second !== undefined) throw syntaxError(this.#text, second.keyword.offset, 'a second AS OF', ['one AS OF in a query'])
    return clause === undefined ? null : this.#point(clause.point)
  }

  #refuseAsOf(clause: AsOfTree | undefined): void {
    if (clause === undefined) return
    throw syntaxError(this.#text, clause.keyword.offset, 'a second AS OF', ['none: what stands after FROM has its points'])
  }

  #point(tokens: PointTree): AsOf {
    const [token, ...rest] = tokens
    assertLaw(token !== undefined, 'QRY-1', 'a point in time without a token')
    if (token.type === 'parameter' || token.type === 'quoted') {
      const value = this.#leaves.value({ kind: 'token', token })
      if (value.kind === 'parameter') return value
    }
    return { kind: 'point', point: parsePoint([token, ...rest].map((part) => part.value).join(' ')) }
  }
}

/** As in SQL, the name of a table in a schema is its own: `drift.commits` is `commits`. */
function systemAlias(table: string): string | null {
  return isSystemTable(table) ? table.slice('drift.'.length) : null
}

/** Read at one point: AS OF may stand with it. */
function hasPlaceForPoint({ kind }: TableReference): boolean {
  return kind === 'table' || kind === 'versions'
}

/** AS OF of the query is for it. */
function takesPoint(reference: TableReference): boolean {
  return (reference.kind === 'table' || reference.kind === 'versions') && reference.asOf === null
}

function sideOf(token: Token | null): JoinSide {
  return token === null ? 'inner' : (token.type.toLowerCase() as JoinSide)
}
