/**
 * What differs between two points within the keys of one tile: rows that are there at the later point and began behind the earlier one, and
 * rows that were there at the earlier one of which no version lives on. All that is found is valid until the next tile is looked at.
 *
 * A sealed page does not say when a row that outlives it ends. So rows of the later point that began before the earlier one mark their
 * keys: what they mark is as it was. Where one rectangle has both points, its own `end`s say it.
 */
import { type RowTimes } from '../kernel/kernels.js'
import { type Tile } from '../page/page-directory.js'
import { type PageView } from '../page/page-view.js'
import * as layout from '../page/page-layout.js'
import { grown } from './grown.js'
import { type PageSlice, slicesOf } from './page-slice.js'
import { comparerOf, type RowPairComparer } from './row-pairs.js'
import { type Scratch } from './scan-memory.js'
import { type PagesAtSeq, type ScanTable } from './scan-table.js'
import { type SelectedRows } from './tile-hits.js'

const NO_ROWS = new Int32Array(0)
/** Rows that are listed at once, four bytes each of working memory. */
const PIECE_ROWS = 16_384
/** Below every offset of a begin. */
const BEFORE_ALL = -0x8000_0000

/** Rows of one tile, by page. */
export type GoneRows = { readonly tile: Tile; readonly selected: readonly SelectedRows[] }

/** The bounds of what is found in one page. */
type PagePart = { readonly page: PageView; readonly from: number; readonly to: number }

export class ChangedRows {
  readonly #table: ScanTable
  readonly #pages: PagesAtSeq
  readonly #earlier: number
  readonly #isBounded: boolean
  readonly #comparer: RowPairComparer
  /** Of rows that are new or changed, by number: the row, its page's number among `parts`, and where it was before. */
  rows = new Int32Array(0)
  #partOf = new Uint16Array(0)
  /** 0: nowhere; else 1 + the index in `beforePages`. */
  before = new Uint16Array(0)
  beforeRows = new Int32Array(0)
  /** 1 where a row is as it was, though by another event. */
  same = new Uint8Array(0)
  /** Of the pairs in hand. */
  #pairs = new Int32Array(0)
  #pairRows = new Int32Array(0)
  #ordered = new Int32Array(0)
  #gone = new Int32Array(0)
  #goneCount = 0
  #marks: Int32Array = NO_ROWS
  #base = 0

  count = 0
  parts: PagePart[] = []
  beforePages: PageView[] = []
  gone: GoneRows[] = []
  /** The same keys at the earlier point. */
  tilesBefore: readonly Tile[] = []
  looked = 0

  /** `earlier`: below S of the pages. */
  constructor(pages: PagesAtSeq, earlier: number, isBounded: boolean) {
    this.#table = pages.table
    this.#pages = pages
    this.#earlier = earlier
    this.#isBounded = isBounded
    this.#comparer = comparerOf(pages.table)
  }

