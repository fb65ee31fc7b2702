/**
 * Rows of open rectangles as another thread than apply's reads them: by ordinal, without asking anybody. The key table says where the newest
 * version of a key lies, the list of open pages which page has that number, and a pin that it is that page still. A row of a delta says where
 * the version before it lies.
 *
 * What is found is a version whose event was applied: its cells never change, and a merge that moves it elsewhere meanwhile leaves them where
 * they are as long as the page is pinned. What is not there yet, or not there any more, is not found, and the reader looks elsewhere.
 */
import { type Arena } from '../memory/arena.js'
import { readWord } from '../memory/shared-array.js'
import { type PageViews } from './directory-image.js'
import { KeyTable, type KeyTableHandle, NOWHERE } from './key-table.js'
import { OPEN_ADDRESS, OPEN_BEFORE, OPEN_GENERATION, OPEN_PAGE_WORDS, OPEN_SIBLING } from './open-pages.js'
import { openFrom } from './page-directory.js'
import { type PageView } from './page-view.js'
import { type ReadPlace, RowReader } from './row-reader.js'
import { StaleHeap } from './shared-heap.js'
import { rowInSorted } from './sorted-rows.js'

/** It can be sent to another thread. Where one of its arrays gave place to a longer one, the writer has another handle. */
export type OpenRowsHandle = { readonly keys: KeyTableHandle; readonly pages: Int32Array; readonly rowBits: number }

/** Older than all that the open rectangle of its key has. */
export const SEALED = 'sealed'

export class OpenRows {
  readonly keys: KeyTable
  readonly #arena: Arena
  readonly #views: PageViews
  readonly #reader: RowReader
  readonly #pages: Int32Array
  readonly #rowBits: number
  /** Addresses that are pinned while a row is read. */
  readonly #pinned: number[] = []
  /** At which the version begins that was read last. */
  seq = 0

  constructor(arena: Arena, views: PageViews, { keys, pages, rowBits }: OpenRowsHandle, readPlace?: ReadPlace) {
    this.#arena = arena
    this.#views = views
    this.keys = KeyTable.attach(arena, keys)
    this.#reader = new RowReader(this.keys, readPlace)
    this.#pages = pages
    this.#rowBits = rowBits
  }

  /**
   * The msgpack of the document of the ordinal's newest version, valid until the next call; `appliedSeq` was read before. Undefined where it
   * is not found.
   * @throws DriftError CORRUPT if the page is damaged.
   */
  newest(ordinal: number, appliedSeq: number): Uint8Array | undefined {
    return this.#reading(() => {
      const location = this.#locationOf(ordinal)
      const page = this.#pageAt(ordinal, location)
      if (page === undefined) return undefined
      const row = this.#rowOf(location)
      this.seq = page.beginOf(row)
      return this.seq > appliedSeq ? undefined : this.#reader.bytesOf(page, row)
    })
  }

  /** The same of the version at S, which is applied; null where there was none, {@link SEALED} where sealed pages say it. */
  at(ordinal: number, S: number): Uint8Array | null | typeof SEALED | undefined {
    return this.#reading(() => {
      let location = this.#locationOf(ordinal)
      let page = this.#pageAt(ordinal, location)
      if (page !== undefined && S < openFrom(page)) return SEALED
      while (page !== undefined) {
        const row = this.#rowOf(location)
        this.seq = page.beginOf(row)
        if (this.seq <= S) return page.endOf(row) > S ? this.#reader.bytesOf(page, row) : null
        location = page.previousAt < 0 ? NOWHERE : (page.i32[page.previousAt + row] as number)
        if (location === NOWHERE) return null
        const number = location >>> this.#rowBits
        page = page.siblings.find((sibling) => sibling?.openNumber === number)
      }
      return undefined
    })
  }

  /** The same in a sealed page that the caller has pinned. */
  inSealed(page: PageView, ordinal: number, S: number): Uint8Array | null | undefined {
    return this.#reading(() => {
      const row = rowInSorted(page, S, (view, each) => this.keys.compare(view.ordinalOf(each), ordinal))
      if (row < 0) return null
      this.seq = page.beginOf(row)
      return this.#reader.bytesOf(page, row)
    })
  }

  #reading<Found>(read: () => Found): Found | undefined {
    try {
      return read()
    } catch (error) {
      // Texts were given places that the array of blocks of the heap does not have yet.
      if (error instanceof StaleHeap) return undefined
      throw error
    } finally {
      for (let address = this.#pinned.pop(); address !== undefined; address = this.#pinned.pop()) this.#arena.unpin(address)
    }
  }

  #locationOf(ordinal: number): number {
    const { locations } = this.keys
    return ordinal < locations.length ? readWord(locations, ordinal) : NOWHERE
  }

  #rowOf(location: number): number {
    return location & ((1 << this.#rowBits) - 1)
  }

  /** The page that has the ordinal's row at its location, pinned; undefined where it has it not, or not yet for others. */
  #pageAt(ordinal: number, location: number): PageView | undefined {
    if (location === NOWHERE) return undefined
    const page = this.#pin(location >>> this.#rowBits)
    // A number is given to another page when no row has it any more: so it is that of the location.
    if (page === undefined || readWord(this.keys.locations, ordinal) !== location) return undefined
    const row = this.#rowOf(location)
    return row < page.rowCount && page.ordinalOf(row) === ordinal ? page : undefined
  }

  /** The page with this number, pinned with those before it in its rectangle, in which its cells may have texts and rows earlier versions. */
  #pin(number: number): PageView | undefined {
    const page = this.#pinOne(number)
    if (page === undefined) return undefined
    const isKnown = page.openNumber === number
    const siblings: (PageView | undefined)[] = []
    for (let each: PageView | undefined = page, at = number; ; each = this.#pinOne(at)) {
      if (each === undefined) return undefined
      if (!isKnown) {
        const sibling = this.#pages[at * OPEN_PAGE_WORDS + OPEN_SIBLING] as number
        siblings[sibling] = each
        each.siblings = siblings
        each.sibling = sibling
        each.openNumber = at
      }
      at = (this.#pages[at * OPEN_PAGE_WORDS + OPEN_BEFORE] as number) - 1
      if (at < 0) return page
    }
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
