/**
 * Where the pages of a table are: the plane key x seq, tiled by rectangles. Plain data that is never changed once it was given out: a new
 * version shares what is as before, so that a reader keeps the directory that it began with.
 *
 * A range of keys has its open rectangle and the sealed ones below it. Ranges that were split share the slices from before; a range that
 * was merged has slices of its own from then on, and looks into its parents for what was before.
 */
import { compareKeys } from '../codec/key-codec.js'
import { type PageHandle } from './page-handle.js'
import { type PageView } from './page-view.js'

/**
 * A sealed rectangle. Without a page it has no rows. `Sealed` is what stands for its page: the page itself where all pages stay in
 * memory, a handle where sealed ones may be given up (`page-handle.ts`).
 */
export type Slice<Sealed = PageView> = {
  readonly t0: number
  readonly t1: number
  readonly low: Uint8Array
  readonly page: Sealed | undefined
}

export type Past<Sealed = PageView> = {
  readonly low: Uint8Array
  /** From here on the slices say all, before it the parents. */
  readonly since: number
  /** Append-only and shared; the first `sliceCount` are this one's, in order of time. */
  readonly slices: Slice<Sealed>[]
  readonly sliceCount: number
  /** In order of keys. */
  readonly parents: readonly Past<Sealed>[]
}

export type RangeEntry<Sealed = PageView> = {
  /** The first key; the range ends where the next begins. Empty: from the first of all. */
  readonly low: Uint8Array
  readonly t0: number
  readonly base: PageView | undefined
  /** In order of seq. */
  readonly chunks: readonly PageView[]
  readonly past: Past<Sealed>
}

export type PageDirectory<Sealed = PageView> = {
  readonly version: number
  /** All events up to this one are in the pages. */
  readonly appliedSeq: number
  readonly ranges: readonly RangeEntry<Sealed>[]
}

/** Canonical bytes; absent: no bound. */
export type KeyBounds = { readonly from?: Uint8Array | undefined; readonly to?: Uint8Array | undefined }

/** One rectangle at some S, and what is asked of it: its keys within [low, high). */
export type Tile<Sealed = PageView> = {
  readonly low: Uint8Array
  readonly high: Uint8Array | undefined
  readonly t0: number
  readonly t1: number
  /** Base, sealed page, or none. */
  readonly page: PageView | Sealed | undefined
  readonly chunks: readonly PageView[]
  /** What the page is called where it may be gone from memory: asked for, it is brought back (`held-tiles.ts`). */
  readonly sealed?: PageHandle | undefined
  /** The page may leave memory: nothing that was found in it is looked at any more. */
  letGo?(): void
}

/** Tiles one behind the other in time, of the keys within [low, high). */
export type TilesOfRange<Sealed = PageView> = {
  readonly low: Uint8Array
  readonly high: Uint8Array | undefined
  readonly tiles: readonly Tile<Sealed>[]
}

const noChunks: readonly PageView[] = []

/**
 * From this S on the open rectangle answers. Its base is what was alive behind the last event before t0: so it answers for that one too,
 * with fewer rows than the sealed page, and a present without events since is read as such.
 */
export function openFrom({ t0 }: { readonly t0: number }): number {
  return t0 - 1
}

/** The rectangles at S that have keys within the bounds, in order of keys, each once and cut to those bounds. */
export function tilesAt<Sealed>({ ranges }: PageDirectory<Sealed>, S: number, { from, to }: KeyBounds = {}): Tile<Sealed>[] {
  const tiles: Tile<Sealed>[] = []
  for (let index = from === undefined ? 0 : rangeIndex(ranges, from); index < ranges.length; index++) {
    const range = ranges[index] as RangeEntry<Sealed>
    if (to !== undefined && range.low.length > 0 && compareKeys(range.low, to) >= 0) break
    const low = later(range.low, from)
    const high = earlier(ranges[index + 1]?.low, to)
    if (S >= openFrom(range)) tiles.push({ low, high, t0: range.t0, t1: Infinity, page: range.base, chunks: range.chunks })
    else addPast(tiles, range.past, S, low, high)
  }
  return tiles
}

/**
 * The rectangles that have keys within the bounds and a seq from `from` to `to`: for each range of keys, in order, those of its keys; of one
 * key oldest first. A page from before a split comes for each half, cut to it.
 */
export function tilesBetween<Sealed>(
  { ranges }: PageDirectory<Sealed>,
  from: number,
  to: number,
  bounds: KeyBounds = {}
): TilesOfRange<Sealed>[] {
  const found: TilesOfRange<Sealed>[] = []
  for (let index = bounds.from === undefined ? 0 : rangeIndex(ranges, bounds.from); index < ranges.length; index++) {
    const range = ranges[index] as RangeEntry<Sealed>
    if (bounds.to !== undefined && range.low.length > 0 && compareKeys(range.low, bounds.to) >= 0) break
    const low = later(range.low, bounds.from)
    const high = earlier(ranges[index + 1]?.low, bounds.to)
    const tiles: Tile<Sealed>[] = []
    addPastBetween(tiles, range.past, from, to, low, high)
    if (to >= range.t0) tiles.push({ low, high, t0: range.t0, t1: Infinity, page: range.base, chunks: range.chunks })
    found.push({ low, high, tiles })
  }
  return found
}

