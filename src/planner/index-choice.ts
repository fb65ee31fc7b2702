/** What a choice of the way to the rows of one table says: which index, what it reads, what that costs, and what else was thought of. */
import { type IndexRange } from '../index/index-reader.js'
import { type EntryOrder, type ReadableIndex } from '../index/readable-index.js'

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
  /** The same of the rows that several lookups have in common, or together. */
  | 'combined'
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
  /**
   * Of an `order` in which rows are looked for: behind so many rows that were not enough it is given up for a scan, so that an estimate that
   * is off costs no more than three scans.
   */
  readonly rowsMax: number
  /** What is asked of which index, for EXPLAIN. */
  readonly text: string
}

/** Of a choice, what it is of these ranges as long as nothing else is said. */
export function choiceOf(index: ReadableIndex, ranges: readonly IndexRange[]) {
  const ends: readonly RangeEnd[] = []
  return { index, ranges, order: undefined, ends, found: undefined, isCovered: false, isExact: false, rowsMax: Infinity, text: '' } as const
}

/** A way that was thought of. */
export type ConsideredWay = {
  readonly index: ReadableIndex | undefined
  readonly way: IndexWay | 'scan'
  readonly cost: number
  /** It was not counted to its end: it costs more than another. */
  readonly isAtLeast: boolean
}

export type AccessChoice = {
  readonly index: IndexChoice | undefined
  readonly scanCost: number
  readonly considered: readonly ConsideredWay[]
}

export const NO_CHOICE: AccessChoice = { index: undefined, scanCost: 0, considered: [] }
