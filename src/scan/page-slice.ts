/**
 * The part of one page that a tile shows at S: a run of its rows, in which each is visible that begins at or before S and ends behind it.
 * A sorted page is cut to the keys of its tile; rows of a delta may have to be asked for their keys.
 */
import { type VisibleRows } from '../kernel/kernels.js'
import { type KeyTable } from '../page/key-table.js'
import { type Tile } from '../page/page-directory.js'
import * as layout from '../page/page-layout.js'
import { type ColumnView, type PageView } from '../page/page-view.js'
import { ALL, NONE } from './mask.js'
import { type Scratch } from './scan-memory.js'
import { type ScanTable } from './scan-table.js'

/** Of the rows of a slice: some are visible, or all have begun, or all are visible. */
type Seen = 'some' | 'begun' | 'all'

export class PageSlice {
  readonly page: PageView
  readonly scratch: Scratch
  /** The first row; the number of rows. */
  readonly from: number
  readonly rows: number
  /** S as an offset of the page. */
  readonly at: number
  /** Every row is visible, but for what {@link keys} say. */
  readonly isWhole: boolean
  /** Every row begins at or before S. */
  readonly isBegun: boolean
  /** Of a delta: only keys of this tile. */
  readonly keys: Tile | undefined

  /** `seen`: what is known of all rows. */
  constructor(page: PageView, scratch: Scratch, from: number, rows: number, at: number, seen: Seen, keys: Tile | undefined) {
    this.page = page
    this.scratch = scratch
    this.from = from
    this.rows = rows
    this.at = at
    this.isWhole = seen === 'all'
    this.isBegun = seen !== 'some'
    this.keys = keys
  }

  /** For kernels, with a mask of the slice's rows. */
  visible(mask = ALL): VisibleRows {
    const { beginAt, endAt } = this.page
    const begin = (beginAt + this.from) * 4
    const end = (endAt + this.from) * 4
    return { begin, end, rows: this.rows, at: this.at, mask: mask === ALL ? undefined : mask, isBegun: this.isBegun }
  }

  /** The rows of a mask that the slice shows at all. */
  within(mask: number): number {
    return mask
  }

  /** Offset of the state of the slice's first row; undefined where every row has a plain value. */
  statesAt({ statesAt }: ColumnView): number | undefined {
    return statesAt < 0 ? undefined : statesAt + this.from
  }
}

/**
 * Not what is visible at a point, but what ended in some time: the rows with `after` < end <= `at`, as offsets. For kernels, a mask of them
 * stands in front of a slice of which every row is visible.
 */
export class EndedSlice extends PageSlice {
  readonly #after: number
  #ends = 0

  constructor(page: PageView, scratch: Scratch, from: number, rows: number, after: number, at: number, keys: Tile | undefined) {
    super(page, scratch, from, rows, at, 'all', keys)
    this.#after = after
  }

