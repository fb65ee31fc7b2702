/**
 * A column of GROUP BY as codes for the group kernel: dictionary codes as they are, booleans, and integers that lie close together. Codes
 * of one kind mean the same in all pages, so that their cells add up over pages.
 */
import { type CodeEncoding, type Encoding, type KernelColumn, MASK_FALSE, MASK_TRUE } from '../kernel/kernels.js'
import { type Value } from '../codec/value.js'
import * as layout from '../page/page-layout.js'
import { type ColumnView } from '../page/page-view.js'
import { type FieldReader } from './field-reader.js'
import { kernelColumn } from './kernel-column.js'
import { ALL } from './mask.js'
import { type PageSlice } from './page-slice.js'

/** Codes from 0 to `nullCode`, which stands for NULL. */
export type CodeSpace = { readonly id: number; readonly nullCode: number; valueOf(code: number): Value }

/** `keep`: rows that the codes speak for; {@link ALL}, or a mask. */
export type SliceCodes = { readonly space: CodeSpace; readonly column: KernelColumn<CodeEncoding>; readonly keep: number }

/** Integers of a column may be so far apart. */
const WINDOW = 1024
/** Where more than one row in this many has no code, the slice is done row by row. */
const FEW = 4

export class GroupCodes {
  readonly reader: FieldReader
  #spaces = 0
  readonly #nulls: CodeSpace
  readonly #booleans: CodeSpace
  readonly #byDictionary = new Map<number, CodeSpace>()
  #integers: (CodeSpace & { readonly base: number }) | undefined

  constructor(reader: FieldReader) {
    this.reader = reader
    this.#nulls = this.#space(0, () => null)
    this.#booleans = this.#space(2, (code) => code === 1)
  }

