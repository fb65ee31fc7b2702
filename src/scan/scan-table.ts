/** What a thread keeps of a table from scan to scan, and the pages of the table as one query sees them. */
import { DriftError } from '../base/errors.js'
import { decodeKey, type Key, KEY_TEXT } from '../codec/key-codec.js'
import { type Arena } from '../memory/arena.js'
import { StaleDirectory } from '../page/directory-image.js'
import { HeldTiles } from '../page/held-tiles.js'
import { type KeyTable } from '../page/key-table.js'
import { type KeyBounds, type PageDirectory, type Tile, tilesAt, tilesBetween, type TilesOfRange } from '../page/page-directory.js'
import { NO_PINS, type PagePins, type SealedPage } from '../page/page-handle.js'
import { type PageView } from '../page/page-view.js'
import { type ReadPlace, RowReader } from '../page/row-reader.js'
import { DocumentReader } from './document-reader.js'
import { OrdinalMarks } from './ordinal-marks.js'
import { type ScanMemory } from './scan-memory.js'
import { sweepTiles } from './sweep-pages.js'
import { TextCells } from './text-cells.js'
import { TileOrder } from './tile-hits.js'

export type ScanTableOptions = {
  readonly arena: Arena
  readonly keys: KeyTable
  readonly memory: ScanMemory
  readonly readPlace?: ReadPlace | undefined
  readonly tableId?: number
  /** Where its page files are. */
  readonly pageFolder?: string
}

/** Canonical bytes of nearly all keys that are numbers. */
const NUMBER_BYTES = 9

/** One for each table and thread. */
export class ScanTable {
  readonly tableId: number
  readonly pageFolder: string
  readonly arena: Arena
  readonly keys: KeyTable
  readonly memory: ScanMemory
  readonly rows: RowReader
  readonly texts: TextCells
  readonly order: TileOrder
  readonly documents: DocumentReader
  readonly marks: OrdinalMarks
  readonly #number = new Uint8Array(NUMBER_BYTES)
  /** Of keys that were only looked at. */
  seen = 0

  constructor({ arena, keys, memory, readPlace, tableId = 0, pageFolder = '' }: ScanTableOptions) {
    this.tableId = tableId
    this.pageFolder = pageFolder
    this.arena = arena
    this.keys = keys
    this.memory = memory
    this.rows = new RowReader(keys, readPlace)
    this.texts = new TextCells(keys)
    this.order = new TileOrder(keys)
    this.documents = new DocumentReader(this)
    this.marks = new OrdinalMarks(keys)
  }

  /** The keys of `ordinals[from, from + count)`. */
  keyValues(ordinals: Int32Array, from: number, count: number): Key[] {
    // As in `column-values.ts`.
    let seen = 0
    for (let index = 0; index < count; index++) seen |= this.firstByte(ordinals[from + index] as number)
    this.seen = seen
    const values = new Array<Key>(count)
    for (let index = 0; index < count; index++) values[index] = this.keyValue(ordinals[from + index] as number)
    return values
  }

  /** Of the key of an ordinal; only to have it fetched. */
  firstByte(ordinal: number): number {
    const { heap, references } = this.keys
    const reference = references[ordinal] as number
    return heap.memory(reference)[heap.index(reference)] as number
  }

  /** The key of an ordinal. */
  keyValue(ordinal: number): Key {
    const { heap, references } = this.keys
    const reference = references[ordinal] as number
    const memory = heap.memory(reference)
    const at = heap.index(reference)
    const bytes = ((memory[at] as number) | ((memory[at + 1] as number) << 8)) - 1
    // Texts are the tag and their UTF-8.
    if (memory[at + 2] === KEY_TEXT) return this.texts.textOf(memory, at + 3, bytes)
    if (bytes + 1 !== NUMBER_BYTES) return decodeKey(memory.slice(at + 2, at + 3 + bytes))
    const number = this.#number
    for (let index = 0; index < NUMBER_BYTES; index++) number[index] = memory[at + 2 + index] as number
    const key = decodeKey(number) as number
    // Small integers as such take no memory of their own.
    return (key | 0) === key ? key | 0 : key
  }
}

