/** The aggregates of one field, without groups: what a slice adds to them. */
import { EXACT_SUM_BYTES, clearExactSum } from '../kernel/exact-sum.js'
import { type KernelColumn } from '../kernel/kernels.js'
import { type Value } from '../codec/value.js'
import { compareValues } from '../codec/value-order.js'
import * as layout from '../page/page-layout.js'
import { type ColumnView, type PageView } from '../page/page-view.js'
import { cellOf } from '../page/row-reader.js'
import { ExtremeStates } from './extreme-states.js'
import { type FieldReader } from './field-reader.js'
import { type AggregateStates, CountStates } from './group-table.js'
import { floatsIn, kernelColumn } from './kernel-column.js'
import { ALL } from './mask.js'
import { type PageSlice } from './page-slice.js'
import { isSelected } from './selected-rows.js'
import { type Scratch } from './scan-memory.js'
import { SliceSums } from './slice-sums.js'
import { FLOATS_NO, SumStates } from './sum-states.js'

/** Group 0 is the one that all rows are in. */
export class FieldAggregates {
  readonly #reader: FieldReader
  readonly #counts: CountStates[]
  readonly #sums: SumStates[]
  readonly #extremes: ExtremeStates[]
  readonly #sliceSums: SliceSums
  /** By dictionary: codes whose texts were compared. */
  readonly #seenCodes = new Map<number, Uint8Array>()

  /** `rowCounts`: COUNT(*), of the slices that are listed. */
  constructor(reader: FieldReader, states: readonly AggregateStates[], rowCounts: readonly CountStates[]) {
    this.#reader = reader
    this.#counts = states.filter((state) => state instanceof CountStates)
    this.#sums = states.filter((state) => state instanceof SumStates)
    this.#extremes = states.filter((state) => state instanceof ExtremeStates)
    this.#sliceSums = new SliceSums(
      (rows, count, low, high) => {
        for (const each of rowCounts) each.add(0, rows)
        for (const each of this.#counts) each.add(0, count)
        for (const sums of this.#sums) {
          sums.addCount(0, count)
          sums.addWords(0, low, high)
        }
      },
      (slice) => {
        slice.scratch.reset()
        const counter = new RowCounter(slice, ALL)
        this.add(slice, ALL, counter)
        for (const each of rowCounts) each.add(0, counter.count)
      }
    )
  }

