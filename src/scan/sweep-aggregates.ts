/**
 * COUNT, SUM and AVG at many points in one pass over the pages, in all or by one or two columns: a version is added at the first point
 * that sees it and taken away at the first that does not. What the kernels do not serve, the points are asked one by one for.
 */
import { SWEEP_SPAN_MAX } from '../kernel/sweep-plan.js'
import { type AggregateQuery, type PartialAggregates } from './aggregate-query.js'
import { mergePartials } from './finish-partials.js'
import { pageMask } from './page-mask.js'
import { type PageMask } from './page-slice.js'
import { type ScanTable } from './scan-table.js'
import { isSummed } from './summed-fields.js'
import { type SweepAdded, SweepCells, sweepQuery } from './sweep-cells.js'
import { type SweepSlice } from './sweep-pages.js'

export class SweepAggregates {
  readonly #table: ScanTable
  readonly #points: readonly number[]
  readonly #query: AggregateQuery
  readonly #where: PageMask | undefined
  /** Of all points, as long as there is room. */
  #cells: SweepCells | undefined
  /** Of slices that were done in halves. */
  #found: readonly PartialAggregates[] = []

  private constructor(table: ScanTable, points: readonly number[], query: AggregateQuery) {
    this.#table = table
    this.#points = points
    this.#query = query
    this.#where = query.where === undefined ? undefined : pageMask(query.where, table)
    this.#cells = this.#cellsOf(points)
  }

  /** `points`: ascending seqs, no two the same, none ahead of what is applied. Undefined where an aggregate is nothing for the kernels. */
  static of(table: ScanTable, points: readonly number[], query: AggregateQuery): SweepAggregates | undefined {
    const isServed = points.length > 0 && query.groupBy.length <= 2 && isSummed(query)
    return isServed ? new SweepAggregates(table, points, query) : undefined
  }

  /** All slices of a tile. False where its columns, or the number of groups, are nothing for the kernels: then it is all over. */
  add(slices: readonly SweepSlice[]): boolean {
    const cells = this.#cells
    const unlisted = cells === undefined ? slices : notListed(cells, slices)
    const added = cells === undefined ? { done: 0, left: 'no-room' as const } : addAll(cells, unlisted)
    if (added.left !== 'no-room') return added.left === 'done'
    // From here on without cells for all points.
    const before = cells === undefined ? this.#found : [cells.partials()]
    this.release()
    const found = this.#inHalves(unlisted.slice(added.done), this.#points)
    if (found === undefined) return false
    this.#found = [mergePartials(sweepQuery(this.#query), [...before, ...found])]
    return true
  }

  /** What the slices added, of `sweepQuery`. To be asked once. */
  partials(): PartialAggregates {
    return this.#cells?.partials() ?? mergePartials(sweepQuery(this.#query), this.#found)
  }

  /** Gives working memory back. */
  release(): void {
    this.#cells?.release()
    this.#cells = undefined
  }

  /** Points that are too far apart, or too many for the memory of cells, are done in halves, one after the other. */
  #inHalves(slices: readonly SweepSlice[], points: readonly number[]): readonly PartialAggregates[] | undefined {
    const cells = this.#cellsOf(points)
    try {
      const { left } = cells === undefined ? { left: 'no-room' as const } : addAll(cells, slices)
      if (left === 'done') return cells === undefined ? [] : [cells.partials()]
      if (left === 'no-kernel' || points.length === 1) return undefined
    } finally {
      cells?.release()
    }
    const middle = points.length >> 1
    const first = this.#inHalves(slices, points.slice(0, middle))
    const second = first === undefined ? undefined : this.#inHalves(slices, points.slice(middle))
    return first === undefined || second === undefined ? undefined : [...first, ...second]
  }

  #cellsOf(points: readonly number[]): SweepCells | undefined {
    const span = (points.at(-1) as number) - (points[0] as number)
    return span > SWEEP_SPAN_MAX ? undefined : new SweepCells(this.#table, points, this.#query, this.#where)
  }
}

/** Adds the slices that can be added together; gives the others. */
function notListed(cells: SweepCells, slices: readonly SweepSlice[]): readonly SweepSlice[] {
  const others: SweepSlice[] = []
  for (const slice of slices) if (!cells.list(slice)) others.push(slice)
  others.push(...cells.addListed())
  return others
}

/** Adds slices up to one that cannot be added: of that one, nothing was. */
function addAll(cells: SweepCells, slices: readonly SweepSlice[]): { readonly done: number; readonly left: SweepAdded } {
  for (const [done, slice] of slices.entries()) {
    const left = cells.add(slice)
    if (left !== 'done') return { done, left }
  }
  return { done: slices.length, left: 'done' }
}
