/**
 * The pages of all open rectangles of a table by their numbers, and locations of rows: `number << row bits | row`, in which the key table
 * says where the newest version of a key lies.
 */
import { assertLaw, DriftError } from '../base/errors.js'
import { type OpenPage } from './open-page.js'
import { type OpenRange } from './open-range.js'
import { type PageView } from './page-view.js'

export class OpenPages {
  readonly #rowBits: number
  readonly #rowMask: number
  readonly #pages: (OpenPage | undefined)[] = []
  readonly #ranges: (OpenRange | undefined)[] = []
  readonly #freeNumbers: number[] = []

  /** No base and no chunk has as many rows as a full page of `pageRows`. */
  constructor(pageRows: number) {
    this.#rowBits = 32 - Math.clz32(Math.max(2, pageRows - 1))
    this.#rowMask = (1 << this.#rowBits) - 1
  }

  locationOf(number: number, row: number): number {
    return (number << this.#rowBits) | row
  }

  pageAt(location: number): OpenPage {
    return this.#pages[location >>> this.#rowBits] as OpenPage
  }

  rangeAt(location: number): OpenRange {
    return this.#ranges[location >>> this.#rowBits] as OpenRange
  }

  rowAt(location: number): number {
    return location & this.#rowMask
  }

  enter(page: OpenPage, range: OpenRange): void {
    this.#pages[page.number] = page
    this.#ranges[page.number] = range
  }

  /** Its number is free for another page. */
  forget({ number }: OpenPage): void {
    this.#pages[number] = this.#ranges[number] = undefined
    this.#freeNumbers.push(number)
  }

  newNumber(): number {
    const number = this.#freeNumbers.pop() ?? this.#pages.length
    // The last number would make a location that reads as none.
    const limit = 2 ** (32 - this.#rowBits) - 1
    if (number < limit) return number
    throw new DriftError('LIMIT', `a table has room for ${limit} open pages`, { name: 'openPagesMax', limit, seen: number + 1 })
  }

  /** Behind a restore, which enters pages under the numbers that they had: those between them are free. */
  freeGaps(): void {
    for (let number = this.#pages.length - 1; number >= 0; number--) if (this.#pages[number] === undefined) this.#freeNumbers.push(number)
  }

  numberOf(view: PageView): number {
    assertLaw(this.#pages[view.openNumber]?.view === view, 'VIS-7', 'a merge was made from a page that is not open')
    return view.openNumber
  }
}
