/**
 * What differs, found in a chain (`changed-tiles.ts`): each of its pages says which rows of the earlier point ended in it, the last one which
 * are new, and there versions of a key lie side by side.
 */
import { type Tile } from '../page/page-directory.js'
import { type PageView } from '../page/page-view.js'
import * as layout from '../page/page-layout.js'
import { BEFORE_ALL, type ChangedRows, type DiffWindow, NO_ROWS } from './changed-rows.js'
import { firstRow, lastRow } from './page-slice.js'
import { type SelectedRows } from './tile-hits.js'

const NO_ROW = -1
/** Rows that are paired at once, twelve bytes each of working memory. */
const PAIRED_ROWS = 4096

/** `before`: the other tiles, oldest first. */
export function findInChain(found: ChangedRows, window: DiffWindow, last: Tile, before: readonly Tile[]): void {
  const selected: SelectedRows[] = []
  const add = (page: PageView, rows: Int32Array): void => void (rows.length > 0 && selected.push({ page, rows }))
  if (last.page !== undefined) add(last.page, findSideBySide(found, window, last.page, last))
  if (before.length > 0) {
    found.beginMarks(found.count + 1)
    markUnpaired(found)
    for (const tile of before) if (tile.page !== undefined) add(tile.page, findEnded(found, window, tile.page, tile))
  }
  if (selected.length > 0) found.gone.push({ tile: last, selected })
}

/** Of the last page: rows that are new, and their pairs in it. The rows that are gone. */
function findSideBySide(found: ChangedRows, window: DiffWindow, page: PageView, tile: Tile): Int32Array {
  const { keys, memory } = found.table
  const earlier = page.offsetOf(window.earlier)
  const later = page.offsetOf(window.S)
  if (page.word(layout.BEGIN_MAX) <= earlier && page.word(layout.END_MIN) > later) return NO_ROWS
  const from = firstRow(page, keys, tile)
  const to = lastRow(page, keys, tile)
  found.looked += to - from
  found.grow(to - from + 1)
  found.growPairs(to - from + 1)
  const scratch = memory.of(page.address)
  const { i32, ordinalAt } = page
  const { comparer, rows, before, beforeRows, pairs, goneRows } = found
  let count = 0
  let pairCount = 0
  let goneCount = 0
  let waiting = NO_ROW
  for (let piece = from; piece < to; piece += PAIRED_ROWS) {
    const pieceRows = Math.min(PAIRED_ROWS, to - piece)
    scratch.reset()
    const out = scratch.take(pieceRows * 12 + 12)
    const place = { begin: (page.beginAt + piece) * 4, end: (page.endAt + piece) * 4, ordinals: ordinalAt * 4, rows: pieceRows }
    const news = scratch.kernels.pairVersions(place, earlier, later, piece, out, waiting)
    const newsAt = out / 4
    const oldsAt = newsAt + pieceRows
    const goneAt = oldsAt + pieceRows
    pairCount = comparer.takePairs(page, { i32, newsAt, oldsAt, found: news, rows, before, beforeRows, count, pairs, pairCount })
    count += news
    waiting = i32[goneAt + pieceRows] as number
    const end = goneAt + (i32[goneAt + pieceRows + 1] as number)
    for (let index = goneAt; index < end; index++) goneRows[goneCount++] = i32[index] as number
    found.paired += i32[goneAt + pieceRows + 2] as number
  }
  if (waiting !== NO_ROW) goneRows[goneCount++] = waiting
  found.count = count
  if (count > 0) {
    found.addPart(page, 0)
    found.beforePages.push(page)
    if (pairCount > 0) found.comparePairs(page, pairCount)
  }
  return goneRows.slice(0, goneCount)
}

/** So that a row of the earlier point that ended before the last tile began finds the one that is there now. */
function markUnpaired({ parts, marks, base, rows, before, count }: ChangedRows): void {
  const [part] = parts
  if (part === undefined) return
  const { i32, ordinalAt } = part.page
  for (let number = 0; number < count; number++) {
    if (before[number] === 0) marks[(i32[ordinalAt + (rows[number] as number)] as number) + 1] = base + 1 + number
  }
}

/** Of the rows of the earlier point that ended in a page: pairs of those whose key is there again. The others, which are gone. */
function findEnded(found: ChangedRows, window: DiffWindow, page: PageView, tile: Tile): Int32Array {
  const { keys, memory } = found.table
  const earlier = page.offsetOf(window.earlier)
  if (page.word(layout.BEGIN_MIN) > earlier || page.word(layout.END_MIN) === layout.OPEN_END) return NO_ROWS
  const from = firstRow(page, keys, tile)
  const rows = lastRow(page, keys, tile) - from
  const times = { beginAfter: BEFORE_ALL, beginTo: earlier, endAfter: earlier, endTo: layout.OPEN_END - 1 }
  return found.addEnded(page, memory.of(page.address), from, rows, times)
}
