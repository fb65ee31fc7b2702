/** What an index can serve of a condition with the values of one execution: the ranges in which all rows lie for which it is true. */
import { type IndexDefinition } from '../catalog/index-definition.js'
import { compareKeys } from '../codec/key-codec.js'
import { identityOf } from '../codec/value-order.js'
import { type IndexRange } from '../index/index-reader.js'
import { type Bound, indexRange, type NextColumn } from '../index/index-ranges.js'
import { type ReadableIndex } from '../index/readable-index.js'
import { type ColumnCondition, type ColumnConditions, prefixOf } from './column-conditions.js'
import { type Execution } from '../expression/evaluate.js'
import { type TableScan } from './source-plan.js'

/** Ranges of one lookup, when several values of several columns are asked for. */
const RANGES_MAX = 256

export type IndexCandidate = {
  readonly index: ReadableIndex
  /** Disjoint; none: no row can be so. */
  readonly ranges: readonly IndexRange[]
  /** Of the columns, so many have known values: one each where there is one range. */
  readonly known: number
  /** Those values, of the first range. */
  readonly values: readonly unknown[]
  /** Of the column behind those something is asked. */
  readonly next: NextColumn
  /** What is asked of it, for EXPLAIN. */
  readonly text: string
  /** Conditions that are true of all that is in the ranges, if nothing is cut. */
  readonly served: ReadonlySet<ColumnCondition>
  /** The ranges hold the rows for which all conditions are true, and no others. */
  readonly isExact: boolean
}

export function indexCandidate(index: ReadableIndex, asked: ColumnConditions, execution: Execution): IndexCandidate {
  const { columns } = index.definition
  const { conditions } = asked
  const served = new Set<ColumnCondition>()
  const texts: string[] = []
  let prefixes: unknown[][] = [[]]
  let next: NextColumn = { kind: 'any' }
  let known = 0
  for (const { path } of columns) {
    const own = conditions.filter((condition) => isSamePath(condition.path, path))
    if (own.length === 0) break
    const name = path.join('.')
    const values = valuesOf(own, execution)
    if (values === undefined) {
      next = nextOf(own, execution, served)
      if (next.kind !== 'any') texts.push(`${name} ${NEXT_TEXTS[next.kind]}`)
      break
    }
    if (values.values.length * prefixes.length > RANGES_MAX) break
    prefixes = prefixes.flatMap((prefix) => values.values.map((value) => [...prefix, value]))
    served.add(values.condition)
    texts.push(values.values.length === 1 ? `${name} =` : `${name} in`)
    known++
  }
  const ranges = disjoint(prefixes.map((prefix) => indexRange(columns, prefix, next)).filter((range) => range !== undefined))
  const isExact =
    asked.isAll &&
    !index.reader.memory.hasCut &&
    conditions.every((condition) => served.has(condition)) &&
    prefixes.every((prefix) => prefix.every(isPlain)) &&
    (next.kind !== 'between' || [next.low, next.high].every((bound) => bound === undefined || isPlain(bound.value)))
  return { index, ranges, known, values: prefixes[0] ?? [], next, text: texts.join(', '), served, isExact }
}

/** Values that are cut have their bytes with others, and one range together. */
export function disjoint(ranges: IndexRange[]): readonly IndexRange[] {
  if (ranges.length <= 1) return ranges
  const from = (range: IndexRange | undefined): Uint8Array => range?.from ?? NO_BYTES
  const sorted = ranges.toSorted((left, right) => compareKeys(from(left), from(right)))
  return sorted.filter((range, at) => at === 0 || compareKeys(from(sorted[at - 1]), from(range)) !== 0)
}

const NO_BYTES = new Uint8Array(0)

/** One of these paths is that of its first column. */
export function beginsWith({ columns: [first] }: IndexDefinition, paths: readonly (readonly string[])[]): boolean {
  return first !== undefined && paths.some((path) => isSamePath(path, first.path))
}

/** All that is read of a row stands in an entry of the index. */
export function isCovering({ definition }: ReadableIndex, { fields, hasStar }: TableScan, primaryKey: string): boolean {
  if (hasStar) return false
  return fields.every(
    (path) =>
      (path.length === 1 && path[0] === primaryKey) ||
      definition.columns.some((column) => isSamePath(column.path, path as readonly string[]))
  )
}

export function isSamePath(path: readonly string[], other: readonly string[]): boolean {
  return path.length === other.length && path.every((name, at) => name === other[at])
}

const NEXT_TEXTS = { 'not-null': 'is not null', between: 'range', text: 'like' } as const

/**
 * Comparisons of it are those of its bytes: of lists and objects they can be NULL, and there are none of a number past 64 bits and of a text
 * with half a surrogate pair.
 */
export function isPlain(value: unknown): boolean {
  if (typeof value === 'string') return value.isWellFormed()
  return typeof value !== 'bigint' && (typeof value !== 'object' || value === null || value instanceof Date)
}

/** The values that a column can have, each once; undefined where nothing says so. */
function valuesOf(
  conditions: readonly ColumnCondition[],
  execution: Execution
): { readonly condition: ColumnCondition; readonly values: readonly unknown[] } | undefined {
  for (const condition of conditions) {
    const { test } = condition
    if (test.kind === 'null') return { condition, values: [null] }
    if (test.kind !== 'equal') continue
    // NULL equals nothing.
    const values = test.values.map((value) => value.value(execution)).filter((value) => value !== null && value !== undefined)
    if (values.length <= 1) return { condition, values }
    const texts = values.map(identityOf)
    return { condition, values: values.filter((_, at) => texts.indexOf(texts[at] as string) === at) }
  }
  return undefined
}

function nextOf(conditions: readonly ColumnCondition[], execution: Execution, served: Set<ColumnCondition>): NextColumn {
  let next: NextColumn = { kind: 'any' }
  for (const condition of conditions) {
    const { test } = condition
    if (test.kind === 'low' || test.kind === 'high') {
      const value = test.value.value(execution)
      const bound = { value, isInclusive: test.isInclusive }
      const low: Bound | undefined = next.kind === 'between' ? next.low : undefined
      const high: Bound | undefined = next.kind === 'between' ? next.high : undefined
      // One bound on each side is enough; the condition says the rest.
      if ((test.kind === 'low' ? low : high) !== undefined) continue
      next = test.kind === 'low' ? { kind: 'between', low: bound, high } : { kind: 'between', low, high: bound }
      served.add(condition)
    } else if (test.kind === 'like' && next.kind === 'any') {
      const prefix = prefixOf(test, execution)
      if (prefix !== undefined) next = { kind: 'text', prefix }
    } else if (test.kind === 'not-null' && next.kind === 'any') {
      next = { kind: 'not-null' }
      served.add(condition)
    }
  }
  return next
}
