/**
 * When an open rectangle is split, and into how many: by its rows against its live ones, by its bytes, and by how far an offset reaches.
 * What was weighed stands in docs/decisions/0012-version-pages.md.
 */
import { type OpenPage } from './open-page.js'
import { type OpenRange } from './open-range.js'
import * as layout from './page-layout.js'

/** Rows per live row at which a rectangle is split. */
const ROWS_PER_ALIVE = 2
/** Where live rows grow: rows per live row of when it was fewest. */
const ROWS_PER_ALIVE_MIN = 2.5
/** More live rows than this part of a page become several bases, each of about {@link BASE_ROWS} of a page. */
const BASE_SHARE = 0.375
/**
 * Where only inserts come, a page that grows to q times its rows before it is split stores 1 + 1 / ln q rows a version: 2.44 with halves
 * (q = 2), 2.1 with what this makes: thirds of full pages, which grow to 2.5 times their rows, and halves of those.
 */
const BASE_ROWS = 0.4
/** Rows per live row from which on a rectangle is poor: who reads the present looks at so many more than he is shown. */
const POOR = 1.125
/** Part of a slot that a rectangle fills at most. */
const SLOT_SHARE = 0.75
/** Bytes of a row beside its cells: begin, end, ordinal, previous, rest, shape. */
const ROW_BYTES = 22

export class SplitTrigger {
  readonly pageRows: number
  /** How far an offset reaches. */
  readonly offsetMax: number
  readonly #bytesMax: number

  constructor(pageRows: number, offsetMax: number, slotBytes: number) {
    this.pageRows = pageRows
    this.offsetMax = offsetMax
    this.#bytesMax = slotBytes * SLOT_SHARE
  }

  /** Rows at which a rectangle, one of `rangeCount`, is looked at. */
  limitOf({ alive, aliveMin, isAppended }: OpenRange, rangeCount: number): number {
    const eighth = this.pageRows / 8
    const few = rangeCount > 1 ? this.pageRows / 32 : eighth
    const growth = isAppended ? Infinity : ROWS_PER_ALIVE_MIN * Math.max(aliveMin, eighth)
    return Math.max(2, Math.min(this.pageRows, Math.ceil(ROWS_PER_ALIVE * Math.max(alive, few)), Math.ceil(growth)))
  }

  /** A rectangle with so few live rows is merged with the smaller one beside it. */
  isFew({ alive }: OpenRange): boolean {
    return alive < this.pageRows / 8
  }

  isPoor({ alive, rows, isFrozen }: OpenRange): boolean {
    return !isFrozen && rows > POOR * alive
  }

  isFull(range: OpenRange): boolean {
    return this.#bytesOf(range) > this.#bytesMax
  }

  /** Offsets of the oldest page end here. */
  isTooFar({ seqBase }: OpenRange, seq: number): boolean {
    return seq - seqBase >= this.offsetMax
  }

  /** How many bases the live rows of the rectangles become. */
  partsOf(ranges: readonly OpenRange[]): number {
    const alive = ranges.reduce((sum, each) => sum + each.alive, 0)
    const rows = ranges.reduce((sum, each) => sum + each.rows, 0)
    const aliveBytes = (ranges.reduce((sum, each) => sum + this.#bytesOf(each), 0) * alive) / Math.max(1, rows)
    const byRows = alive <= BASE_SHARE * this.pageRows ? 1 : Math.max(2, Math.round(alive / (BASE_ROWS * this.pageRows)))
    const byBytes = Math.ceil(aliveBytes / (this.#bytesMax / 2))
    return Math.max(byRows, byBytes)
  }

  #bytesOf({ base, chunks, rows }: OpenRange): number {
    const last = chunks[chunks.length - 1]
    if (last === undefined && base === undefined) return 0
    let bytes = (base?.view.heapEnd ?? 0) + chunks.reduce((sum, chunk) => sum + chunk.heapBytes, 0)
    for (const { encoding } of (last ?? (base as OpenPage)).view.columns) bytes += rows * ((layout.ENCODING_BYTES[encoding] as number) + 1)
    return bytes + rows * ROW_BYTES
  }
}
