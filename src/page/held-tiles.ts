import { type Tile } from './page-directory.js'
import { isHandle, type PageHandle, type PagePins, type SealedPage } from './page-handle.js'
import { type PageView } from './page-view.js'

/**
 * Tiles of a directory whose sealed pages may be gone from memory (one reading thread's). A tile brings its page back when that is first
 * asked for, and holds it until the tile is let go of, or all are: so a reader that lets go of each tile behind it needs one page at a time.
 */
export class HeldTiles {
  readonly #pins: PagePins
  readonly #held = new Set<HeldTile>()

  constructor(pins: PagePins) {
    this.#pins = pins
  }

  /** The same tile; looking at its page may throw OVERLOADED, CORRUPT or IO. */
  tile(tile: Tile<SealedPage>): Tile {
    const { page } = tile
    return page === undefined || !isHandle(page) ? (tile as Tile) : new HeldTile(tile, page, this.#pins, this.#held)
  }

  /** All of them. */
  letGo(): void {
    for (const tile of this.#held) tile.letGo()
  }
}

class HeldTile implements Tile {
  readonly low: Uint8Array
  readonly high: Uint8Array | undefined
  readonly t0: number
  readonly t1: number
  readonly chunks: readonly PageView[]
  readonly sealed: PageHandle
  readonly #pins: PagePins
  readonly #held: Set<HeldTile>
  #view: PageView | undefined

  constructor({ low, high, t0, t1, chunks }: Tile<SealedPage>, sealed: PageHandle, pins: PagePins, held: Set<HeldTile>) {
    this.low = low
    this.high = high
    this.t0 = t0
    this.t1 = t1
    this.chunks = chunks
    this.sealed = sealed
    this.#pins = pins
    this.#held = held
  }

  get page(): PageView {
    if (this.#view === undefined) {
      this.#view = this.#pins.pin(this.sealed)
      this.#held.add(this)
    }
    return this.#view
  }

  letGo(): void {
    if (this.#view === undefined) return
    this.#pins.unpin(this.#view)
    this.#view = undefined
    this.#held.delete(this)
  }
}
