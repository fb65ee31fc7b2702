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
  /** Of the hits of a delta: ordinal, number of its page, row, place in the base, and their numbers in key order. */
  #ordinals = new Int32Array(0)
  #chunkOf = new Int32Array(0)
  #rowOf = new Int32Array(0)
  #behind = new Int32Array(0)
  #order = new Int32Array(0)
  #starts = new Int32Array(0)

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
    this.#list(chunks, ofDelta)
    this.#findPlaces(base, ofDelta)
    this.#sort(ofDelta, (base?.rowCount ?? 0) + 1)
    const ofBase = selected.find(({ page }) => page.kind !== layout.DELTA)
    const baseRows = ofBase?.rows ?? NO_ROWS
    // Pages are many, with few hits each: one array is a tenth of the work of one for each.
    const numbers = new Int32Array(2 * ofDelta + baseRows.length)
    const starts = new Int32Array(chunks.length)
    for (let chunk = 1; chunk < chunks.length; chunk++) {
      starts[chunk] = (starts[chunk - 1] as number) + 2 * (chunks[chunk - 1] as SelectedRows).rows.length
    }
    const basePlaces = numbers.subarray(2 * ofDelta)
    const hits = chunks.map(({ page, rows: { length } }, chunk) => {
      const from = starts[chunk] as number
      return { page, rows: numbers.subarray(from, from + length), places: numbers.subarray(from + length, from + 2 * length) }
    })
    let place = 0
    let fromBase = 0
    for (let index = 0; index < ofDelta; index++) {
      const hit = this.#order[index] as number
      const before = this.#behind[hit] as number
      while (fromBase < baseRows.length && (baseRows[fromBase] as number) < before) basePlaces[fromBase++] = place++
      const chunk = this.#chunkOf[hit] as number
      const to = starts[chunk] as number
      numbers[to] = this.#rowOf[hit] as number
      numbers[to + (chunks[chunk] as SelectedRows).rows.length] = place++
      starts[chunk] = to + 1
    }
    while (fromBase < baseRows.length) basePlaces[fromBase++] = place++
    return { count, pages: ofBase === undefined ? hits : [{ page: ofBase.page, rows: baseRows, places: basePlaces }, ...hits] }
  }

  #list(chunks: readonly SelectedRows[], count: number): void {
    this.#ordinals = grown(this.#ordinals, count)
    this.#chunkOf = grown(this.#chunkOf, count)
    this.#rowOf = grown(this.#rowOf, count)
    let at = 0
    for (let chunk = 0; chunk < chunks.length; chunk++) {
      const { page, rows } = chunks[chunk] as SelectedRows
      const { i32, ordinalAt } = page
      for (let index = 0; index < rows.length; index++, at++) {
        const row = rows[index] as number
        this.#ordinals[at] = i32[ordinalAt + row] as number
        this.#chunkOf[at] = chunk
        this.#rowOf[at] = row
      }
    }
  }

  /** For each ordinal how many rows of the base have a key before it, or its own. */
  #findPlaces(base: PageView | undefined, count: number): void {
    this.#behind = grown(this.#behind, count)
    const places = this.#behind
    if (base === undefined) {
      places.fill(0, 0, count)
      return
    }
    const baseRows = base.rowCount
    if (this.#hints.length < this.#keys.capacity) this.#hints = grown(this.#hints, this.#keys.capacity)
    const hints = this.#hints
    let misses = 0
    for (let hit = 0; hit < count; hit++) {
      const ordinal = this.#ordinals[hit] as number
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
  #sort(count: number, placeCount: number): void {
    this.#order = grown(this.#order, count)
    const [places, ordinals, order] = [this.#behind, this.#ordinals, this.#order]
    const compare = (one: number, other: number) =>
      (places[one] as number) - (places[other] as number) || this.#keys.compare(ordinals[one] as number, ordinals[other] as number)
    if (count * FEW < placeCount) {
      for (let hit = 0; hit < count; hit++) order[hit] = hit
      order.subarray(0, count).sort(compare)
      return
    }
    // Counted by place.
    this.#starts = grown(this.#starts, placeCount + 1)
    const starts = this.#starts
    starts.fill(0, 0, placeCount + 1)
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
  }
}

const NO_ROWS = new Int32Array(0)

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
