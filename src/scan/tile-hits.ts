/**
 * The rows of a tile that a scan wants, in key order: by page the numbers of its rows, and which place each has among all of the tile.
 * Of a key at most one version is visible, so every hit has a key of its own.
 */
import { type KeyTable } from '../page/key-table.js'
import * as layout from '../page/page-layout.js'
import { type PageView } from '../page/page-view.js'
import { grown } from './grown.js'

/** Of one page, in ascending order of places. */
export type PageHits = { readonly page: PageView; readonly rows: Int32Array; readonly places: Int32Array }

export type TileHits = { readonly count: number; readonly pages: readonly PageHits[] }

export type SelectedRows = { readonly page: PageView; readonly rows: Int32Array }

/** Where more than this part of a base's rows were looked for in vain, all of its keys are noted. */
const MANY_MISSES = 64
/** Fewer hits than this part of the places are sorted by comparing them. */
const FEW = 16

export class TileOrder {
  readonly #keys: KeyTable
  /** By ordinal: a row of its key in the base where it was last looked for, or the one before which it would stand. Only a hint. */
  #hints = new Int32Array(0)

  constructor(keys: KeyTable) {
    this.#keys = keys
  }

  /** `base`: the tile's, whether or not a row of it is selected. */
  hits(base: PageView | undefined, selected: readonly SelectedRows[]): TileHits {
    const count = selected.reduce((sum, { rows }) => sum + rows.length, 0)
    const chunks = selected.filter(({ page }) => page.kind === layout.DELTA)
    if (chunks.length === 0) {
      return { count, pages: selected.map(({ page, rows }) => ({ page, rows, places: numbersTo(rows.length) })) }
    }
    const ofDelta = chunks.reduce((sum, { rows }) => sum + rows.length, 0)
    const ordinals = new Int32Array(ofDelta)
    const chunkOf = new Uint16Array(ofDelta)
    const rowOf = new Int32Array(ofDelta)
    let at = 0
    chunks.forEach(({ page, rows }, chunk) => {
      for (let row = 0; row < rows.length; row++, at++) {
        ordinals[at] = page.ordinalOf(rows[row] as number)
        chunkOf[at] = chunk
        rowOf[at] = rows[row] as number
      }
    })
    const behind = this.#placesInBase(base, ordinals)
    const ofBase = selected.find(({ page }) => page.kind !== layout.DELTA)
    const order = this.#inOrder(ordinals, behind, (base?.rowCount ?? 0) + 1)
    const hits = chunks.map(({ page, rows }) => ({ page, rows: new Int32Array(rows.length), places: new Int32Array(rows.length) }))
    const filled = new Int32Array(chunks.length)
    const baseRows = ofBase?.rows ?? new Int32Array(0)
    const basePlaces = new Int32Array(baseRows.length)
    let place = 0
    let fromBase = 0
    for (let index = 0; index < ofDelta; index++) {
      const hit = order[index] as number
      const before = behind[hit] as number
      while (fromBase < baseRows.length && (baseRows[fromBase] as number) < before) basePlaces[fromBase++] = place++
      const chunk = chunkOf[hit] as number
      const { rows, places } = hits[chunk] as PageHits
      const to = filled[chunk] as number
      rows[to] = rowOf[hit] as number
      places[to] = place++
      filled[chunk] = to + 1
    }
    while (fromBase < baseRows.length) basePlaces[fromBase++] = place++
    return { count, pages: ofBase === undefined ? hits : [{ page: ofBase.page, rows: baseRows, places: basePlaces }, ...hits] }
  }

  /** For each ordinal how many rows of the base have a key before it, or its own. */
  #placesInBase(base: PageView | undefined, ordinals: Int32Array): Int32Array {
    const places = new Int32Array(ordinals.length)
    if (base === undefined) return places
    const baseRows = base.rowCount
    if (this.#hints.length < this.#keys.capacity) this.#hints = grown(this.#hints, this.#keys.capacity)
    const hints = this.#hints
    let misses = 0
    for (let hit = 0; hit < ordinals.length; hit++) {
      const ordinal = ordinals[hit] as number
      const hint = hints[ordinal] as number
      if (hint < baseRows && base.ordinalOf(hint) === ordinal) {
        places[hit] = hint + 1
        continue
      }
      if (hint <= baseRows && this.#isPlaceOf(base, baseRows, hint, ordinal)) {
        places[hit] = hint
        continue
      }
      if (++misses * MANY_MISSES === baseRows) {
        const { i32, ordinalAt } = base
        for (let row = 0; row < baseRows; row++) hints[i32[ordinalAt + row] as number] = row
      }
      const place = this.#rowsUpTo(base, baseRows, ordinal)
      const isThere = place > 0 && base.ordinalOf(place - 1) === ordinal
      hints[ordinal] = isThere ? place - 1 : place
      places[hit] = place
    }
    return places
  }

  /** True if the key of `ordinal` would stand before row `place`. */
  #isPlaceOf(base: PageView, baseRows: number, place: number, ordinal: number): boolean {
    if (place === 0 && baseRows > 0) return this.#keys.compare(ordinal, base.ordinalOf(0)) < 0
    if (place > 0 && this.#keys.compare(base.ordinalOf(place - 1), ordinal) >= 0) return false
    return place === baseRows || this.#keys.compare(ordinal, base.ordinalOf(place)) < 0
  }

  #rowsUpTo(base: PageView, baseRows: number, ordinal: number): number {
    let low = 0
    let high = baseRows
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#keys.compare(base.ordinalOf(middle), ordinal) <= 0) low = middle + 1
      else high = middle
    }
    return low
  }

  /** The hits of the delta in key order: their places say it, and only keys at the same place are compared. */
  #inOrder(ordinals: Int32Array, places: Int32Array, placeCount: number): Int32Array {
    const count = ordinals.length
    const compare = (one: number, other: number) =>
      (places[one] as number) - (places[other] as number) || this.#keys.compare(ordinals[one] as number, ordinals[other] as number)
    if (count * FEW < placeCount) return Int32Array.from(ordinals, (_, hit) => hit).sort(compare)
    const order = new Int32Array(count)
    // Counted by place.
    const starts = new Int32Array(placeCount + 1)
    for (let hit = 0; hit < count; hit++) {
      const next = (places[hit] as number) + 1
      starts[next] = (starts[next] as number) + 1
    }
    for (let place = 0; place < placeCount; place++) starts[place + 1] = (starts[place + 1] as number) + (starts[place] as number)
    for (let hit = 0; hit < count; hit++) {
      const place = places[hit] as number
      const at = starts[place] as number
      starts[place] = at + 1
      order[at] = hit
    }
    for (let from = 0; from < count;) {
      const place = places[order[from] as number]
      let end = from + 1
      while (end < count && places[order[end] as number] === place) end++
      if (end - from > 1) sortPart(order, from, end, compare)
      from = end
    }
    return order
  }
}

let numbers = new Int32Array(0)

/** 0, 1, … below `count`; nobody writes to it. */
function numbersTo(count: number): Int32Array {
  if (numbers.length < count) {
    numbers = new Int32Array(Math.max(count, 2 * numbers.length))
    for (let index = 0; index < numbers.length; index++) numbers[index] = index
  }
  return numbers.subarray(0, count)
}

/** Mostly few, and mostly in their order already. */
function sortPart(order: Int32Array, from: number, end: number, compare: (one: number, other: number) => number): void {
  for (let index = from + 1; index < end; index++) {
    if (compare(order[index - 1] as number, order[index] as number) > 0) {
      order.subarray(from, end).sort(compare)
      return
    }
  }
}