  /** Number of the row of an ordinal that is new or changed. */
  numberOf(ordinal: number): number {
    return (this.#marks[ordinal + 1] as number) - this.#base - 1
  }

  /** A tile at S. */
  find(tile: Tile): void {
    const table = this.#table
    const { S } = this.#pages
    this.count = this.looked = 0
    this.parts = []
    this.beforePages = []
    this.gone = []
    this.tilesBefore = this.#pages.tilesOf(this.#earlier, { from: tile.low, to: tile.high })
    const { tilesBefore } = this
    const [only] = tilesBefore
    const isOne = only !== undefined && tilesBefore.length === 1 && only.page === tile.page && only.chunks === tile.chunks
    const slices = slicesOf(table, S, tile, this.#isBounded)
    const rowsMax = slices.reduce((sum, { rows }) => sum + rows, 0)
    this.#grow(rowsMax + 1)
    const { marks, base } = table.marks.begin(rowsMax + 1)
    this.#marks = marks
    this.#base = base
    for (const slice of slices) this.#addAfter(slice, isOne)
    for (const before of tilesBefore) {
      const selected: SelectedRows[] = []
      for (const slice of slicesOf(table, this.#earlier, before, this.#isBounded)) {
        const rows = this.#addBefore(slice, isOne)
        if (rows.length > 0) selected.push({ page: slice.page, rows })
      }
      if (selected.length > 0) this.gone.push({ tile: before, selected })
    }
  }

  #grow(rows: number): void {
    if (this.rows.length < rows) {
      this.rows = grown(this.rows, rows)
      const { length } = this.rows
      this.#partOf = new Uint16Array(length)
      this.before = new Uint16Array(length)
      this.beforeRows = new Int32Array(length)
      this.same = new Uint8Array(length)
    }
  }

  #addAfter(slice: PageSlice, isOne: boolean): void {
    const { page, rows } = slice
    const earlier = page.offsetOf(this.#earlier)
    // What began before is as it was, and in one rectangle nobody asks which rows those are.
    if (isOne && page.word(layout.BEGIN_MAX) <= earlier && page.originAt < 0) return
    this.looked += rows
    const first = this.count
    if (page.originAt >= 0 || slice.keys !== undefined) this.#markExactly(slice)
    else if (isOne) this.#markNew(slice, earlier)
    else this.#mark(slice, earlier)
    if (this.count === first) return
    this.#partOf.fill(this.parts.length, first, this.count)
    this.before.fill(0, first, this.count)
    this.same.fill(0, first, this.count)
    this.parts.push({ page, from: first, to: this.count })
  }

  // Masks in front of loops without branches, which would be guessed wrong for every other row: three times as fast.

  /** In one rectangle only rows that are new are asked for. */
  #markNew(slice: PageSlice, earlier: number): void {
    const { page, from, rows, at, scratch } = slice
    const { i32, ordinalAt } = page
    const times = { beginAfter: earlier, beginTo: at, endAfter: at, endTo: layout.OPEN_END }
    const marks = this.#marks
    const mark = this.#base + 1
    const found = this.rows
    let count = this.count
    for (let piece = from; piece < from + rows; piece += PIECE_ROWS) {
      const { list, end } = listWithin(page, scratch, piece, Math.min(PIECE_ROWS, from + rows - piece), times)
      for (let index = list; index < end; index++) {
        const row = i32[index] as number
        found[count] = row
        marks[(i32[ordinalAt + row] as number) + 1] = mark + count++
      }
    }
    this.count = count
  }

  #mark(slice: PageSlice, earlier: number): void {
    const { page, from, rows, scratch } = slice
    const { i32, u8, ordinalAt, beginAt } = page
    scratch.reset()
    const visible = scratch.take(rows)
    const began = scratch.take(rows)
    if (scratch.kernels.visibleMask(slice.visible(), visible) === 0) return
    const begins = { encoding: 'i32', values: (beginAt + from) * 4 } as const
    scratch.kernels.compare(rows, begins, '>', earlier, began)
    const marks = this.#marks
    const base = this.#base
    const found = this.rows
    let count = this.count
    for (let row = 0; row < rows; row++) {
      const isVisible = (u8[visible + row] as number) >>> 1
      const isNew = isVisible & ((u8[began + row] as number) >>> 1)
      found[count] = from + row
      count += isNew
      // Who is not visible marks nobody.
      marks[((i32[ordinalAt + from + row] as number) + 1) & -isVisible] = base + (count & -isNew)
    }
    this.count = count
  }

  /** Where a begin may be clamped, or keys are not of the tile. */
  #markExactly({ page, from, rows, at, keys }: PageSlice): void {
    for (let row = from; row < from + rows; row++) {
      if ((page.i32[page.beginAt + row] as number) > at || (page.i32[page.endAt + row] as number) <= at) continue
      const ordinal = page.ordinalOf(row)
      const isNew = page.beginOf(row) > this.#earlier
      if (isNew && keys !== undefined && !this.#isWithin(ordinal, keys)) continue
      if (isNew) this.rows[this.count++] = row
      this.#marks[ordinal + 1] = this.#base + (isNew ? this.count : 0)
    }
  }

