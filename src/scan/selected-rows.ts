/** Which rows of a slice are visible and true in a mask. */
import { MASK_TRUE } from '../kernel/kernels.js'
import { ALL } from './mask.js'
import { type PageSlice } from './page-slice.js'

/** Numbers of rows in the page, ascending. */
export function selectedRows(slice: PageSlice, mask: number): Int32Array {
  const { from, rows, scratch } = slice
  if (mask === ALL && slice.isWhole) return Int32Array.from({ length: rows }, (_, row) => from + row)
  const at = mask === ALL ? scratch.take(rows + 4) : mask
  const count = scratch.kernels.visibleMask(slice.visible(mask), at)
  return trueRows(slice, at, count)
}

/** The rows that are true in a mask of which `count` rows are; all others are false. */
export function trueRows({ page, from, rows }: PageSlice, mask: number, count: number): Int32Array {
  const selected = new Int32Array(count)
  const { u8, i32 } = page
  const first = mask >> 2
  let found = 0
  // Four rows at a time: few are true, as a rule.
  for (let word = 0; found < count; word++) {
    if (i32[first + word] === 0) continue
    const end = Math.min(rows, word * 4 + 4)
    for (let row = word * 4; row < end; row++) if (u8[mask + row] === MASK_TRUE) selected[found++] = from + row
  }
  return selected
}

/** For few rows; `row` is one of the page. */
export function isSelected({ page, from, at, isWhole }: PageSlice, mask: number, row: number): boolean {
  if (mask !== ALL && page.u8[mask + row - from] !== MASK_TRUE) return false
  return isWhole || ((page.i32[page.beginAt + row] as number) <= at && (page.i32[page.endAt + row] as number) > at)
}
