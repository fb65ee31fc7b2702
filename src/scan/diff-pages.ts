/**
 * DIFF over version pages: the keys whose row differs between an earlier point and S, some tiles after the other. Only what is asked for is
 * made; no object a row.
 */
import { type KeyBounds, type Tile } from '../page/page-directory.js'
import { ChangedRows, type DiffWindow } from './changed-rows.js'
import { type ChangedTiles, changedTiles } from './changed-tiles.js'
import { findByMarks } from './changes-by-marks.js'
import { findInChain } from './changes-in-chain.js'
import { type Changes, changesInOrder, type WantedOfChanges } from './changes.js'
import { type ChangeCounts, type ChangesFragment } from './fragment.js'
import { type PagesAtSeq, type ScanTable } from './scan-table.js'

export type DiffOptions = {
  readonly bounds?: KeyBounds
  readonly reverse?: boolean
  /** Told how many rows were looked at. */
  readonly looked?: (rows: number) => void
}

/** The changes in key order. Tiles without any are a chance to look up. What is given is valid until the next. */
export function* diffPages(
  pages: PagesAtSeq,
  earlier: number,
  wanted: WantedOfChanges,
  { bounds = {}, reverse = false, looked }: DiffOptions = {}
): Generator<Changes, void> {
  const found = ChangedRows.of(pages.table)
  const window = { S: pages.S, earlier, isBounded: isBounded(bounds) }
  const tiles = changedTiles(pages, earlier, bounds)
  for (const changed of reverse ? tiles.toReversed() : tiles) {
    const tile = find(found, changed, window)
    looked?.(found.looked)
    // Whoever reads them backwards does so within a tile.
    yield changesInOrder(found, pages, tile, earlier, wanted)
    letGo(changed)
  }
}

/** How many changes there are of each kind. Yields the rows that were looked at. */
export function* countChanges(table: ScanTable, changed: Iterable<ChangedTiles>, window: DiffWindow): Generator<number, ChangeCounts> {
  const counts = { inserts: 0, updates: 0, deletes: 0 }
  const found = ChangedRows.of(table)
  for (const tiles of changed) {
    find(found, tiles, window)
    const { count, paired, same, gone } = found
    let alike = 0
    for (let index = 0; index < count; index++) alike += same[index] as number
    counts.inserts += count - paired
    counts.updates += paired - alike
    for (const { selected } of gone) for (const { rows } of selected) counts.deletes += rows.length
    yield found.looked
    letGo(tiles)
  }
  return counts
}

/** The same as a fragment, and its tiles; see {@link sumOfChanges}. */
export function changesFragment(
  changed: readonly ChangedTiles[],
  { earlier, isBounded: isCut }: Omit<DiffWindow, 'S'>
): { readonly fragment: ChangesFragment; readonly tiles: readonly Tile[] } {
  const starts = [0]
  for (const { tiles } of changed) starts.push((starts[starts.length - 1] as number) + tiles.length)
  const isChain = changed.map((each) => each.isChain)
  return { fragment: { kind: 'changes', earlier, isBounded: isCut, starts, isChain }, tiles: changed.flatMap(({ tiles }) => tiles) }
}

export function sumOfChanges(partials: readonly ChangeCounts[]): ChangeCounts {
  const sum = (of: (counts: ChangeCounts) => number): number => partials.reduce((total, counts) => total + of(counts), 0)
  return { inserts: sum(({ inserts }) => inserts), updates: sum(({ updates }) => updates), deletes: sum(({ deletes }) => deletes) }
}

/** What differs in the keys of some tiles; the one in which the rows of S were found. */
function find(found: ChangedRows, { tiles, isChain }: ChangedTiles, window: DiffWindow): Tile {
  const last = tiles[tiles.length - 1] as Tile
  const before = tiles.slice(0, -1)
  found.begin()
  if (isChain) findInChain(found, window, last, before)
  else findByMarks(found, window, last, before)
  return last
}

/** Tiles may be less than their pages. */
export function isBounded({ from, to }: KeyBounds): boolean {
  return from !== undefined || to !== undefined
}

function letGo({ tiles }: ChangedTiles): void {
  for (const tile of tiles) tile.letGo?.()
}
