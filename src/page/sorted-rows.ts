/** Rows of pages that stand in the order of their keys, and versions of a key in the order of their seqs: bases and sealed pages. */
import { type PageView } from './page-view.js'

/** How many of `count` rows, which come first, are below what is looked for. */
export function lowerBound(count: number, isBelow: (row: number) => boolean): number {
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >> 1
    if (isBelow(middle)) low = middle + 1
    else high = middle
  }
  return low
}

/** The row of a sorted page that has a key, which `compare` compares with, and is visible at S; -1 where there is none. */
export function rowInSorted(page: PageView, S: number, compare: (page: PageView, row: number) => number): number {
  const behind = lowerBound(page.rowCount, (row) => {
    const difference = compare(page, row)
    return difference < 0 || (difference === 0 && page.beginOf(row) <= S)
  })
  const row = behind - 1
  return row >= 0 && compare(page, row) === 0 && page.endOf(row) > S ? row : -1
}
