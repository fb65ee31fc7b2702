/**
 * The pages of all open rectangles of a table by their numbers, and locations of rows: `number << row bits | row`, in which the key table
 * says where the newest version of a key lies.
 */
import { assertLaw, DriftError } from '../base/errors.js'
import { publishWord, sharedInt32 } from '../memory/shared-array.js'
import { type OpenPage } from './open-page.js'
import { type OpenRange } from './open-range.js'
import { type PageView } from './page-view.js'

/** What other threads see of an open page, by its number: so many words. */
export const OPEN_PAGE_WORDS = 4
/** Its generation + 1; 0: no page has the number. Written behind the others. */
export const OPEN_GENERATION = 0
export const OPEN_ADDRESS = 1
/** The number of the page before it in its rectangle + 1; 0: it is the first. */
export const OPEN_BEFORE = 2
/** See {@link PageView.sibling}. */
export const OPEN_SIBLING = 3

const FIRST_NUMBERS = 64

export class OpenPages {
  /** A longer array takes its place when it is full. */
  words: Int32Array = sharedInt32(FIRST_NUMBERS * OPEN_PAGE_WORDS)
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

  /** Of a location: how many bits are the row's. */
  get rowBits(): number {
    return this.#rowBits
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

  /** The page comes behind those that its rectangle has; its place among its siblings is known. */
  enter(page: OpenPage, range: OpenRange): void {
    const { number, view } = page
    const before = range.chunks.at(-1)?.page ?? range.base
    this.#pages[number] = page
    this.#ranges[number] = range
    const at = number * OPEN_PAGE_WORDS
    if (at >= this.words.length) this.#widen(at)
    const { words } = this
    words[at + OPEN_ADDRESS] = view.address
    words[at + OPEN_BEFORE] = before === undefined ? 0 : before.number + 1
    words[at + OPEN_SIBLING] = view.sibling
    publishWord(words, at + OPEN_GENERATION, view.generation + 1)
  }

  /** Its number is free for another page. */
  forget({ number }: OpenPage): void {
    publishWord(this.words, number * OPEN_PAGE_WORDS + OPEN_GENERATION, 0)
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

  #widen(at: number): void {
    const words = sharedInt32(Math.max(at + OPEN_PAGE_WORDS, this.words.length * 2))
    words.set(this.words)
    this.words = words
  }
}
