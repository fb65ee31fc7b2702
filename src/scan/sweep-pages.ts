/** The pages of a table over time, for a sweep over many points: each rectangle once in which a point lies, whole. */
import { type PageDirectory, type Past } from '../page/page-directory.js'
import { type PageView } from '../page/page-view.js'

/** A page and the seqs [t0, t1) in which its versions are seen. */
export type SweepSlice = { readonly page: PageView; readonly t0: number; readonly t1: number }

/** `points` ascending. Ranges that were split share their sealed pages: each comes once, for all of them. */
export function sweepSlices({ ranges }: PageDirectory, points: readonly number[]): SweepSlice[] {
  const slices: SweepSlice[] = []
  const seen = new Set<PageView>()
  const add = (page: PageView | undefined, t0: number, t1: number): void => {
    if (page === undefined || seen.has(page) || !hasPoint(points, t0, t1)) return
    seen.add(page)
    slices.push({ page, t0, t1 })
  }
  const addPast = ({ since, slices: sealed, sliceCount, parents }: Past): void => {
    if ((points[0] as number) < since) parents.forEach(addPast)
    for (let index = 0; index < sliceCount; index++) {
      const slice = sealed[index]
      if (slice !== undefined) add(slice.page, slice.t0, slice.t1)
    }
  }
  if (points.length === 0) return slices
  for (const { t0, base, chunks, past } of ranges) {
    addPast(past)
    add(base, t0, Infinity)
    for (const chunk of chunks) add(chunk, t0, Infinity)
  }
  return slices
}

export function hasPoint(points: readonly number[], t0: number, t1: number): boolean {
  return firstFrom(points, t0) < firstFrom(points, t1)
}

/** Index of the first point at or behind a seq. */
function firstFrom(points: readonly number[], seq: number): number {
  let low = 0
  let high = points.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((points[middle] as number) < seq) low = middle + 1
    else high = middle
  }
  return low
}