  /** Rows that are gone. */
  #addBefore(slice: PageSlice, isOne: boolean): Int32Array {
    const { page, rows, keys } = slice
    const later = page.offsetOf(this.#pages.S)
    if (isOne && page.word(layout.END_MIN) > later) return NO_ROWS
    this.looked += rows
    this.#pairs = grown(this.#pairs, rows + 1)
    this.#pairRows = grown(this.#pairRows, rows + 1)
    this.#gone = grown(this.#gone, rows + 1)
    const pairCount = this.#followMarks(slice, isOne ? later : undefined)
    const gone = this.#gone
    const goneCount = this.#goneCount
    if (pairCount > 0) this.#addPairs(page, pairCount)
    const all = gone.slice(0, goneCount)
    return keys === undefined ? all : all.filter((row) => this.#isWithin(page.ordinalOf(row), keys))
  }

  /** Of the rows that are visible, and end up to `later` where that is given: finds those gone, and the pairs of others; returns how many. */
  #followMarks(slice: PageSlice, later: number | undefined): number {
    const { page, from, rows, at, scratch } = slice
    const { i32, ordinalAt } = page
    const times = { beginAfter: BEFORE_ALL, beginTo: at, endAfter: at, endTo: later ?? layout.OPEN_END }
    const { beforeRows } = this
    const marks = this.#marks
    const base = this.#base
    const pairs = this.#pairs
    const pairRows = this.#pairRows
    const gone = this.#gone
    let pairCount = 0
    let goneCount = 0
    for (let piece = from; piece < from + rows; piece += PIECE_ROWS) {
      const { list, end } = listWithin(page, scratch, piece, Math.min(PIECE_ROWS, from + rows - piece), times)
      for (let index = list; index < end; index++) {
        const row = i32[index] as number
        const number = (marks[(i32[ordinalAt + row] as number) + 1] as number) - base - 1
        pairs[pairCount] = number
        pairRows[pairCount] = row
        pairCount += ~number >>> 31
        gone[goneCount] = row
        goneCount += (number + 1) >>> 31
      }
    }
    for (let index = 0; index < pairCount; index++) beforeRows[pairs[index] as number] = pairRows[index] as number
    this.#goneCount = goneCount
    return pairCount
  }

  #addPairs(page: PageView, found: number): void {
    const { parts, before, same, rows, beforeRows } = this
    const pairs = this.#pairs
    this.beforePages.push(page)
    const number = this.beforePages.length
    for (let index = 0; index < found; index++) before[pairs[index] as number] = number
    const pages = parts.map((part) => part.page)
    const count = this.#comparer.keepUnlikely({ pages, pageOf: this.#partOf, other: page, rows, otherRows: beforeRows }, pairs, found)
    if (count === 0) return
    const compare = (part: PagePart, of: Int32Array, from: number, to: number): void =>
      this.#comparer.compare({ page: part.page, other: page, rows, otherRows: beforeRows }, of, from, to, same)
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

  #isWithin(ordinal: number, { low, high }: Tile): boolean {
    const { keys } = this.#table
    return keys.compareTo(ordinal, low) >= 0 && (high === undefined || keys.compareTo(ordinal, high) < 0)
  }
}

/** The rows of a piece of a page within these times: where in the page's words their numbers stand. */
function listWithin(page: PageView, scratch: Scratch, from: number, rows: number, times: RowTimes): { list: number; end: number } {
  scratch.reset()
  const out = scratch.take(rows * 4)
  const place = { begin: (page.beginAt + from) * 4, end: (page.endAt + from) * 4, rows }
  const list = out / 4
  return { list, end: list + scratch.kernels.rowsWithin(place, times, from, out) }
}
