/**
 * COUNT, SUM and AVG at many points in one pass over the pages, in all or by one column: a version is added at the first point that sees
 * it and taken away at the first that does not. What the kernel does not serve is undefined: the points are then asked one by one.
 */
import { type SweepPlan } from '../kernel/kernels.js'
import { SWEEP_SPAN_MAX, sweepPlanBytes, writeSweepPlan } from '../kernel/sweep-plan.js'
import { type AggregateQuery, type PartialAggregates } from './aggregate-query.js'
import { FieldReader } from './field-reader.js'
import { addCell, type CellBlock, GroupCells } from './group-cells.js'
import { type CodeSpace, GroupCodes, type SliceCodes, zeros } from './group-codes.js'
import { GroupTable } from './group-table.js'
import { ALL, NONE } from './mask.js'
import { pageMask } from './page-mask.js'
import { type PageMask, PageSlice } from './page-slice.js'
import { type Scratch } from './scan-memory.js'
import { type ScanTable } from './scan-table.js'
import { isSummed, noValues, rowCountsOf, type SliceValues, type SummedField, summedFields, valuesOf } from './summed-fields.js'
import { hasPoint, type SweepSlice } from './sweep-pages.js'

const CELLS_BYTES_MAX = 200 * 1024

/** All rows have the same code. */
const allRows: CodeSpace = { id: 0, nullCode: 0, valueOf: () => null }

/**
 * For each of `points` (ascending seqs, no two the same, none ahead of what is applied) what `slices` add to it: all of `sweepSlices`, or
 * some of them, whose results are then merged. Undefined where a column, an aggregate or the number of groups is nothing for the kernel.
 */
export function sweepAggregates(
  table: ScanTable,
  slices: readonly SweepSlice[],
  points: readonly number[],
  query: AggregateQuery
): readonly PartialAggregates[] | undefined {
  if (query.groupBy.length > 1 || !isSummed(query)) return undefined
  const where = query.where === undefined ? undefined : pageMask(query.where, table)
  return sweepPart(table, slices, points, query, where)
}

/** Points that are too far apart, or too many for the memory of cells, are done in halves. */
function sweepPart(
  table: ScanTable,
  slices: readonly SweepSlice[],
  points: readonly number[],
  query: AggregateQuery,
  where: PageMask | undefined
): readonly PartialAggregates[] | undefined {
  if (points.length === 0) return []
  const sweep = new Sweep(table, points, query, where)
  let found: 'done' | 'no-kernel' | 'no-room'
  try {
    const span = (points.at(-1) as number) - (points[0] as number)
    found = span > SWEEP_SPAN_MAX ? 'no-room' : sweep.run(slices)
    if (found === 'done') return sweep.partials()
  } finally {
    sweep.release()
  }
  if (found === 'no-kernel' || points.length === 1) return undefined
  const middle = points.length >> 1
  const first = sweepPart(table, slices, points.slice(0, middle), query, where)
  const second = first === undefined ? undefined : sweepPart(table, slices, points.slice(middle), query, where)
  return first === undefined || second === undefined ? undefined : [...first, ...second]
}

type Planned = { readonly plan: SweepPlan; readonly at: number }

class Sweep {
  readonly #table: ScanTable
  readonly #points: readonly number[]
  readonly #query: AggregateQuery
  readonly #where: PageMask | undefined
  readonly #cells = new GroupCells(CELLS_BYTES_MAX)
  readonly #plans = new Map<Scratch, Planned>()
  readonly #codes: GroupCodes | undefined
  readonly #fields: readonly SummedField[]
  /** In place of a second column of groups; one more than there are points. */
  readonly #pointSpace: CodeSpace

  constructor(table: ScanTable, points: readonly number[], query: AggregateQuery, where: PageMask | undefined) {
    const [groupBy] = query.groupBy
    this.#table = table
    this.#points = points
    this.#query = query
    this.#where = where
    this.#codes = groupBy === undefined ? undefined : new GroupCodes(new FieldReader(table, groupBy))
    this.#fields = summedFields(table, query, new GroupTable(query))
    this.#pointSpace = { id: 0, nullCode: points.length, valueOf: () => null }
  }

