/**
 * Conditions that ask of one field that its number lies in a range: their rows are listed by one kernel that looks at values first, without
 * a mask for each comparison. For rows that are wanted themselves, which cost more to make than to find.
 */
import { type KernelColumn } from '../kernel/kernels.js'
import * as layout from '../page/page-layout.js'
import { type PositiveCondition } from './condition.js'
import { kernelColumn } from './kernel-column.js'
import { type PageSlice } from './page-slice.js'

/** Both ends are within. */
export type ValueRange = { readonly field: string; readonly low: number; readonly high: number }

const NO_ROWS = new Int32Array(0)
/** Rows that are listed at once, four bytes each of working memory. */
const PIECE_ROWS = 16_384

/** Undefined where the condition is something else. */
export function valueRange(condition: PositiveCondition): ValueRange | undefined {
  if (condition.kind === 'and') {
    const [first, ...others] = condition.operands.map(valueRange)
    let range = first
    for (const other of others) {
      if (range === undefined || other?.field !== range.field) return undefined
      range = { field: range.field, low: Math.max(range.low, other.low), high: Math.min(range.high, other.high) }
    }
    return range
  }
  if (condition.kind !== 'compare') return undefined
  const { field, operator, value } = condition
  if (typeof value !== 'number' || !Number.isFinite(value)) return undefined
  switch (operator) {
    case '=':
      return { field, low: value, high: value }
    case '<':
      return { field, low: -Infinity, high: -above(-value) }
    case '<=':
      return { field, low: -Infinity, high: value }
    case '>':
      return { field, low: above(value), high: Infinity }
    case '>=':
      return { field, low: value, high: Infinity }
    default:
      return undefined
  }
}

/** Numbers of the rows in the page, ascending; undefined where the column is not what the kernel serves. */
export function rowsInRange(slice: PageSlice, { field, low, high }: ValueRange): Int32Array | undefined {
  const { page, from, rows, at, scratch, keys } = slice
  const column = page.columnNamed(field)
  if (keys !== undefined || column === undefined || column.valueClass !== layout.CLASS_NUMBER) return undefined
  if ((column.flags & layout.HAS_REST) !== 0) return undefined
  if ((column.flags & layout.HAS_BOUNDS) !== 0 && (column.max < low || column.min > high)) return NO_ROWS
  const { encoding, values, states } = kernelColumn(slice, column) as KernelColumn<'i32' | 'f64'>
  const width = encoding === 'f64' ? 8 : 4
  const { begin, end } = slice.visible()
  const { i32 } = page
  const list = scratch.take(Math.min(rows, PIECE_ROWS) * 4)
  let found: Int32Array = NO_ROWS
  for (let piece = 0; piece < rows; piece += PIECE_ROWS) {
    const place = { begin: begin + piece * 4, end: end + piece * 4, rows: Math.min(PIECE_ROWS, rows - piece), at }
    const cells = { encoding, values: values + piece * width, states: states === undefined ? undefined : states + piece }
    const count = scratch.kernels.rowsBetween(place, cells, low, high, from + piece, list)
    if (count === 0) continue
    const some = i32.slice(list / 4, list / 4 + count)
    found = found.length === 0 ? some : joined(found, some)
  }
  return found
}

function joined(one: Int32Array, other: Int32Array): Int32Array {
  const both = new Int32Array(one.length + other.length)
  both.set(one)
  both.set(other, one.length)
  return both
}

const words = new DataView(new ArrayBuffer(8))

/** The least float64 above a finite one. */
function above(value: number): number {
  if (value === 0) return Number.MIN_VALUE
  words.setFloat64(0, value)
  words.setBigInt64(0, words.getBigInt64(0) + (value > 0 ? 1n : -1n))
  return words.getFloat64(0)
}
