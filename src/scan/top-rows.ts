/**
 * The rows that ORDER BY one field LIMIT n wants, without sorting: a first pass over the column finds the n-th best value, which gets
 * better as it goes and leaves out pages by their zone maps and rows by a comparison; a second one reads the rows that are as good. They
 * come in key order, and of rows with equal values the first in key order are chosen, as a stable sort would.
 *
 * For columns of numbers or times. Any value that lies elsewhere is left to the row engine.
 */
import { type Tile } from '../page/page-directory.js'
import { type KernelColumn } from '../kernel/kernels.js'
import * as layout from '../page/page-layout.js'
import { type ColumnView, type PageView } from '../page/page-view.js'
import { maskOf } from './aggregate-tiles.js'
import { type ScanCondition } from './condition.js'
import { FieldReader } from './field-reader.js'
import { kernelColumn } from './kernel-column.js'
import { ALL, NONE } from './mask.js'
import { pageMask } from './page-mask.js'
import { type PageMask, type PageSlice, slicesOf } from './page-slice.js'
import { BatchMaker, HitWindows, type RowBatch, type RowQuery, SCAN_BATCH_ROWS_MAX } from './scan-rows.js'
import { type ScanTable } from './scan-table.js'
import { selectedRows } from './selected-rows.js'
import { BestValues } from './best-values.js'

export type RowOrder = {
  readonly field: string
  readonly descending: boolean
  readonly nullsFirst: boolean
  /** At least 1. */
  readonly count: number
}

/** The limit gets better with each piece. */
const PIECE_ROWS = 1024

type TopOptions = { readonly isBounded?: boolean; readonly looked?: (rows: number) => void }

type TileSlices = {
  readonly tile: Tile
  readonly slices: readonly PageSlice[]
  /** By slice: no value is better than this, by sign; -Infinity where there is none. */
  readonly bounds: Float64Array
}

/** Undefined where pages cannot tell. Where too many sealed pages would have to be held at once, one tile is looked at after the other. */
export function topRows(
  { table, S, heldMax = Infinity }: { readonly table: ScanTable; readonly S: number; readonly heldMax?: number },
  tiles: readonly Tile[],
  query: Omit<RowQuery, 'reverse'>,
  order: RowOrder,
  { isBounded = false, looked }: TopOptions = {}
): Generator<RowBatch, void> | undefined {
  const slicesNow = (tile: Tile): TileSlices => {
    const made = tileSlices(slicesOf(table, S, tile, isBounded), tile)
    for (const { rows } of made.slices) looked?.(rows)
    return made
  }
  const search = new TopSearch(table, query, order)
  const values = new ValueClass(table, order.field)
  const isHeld = tiles.filter(({ sealed }) => sealed).length <= heldMax
  if (isHeld) {
    const all = tiles.map(slicesNow)
    if (!values.takes(all)) return undefined
    search.find(all)
    return search.rows(all, values.isTime)
  }
  const good: TileBounds[] = []
  for (const tile of tiles) {
    const made = slicesNow(tile)
    if (!values.takes([made])) return undefined
    search.find([made])
    if (search.mayHave(made)) good.push({ tile, bounds: made.bounds })
    tile.letGo?.()
  }
  return search.rows(
    againOf(good, (tile) => slicesOf(table, S, tile, isBounded)),
    values.isTime
  )
}

type TileBounds = Pick<TileSlices, 'tile' | 'bounds'>

/** Tiles that are looked at once more, one after the other. */
function* againOf(tiles: readonly TileBounds[], slicesAt: (tile: Tile) => readonly PageSlice[]): Generator<TileSlices, void> {
  for (const { tile, bounds } of tiles) {
    yield { tile, slices: slicesAt(tile), bounds }
    tile.letGo?.()
  }
}

function tileSlices(slices: readonly PageSlice[], tile: Tile): TileSlices {
  return { tile, slices, bounds: new Float64Array(slices.length).fill(-Infinity) }
}

/** The one class that all values of the field have. */
class ValueClass {
  readonly #field: string
  readonly #reader: FieldReader
  #found = layout.CLASS_UNTYPED

  constructor(table: ScanTable, field: string) {
    this.#field = field
    this.#reader = new FieldReader(table, field)
  }

  get isTime(): boolean {
    return this.#found === layout.CLASS_TIME
  }

