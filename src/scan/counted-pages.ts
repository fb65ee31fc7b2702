/** The pages of a table at one seq, of which it is noted what a statement looks into: for EXPLAIN ANALYZE. */
import { type Tile } from '../page/page-directory.js'
import { type PageHandle, type SealedPage } from '../page/page-handle.js'
import { type PageView } from '../page/page-view.js'
import { type PagesAtSeq } from './scan-table.js'

/** Rows are row versions; `rowsVisible` is absent where not only one point was read. */
export type TouchedPages = { readonly pagesTouched: number; readonly rowsTouched: number; readonly rowsVisible: number | undefined }

export class CountedPages {
  /** What the statement is to read instead. */
  readonly pages: PagesAtSeq
  readonly #counted: PagesAtSeq
  readonly #touched = new Set<Tile>()
  #isOnePoint = true

  constructor(counted: PagesAtSeq) {
    this.#counted = counted
    const { table, S, heldMax } = counted
    const mark = (tile: Tile): Tile => new CountedTile(tile, this.#touched)
    const many = <Given>(given: Given): Given => {
      this.#isOnePoint = false
      return given
    }
    this.pages = {
      table,
      S,
      heldMax,
      tiles: (bounds) => counted.tiles(bounds).map(mark),
      tilesOf: (point, bounds) => {
        if (point !== S) many(point)
        return counted.tilesOf(point, bounds).map(mark)
      },
      tilesBetween: (from, to, bounds) =>
        many(counted.tilesBetween(from, to, bounds)).map(({ low, high, tiles }) => ({ low, high, tiles: tiles.map(mark) })),
      sweepTiles: (points) => many(counted.sweepTiles(points)).map(mark),
      release: () => counted.release()
    }
  }

  /** While the pages are there. */
  touched(): TouchedPages {
    const { S } = this.#counted
    const pages = new Set<SealedPage>()
    let rowsTouched = 0
    let visible = 0
    const take = (name: SealedPage, rows: number, view: () => PageView): void => {
      if (pages.has(name)) return
      pages.add(name)
      rowsTouched += rows
      if (this.#isOnePoint) visible += visibleRows(view(), S)
    }
    for (const tile of this.#touched) {
      const { sealed, chunks } = tile
      // A sealed page that is gone by now is brought back only where its rows are looked at, and let go of behind it.
      if (sealed !== undefined) {
        take(sealed, sealed.rows, () => tile.page as PageView)
        tile.letGo?.()
      } else if (tile.page !== undefined) take(tile.page, tile.page.rowCount, () => tile.page as PageView)
      for (const chunk of chunks) take(chunk, chunk.rowCount, () => chunk)
    }
    return { pagesTouched: pages.size, rowsTouched, rowsVisible: this.#isOnePoint ? visible : undefined }
  }
}

function visibleRows(page: PageView, S: number): number {
  let rows = 0
  for (let row = 0; row < page.rowCount; row++) if (page.beginOf(row) <= S && page.endOf(row) > S) rows++
  return rows
}

/** A tile counts as touched when its pages are asked for. */
class CountedTile implements Tile {
  readonly low: Uint8Array
  readonly high: Uint8Array | undefined
  readonly t0: number
  readonly t1: number
  readonly sealed: PageHandle | undefined
  readonly #tile: Tile
  readonly #touched: Set<Tile>

  constructor(tile: Tile, touched: Set<Tile>) {
    this.low = tile.low
    this.high = tile.high
    this.t0 = tile.t0
    this.t1 = tile.t1
    this.sealed = tile.sealed
    this.#tile = tile
    this.#touched = touched
  }

  get page(): PageView | undefined {
    this.#touched.add(this.#tile)
    return this.#tile.page
  }

  get chunks(): readonly PageView[] {
    this.#touched.add(this.#tile)
    return this.#tile.chunks
  }

  letGo(): void {
    this.#tile.letGo?.()
  }
}
