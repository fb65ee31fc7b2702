/**
 * The choice of an index for the rows of one table, when a query runs: its values are known then, and how many rows an index has for them at
 * the point that is read is counted in the index itself (an index dive), not guessed. What counting does not say (how many rows are left by
 * conditions that an index does not serve) statistics do.
 */
import { indexRange } from '../index/index-ranges.js'
import { type EntryOrder, type ReadableIndex } from '../index/readable-index.js'
import { combinedCost, indexRowsCost, keyOrderCost, PAGES_FROM_ROWS, scanCost, sortCost, walkCost } from './cost.js'
import { type ColumnConditions } from './column-conditions.js'
import { estimatedTable, filteredRows, scanRows } from './estimate-scan.js'
import { type Execution } from '../expression/evaluate.js'
import { type IndexCandidate, indexCandidate, isCovering, isSamePath } from './index-candidate.js'
import { type AccessChoice, choiceOf, type ConsideredWay, type IndexChoice, NO_CHOICE, type RangeEnd } from './index-choice.js'
import { entryOrder } from './index-order.js'
import { type QuerySource } from '../relation/query-source.js'
import { type ColumnOrder, type Condition, type ExtremeOf, type TableScan } from './source-plan.js'

/** Times the cost of a scan. */
const GIVEN_UP_AT = 2
/** More rows than this are not put in the order of their keys: they are in memory meanwhile. */
const KEPT_MAX = 100_000

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
  #costOfScan = 0
  /** Of the lookups, when they were counted. */
  readonly #counted = new Map<IndexCandidate, Dive>()
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
    const costOfScan = (this.#costOfScan = this.#scanCost(candidates))
    if (!this.#isForced) this.#bestCost = costOfScan
    this.#considered.push({ index: undefined, way: 'scan', cost: costOfScan, isAtLeast: false })
    if (extremes !== undefined) this.#offer(extremes)
    else {
      for (const candidate of candidates) this.#consider(candidate)
      for (const union of asked.unions) this.#considerUnion(union, indexes)
      this.#considerIntersection()
    }
    return { index: this.#best, scanCost: costOfScan, considered: this.#considered }
  }

  #offer(choice: IndexChoice, isAtLeast = false): void {
    const { index, way, cost } = choice
    this.#considered.push({ index, way, cost, isAtLeast })
    // What was not counted to its end may cost more, and its number is not known.
    if (cost >= this.#bestCost || (isAtLeast && !this.#isForced)) return
    this.#best = choice
    this.#bestCost = cost
  }

  #consider(candidate: IndexCandidate): void {
    const { ranges, known, next } = candidate
    const { order, isOnlyCounted } = this.#scan
    const entries = order === undefined ? undefined : entryOrder(candidate, order, this.#primaryKey)
    const isCovered = isCovering(candidate.index, this.#scan, this.#primaryKey)
    const isBounded = known > 0 || next.kind !== 'any'
    if (entries !== undefined && this.#firstRows < this.#live) this.#considerOrder(candidate, entries, isCovered)
    if (order !== undefined && order.length > 0 && ranges.length > 1 && candidate.isExact) this.#considerFirsts(candidate, order)
    if (isOnlyCounted === true && candidate.isExact && this.#where !== undefined) {
      const { count, isCut } = this.#dive(candidate, walkCost(0, 1), 'counted')
      this.#offer({ ...base(candidate), way: 'count', entries: count, cost: walkCost(ranges.length, count) }, isCut)
      return
    }
    if (!isBounded && !(isCovered && entries !== undefined && order !== undefined && order.length > 0)) return
    const { count, found, isCut } = this.#dive(candidate, walkCost(0, 1) + indexRowsCost(1, isCovered), isCovered ? 'counted' : 'kept')
    const walked = { ...base(candidate), isCovered, entries: count, found }
    const ofRows = walkCost(ranges.length, count) + indexRowsCost(count, isCovered)
    const keyed = entryOrder(candidate, this.#scan.reverse ? [{ path: [this.#primaryKey], isDescending: true }] : [], this.#primaryKey)
    const sorting = order === undefined || order.length === 0 ? 0 : sortCost(count, this.#firstRows)
    if (entries !== undefined && order !== undefined && order.length > 0) {
      this.#offer({ ...walked, way: 'order', order: entries, found: entries === 'forward' ? found : undefined, cost: ofRows }, isCut)
    }
    if (!isBounded || (count > KEPT_MAX && !this.#isForced)) return
    this.#counted.set(candidate, { count, found, isCut })
    // The first rows in the order of the keys: of the others no document is read.
    const isFirst = order !== undefined && order.length === 0 && this.#firstRows < count
    const read = isFirst ? Math.min(count, Math.ceil(this.#firstRows / this.#shareOf(candidate, count))) : count
    const ofKeys = keyed === undefined ? keyOrderCost(count) : 0
    const cost = walkCost(ranges.length, count) + indexRowsCost(read, isCovered) + ofKeys + sorting
    this.#offer({ ...walked, way: 'lookup', order: keyed, cost }, isCut)
  }

  /** As many entries are looked at as it takes to find the rows that are wanted, where those for which the condition is true lie among all alike. */
  #considerOrder(candidate: IndexCandidate, order: EntryOrder, isCovered: boolean): void {
    const entries = candidate.isExact ? this.#firstRows : this.#entriesUntil(candidate)
    const cost = walkCost(1, entries) + indexRowsCost(entries, isCovered)
    const isCertain = candidate.isExact || this.#isForced
    const rowsMax = isCertain ? Number.POSITIVE_INFINITY : Math.ceil((GIVEN_UP_AT * this.#costOfScan) / indexRowsCost(1, isCovered))
    this.#offer({ ...base(candidate), way: 'order', order, isCovered, entries, cost, rowsMax })
  }

  /** Of several ranges the first rows of each: those that are wanted are among them, and are sorted out. */
  #considerFirsts(candidate: IndexCandidate, order: readonly ColumnOrder[]): void {
    const { index, ranges } = candidate
    const most = ranges.length * this.#firstRows
    const ofEach = entryOrder({ ...candidate, ranges: ranges.slice(0, 1) }, order, this.#primaryKey)
    const costOf = (rows: number): number =>
      walkCost(ranges.length, rows) + indexRowsCost(rows, false) + keyOrderCost(rows) + sortCost(rows, this.#firstRows)
    if (ofEach === undefined || most > KEPT_MAX || costOf(most) >= this.#bestCost) return
    const found: number[] = []
    for (const range of ranges) {
      let left = this.#firstRows
      for (const { values, count } of index.entries(range, this.#source.seq, ofEach)) {
        for (let at = 0; at < count && left > 0; at++, left--) found.push(values[at] as number)
        if (left === 0) break
      }
    }
    this.#offer({ ...base(candidate), way: 'lookup', entries: found.length, found, cost: costOf(found.length) })
  }

  #entriesUntil(candidate: IndexCandidate): number {
    const isBounded = candidate.known > 0 || candidate.next.kind !== 'any'
    // How many there are is worth less than to know which.
    const { count, isCut } = isBounded ? this.#dive(candidate, 5 * walkCost(0, 1), 'counted') : { count: this.#live, isCut: false }
    const inRange = isCut ? this.#live : count
    return Math.min(inRange, Math.ceil(this.#firstRows / this.#shareOf(candidate, inRange)))
  }

  /** The rows of several lookups together: of an OR of which each operand has an index. */
  #considerUnion(union: readonly ColumnConditions[], indexes: readonly ReadableIndex[]): void {
    const found = new Set<number>()
    const texts: string[] = []
    let first: IndexCandidate | undefined
    let [ranges, entries] = [0, 0]
    for (const asked of union) {
      const part = this.#leastOf(indexes.map((index) => indexCandidate(index, asked, this.#execution)))
      if (part === undefined) return
      first ??= part.candidate
      for (const ordinal of part.found) found.add(ordinal)
      ranges += part.candidate.ranges.length
      entries += part.found.length
      texts.push(namedText(part.candidate))
    }
    if (first === undefined) return
    const cost = combinedCost(ranges, entries) + indexRowsCost(found.size, false) + keyOrderCost(found.size)
    this.#offer({ ...base(first), way: 'combined', isExact: false, entries, found: [...found], cost, text: texts.join(' or ') })
  }

  /** The lookup with the fewest entries; undefined where there is none, or all have too many. */
  #leastOf(candidates: readonly IndexCandidate[]): { readonly candidate: IndexCandidate; readonly found: readonly number[] } | undefined {
    let least: { readonly candidate: IndexCandidate; readonly found: readonly number[] } | undefined
    for (const candidate of candidates) {
      if (candidate.known === 0 && candidate.next.kind === 'any') continue
      const { found, isCut } = this.#dive(candidate, combinedCost(0, 1), 'kept')
      if (found !== undefined && !isCut && (least === undefined || found.length < least.found.length)) least = { candidate, found }
    }
    return least
  }

  /** The rows that two lookups have in common, where neither alone has few. */
  #considerIntersection(): void {
    const lookups = [...this.#counted].sort(([, one], [, other]) => one.count - other.count)
    if (lookups.length < 2 || this.#bestCost <= combinedCost(2, this.#rowsExpected())) return
    const parts: { readonly candidate: IndexCandidate; readonly found: readonly number[] }[] = []
    for (const [candidate, { found, isCut }] of lookups) {
      const all = found !== undefined && !isCut ? found : this.#dive(candidate, INTERSECTED_ENTRY * combinedCost(0, 1), 'kept').found
      if (all === undefined || parts.some((part) => isWithin(candidate, part.candidate) || isWithin(part.candidate, candidate))) continue
      parts.push({ candidate, found: all })
      if (parts.length === 2) break
    }
    const [one, other] = parts
    if (one === undefined || other === undefined) return
    const entries = one.found.length + other.found.length
    const isWorthwhile = combinedCost(2, entries) + indexRowsCost(Math.min(one.found.length, this.#rowsExpected()), false) < this.#bestCost
    if (!isWorthwhile) return
    const known = new Set(one.found)
    const found = other.found.filter((ordinal) => known.has(ordinal))
    const cost = combinedCost(one.candidate.ranges.length + other.candidate.ranges.length, entries) + indexRowsCost(found.length, false)
    const text = `${namedText(one.candidate)} and ${namedText(other.candidate)}`
    this.#offer({ ...base(one.candidate), way: 'combined', isExact: false, entries, found, cost: cost + keyOrderCost(found.length), text })
  }

  /** Of so many entries of its ranges, the part whose rows fulfil all of the condition. */
  #shareOf({ isExact }: IndexCandidate, entries: number): number {
    return isExact ? 1 : Math.min(1, Math.max(1, this.#rowsExpected()) / Math.max(1, entries))
  }

  /** What costs more than the best way so far need not be counted to its end. */
  #dive({ index, ranges }: IndexCandidate, costOfEntry: number, what: 'counted' | 'kept'): Dive {
    const most = Math.min(what === 'kept' ? KEPT_MAX : Number.POSITIVE_INFINITY, Math.ceil(this.#bestCost / costOfEntry) + 1)
    const found: number[] = []
    let count = 0
    for (const range of ranges) {
      for (const { values, count: more } of index.reader.batches(range, this.#source.seq, false)) {
        count += more
        if (what === 'kept') for (let at = 0; at < more; at++) found.push(values[at] as number)
        if (count >= most) return { count, found: undefined, isCut: true }
      }
    }
    return { count, found: what === 'kept' ? found : undefined, isCut: false }
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
}

type Dive = { readonly count: number; readonly found: readonly number[] | undefined; readonly isCut: boolean }

/** What is counted for an intersection is lost where that is not made: it may cost so much of what the best way does. */
const INTERSECTED_ENTRY = 4

/** What one lookup asks, the other does too. */
function isWithin(one: IndexCandidate, other: IndexCandidate): boolean {
  return [...one.served].every((condition) => other.served.has(condition))
}

function namedText({ index, text }: IndexCandidate): string {
  return `${index.definition.name}${text === '' ? '' : ` (${text})`}`
}

function base(candidate: IndexCandidate) {
  const { index, ranges, isExact } = candidate
  return { ...choiceOf(index, ranges), text: namedText(candidate), isExact } as const
}

/** The end of a range at which the least or the greatest value of a column stands; undefined where the index does not tell. */
function endOf({ index, ranges, known, values, next, isExact }: IndexCandidate, { path, isGreatest }: ExtremeOf): RangeEnd | undefined {
  const { columns } = index.definition
  const column = columns[known]
  if (!isExact || ranges.length !== 1 || column === undefined || !isSamePath(column.path, path)) return undefined
  const range = next.kind === 'any' ? indexRange(columns, values, { kind: 'not-null' }) : ranges[0]
  return range === undefined ? undefined : { index, range, values, order: column.isDescending === isGreatest ? 'forward' : 'backward' }
}
