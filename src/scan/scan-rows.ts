/** The rows of tiles that fulfil a condition, as batches of values in key order: only hits become values. */
import { type Document } from '../codec/value.js'
import { type Tile } from '../page/page-directory.js'
import { maskOf } from './aggregate-tiles.js'
import { readValues } from './column-values.js'
import { type ScanCondition } from './condition.js'
import { type DocumentReader, type ShapePlan } from './document-reader.js'
import { FieldReader } from './field-reader.js'
import { NONE } from './mask.js'
import { pageMask } from './page-mask.js'
import { type PageMask, type PageSlice, slicesOf } from './page-slice.js'
import { type ScanTable } from './scan-table.js'
import { selectedRows } from './selected-rows.js'
import { type PageHits, type SelectedRows, type TileHits } from './tile-hits.js'

export const SCAN_BATCH_ROWS_MAX = 1024

const NO_ROWS = new Int32Array(0)

export type RowQuery = {
  readonly where?: ScanCondition | undefined
  /** Top-level fields; each becomes a column. */
  readonly fields: readonly string[]
  readonly documents: 'keep' | 'drop'
  readonly reverse?: boolean
}

export type RowScanOptions = {
  readonly isBounded?: boolean
  /** Told how many rows of a tile were looked at. */
  readonly looked?: (rows: number) => void
  /** Rows of the first batch; each later one has twice as many. */
  readonly firstRows?: number
}

/** A value is null where its null byte is 1; null and absent are the same. */
export type RowColumn = { readonly values: readonly unknown[]; readonly nulls: Uint8Array }

export type RowBatch = { readonly rowCount: number; readonly columns: readonly RowColumn[]; readonly documents?: readonly Document[] }

/** Makes a batch of some hits of a tile. */
export type MakeBatch<Batch> = (windows: readonly Window[], rowCount: number, first: number, reversed: boolean) => Batch

/**
 * An empty batch for a tile without hits is a chance to look up.
 * @throws DriftError INVALID_ARGUMENT for a LIKE pattern that ends in its escape character.
 */
export function* scanRows(
  pages: { readonly table: ScanTable; readonly S: number },
  tiles: readonly Tile[],
  query: RowQuery,
  options: RowScanOptions = {}
): Generator<RowBatch, void> {
  const maker = new BatchMaker(pages.table, query)
  const scan = new RowScan<RowBatch>(pages, query, maker.batch, options)
  const count = tiles.length
  for (let index = 0; index < count; index++) {
    const tile = tiles[query.reverse === true ? count - 1 - index : index] as Tile
    yield* scan.tile(tile, { rowCount: 0, columns: [], documents: [] })
    tile.letGo?.()
  }
}

/** Rows tile by tile, in whichever order the tiles come. */
export class RowScan<Batch> {
  readonly #table: ScanTable
  readonly #S: number
  readonly #where: PageMask | undefined
  readonly #make: MakeBatch<Batch>
  readonly #reversed: boolean
  readonly #options: RowScanOptions
  /** Hits of the tile behind the batch that came last. */
  rowsLeft = 0
  #rowsMax: number

  constructor(
    { table, S }: { readonly table: ScanTable; readonly S: number },
    query: RowQuery,
    make: MakeBatch<Batch>,
    options: RowScanOptions
  ) {
    this.#table = table
    this.#S = S
    this.#where = query.where === undefined ? undefined : pageMask(query.where, table)
    this.#make = make
    this.#reversed = query.reverse === true
    this.#options = options
    this.#rowsMax = options.firstRows ?? SCAN_BATCH_ROWS_MAX
  }