  /** False where some values of these tiles lie elsewhere, or are of another class than those before. */
  takes(tiles: readonly TileSlices[]): boolean {
    return tiles.every(({ slices }) => slices.every(({ page }) => this.#takesPage(page)))
  }

  #takesPage(page: PageView): boolean {
    const column = page.columnNamed(this.#field)
    if (column === undefined) return this.#reader.shapesWith(page) === undefined
    if ((column.flags & layout.HAS_REST) !== 0) return false
    const { valueClass } = column
    if (valueClass === layout.CLASS_UNTYPED) return true
    if (valueClass !== layout.CLASS_NUMBER && valueClass !== layout.CLASS_TIME) return false
    if (this.#found !== layout.CLASS_UNTYPED && this.#found !== valueClass) return false
    this.#found = valueClass
    return true
  }
}

/** Looks for the best values, then for their rows. */
class TopSearch {
  readonly #table: ScanTable
  readonly #query: Omit<RowQuery, 'reverse'>
  readonly #order: RowOrder
  readonly #where: PageMask | undefined
  /** Values are taken times this, so that a larger one is better. */
  readonly #sign: 1 | -1
  readonly #best: BestValues
  #nulls = 0

  constructor(table: ScanTable, query: Omit<RowQuery, 'reverse'>, order: RowOrder) {
    this.#table = table
    this.#query = query
    this.#order = order
    this.#where = query.where === undefined ? undefined : pageMask(query.where, table)
    this.#sign = order.descending ? 1 : -1
    this.#best = new BestValues(order.count)
  }

  /** Pages that promise most come first. */
  find(tiles: readonly TileSlices[]): void {
    const { field, nullsFirst, count } = this.#order
    const places = tiles.flatMap(({ slices, bounds }) =>
      slices.map((slice, index) => {
        const column = slice.page.columnNamed(field)
        return { slice, bounds, index, column, bound: this.#boundOf(column) }
      })
    )
    places.sort((one, other) => other.bound - one.bound)
    for (const { slice, bounds, index, column, bound } of places) {
      // NULL rows are looked for until they alone are enough.
      const wantsNulls = nullsFirst && this.#nulls < count && (column === undefined || column.statesAt >= 0)
      const isHopeless = bound < this.#best.worst
      if (isHopeless && !wantsNulls) continue
      slice.scratch.reset()
      const mask = maskOf(slice, this.#where, this.#table)
      if (mask === NONE) continue
      if (wantsNulls) this.#nulls += nullCount(slice, column, mask)
      if (column === undefined || isHopeless || column.valueClass === layout.CLASS_UNTYPED) continue
      bounds[index] = this.#look(slice, column, mask)
    }
  }

  /** True if a tile that was looked at may have rows that are wanted. */
  mayHave({ bounds }: TileSlices): boolean {
    // NULL rows are looked for in all of them.
    return this.#order.nullsFirst || this.#best.count < this.#order.count || bounds.some((bound) => bound >= this.#best.worst)
  }

  /** In key order, the rows that are wanted. */
  *rows(tiles: Iterable<TileSlices>, isTime: boolean): Generator<RowBatch, void> {
    const { field, nullsFirst, count } = this.#order
    const operator = this.#sign > 0 ? '>=' : '<='
    let nulls = nullsFirst ? Math.min(this.#nulls, count) : Math.max(0, count - this.#best.count)
    // With NULL first there are fewer places for values.
    const values = nullsFirst ? Math.max(0, count - nulls) : count
    const least = values === 0 ? Infinity : this.#best.nthBest(values)
    let equals = values - this.#best.countAbove(least)
    const constant = least * this.#sign
    const value = isTime ? new Date(constant) : constant
    const asGood: ScanCondition =
      least === -Infinity
        ? { kind: 'is-null', field, negated: true }
        : least === Infinity
          ? { kind: 'never' }
          : { kind: 'compare', field, operator, value }
    const isNull: ScanCondition = { kind: 'is-null', field, negated: false }
    const fields = this.#query.fields.includes(field) ? this.#query.fields : [...this.#query.fields, field]
    const at = fields.indexOf(field)
    const maker = new BatchMaker(this.#table, { ...this.#query, fields })
    const good = pageMask(asGood, this.#table)
    const orNull = pageMask({ kind: 'or', operands: [asGood, isNull] }, this.#table)
    for (const { tile, slices, bounds } of tiles) {
      // Most tiles have no row that is good enough, and nothing is looked at in them.
      if (nulls === 0 && !bounds.some((bound) => bound >= least)) continue
      const selected = []
      for (let index = 0; index < slices.length; index++) {
        const slice = slices[index] as PageSlice
        if ((bounds[index] as number) < least && nulls === 0) continue
        slice.scratch.reset()
        const mask = maskOf(slice, nulls > 0 ? orNull : good, this.#table)
        const wanted = mask === NONE || this.#where === undefined ? mask : both(slice, mask, this.#where.of(slice))
        if (wanted === NONE) continue
        const rows = selectedRows(slice, wanted)
        if (rows.length > 0) selected.push({ page: slice.page, rows })
      }
      if (selected.length === 0) {
        yield { rowCount: 0, columns: [], documents: [] }
        continue
      }
      const hits = this.#table.order.hits(tile.page, selected)
      const windows = new HitWindows(hits, false)
      for (let left = hits.count; left > 0; left -= SCAN_BATCH_ROWS_MAX) {
        const rowCount = Math.min(left, SCAN_BATCH_ROWS_MAX)
        const batch = maker.batch(windows.next(rowCount), rowCount, windows.first, false)
        const column = batch.columns[at]
        const kept: number[] = []
        for (let row = 0; row < rowCount; row++) {
          if (column?.nulls[row] === 1) {
            if (nulls-- > 0) kept.push(row)
          } else if (Number(column?.values[row]) === constant) {
            if (equals-- > 0) kept.push(row)
          } else kept.push(row)
        }
        nulls = Math.max(0, nulls)
        yield picked(batch, kept, this.#query.fields.length)
      }
    }
  }

  #boundOf(column: ColumnView | undefined): number {
    if (column === undefined || column.valueClass === layout.CLASS_UNTYPED) return -Infinity
    if ((column.flags & layout.HAS_BOUNDS) === 0) return Infinity
    return column.min > column.max ? -Infinity : this.#sign > 0 ? column.max : -column.min
  }

  /** Takes the values that may be among the best; returns the best of them. */
  #look(slice: PageSlice, column: ColumnView, mask: number): number {
    const { rows, scratch, page } = slice
    const visible = slice.visible(mask)
    const cells = kernelColumn(slice, column) as KernelColumn<'i32' | 'f64'>
    const width = cells.encoding === 'f64' ? 8 : 4
    const order = this.#sign > 0 ? 'descending' : 'ascending'
    const source = cells.encoding === 'f64' ? page.f64 : page.i32
    const { i32 } = page
    const best = this.#best
    const list = scratch.take(Math.min(rows, PIECE_ROWS) * 4)
    let top = -Infinity
    for (let from = 0; from < rows; from += PIECE_ROWS) {
      const piece = {
        begin: visible.begin + from * 4,
        end: visible.end + from * 4,
        rows: Math.min(PIECE_ROWS, rows - from),
        at: visible.at,
        mask: visible.mask === undefined ? undefined : visible.mask + from
      }
      const { encoding, values, states } = cells
      const part = { encoding, values: values + from * width, states: states === undefined ? undefined : states + from }
      const count = scratch.kernels.rowsBeyond(piece, part, best.worst * this.#sign, order, slice.from + from, list)
      for (let hit = list / 4; hit < list / 4 + count; hit++) {
        const value = (source[column.dataAt + (i32[hit] as number)] as number) * this.#sign
        if (value > top) top = value
        best.add(value)
      }
    }
    return top
  }
}

function both(slice: PageSlice, mask: number, other: number): number {
  if (mask === ALL || other === NONE) return other
  if (other !== ALL) slice.scratch.kernels.and(slice.rows, mask, other, mask)
  return mask
}

/** Selected rows without a value. */
function nullCount(slice: PageSlice, column: ColumnView | undefined, mask: number): number {
  const { kernels } = slice.scratch
  const visible = slice.visible(mask)
  const states = column === undefined ? undefined : slice.statesAt(column)
  if (states === undefined) return kernels.countVisible(visible)
  const { count, rows } = kernels.sumVisible(visible, { encoding: 'u8', values: states, states })
  return rows - count
}

function picked({ columns, documents }: RowBatch, rows: readonly number[], columnCount: number): RowBatch {
  return {
    rowCount: rows.length,
    columns: columns.slice(0, columnCount).map(({ values, nulls }) => ({
      values: rows.map((row) => values[row]),
      nulls: Uint8Array.from(rows, (row) => nulls[row] as number)
    })),
    ...(documents === undefined ? {} : { documents: rows.map((row) => documents[row] as NonNullable<typeof documents>[number]) })
  }
}
