/**
 * The open rectangles of a table in order of keys, and what readers are told of them: rows are published chunk by chunk, the directory is
 * made anew when it is asked for and rows or pages are others than before.
 *
 *   VIS-7  at every S the rectangles are disjoint in key and leave no key out
 */
import { type DeltaChunk } from './delta-chunk.js'
import { type KeyTable } from './key-table.js'
import { type OpenPages } from './open-pages.js'
import { OpenRange } from './open-range.js'
import { type PageDirectory, type RangeEntry } from './page-directory.js'
import { type SealedPage } from './page-handle.js'

export class OpenRanges {
  readonly keys: KeyTable
  readonly pages: OpenPages
  appliedSeq = 0
  #list: readonly OpenRange[]
  /** Counts every change of where the pages are. */
  #structure = 1
  #directory: PageDirectory<SealedPage> | undefined
  /** Chunks with rows that are not counted yet. */
  readonly #unpublished: DeltaChunk[] = []

  /** One rectangle without rows, of all keys. */
  constructor(keys: KeyTable, pages: OpenPages) {
    this.keys = keys
    this.pages = pages
    const low = new Uint8Array(0)
    this.#list = [new OpenRange(low, 0, { low, since: 0, slices: [], sliceCount: 0, parents: [] })]
  }

  /** What a snapshot had. */
  restore(list: readonly OpenRange[], appliedSeq: number, structure: number): void {
    this.#list = list
    this.appliedSeq = appliedSeq
    this.#structure = structure
  }

  get list(): readonly OpenRange[] {
    return this.#list
  }

  get last(): OpenRange {
    return this.#list[this.#list.length - 1] as OpenRange
  }

  get structure(): number {
    return this.#structure
  }

  /** The rectangle whose keys that of the ordinal is among. */
  rangeOf(ordinal: number): OpenRange {
    const ranges = this.#list
    let high = ranges.length - 1
    // Many keys come behind all others.
    if (this.#isWithin(ordinal, ranges[high] as OpenRange)) return ranges[high] as OpenRange
    let low = 0
    high--
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (this.#isWithin(ordinal, ranges[middle] as OpenRange)) low = middle
      else high = middle - 1
    }
    return ranges[low] as OpenRange
  }

  /** The first key behind the rectangle. */
  highOf(range: OpenRange): Uint8Array | undefined {
    // A range that is being installed is not among them yet: what a chunk says of its end is what was known when it was made.
    const index = this.#list.indexOf(range)
    return index < 0 ? undefined : this.#list[index + 1]?.low
  }

  /** A rectangle without rows behind the last one, for the key of the ordinal and those behind it. */
  append(ordinal: number): OpenRange {
    const low = this.keys.keyOf(ordinal)
    const { t0, past } = this.last
    const behind = new OpenRange(low, t0, { ...past, low })
    this.#list = [...this.#list, behind]
    this.#structure++
    return behind
  }

  /** Puts rectangles in the place of others side by side. */
  replace(old: readonly OpenRange[], fresh: readonly OpenRange[]): void {
    const index = this.#list.indexOf(old[0] as OpenRange)
    this.#list = [...this.#list.slice(0, index), ...fresh, ...this.#list.slice(index + old.length)]
  }

  /** Rows came or ended up to `seq`. */
  rowsChanged(seq: number): void {
    this.appliedSeq = seq
    this.#directory = undefined
  }

  /** Pages came or went. */
  pagesChanged(): void {
    this.#directory = undefined
    this.#structure++
  }

  /** The chunk has rows that are to be counted at the next {@link publish}. */
  toPublish(chunk: DeltaChunk): void {
    chunk.isUnpublished = true
    this.#unpublished.push(chunk)
  }

  /** Everything that was taken is there for whoever reads. */
  publish(): void {
    const chunks = this.#unpublished
    for (let index = 0; index < chunks.length; index++) (chunks[index] as DeltaChunk).publish()
    if (chunks.length > 0) chunks.length = 0
  }

  /** The pages as they are now; sealed ones by handles where they may leave memory. */
  get directory(): PageDirectory<SealedPage> {
    this.publish()
    this.#directory ??= {
      version: this.#structure,
      appliedSeq: this.appliedSeq,
      ranges: this.#list.map(({ low, t0, base, chunks, past }): RangeEntry<SealedPage> => ({
        low,
        t0,
        base: base?.view,
        chunks: chunks.map(({ view }) => view),
        past
      }))
    }
    return this.#directory
  }

  /** The table is given up. */
  clear(): void {
    this.#unpublished.length = 0
    this.#list = []
  }

  /** True if the key is none below the range. */
  #isWithin(ordinal: number, { low, lowData }: OpenRange): boolean {
    return this.keys.compareWith(ordinal, lowData, 0, low.length) >= 0
  }
}
