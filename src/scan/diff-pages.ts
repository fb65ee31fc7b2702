/**
 * DIFF over version pages: the keys whose row differs between an earlier point and S, tile by tile of S. Only what is asked for is made; no
 * object a row.
 */
import { type KeyBounds, type Tile } from '../page/page-directory.js'
import { ChangedRows } from './changed-rows.js'
import { type Changes, changesInOrder, type WantedOfChanges } from './changes.js'
import { type PagesAtSeq } from './scan-table.js'

export type DiffOptions = {
  readonly bounds?: KeyBounds
  readonly reverse?: boolean
  /** Told how many rows of a tile were looked at. */
  readonly looked?: (rows: number) => void
}

export type ChangeCounts = { inserts: number; updates: number; deletes: number }

/** The changes in key order. A tile without any is a chance to look up. What is given is valid until the next. */
export function* diffPages(
  pages: PagesAtSeq,
  earlier: number,
  wanted: WantedOfChanges,
  options: DiffOptions = {}
): Generator<Changes, void> {
  for (const [found, tile] of changedRows(pages, earlier, options)) {
    const changes = changesInOrder(found, pages, tile, earlier, wanted)
    // Whoever reads them backwards does so within a tile.
    yield changes
  }
}

/** How many changes there are of each kind. Yields after each tile: a chance to look up. */
export function* countChanges(pages: PagesAtSeq, earlier: number, options: DiffOptions = {}): Generator<void, ChangeCounts> {
  const counts: ChangeCounts = { inserts: 0, updates: 0, deletes: 0 }
  for (const [{ count, paired, same, gone }] of changedRows(pages, earlier, options)) {
    let alike = 0
    for (let index = 0; index < count; index++) alike += same[index] as number
    counts.inserts += count - paired
    counts.updates += paired - alike
    for (const { selected } of gone) for (const { rows } of selected) counts.deletes += rows.length
    yield
  }
  return counts
}

/** With the tile of what was found. */
function* changedRows(
  pages: PagesAtSeq,
  earlier: number,
  { bounds = {}, reverse = false, looked }: DiffOptions
): Generator<readonly [ChangedRows, Tile], void> {
  const isBounded = bounds.from !== undefined || bounds.to !== undefined
  const found = new ChangedRows(pages, earlier, isBounded)
  const tiles = pages.tiles(bounds)
  for (const tile of reverse ? tiles.toReversed() : tiles) {
    const ofChanges = found.find(tile)
    looked?.(found.looked)
    yield [found, ofChanges]
    tile.letGo?.()
    ofChanges.letGo?.()
    for (const before of found.tilesBefore) before.letGo?.()
  }
}
