/**
 * Tiles as numbers and bytes, so that they can be sent to another thread, and tiles again there: pages are named by address and
 * generation, sealed ones that may leave memory by their number. A tile becomes one only when it is taken, and the views of its pages are
 * kept for the next query.
 */
import { FIRST_HANDLE, type PageHandles, type PageViews } from './directory-image.js'
import { type Tile } from './page-directory.js'
import { type PageHandle } from './page-handle.js'
import { type PageView } from './page-view.js'

/** How a thread holds the pages of the tiles that it works on. */
export type TilePins = {
  /** False where that page is gone. */
  readonly pin: (address: number, generation: number) => boolean
  /** A sealed page, brought back if need be. */
  readonly pinSealed: (handle: PageHandle) => PageView
}

/** Typed arrays, which are copied as they are. */
export type TileHandles = {
  /** Index in `numbers` at which a tile begins; one more than there are tiles. */
  readonly starts: Int32Array<ArrayBuffer>
  /**
   * Of a tile: low and high as a place and a length in `bytes`, t0, t1, then address and generation of the page and of each chunk;
   * of a sealed page that may be gone its number, from `FIRST_HANDLE` down, and its rows.
   */
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
  for (const tile of tiles) {
    const { low, high, t0, t1, sealed, chunks } = tile
    putKey(low)
    putKey(high)
    numbers[at++] = t0
    numbers[at++] = t1
    if (sealed === undefined) putPage(tile.page)
    else {
      numbers[at++] = FIRST_HANDLE - sealed.number
      numbers[at++] = sealed.rows
    }
    for (const chunk of chunks) putPage(chunk)
  }
  return { starts, numbers, bytes }
}

/** The tiles of another thread, one reading thread's. */
export class AttachedTiles {
  readonly #tiles: TileHandles
  readonly #views: PageViews
  readonly #handles: PageHandles

  constructor(tiles: TileHandles, views: PageViews, handles: PageHandles) {
    this.#tiles = tiles
    this.#views = views
    this.#handles = handles
  }

  get count(): number {
    return this.#tiles.starts.length - 1
  }

  /** The tile with its pages pinned; undefined where one of them is gone. What was pinned then stays so, for the caller to give up. */
  pinned(index: number, { pin, pinSealed }: TilePins): Tile | undefined {
    const { starts, numbers } = this.#tiles
    const start = starts[index] as number
    const end = starts[index + 1] as number
    let page: PageView | undefined
    const chunks: PageView[] = []
    for (let at = start + FIRST_PAGE; at < end; at += 2) {
      const address = numbers[at] as number
      const generation = numbers[at + 1] as number
      if (address === NO_PAGE) continue
      if (address <= FIRST_HANDLE) {
        page = pinSealed(this.#handles.handle(FIRST_HANDLE - address, generation))
        continue
      }
      if (!pin(address, generation)) return undefined
      const view = this.#views.pinnedView(address, generation)
      if (at === start + FIRST_PAGE) page = view
      else chunks.push(view)
    }
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
    const { numbers, bytes } = this.#tiles
    const from = numbers[at] as number
    return from === NO_END ? undefined : bytes.subarray(from, from + (numbers[at + 1] as number))
  }
}