/**
 * The pages of a table at one seq. Whoever asked for them releases them. The sealed page of a tile is brought into memory when it is first
 * looked at, and stays there until {@link release}, unless the tile is let go of before.
 */
export type PagesAtSeq = {
  readonly table: ScanTable
  readonly S: number
  /** So many sealed pages may be held at once, for whoever cannot let go of them one by one. */
  readonly heldMax: number
  /** In order of keys. Bounds are canonical key bytes, `to` is not among them. */
  tiles(bounds?: KeyBounds): readonly Tile[]
  /** The same at an earlier point. */
  tilesOf(point: number, bounds?: KeyBounds): readonly Tile[]
  /** For each range of keys, in order, all tiles that have a seq from `from` to `to`; of one key oldest first. */
  tilesBetween(from: number, to: number, bounds?: KeyBounds): readonly TilesOfRange[]
  /** A rectangle each, for a sweep over points up to S, ascending. */
  sweepTiles(points: readonly number[]): readonly Tile[]
  release(): void
}

export type DirectoryPagesOptions = {
  /** Where sealed pages may be gone from memory: the way to bring them back. */
  readonly pins?: PagePins | undefined
  /** See {@link PagesAtSeq.heldMax}. */
  readonly heldMax?: number | undefined
  /** How far apply is, where that is further than the directory says: no page came or went since. */
  readonly appliedSeq?: number
  readonly onRelease?: () => void
}

/** Of a directory in this thread. Its open pages are pinned. */
export class DirectoryPages implements PagesAtSeq {
  readonly table: ScanTable
  readonly S: number
  readonly heldMax: number
  readonly #directory: PageDirectory<SealedPage>
  readonly #held: HeldTiles
  readonly #pinned: number[] = []
  readonly #onRelease: (() => void) | undefined
  #isReleased = false

  /**
   * @throws DriftError SEQ_AHEAD where S is not applied yet.
   * @throws StaleDirectory where a page of the directory is gone.
   */
  constructor(table: ScanTable, directory: PageDirectory<SealedPage>, S: number, options: DirectoryPagesOptions = {}) {
    const { appliedSeq = directory.appliedSeq, pins = NO_PINS, heldMax = Infinity, onRelease } = options
    if (S > appliedSeq) {
      throw new DriftError('SEQ_AHEAD', `pages hold the events up to ${appliedSeq}, not up to ${S}`, { seq: S, appliedSeq })
    }
    this.table = table
    this.S = S
    this.heldMax = heldMax
    this.#directory = directory
    this.#held = new HeldTiles(pins)
    this.#onRelease = onRelease
    try {
      for (const { base, chunks } of directory.ranges) {
        if (base !== undefined) this.#pin(base)
        for (const chunk of chunks) this.#pin(chunk)
      }
    } catch (error) {
      this.release()
      throw error
    }
  }

  tiles(bounds: KeyBounds = {}): readonly Tile[] {
    return this.tilesOf(this.S, bounds)
  }

  tilesOf(point: number, bounds: KeyBounds = {}): readonly Tile[] {
    return tilesAt(this.#directory, point, bounds).map((tile) => this.#held.tile(tile))
  }

  tilesBetween(from: number, to: number, bounds: KeyBounds = {}): readonly TilesOfRange[] {
    return tilesBetween(this.#directory, from, to, bounds).map(({ low, high, tiles }) => ({
      low,
      high,
      tiles: tiles.map((tile) => this.#held.tile(tile))
    }))
  }

  sweepTiles(points: readonly number[]): readonly Tile[] {
    return sweepTiles(this.#directory, points).map((tile) => this.#held.tile(tile))
  }

  release(): void {
    if (this.#isReleased) return
    this.#isReleased = true
    this.#held.letGo()
    for (const address of this.#pinned.splice(0)) this.table.arena.unpin(address)
    this.#onRelease?.()
  }

  #pin({ address, generation }: PageView): void {
    if (!this.table.arena.pin(address, generation)) throw new StaleDirectory()
    this.#pinned.push(address)
  }
}
