/**
 * The choice of an index for the rows of one table, when a query runs: its values are known then, and how many rows an index has for them at
 * the point that is read is counted in the index itself (an index dive), not guessed.
 */
import { identityOf } from '../codec/value-order.js'
import { type Document } from '../codec/value.js'
import { type IndexRange } from '../index/index-reader.js'
import { type Bound, indexRange, type NextColumn } from '../index/index-ranges.js'
import { type ReadableIndex } from '../index/readable-index.js'
import { type ColumnCondition, prefixOf } from './column-conditions.js'
import { indexCost, scanCost } from './cost.js'
import { type Execution } from './evaluate.js'
import { type QuerySource } from './query-source.js'
import { type ColumnOrder, type TableScan } from './source-plan.js'

/** Ranges of one lookup, when several values of several columns are asked for. */
const RANGES_MAX = 256
/** Smaller tables may have no pages. */
const PAGES_FROM_ROWS = 2000
/** More rows than this are not counted. */
const COUNTED_ROWS_MAX = 100_000

export type IndexChoice = {
  readonly index: ReadableIndex
  readonly ranges: readonly IndexRange[]
  /** Counted in the index. */
  readonly rows: number
  /** Its rows stand in the order of their keys: all have the same values. */
  readonly isKeyOrder: boolean
  /** Rows come in the order of ORDER BY; else in that of their keys. */
  readonly isOrdered: boolean
  readonly isReverse: boolean
  /** As {@link indexCost} and {@link scanCost} have them. */
  readonly cost: number
  readonly scanCost: number
  /** What is asked of it, for EXPLAIN. */
  readonly text: string
}

type Candidate = {
  readonly index: ReadableIndex
  readonly ranges: readonly IndexRange[]
  /** Columns whose value is known. */
  readonly known: number
  readonly text: string
  /** Conditions that are true of all that is in the ranges. */
  readonly served: ReadonlySet<ColumnCondition>
}

/** `firstRows`: so many are wanted, in the order `scan.order`; undefined: all are. Undefined: no index is better than a scan. */
export function chooseIndex(
  scan: TableScan,
  source: QuerySource,
  execution: Execution,
  firstRows: number | undefined
): IndexChoice | undefined {
  const { table, asked } = scan
  if (table === undefined || asked === undefined) return undefined
  const indexes = source.indexes?.(table) ?? []
  if (indexes.length === 0) return undefined
  const S = source.seq
  const live = source.count(table)
  const costOfScan = scanCost(live, live >= PAGES_FROM_ROWS)
  const atMost = source.isIndexForced === true ? Infinity : costOfScan
  let best: IndexChoice | undefined
  const offer = (choice: IndexChoice): void => {
    if (choice.cost < (best?.cost ?? atMost)) best = choice
  }
  for (const index of indexes) {
    const candidate = candidateOf(index, asked.conditions, execution)
    if (candidate === undefined) continue
    const { ranges, known, text, served } = candidate
    const isKeyOrder = ranges.length === 1 && known === index.definition.columns.length && !index.reader.memory.hasCut
    const base = { index, ranges, scanCost: costOfScan, text, isKeyOrder }
    if (ranges.length === 0) return { ...base, rows: 0, isOrdered: false, isReverse: false, cost: 0 }
    const isAllServed = asked.isAll && asked.conditions.every((condition) => served.has(condition))
    const direction = firstRows === undefined || ranges.length > 1 ? undefined : orderedBy(index, known, scan.order)
    if (direction !== undefined && firstRows !== undefined && isAllServed) {
      const rows = Math.min(firstRows, live)
      offer({ ...base, rows, isOrdered: true, isReverse: direction === 'reverse', cost: indexCost(1, rows) })
    }
    if (known === 0 && served.size === 0) continue
    // What costs more than the best one so far need not be counted to its end.
    const most = Math.min(COUNTED_ROWS_MAX, Math.ceil((best?.cost ?? atMost) / indexCost(0, 1)) + 1)
    let rows = 0
    for (const range of ranges) if (rows < most) rows += index.reader.count(range, S, most - rows)
    offer({ ...base, rows, isOrdered: false, isReverse: false, cost: indexCost(ranges.length, rows) })
  }
  return best
}

/** The choice of one execution, made when its first row is asked for: what may be read then is known by then. */
export class IndexSelect {
  readonly #choose: () => IndexChoice | undefined
  #isMade = false
  #choice: IndexChoice | undefined

  constructor(scan: TableScan, source: QuerySource, execution: Execution, firstRows: number | undefined) {
    this.#choose = () => chooseIndex(scan, source, execution, firstRows)
  }

  /** The choice, if it was asked for already. */
  get made(): IndexChoice | undefined {
    return this.#choice
  }

  get choice(): IndexChoice | undefined {
    if (!this.#isMade) {
      this.#choice = this.#choose()
      this.#isMade = true
    }
    return this.#choice
  }
}

/** The documents of a choice. */
export function* documentsOfIndex(choice: IndexChoice, source: QuerySource, table: string, reverse: boolean): Generator<Document, void> {
  const { index, ranges, isOrdered, isReverse, isKeyOrder } = choice
  if (isOrdered) {
    for (const range of ranges) {
      for (const ordinal of index.inOrder(range, source.seq, isReverse)) {
        const document = source.documentAt?.(table, ordinal)
        if (document !== undefined) yield document
      }
    }
    return
  }
  const found: number[] = []
  for (const range of ranges) {
    for (const { values, count } of index.reader.batches(range, source.seq, false)) {
      for (let at = 0; at < count; at++) found.push(values[at] as number)
    }
  }
  const inOrder = isKeyOrder ? (reverse ? found.reverse() : found) : (source.inKeyOrder?.(table, found, reverse) ?? [])
  for (const ordinal of inOrder) {
    const document = source.documentAt?.(table, ordinal)
    if (document !== undefined) yield document
  }
}

function candidateOf(index: ReadableIndex, conditions: readonly ColumnCondition[], execution: Execution): Candidate | undefined {
  const { columns } = index.definition
  const served = new Set<ColumnCondition>()
  const texts: string[] = []
  let prefixes: unknown[][] = [[]]
  let next: NextColumn = { kind: 'any' }
  let known = 0
  for (const { path } of columns) {
    const own = conditions.filter((condition) => isSame(condition.path, path))
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
  const ranges = prefixes.map((prefix) => indexRange(columns, prefix, next)).filter((range) => range !== undefined)
  return { index, ranges, known, text: texts.join(', '), served }
}

const NEXT_TEXTS = { 'not-null': 'is not null', between: 'range', text: 'like' } as const

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

/** Whether an index has its rows in an order, behind columns whose values are known. */
function orderedBy(index: ReadableIndex, known: number, order: readonly ColumnOrder[] | undefined): 'forward' | 'reverse' | undefined {
  const { columns } = index.definition
  if (order === undefined || order.length === 0 || index.reader.memory.hasCut || known + order.length > columns.length) return undefined
  const isForward = order.map(({ path, isDescending }, at) => {
    const column = columns[known + at]
    return column !== undefined && isSame(column.path, path) ? column.isDescending === isDescending : undefined
  })
  // Behind the last column rows stand in the order of their keys, as ties do: so it is to be the last.
  if (known + order.length < columns.length) return undefined
  if (isForward.every((each) => each === true)) return 'forward'
  return isForward.every((each) => each === false) ? 'reverse' : undefined
}

function isSame(path: readonly string[], other: readonly string[]): boolean {
  return path.length === other.length && path.every((name, at) => name === other[at])
}
