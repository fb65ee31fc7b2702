import { type KeyTable } from './key-table.js'
import * as layout from './page-layout.js'
import { type PageView } from './page-view.js'
import { type RowCounts } from './row-order.js'

/** A base and the chunks of its delta. */
export type RowPages = { readonly base: PageView | undefined; readonly chunks: readonly PageView[] }

/**
 * The rows that a merge reads, numbered through base and chunks of one input after the other, with what is asked of every row loaded into
 * arrays by that number. The arrays are kept from merge to merge: fresh ones of this size are fresh pages of the system each time.
 */
export class SourceRows {
  pages: PageView[] = []
  /** Number of each page's first row. */
  starts: number[] = []
  /** Number of each input's first row, and behind the last: of all rows. */
  bounds: number[] = []
  /** Of each input. */
  counts: RowCounts[] = []
  total = 0
  /** An index of {@link pages}. */
  pageOfRow = new Uint16Array(0)
  ordinals = new Int32Array(0)
  /** As seqs; an end is Infinity where it lies behind T. */
  begins = new Float64Array(0)
  ends = new Float64Array(0)
  beginMin = Infinity

  load(inputs: readonly RowPages[], T: number): void {
    this.pages = []
    this.starts = []
    this.bounds = [0]
    this.counts = []
    this.total = 0
    for (const { base, chunks } of inputs) {
      for (const page of base === undefined ? chunks : [base, ...chunks]) {
        this.pages.push(page)
        this.starts.push(this.total)
        this.total += page.rowCount
      }
      const first = this.bounds[this.bounds.length - 1] as number
      const baseRows = base === undefined ? 0 : base.rowCount
      this.counts.push({ baseRows, deltaRows: this.total - first - baseRows })
      this.bounds.push(this.total)
    }
    // It goes on with what was merged.
    this.pageOfRow = new Uint16Array(this.total)
    if (this.ordinals.length < this.total) {
      this.ordinals = new Int32Array(this.total)
      this.begins = new Float64Array(this.total)
      this.ends = new Float64Array(this.total)
    }
    this.pages.forEach((page, index) => this.#loadPage(page, index, T))
    this.beginMin = least(this.begins, this.total)
  }

  keyOf(row: number, keys: KeyTable): Uint8Array {
    return keys.keyOf(this.ordinals[row] as number)
  }

  #loadPage(page: PageView, index: number, T: number): void {
    const { i32, beginAt, endAt, ordinalAt, seqBase, originAt } = page
    const { begins, ends } = this
    const start = this.starts[index] as number
    const count = (this.starts[index + 1] ?? this.total) - start
    this.pageOfRow.fill(index, start, start + count)
    this.ordinals.set(i32.subarray(ordinalAt, ordinalAt + count), start)
    if (originAt < 0) for (let row = 0; row < count; row++) begins[start + row] = seqBase + (i32[beginAt + row] as number)
    else for (let row = 0; row < count; row++) begins[start + row] = page.beginOf(row)
    for (let row = 0; row < count; row++) {
      const end = i32[endAt + row] as number
      ends[start + row] = end === layout.OPEN_END || seqBase + end > T ? Infinity : seqBase + end
    }
  }
}

function least(values: Float64Array, count: number): number {
  let min = Infinity
  for (let index = 0; index < count; index++) {
    const value = values[index] as number
    if (value < min) min = value
  }
  return min
}