  run(slices: readonly SweepSlice[]): 'done' | 'no-kernel' | 'no-room' {
    for (const slice of slices) {
      if (!hasPoint(this.#points, slice.t0, slice.t1)) continue
      const found = this.#add(slice)
      if (found !== 'done') return found
    }
    for (const block of this.#cells.blocks) {
      const { scratch, at, width, spaces } = block
      const lines = (spaces[0] as CodeSpace).nullCode + 1
      scratch.kernels.finishSweep((this.#plans.get(scratch) as Planned).plan, at, lines, width)
    }
    return 'done'
  }

  /** By point. */
  partials(): PartialAggregates[] {
    const tables = this.#points.map(() => new GroupTable(this.#query))
    const targets = tables.map((groups) => {
      return { groups, rowCounts: rowCountsOf(this.#query, groups), fields: summedFields(this.#table, this.#query, groups) }
    })
    this.#cells.each((block, code, point, cell) => {
      const target = targets[point]
      // The cell behind the last point is what nobody sees.
      if (target === undefined) return
      const { groups, rowCounts, fields } = target
      const [space] = block.spaces as [CodeSpace]
      const group = this.#codes === undefined ? 0 : groups.groupOf([groups.numberOf(0, space.valueOf(code))])
      addCell(block, cell, group, block.field === 0 ? rowCounts : [], fields[block.field]?.states ?? [])
    })
    return tables.map((groups) => groups.partial())
  }

  release(): void {
    this.#cells.release()
    for (const [scratch, { at }] of this.#plans) scratch.letGo(at)
  }

  #add({ page, t0, t1 }: SweepSlice): 'done' | 'no-kernel' | 'no-room' {
    const scratch = this.#table.memory.of(page.address)
    const { rowCount } = page
    if (rowCount === 0) return 'done'
    scratch.reset()
    // At no point in particular: nothing here is asked what is visible.
    const slice = new PageSlice(page, scratch, 0, rowCount, 0, false, undefined)
    const mask = this.#where === undefined ? ALL : this.#where.of(slice)
    if (mask === NONE) return 'done'
    const codes: SliceCodes | undefined =
      this.#codes === undefined ? { space: allRows, column: zeros(slice), keep: ALL } : this.#codes.of(slice)
    if (codes === undefined || codes.keep !== ALL) return 'no-kernel'
    const values: SliceValues[] = []
    for (const field of this.#fields) {
      const found = valuesOf(slice, field, 'ever')
      if (found === undefined || found.keep !== ALL) return 'no-kernel'
      values.push(found)
    }
    const planned = this.#planOf(scratch)
    if (planned === undefined) return 'no-room'
    for (let field = 0; field < Math.max(1, values.length); field++) {
      const value = values[field]
      const block = this.#blockOf(scratch, codes.space, field, value?.column?.encoding ?? 'i32')
      if (block === undefined) return 'no-room'
      if (value !== undefined && value.floats > block.floats) block.floats = value.floats
      const { encoding, values: at, states } = codes.column
      scratch.kernels.sweep(planned.plan, {
        begin: page.beginAt * 4,
        end: page.endAt * 4,
        rows: rowCount,
        mask: mask === ALL ? undefined : mask,
        seqBase: page.seqBase,
        t0,
        t1,
        codes: { encoding, values: at, states, stride: block.strides[0], nullCode: codes.space.nullCode },
        value: value === undefined ? undefined : (value.column ?? noValues(slice)),
        cells: block.at
      })
    }
    return 'done'
  }

  #blockOf(scratch: Scratch, space: CodeSpace, field: number, width: 'i32' | 'f64'): CellBlock | undefined {
    return this.#cells.of(scratch, [space, this.#pointSpace], field, width)
  }

  #planOf(scratch: Scratch): Planned | undefined {
    const known = this.#plans.get(scratch)
    if (known !== undefined) return known
    const at = scratch.hold(sweepPlanBytes(this.#points.length))
    if (at === undefined) return undefined
    const planned = { plan: writeSweepPlan(scratch.views, at, this.#points), at }
    this.#plans.set(scratch, planned)
    return planned
  }
}
