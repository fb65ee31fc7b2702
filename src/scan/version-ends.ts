/**
 * When versions ended of which that is not known: the last or first `end` of each of some keys that lies behind an earlier point and not
 * behind S. It stands in the page in which that version ends, between the two points.
 */
import { type Tile } from '../page/page-directory.js'
import * as layout from '../page/page-layout.js'
import { type PageView } from '../page/page-view.js'
import { type PagesAtSeq, type ScanTable } from './scan-table.js'

/** A key is looked up where it takes no more comparisons than the page has rows, in these units. */
const LOOK_UP_ROWS = 128

/** Keys side by side. */
type Keys = Pick<Tile, 'low' | 'high'>

/** When the keys were deleted that are not there at S: all of `ordinals` had a row at the earlier point. */
export function lastEnds(pages: PagesAtSeq, keys: Keys, earlier: number, ordinals: Int32Array): Float64Array {
  return endsOf(pages, keys, earlier, ordinals, 'last')
}

/** When the versions ended that `ordinals` had at the earlier point; 0: not up to S. */
export function firstEnds(pages: PagesAtSeq, keys: Keys, earlier: number, ordinals: Int32Array): Float64Array {
  return endsOf(pages, keys, earlier, ordinals, 'first')
}

function endsOf(pages: PagesAtSeq, { low, high }: Keys, earlier: number, ordinals: Int32Array, which: 'first' | 'last'): Float64Array {
  const search = new EndSearch(pages, earlier, ordinals, which)
  const sign = which === 'first' ? 1 : -1
  for (const { tiles } of pages.tilesBetween(earlier + 1, pages.S, { from: low, to: high })) {
    // Of one key, ends in a later rectangle are later: where ranges were merged, rectangles of other keys stand between its own.
    for (const tile of tiles.toSorted((one, other) => (one.t0 - other.t0) * sign)) {
      if (search.left === 0) break
      search.begin()
      if (tile.page !== undefined) search.look(tile.page)
      for (const chunk of tile.chunks) search.look(chunk)
      tile.letGo?.()
    }
  }
  return search.ends
}

class EndSearch {
  /** By number; 0: not found yet. */
  readonly ends: Float64Array
  left: number
  readonly #table: ScanTable
  readonly #earlier: number
  readonly #later: number
  readonly #which: 'first' | 'last'
  readonly #ordinals: Int32Array
  readonly #marks: Int32Array
  readonly #base: number
  readonly #numbers: Int32Array
  #open: number

  constructor({ table, S }: PagesAtSeq, earlier: number, ordinals: Int32Array, which: 'first' | 'last') {
    const { marks, base } = table.marks.begin(ordinals.length)
    ordinals.forEach((ordinal, number) => (marks[ordinal + 1] = base + number))
    this.ends = new Float64Array(ordinals.length)
    this.left = this.#open = ordinals.length
    this.#table = table
    this.#earlier = earlier
    this.#later = S
    this.#which = which
    this.#ordinals = ordinals
    this.#marks = marks
    this.#base = base
    this.#numbers = Int32Array.from(ordinals, (_, number) => number)
  }

  /** With another rectangle. */
  begin(): void {
    const numbers = this.#numbers
    let open = 0
    for (let index = 0; index < this.#open; index++) {
      numbers[open] = numbers[index] as number
      if (this.ends[numbers[open] as number] === 0) open++
    }
    this.#open = open
  }

  look(page: PageView): void {
    const { rowCount } = page
    if (page.word(layout.END_MIN) > page.offsetOf(this.#later)) return
    if (page.kind !== layout.DELTA && this.#open * LOOK_UP_ROWS < rowCount) this.#lookUp(page, rowCount)
    else this.#lookThrough(page, rowCount)
  }

  #lookThrough(page: PageView, rowCount: number): void {
    const { i32, endAt, ordinalAt } = page
    const [earlier, later] = [page.offsetOf(this.#earlier), page.offsetOf(this.#later)]
    const count = this.#ordinals.length
    for (let row = 0; row < rowCount; row++) {
      const end = i32[endAt + row] as number
      if (end > later || end <= earlier) continue
      const number = (this.#marks[(i32[ordinalAt + row] as number) + 1] as number) - this.#base
      if (number >= 0 && number < count) this.#found(number, page.endOf(row))
    }
  }

  #lookUp(page: PageView, rowCount: number): void {
    const { keys } = this.#table
    for (let index = 0; index < this.#open; index++) {
      const number = this.#numbers[index] as number
      const ordinal = this.#ordinals[number] as number
      let low = 0
      let high = rowCount
      while (low < high) {
        const middle = (low + high) >> 1
        if (keys.compare(page.ordinalOf(middle), ordinal) < 0) low = middle + 1
        else high = middle
      }
      for (; low < rowCount && page.ordinalOf(low) === ordinal; low++) {
        const end = page.endOf(low)
        if (end <= this.#later && end > this.#earlier) this.#found(number, end)
      }
    }
  }

  #found(number: number, end: number): void {
    const known = this.ends[number] as number
    if (known === 0) this.left--
    if (known === 0 || (this.#which === 'last' ? end > known : end < known)) this.ends[number] = end
  }
}
