import { type Changes, eachChange, ROWS_PER_VISIBLE } from './page-life.js'

export type CutLimits = {
  /** A page may always have so many rows. */
  readonly few: number
  /** And no more, but for those that are visible throughout and some. */
  readonly rowsMax: number
}

/** Else a page of which nearly all is visible would be cut at every event. */
const ROWS_OVER_FIRST = 1.25

/** True where a scan within the page's time may read more than it should. */
export function isPoor({ rows, least }: { readonly rows: number; readonly least: number }, { few }: CutLimits): boolean {
  return least !== Infinity && rows > Math.max(few, ROWS_PER_VISIBLE * least)
}

/**
 * Where the time of pages that follow each other, of the same keys, is to be cut so that each part has at most {@link ROWS_PER_VISIBLE}
 * rows for each that is visible at any seq in it, and no part could be longer: the seqs at which parts begin, and where the last ends.
 */
export function cutTimes(pages: readonly Changes[], { few, rowsMax }: CutLimits): number[] {
  const [oldest] = pages as [Changes]
  const cuts = [oldest.t0]
  let from = oldest.t0
  let visible = oldest.before
  let rows = visible
  let first = visible
  let least = Infinity
  for (const page of pages) {
    eachChange(page, (seq, ended, begun) => {
      // What was visible since the part began, or the last change in it.
      if (seq > from && rows > 0) least = Math.min(least, visible)
      const before = visible
      visible += begun - ended
      const most = Math.max(rowsMax, ROWS_OVER_FIRST * first)
      const limit = Math.max(few, Math.min(most, ROWS_PER_VISIBLE * Math.min(least, visible)))
      if (rows + begun > limit && seq > from && rows > 0) {
        cuts.push(seq)
        from = seq
        rows = first = before
        least = Infinity
      }
      rows += begun
      if (rows > 0) least = Math.min(least, visible)
    })
  }
  cuts.push((pages[pages.length - 1] as Changes).t1)
  return cuts
}