  override visible(mask = ALL): VisibleRows {
    return { ...super.visible(mask), end: this.#ends }
  }

  override within(mask: number): number {
    const { page, from, rows, at, scratch } = this
    const { kernels } = scratch
    if (mask === NONE) return NONE
    const ends = { encoding: 'i32', values: (page.endAt + from) * 4 } as const
    const ended = scratch.take(rows)
    const isLate = scratch.take(rows)
    kernels.compare(rows, ends, '<=', at, ended)
    kernels.compare(rows, ends, '>', this.#after, isLate)
    kernels.and(rows, ended, isLate, ended)
    if (mask !== ALL) kernels.and(rows, ended, mask, ended)
    this.#ends = scratch.take(rows * 4)
    page.i32.fill(layout.OPEN_END, this.#ends / 4, this.#ends / 4 + rows)
    return ended
  }
}

/** Of which as many masks and columns fit into the working memory as are asked for. */
const ENDED_ROWS_MAX = 8192

/** The slices of a tile that can have rows with `after` < end <= `through`; rows that outlive a sealed page end in another tile. */
export function endedSlicesOf(table: ScanTable, after: number, through: number, tile: Tile, isBounded: boolean): EndedSlice[] {
  const slices: EndedSlice[] = []
  const add = (page: PageView, first: number, end: number, keys: Tile | undefined): void => {
    const at = page.offsetOf(through)
    const afterAt = page.offsetOf(after)
    if (page.word(layout.END_MIN) > at || page.word(layout.END_MAX) <= afterAt) return
    for (let from = first; from < end; from += ENDED_ROWS_MAX) {
      slices.push(new EndedSlice(page, table.memory.of(page.address), from, Math.min(ENDED_ROWS_MAX, end - from), afterAt, at, keys))
    }
  }
  const { page, chunks } = tile
  if (page !== undefined) add(page, firstRow(page, table.keys, tile), lastRow(page, table.keys, tile), undefined)
  for (const chunk of chunks) add(chunk, 0, chunk.rowCount, isBounded ? tile : undefined)
  return slices
}

/** The rows for which something is true, see `mask.ts`. */
export type PageMask = {
  /** Of the rows of a slice, visible or not. */
  of(slice: PageSlice): number
  /** The visible rows of a slice for which it is true, where they are found without a mask; else undefined. */
  rows?(slice: PageSlice): Int32Array | undefined
}

/** The slices of a tile that can have visible rows, base or sealed page first. */
export function slicesOf(table: ScanTable, S: number, tile: Tile, isBounded: boolean): PageSlice[] {
  const slices: PageSlice[] = []
  const { page, chunks } = tile
  if (page !== undefined) addSorted(slices, table, page, page.offsetOf(S), tile)
  for (let index = 0; index < chunks.length; index++) addChunk(slices, table, chunks[index] as PageView, S, isBounded ? tile : undefined)
  return slices
}

function addSorted(slices: PageSlice[], { keys, memory }: ScanTable, page: PageView, at: number, tile: Tile): void {
  const from = firstVisible(page, keys, at, tile)
  const to = from < 0 ? from : lastRow(page, keys, tile)
  if (from < to) slices.push(new PageSlice(page, memory.of(page.address), from, to - from, at, seenOf(page, at), undefined))
}

function addChunk(slices: PageSlice[], { memory }: ScanTable, page: PageView, S: number, keys: Tile | undefined): void {
  const at = page.offsetOf(S)
  const rows = begunRows(page, at)
  if (rows === 0) return
  slices.push(new PageSlice(page, memory.of(page.address), 0, rows, at, page.word(layout.END_MIN) > at ? 'all' : 'begun', keys))
}

/** The first row of a sorted page that is within the tile; -1 where no row of the page is visible. */
export function firstVisible(page: PageView, keys: KeyTable, at: number, tile: Tile): number {
  return page.word(layout.BEGIN_MIN) > at || page.word(layout.END_MAX) <= at ? -1 : firstRow(page, keys, tile)
}

function seenOf(page: PageView, at: number): Seen {
  return page.word(layout.BEGIN_MAX) > at ? 'some' : page.word(layout.END_MIN) > at ? 'all' : 'begun'
}

/** Rows of a chunk that begin at or before the offset `at`, from the first on; 0 also where none of them is visible. */
export function begunRows(page: PageView, at: number): number {
  const { rowCount } = page
  if (rowCount === 0 || page.word(layout.BEGIN_MIN) > at) return 0
  // What is applied meanwhile begins behind S, and ends what was there before behind S.
  return page.word(layout.BEGIN_MAX) <= at ? rowCount : rowsUpTo(page, rowCount, at)
}

/** Rows of a delta that begin at or before the offset `at`: they stand in the order of seqs. */
function rowsUpTo({ i32, beginAt }: PageView, rowCount: number, at: number): number {
  let low = 0
  let high = rowCount
  while (low < high) {
    const middle = (low + high) >> 1
    if ((i32[beginAt + middle] as number) <= at) low = middle + 1
    else high = middle
  }
  return low
}

/** The first row of a sorted page that is within the tile. */
export function firstRow(page: PageView, keys: KeyTable, { low }: Tile): number {
  return low.length === 0 || isKeyAt(page, layout.LOW_KEY, low) ? 0 : lowRow(page, keys, low)
}

/** The row behind the last one. */
export function lastRow(page: PageView, keys: KeyTable, { high }: Tile): number {
  return high === undefined || isKeyAt(page, layout.HIGH_KEY, high) ? page.rowCount : lowRow(page, keys, high)
}

/** The first row of a sorted page with a key at or behind `key`. */
function lowRow(page: PageView, keys: KeyTable, key: Uint8Array): number {
  let low = 0
  let high = page.rowCount
  while (low < high) {
    const middle = (low + high) >> 1
    if (keys.compareTo(page.ordinalOf(middle), key) < 0) low = middle + 1
    else high = middle
  }
  return low
}

/** True if a bound of the page's key range is this key. */
function isKeyAt(page: PageView, bound: number, key: Uint8Array): boolean {
  const reference = page.word(bound)
  if (reference === 0) return false
  const { u8 } = page
  const at = page.at + reference
  if (((u8[at] as number) | ((u8[at + 1] as number) << 8)) !== key.length) return false
  for (let index = 0; index < key.length; index++) if (u8[at + 2 + index] !== key[index]) return false
  return true
}
