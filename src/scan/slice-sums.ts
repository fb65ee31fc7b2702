/**
 * Sums of a field over slices of which every visible row counts: they are listed, and added up by one call for all of a tile, since a call
 * for each chunk of a delta takes longer than its rows.
 */
import { SUM_BEGUN, SUM_ENTRY_BYTES, SUM_FLOATS, SUM_SMALL } from '../kernel/kernels.js'
import * as layout from '../page/page-layout.js'
import { type ColumnView, type PageView } from '../page/page-view.js'
import { PageSlice } from './page-slice.js'
import { type Scratch } from './scan-memory.js'

const SLICES_MAX = 63
const WORDS = SUM_ENTRY_BYTES / 4
const SMALL = 2 ** 24
const NONE = -1

/** Selected rows, values, and the two words of their sum, an i64. */
export type TakeSum = (rows: number, count: number, low: number, high: number) => void

/** `pages`: of the slices; what else there is to know of them stands in the list. */
type List = { readonly scratch: Scratch; readonly at: number; readonly pages: PageView[] }

export class SliceSums {
  readonly #take: TakeSum
  readonly #takeLeftOut: (slice: PageSlice) => void
  readonly #lists: List[] = []

  /** `takeLeftOut` is given slices whose sum has to be made another way. */
  constructor(take: TakeSum, takeLeftOut: (slice: PageSlice) => void) {
    this.#take = take
    this.#takeLeftOut = takeLeftOut
  }

  /** Of a column of numbers; false where another way is needed. */
  add({ page, scratch, from, rows, at, isBegun }: PageSlice, column: ColumnView): boolean {
    return this.addRows(page, scratch, from, rows, at, isBegun ? SUM_BEGUN : 0, column)
  }

  /** The same without a slice, which takes longer to make than this. `begun`: SUM_BEGUN where every row has begun, or 0. */
  addRows(page: PageView, scratch: Scratch, from: number, rows: number, at: number, begun: number, column: ColumnView): boolean {
    const { encoding, flags, dataAt, statesAt } = column
    const isFloat = encoding === layout.ENCODED_F64
    if ((isFloat && (flags & layout.ALL_INTEGERS) === 0) || (flags & layout.HAS_REST) !== 0) return false
    const list = this.#listOf(scratch)
    if (list === undefined) return false
    if (list.pages.length === SLICES_MAX) this.#flush(list)
    const { i32 } = page
    const word = list.at / 4 + WORDS * list.pages.push(page)
    let kind = begun
    if (isFloat) kind |= SUM_FLOATS
    else if ((flags & layout.HAS_BOUNDS) !== 0 && column.min > -SMALL && column.max < SMALL) kind |= SUM_SMALL
    i32[word] = (page.beginAt + from) * 4
    i32[word + 1] = (page.endAt + from) * 4
    i32[word + 2] = rows
    i32[word + 3] = at
    i32[word + 4] = (dataAt + from) * (isFloat ? 8 : 4)
    i32[word + 5] = statesAt < 0 ? NONE : statesAt + from
    i32[word + 6] = kind
    return true
  }

  /** At the end of a tile. */
  flush(): void {
    for (const list of this.#lists) if (list.pages.length > 0) this.#flush(list)
  }

  release(): void {
    for (const { scratch, at } of this.#lists.splice(0)) scratch.letGo(at)
  }

  #flush({ scratch, at, pages }: List): void {
    scratch.kernels.sumSlices(at, pages.length)
    const { i32 } = scratch.views
    const head = at / 4
    this.#take(i32[head] as number, i32[head + 1] as number, i32[head + 2] as number, i32[head + 3] as number)
    let word = head
    for (const page of pages.splice(0)) {
      word += WORDS
      if (i32[word + 7] !== 1) continue
      const from = (i32[word] as number) / 4 - page.beginAt
      const seen = ((i32[word + 6] as number) & SUM_BEGUN) === 0 ? 'some' : 'begun'
      this.#takeLeftOut(new PageSlice(page, scratch, from, i32[word + 2] as number, i32[word + 3] as number, seen, undefined))
    }
  }

  #listOf(scratch: Scratch): List | undefined {
    for (const list of this.#lists) if (list.scratch === scratch) return list
    const at = scratch.hold(SUM_ENTRY_BYTES * (SLICES_MAX + 1))
    if (at === undefined) return undefined
    const list = { scratch, at, pages: [] }
    this.#lists.push(list)
    return list
  }
}
