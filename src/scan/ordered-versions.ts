/**
 * The versions of a window of time in the order of their keys, those of one key in the order of their begins; a range of keys at a time.
 * Each comes from the page in which it ends, or is visible at the window's last point.
 */
import { type KeyBounds, type Tile, type TilesOfRange } from '../page/page-directory.js'
import { maskOf } from './aggregate-tiles.js'
import { mergedPlaces } from './changes.js'
import { endedSlicesOf, type PageSlice, slicesOf } from './page-slice.js'
import { type PagesAtSeq, type ScanTable } from './scan-table.js'
import { firstEnds } from './version-ends.js'
import { selectedRows } from './selected-rows.js'
import { type PageHits, type SelectedRows, type TileHits } from './tile-hits.js'

/** By place. */
export type OrderedVersions = {
  readonly count: number
  readonly hits: TileHits
  readonly begins: Float64Array
  /** Infinity: behind S, or where ends are not wanted behind the last point. */
  readonly ends: Float64Array
}

export type VersionOptions = {
  readonly bounds?: KeyBounds
  /** Of keys; those of one key stay in their order. */
  readonly reverse?: boolean
  readonly ends?: 'all' | 'in-window'
  /** Told how many rows were looked at. */
  readonly looked?: (rows: number) => void
}

/** False where a range has more sealed pages in the window than may be held at once. */
export function canOrder(
  pages: PagesAtSeq,
  { after, last }: { readonly after: number; readonly last: number },
  bounds: KeyBounds
): boolean {
  return pages.tilesBetween(after + 1, last, bounds).every(({ tiles }) => tiles.filter(({ sealed }) => sealed).length <= pages.heldMax)
}

/** Versions with a begin up to `last` and an end behind `after`, which is not behind it. An empty answer is a chance to look up. */
export function* orderedVersions(
  pages: PagesAtSeq,
  { after, last }: { readonly after: number; readonly last: number },
  { bounds = {}, reverse = false, ends = 'all', looked }: VersionOptions = {}
): Generator<OrderedVersions, void> {
  const isBounded = bounds.from !== undefined || bounds.to !== undefined
  const ranges = pages.tilesBetween(after + 1, last, bounds)
  for (const range of reverse ? ranges.toReversed() : ranges) {
    const found = new RangeVersions(pages.table, looked)
    for (const tile of range.tiles) for (const slice of endedSlicesOf(pages.table, after, last, tile, isBounded)) found.addEnded(slice)
    found.addVisible(pages, last, range, isBounded)
    const versions = found.inOrder(reverse)
    if (ends === 'all' && last < pages.S) addEnds(versions, pages, range, last)
    yield versions
    for (const tile of [...range.tiles, ...found.visible]) tile.letGo?.()
  }
}

const NONE = new Int32Array(0)

/** Of the versions that outlive the window. */
function addEnds({ count, hits, ends }: OrderedVersions, pages: PagesAtSeq, range: TilesOfRange, last: number): void {
  const ordinalOf = new Int32Array(count)
  for (const { page, rows, places } of hits.pages) {
    for (let hit = 0; hit < rows.length; hit++) ordinalOf[places[hit] as number] = page.ordinalOf(rows[hit] as number)
  }
  const open = new Int32Array(count)
  let openCount = 0
  for (let place = 0; place < count; place++) if (ends[place] === Infinity) open[openCount++] = place
  const ordinals = Int32Array.from({ length: openCount }, (_, index) => ordinalOf[open[index] as number] as number)
  const found = firstEnds(pages, range, last, ordinals)
  for (let index = 0; index < openCount; index++) if (found[index] !== 0) ends[open[index] as number] = found[index] as number
}

class RangeVersions {
  readonly #table: ScanTable
  readonly #looked: ((rows: number) => void) | undefined
  /** Of one key, older ones first. */
  readonly #parts: SelectedRows[] = []
  /** What is read at the last point. */
  visible: readonly Tile[] = []
  /** From here on they are visible at the last point. */
  #visibleFrom = 0
  /** Of what is visible, in key order. */
  #ordered: Int32Array = NONE
  /** The rank of each key. */
  #marks: Int32Array = NONE
  #base = 0

  constructor(table: ScanTable, looked: ((rows: number) => void) | undefined) {
    this.#table = table
    this.#looked = looked
  }

  addEnded(slice: PageSlice): void {
    const rows = this.#select(slice)
    if (rows.length > 0) this.#parts.push({ page: slice.page, rows })
  }

