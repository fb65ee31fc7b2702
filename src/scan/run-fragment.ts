/** What one thread does of a fragment: it takes morsels until none is left, and keeps one partial result over all of them. */
import { unreachable } from '../base/errors.js'
import { type Tile } from '../page/page-directory.js'
import { aggregateTiles } from './aggregate-tiles.js'
import { bytesWithin } from './bytes-within.js'
import { type ChangedTiles } from './changed-tiles.js'
import { countChanges } from './diff-pages.js'
import { type ChangesFragment, type PartialFragment, type PartialResult, type RowsFragment, type SweepFragment } from './fragment.js'
import { type ScanTable } from './scan-table.js'
import { SweepAggregates } from './sweep-aggregates.js'
import { slicesOfSweep } from './sweep-pages.js'

/** A piece of a run, one tile or some, and its number. */
export type Morsel = { readonly index: number; readonly tiles: readonly Tile[] }

/** How many morsels the tiles of a run are. */
export function morselCount(fragment: PartialFragment | RowsFragment, tileCount: number): number {
  return fragment.kind === 'changes' ? fragment.starts.length - 1 : tileCount
}

/** The tiles of a morsel, made one by one. */
export function tilesOfMorsel(fragment: PartialFragment | RowsFragment, index: number, tileAt: (index: number) => Tile): readonly Tile[] {
  if (fragment.kind !== 'changes') return [tileAt(index)]
  const from = fragment.starts[index] as number
  return Array.from({ length: (fragment.starts[index + 1] as number) - from }, (_, tile) => tileAt(from + tile))
}

/** Where a thread gets its work: some morsels at once, none where none is left. Those before are given back by it. */
export type MorselSource = { take(count: number): readonly Morsel[] }

type Pages = { readonly table: ScanTable; readonly S: number }

/** Yields the rows that were looked at. */
export function runFragment(fragment: PartialFragment, pages: Pages, source: MorselSource): Generator<number, PartialResult> {
  switch (fragment.kind) {
    case 'aggregate': {
      const { query, isBounded, groupBytesMax } = fragment
      return aggregateTiles(pages, tilesFrom(source), query, { isBounded, keep: bytesWithin(groupBytesMax) })
    }
    case 'sweep':
      return sweepOf(fragment, pages.table, source)
    case 'changes':
      return countChanges(pages.table, changedFrom(fragment, source), { ...fragment, S: pages.S })
    default:
      return unreachable(fragment)
  }
}

function* tilesFrom(source: MorselSource): Generator<Tile, void> {
  for (let [morsel] = source.take(1); morsel !== undefined; [morsel] = source.take(1)) yield morsel.tiles[0] as Tile
}

function* changedFrom({ isChain }: ChangesFragment, source: MorselSource): Generator<ChangedTiles, void> {
  for (let [morsel] = source.take(1); morsel !== undefined; [morsel] = source.take(1)) {
    yield { tiles: morsel.tiles, isChain: isChain[morsel.index] as boolean }
  }
}

function* sweepOf({ query, points }: SweepFragment, table: ScanTable, source: MorselSource): Generator<number, PartialResult> {
  const sweep = SweepAggregates.of(table, points, query)
  if (sweep === undefined) return undefined
  try {
    for (const tile of tilesFrom(source)) {
      const slices = slicesOfSweep(tile)
      if (!sweep.add(slices)) return undefined
      yield slices.reduce((rows, { page }) => rows + page.rowCount, 0)
    }
    return sweep.partials()
  } finally {
    sweep.release()
  }
}
