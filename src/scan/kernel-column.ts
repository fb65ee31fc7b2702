/** Columns of a slice as the kernels want them. */
import { type Encoding, type KernelColumn, type VisibleRows } from '../kernel/kernels.js'
import * as layout from '../page/page-layout.js'
import { type ColumnView } from '../page/page-view.js'
import { type PageSlice } from './page-slice.js'
import { FLOATS_MAYBE, FLOATS_NO } from './sum-states.js'

const ENCODINGS: readonly Encoding[] = ['u8', 'u8', 'u16', 'i32', 'f64']

/** Of a column with values (numbers, times, booleans, codes). */
export function kernelColumn(slice: PageSlice, column: ColumnView): KernelColumn {
  const width = layout.ENCODING_BYTES[column.encoding] as number
  return {
    encoding: ENCODINGS[column.encoding] as Encoding,
    values: (column.dataAt + slice.from) * width,
    states: slice.statesAt(column)
  }
}

/** Whether a float is among the visible values of a column of numbers. That some might be is known sooner than that one is. */
export function floatsIn(slice: PageSlice, column: ColumnView, visible: VisibleRows): number {
  if (column.encoding === layout.ENCODED_I32) return FLOATS_NO
  if ((column.flags & layout.ALL_INTEGERS) === 0) return FLOATS_MAYBE
  // A whole number past 2^53 is a float.
  const hasBounds = (column.flags & layout.HAS_BOUNDS) !== 0
  const { min, max } = hasBounds ? column : slice.scratch.kernels.minMax(visible, kernelColumn(slice, column))
  return min >= Number.MIN_SAFE_INTEGER && max <= Number.MAX_SAFE_INTEGER ? FLOATS_NO : FLOATS_MAYBE
}
