/**
 * How the rows of a join's right side are found: all of them, kept by a hash of their keys, or for each batch of the left only its partners,
 * by the key of their table or by an index. Costs are microseconds, see `cost.ts`.
 */
import { identityOf } from '../codec/value-order.js'
import { type IndexRange } from '../index/index-reader.js'
import { indexRange } from '../index/index-ranges.js'
import { type ReadableIndex } from '../index/readable-index.js'
import { byKeyCost, hashCost, indexRowsCost, keyOrderCost, scanCost, walkCost } from './cost.js'
import { type Batch } from '../expression/batch.js'
import { estimatedLeafRows, liveRows, rowsOfValue } from './estimate-join.js'
import { type Execution } from '../expression/evaluate.js'
import { choiceOf, type IndexChoice } from './index-choice.js'
import { disjoint, isCovering, isSamePath } from './index-candidate.js'
import { type JoinPlan } from './source-plan.js'
import { type TableSource } from '../relation/table-source.js'

/** By which of the join's keys, in the order of the index's columns. */
export type Lookup =
  | { readonly kind: 'key'; readonly key: number }
  | { readonly kind: 'index'; readonly index: ReadableIndex; readonly keys: readonly number[]; readonly isCovered: boolean }

/** What is asked for the rows of one batch of the left, and what that costs. */
export type AskedRows = { readonly cost: number } & (
  | { readonly kind: 'key'; readonly keys: readonly unknown[] }
  | {
      readonly kind: 'index'
      readonly index: ReadableIndex
      readonly ranges: readonly IndexRange[]
      readonly entries: number
      readonly isCovered: boolean
    }
)

/** Decides for one join of one execution, when its first rows come: what may be read is known then. */
export class JoinSelect {
  readonly #plan: JoinPlan
  readonly right: TableSource
  readonly #execution: Execution
  #lookup: Lookup | undefined | null = null
  #hash: number | undefined
  /** Of lookups so far. */
  spent = 0
  /** Rows of the left that were looked up, and whether the others met a hash of all rows. */
  lookedUp = 0
  isHashed = false

  constructor(plan: JoinPlan, right: TableSource, execution: Execution) {
    this.#plan = plan
    this.right = right
    this.#execution = execution
  }

  get isForced(): boolean {
    return this.right.source.forced?.join === 'lookup'
  }

  /** Undefined: the right side can only be read as a whole. */
  get lookup(): Lookup | undefined {
    if (this.#lookup === null) this.#lookup = this.#found()
    return this.#lookup
  }

  /** Of reading and keeping the right side, for so many rows of the left. */
  hashCost(leftRows: number): number {
    if (this.#hash === undefined) {
      const { right } = this.#plan
      const { scan } = right
      const live = liveRows(this.right)
      const given = estimatedLeafRows(right, this.right, this.#execution)
      this.#hash = scanCost(live, live, given, scan.hasStar) + hashCost(given, 0)
    }
    return this.#hash + hashCost(0, leftRows)
  }

  /** With so many rows of the left, looking up their partners costs less than a hash. */
  isLookupExpected(leftRows: number): boolean {
    const { lookup } = this
    if (lookup === undefined) return false
    return lookupCost(lookup, this.right, leftRows) <= this.hashCost(leftRows)
  }

  /** For the rows of a batch; looks no further than `most` microseconds. */
  asked(lookup: Lookup, batch: Batch, most: number): AskedRows {
    const vectors = this.#plan.leftKeys.map((key) => key.vector(batch, this.#execution))
    const seen = new Set<string>()
    const tuples: unknown[][] = []
    const wanted = lookup.kind === 'key' ? [lookup.key] : lookup.keys
    for (let row = 0; row < batch.rowCount; row++) {
      if (vectors.some(({ nulls }) => nulls[row] === 1)) continue
      const tuple = wanted.map((key) => vectors[key]?.values[row])
      const identity = tuple.map(identityOf).join('|')
      if (seen.has(identity)) continue
      seen.add(identity)
      tuples.push(tuple)
    }
    if (lookup.kind === 'key') return { kind: 'key', keys: tuples.map(([value]) => value), cost: byKeyCost(tuples.length) }
    const { index, isCovered } = lookup
    const { columns } = index.definition
    const found = tuples.map((tuple) => indexRange(columns, tuple, { kind: 'any' })).filter((range) => range !== undefined)
    const ranges = index.reader.memory.hasCut ? disjoint(found) : found
    const costOfEntry = walkCost(0, 1) + indexRowsCost(1, isCovered) + keyOrderCost(1)
    const entriesMax = (most - walkCost(ranges.length, 0)) / costOfEntry
    let entries = 0
    for (const range of ranges) {
      if (entries > entriesMax) break
      entries += index.reader.count(range, this.right.source.seq, Math.ceil(entriesMax) + 1)
    }
    return { kind: 'index', index, ranges, entries, isCovered, cost: walkCost(2 * ranges.length, 0) + entries * costOfEntry }
  }

  /** The primary key, or the index that has most of the keys as its first columns. */
  #found(): Lookup | undefined {
    const { keys, mayLookUp } = this.#plan
    const { source, table, primaryKey } = this.right
    if (!mayLookUp || source.forced?.join === 'hash') return undefined
    const place = (path: readonly string[]): number => keys.findIndex(({ field }) => field !== undefined && isSamePath(field, path))
    const key = place([primaryKey])
    if (key >= 0) return { kind: 'key', key }
    let best: { readonly index: ReadableIndex; readonly keys: readonly number[] } | undefined
    for (const index of source.indexes?.(table) ?? []) {
      const places = index.definition.columns.map(({ path }) => place(path))
      const end = places.indexOf(-1)
      const found = end < 0 ? places : places.slice(0, end)
      if (found.length > (best?.keys.length ?? 0)) best = { index, keys: found }
    }
    return best === undefined ? undefined : { kind: 'index', ...best, isCovered: isCovering(best.index, this.#plan.right.scan, primaryKey) }
  }
}

/** Of the partners of so many rows. */
export function lookupCost(lookup: Lookup, right: TableSource, leftRows: number): number {
  if (lookup.kind === 'key') return byKeyCost(leftRows)
  return indexLookupCost(right, lookup.index.definition.columns[0]?.path ?? [], leftRows, lookup.isCovered)
}

/** The same by an index on a column: as many for each as there are rows with one value. */
export function indexLookupCost(right: TableSource, path: readonly string[], leftRows: number, isCovered: boolean): number {
  const entries = leftRows * rowsOfValue(right, path)
  return walkCost(leftRows, entries) + indexRowsCost(entries, isCovered) + keyOrderCost(entries)
}

export function lookupChoice({ index, ranges, entries, isCovered }: AskedRows & { readonly kind: 'index' }): IndexChoice {
  return { ...choiceOf(index, ranges), way: 'lookup', entries, isCovered, cost: 0 }
}
