/**
 * What differs, found between any two tiles of the same keys. A sealed page does not say when a row that outlives it ends. So rows of the
 * later point that began before the earlier one mark their keys: what they mark is as it was. Where one rectangle has both points, its own
 * `end`s say it.
 */
import { type Tile } from '../page/page-directory.js'
import * as layout from '../page/page-layout.js'
import { BEFORE_ALL, type ChangedRows, type DiffWindow, listWithin, NO_ROWS, PIECE_ROWS } from './changed-rows.js'
import { type PageSlice, slicesOf } from './page-slice.js'
import { type ScanTable } from './scan-table.js'
import { type SelectedRows } from './tile-hits.js'

export function findByMarks(found: ChangedRows, window: DiffWindow, tile: Tile, tilesBefore: readonly Tile[]): void {
  const { table } = found
  const isOne = tilesBefore.length === 1 && isSameTile(tilesBefore[0] as Tile, tile)
  const slices = slicesOf(table, window.S, tile, window.isBounded)
  const rowsMax = slices.reduce((sum, { rows }) => sum + rows, 0)
  found.grow(rowsMax + 1)
  found.beginMarks(rowsMax + 1)
  for (const slice of slices) addAfter(found, window, slice, isOne)
  for (const before of tilesBefore) {
    const selected: SelectedRows[] = []
    for (const slice of slicesOf(table, window.earlier, before, window.isBounded)) {
      const rows = goneOf(found, window, slice, isOne)
      if (rows.length > 0) selected.push({ page: slice.page, rows })
    }
    if (selected.length > 0) found.gone.push({ tile: before, selected })
  }
}

function addAfter(found: ChangedRows, window: DiffWindow, slice: PageSlice, isOne: boolean): void {
  const { page, rows } = slice
  const earlier = page.offsetOf(window.earlier)
  // What began before is as it was, and in one rectangle nobody asks which rows those are.
  if (isOne && page.word(layout.BEGIN_MAX) <= earlier && page.originAt < 0) return
  found.looked += rows
  const first = found.count
  if (page.originAt >= 0 || slice.keys !== undefined) markExactly(found, window, slice)
  else if (isOne) markNew(found, slice, earlier)
  else mark(found, slice, earlier)
  if (found.count === first) return
  found.before.fill(0, first, found.count)
  found.addPart(page, first)
}

// Masks in front of loops without branches, which would be guessed wrong for every other row: three times as fast.

/** In one rectangle only rows that are new are asked for. */
function markNew(found: ChangedRows, { page, from, rows, at, scratch }: PageSlice, earlier: number): void {
  const { i32, ordinalAt } = page
  const times = { beginAfter: earlier, beginTo: at, endAfter: at, endTo: layout.OPEN_END }
  const { marks, base, rows: numbered } = found
  let { count } = found
  for (let piece = from; piece < from + rows; piece += PIECE_ROWS) {
    const { list, end } = listWithin(page, scratch, piece, from + rows, times)
    for (let index = list; index < end; index++) {
      const row = i32[index] as number
      numbered[count] = row
      marks[(i32[ordinalAt + row] as number) + 1] = base + 1 + count++
    }
  }
  found.count = count
}

function mark(found: ChangedRows, slice: PageSlice, earlier: number): void {
  const { page, from, rows, scratch } = slice
  const { i32, u8, ordinalAt, beginAt } = page
  scratch.reset()
  const visible = scratch.take(rows)
  const began = scratch.take(rows)
  if (scratch.kernels.visibleMask(slice.visible(), visible) === 0) return
  const begins = { encoding: 'i32', values: (beginAt + from) * 4 } as const
  scratch.kernels.compare(rows, begins, '>', earlier, began)
  const { marks, base, rows: numbered } = found
  let { count } = found
  for (let row = 0; row < rows; row++) {
    const isVisible = (u8[visible + row] as number) >>> 1
    const isNew = isVisible & ((u8[began + row] as number) >>> 1)
    numbered[count] = from + row
    count += isNew
    // Who is not visible marks nobody.
    marks[((i32[ordinalAt + from + row] as number) + 1) & -isVisible] = base + (count & -isNew)
  }
  found.count = count
}

/** Where a begin may be clamped, or keys are not of the tile. */
function markExactly(found: ChangedRows, { earlier }: DiffWindow, { page, from, rows, at, keys }: PageSlice): void {
  for (let row = from; row < from + rows; row++) {
    if ((page.i32[page.beginAt + row] as number) > at || (page.i32[page.endAt + row] as number) <= at) continue
    const ordinal = page.ordinalOf(row)
    const isNew = page.beginOf(row) > earlier
    if (isNew && keys !== undefined && !isWithin(found.table, ordinal, keys)) continue
    if (isNew) found.rows[found.count++] = row
    found.marks[ordinal + 1] = found.base + (isNew ? found.count : 0)
  }
}

/** Rows of the earlier point that are gone. */
function goneOf(found: ChangedRows, { S }: DiffWindow, slice: PageSlice, isOne: boolean): Int32Array {
  const { page, from, rows, at, keys, scratch } = slice
  const later = page.offsetOf(S)
  if (isOne && page.word(layout.END_MIN) > later) return NO_ROWS
  // Of the rows that are visible, in one rectangle those that end by S.
  const times = { beginAfter: BEFORE_ALL, beginTo: at, endAfter: at, endTo: isOne ? later : layout.OPEN_END }
  const gone = found.addEnded(page, scratch, from, rows, times)
  return keys === undefined ? gone : gone.filter((row) => isWithin(found.table, page.ordinalOf(row), keys))
}

function isWithin({ keys }: ScanTable, ordinal: number, { low, high }: Tile): boolean {
  return keys.compareTo(ordinal, low) >= 0 && (high === undefined || keys.compareTo(ordinal, high) < 0)
}

function isSameTile(one: Tile, other: Tile): boolean {
  const { chunks } = other
  return one.page === other.page && one.chunks.length === chunks.length && one.chunks.every((chunk, index) => chunk === chunks[index])
}
