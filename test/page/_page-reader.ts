/**
 * Reads of a table's pages at any seq up to the applied one: scans, points, histories, counts. A read takes the directory as it is when
 * it begins and pins the pages that it will look at, so that whatever is applied, merged and installed meanwhile, its answer is that of
 * its S (VIS-5). `counters` say what it cost.
 */
import { assertLaw, DriftError } from '../../src/base/errors.js'
import { type Arena } from '../../src/memory/arena.js'
import { type Document } from '../../src/codec/value.js'
import { ColumnReader, type PageColumn, type RowRun } from './_column-reader.js'
import { type KeyTable, NOWHERE } from '../../src/page/key-table.js'
import {
  type KeyBounds,
  type PageDirectory,
  type RangeEntry,
  rangeIndex,
  type Past,
  tileOf,
  type Tile,
  tilesAt
} from '../../src/page/page-directory.js'
import { isHandle, type PagePins, type SealedPage } from '../../src/page/page-handle.js'
import * as layout from '../../src/page/page-layout.js'
import { type PageView } from '../../src/page/page-view.js'
import { RowOrder } from '../../src/page/row-order.js'
import { type ReadPlace, RowReader } from '../../src/page/row-reader.js'
import { lowerBound, rowInSorted } from '../../src/page/sorted-rows.js'

export const SCAN_ROWS_MAX = 1024
const FEW_HITS = 16

/** At most 1,024 rows: for each field that was asked for a column. */
export type PageBatch = {
  readonly rowCount: number
  readonly ordinals: Int32Array
  readonly columns: readonly PageColumn[]
  /** Where the scan was asked for them. */
  readonly documents?: readonly Document[]
}

export type ScanOptions = {
  /** Names of top-level fields. */
  readonly fields: readonly string[]
  readonly bounds?: KeyBounds
  /** `page`: in the order in which rows lie in pages, which is faster; ranges of keys still come one after the other. */
  readonly order?: 'key' | 'page'
  readonly documents?: 'keep' | 'drop'
}

/** One version of a row. `end` is Infinity while it is current. */
export type PageVersion = { readonly begin: number; readonly end: number; readonly document: Document }

export type ReadCounters = { rowsTouched: number; rowsVisible: number }

/** What a reader needs of a table; `TablePages` is one. */
export type PageSource = {
  readonly arena: Arena
  readonly keys: KeyTable
  readonly directory: PageDirectory<SealedPage>
  /** Where sealed pages may be gone from memory. */
  readonly pins?: PagePins
  /** The row at a location of `key-table.ts`. */
  at(location: number): { readonly view: PageView; readonly row: number; readonly t0: number } | undefined
}

type Found = { readonly view: PageView; readonly row: number }

export class PageReader {
  readonly counters: ReadCounters = { rowsTouched: 0, rowsVisible: 0 }
  readonly #source: PageSource
  readonly #rows: RowReader
  readonly #columns: ColumnReader
  readonly #order = new RowOrder()

  constructor(source: PageSource, readPlace?: ReadPlace) {
    this.#source = source
    this.#rows = new RowReader(source.keys, readPlace)
    this.#columns = new ColumnReader(this.#rows)
  }

