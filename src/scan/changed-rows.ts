/**
 * What differs between two points within some keys: rows that are there at the later point and began behind the earlier one, and rows that
 * were there at the earlier one of which no version lives on. Found in one of two ways, `changes-by-marks.ts` and `changes-in-chain.ts`.
 * All that is found is valid until the thread goes on with anything else.
 */
import { type RowTimes } from '../kernel/kernels.js'
import { type Tile } from '../page/page-directory.js'
import { type PageView } from '../page/page-view.js'
import { grown } from './grown.js'
import { comparerOf, type RowPairComparer } from './row-pairs.js'
import { type Scratch } from './scan-memory.js'
import { type ScanTable } from './scan-table.js'
import { type SelectedRows } from './tile-hits.js'

/** `earlier`: below S. `isBounded`: tiles may be less than their pages. */
export type DiffWindow = { readonly S: number; readonly earlier: number; readonly isBounded: boolean }

export const NO_ROWS = new Int32Array(0)
/** Rows that are listed at once, four bytes each of working memory. */
export const PIECE_ROWS = 16_384
/** Below every offset of a begin. */
export const BEFORE_ALL = -0x8000_0000

/** Rows of one tile, by page. */
export type GoneRows = { readonly tile: Tile; readonly selected: readonly SelectedRows[] }

/** The bounds of what is found in one page. */
type PagePart = { readonly page: PageView; readonly from: number; readonly to: number }

const finders = new WeakMap<ScanTable, ChangedRows>()

export class ChangedRows {
  readonly table: ScanTable
  readonly comparer: RowPairComparer
  /** Of rows that are new or changed, by number: the row, and where it was before. */
  rows = new Int32Array(0)
  /** 0: nowhere; else 1 + the index in `beforePages`. */
  before = new Uint16Array(0)
  beforeRows = new Int32Array(0)
  /** 1 where a row is as it was, though by another event. */
  same = new Uint8Array(0)
  /** Its page's number among `parts`. */
  #partOf = new Uint16Array(0)

  count = 0
  /** Of them, those with a row before. */
  paired = 0
  parts: PagePart[] = []
  beforePages: PageView[] = []
  gone: GoneRows[] = []
  looked = 0

  // What the search in hand works with.

  /** By ordinal + 1: from `base` on of this search, see {@link numberOf}. */
  marks: Int32Array = NO_ROWS
  base = 0
  /** Numbers of rows whose pairs are in hand. */
  pairs = new Int32Array(0)
  #pairRows = new Int32Array(0)
  #ordered = new Int32Array(0)
  /** Rows of the page in hand that are gone. */
  goneRows = new Int32Array(0)

  private constructor(table: ScanTable) {
    this.table = table
    this.comparer = comparerOf(table)
  }

  /** The one of a table and thread: its arrays serve the next difference too. */
  static of(table: ScanTable): ChangedRows {
    let known = finders.get(table)
    if (known === undefined) finders.set(table, (known = new ChangedRows(table)))
    return known
  }

  /** Number of the row of an ordinal that is new or changed in more than one page. */
  numberOf(ordinal: number): number {
    return (this.marks[ordinal + 1] as number) - this.base - 1
  }

  /** With nothing found. */
  begin(): void {
    this.count = this.looked = this.paired = 0
    this.parts = []
    this.beforePages = []
    this.gone = []
  }

  /** With no key marked, for so many rows. */
  beginMarks(count: number): void {
    const { marks, base } = this.table.marks.begin(count)
    this.marks = marks
    this.base = base
  }

  /** Room for so many rows that are new. */
  grow(rows: number): void {
    if (this.rows.length < rows) {
      this.rows = grown(this.rows, rows)
      const { length } = this.rows
      this.#partOf = new Uint16Array(length)
      this.before = new Uint16Array(length)
      this.beforeRows = new Int32Array(length)
      this.same = new Uint8Array(length)
    }
  }

