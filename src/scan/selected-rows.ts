/** Which rows of a slice are visible and true in a mask. */
import { MASK_TRUE } from '../kernel/kernels.js'
import { ALL } from './mask.js'
import { type PageSlice } from './page-slice.js'

/** Of a mask that are listed at once: a list takes four bytes a row of working memory. */
const PIECE_ROWS = 8192

/** Numbers of rows in the page, ascending. */
export function selectedRows(slice: PageSlice, mask: number): Int32Array {
  const { from, rows, scratch } = slice
  if (mask === ALL && slice.isWhole) return Int32Array.from({ length: rows }, (_, row) => from + row)
  const at = mask === ALL ? scratch.take(rows) : mask
  const count = scratch.kernels.visibleMask(slice.visible(mask), at)
  return trueRows(slice, at, count)
}

/** The rows that are true in a mask of which `count` rows are; all others are false. */
export function trueRows(slice: PageSlice, mask: number, count: number): Int32Array {
  const selected = new Int32Array(count)
  listTrueRows(slice, mask, selected, 0)
  return selected
}

/** Puts the rows that are true in a mask to `into[at, …)`; returns the end. */
export function listTrueRows({ page, from, rows, scratch }: PageSlice, mask: number, into: Int32Array, at: number): number {
  const { i32 } = page
  const list = scratch.take(Math.min(rows, PIECE_ROWS) * 4)
  let end = at
  for (let row = 0; row < rows; row += PIECE_ROWS) {
    const count = scratch.kernels.trueRows(Math.min(PIECE_ROWS, rows - row), mask + row, from + row, list)
    into.set(i32.subarray(list / 4, list / 4 + count), end)
    end += count
  }
  return end
}

/** For few rows; `row` is one of the page. */
export function isSelected({ page, from, at, isWhole }: PageSlice, mask: number, row: number): boolean {
  if (mask !== ALL && page.u8[mask + row - from] !== MASK_TRUE) return false
  return isWhole || ((page.i32[page.beginAt + row] as number) <= at && (page.i32[page.endAt + row] as number) > at)
}
