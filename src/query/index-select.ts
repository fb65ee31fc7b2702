/**
 * The choice of an index for the rows of one table, when a query runs: its values are known then, and how many rows an index has for them at
 * the point that is read is counted in the index itself (an index dive), not guessed. What counting does not say (how many rows are left by
 * conditions that an index does not serve) statistics do.
 */
import { type IndexRange } from '../index/index-reader.js'
import { indexRange } from '../index/index-ranges.js'
import { type EntryOrder, type ReadableIndex } from '../index/readable-index.js'
import { indexRowsCost, keyOrderCost, PAGES_FROM_ROWS, scanCost, sortCost, walkCost } from './cost.js'
import { estimatedTable, filteredRows, scanRows } from './estimate-scan.js'
import { type Execution } from './evaluate.js'
import { type IndexCandidate, indexCandidate, isSamePath } from './index-candidate.js'
import { entryOrder } from './index-order.js'
import { type QuerySource } from './query-source.js'
import { type Condition, type ExtremeOf, type TableScan } from './source-plan.js'

/** More entries than this are not counted. */
const COUNTED_MAX = 100_000

/** One end of a range: its first row has the least value, or its last the greatest. */
export type RangeEnd = {
  readonly index: ReadableIndex
  readonly range: IndexRange
  readonly order: EntryOrder
  /** Of the columns before that with the value. */
  readonly values: readonly unknown[]
}

/** How the rows come out of an index. */
export type IndexWay =
  /** All of the ranges, in the order of the keys. */
  | 'lookup'
  /** In the order that is asked for, as many as are wanted. */
  | 'order'
  /** Only their number. */
  | 'count'
  /** Those with the least and greatest values. */
  | 'extremes'

/** Costs are microseconds, see `cost.ts`. */
export type IndexChoice = {
  readonly way: IndexWay
  readonly index: ReadableIndex
  readonly ranges: readonly IndexRange[]
  /** Of `order`, and of a `lookup` whose rows stand in the order of their keys. */
  readonly order: EntryOrder | undefined
  /** Of `extremes`. */
  readonly ends: readonly RangeEnd[]
  /** Entries that will be looked at: counted, but for an `order`, of which not all may be wanted. */
  readonly entries: number
  /** The ordinals of all ranges, where counting them has gone over them already. */
  readonly found: readonly number[] | undefined
  /** Rows are made of the entries; documents are read only where those do not tell. */
  readonly isCovered: boolean
  /** The condition is true of all rows. */
  readonly isExact: boolean
  readonly cost: number
  /** What is asked of it, for EXPLAIN. */
  readonly text: string
}

/** A way that was thought of. */
export type ConsideredWay = { readonly index: ReadableIndex | undefined; readonly way: IndexWay | 'scan'; readonly cost: number }

export type AccessChoice = {
  readonly index: IndexChoice | undefined
  readonly scanCost: number
  readonly considered: readonly ConsideredWay[]
}

const NO_CHOICE: AccessChoice = { index: undefined, scanCost: 0, considered: [] }

/**
 * `where`: all that is asked of the rows. `firstRows`: so many are wanted, in the order `scan.order`; undefined: all are. Without an index: a
 * scan costs less than any.
 */
export function chooseIndex(
  scan: TableScan,
  where: Condition | undefined,
  source: QuerySource,
  execution: Execution,
  firstRows: number | undefined
): AccessChoice {
  const { table, asked } = scan
  if (table === undefined || asked === undefined) return NO_CHOICE
  const indexes = source.indexes?.(table) ?? []
  if (indexes.length === 0) return NO_CHOICE
  return new IndexChooser(scan, table, where, source, execution, firstRows).choose(indexes)
}

/** The choice of one execution, made when its first row is asked for: what may be read then is known by then. */
export class IndexSelect {
  readonly #choose: () => AccessChoice
  #access: AccessChoice | undefined

  // oxlint-disable-next-line max-params
  constructor(scan: TableScan, where: Condition | undefined, source: QuerySource, execution: Execution, firstRows: number | undefined) {
    this.#choose = () => chooseIndex(scan, where, source, execution, firstRows)
  }

  /** The choice, if it was asked for already. */
  get made(): IndexChoice | undefined {
    return this.#access?.index
  }

  get access(): AccessChoice {
    return (this.#access ??= this.#choose())
  }

  get choice(): IndexChoice | undefined {
    return this.access.index
  }
}

class IndexChooser {
  readonly #scan: TableScan
  readonly #table: string
  readonly #where: Condition | undefined
  readonly #source: QuerySource
  readonly #execution: Execution
  readonly #primaryKey: string
  readonly #firstRows: number
  readonly #isForced: boolean
  /** Of the table, at the point that is read. */
  readonly #live: number
  readonly #considered: ConsideredWay[] = []
  #best: IndexChoice | undefined
  #bestCost = Number.POSITIVE_INFINITY
  #expected: number | undefined

