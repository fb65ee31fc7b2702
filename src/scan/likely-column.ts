/**
 * The column that told most pairs of rows apart before, asked of all pairs of a tile in one loop: without putting them in the order of
 * their pages, and without looking at states. What it leaves is compared as it should be.
 */
import { CompiledLoops } from './compiled-loop.js'
import * as layout from '../page/page-layout.js'
import { type ColumnView, hasOnlyValues, type PageView } from '../page/page-view.js'

export type PairsOfTile = {
  /** Pages of the one side; by pair, the number of its page. */
  readonly pages: readonly PageView[]
  readonly pageOf: Uint16Array
  readonly other: PageView
  /** By pair. */
  readonly rows: Int32Array
  readonly otherRows: Int32Array
}

type Cells = Int32Array | Float64Array

type Loop = (
  cells: Cells,
  starts: Int32Array,
  pageOf: Uint16Array,
  rows: Int32Array,
  others: Cells,
  otherStart: number,
  otherRows: Int32Array,
  pairs: Int32Array,
  count: number
) => number

/** Pairs of rows of one page that a kernel listed (`pairVersions`), and where they go. */
export type ListedPairs = {
  /** Words of the page's memory: numbers of new rows, and of those before them. */
  readonly i32: Int32Array
  readonly newsAt: number
  readonly oldsAt: number
  readonly found: number
  /** By number of a pair. */
  readonly rows: Int32Array
  readonly before: Uint16Array
  readonly beforeRows: Int32Array
  /** The number of the first, and where its number goes if it may be alike. */
  readonly count: number
  readonly pairs: Int32Array
  readonly pairCount: number
}

/**
 * Takes the pairs up: 1 in `before` where there is a row before, and in `pairs` the numbers of those that the column does not tell apart,
 * all of them where it cannot be asked. Returns the length of `pairs`.
 */
export function takePairs(page: PageView, name: string, listed: ListedPairs): number {
  const column = name === '' ? undefined : numbersOf(page, name)
  const cells = column === undefined ? undefined : cellsOf(page, column)
  const loop = cells === undefined ? takingLoops.for() : takingLoops.for(cells)
  return loop(listed, cells ?? NO_CELLS, column?.dataAt ?? 0)
}

type TakingLoop = (listed: ListedPairs, cells: Cells, start: number) => number

const NO_CELLS = new Int32Array(0)

const takingLoops = new CompiledLoops<TakingLoop>(['listed', 'cells', 'start'], (kind) =>
  TAKE.replace('IS_ALIKE', kind === '' ? 'isPair' : '(cells[start + row] === cells[start + old] ? isPair : 0)')
)

// A row that has none before it is asked of a cell in front of the column, and has no pair.
const TAKE = `
  const { i32, newsAt, oldsAt, found, rows, before, beforeRows, pairs } = listed
  let { count, pairCount } = listed
  for (let index = 0; index < found; index++) {
    const row = i32[newsAt + index]
    const old = i32[oldsAt + index]
    const isPair = ~old >>> 31
    rows[count] = row
    beforeRows[count] = old
    before[count] = isPair
    pairs[pairCount] = count++
    pairCount += IS_ALIKE
  }
  return pairCount`

/** Leaves those of the first `count` pairs that the column does not tell apart; returns how many. All of them where it cannot be asked. */
export function keepUnlikely(
  { pages, pageOf, other, rows, otherRows }: PairsOfTile,
  name: string,
  pairs: Int32Array,
  count: number
): number {
  const otherColumn = numbersOf(other, name)
  const [first] = pages
  const column = first?.columnNamed(name)
  const cells = first === undefined || column === undefined ? undefined : cellsOf(first, column)
  if (otherColumn === undefined || cells === undefined) return count
  const starts = new Int32Array(pages.length)
  for (const [index, page] of pages.entries()) {
    const each = numbersOf(page, name)
    // All in one array: pages of another memory, or with other cells, would need another loop.
    if (each === undefined || cellsOf(page, each) !== cells) return count
    starts[index] = each.dataAt
  }
  const others = cellsOf(other, otherColumn)
  return loops.for(cells, others)(cells, starts, pageOf, rows, others, otherColumn.dataAt, otherRows, pairs, count)
}

/** The column, where every row of the page has a number in it. */
function numbersOf(page: PageView, name: string): ColumnView | undefined {
  const column = page.columnNamed(name)
  if (column === undefined || column.valueClass !== layout.CLASS_NUMBER || (column.flags & layout.HAS_REST) !== 0) return undefined
  return column.statesAt < 0 || hasOnlyValues(page, column, page.rowCount) ? column : undefined
}

function cellsOf({ i32, f64 }: PageView, { encoding }: ColumnView): Cells {
  return encoding === layout.ENCODED_F64 ? f64 : i32
}

const loops = new CompiledLoops<Loop>(
  ['cells', 'starts', 'pageOf', 'rows', 'others', 'otherStart', 'otherRows', 'pairs', 'count'],
  () => KEEP
)

const KEEP = `
  let kept = 0
  for (let index = 0; index < count; index++) {
    const pair = pairs[index]
    pairs[kept] = pair
    kept += cells[starts[pageOf[pair]] + rows[pair]] === others[otherStart + otherRows[pair]] ? 1 : 0
  }
  return kept`