  addVisible(pages: PagesAtSeq, last: number, { low, high }: TilesOfRange, isBounded: boolean): void {
    this.#visibleFrom = this.#parts.length
    const ordered: Int32Array[] = []
    this.visible = pages.tilesOf(last, { from: low, to: high })
    for (const tile of this.visible) {
      const selected: SelectedRows[] = []
      for (const slice of slicesOf(this.#table, last, tile, isBounded)) {
        const rows = this.#select(slice)
        if (rows.length > 0) selected.push({ page: slice.page, rows })
      }
      this.#parts.push(...selected)
      const hits = this.#table.order.hits(tile.page, selected)
      const ordinals = new Int32Array(hits.count)
      for (const { page, rows, places } of hits.pages) {
        for (let hit = 0; hit < rows.length; hit++) ordinals[places[hit] as number] = page.ordinalOf(rows[hit] as number)
      }
      ordered.push(ordinals)
    }
    this.#ordered = joined(ordered)
  }

  inOrder(reverse: boolean): OrderedVersions {
    const parts = this.#parts
    const count = parts.reduce((sum, { rows }) => sum + rows.length, 0)
    const starts = this.#starts(count, reverse)
    // By place: the part, and the row.
    const partOf = new Uint16Array(count)
    const rowOf = new Int32Array(count)
    parts.forEach(({ page, rows }, part) => {
      for (let index = 0; index < rows.length; index++) {
        const row = rows[index] as number
        const rank = this.#rankOf(page.ordinalOf(row))
        const place = starts[rank] as number
        starts[rank] = place + 1
        partOf[place] = part
        rowOf[place] = row
      }
    })
    const begins = new Float64Array(count)
    const ends = new Float64Array(count)
    const filled = new Int32Array(parts.length)
    const hits = parts.map(({ page, rows }): PageHits => ({ page, rows: new Int32Array(rows.length), places: new Int32Array(rows.length) }))
    for (let place = 0; place < count; place++) {
      const part = partOf[place] as number
      const row = rowOf[place] as number
      const { page, rows, places } = hits[part] as PageHits
      const at = filled[part] as number
      rows[at] = row
      places[at] = place
      filled[part] = at + 1
      begins[place] = page.beginOf(row)
      ends[place] = part < this.#visibleFrom ? page.endOf(row) : Infinity
    }
    return { count, hits: { count, pages: hits }, begins, ends }
  }

  #rankOf(ordinal: number): number {
    return (this.#marks[ordinal + 1] as number) - this.#base
  }

  /** By rank of its key, where the versions of a key begin. */
  #starts(count: number, reverse: boolean): Int32Array {
    const ordered = this.#allInOrder(count)
    const keys = ordered.length
    const { marks, base } = this.#table.marks.begin(keys)
    for (let index = 0; index < keys; index++) marks[(ordered[index] as number) + 1] = base + (reverse ? keys - 1 - index : index)
    this.#marks = marks
    this.#base = base
    const starts = new Int32Array(keys + 1)
    for (const { page, rows } of this.#parts) {
      for (let index = 0; index < rows.length; index++) {
        const next = this.#rankOf(page.ordinalOf(rows[index] as number)) + 1
        starts[next] = (starts[next] as number) + 1
      }
    }
    for (let rank = 0; rank < keys; rank++) starts[rank + 1] = (starts[rank + 1] as number) + (starts[rank] as number)
    return starts
  }

  /** The keys of all parts, each once: mostly those that are visible at the last point, whose order is known. */
  #allInOrder(count: number): Int32Array {
    const ordered = this.#ordered
    const { marks, base } = this.#table.marks.begin(1)
    for (const ordinal of ordered) marks[ordinal + 1] = base
    const others = new Int32Array(count)
    let otherCount = 0
    for (const { page, rows } of this.#parts.slice(0, this.#visibleFrom)) {
      for (let index = 0; index < rows.length; index++) {
        const ordinal = page.ordinalOf(rows[index] as number)
        if (marks[ordinal + 1] === base) continue
        marks[ordinal + 1] = base
        others[otherCount++] = ordinal
      }
    }
    if (otherCount === 0) return ordered
    const gone = others.subarray(0, otherCount).sort((one, other) => this.#table.keys.compare(one, other))
    const places = mergedPlaces(this.#table, ordered, gone)
    const all = new Int32Array(ordered.length + otherCount)
    ordered.forEach((ordinal, index) => (all[places.after[index] as number] = ordinal))
    gone.forEach((ordinal, index) => (all[places.gone[index] as number] = ordinal))
    return all
  }

  #select(slice: PageSlice): Int32Array {
    slice.scratch.reset()
    this.#looked?.(slice.rows)
    const mask = maskOf(slice, undefined, this.#table)
    return selectedRows(slice, mask)
  }
}

function joined(arrays: readonly Int32Array[]): Int32Array {
  const [only] = arrays
  if (arrays.length === 1 && only !== undefined) return only
  const all = new Int32Array(arrays.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const array of arrays) {
    all.set(array, at)
    at += array.length
  }
  return all
}
