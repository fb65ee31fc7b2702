/** What was found to differ in a tile, in key order. */
import { type Tile } from '../page/page-directory.js'
import { type ChangedRows, type GoneRows } from './changed-rows.js'
import * as layout from '../page/page-layout.js'
import { lastEnds } from './version-ends.js'
import { type PagesAtSeq, type ScanTable } from './scan-table.js'
import { type PageHits, type SelectedRows, type TileHits } from './tile-hits.js'

export const CHANGE_INSERT = 0
export const CHANGE_UPDATE = 1
export const CHANGE_DELETE = 2

export type WantedOfChanges = {
  /** Where rows are. */
  readonly after: boolean
  /** Where rows were before. */
  readonly before: boolean
  readonly seqs: boolean
}

/** By place, in key order. */
export type Changes = {
  readonly count: number
  readonly kinds: Uint8Array
  readonly ordinals: Int32Array
  /** Of the last event of each key; empty unless it was wanted. */
  readonly seqs: Float64Array
  /** Of the places whose key has a row then; empty unless they were wanted. */
  readonly after: TileHits
  readonly before: TileHits
}

/** `found`: in the keys of `tile`, with nothing marked since. */
export function changesInOrder(found: ChangedRows, pages: PagesAtSeq, tile: Tile, earlier: number, wanted: WantedOfChanges): Changes {
  const { table } = pages
  const hits = table.order.hits(tile.page, differing(found))
  const goneHits = found.gone.map((rows) => hitsOfGone(table, rows))
  const goneCount = goneHits.reduce((sum, { count }) => sum + count, 0)
  const count = hits.count + goneCount
  const ofAfter = ordinalsOf(hits)
  const ofGone = new Int32Array(goneCount)
  const goneFrom = goneHits.map((_, index) => goneHits.slice(0, index).reduce((sum, before) => sum + before.count, 0))
  goneHits.forEach((before, index) => ofGone.set(ordinalsOf(before), goneFrom[index]))
  const merged = goneCount === 0 ? undefined : mergedPlaces(table, ofAfter, ofGone)
  const kinds = new Uint8Array(count)
  const ordinals = merged === undefined ? ofAfter : new Int32Array(count)
  const numbers = numbersOf(found, ofAfter)
  for (let index = 0; index < hits.count; index++) {
    const ordinal = ofAfter[index] as number
    const number = numbers[index] as number
    const place = merged === undefined ? index : (merged.after[index] as number)
    ordinals[place] = ordinal
    kinds[place] = found.before[number] === 0 ? CHANGE_INSERT : CHANGE_UPDATE
  }
  for (let index = 0; index < goneCount; index++) {
    const place = merged?.gone[index] as number
    ordinals[place] = ofGone[index] as number
    kinds[place] = CHANGE_DELETE
  }
  const isAfter = wanted.after || wanted.seqs
  const after = !isAfter ? [] : merged === undefined ? hits.pages : hits.pages.map((page) => moved(page, merged.after, 0))
  const gone = (): PageHits[] =>
    goneHits.flatMap(({ pages: of }, index) => of.map((page) => moved(page, merged?.gone ?? NO_PLACES, goneFrom[index] as number)))
  const before = wanted.before ? [...changedBefore(found, numbers, merged?.after), ...gone()] : []
  const seqs = new Float64Array(wanted.seqs ? count : 0)
  if (wanted.seqs) {
    for (const { page, rows, places } of after) {
      for (let hit = 0; hit < rows.length; hit++) seqs[places[hit] as number] = page.beginOf(rows[hit] as number)
    }
    const ends = goneCount === 0 ? seqs : lastEnds(pages, tile, earlier, ofGone)
    for (let index = 0; index < goneCount; index++) seqs[merged?.gone[index] as number] = ends[index] as number
  }
  return { count, kinds, ordinals, seqs, after: { count, pages: after }, before: { count, pages: before } }
}

