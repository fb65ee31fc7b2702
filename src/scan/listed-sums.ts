/**
 * COUNT, SUM and AVG of one field over all that is visible: the pages of a tile are listed as they are, without slices and masks, which take
 * longer than the rows of a chunk.
 */
import { SUM_BEGUN } from '../kernel/kernels.js'
import { type Tile } from '../page/page-directory.js'
import * as layout from '../page/page-layout.js'
import { type PageView } from '../page/page-view.js'
import { type FieldAggregates } from './field-aggregates.js'
import { begunRows, firstVisible, lastRow, PageSlice } from './page-slice.js'
import { type ScanTable } from './scan-table.js'

export class ListedSums {
  readonly #table: ScanTable
  readonly #S: number
  readonly #field: FieldAggregates
  readonly #addSlice: (slice: PageSlice) => void

  /** `addSlice` is given slices whose columns have to be added another way. */
  constructor(table: ScanTable, S: number, field: FieldAggregates, addSlice: (slice: PageSlice) => void) {
    this.#table = table
    this.#S = S
    this.#field = field
    this.#addSlice = addSlice
  }

  /** Gives the rows that are looked at. */
  add(tile: Tile): number {
    const { page, chunks } = tile
    let looked = 0
    if (page !== undefined) {
      const { keys } = this.#table
      const at = page.offsetOf(this.#S)
      const from = firstVisible(page, keys, at, tile)
      const rows = from < 0 ? 0 : lastRow(page, keys, tile) - from
      if (rows > 0) looked += this.#addRows(page, from, rows, at, page.word(layout.BEGIN_MAX) <= at)
    }
    for (let index = 0; index < chunks.length; index++) {
      const chunk = chunks[index] as PageView
      const at = chunk.offsetOf(this.#S)
      const rows = begunRows(chunk, at)
      // Of a long delta whole chunks are history.
      if (rows > 0 && chunk.word(layout.END_MAX) > at) looked += this.#addRows(chunk, 0, rows, at, true)
    }
    return looked
  }

  #addRows(page: PageView, from: number, rows: number, at: number, isBegun: boolean): number {
    const scratch = this.#table.memory.of(page.address)
    if (!this.#field.listRows(page, scratch, from, rows, at, isBegun ? SUM_BEGUN : 0)) {
      scratch.reset()
      this.#addSlice(new PageSlice(page, scratch, from, rows, at, isBegun ? 'begun' : 'some', undefined))
    }
    return rows
  }
}
