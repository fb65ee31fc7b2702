/**
 * Tiles as numbers and bytes, so that they can be sent to another thread, and tiles again there: pages are named by address and
 * generation. A tile becomes one only when it is taken, and the views of its pages are kept for the next query.
 */
import { type PageViews } from './directory-image.js'
import { type Tile } from './page-directory.js'
import { type PageView } from './page-view.js'

/** Typed arrays, which are copied as they are. */
export type TileHandles = {
  /** Index in `numbers` at which a tile begins; one more than there are tiles. */
  readonly starts: Int32Array<ArrayBuffer>
  /** Of a tile: low and high as a place and a length in `bytes`, t0, t1, then address and generation of the page and of each chunk. */
  readonly numbers: Float64Array<ArrayBuffer>
  readonly bytes: Uint8Array<ArrayBuffer>
}

const NO_PAGE = -1
const NO_END = -1
const FIRST_PAGE = 6

export function tileHandles(tiles: readonly Tile[]): TileHandles {
  const starts = new Int32Array(tiles.length + 1)
  let numberCount = 0
  let byteCount = 0
  for (let index = 0; index < tiles.length; index++) {
    const { low, high, chunks } = tiles[index] as Tile
    starts[index] = numberCount
    numberCount += FIRST_PAGE + 2 * (1 + chunks.length)
    byteCount += low.length + (high?.length ?? 0)
  }
  starts[tiles.length] = numberCount
  const numbers = new Float64Array(numberCount)
  const bytes = new Uint8Array(byteCount)
  let at = 0
  let end = 0
  const putKey = (key: Uint8Array | undefined): void => {
    numbers[at++] = key === undefined ? NO_END : end
    numbers[at++] = key?.length ?? 0
    if (key === undefined) return
    bytes.set(key, end)
    end += key.length
  }
  const putPage = (page: PageView | undefined): void => {
    numbers[at++] = page?.address ?? NO_PAGE
    numbers[at++] = page?.generation ?? 0
  }
  for (const { low, high, t0, t1, page, chunks } of tiles) {
    putKey(low)
    putKey(high)
    numbers[at++] = t0
    numbers[at++] = t1
    putPage(page)
    for (const chunk of chunks) putPage(chunk)
  }
  return { starts, numbers, bytes }
}

/** The tiles of another thread, one reading thread's. */
export class AttachedTiles {
  readonly #handles: TileHandles
  readonly #views: PageViews

  constructor(handles: TileHandles, views: PageViews) {
    this.#handles = handles
    this.#views = views
  }

  get count(): number {
    return this.#handles.starts.length - 1
  }

  /** False where `pin` says so for one of its pages: then the rest is not asked for. */
  everyPage(index: number, pin: (address: number, generation: number) => boolean): boolean {
    const { starts, numbers } = this.#handles
    const end = starts[index + 1] as number
    for (let at = (starts[index] as number) + FIRST_PAGE; at < end; at += 2) {
      const address = numbers[at] as number
      if (address !== NO_PAGE && !pin(address, numbers[at + 1] as number)) return false
    }
    return true
  }

  /** Its pages are pinned by the caller. */
  tile(index: number): Tile {
    const { starts, numbers } = this.#handles
    const start = starts[index] as number
    const end = starts[index + 1] as number
    const page = this.#page(start + FIRST_PAGE)
    const chunks: PageView[] = []
    for (let at = start + FIRST_PAGE + 2; at < end; at += 2) chunks.push(this.#page(at) as PageView)
    // Cells of a delta name the other pages of their rectangle by this order; a page that was sealed since has but itself.
    const siblings = [page, ...chunks]
    siblings.forEach((each, sibling) => {
      if (each === undefined) return
      each.siblings = siblings
      each.sibling = sibling
    })
    const low = this.#key(start) ?? new Uint8Array(0)
    return { low, high: this.#key(start + 2), t0: numbers[start + 4] as number, t1: numbers[start + 5] as number, page, chunks }
  }

  #key(at: number): Uint8Array | undefined {
    const { numbers, bytes } = this.#handles
    const from = numbers[at] as number
    return from === NO_END ? undefined : bytes.subarray(from, from + (numbers[at + 1] as number))
  }

  #page(at: number): PageView | undefined {
    const { numbers } = this.#handles
    const address = numbers[at] as number
    return address === NO_PAGE ? undefined : this.#views.pinnedView(address, numbers[at + 1] as number)
  }
}