function addPastBetween<Sealed>(
  tiles: Tile<Sealed>[],
  past: Past<Sealed>,
  from: number,
  to: number,
  low: Uint8Array,
  high: Uint8Array | undefined
): void {
  if (from < past.since) {
    eachParent(past, low, high, (parent, parentLow, parentHigh) => addPastBetween(tiles, parent, from, to, parentLow, parentHigh))
  }
  for (let index = Math.max(0, sliceIndex(past, from)); index < past.sliceCount; index++) {
    const { t0, t1, page } = past.slices[index] as Slice<Sealed>
    if (t0 > to) break
    if (t1 > from) tiles.push({ low, high, t0, t1, page, chunks: noChunks })
  }
}

/** The parents that have keys within [low, high), and those keys' bounds. */
function eachParent<Sealed>(
  { parents }: Past<Sealed>,
  low: Uint8Array,
  high: Uint8Array | undefined,
  take: (parent: Past<Sealed>, low: Uint8Array, high: Uint8Array | undefined) => void
): void {
  parents.forEach((parent, index) => {
    const parentHigh = parents[index + 1]?.low
    if (high !== undefined && compareKeys(parent.low, high) >= 0) return
    if (parentHigh !== undefined && compareKeys(parentHigh, low) <= 0) return
    take(parent, index === 0 ? low : later(parent.low, low), earlier(parentHigh, high))
  })
}

/** Rows of its pages; none is brought back for it. */
export function rowsOfTile(tile: Tile): number {
  let rows = tile.sealed?.rows ?? tile.page?.rowCount ?? 0
  for (const { rowCount } of tile.chunks) rows += rowCount
  return rows
}

/** The rectangle of a key at S. */
export function tileOf<Sealed>({ ranges }: PageDirectory<Sealed>, S: number, key: Uint8Array): Tile<Sealed> | undefined {
  const index = rangeIndex(ranges, key)
  const range = ranges[index] as RangeEntry<Sealed>
  const high = ranges[index + 1]?.low
  if (S >= openFrom(range)) return { low: range.low, high, t0: range.t0, t1: Infinity, page: range.base, chunks: range.chunks }
  let { past } = range
  while (S < past.since) {
    let parent = past.parents.length - 1
    while (parent > 0 && compareKeys((past.parents[parent] as Past<Sealed>).low, key) > 0) parent--
    past = past.parents[parent] as Past<Sealed>
  }
  const slice = sliceAt(past, S)
  return slice === undefined ? undefined : { low: slice.low, high, t0: slice.t0, t1: slice.t1, page: slice.page, chunks: noChunks }
}

/** The range that a key belongs to. */
export function rangeIndex(ranges: readonly { readonly low: Uint8Array }[], key: Uint8Array): number {
  let low = 0
  let high = ranges.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (compareKeys((ranges[middle] as { readonly low: Uint8Array }).low, key) <= 0) low = middle
    else high = middle - 1
  }
  return low
}

function addPast<Sealed>(tiles: Tile<Sealed>[], past: Past<Sealed>, S: number, low: Uint8Array, high: Uint8Array | undefined): void {
  if (S < past.since) {
    eachParent(past, low, high, (parent, parentLow, parentHigh) => addPast(tiles, parent, S, parentLow, parentHigh))
    return
  }
  const slice = sliceAt(past, S)
  if (slice === undefined) return
  const { t0, t1, page } = slice
  const last = tiles[tiles.length - 1]
  // A page from before a split belongs to both halves: once is enough.
  if (last?.page !== undefined && last.page === page) tiles[tiles.length - 1] = { ...last, high }
  else tiles.push({ low, high, t0, t1, page, chunks: noChunks })
}

function sliceAt<Sealed>(past: Past<Sealed>, S: number): Slice<Sealed> | undefined {
  return past.slices[Math.max(0, sliceIndex(past, S))]
}

/** Of the last slice that begins at or before S; -1: none does. */
function sliceIndex<Sealed>({ slices, sliceCount }: Past<Sealed>, S: number): number {
  let low = -1
  let high = sliceCount - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if ((slices[middle] as Slice<Sealed>).t0 <= S) low = middle
    else high = middle - 1
  }
  return low
}

/** `past` with one slice more. Only the newest past of a range may be added to: others share its list. */
export function withSlice<Sealed>(past: Past<Sealed>, slice: Slice<Sealed>): Past<Sealed> {
  // Where a sibling added to the shared list before, this one goes on with a list of its own.
  const slices = past.slices.length === past.sliceCount ? past.slices : past.slices.slice(0, past.sliceCount)
  slices.push(slice)
  return { ...past, slices, sliceCount: past.sliceCount + 1 }
}

function later(low: Uint8Array, other: Uint8Array | undefined): Uint8Array {
  return other !== undefined && compareKeys(other, low) > 0 ? other : low
}

function earlier(high: Uint8Array | undefined, other: Uint8Array | undefined): Uint8Array | undefined {
  if (high === undefined || other === undefined) return high ?? other
  return compareKeys(other, high) < 0 ? other : high
}
