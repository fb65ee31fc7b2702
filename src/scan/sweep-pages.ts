/** The pages of a table over time, for a sweep over many points: each rectangle once in which a point lies, whole. */
import { countBelow } from '../kernel/sweep-plan.js'
import { type PageDirectory, type Past, type RangeEntry, type Tile } from '../page/page-directory.js'
import { type PageView } from '../page/page-view.js'

/** A page and the seqs [t0, t1) in which its versions are seen. */
export type SweepSlice<Sealed = PageView> = { readonly page: PageView | Sealed; readonly t0: number; readonly t1: number }

const noKey = new Uint8Array(0)

/** `points` ascending. Ranges that were split share their sealed pages: each comes once, for all of them. */
export function sweepSlices<Sealed>({ ranges }: PageDirectory<Sealed>, points: readonly number[]): SweepSlice<Sealed>[] {
  const slices: SweepSlice<Sealed>[] = []
  const seen = new Set<PageView | Sealed>()
  const add = (page: PageView | Sealed | undefined, t0: number, t1: number): void => {
    if (page === undefined || seen.has(page) || !hasPoint(points, t0, t1)) return
    seen.add(page)
    slices.push({ page, t0, t1 })
  }
  const addPast = ({ since, slices: sealed, sliceCount, parents }: Past<Sealed>): void => {
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

/** The same rectangle by rectangle, for threads that share them: a delta is with its base. */
export function sweepTiles<Sealed>(directory: PageDirectory<Sealed>, points: readonly number[]): Tile<Sealed>[] {
  const open = new Map<PageView | Sealed, number>()
  const tiles: Tile<Sealed>[] = []
  directory.ranges.forEach(({ base, chunks }, range) => {
    for (const page of base === undefined ? chunks : [base, ...chunks]) open.set(page, range)
  })
  const met = new Set<number>()
  for (const { page, t0, t1 } of sweepSlices(directory, points)) {
    const range = open.get(page)
    if (range !== undefined && met.has(range)) continue
    const { base, chunks } = range === undefined ? { base: page, chunks: [] } : (directory.ranges[range] as RangeEntry<Sealed>)
    tiles.push({ low: noKey, high: undefined, t0, t1, page: base, chunks })
    if (range !== undefined) met.add(range)
  }
  return tiles
}

export function slicesOfSweep({ page, chunks, t0, t1 }: Tile): SweepSlice[] {
  return (page === undefined ? chunks : [page, ...chunks]).map((each) => ({ page: each, t0, t1 }))
}

export function hasPoint(points: readonly number[], t0: number, t1: number): boolean {
  return countBelow(points, t0) < countBelow(points, t1)
}
