/** Ranges of keys as pages know them: canonical bytes. */
import { limits } from '../base/limits.js'
import { encodeKey, keyBytes, type Key } from '../codec/key-codec.js'
import { type KeyBounds, type Tile } from '../page/page-directory.js'
import * as layout from '../page/page-layout.js'
import { slicesOf } from '../scan/page-slice.js'
import { type PagesAtSeq } from '../scan/scan-table.js'
import { type KeyRange, type QuerySource } from '../relation/query-source.js'

/** A range with about so many rows, or the first so many of a table, are read row by row. */
export const SMALL_RANGE_ROWS = 512

const scratch = new Uint8Array(limits.keyBytesMax + 128)

export function boundsOf({ gt, gte, lt, lte }: KeyRange): KeyBounds {
  const from = gt !== undefined ? behind(gt) : gte === undefined ? undefined : keyBytes(gte)
  const to = lte !== undefined ? behind(lte) : lt === undefined ? undefined : keyBytes(lt)
  return { from, to }
}

export function isBounded({ from, to }: KeyBounds): boolean {
  return from !== undefined || to !== undefined
}

/** The pages of a table, to be released by the caller, where it has some and the range is worth them. */
export function pagesForRange(source: QuerySource, table: string, range: KeyRange): PagesAtSeq | undefined {
  const pages = source.pages?.(table)
  if (pages === undefined) return undefined
  const bounds = boundsOf(range)
  if (!isBounded(bounds) || !isSmall(pages, pages.tiles(bounds))) return pages
  pages.release()
  return undefined
}

/** Rows of the sorted pages within the bounds, and of deltas that stand alone. */
function isSmall({ table, S }: PagesAtSeq, tiles: readonly Tile[]): boolean {
  let rows = 0
  for (const tile of tiles) {
    for (const slice of slicesOf(table, S, tile, true)) {
      if (slice.page.kind !== layout.DELTA || tile.page === undefined) rows += slice.rows
    }
    tile.letGo?.()
    if (rows > SMALL_RANGE_ROWS) return false
  }
  return true
}

/** The least bytes behind those of a key. */
function behind(key: Key): Uint8Array {
  const bytes = encodeKey(key, scratch)
  scratch[bytes] = 0
  return scratch.slice(0, bytes + 1)
}