  /** Room for what is found in so many rows of the earlier point. */
  growPairs(rows: number): void {
    this.pairs = grown(this.pairs, rows)
    this.#pairRows = grown(this.#pairRows, rows)
    this.goneRows = grown(this.goneRows, rows)
  }

  /** The rows from number `first` on are of this page. */
  addPart(page: PageView, first: number): void {
    this.#partOf.fill(this.parts.length, first, this.count)
    this.same.fill(0, first, this.count)
    this.parts.push({ page, from: first, to: this.count })
  }

  /** Of the rows of a page within these times: pairs with those whose keys are marked, and the others, which are gone. */
  // oxlint-disable-next-line max-params
  addEnded(page: PageView, scratch: Scratch, from: number, rows: number, times: RowTimes): Int32Array {
    this.looked += rows
    this.growPairs(rows + 1)
    const { i32, ordinalAt } = page
    const { marks, base, beforeRows, pairs, goneRows } = this
    const pairRows = this.#pairRows
    let pairCount = 0
    let goneCount = 0
    for (let piece = from; piece < from + rows; piece += PIECE_ROWS) {
      const { list, end } = listWithin(page, scratch, piece, from + rows, times)
      for (let index = list; index < end; index++) {
        const row = i32[index] as number
        const number = (marks[(i32[ordinalAt + row] as number) + 1] as number) - base - 1
        pairs[pairCount] = number
        pairRows[pairCount] = row
        pairCount += ~number >>> 31
        goneRows[goneCount] = row
        goneCount += (number + 1) >>> 31
      }
    }
    if (pairCount > 0) {
      const pageNumber = this.beforePages.push(page)
      for (let index = 0; index < pairCount; index++) {
        const number = pairs[index] as number
        beforeRows[number] = pairRows[index] as number
        this.before[number] = pageNumber
      }
      this.paired += pairCount
      this.comparePairs(page, pairCount)
    }
    return goneRows.slice(0, goneCount)
  }

  /** The first of the pairs in hand, whose rows before are of this page. */
  comparePairs(page: PageView, found: number): void {
    const { parts, same, rows, beforeRows, pairs } = this
    const pages = parts.map((part) => part.page)
    const count = this.comparer.keepUnlikely({ pages, pageOf: this.#partOf, other: page, rows, otherRows: beforeRows }, pairs, found)
    if (count === 0) return
    const compare = (part: PagePart, of: Int32Array, from: number, to: number): void =>
      this.comparer.compare({ page: part.page, other: page, rows, otherRows: beforeRows }, of, from, to, same)
    if (parts.length === 1) {
      compare(parts[0] as PagePart, pairs, 0, count)
      return
    }
    const partOf = this.#partOf
    const starts = new Int32Array(parts.length + 1)
    for (let index = 0; index < count; index++) {
      const part = (partOf[pairs[index] as number] as number) + 1
      starts[part] = (starts[part] as number) + 1
    }
    for (let part = 0; part < parts.length; part++) starts[part + 1] = (starts[part + 1] as number) + (starts[part] as number)
    const next = starts.slice()
    this.#ordered = grown(this.#ordered, count)
    for (let index = 0; index < count; index++) {
      const pair = pairs[index] as number
      const part = partOf[pair] as number
      const to = next[part] as number
      this.#ordered[to] = pair
      next[part] = to + 1
    }
    parts.forEach((part, index) => {
      const [from, to] = [starts[index] as number, starts[index + 1] as number]
      if (from < to) compare(part, this.#ordered, from, to)
    })
  }
}

/** The rows within these times of the next piece of a page, up to row `to`: where in the page's words their numbers stand. */
export function listWithin(page: PageView, scratch: Scratch, from: number, to: number, times: RowTimes): { list: number; end: number } {
  const rows = Math.min(PIECE_ROWS, to - from)
  scratch.reset()
  const out = scratch.take(rows * 4)
  const place = { begin: (page.beginAt + from) * 4, end: (page.endAt + from) * 4, rows }
  const list = out / 4
  return { list, end: list + scratch.kernels.rowsWithin(place, times, from, out) }
}
