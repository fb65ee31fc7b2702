/** The first rows of an order, found by threads: each looks for the best values in some tiles, then the caller reads their rows. */
import { type Tile } from '../page/page-directory.js'
import * as layout from '../page/page-layout.js'
import { slicesOf } from './page-slice.js'
import { type RowBatch, type RowQuery } from './scan-rows.js'
import { type ScanTable } from './scan-table.js'
import { type RowOrder, tileSlices, type TileSlices, type TopPartial, TopSearch, valueClass } from './top-rows.js'

export class TopPlan {
  readonly #search: TopSearch
  readonly #inKeyOrder: readonly TileSlices[]
  readonly #byPromise: readonly TileSlices[]
  readonly #isTime: boolean

  private constructor(search: TopSearch, inKeyOrder: readonly TileSlices[], isTime: boolean) {
    this.#search = search
    this.#inKeyOrder = inKeyOrder
    this.#isTime = isTime
    const promises = new Map(inKeyOrder.map((tile) => [tile, search.promiseOf(tile)]))
    this.#byPromise = inKeyOrder.toSorted((one, other) => (promises.get(other) as number) - (promises.get(one) as number))
  }

  /** Undefined where pages cannot tell. */
  static of(
    { table, S }: { readonly table: ScanTable; readonly S: number },
    tiles: readonly Tile[],
    query: Omit<RowQuery, 'reverse'>,
    order: RowOrder,
    isBounded: boolean
  ): TopPlan | undefined {
    const all = tiles.map((tile) => tileSlices(slicesOf(table, S, tile, isBounded), tile))
    const classes = valueClass(table, order.field, all)
    return classes === undefined ? undefined : new TopPlan(new TopSearch(table, query, order), all, classes === layout.CLASS_TIME)
  }

  /** For the threads: those that promise most come first. */
  get tiles(): readonly Tile[] {
    return this.#byPromise.map(({ tile }) => tile)
  }

  /** The rows that are wanted, in key order. */
  rows(partials: readonly TopPartial[]): Generator<RowBatch, void> {
    for (const partial of partials) this.#search.absorb(partial, this.#byPromise)
    return this.#search.rows(this.#inKeyOrder, this.#isTime)
  }
}