  /** The batches of a tile, without its first `skip` hits; `nothing` where it has none. */
  *tile(tile: Tile, nothing: Batch, skip = 0): Generator<Batch, void> {
    const { isBounded = false, looked } = this.#options
    const hits = hitsOf(this.#table, this.#S, tile, this.#where, isBounded, skip === 0 ? looked : undefined)
    if (hits.count === 0) {
      yield nothing
      return
    }
    const windows = new HitWindows(hits, this.#reversed)
    if (skip > 0) windows.next(skip)
    for (let left = hits.count - skip; left > 0;) {
      const rows = Math.min(left, this.#rowsMax)
      left -= rows
      this.rowsLeft = left
      yield this.#make(windows.next(rows), rows, windows.first, windows.reversed)
      this.#rowsMax = Math.min(SCAN_BATCH_ROWS_MAX, this.#rowsMax * 2)
    }
  }
}

/** The hits of a tile in key order. */
export function hitsOf(
  table: ScanTable,
  S: number,
  tile: Tile,
  where: PageMask | undefined,
  isBounded: boolean,
  looked?: (rows: number) => void
): TileHits {
  const selected: SelectedRows[] = []
  let seen = 0
  for (const slice of slicesOf(table, S, tile, isBounded)) {
    seen += slice.rows
    slice.scratch.reset()
    const rows = where?.rows?.(slice) ?? maskedRows(slice, where, table)
    if (rows.length > 0) selected.push({ page: slice.page, rows })
  }
  looked?.(seen)
  return table.order.hits(tile.page, selected)
}

function maskedRows(slice: PageSlice, where: PageMask | undefined, table: ScanTable): Int32Array {
  const mask = maskOf(slice, where, table)
  return mask === NONE ? NO_ROWS : selectedRows(slice, mask)
}

/** Those hits of a page that lie in [from, to). */
export type Window = { readonly hits: PageHits; readonly from: number; readonly to: number }

/** Goes through the hits of a tile by place: of each page those that lie in the next places. */
export class HitWindows {
  /** The first place of the window. */
  first = 0
  readonly reversed: boolean
  readonly #pages: readonly PageHits[]
  readonly #at: Int32Array
  #next: number

  constructor({ pages, count }: TileHits, reversed: boolean) {
    this.reversed = reversed
    this.#pages = pages
    this.#at = Int32Array.from(pages, ({ rows }) => (reversed ? rows.length : 0))
    this.#next = reversed ? count : 0
  }

  next(rows: number): Window[] {
    const first = this.reversed ? this.#next - rows : this.#next
    const end = first + rows
    this.first = first
    this.#next = this.reversed ? first : end
    const windows: Window[] = []
    this.#pages.forEach((hits, page) => {
      const { places } = hits
      const at = this.#at[page] as number
      let other = at
      if (this.reversed) while (other > 0 && (places[other - 1] as number) >= first) other--
      else while (other < places.length && (places[other] as number) < end) other++
      this.#at[page] = other
      if (other !== at) windows.push({ hits, from: Math.min(at, other), to: Math.max(at, other) })
    })
    return windows
  }
}

export class BatchMaker {
  readonly #readers: readonly FieldReader[]
  readonly #documents: DocumentReader | undefined

  constructor(table: ScanTable, { fields, documents }: RowQuery) {
    this.#readers = fields.map((field) => new FieldReader(table, field))
    this.#documents = documents === 'keep' ? table.documents : undefined
  }

  readonly batch: MakeBatch<RowBatch> = (windows, rowCount, first, reversed) => {
    const columns = this.#readers.map((reader): RowColumn => {
      const values = new Array<unknown>(rowCount)
      const nulls = new Uint8Array(rowCount)
      for (const { hits, from, to } of windows)
        readValues(reader, { page: hits.page, rows: hits.rows, places: hits.places, from, to, first, values, nulls })
      if (reversed) {
        values.reverse()
        nulls.reverse()
      }
      return { values, nulls }
    })
    if (this.#documents === undefined) return { rowCount, columns }
    const documents = new Array<Document>(rowCount)
    const values = new Map<ShapePlan, readonly unknown[][]>()
    for (const { hits, from, to } of windows) {
      this.#documents.read({ page: hits.page, rows: hits.rows, places: hits.places, from, to, first, documents, columns: values })
    }
    return { rowCount, columns, documents: reversed ? documents.reverse() : documents }
  }
}
