/**
 * Which part of a table's rows a condition is true for, by the statistics of its columns: pure arithmetic, no row is read. Conditions are
 * taken to be independent of one another, but for those that bound one column, which are a range together. Where nothing is known the
 * numbers of `default-shares.ts` stand in.
 */
import { compareValues, classRank } from '../codec/value-order.js'
import { type Value } from '../codec/value.js'
import { type TableStatistics } from '../format/statistics-file.js'
import { type ComparisonOperator, type Expression, type Path } from '../parser/ast.js'
import {
  type Bound,
  classShare,
  equalShare,
  type EstimatedColumn,
  likeShare,
  nullShare,
  rangeShare
} from '../statistics/column-estimates.js'
import { defaultShares } from '../statistics/default-shares.js'
import { type Execution } from '../expression/evaluate.js'
import { constantOf, isPattern } from './scan-condition.js'

/** A table at one point, as far as an estimate knows it. */
export type EstimatedTable = {
  /** That are there at the point which is read. */
  readonly rows: number
  /** Of whatever point they are: shares of rows change less than their number. */
  readonly statistics: TableStatistics | undefined
  /** No two rows have the same value in it, and none has NULL. */
  readonly primaryKey: string
  /** In a join, the name before the paths of the table's fields. */
  readonly name?: string | undefined
}

/** Shares of rows for which a condition is true, and for which it is neither true nor false. */
export type Truth = { readonly yes: number; readonly unknown: number }

/** From 0 to 1. @example selectivity(where, { rows: 1000, statistics, primaryKey: 'id' }, execution) */
export function selectivity(condition: Expression, table: EstimatedTable, execution: Execution): number {
  return clamp(new Estimate(table, execution).truth(condition).yes)
}

/** So many rows, at least one unless there is none at all. */
export function estimatedRows(share: number, { rows }: Pick<EstimatedTable, 'rows'>): number {
  return Math.min(rows, Math.max(1, Math.round(share * rows)))
}

/** The part of rows whose primary key lies between two bounds. */
export function keyRangeShare(table: EstimatedTable, low: Bound | undefined, high: Bound | undefined, execution: Execution): number {
  return clamp(new Estimate(table, execution).range([table.primaryKey], { low, high }).yes)
}

/** How far an estimate is off, as a factor: 1 is right. Less than a row counts as one. */
export function qError(estimated: number, actual: number): number {
  const [left, right] = [Math.max(1, estimated), Math.max(1, actual)]
  return Math.max(left / right, right / left)
}

type Interval = { readonly low: Bound | undefined; readonly high: Bound | undefined }

/** What a condition says of one column, if it says no more. Without an interval it is compared with NULL. */
type ColumnTest = { readonly path: Path; readonly interval: Interval | undefined }

const NOTHING: Truth = { yes: 0, unknown: 1 }

class Estimate {
  readonly #table: EstimatedTable
  readonly #execution: Execution

  constructor(table: EstimatedTable, execution: Execution) {
    this.#table = table
    this.#execution = execution
  }

