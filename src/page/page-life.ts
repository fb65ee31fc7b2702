/**
 * How many rows of a sealed page are visible at which seq: what a scan there reads for what it finds. All of it is counted from the two
 * columns of begins and ends.
 */
import * as layout from './page-layout.js'
import { type PageView } from './page-view.js'

/** Rows per visible row that a page may have for a scan of the past, behind COMPACT. */
export const ROWS_PER_VISIBLE = 1.6
/** Of a life: so many parts of about as many events. */
const PARTS = 16

/** When versions of a page begin and end within its [t0, t1), ascending, as offsets from t0. */
export type Changes = {
  readonly t0: number
  readonly t1: number
  /** Rows that were visible in front of t0, and may end at it. */
  readonly before: number
  readonly begins: Int32Array
  readonly ends: Int32Array
}

export type PageLife = {
  readonly rows: number
  /** Of them visible in front of t1. */
  readonly alive: number
  /** The fewest that are visible at a seq at which the page is read at all; Infinity: there is no such seq. */
  readonly least: number
  /** Bytes of page memory a row. */
  readonly rowBytes: number
  /** Parts of its time: where each begins, and by how many rows at most more are touched there than {@link ROWS_PER_VISIBLE} allows. */
  readonly from: Float64Array
  readonly excess: Float64Array
}

export function changesOf(page: PageView): Changes {
  const { i32, beginAt, endAt, rowCount, seqBase, t0, t1 } = page
  const base = t0 - seqBase
  const begins = new Int32Array(rowCount)
  const ends = new Int32Array(rowCount)
  let before = 0
  let begun = 0
  let ended = 0
  for (let row = 0; row < rowCount; row++) {
    const begin = i32[beginAt + row] as number
    const end = i32[endAt + row] as number
    if (begin < base) before++
    else begins[begun++] = begin - base
    if (end !== layout.OPEN_END) ends[ended++] = end - base
  }
  return { t0, t1, before, begins: begins.subarray(0, begun).sort(), ends: ends.subarray(0, ended).sort() }
}

/** Calls `take` for each seq at which something changes, with the rows that end and begin there. */
export function eachChange({ t0, begins, ends }: Changes, take: (seq: number, ended: number, begun: number) => void): void {
  let begin = 0
  let end = 0
  while (begin < begins.length || end < ends.length) {
    const at = Math.min(begins[begin] ?? Infinity, ends[end] ?? Infinity)
    const [firstBegin, firstEnd] = [begin, end]
    while (begins[begin] === at) begin++
    while (ends[end] === at) end++
    take(t0 + at, end - firstEnd, begin - firstBegin)
  }
}

export function lifeOf(page: PageView): PageLife {
  const changes = changesOf(page)
  const rows = page.rowCount
  const count = changes.begins.length + changes.ends.length
  const perPart = Math.max(1, Math.ceil(count / PARTS))
  const from: number[] = []
  const excess: number[] = []
  let visible = changes.before
  let least = Infinity
  let seen = 0
  // Until the first row begins nobody reads the page: its bounds say so.
  let isRead = visible > 0
  const meet = (seq: number): void => {
    if (from.length === 0 || seen >= perPart) {
      from.push(seq)
      excess.push(isRead ? rows - ROWS_PER_VISIBLE * visible : 0)
      seen = 0
      return
    }
    if (isRead) excess[excess.length - 1] = Math.max(excess[excess.length - 1] as number, rows - ROWS_PER_VISIBLE * visible)
  }
  if (changes.begins[0] !== 0 && changes.ends[0] !== 0) {
    if (isRead) least = visible
    meet(changes.t0)
  }
  eachChange(changes, (seq, ended, begun) => {
    visible += begun - ended
    isRead ||= begun > 0
    if (isRead) least = Math.min(least, visible)
    meet(seq)
    seen += ended + begun
  })
  return {
    rows,
    alive: visible,
    least,
    rowBytes: bytesOf(page) / Math.max(1, rows),
    from: Float64Array.from(from),
    excess: Float64Array.from(excess)
  }
}

function bytesOf({ heapEnd, columns, rowCount, originAt }: PageView): number {
  const columnBytes = columns.reduce(
    (sum, { encoding, statesAt }) => sum + (layout.ENCODING_BYTES[encoding] as number) + (statesAt < 0 ? 0 : 1),
    0
  )
  return heapEnd + rowCount * (columnBytes + 18 + (originAt < 0 ? 0 : 8))
}
