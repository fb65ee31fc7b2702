/** The cells of a sweep over some points: a line of them for each group, one for each point. They lie in working memory until released. */
import { type CodeColumn, type KernelColumn, type SweepPlan } from '../kernel/kernels.js'
import { countBelow, sweepPlanBytes, writeSweepPlan } from '../kernel/sweep-plan.js'
import { type AggregateQuery, type PartialAggregates } from './aggregate-query.js'
import { CodeNumbers } from './code-numbers.js'
import { FieldReader } from './field-reader.js'
import { addCells, type CellBlock, filledCells, GroupCells } from './group-cells.js'
import { type CodeSpace, GroupCodes, type SliceCodes, zeros } from './group-codes.js'
import { GroupTable } from './group-table.js'
import { ALL, NONE } from './mask.js'
import { packable, type PackedCells, packInto } from './packed-cells.js'
import { type PageMask, PageSlice } from './page-slice.js'
import { type Scratch } from './scan-memory.js'
import { type ScanTable } from './scan-table.js'
import { noValues, rowCountsOf, type SliceValues, type SummedField, summedFields, valuesOf } from './summed-fields.js'
import { SweepLists, type SweepTarget } from './sweep-lists.js'
import { type SweepSlice } from './sweep-pages.js'

const CELLS_BYTES_MAX = 200 * 1024

/** `no-kernel`: the columns are not what kernels serve; `no-room`: fewer points might do. Nothing was added then. */
export type SweepAdded = 'done' | 'no-kernel' | 'no-room'

/** All rows have the same code. */
const allRows: CodeSpace = { id: 0, nullCode: 0, valueOf: () => null }

/** The lines of cells for codes of one or two columns. */
type Lines = { readonly space: CodeSpace; readonly spaces: readonly CodeSpace[] }

type Planned = { readonly plan: SweepPlan; readonly at: number }

/** A slice ready to be added. */
type Prepared = {
  readonly slice: PageSlice
  readonly mask: number
  readonly codes: readonly SliceCodes[]
  readonly values: readonly SliceValues[]
}

/** The same by point: the first key of a group is the seq of its point. A group is there only where it has rows. */
export function sweepQuery(query: AggregateQuery): AggregateQuery {
  return { ...query, groupBy: ['', ...query.groupBy] }
}

export class SweepCells {
  readonly points: readonly number[]
  readonly #table: ScanTable
  readonly #query: AggregateQuery
  readonly #where: PageMask | undefined
  readonly #cells = new GroupCells(CELLS_BYTES_MAX)
  readonly #plans = new Map<Scratch, Planned>()
  readonly #codes: readonly GroupCodes[]
  readonly #fields: readonly SummedField[]
  /** In place of a second column of groups; one more than there are points. */
  readonly #pointSpace: CodeSpace
  readonly #lines: Lines[] = []
  /** Undefined where slices are added one by one. */
  readonly #lists: SweepLists | undefined