  /** Undefined where codes do not serve the slice. */
  of(slice: PageSlice): SliceCodes | undefined {
    const column = slice.page.columnNamed(this.reader.field)
    if (column === undefined) return this.#withoutColumn(slice)
    const keep = keepOf(slice, column)
    if (keep === undefined) return undefined
    switch (column.valueClass) {
      case layout.CLASS_UNTYPED:
        return { space: this.#nulls, column: zeros(slice), keep }
      case layout.CLASS_BOOLEAN:
        return { space: this.#booleans, column: withOthers(slice, kernelColumn(slice, column) as KernelColumn<'u8'>), keep }
      case layout.CLASS_TEXT:
        return this.#texts(slice, column, keep)
      case layout.CLASS_NUMBER:
        return this.#numbers(slice, column, keep)
      default:
        return undefined
    }
  }

  /** Of the texts of a dictionary, which is not 0. */
  textSpace(dictionary: number): CodeSpace {
    let space = this.#byDictionary.get(dictionary)
    if (space === undefined) {
      // Rows that are asked for were there before: the dictionary has their texts.
      const texts = this.reader.table.texts.dictionary(dictionary)
      space = this.#space(texts.length, (code) => texts[code] as string)
      this.#byDictionary.set(dictionary, space)
    }
    return space
  }

  #texts(slice: PageSlice, column: ColumnView, keep: number): SliceCodes | undefined {
    const { dictionary } = column
    if (dictionary === 0) return undefined
    const space = this.textSpace(dictionary)
    const cells = withOthers(slice, kernelColumn(slice, column))
    if (column.encoding !== layout.ENCODED_I32) return { space, column: cells as KernelColumn<CodeEncoding>, keep }
    return coded(slice, space, cells as KernelColumn<'i32'>, 0, space.nullCode, keep)
  }

  #numbers(slice: PageSlice, column: ColumnView, keep: number): SliceCodes | undefined {
    if ((column.flags & layout.ALL_INTEGERS) === 0) return undefined
    const { scratch, rows } = slice
    let cells = withOthers(slice, kernelColumn(slice, column))
    if (cells.encoding === 'f64') {
      const out = scratch.take(rows * 4)
      if (!scratch.kernels.toIntegers(rows, cells as KernelColumn<'f64'>, out)) return undefined
      cells = { encoding: 'i32', values: out, states: cells.states }
    }
    const space = (this.#integers ??= this.#window(slice, column))
    if (space === undefined) return undefined
    return coded(slice, space, cells as KernelColumn<'i32'>, space.base, WINDOW, keep)
  }

  /** The window that integers are expected in, by those of the first page. */
  #window(slice: PageSlice, column: ColumnView): (CodeSpace & { readonly base: number }) | undefined {
    const hasBounds = (column.flags & layout.HAS_BOUNDS) !== 0
    const { min, max } = hasBounds ? column : slice.scratch.kernels.minMax(slice.visible(), kernelColumn(slice, column))
    // Without values the first is above the second.
    if (min > max || max - min >= WINDOW) return undefined
    const base = min - Math.floor((WINDOW - 1 - (max - min)) / 2)
    return { ...this.#space(WINDOW, (code) => base + code), base }
  }

  #withoutColumn(slice: PageSlice): SliceCodes | undefined {
    const { page, from, rows, scratch } = slice
    const shapes = this.reader.shapesWith(page)
    const column = zeros(slice)
    if (shapes === undefined) return { space: this.#nulls, column, keep: ALL }
    const keep = scratch.take(rows)
    let without = 0
    for (let row = 0; row < rows; row++) {
      const isThere = shapes[page.shapeCodeOf(from + row)] === 1
      if (isThere) without++
      page.u8[keep + row] = isThere ? MASK_FALSE : MASK_TRUE
    }
    return without * FEW > rows ? undefined : { space: this.#nulls, column, keep }
  }

  #space(nullCode: number, valueOf: (code: number) => Value): CodeSpace {
    return { id: this.#spaces++, nullCode, valueOf: (code) => (code === nullCode ? null : valueOf(code)) }
  }
}

/** Rows whose value is not in the rest; undefined where that are too many. */
export function keepOf(slice: PageSlice, column: ColumnView): number | undefined {
  const states = slice.statesAt(column)
  if (states === undefined || (column.flags & layout.HAS_REST) === 0) return ALL
  const { rows, scratch } = slice
  const { u8 } = slice.page
  const keep = scratch.take(rows)
  let rests = 0
  for (let row = 0; row < rows; row++) {
    const isRest = u8[states + row] === layout.STATE_REST
    if (isRest) rests++
    u8[keep + row] = isRest ? MASK_FALSE : MASK_TRUE
  }
  return rests * FEW > rows ? undefined : keep
}

/** Without states where every row of the slice has a plain value: loops are faster then. */
export function withOthers<E extends Encoding>(slice: PageSlice, column: KernelColumn<E>): KernelColumn<E> {
  const { encoding, values, states } = column
  if (states === undefined || slice.scratch.kernels.hasOthers(slice.rows, states)) return column
  return { encoding, values, states: undefined }
}

/** One code for all rows. */
export function zeros({ rows, scratch, page }: PageSlice): KernelColumn<'u8'> {
  const values = scratch.take(rows)
  page.u8.fill(0, values, values + rows)
  return { encoding: 'u8', values }
}

/** Words as codes; plain values outside of them are not kept. */
function coded(
  slice: PageSlice,
  space: CodeSpace,
  cells: KernelColumn<'i32'>,
  base: number,
  limit: number,
  keep: number
): SliceCodes | undefined {
  const { rows, scratch } = slice
  const values = scratch.take(rows * 2)
  const outside = scratch.kernels.toCodes(rows, cells, base, limit, values)
  const column: KernelColumn<'u16'> = { encoding: 'u16', values, states: cells.states }
  if (outside === 0) return { space, column, keep }
  if (outside * FEW > rows) return undefined
  const { u8, i32 } = slice.page
  const kept = keep === ALL ? scratch.take(rows) : keep
  for (let row = 0; row < rows; row++) {
    if (keep !== ALL && u8[kept + row] === MASK_FALSE) continue
    const code = (i32[cells.values / 4 + row] as number) - base
    const isPlain = cells.states === undefined || u8[cells.states + row] === layout.STATE_VALUE
    u8[kept + row] = isPlain && !(code >= 0 && code < limit) ? MASK_FALSE : MASK_TRUE
  }
  return { space, column, keep: kept }
}
