/**
 * Slices of a sweep that are listed and added by one call for all of a tile: those whose columns have plain values only, as far as the page
 * says. The kernel looks at the rows, and leaves a slice out that is not so after all.
 *
 * Added one by one, a chunk of a delta takes eight calls and a dozen objects: in the first second of a process, when nothing is compiled,
 * that was three times what its rows take, and compiling it kept the second core from taking part.
 */
import { PACK_ENTRY_BYTES, PACK_HEAD_BYTES, PACK_WORK_BYTES, PACKED_ROWS_MAX } from '../kernel/kernels.js'
import { countBelow } from '../kernel/sweep-plan.js'
import * as layout from '../page/page-layout.js'
import { type ColumnView, type PageView } from '../page/page-view.js'
import { type CellBlock } from './group-cells.js'
import { type CodeSpace } from './group-codes.js'
import { type PackedCells } from './packed-cells.js'
import { type Scratch } from './scan-memory.js'
import { type SweepSlice } from './sweep-pages.js'

const SLICES_MAX = 48
const HEAD_WORDS = PACK_HEAD_BYTES / 4
const WORDS = PACK_ENTRY_BYTES / 4
const NONE = -1
/** Wide columns of so many rows are narrowed: a chunk of a delta has fewer. */
const ROOM_ROWS = 2048

/** Where slices of one memory with codes of the same kinds are added. */
export type SweepTarget = {
  /** Seq that offsets of points count from, and where those stand. */
  readonly origin: number
  readonly pointsAt: number
  readonly block: CellBlock
  readonly packed: PackedCells
}

/** `at`: of the list; without a target its slices are added another way. */
type List = {
  readonly scratch: Scratch
  readonly spaces: readonly CodeSpace[]
  readonly target: SweepTarget | undefined
  readonly at: number
  readonly slices: SweepSlice[]
}

export type SweepListsParts = {
  readonly points: readonly number[]
  /** Names of one or two columns of groups. */
  readonly groupBy: readonly string[]
  /** That is counted or added up; undefined: rows are counted. */
  readonly field: string | undefined
  readonly spaceOf: (column: number, dictionary: number) => CodeSpace
  /** Undefined where there is no room, or cells are not packed. */
  readonly targetOf: (scratch: Scratch, spaces: readonly CodeSpace[]) => SweepTarget | undefined
}

export class SweepLists {
  readonly #parts: SweepListsParts
  readonly #lists: List[] = []
  #left: SweepSlice[] = []

  constructor(parts: SweepListsParts) {
    this.#parts = parts
  }

  /** False where the slice has to be added another way. */
  add(slice: SweepSlice, scratch: Scratch): boolean {
    const { page, t0, t1 } = slice
    const { points, groupBy, field } = this.#parts
    const { rowCount } = page
    const first = countBelow(points, t0)
    const count = countBelow(points, t1) - first
    if (rowCount === 0 || count === 0) return true
    const codes = codesOf(page, groupBy[0])
    const isOne = groupBy.length === 1
    const others = isOne ? codes : codesOf(page, groupBy[1])
    const values = field === undefined ? undefined : numbersOf(page, field)
    if (codes === undefined || others === undefined || rowCount > PACKED_ROWS_MAX) return false
    if (values === undefined && field !== undefined) return false
    const list = this.#listOf(scratch, codes.dictionary, others.dictionary)
    if (list.target === undefined) return false
    if (list.slices.length === SLICES_MAX) this.#flush(list)
    const { i32 } = page
    const word = list.at / 4 + HEAD_WORDS + list.slices.length * WORDS
    list.slices.push(slice)
    i32[word] = page.beginAt * 4
    i32[word + 1] = page.endAt * 4
    i32[word + 2] = rowCount
    i32[word + 3] = first
    i32[word + 4] = count
    i32[word + 5] = list.target.origin - page.seqBase
    putColumn(i32, word + 6, codes)
    i32[word + 9] = isOne ? 1 : (list.spaces[1] as CodeSpace).nullCode + 1
    putColumn(i32, word + 10, others)
    if (isOne) i32[word + 12] = 0
    if (values === undefined) i32.fill(NONE, word + 13, word + 16)
    else putColumn(i32, word + 13, values)
    return true
  }

  /** At the end of a tile: gives the slices that the kernel left out. */
  flush(): readonly SweepSlice[] {
    for (const list of this.#lists) if (list.slices.length > 0) this.#flush(list)
    const left = this.#left
    if (left.length > 0) this.#left = []
    return left
  }

  release(): void {
    for (const { scratch, at, target } of this.#lists.splice(0)) if (target !== undefined) scratch.letGo(at)
  }

  #flush({ scratch, at, slices }: List): void {
    const { i32 } = scratch.views
    scratch.reset()
    i32[at / 4 + 6] = scratch.take(PACK_WORK_BYTES + ROOM_ROWS * 8)
    scratch.kernels.packSlices(at, slices.length)
    let word = at / 4 + HEAD_WORDS + WORDS - 1
    for (const slice of slices) {
      if (i32[word] === 1) this.#left.push(slice)
      word += WORDS
    }
    slices.length = 0
  }

  #listOf(scratch: Scratch, dictionary: number, otherDictionary: number): List {
    const { groupBy, spaceOf } = this.#parts
    const space = spaceOf(0, dictionary)
    const other = groupBy.length === 1 ? undefined : spaceOf(1, otherDictionary)
    for (const list of this.#lists) {
      if (list.scratch === scratch && list.spaces[0] === space && list.spaces[1] === other) return list
    }
    const list = this.#newList(scratch, other === undefined ? [space] : [space, other])
    this.#lists.push(list)
    return list
  }

  #newList(scratch: Scratch, spaces: readonly CodeSpace[]): List {
    const target = this.#parts.targetOf(scratch, spaces)
    const at = target === undefined ? undefined : scratch.hold(PACK_HEAD_BYTES + SLICES_MAX * PACK_ENTRY_BYTES)
    if (target === undefined || at === undefined) return { scratch, spaces, target: undefined, at: 0, slices: [] }
    const { pointsAt, block, packed } = target
    const { groups, pointsMax } = packed
    const limits = [spaces[0]?.nullCode ?? 0, spaces[1]?.nullCode ?? 0]
    scratch.views.i32.set([pointsAt, block.at, block.strides[0], packed.at, groups, pointsMax, 0, ROOM_ROWS, ...limits], at / 4)
    return { scratch, spaces, target, at, slices: [] }
  }
}

/** A column whose values are codes of a dictionary, as far as the page says. */
function codesOf(page: PageView, name = ''): ColumnView | undefined {
  const column = page.columnNamed(name)
  if (column === undefined || column.valueClass !== layout.CLASS_TEXT || column.dictionary === 0) return undefined
  return (column.flags & layout.HAS_REST) === 0 ? column : undefined
}

/** A column of whole numbers, as far as the page says. */
function numbersOf(page: PageView, name = ''): ColumnView | undefined {
  const column = page.columnNamed(name)
  if (column === undefined || column.valueClass !== layout.CLASS_NUMBER) return undefined
  if ((column.flags & (layout.HAS_REST | layout.ALL_INTEGERS)) !== layout.ALL_INTEGERS) return undefined
  return column
}

/** Its values, states and encoding: page layouts and lists number encodings alike. */
function putColumn(i32: Int32Array, word: number, { dataAt, statesAt, encoding }: ColumnView): void {
  i32[word] = dataAt * (layout.ENCODING_BYTES[encoding] as number)
  i32[word + 1] = statesAt
  i32[word + 2] = encoding
}