  // oxlint-disable-next-line max-params
  constructor(
    scan: TableScan,
    table: string,
    where: Condition | undefined,
    source: QuerySource,
    execution: Execution,
    firstRows: number | undefined
  ) {
    this.#scan = scan
    this.#table = table
    this.#where = where
    this.#source = source
    this.#execution = execution
    this.#primaryKey = source.primaryKey(table)
    this.#firstRows = firstRows ?? Number.POSITIVE_INFINITY
    this.#isForced = source.isIndexForced === true
    this.#live = source.count(table)
  }

  choose(indexes: readonly ReadableIndex[]): AccessChoice {
    const { asked } = this.#scan
    if (asked === undefined) return NO_CHOICE
    const candidates = indexes.map((index) => indexCandidate(index, asked, this.#execution))
    const none = candidates.find(({ ranges }) => ranges.length === 0)
    if (none !== undefined) {
      this.#offer({ ...base(none), way: 'lookup', entries: 0, found: [], cost: 0 })
      return { index: this.#best, scanCost: 0, considered: this.#considered }
    }
    const extremes = this.#extremes(candidates)
    const costOfScan = this.#scanCost(candidates)
    if (!this.#isForced) this.#bestCost = costOfScan
    this.#considered.push({ index: undefined, way: 'scan', cost: costOfScan })
    if (extremes !== undefined) this.#offer(extremes)
    else for (const candidate of candidates) this.#consider(candidate)
    return { index: this.#best, scanCost: costOfScan, considered: this.#considered }
  }

  #offer(choice: IndexChoice): void {
    this.#considered.push({ index: choice.index, way: choice.way, cost: choice.cost })
    if (choice.cost >= this.#bestCost) return
    this.#best = choice
    this.#bestCost = choice.cost
  }

  #consider(candidate: IndexCandidate): void {
    const { ranges, known, next } = candidate
    const { order, isOnlyCounted } = this.#scan
    const entries = order === undefined ? undefined : entryOrder(candidate, order, this.#primaryKey)
    const isCovered = this.#isCovers(candidate.index)
    const isBounded = known > 0 || next.kind !== 'any'
    if (entries !== undefined && this.#firstRows < this.#live) this.#considerOrder(candidate, entries, isCovered)
    if (isOnlyCounted === true && candidate.isExact && this.#where !== undefined) {
      const found = this.#dive(candidate, walkCost(0, 1), 'counted')
      this.#offer({ ...base(candidate), way: 'count', entries: found.count, cost: walkCost(ranges.length, found.count) })
      return
    }
    if (!isBounded && !(isCovered && entries !== undefined && order !== undefined && order.length > 0)) return
    const { count, found } = this.#dive(candidate, walkCost(0, 1) + indexRowsCost(1, isCovered), isCovered ? 'counted' : 'kept')
    const walked = { ...base(candidate), isCovered, entries: count, found }
    const ofRows = walkCost(ranges.length, count) + indexRowsCost(count, isCovered)
    const keyed = entryOrder(candidate, this.#scan.reverse ? [{ path: [this.#primaryKey], isDescending: true }] : [], this.#primaryKey)
    const sorting = order === undefined || order.length === 0 ? 0 : sortCost(count, this.#firstRows)
    if (entries !== undefined && order !== undefined && order.length > 0) {
      this.#offer({ ...walked, way: 'order', order: entries, found: entries === 'forward' ? found : undefined, cost: ofRows })
    }
    if (!isBounded) return
    // The first rows in the order of the keys: of the others no document is read.
    const isFirst = order !== undefined && order.length === 0 && this.#firstRows < count
    const read = isFirst ? Math.min(count, Math.ceil(this.#firstRows / this.#shareOf(candidate, count))) : count
    const ofKeys = keyed === undefined ? keyOrderCost(count) : 0
    const cost = walkCost(ranges.length, count) + indexRowsCost(read, isCovered) + ofKeys + sorting
    this.#offer({ ...walked, way: 'lookup', order: keyed, cost })
  }

  /** As many entries are looked at as it takes to find the rows that are wanted, where those for which the condition is true lie among all alike. */
  #considerOrder(candidate: IndexCandidate, order: EntryOrder, isCovered: boolean): void {
    const inRange = this.#entriesExpected(candidate)
    const entries = Math.min(inRange, Math.ceil(this.#firstRows / this.#shareOf(candidate, inRange)))
    const cost = walkCost(1, entries) + indexRowsCost(entries, isCovered)
    this.#offer({ ...base(candidate), way: 'order', order, isCovered, entries, cost })
  }

  /** Of so many entries of its ranges, the part whose rows fulfil all of the condition. */
  #shareOf({ isExact }: IndexCandidate, entries: number): number {
    return isExact ? 1 : Math.min(1, Math.max(1, this.#rowsExpected()) / Math.max(1, entries))
  }

  /** What costs more than the best way so far need not be counted to its end. */
  #dive(
    { index, ranges }: IndexCandidate,
    costOfEntry: number,
    what: 'counted' | 'kept'
  ): { readonly count: number; readonly found: readonly number[] | undefined } {
    const most = Math.min(COUNTED_MAX, Math.ceil(this.#bestCost / costOfEntry) + 1)
    const found: number[] = []
    let count = 0
    for (const range of ranges) {
      for (const { values, count: more } of index.reader.batches(range, this.#source.seq, false)) {
        count += more
        if (what === 'kept') for (let at = 0; at < more; at++) found.push(values[at] as number)
        if (count >= most) return { count, found: undefined }
      }
    }
    return { count, found: what === 'kept' ? found : undefined }
  }

  /** MIN and MAX alone, each by some index that has its column behind columns whose values are known. */
  #extremes(candidates: readonly IndexCandidate[]): IndexChoice | undefined {
    const { extremes } = this.#scan
    if (extremes === undefined) return undefined
    const ends: RangeEnd[] = []
    let first: IndexCandidate | undefined
    for (const extreme of extremes) {
      const found = candidates.map((candidate) => ({ candidate, end: endOf(candidate, extreme) })).find(({ end }) => end !== undefined)
      if (found?.end === undefined) return undefined
      ends.push(found.end)
      first ??= found.candidate
    }
    if (first === undefined) return undefined
    const cost = walkCost(ends.length, 0) + indexRowsCost(ends.length, false)
    return { ...base(first), way: 'extremes', ends, entries: ends.length, cost }
  }

  #scanCost(candidates: readonly IndexCandidate[]): number {
    const { access, hasStar, order, isOnlyCounted, extremes } = this.#scan
    const table = { rows: this.#live, statistics: this.#source.statistics?.(this.#table), primaryKey: this.#primaryKey }
    const looked = access.kind === 'range' ? scanRows({ access }, table, this.#execution) : this.#live
    // What any index finds is more than what is given.
    if (isOnlyCounted === true || extremes !== undefined || this.#scan.isAggregated === true)
      return scanCost(this.#live, looked, 0, hasStar)
    const isFirst = order !== undefined && this.#firstRows < this.#live
    // The rows of small tables are read as documents, one as dear as the other; a scan of few costs nothing that need be known.
    const all = candidates.length === 0 || this.#live < PAGES_FROM_ROWS ? this.#live : Math.min(looked, this.#rowsExpected())
    if (!isFirst) return scanCost(this.#live, looked, all, hasStar) + (order === undefined || order.length === 0 ? 0 : sortCost(all, all))
    if (order.length > 0) return scanCost(this.#live, looked, Math.min(all, this.#firstRows), hasStar) + sortCost(all, this.#firstRows)
    // The first rows in the order of the keys: the scan ends with them.
    const part = Math.min(1, this.#firstRows / Math.max(1, all))
    return scanCost(this.#live, looked * part, Math.min(all, this.#firstRows), hasStar)
  }

  /** Rows for which all of the condition is true. */
  #rowsExpected(): number {
    if (this.#expected !== undefined) return this.#expected
    const table = estimatedTable(this.#source, this.#table, this.#scan.name)
    this.#expected = this.#where === undefined || table === undefined ? this.#live : filteredRows(this.#where, table, this.#execution)
    return this.#expected
  }

  #entriesExpected(candidate: IndexCandidate): number {
    if (candidate.known === 0 && candidate.next.kind === 'any') return this.#live
    const { count } = this.#dive(candidate, walkCost(0, 1), 'counted')
    return Math.min(this.#live, count)
  }

  #isCovers({ definition }: ReadableIndex): boolean {
    const { fields, hasStar } = this.#scan
    if (hasStar) return false
    return fields.every(
      (path) =>
        (path.length === 1 && path[0] === this.#primaryKey) ||
        definition.columns.some((column) => isSamePath(column.path, path as string[]))
    )
  }
}

const NO_ENDS: readonly RangeEnd[] = []

function base({ index, ranges, text, isExact }: IndexCandidate) {
  return { index, ranges, text, isExact, order: undefined, ends: NO_ENDS, found: undefined, isCovered: false } as const
}

/** The end of a range at which the least or the greatest value of a column stands; undefined where the index does not tell. */
function endOf({ index, ranges, known, values, next, isExact }: IndexCandidate, { path, isGreatest }: ExtremeOf): RangeEnd | undefined {
  const { columns } = index.definition
  const column = columns[known]
  if (!isExact || ranges.length !== 1 || column === undefined || !isSamePath(column.path, path)) return undefined
  const range = next.kind === 'any' ? indexRange(columns, values, { kind: 'not-null' }) : ranges[0]
  return range === undefined ? undefined : { index, range, values, order: column.isDescending === isGreatest ? 'forward' : 'backward' }
}
