/**
 * The newest rows of a table as another thread than apply's reads them: by ordinal, out of open pages, without asking anybody. The key table
 * says where the newest version of a key lies, the list of open pages which page has that number, and a pin that it is that page still.
 *
 * What is found is a version whose event was applied, and the newest up to the seq that the reader took for the applied one or a newer one:
 * its cells never change, and a merge that moves it elsewhere meanwhile leaves them where they are as long as the page is pinned. What is
 * not there yet, or not there any more, is not found, and the reader looks elsewhere.
 */
import { type Arena } from '../memory/arena.js'
import { readWord } from '../memory/shared-array.js'
import { type PageViews } from './directory-image.js'
import { KeyTable, type KeyTableHandle, NOWHERE } from './key-table.js'
import { OPEN_ADDRESS, OPEN_BEFORE, OPEN_GENERATION, OPEN_PAGE_WORDS, OPEN_SIBLING } from './open-pages.js'
import { type PageView } from './page-view.js'
import { type ReadPlace, RowReader } from './row-reader.js'
import { StaleHeap } from './shared-heap.js'

/** It can be sent to another thread. Where one of its arrays gave place to a longer one, the writer has another handle. */
export type NewestRowsHandle = { readonly keys: KeyTableHandle; readonly pages: Int32Array; readonly rowBits: number }

export class NewestRows {
  readonly #arena: Arena
  readonly #views: PageViews
  readonly #keys: KeyTable
  readonly #reader: RowReader
  readonly #pages: Int32Array
  readonly #rowBits: number
  /** Addresses that are pinned while a row is read. */
  readonly #pinned: number[] = []
  /** At which the version begins that was read last. */
  seq = 0

  constructor(arena: Arena, views: PageViews, { keys, pages, rowBits }: NewestRowsHandle, readPlace?: ReadPlace) {
    this.#arena = arena
    this.#views = views
    this.#keys = KeyTable.attach(arena, keys)
    this.#reader = new RowReader(this.#keys, readPlace)
    this.#pages = pages
    this.#rowBits = rowBits
  }

  /**
   * The msgpack of the document of the ordinal's newest version, valid until the next call; `appliedSeq` was read before. Undefined where
   * it is not found.
   * @throws DriftError CORRUPT if the page is damaged.
   */
  bytesOf(ordinal: number, appliedSeq: number): Uint8Array | undefined {
    const { locations } = this.#keys
    if (ordinal >= locations.length) return undefined
    const location = readWord(locations, ordinal)
    if (location === NOWHERE) return undefined
    const row = location & ((1 << this.#rowBits) - 1)
    try {
      const page = this.#pin(location >>> this.#rowBits)
      // The number is given to another page when no row has it any more.
      if (page === undefined || readWord(locations, ordinal) !== location) return undefined
      if (row >= page.rowCount || page.ordinalOf(row) !== ordinal) return undefined
      this.seq = page.beginOf(row)
      return this.seq > appliedSeq ? undefined : this.#reader.bytesOf(page, row)
    } catch (error) {
      // A merge gave its texts new places.
      if (error instanceof StaleHeap) return undefined
      throw error
    } finally {
      for (let address = this.#pinned.pop(); address !== undefined; address = this.#pinned.pop()) this.#arena.unpin(address)
    }
  }

  /** The page with this number, pinned with those before it in its rectangle, in which its cells may have their texts. */
  #pin(number: number): PageView | undefined {
    const page = this.#pinOne(number)
    if (page === undefined) return undefined
    const isKnown = page.openNumber === number
    const siblings: (PageView | undefined)[] = []
    for (let each: PageView | undefined = page, at = number; ; each = this.#pinOne(at)) {
      if (each === undefined) return undefined
      if (!isKnown) siblings[this.#pages[at * OPEN_PAGE_WORDS + OPEN_SIBLING] as number] = each
      at = (this.#pages[at * OPEN_PAGE_WORDS + OPEN_BEFORE] as number) - 1
      if (at < 0) break
    }
    if (isKnown) return page
    page.siblings = siblings
    page.sibling = siblings.length - 1
    page.openNumber = number
    return page
  }

  #pinOne(number: number): PageView | undefined {
    const at = number * OPEN_PAGE_WORDS
    if (at >= this.#pages.length) return undefined
    const generation = readWord(this.#pages, at + OPEN_GENERATION) - 1
    const address = this.#pages[at + OPEN_ADDRESS] as number
    if (generation < 0 || !this.#arena.pin(address, generation)) return undefined
    this.#pinned.push(address)
    // It had the number when it was pinned, so it was open.
    if (readWord(this.#pages, at + OPEN_GENERATION) !== generation + 1 || this.#pages[at + OPEN_ADDRESS] !== address) return undefined
    return this.#views.pinnedView(address, generation)
  }
}