  constructor(table: ScanTable, points: readonly number[], query: AggregateQuery, where: PageMask | undefined) {
    this.points = points
    this.#table = table
    this.#query = query
    this.#where = where
    this.#codes = query.groupBy.map((field) => new GroupCodes(new FieldReader(table, field)))
    this.#fields = summedFields(table, query, new GroupTable(query))
    this.#pointSpace = { id: 0, nullCode: points.length, valueOf: () => null }
    const { groupBy } = query
    const isListed = where === undefined && groupBy.length > 0 && this.#fields.length < 2
    this.#lists = isListed
      ? new SweepLists({
          points,
          groupBy,
          field: this.#fields[0]?.reader.field,
          spaceOf: (column, dictionary) => (this.#codes[column] as GroupCodes).textSpace(dictionary),
          targetOf: (scratch, spaces) => this.#targetOf(scratch, spaces)
        })
      : undefined
  }

  /** Lists a slice, to be added with others by {@link addListed}; false where it must be added by itself. */
  list(slice: SweepSlice): boolean {
    return this.#lists?.add(slice, this.#table.memory.of(slice.page.address)) === true
  }

  /** Adds what was listed; gives the slices that must be added by themselves after all. */
  addListed(): readonly SweepSlice[] {
    return this.#lists?.flush() ?? []
  }

  add({ page, t0, t1 }: SweepSlice): SweepAdded {
    const first = countBelow(this.points, t0)
    const count = countBelow(this.points, t1) - first
    const { rowCount } = page
    if (rowCount === 0 || count === 0) return 'done'
    const scratch = this.#table.memory.of(page.address)
    scratch.reset()
    // At no point in particular: nothing here is asked what is visible.
    const slice = new PageSlice(page, scratch, 0, rowCount, 0, 'some', undefined)
    const mask = this.#where === undefined ? ALL : this.#where.of(slice)
    if (mask === NONE) return 'done'
    const codes = this.#codes.map((column) => column.of(slice))
    if (!codes.every((column) => column !== undefined && column.keep === ALL)) return 'no-kernel'
    const values = this.#fields.map((field) => valuesOf(slice, field, 'ever'))
    if (!values.every((value) => value !== undefined && value.keep === ALL)) return 'no-kernel'
    const planned = this.#planOf(scratch)
    const prepared = { slice, mask, codes: codes as SliceCodes[], values: values as SliceValues[] }
    const lines = this.#linesOf(prepared.codes.map(({ space }) => space))
    const blocks = this.#blocksOf(scratch, lines, prepared.values)
    if (planned === undefined || blocks === undefined) return 'no-room'
    blocks.forEach((block, field) => {
      const value = prepared.values[field]
      if (value !== undefined && value.floats > block.floats) block.floats = value.floats
      const packed = packable(rowCount, prepared.codes, value) ? this.#cells.packedOf(block, this.points.length) : undefined
      if (packed === undefined) this.#addRows(planned.plan, block, prepared, value, t0, t1)
      else this.#pack(planned.plan, packed, prepared, value, first, count)
    })
    return 'done'
  }

  /** Of `sweepQuery`. */
  partials(): PartialAggregates {
    this.#cells.unpack()
    for (const { scratch, at, width, spaces } of this.#cells.blocks) {
      const lines = (spaces[0] as CodeSpace).nullCode + 1
      scratch.kernels.finishSweep((this.#plans.get(scratch) as Planned).plan, at, lines, width)
    }
    const query = sweepQuery(this.#query)
    const groups = new GroupTable(query)
    const rowCounts = rowCountsOf(query, groups)
    const fields = summedFields(this.#table, query, groups)
    for (const point of this.points) groups.numberOf(0, point)
    const numbersOf = this.#codes.map((_, column) => new CodeNumbers(groups, column + 1))
    for (const block of this.#cells.blocks) {
      // The cell behind the last point is what nobody sees.
      const { codes: lines, others: pointNumbers, words } = filledCells(block, this.points.length)
      const { spaces } = this.#linesWith(block.spaces[0] as CodeSpace)
      const codes = codesOfLines(lines, spaces)
      const numbers = spaces.map((space, column) => (numbersOf[column] as CodeNumbers).of(space, codes[column] as Int32Array))
      groups.reserve(words.length)
      const found = groups.groupsOf([pointNumbers, ...numbers], words.length)
      addCells(block, words, found, block.field === 0 ? rowCounts : [], fields[block.field]?.states ?? [])
    }
    return groups.partial()
  }

  release(): void {
    this.#cells.release()
    this.#lists?.release()
    for (const [scratch, { at }] of this.#plans) scratch.letGo(at)
    this.#plans.clear()
  }

  /** Adds the rows of a slice to packed cells, for so many of its points at once as there are cells for. */
  #pack(
    plan: SweepPlan,
    packed: PackedCells,
    { slice, mask, codes }: Prepared,
    value: SliceValues | undefined,
    first: number,
    count: number
  ) {
    const { page, rows, scratch } = slice
    const into = packInto(
      packed,
      scratch,
      codes.length === 0 ? [oneCode(slice), undefined] : [codes[0] as SliceCodes, codes[1]],
      value?.column?.values
    )
    const rounds = Math.ceil(count / packed.pointsMax)
    for (let round = 0, from = 0; round < rounds; round++) {
      const some = Math.ceil((count - from) / (rounds - round))
      packed.begin(rows, { first: first + from, count: some })
      scratch.kernels.packSweep(
        {
          begin: page.beginAt * 4,
          end: page.endAt * 4,
          rows,
          mask: mask === ALL ? undefined : mask,
          points: plan.pointsAt + (first + from) * 4,
          count: some,
          delta: plan.origin - page.seqBase
        },
        into
      )
      from += some
    }
  }

  /** The same row by row: for NULLs, floats, and more groups. */
  #addRows(plan: SweepPlan, block: CellBlock, { slice, mask, codes }: Prepared, value: SliceValues | undefined, t0: number, t1: number) {
    const { page, rows, scratch } = slice
    scratch.kernels.sweep(plan, {
      begin: page.beginAt * 4,
      end: page.endAt * 4,
      rows,
      mask: mask === ALL ? undefined : mask,
      seqBase: page.seqBase,
      t0,
      t1,
      codes: this.#lineCodes(slice, codes, block),
      value: value === undefined ? undefined : (value.column ?? noValues(slice)),
      cells: block.at
    })
  }

  #lineCodes(slice: PageSlice, [first, second]: readonly SliceCodes[], { strides: [stride] }: CellBlock): CodeColumn {
    if (first === undefined) return { ...zeros(slice), stride }
    const { encoding, values, states } = first.column
    const { nullCode } = first.space
    if (second === undefined) return { encoding, values, states, nullCode, stride }
    const { rows, scratch } = slice
    const { encoding: otherEncoding, values: otherValues, states: otherStates } = second.column
    const others = { encoding: otherEncoding, values: otherValues, states: otherStates, nullCode: second.space.nullCode, stride: 1 }
    const combined: KernelColumn<'u16'> = { encoding: 'u16', values: scratch.take(rows * 2) }
    const codes = { encoding, values, states, nullCode, stride: second.space.nullCode + 1 }
    scratch.kernels.combine(rows, codes, others, combined.values)
    return { ...combined, stride }
  }

  /** A block for each field; undefined where there is no room for one of them. */
  #blocksOf(scratch: Scratch, { space }: Lines, values: readonly SliceValues[]): readonly CellBlock[] | undefined {
    const blocks = (values.length === 0 ? [undefined] : values).map((value, field) =>
      this.#cells.of(scratch, [space, this.#pointSpace], field, value?.column?.encoding ?? 'i32')
    )
    return blocks.every((block) => block !== undefined) ? blocks : undefined
  }

  #targetOf(scratch: Scratch, spaces: readonly CodeSpace[]): SweepTarget | undefined {
    const planned = this.#planOf(scratch)
    const { space } = this.#linesOf(spaces)
    const block = planned === undefined ? undefined : this.#cells.of(scratch, [space, this.#pointSpace], 0, 'i32')
    const packed = block === undefined ? undefined : this.#cells.packedOf(block, this.points.length)
    if (planned === undefined || block === undefined || packed === undefined) return undefined
    const { origin, pointsAt } = planned.plan
    return { origin, pointsAt, block, packed }
  }

  #linesOf(spaces: readonly CodeSpace[]): Lines {
    const known = this.#lines.find((lines) => lines.spaces.every((space, column) => space === spaces[column]))
    if (known !== undefined) return known
    const count = spaces.reduce((product, { nullCode }) => product * (nullCode + 1), 1)
    const space = spaces.length === 1 ? (spaces[0] as CodeSpace) : { ...allRows, nullCode: count - 1 }
    const lines = { space, spaces }
    this.#lines.push(lines)
    return lines
  }

  #linesWith(space: CodeSpace): Lines {
    return this.#lines.find((lines) => lines.space === space) as Lines
  }

  #planOf(scratch: Scratch): Planned | undefined {
    const known = this.#plans.get(scratch)
    if (known !== undefined) return known
    const at = scratch.hold(sweepPlanBytes(this.points.length))
    if (at === undefined) return undefined
    const planned = { plan: writeSweepPlan(scratch.views, at, this.points), at }
    this.#plans.set(scratch, planned)
    return planned
  }
}

function oneCode(slice: PageSlice): SliceCodes {
  return { space: allRows, column: zeros(slice), keep: ALL }
}

/** The codes of one or two columns that lines stand for; written over the lines. */
function codesOfLines(lines: Int32Array, spaces: readonly CodeSpace[]): readonly Int32Array[] {
  if (spaces.length < 2) return [lines]
  const others = new Int32Array(lines.length)
  const otherCount = (spaces[1] as CodeSpace).nullCode + 1
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index] as number
    const code = Math.floor(line / otherCount)
    lines[index] = code
    others[index] = line - code * otherCount
  }
  return [lines, others]
}
