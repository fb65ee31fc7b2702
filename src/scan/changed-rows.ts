/**
 * What differs between two points within the keys of one tile: rows that are there at the later point and began behind the earlier one, and
 * rows that were there at the earlier one of which no version lives on. All that is found is valid until the thread goes on with anything
 * else.
 *
 * A sealed page does not say when a row that outlives it ends. So rows of the later point that began before the earlier one mark their
 * keys: what they mark is as it was. Where one rectangle has both points, its own `end`s say it, and in a chain (`changed-tiles.ts`) those
 * of all.
 */
import { type RowTimes } from '../kernel/kernels.js'
import { type Tile } from '../page/page-directory.js'
import { type PageView } from '../page/page-view.js'
import * as layout from '../page/page-layout.js'
import { grown } from './grown.js'
import { type ChangedTiles } from './changed-tiles.js'
import { firstRow, lastRow, type PageSlice, slicesOf } from './page-slice.js'
import { comparerOf, type RowPairComparer } from './row-pairs.js'
import { type Scratch } from './scan-memory.js'
import { type ScanTable } from './scan-table.js'
import { type SelectedRows } from './tile-hits.js'

const NO_ROWS = new Int32Array(0)
const NO_ROW = -1
/** Rows that are listed at once, four bytes each of working memory. */
const PIECE_ROWS = 16_384
/** Rows that are paired at once, twelve bytes each. */
const PAIRED_ROWS = 4096
/** Below every offset of a begin. */
const BEFORE_ALL = -0x8000_0000

/** Rows of one tile, by page. */
export type GoneRows = { readonly tile: Tile; readonly selected: readonly SelectedRows[] }

/** The bounds of what is found in one page. */
type PagePart = { readonly page: PageView; readonly from: number; readonly to: number }

/** `earlier`: below S. `isBounded`: tiles may be less than their pages. */
export type DiffWindow = { readonly S: number; readonly earlier: number; readonly isBounded: boolean }

const finders = new WeakMap<ScanTable, ChangedRows>()

export class ChangedRows {
  readonly #table: ScanTable
  readonly #comparer: RowPairComparer
  #S = 0
  #earlier = 0
  #isBounded = false
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
  /** Of them, those with a row before. */
  paired = 0
  parts: PagePart[] = []
  beforePages: PageView[] = []
  gone: GoneRows[] = []
  looked = 0

  private constructor(table: ScanTable) {
    this.#table = table
    this.#comparer = comparerOf(table)
  }

  /** The one of a table and thread: what it finds stands in arrays that serve the next difference too. */
  static of(table: ScanTable): ChangedRows {
    let known = finders.get(table)
    if (known === undefined) finders.set(table, (known = new ChangedRows(table)))
    return known
  }

