/**
 * The tiles between which the rows of some keys differ. A chain are rectangles of the same keys that lie one behind the other in time from
 * the one point to the other, each one sorted page: then what ended in each, and what is new in the last one, say all that differs, and
 * rows that are as they were need not be looked for.
 */
import { type KeyBounds, type Tile, rowsOfTile } from '../page/page-directory.js'
import * as layout from '../page/page-layout.js'
import { begunRows } from './page-slice.js'
import { type PagesAtSeq } from './scan-table.js'

/** More tiles than this are not looked through. */
const TILES_MAX = 8
/** Within so many a begin that is cut off in its page, being too far from its base, is before the earlier point. */
const SEQS_MAX = 0x7fff_fffe
/** So many times the rows of both points may be looked at: a row of these costs less than one whose key is marked. */
const ROWS_SHARE = 2

/** The last tile has what is visible at S, those before it what was at the earlier point; a chain is oldest first. */
export type ChangedTiles = { readonly tiles: readonly Tile[]; readonly isChain: boolean }

/** In key order, with no key twice. No page is brought back for it. */
export function changedTiles(pages: PagesAtSeq, earlier: number, bounds: KeyBounds = {}): ChangedTiles[] {
  return pages.tiles(bounds).map((tile) => {
    const chain = chainOf(pages, earlier, tile)
    if (chain !== undefined) return { tiles: chain, isChain: true }
    return { tiles: [...pages.tilesOf(earlier, { from: tile.low, to: tile.high }), tile], isChain: false }
  })
}

/** Undefined where the tiles are none. */
function chainOf(pages: PagesAtSeq, earlier: number, tile: Tile): readonly Tile[] | undefined {
  if (pages.S - earlier > SEQS_MAX) return undefined
  const { low, high } = tile
  const [range, another] = pages.tilesBetween(earlier, pages.S, { from: low, to: high })
  if (range === undefined || another !== undefined) return undefined
  const chain = [...range.tiles]
  const last = chain[chain.length - 1]
  // An open rectangle in which nothing happened has the rows with which the one before it ended.
  if (last !== undefined && chain.length > 1 && isAsBegun(last, pages.S)) chain.pop()
  const [first] = chain
  if (first === undefined || chain.length > Math.min(TILES_MAX, pages.heldMax) || first.t0 > earlier) return undefined
  const rows = chain.reduce((sum, each) => sum + rowsOfTile(each), 0)
  if (rows > ROWS_SHARE * (rowsOfTile(first) + rowsOfTile(tile))) return undefined
  for (const [index, each] of chain.entries()) {
    const next = chain[index + 1]
    if (next !== undefined && each.t1 !== next.t0) return undefined
    if (!isSame(each.low, low) || !isSame(each.high, high)) return undefined
    if (each.chunks.some((chunk) => begunRows(chunk, chunk.offsetOf(pages.S)) > 0)) return undefined
  }
  return chain
}

/** True where nothing began or ended in an open tile up to S. */
function isAsBegun({ t0, t1, page, chunks }: Tile, S: number): boolean {
  if (t1 !== Infinity) return false
  if (S < t0) return true
  if (page !== undefined && (page.word(layout.BEGIN_MAX) >= page.offsetOf(t0) || page.word(layout.END_MIN) <= page.offsetOf(S)))
    return false
  return chunks.every((chunk) => begunRows(chunk, chunk.offsetOf(S)) === 0)
}

function isSame(one: Uint8Array | undefined, other: Uint8Array | undefined): boolean {
  if (one === other) return true
  return one !== undefined && other !== undefined && Buffer.compare(one, other) === 0
}