/** In key order, also where they ended in several sorted pages of the same keys. */
function hitsOfGone(table: ScanTable, { tile, selected }: GoneRows): TileHits {
  if (selected.length < 2 || selected.some(({ page }) => page.kind === layout.DELTA)) return table.order.hits(tile.page, selected)
  const count = selected.reduce((sum, { rows }) => sum + rows.length, 0)
  const all = selected.flatMap(({ page, rows }, of) => Array.from(rows, (row, index) => ({ of, index, ordinal: page.ordinalOf(row) })))
  all.sort((one, other) => table.keys.compare(one.ordinal, other.ordinal))
  const pages = selected.map(({ page, rows }) => ({ page, rows, places: new Int32Array(rows.length) }))
  for (const [place, { of, index }] of all.entries()) (pages[of] as PageHits).places[index] = place
  return { count, pages }
}

/** The rows that are new, or not as they were. */
function differing({ parts, rows, same }: ChangedRows): SelectedRows[] {
  const selected: SelectedRows[] = []
  for (const { page, from, to } of parts) {
    const some = new Int32Array(to - from)
    let count = 0
    for (let index = from; index < to; index++) {
      some[count] = rows[index] as number
      count += 1 - (same[index] as number)
    }
    if (count > 0) selected.push({ page, rows: some.subarray(0, count) })
  }
  return selected
}

/** Of the rows that {@link differing} gives, in key order. */
function numbersOf(found: ChangedRows, ordinals: Int32Array): Int32Array {
  const isSorted = found.parts.length === 1 && found.parts[0]?.page.kind !== layout.DELTA
  if (!isSorted) return ordinals.map((ordinal) => found.numberOf(ordinal))
  const numbers = new Int32Array(ordinals.length)
  let count = 0
  for (let number = 0; number < found.count; number++) if (found.same[number] === 0) numbers[count++] = number
  return numbers
}

function ordinalsOf({ count, pages }: TileHits): Int32Array {
  const ordinals = new Int32Array(count)
  for (const { page, rows, places } of pages) {
    const { i32, ordinalAt } = page
    for (let hit = 0; hit < rows.length; hit++) ordinals[places[hit] as number] = i32[ordinalAt + (rows[hit] as number)] as number
  }
  return ordinals
}

type Merged = { readonly after: Int32Array; readonly gone: Int32Array }

/** The places of two lists of keys among both. The second is the shorter one, as a rule. */
export function mergedPlaces({ keys }: ScanTable, ofAfter: Int32Array, ofGone: Int32Array): Merged {
  const after = new Int32Array(ofAfter.length)
  const gone = new Int32Array(ofGone.length)
  let next = 0
  for (let index = 0; index < ofGone.length; index++) {
    const ordinal = ofGone[index] as number
    const isBefore = (at: number): boolean => at < ofAfter.length && keys.compare(ofAfter[at] as number, ordinal) < 0
    // Steps of twice the width, then halves.
    let low = next
    let width = 1
    while (isBefore(low + width - 1)) {
      low += width
      width *= 2
    }
    let high = Math.min(low + width - 1, ofAfter.length)
    while (low < high) {
      const middle = (low + high) >> 1
      if (isBefore(middle)) low = middle + 1
      else high = middle
    }
    for (; next < low; next++) after[next] = next + index
    gone[index] = low + index
  }
  for (; next < ofAfter.length; next++) after[next] = next + ofGone.length
  return { after, gone }
}

const NO_PLACES = new Int32Array(0)

function moved({ page, rows, places }: PageHits, to: Int32Array, from: number): PageHits {
  const next = new Int32Array(places.length)
  for (let hit = 0; hit < next.length; hit++) next[hit] = to[from + (places[hit] as number)] as number
  return { page, rows, places: next }
}

/** Where rows that changed were before. */
function changedBefore({ before, beforeRows, beforePages }: ChangedRows, numbers: Int32Array, places: Int32Array | undefined): PageHits[] {
  const counts = new Int32Array(beforePages.length + 1)
  for (const number of numbers) {
    const page = before[number] as number
    counts[page] = (counts[page] as number) + 1
  }
  const hits = beforePages.map((page, index): PageHits => {
    const rows = new Int32Array(counts[index + 1] as number)
    return { page, rows, places: new Int32Array(rows.length) }
  })
  counts.fill(0)
  for (let index = 0; index < numbers.length; index++) {
    const number = numbers[index] as number
    const page = before[number] as number
    if (page === 0) continue
    const { rows, places: to } = hits[page - 1] as PageHits
    const hit = counts[page] as number
    rows[hit] = beforeRows[number] as number
    to[hit] = places === undefined ? index : (places[index] as number)
    counts[page] = hit + 1
  }
  return hits
}