  /** Number of the row of an ordinal that is new or changed in more than one page. */
  numberOf(ordinal: number): number {
    return (this.#marks[ordinal + 1] as number) - this.#base - 1
  }

  /** What differs in the keys of some tiles; the one in which the rows of S were found. */
  find({ tiles, isChain }: ChangedTiles, { S, earlier, isBounded }: DiffWindow): Tile {
    this.#S = S
    this.#earlier = earlier
    this.#isBounded = isBounded
    this.count = this.looked = this.paired = 0
    this.parts = []
    this.beforePages = []
    this.gone = []
    const last = tiles[tiles.length - 1] as Tile
    const before = tiles.slice(0, -1)
    if (isChain) this.#findInChain(last, before)
    else this.#findByMarks(last, before)
    return last
  }

  #findByMarks(tile: Tile, tilesBefore: readonly Tile[]): void {
    const table = this.#table
    const isOne = tilesBefore.length === 1 && isSameTile(tilesBefore[0] as Tile, tile)
    const slices = slicesOf(table, this.#S, tile, this.#isBounded)
    const rowsMax = slices.reduce((sum, { rows }) => sum + rows, 0)
    this.#grow(rowsMax + 1)
    this.#beginMarks(rowsMax + 1)
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

  /** The last tile says which rows are new, and each which of those from the earlier point ended in it. */
  #findInChain(last: Tile, before: readonly Tile[]): void {
    const selected: SelectedRows[] = []
    const add = (page: PageView, rows: Int32Array): void => void (rows.length > 0 && selected.push({ page, rows }))
    if (last.page !== undefined) add(last.page, this.#findSideBySide(last.page, last))
    if (before.length > 0) {
      this.#beginMarks(this.count + 1)
      this.#markUnpaired()
      for (const tile of before) if (tile.page !== undefined) add(tile.page, this.#addEnded(tile.page, tile))
    }
    if (selected.length > 0) this.gone.push({ tile: last, selected })
  }

  /** Of a sorted page with both points: versions of a key lie side by side. The rows that are gone. */
  #findSideBySide(page: PageView, tile: Tile): Int32Array {
    const { keys, memory } = this.#table
    const earlier = page.offsetOf(this.#earlier)
    const later = page.offsetOf(this.#S)
    if (page.word(layout.BEGIN_MAX) <= earlier && page.word(layout.END_MIN) > later) return NO_ROWS
    const from = firstRow(page, keys, tile)
    const to = lastRow(page, keys, tile)
    this.looked += to - from
    this.#grow(to - from + 1)
    this.#growPairs(to - from + 1)
    const scratch = memory.of(page.address)
    const { i32, ordinalAt } = page
    const { rows, before, beforeRows } = this
    const pairs = this.#pairs
    const gone = this.#gone
    let count = 0
    let pairCount = 0
    let goneCount = 0
    let waiting = NO_ROW
    for (let piece = from; piece < to; piece += PAIRED_ROWS) {
      const pieceRows = Math.min(PAIRED_ROWS, to - piece)
      scratch.reset()
      const out = scratch.take(pieceRows * 12 + 12)
      const place = { begin: (page.beginAt + piece) * 4, end: (page.endAt + piece) * 4, ordinals: ordinalAt * 4, rows: pieceRows }
      const found = scratch.kernels.pairVersions(place, earlier, later, piece, out, waiting)
      const newsAt = out / 4
      const oldsAt = newsAt + pieceRows
      const goneAt = oldsAt + pieceRows
      pairCount = this.#comparer.takePairs(page, { i32, newsAt, oldsAt, found, rows, before, beforeRows, count, pairs, pairCount })
      count += found
      waiting = i32[goneAt + pieceRows] as number
      const end = goneAt + (i32[goneAt + pieceRows + 1] as number)
      for (let index = goneAt; index < end; index++) gone[goneCount++] = i32[index] as number
      this.paired += i32[goneAt + pieceRows + 2] as number
    }
    if (waiting !== NO_ROW) gone[goneCount++] = waiting
    this.count = count
    if (count > 0) {
      this.same.fill(0, 0, count)
      this.#partOf.fill(0, 0, count)
      this.parts.push({ page, from: 0, to: count })
      this.beforePages.push(page)
      if (pairCount > 0) this.#comparePairs(page, pairCount)
    }
    return gone.slice(0, goneCount)
  }

  /** So that a row of the earlier point that ended before the last tile began finds the one that is there now. */
  #markUnpaired(): void {
    const [part] = this.parts
    if (part === undefined) return
    const { i32, ordinalAt } = part.page
    const marks = this.#marks
    const { rows, before } = this
    for (let number = 0; number < this.count; number++) {
      if (before[number] === 0) marks[(i32[ordinalAt + (rows[number] as number)] as number) + 1] = this.#base + 1 + number
    }
  }

  /** Of the rows of the earlier point that ended in a sorted page pairs of those whose key is there again; the others, which are gone. */
  #addEnded(page: PageView, tile: Tile): Int32Array {
    const { keys, memory } = this.#table
    const earlier = page.offsetOf(this.#earlier)
    const times = { beginAfter: BEFORE_ALL, beginTo: earlier, endAfter: earlier, endTo: layout.OPEN_END - 1 }
    if (page.word(layout.BEGIN_MIN) > earlier || page.word(layout.END_MIN) === layout.OPEN_END) return NO_ROWS
    const from = firstRow(page, keys, tile)
    const rows = lastRow(page, keys, tile) - from
    this.looked += rows
    this.#growPairs(rows + 1)
    const pairCount = this.#followMarks(page, memory.of(page.address), from, rows, times)
    const gone = this.#gone.slice(0, this.#goneCount)
    if (pairCount > 0) this.#addPairs(page, pairCount)
    return gone
  }

  #beginMarks(count: number): void {
    const { marks, base } = this.#table.marks.begin(count)
    this.#marks = marks
    this.#base = base
  }

  #growPairs(rows: number): void {
    this.#pairs = grown(this.#pairs, rows)
    this.#pairRows = grown(this.#pairRows, rows)
    this.#gone = grown(this.#gone, rows)
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
    const later = page.offsetOf(this.#S)
    if (isOne && page.word(layout.END_MIN) > later) return NO_ROWS
    this.looked += rows
    this.#growPairs(rows + 1)
    const { from, at, scratch } = slice
    // Of the rows that are visible, in one rectangle those that end by S.
    const times = { beginAfter: BEFORE_ALL, beginTo: at, endAfter: at, endTo: isOne ? later : layout.OPEN_END }
    const pairCount = this.#followMarks(page, scratch, from, rows, times)
    const all = this.#gone.slice(0, this.#goneCount)
    if (pairCount > 0) this.#addPairs(page, pairCount)
    return keys === undefined ? all : all.filter((row) => this.#isWithin(page.ordinalOf(row), keys))
  }

  /** Of the rows within these times finds those gone, and pairs with others; returns how many. */
  // oxlint-disable-next-line max-params
  #followMarks(page: PageView, scratch: Scratch, from: number, rows: number, times: RowTimes): number {
    const { i32, ordinalAt } = page
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

  /** The first of the pairs in hand: their rows before are of this page. */
  #addPairs(page: PageView, found: number): void {
    const number = this.beforePages.push(page)
    for (let index = 0; index < found; index++) this.before[this.#pairs[index] as number] = number
    this.paired += found
    this.#comparePairs(page, found)
  }

  #comparePairs(page: PageView, found: number): void {
    const { parts, same, rows, beforeRows } = this
    const pairs = this.#pairs
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

function isSameTile(one: Tile, other: Tile): boolean {
  const { chunks } = other
  return one.page === other.page && one.chunks.length === chunks.length && one.chunks.every((chunk, index) => chunk === chunks[index])
}

/** The rows of a piece of a page within these times: where in the page's words their numbers stand. */
function listWithin(page: PageView, scratch: Scratch, from: number, rows: number, times: RowTimes): { list: number; end: number } {
  scratch.reset()
  const out = scratch.take(rows * 4)
  const place = { begin: (page.beginAt + from) * 4, end: (page.endAt + from) * 4, rows }
  const list = out / 4
  return { list, end: list + scratch.kernels.rowsWithin(place, times, from, out) }
}