  truth(condition: Expression): Truth {
    switch (condition.kind) {
      case 'and':
        return this.#and(condition.operands)
      case 'or':
        return this.#or(condition.operands)
      case 'not':
        return not(this.truth(condition.operand))
      case 'comparison':
        return this.#comparison(condition)
      case 'between': {
        const truth = this.#between(condition)
        return condition.negated ? not(truth) : truth
      }
      case 'in': {
        const truth = this.#in(condition)
        return condition.negated ? not(truth) : truth
      }
      case 'like': {
        const truth = this.#like(condition)
        return condition.negated ? not(truth) : truth
      }
      case 'is-null': {
        const path = this.#pathOf(condition.operand)
        const yes = path === undefined ? defaultShares.isNull : this.#nullShare(path)
        return { yes: condition.negated ? 1 - yes : yes, unknown: 0 }
      }
      case 'field': {
        const path = this.#pathOf(condition)
        const column = path === undefined ? undefined : this.#columnOf(path)
        if (column === undefined) return { yes: defaultShares.truth, unknown: 0 }
        const yes = equalShare(column, true)
        return { yes, unknown: Math.max(0, 1 - classShare(column, classRank(true))) }
      }
      default: {
        const constant = constantOf(condition, this.#execution)
        if (constant === undefined) return { yes: defaultShares.truth, unknown: 0 }
        return { yes: constant.value === true ? 1 : 0, unknown: typeof constant.value === 'boolean' ? 0 : 1 }
      }
    }
  }

  range(path: Path, { low, high }: Interval): Truth {
    const column = this.#columnOf(path)
    const value = (low ?? high)?.value
    if (value === undefined) return { yes: 1 - this.#nullShare(path), unknown: this.#nullShare(path) }
    const isPoint = low !== undefined && high !== undefined && low.isInclusive && high.isInclusive && isEqual(low.value, high.value)
    if (isPoint) return { yes: this.#equal(path, value), unknown: this.#nullShare(path) }
    if (column === undefined) {
      const share = low !== undefined && high !== undefined ? defaultShares.range : defaultShares.inequality
      return { yes: share, unknown: this.#nullShare(path) }
    }
    // Values of other classes are neither above nor below.
    return { yes: rangeShare(column, low, high), unknown: Math.max(0, 1 - classShare(column, classRank(value))) }
  }

  #and(operands: readonly Expression[]): Truth {
    const intervals = new Map<string, ColumnTest>()
    const truths: Truth[] = []
    for (const operand of flat(operands, 'and')) {
      const test = this.#test(operand)
      if (test?.interval === undefined) {
        truths.push(test === undefined ? this.truth(operand) : NOTHING)
        continue
      }
      const name = JSON.stringify(test.path)
      const before = intervals.get(name)?.interval
      intervals.set(name, { path: test.path, interval: before === undefined ? test.interval : both(before, test.interval) })
    }
    return all([...truths, ...[...intervals.values()].map((test) => this.#ofTest(test))])
  }

  /** Of one column, values that it may equal exclude one another: they are a list, as of IN. */
  #or(operands: readonly Expression[]): Truth {
    const lists = new Map<string, { readonly path: Path; readonly values: Value[] }>()
    const truths: Truth[] = []
    for (const operand of flat(operands, 'or')) {
      const test = this.#test(operand)
      const { low, high } = test?.interval ?? {}
      if (test === undefined || low === undefined || high === undefined || !isEqual(low.value, high.value)) {
        truths.push(this.truth(operand))
        continue
      }
      const name = JSON.stringify(test.path)
      const list = lists.get(name) ?? { path: test.path, values: [] }
      list.values.push(low.value)
      lists.set(name, list)
    }
    // Either is true where not both are false.
    return not(all([...truths, ...[...lists.values()].map(({ path, values }) => this.#anyOf(path, values))].map(not)))
  }

  #comparison(condition: Expression & { readonly kind: 'comparison' }): Truth {
    const { operator, left, right } = condition
    const test = this.#test(condition)
    if (test !== undefined) return this.#ofTest(test)
    if (operator === '<>') return not(this.#comparison({ ...condition, operator: '=' }))
    const constants = [constantOf(left, this.#execution), constantOf(right, this.#execution)]
    if (constants.every((constant) => constant !== undefined)) {
      const whole = constantOf(condition, this.#execution)?.value
      return { yes: whole === true ? 1 : 0, unknown: typeof whole === 'boolean' ? 0 : 1 }
    }
    if (constants.some((constant) => constant?.value === null)) return NOTHING
    const paths = [this.#pathOf(left), this.#pathOf(right)]
    const unknown = 1 - paths.reduce((known, path) => known * (1 - (path === undefined ? 0 : this.#nullShare(path))), 1)
    if (operator !== '=') return { yes: (1 - unknown) * defaultShares.inequality, unknown }
    const distinct = paths.map((path) => (path === undefined ? undefined : this.#distinct(path)))
    if (!distinct.every((count) => count !== undefined)) return { yes: defaultShares.equal, unknown }
    return { yes: (1 - unknown) / Math.max(1, ...distinct), unknown }
  }

  #between(condition: Expression & { readonly kind: 'between' }): Truth {
    const test = this.#test({ ...condition, negated: false })
    if (test !== undefined) return this.#ofTest(test)
    const path = this.#pathOf(condition.operand)
    const [low, high] = [constantOf(condition.low, this.#execution), constantOf(condition.high, this.#execution)]
    if (path === undefined || low === undefined || high === undefined) return { yes: defaultShares.range, unknown: 0 }
    // One of them is NULL: what the other leaves out is false all the same.
    const sides = [intervalOf('>=', true, low.value), intervalOf('<=', true, high.value)]
    return all(sides.map((side) => ((side.low ?? side.high)?.value === null ? NOTHING : this.range(path, side))))
  }

  #in({ operand, items }: Expression & { readonly kind: 'in' }): Truth {
    const path = this.#pathOf(operand)
    const constants = items.map((item) => constantOf(item, this.#execution))
    const known = constants.filter((constant) => constant !== undefined)
    if (path === undefined) return { yes: Math.min(1, items.length * defaultShares.equal), unknown: 0 }
    const values = known.map(({ value }) => value).filter((value) => value !== null)
    const truth = this.#anyOf(path, values)
    const yes = clamp(truth.yes + (items.length - known.length) * defaultShares.equal)
    // With NULL among the items, what equals none of the others is unknown.
    return { yes, unknown: values.length < known.length ? 1 - yes : Math.min(truth.unknown, 1 - yes) }
  }

  #anyOf(path: Path, values: readonly Value[]): Truth {
    const different = values.toSorted(compareValues).filter((value, index, sorted) => index === 0 || !isEqual(sorted[index - 1], value))
    const unknown = this.#nullShare(path)
    return {
      yes: Math.min(
        1 - unknown,
        different.reduce<number>((sum, value) => sum + this.#equal(path, value), 0)
      ),
      unknown
    }
  }

  #like({ operand, pattern, escape, ignoreCase }: Expression & { readonly kind: 'like' }): Truth {
    const path = this.#pathOf(operand)
    const found = constantOf(pattern, this.#execution)
    const text = found?.value
    if (found !== undefined && typeof text !== 'string') return NOTHING
    const column = path === undefined ? undefined : this.#columnOf(path)
    if (column === undefined || typeof text !== 'string' || !isPattern(text, escape, ignoreCase)) {
      return { yes: defaultShares.like, unknown: 0 }
    }
    const like = { pattern: text, escape, ignoreCase }
    return { yes: likeShare(column, like), unknown: Math.max(0, 1 - classShare(column, classRank(''))) }
  }

  /** A condition that compares one column with constants. Its interval is undefined where one of them is NULL. */
  #test(condition: Expression): ColumnTest | undefined {
    if (condition.kind === 'between' && !condition.negated) {
      const path = this.#pathOf(condition.operand)
      const [low, high] = [constantOf(condition.low, this.#execution), constantOf(condition.high, this.#execution)]
      if (path === undefined || low === undefined || high === undefined) return undefined
      if (low.value === null || high.value === null) return undefined
      return { path, interval: { low: { value: low.value, isInclusive: true }, high: { value: high.value, isInclusive: true } } }
    }
    if (condition.kind !== 'comparison' || condition.operator === '<>') return undefined
    const isLeft = this.#pathOf(condition.left) !== undefined
    const path = this.#pathOf(isLeft ? condition.left : condition.right)
    const constant = constantOf(isLeft ? condition.right : condition.left, this.#execution)
    if (path === undefined || constant === undefined) return undefined
    if (constant.value === null) return { path, interval: undefined }
    return { path, interval: intervalOf(condition.operator, isLeft, constant.value) }
  }

  #ofTest({ path, interval }: ColumnTest): Truth {
    return interval === undefined ? NOTHING : this.range(path, interval)
  }

  #equal(path: Path, value: Value): number {
    const column = this.#columnOf(path)
    if (this.#isKey(path)) return 1 / Math.max(1, this.#table.rows)
    return column === undefined ? defaultShares.equal : equalShare(column, value)
  }

  #nullShare(path: Path): number {
    const column = this.#columnOf(path)
    if (column !== undefined) return nullShare(column)
    return this.#isKey(path) ? 0 : defaultShares.isNull
  }

  #distinct(path: Path): number | undefined {
    if (this.#isKey(path)) return this.#table.rows
    return this.#columnOf(path)?.column.distinct
  }

  #isKey(path: Path): boolean {
    return path.length === 1 && path[0] === this.#table.primaryKey
  }

  /** Of a field of the table. */
  #pathOf(expression: Expression): Path | undefined {
    if (expression.kind !== 'field') return undefined
    const { name } = this.#table
    if (name === undefined) return expression.path
    return expression.path[0] === name ? expression.path.slice(1) : undefined
  }

  #columnOf(path: Path): EstimatedColumn | undefined {
    const { statistics } = this.#table
    const column = statistics?.columns.find((each) => each.path.length === path.length && each.path.every((step, at) => step === path[at]))
    return statistics === undefined || column === undefined ? undefined : { column, rows: statistics.rows }
  }
}

function intervalOf(operator: Exclude<ComparisonOperator, '<>'>, isLeft: boolean, value: Value): Interval {
  const bound = { value, isInclusive: operator === '=' || operator === '<=' || operator === '>=' }
  if (operator === '=') return { low: bound, high: bound }
  const isBelow = operator === '<' || operator === '<='
  return isBelow === isLeft ? { low: undefined, high: bound } : { low: bound, high: undefined }
}

/** Where both are true. */
function both(left: Interval, right: Interval): Interval {
  return { low: tighter(left.low, right.low, 1), high: tighter(left.high, right.high, -1) }
}

function tighter(left: Bound | undefined, right: Bound | undefined, sign: 1 | -1): Bound | undefined {
  if (left === undefined || right === undefined) return left ?? right
  const order = compareValues(left.value, right.value) * sign
  if (order === 0) return left.isInclusive ? right : left
  return order > 0 ? left : right
}

/** All of them are true, if they are independent of one another. */
function all(truths: readonly Truth[]): Truth {
  const yes = truths.reduce((product, truth) => product * clamp(truth.yes), 1)
  const notFalse = truths.reduce((product, truth) => product * clamp(truth.yes + truth.unknown), 1)
  return { yes, unknown: notFalse - yes }
}

function not({ yes, unknown }: Truth): Truth {
  return { yes: clamp(1 - yes - unknown), unknown }
}

function flat(operands: readonly Expression[], kind: 'and' | 'or'): readonly Expression[] {
  return operands.flatMap((operand) => (operand.kind === kind ? flat(operand.operands, kind) : [operand]))
}

function isEqual(left: Value | undefined, right: Value | undefined): boolean {
  if (left === undefined || right === undefined || left === null || right === null) return false
  return compareValues(left, right) === 0
}

function clamp(share: number): number {
  return Math.min(1, Math.max(0, share))
}