  /** Live rows at S. @throws DriftError SEQ_AHEAD where S is not applied yet. */
  countAt(S: number, bounds: KeyBounds = {}): number {
    let count = 0
    for (const each of this.#tiles(S, bounds)) {
      this.#inMemory(each, (tile) => {
        for (const page of pagesOf(tile)) {
          const whole = isBounded(bounds) || page.kind === layout.DELTA ? -1 : wholeCount(page, S, tile)
          if (whole >= 0) this.#count(0, whole)
          count += whole >= 0 ? whole : this.#visibleRows(page, S, tile, bounds).length
        }
      })
    }
    return count
  }

  /**
   * The rows that are visible at S, in batches. Pages are pinned from the first batch on until the iteration ends; those that may be gone
   * from memory one after the other.
   * @throws DriftError SEQ_AHEAD where S is not applied yet.
   */
  *scanAt(S: number, options: ScanOptions): Generator<PageBatch, void> {
    const { bounds = {}, order = 'key' } = options
    const tiles = this.#tiles(S, bounds)
    const release = this.#pin(tiles)
    let held: PageView | undefined
    try {
      let pending = newBatch()
      for (const each of tiles) {
        if (each.page !== undefined && isHandle(each.page)) {
          // What waits for a full batch lies in pages that are let go before the next one is pinned.
          if (pending.rowCount > 0) yield this.#batch(pending.runs, pending.rowCount, options)
          pending = newBatch()
          if (held !== undefined) this.#pins().unpin(held)
          held = undefined
          held = this.#pins().pin(each.page)
        }
        const tile = resident(each, held)
        for (const run of this.#runs(tile, S, bounds, order)) {
          let from = 0
          while (from < run.rows.length) {
            const taken = Math.min(SCAN_ROWS_MAX - pending.rowCount, run.rows.length - from)
            pending.runs.push({ page: run.page, rows: run.rows.subarray(from, from + taken) })
            pending.rowCount += taken
            from += taken
            if (pending.rowCount < SCAN_ROWS_MAX) continue
            yield this.#batch(pending.runs, pending.rowCount, options)
            pending = newBatch()
          }
        }
      }
      if (pending.rowCount > 0) yield this.#batch(pending.runs, pending.rowCount, options)
    } finally {
      if (held !== undefined) this.#pins().unpin(held)
      release()
    }
  }

  /** The document of an ordinal at S; undefined where it is not there. */
  versionAt(ordinal: number, S: number): Document | undefined {
    return this.#find(ordinal, S, ({ view, row }) => this.#rows.documentOf(view, row))
  }

  /** The seqs [begin, end) of the version of an ordinal at S. */
  lifeAt(ordinal: number, S: number): { readonly begin: number; readonly end: number } | undefined {
    return this.#find(ordinal, S, ({ view, row }) => ({ begin: view.beginOf(row), end: view.endOf(row) }))
  }

  /** The same by canonical key bytes: without an ordinal the open delta is looked through. */
  versionOfKeyAt(key: Uint8Array, S: number): Document | undefined {
    const found = tileOf(this.#directoryAt(S), S, key)
    if (found === undefined) return undefined
    const compare = (page: PageView, row: number) => this.#source.keys.compareTo(page.ordinalOf(row), key)
    return this.#inMemory(found, (tile) => {
      for (const page of pagesOf(tile)) {
        const row = page.kind === layout.DELTA ? inDelta(page, S, compare) : rowInSorted(page, S, compare)
        if (row >= 0) return this.#rows.documentOf(page, row)
      }
      return undefined
    })
  }

  /** All versions of an ordinal, oldest first. Between an `end` and the next `begin` the row was deleted. */
  versionsOf(ordinal: number): PageVersion[] {
    const { keys, directory } = this.#source
    if (!keys.has(ordinal)) return []
    const key = keys.keyOf(ordinal)
    const { past, base, chunks } = directory.ranges[rangeIndex(directory.ranges, key)] as RangeEntry<SealedPage>
    const versions: PageVersion[] = []
    const add = (view: PageView, row: number): void => {
      versions.push({ begin: view.beginOf(row), end: view.endOf(row), document: this.#rows.documentOf(view, row) })
    }
    // A version is taken from the page in which it ends, or from the open one: there both bounds are known.
    eachSlice(past, key, (sealed) => {
      const page = isHandle(sealed) ? this.#pins().pin(sealed) : sealed
      try {
        for (let row = this.#firstRow(page, ordinal); row < page.rowCount && page.ordinalOf(row) === ordinal; row++) {
          if (page.endOf(row) !== Infinity) add(page, row)
        }
      } finally {
        if (isHandle(sealed)) this.#pins().unpin(page)
      }
    })
    if (base !== undefined) {
      for (let row = this.#firstRow(base, ordinal); row < base.rowCount && base.ordinalOf(row) === ordinal; row++) add(base, row)
    }
    for (const page of chunks) for (let row = 0; row < page.rowCount; row++) if (page.ordinalOf(row) === ordinal) add(page, row)
    return versions
  }

  #find<Value>(ordinal: number, S: number, use: (found: Found) => Value): Value | undefined {
    const { keys } = this.#source
    const directory = this.#directoryAt(S)
    if (!keys.has(ordinal)) return undefined
    let place = this.#source.at(keys.locationOf(ordinal))
    while (place !== undefined && S >= place.t0) {
      const { view, row } = place
      if (view.beginOf(row) <= S) return view.endOf(row) > S ? use({ view, row }) : undefined
      const previous = view.previousAt < 0 ? NOWHERE : (view.i32[view.previousAt + row] as number)
      if (previous === NOWHERE) return undefined
      place = this.#source.at(previous)
    }
    const found = tileOf(directory, S, keys.keyOf(ordinal))
    if (found === undefined) return undefined
    const compare = (view: PageView, row: number) => keys.compare(view.ordinalOf(row), ordinal)
    return this.#inMemory(found, (tile) => {
      for (const page of pagesOf(tile)) {
        const row = page.kind === layout.DELTA ? -1 : rowInSorted(page, S, compare)
        if (row >= 0) return use({ view: page, row })
      }
      return undefined
    })
  }

  /** A tile whose page may be gone is read in, and pinned until `use` has ended. */
  #inMemory<Value>(tile: Tile<SealedPage>, use: (tile: Tile) => Value): Value {
    if (tile.page === undefined || !isHandle(tile.page)) return use(resident(tile, undefined))
    const pins = this.#pins()
    const held = pins.pin(tile.page)
    try {
      return use(resident(tile, held))
    } finally {
      pins.unpin(held)
    }
  }

  #pins(): PagePins {
    const { pins } = this.#source
    assertLaw(pins !== undefined, 'MEM-7', 'a page is told by a handle, and nothing is there to pin it')
    return pins
  }

  #directoryAt(S: number): PageDirectory<SealedPage> {
    const { directory } = this.#source
    if (S > directory.appliedSeq) {
      throw new DriftError('SEQ_AHEAD', `pages hold the events up to ${directory.appliedSeq}, not up to ${S}`, {
        seq: S,
        appliedSeq: directory.appliedSeq
      })
    }
    return directory
  }

  #tiles(S: number, bounds: KeyBounds): Tile<SealedPage>[] {
    return tilesAt(this.#directoryAt(S), S, bounds)
  }

  #pin(tiles: readonly Tile<SealedPage>[]): () => void {
    const { arena } = this.#source
    const pinned: number[] = []
    const release = () => {
      for (const address of pinned.splice(0)) arena.unpin(address)
    }
    for (const tile of tiles) {
      // Cells of a delta refer to all pages of its rectangle.
      for (const page of tile.page === undefined ? tile.chunks : [tile.page, ...tile.chunks]) {
        if (isHandle(page)) continue
        if (!arena.pin(page.address, page.generation)) {
          release()
          throw new DriftError('INVARIANT', `MEM-5: the directory names a page at ${page.address} that is gone`, { law: 'MEM-5' })
        }
        pinned.push(page.address)
      }
    }
    return release
  }

  /** The visible rows of a tile: by page, or in key order with one run for each change of page. */
  #runs(tile: Tile, S: number, bounds: KeyBounds, order: 'key' | 'page'): RowRun[] {
    const runs = pagesOf(tile)
      .map((page): RowRun => ({ page, rows: this.#visibleRows(page, S, tile, bounds) }))
      .filter(({ rows }) => rows.length > 0)
    if (order === 'page' || !runs.some(({ page }) => page.kind === layout.DELTA)) return runs
    // Few hits are compared with one another; for many it is less work to count all rows of the rectangle through.
    const hits = runs.reduce((sum, { page, rows }) => (page.kind === layout.DELTA ? sum + rows.length : sum), 0)
    const total = pagesOf(tile).reduce((sum, { rowCount }) => sum + rowCount, 0)
    return hits * FEW_HITS < total ? this.#inKeyOrder(runs) : this.#countedInKeyOrder(tile, runs)
  }

  #countedInKeyOrder(tile: Tile, runs: readonly RowRun[]): RowRun[] {
    const pages = pagesOf(tile)
    // Counted once: a delta may grow meanwhile.
    const counts = pages.map(({ rowCount }) => rowCount)
    const total = counts.reduce((sum, count) => sum + count, 0)
    const pageOfRow = new Uint16Array(total)
    const rowInPage = new Int32Array(total)
    const isVisible = new Uint8Array(total)
    const ordinals = new Int32Array(total)
    let start = 0
    pages.forEach((page, index) => {
      const rowCount = counts[index] as number
      pageOfRow.fill(index, start, start + rowCount)
      ordinals.set(page.i32.subarray(page.ordinalAt, page.ordinalAt + rowCount), start)
      for (let row = 0; row < rowCount; row++) rowInPage[start + row] = row
      const rows = runs.find((run) => run.page === page)?.rows ?? noRows
      for (let row = 0; row < rows.length; row++) isVisible[start + (rows[row] as number)] = 1
      start += rowCount
    })
    const baseRows = tile.page === undefined ? 0 : (counts[0] as number)
    const sorted = this.#order.sort([{ baseRows, deltaRows: total - baseRows }], ordinals, total, this.#source.keys)
    const rows = new Int32Array(total)
    const all: RowRun[] = []
    let count = 0
    let from = 0
    let last = -1
    for (let index = 0; index < total; index++) {
      const source = sorted[index] as number
      if (isVisible[source] === 0) continue
      const page = pageOfRow[source] as number
      if (page !== last && count > from) {
        all.push({ page: pages[last] as PageView, rows: rows.subarray(from, count) })
        from = count
      }
      last = page
      rows[count++] = rowInPage[source] as number
    }
    if (count > from) all.push({ page: pages[last] as PageView, rows: rows.subarray(from, count) })
    return all
  }

  #inKeyOrder(runs: readonly RowRun[]): RowRun[] {
    const { keys } = this.#source
    type Hit = { readonly page: PageView; readonly row: number; readonly ordinal: number }
    const delta: Hit[] = []
    for (const { page, rows } of runs) {
      if (page.kind === layout.DELTA) for (const row of rows) delta.push({ page, row, ordinal: page.ordinalOf(row) })
    }
    delta.sort((one, other) => keys.compare(one.ordinal, other.ordinal))
    const [base] = runs[0]?.page.kind === layout.DELTA ? [undefined] : runs
    const merged: RowRun[] = []
    let at = 0
    const take = (hits: readonly Hit[]): void => {
      for (const { page, row } of hits) merged.push({ page, rows: Int32Array.of(row) })
    }
    if (base === undefined) take(delta)
    else {
      let from = 0
      for (const hit of delta) {
        while (at < base.rows.length && keys.compare(base.page.ordinalOf(base.rows[at] as number), hit.ordinal) < 0) at++
        if (at > from) merged.push({ page: base.page, rows: base.rows.subarray(from, at) })
        from = at
        take([hit])
      }
      if (base.rows.length > from) merged.push({ page: base.page, rows: base.rows.subarray(from) })
    }
    return joined(merged)
  }

  #visibleRows(page: PageView, S: number, tile: Tile, bounds: KeyBounds): Int32Array {
    const s = page.offsetOf(S)
    const { i32, beginAt, endAt } = page
    if (page.word(layout.BEGIN_MIN) > s || (page.word(layout.END_MAX) <= s && page.word(layout.END_MAX) !== layout.OPEN_END)) return noRows
    const isDelta = page.kind === layout.DELTA
    const from = isDelta ? 0 : this.#lowRow(page, tile.low)
    const to = isDelta ? prefix(page, s) : tile.high === undefined ? page.rowCount : this.#lowRow(page, tile.high)
    const rows = new Int32Array(Math.max(0, to - from))
    let count = 0
    for (let row = from; row < to; row++) {
      rows[count] = row
      count += ((i32[beginAt + row] as number) <= s ? 1 : 0) & ((i32[endAt + row] as number) > s ? 1 : 0)
    }
    let visible = rows.subarray(0, count)
    if (isDelta && isBounded(bounds)) visible = visible.filter((row) => this.#isWithin(page.ordinalOf(row), tile))
    this.#count(rows.length, visible.length)
    return visible
  }

  #isWithin(ordinal: number, { low, high }: Tile): boolean {
    const { keys } = this.#source
    return keys.compareTo(ordinal, low) >= 0 && (high === undefined || keys.compareTo(ordinal, high) < 0)
  }

  #count(touched: number, visible: number): void {
    this.counters.rowsTouched += touched
    this.counters.rowsVisible += visible
  }

  /** The first row of a sorted page with a key at or behind `key`. */
  #lowRow(page: PageView, key: Uint8Array): number {
    if (key.length === 0) return 0
    return lowerBound(page.rowCount, (row) => this.#source.keys.compareTo(page.ordinalOf(row), key) < 0)
  }

  #firstRow(page: PageView, ordinal: number): number {
    return lowerBound(page.rowCount, (row) => this.#source.keys.compare(page.ordinalOf(row), ordinal) < 0)
  }

  #batch(runs: readonly RowRun[], rowCount: number, { fields, documents }: ScanOptions): PageBatch {
    const ordinals = new Int32Array(rowCount)
    let at = 0
    for (const { page, rows } of runs) for (let row = 0; row < rows.length; row++) ordinals[at++] = page.ordinalOf(rows[row] as number)
    const columns = fields.map((field) => this.#columns.read(runs, rowCount, field))
    if (documents !== 'keep') return { rowCount, ordinals, columns }
    const all = runs.flatMap(({ page, rows }) => Array.from(rows, (row) => this.#rows.documentOf(page, row)))
    return { rowCount, ordinals, columns, documents: all }
  }
}

const noRows = new Int32Array(0)

function newBatch(): { readonly runs: RowRun[]; rowCount: number } {
  return { runs: [], rowCount: 0 }
}

/** The tile with its page in memory: `held` in the place of a handle. */
function resident(tile: Tile<SealedPage>, held: PageView | undefined): Tile {
  const { page } = tile
  return { ...tile, page: page === undefined ? undefined : isHandle(page) ? held : page }
}

function pagesOf({ page, chunks }: Tile): readonly PageView[] {
  return page === undefined ? chunks : [page, ...chunks]
}

function isBounded({ from, to }: KeyBounds): boolean {
  return from !== undefined || to !== undefined
}

/** Rows of a page that are visible at S where its bounds alone tell; else -1. */
function wholeCount(page: PageView, S: number, { low, high }: Tile): number {
  const s = page.offsetOf(S)
  if (page.word(layout.BEGIN_MIN) > s) return 0
  if (page.word(layout.BEGIN_MAX) > s || page.word(layout.END_MIN) <= s) return -1
  // The tile may be a part of the page.
  const isWhole = sameKey(page.lowKey, low) && sameKey(page.highKey, high)
  return isWhole ? page.rowCount : -1
}

function sameKey(one: Uint8Array | undefined, other: Uint8Array | undefined): boolean {
  return one === undefined || other === undefined ? one === other : Buffer.compare(one, other) === 0
}

/** Rows of a delta that begin at or before the offset `s`: they stand in the order of seqs. */
function prefix(page: PageView, s: number): number {
  return lowerBound(page.rowCount, (row) => (page.i32[page.beginAt + row] as number) <= s)
}

function inDelta(page: PageView, S: number, compare: (page: PageView, row: number) => number): number {
  for (let row = prefix(page, page.offsetOf(S)) - 1; row >= 0; row--) {
    if (page.endOf(row) > S && compare(page, row) === 0) return row
  }
  return -1
}

function eachSlice(past: Past<SealedPage>, key: Uint8Array, take: (page: SealedPage) => void): void {
  if (past.parents.length > 0) eachSlice(past.parents[rangeIndex(past.parents, key)] as Past<SealedPage>, key, take)
  for (const { page } of past.slices.slice(0, past.sliceCount)) if (page !== undefined) take(page)
}

/** Runs of one page side by side become one. */
function joined(runs: readonly RowRun[]): RowRun[] {
  const all: RowRun[] = []
  for (let index = 0; index < runs.length;) {
    const { page } = runs[index] as RowRun
    let end = index + 1
    while (end < runs.length && runs[end]?.page === page) end++
    const parts = runs.slice(index, end)
    const rows = new Int32Array(parts.reduce((sum, part) => sum + part.rows.length, 0))
    let at = 0
    for (const part of parts) {
      rows.set(part.rows, at)
      at += part.rows.length
    }
    all.push({ page, rows })
    index = end
  }
  return all
}