  /** All visible rows of a slice, to be added with others by {@link flush}; false where they have to be added by themselves. */
  list(slice: PageSlice): boolean {
    if (this.#extremes.length > 0) return false
    const column = slice.page.columnNamed(this.#reader.field)
    return column?.valueClass === layout.CLASS_NUMBER && this.#sliceSums.add(slice, column)
  }

  /** The same of rows of a page without a slice; see {@link SliceSums.addRows}. */
  listRows(page: PageView, scratch: Scratch, from: number, rows: number, at: number, begun: number): boolean {
    const column = page.columnNamed(this.#reader.field)
    if (column?.valueClass !== layout.CLASS_NUMBER) return false
    return this.#sliceSums.addRows(page, scratch, from, rows, at, begun, column)
  }

  /** MIN and MAX ask for more than sums. */
  get isSummed(): boolean {
    return this.#extremes.length === 0
  }

  flush(): void {
    this.#sliceSums.flush()
  }

  release(): void {
    this.#sliceSums.release()
  }

  /** `counter` is asked how many rows are selected, or told where a sum counted them. */
  add(slice: PageSlice, mask: number, counter: RowCounter): void {
    const column = slice.page.columnNamed(this.#reader.field)
    if (column === undefined) {
      this.#addWithoutColumn(slice, mask)
      return
    }
    if (column.valueClass === layout.CLASS_NUMBER) this.#addNumbers(slice, column, mask, counter)
    else if (column.valueClass !== layout.CLASS_UNTYPED) {
      if (this.#counts.length > 0) {
        const count = plainCount(slice, column, mask, counter)
        for (const counts of this.#counts) counts.add(0, count)
      }
      if (this.#extremes.length > 0) this.#addExtremes(slice, column, mask)
      if (this.#sums.length > 0 && column.valueClass === layout.CLASS_KEY) this.#addKeySums(slice, column, mask)
    }
    if ((column.flags & layout.HAS_REST) !== 0) this.#addRest(slice, column, mask)
  }

  #addNumbers(slice: PageSlice, column: ColumnView, mask: number, counter: RowCounter): void {
    if (this.#sums.length > 0) {
      const { count, rows } = this.#addSums(slice, column, mask)
      if (rows >= 0) counter.known = rows
      for (const sums of this.#sums) sums.addCount(0, count)
      for (const counts of this.#counts) counts.add(0, count)
    } else if (this.#counts.length > 0) {
      const count = plainCount(slice, column, mask, counter)
      for (const counts of this.#counts) counts.add(0, count)
    }
    if (this.#extremes.length > 0) this.#addExtremes(slice, column, mask)
  }

  #addSums(slice: PageSlice, column: ColumnView, mask: number): { readonly count: number; readonly rows: number } {
    const { scratch } = slice
    const { kernels } = scratch
    const visible = slice.visible(mask)
    if (column.encoding === layout.ENCODED_I32) {
      const found = kernels.sumVisible(visible, kernelColumn(slice, column) as KernelColumn<'i32'>)
      for (const sums of this.#sums) sums.addInteger(0, found.sum)
      return found
    }
    const cells = kernelColumn(slice, column) as KernelColumn<'f64'>
    if ((column.flags & layout.ALL_INTEGERS) !== 0) {
      const found = kernels.sumVisibleWholes(visible, cells)
      if (found.largest * found.count <= Number.MAX_SAFE_INTEGER) {
        for (const sums of this.#sums) sums.addInteger(0, found.sum)
        return found
      }
    }
    const { f64 } = slice.page
    const exact = scratch.take(EXACT_SUM_BYTES)
    clearExactSum(f64, exact)
    const count = kernels.sumVisibleF64(visible, cells, exact)
    const floats = count === 0 ? FLOATS_NO : floatsIn(slice, column, visible)
    for (const sums of this.#sums) sums.addExactSum(0, f64, exact, floats)
    return { count, rows: -1 }
  }

  #addExtremes(slice: PageSlice, column: ColumnView, mask: number): void {
    switch (column.valueClass) {
      case layout.CLASS_NUMBER:
        this.#addBounds(slice, column, mask, (value) => value)
        break
      case layout.CLASS_TIME:
        this.#addBounds(slice, column, mask, (value) => new Date(value))
        break
      case layout.CLASS_BOOLEAN:
        this.#addBounds(slice, column, mask, (value) => value === 1)
        break
      case layout.CLASS_TEXT:
        this.#addTexts(slice, column, mask)
        break
      default:
        this.#addKeys(slice, column, mask)
    }
  }

  #addBounds(slice: PageSlice, column: ColumnView, mask: number, valueOf: (value: number) => Value): void {
    // No row of the page may be better than what is known.
    if ((column.flags & layout.HAS_BOUNDS) !== 0) {
      const isBetter = this.#extremes.some((extremes) => {
        const best = extremes.bestOf(0)
        if (best === undefined || typeof best === 'bigint') return true
        const bound = extremes.sign < 0 ? column.min : column.max
        return Number.isFinite(bound) && compareValues(valueOf(bound), best) * extremes.sign > 0
      })
      if (!isBetter) return
    }
    const { count, min, max } = slice.scratch.kernels.minMax(slice.visible(mask), kernelColumn(slice, column))
    if (count === 0) return
    for (const extremes of this.#extremes) extremes.add(0, valueOf(extremes.sign < 0 ? min : max))
  }

  #addTexts(slice: PageSlice, column: ColumnView, mask: number): void {
    const { page, from, rows } = slice
    const { texts } = this.#reader.table
    const dictionary = column.dictionary === 0 ? [] : texts.dictionary(column.dictionary)
    let seen = this.#seenCodes.get(column.dictionary)
    if (seen === undefined) this.#seenCodes.set(column.dictionary, (seen = new Uint8Array(layout.DICTIONARY_CODES_MAX)))
    for (let row = from; row < from + rows; row++) {
      const cell = cellOf(page, row, column)
      const isCode = cell >>> 0 < layout.DICTIONARY_CODES_MAX
      if (isCode && seen[cell] === 1) continue
      if (column.statesAt >= 0 && page.u8[column.statesAt + row] !== layout.STATE_VALUE) continue
      if (!isSelected(slice, mask, row)) continue
      if (isCode) seen[cell] = 1
      const text = isCode ? (dictionary[cell] as string) : texts.heapText(page, cell)
      for (const extremes of this.#extremes) extremes.add(0, text)
    }
  }

  /** Keys are compared as bytes, whose order is that of values. */
  #addKeys(slice: PageSlice, column: ColumnView, mask: number): void {
    const { page, from, rows } = slice
    const { keys } = this.#reader.table
    for (const extremes of this.#extremes) {
      let best = -1
      for (let row = from; row < from + rows; row++) {
        if (column.statesAt >= 0 && page.u8[column.statesAt + row] !== layout.STATE_VALUE) continue
        if (!isSelected(slice, mask, row)) continue
        const ordinal = page.ordinalOf(row)
        if (best < 0 || keys.compare(ordinal, best) * extremes.sign > 0) best = ordinal
      }
      if (best >= 0) extremes.add(0, this.#reader.table.keyValue(best))
    }
  }

  #addKeySums(slice: PageSlice, column: ColumnView, mask: number): void {
    const { page, from, rows } = slice
    for (let row = from; row < from + rows; row++) {
      if (column.statesAt >= 0 && page.u8[column.statesAt + row] !== layout.STATE_VALUE) continue
      if (!isSelected(slice, mask, row)) continue
      const key = this.#reader.plainOf(page, row, column)
      for (const sums of this.#sums) sums.add(0, key)
    }
  }

  #addRest(slice: PageSlice, column: ColumnView, mask: number): void {
    const { page, from, rows } = slice
    if (column.statesAt < 0) return
    for (let row = from; row < from + rows; row++) {
      if (page.u8[column.statesAt + row] !== layout.STATE_REST || !isSelected(slice, mask, row)) continue
      this.#addValue(this.#reader.valueOf(page, row, column))
    }
  }

  #addWithoutColumn(slice: PageSlice, mask: number): void {
    const { page, from, rows } = slice
    const shapes = this.#reader.shapesWith(page)
    if (shapes === undefined) return
    for (let row = from; row < from + rows; row++) {
      if (shapes[page.shapeCodeOf(row)] === 1 && isSelected(slice, mask, row)) this.#addValue(this.#reader.restOf(page, row))
    }
  }

  #addValue(value: Value): void {
    if (value === null) return
    for (const counts of this.#counts) counts.add(0, 1)
    for (const sums of this.#sums) sums.add(0, value)
    for (const extremes of this.#extremes) extremes.add(0, value)
  }
}

/** Counts the selected rows of a slice at most once. */
export class RowCounter {
  readonly #slice: PageSlice
  readonly #mask: number
  known = -1

  constructor(slice: PageSlice, mask: number) {
    this.#slice = slice
    this.#mask = mask
    if (mask === ALL && slice.isWhole) this.known = slice.rows
  }

  get count(): number {
    if (this.known < 0) this.known = this.#slice.scratch.kernels.countVisible(this.#slice.visible(this.#mask))
    return this.known
  }
}

/** Selected rows with a plain value. */
function plainCount(slice: PageSlice, column: ColumnView, mask: number, counter: RowCounter): number {
  const states = slice.statesAt(column)
  if (states === undefined) return counter.count
  const { count, rows } = slice.scratch.kernels.sumVisible(slice.visible(mask), { encoding: 'u8', values: states, states })
  counter.known = rows
  return count
}
