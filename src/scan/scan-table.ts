/** What a thread keeps of a table from scan to scan, and the pages of the table as one query sees them. */
import { DriftError } from '../base/errors.js'
import { decodeKey, type Key, KEY_TEXT } from '../codec/key-codec.js'
import { type Arena } from '../memory/arena.js'
import { StaleDirectory } from '../page/directory-image.js'
import { type KeyTable } from '../page/key-table.js'
import { type KeyBounds, type PageDirectory, type Tile, tilesAt, tilesBetween, type TilesOfRange } from '../page/page-directory.js'
import { type PageView } from '../page/page-view.js'
import { type ReadPlace, RowReader } from '../page/row-reader.js'
import { DocumentReader } from './document-reader.js'
import { OrdinalMarks } from './ordinal-marks.js'
import { type ScanMemory } from './scan-memory.js'
import { type SweepSlice, sweepSlices, sweepTiles } from './sweep-pages.js'
import { TextCells } from './text-cells.js'
import { TileOrder } from './tile-hits.js'

export type ScanTableOptions = {
  readonly arena: Arena
  readonly keys: KeyTable
  readonly memory: ScanMemory
  readonly readPlace?: ReadPlace | undefined
}

/** Canonical bytes of nearly all keys that are numbers. */
const NUMBER_BYTES = 9

/** One for each table and thread. */
export class ScanTable {
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
  seenLengths = 0

  constructor({ arena, keys, memory, readPlace }: ScanTableOptions) {
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
    const { heap, references } = this.keys
    // They lie anywhere in memory. Looked at in a loop that does nothing else, many are fetched at once: a third of the time.
    let seen = 0
    for (let index = 0; index < count; index++) {
      const reference = references[ordinals[from + index] as number] as number
      seen |= heap.memory(reference)[heap.index(reference)] as number
    }
    this.seenLengths = seen
    const values = new Array<Key>(count)
    for (let index = 0; index < count; index++) values[index] = this.keyValue(ordinals[from + index] as number)
    return values
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

/** The pages of a table at one seq. Whoever asked for them releases them. */
export type PagesAtSeq = {
  readonly table: ScanTable
  readonly S: number
  /** In order of keys, there until {@link release}. Bounds are canonical key bytes, `to` is not among them. */
  tiles(bounds?: KeyBounds): readonly Tile[]
  /** The same at an earlier point. */
  tilesOf(point: number, bounds?: KeyBounds): readonly Tile[]
  /** For each range of keys, in order, all tiles that have a seq from `from` to `to`; of one key oldest first. */
  tilesBetween(from: number, to: number, bounds?: KeyBounds): readonly TilesOfRange[]
  /** The same for points up to S, ascending: for a sweep. */
  slices(points: readonly number[]): readonly SweepSlice[]
  /** The same, a rectangle each, for threads that share them. */
  sweepTiles(points: readonly number[]): readonly Tile[]
  release(): void
}

export type DirectoryPagesOptions = {
  /** How far apply is, where that is further than the directory says: no page came or went since. */
  readonly appliedSeq?: number
  readonly onRelease?: () => void
}

/** Of a directory in this thread. Its open pages are pinned; a sealed page is there as long as its table has readers. */
export class DirectoryPages implements PagesAtSeq {
  readonly table: ScanTable
  readonly S: number
  readonly #directory: PageDirectory
  readonly #pinned: number[] = []
  readonly #onRelease: (() => void) | undefined
  #isReleased = false

  /**
   * @throws DriftError SEQ_AHEAD where S is not applied yet.
   * @throws StaleDirectory where a page of the directory is gone.
   */
  constructor(table: ScanTable, directory: PageDirectory, S: number, options: DirectoryPagesOptions = {}) {
    const { appliedSeq = directory.appliedSeq, onRelease } = options
    if (S > appliedSeq) {
      throw new DriftError('SEQ_AHEAD', `pages hold the events up to ${appliedSeq}, not up to ${S}`, { seq: S, appliedSeq })
    }
    this.table = table
    this.S = S
    this.#directory = directory
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
    return tilesAt(this.#directory, point, bounds)
  }

  tilesBetween(from: number, to: number, bounds: KeyBounds = {}): readonly TilesOfRange[] {
    return tilesBetween(this.#directory, from, to, bounds)
  }

  slices(points: readonly number[]): readonly SweepSlice[] {
    return sweepSlices(this.#directory, points)
  }

  sweepTiles(points: readonly number[]): readonly Tile[] {
    return sweepTiles(this.#directory, points)
  }

  release(): void {
    if (this.#isReleased) return
    this.#isReleased = true
    for (const address of this.#pinned.splice(0)) this.table.arena.unpin(address)
    this.#onRelease?.()
  }

  #pin({ address, generation }: PageView): void {
    if (!this.table.arena.pin(address, generation)) throw new StaleDirectory()
    this.#pinned.push(address)
  }
}
