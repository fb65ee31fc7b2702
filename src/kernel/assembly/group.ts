/**
 * Dense cells by dictionary codes: at one point (group), and at many points in one pass (sweep). A cell is [u32 rows][u32 values], then the
 * sum: an i64, or an exact sum for float64. The two counts and an i64 sum are one vector: one load, add and store a row.
 */
import { addExact, mergeExact, reserve } from './exact'
import { Has, Lacks, NONE, TRUE, valueAt } from './lanes'

/** One row and one value. */
const ONE_OF_BOTH: i64 = 0x1_0000_0001
/** One row whose value is NULL. */
const ONE_ROW: i64 = 1

/** `F`: some code, value or row may be left out. */
// @ts-ignore: decorator
@inline
function codeAt<C, F>(codes: usize, states: usize, nullCode: u32, row: u32): u32 {
  if (sizeof<F>() == 1) return states != NONE && load<u8>(states + row) != 0 ? nullCode : <u32>valueAt<C>(codes, row)
  return <u32>valueAt<C>(codes, row)
}

// @ts-ignore: decorator
@inline
function countsOf<F>(states: usize, row: u32): i64 {
  if (sizeof<F>() == 1) return states != NONE && load<u8>(states + row) != 0 ? ONE_ROW : ONE_OF_BOTH
  return ONE_OF_BOTH
}

/** Adds a row to a cell; `sign` is 1, or -1 to take it away. `keep` is -1, or 0 for a row that does not count. */
// @ts-ignore: decorator
@inline
function addRow<V>(cell: usize, counts: i64, values: usize, row: u32, keep: i64): void {
  if (isFloat<V>()) {
    if (keep == 0) return
    store<i64>(cell, load<i64>(cell) + counts)
    if (counts != ONE_ROW) {
      reserve(cell + 8, 1)
      addExact(cell + 8, <f64>valueAt<V>(values, row))
    }
  } else {
    // NULL may have any bits.
    const value = counts == ONE_ROW ? 0 : <i64>valueAt<V>(values, row)
    const both = i64x2.replace_lane(i64x2.splat(counts & keep), 1, value & keep)
    v128.store(cell, i64x2.add(v128.load(cell), both))
  }
}

// @ts-ignore: decorator
@inline
function takeRow<V>(cell: usize, counts: i64, values: usize, row: u32): void {
  if (isFloat<V>()) {
    store<i64>(cell, load<i64>(cell) - counts)
    if (counts != ONE_ROW) {
      reserve(cell + 8, 1)
      addExact(cell + 8, -(<f64>valueAt<V>(values, row)))
    }
  } else {
    const value = counts == ONE_ROW ? 0 : <i64>valueAt<V>(values, row)
    v128.store(cell, i64x2.sub(v128.load(cell), i64x2.replace_lane(i64x2.splat(counts), 1, value)))
  }
}

function group<C, D, V, F>(
  begin: usize,
  end: usize,
  rows: u32,
  at: i32,
  mask: usize,
  codes: usize,
  codeStates: usize,
  nullCode: u32,
  stride: u32,
  others: usize,
  otherStates: usize,
  otherNullCode: u32,
  otherStride: u32,
  values: usize,
  states: usize,
  cells: usize
): void {
  for (let row: u32 = 0; row < rows; row++) {
    let keep = -<i64>((load<i32>(begin + ((<usize>row) << 2)) <= at) & (load<i32>(end + ((<usize>row) << 2)) > at))
    if (sizeof<F>() == 1) {
      if (mask != NONE && load<u8>(mask + row) != TRUE) keep = 0
    }
    const cell =
      cells + codeAt<C, F>(codes, codeStates, nullCode, row) * stride + codeAt<D, F>(others, otherStates, otherNullCode, row) * otherStride
    addRow<V>(cell, countsOf<F>(states, row), values, row, keep)
  }
}

/** By `select`: a branch costs more than the rest of the loop where rows lie on both sides of a bound. */
// @ts-ignore: decorator
@inline
function clamped(offset: i32, low: i32, high: i32): i32 {
  const raised = select<i32>(low, offset, offset < low)
  return select<i32>(high, raised, raised > high)
}

/** Of `points[from … to)`, ascending: the first that is not below `x`. */
// @ts-ignore: decorator
@inline
function pointAt(points: usize, starts: usize, shift: u32, x: u32): u32 {
  const bucket = starts + ((<usize>(x >> shift)) << 2)
  let from = load<u32>(bucket)
  let to = load<u32>(bucket, 4)
  while (from < to) {
    const middle = (from + to) >> 1
    if (load<u32>(points + ((<usize>middle) << 2)) < x) from = middle + 1
    else to = middle
  }
  return from
}

function sweep<C, V, F>(
  begin: usize,
  end: usize,
  rows: u32,
  mask: usize,
  low: i32,
  high: i32,
  delta: i32,
  points: usize,
  starts: usize,
  shift: u32,
  codes: usize,
  codeStates: usize,
  nullCode: u32,
  stride: u32,
  cellBytes: u32,
  values: usize,
  states: usize,
  cells: usize
): void {
  for (let row: u32 = 0; row < rows; row++) {
    if (sizeof<F>() == 1) {
      if (mask != NONE && load<u8>(mask + row) != TRUE) continue
    }
    const first = clamped(load<i32>(begin + ((<usize>row) << 2)), low, high)
    const last = clamped(load<i32>(end + ((<usize>row) << 2)), low, high)
    const from = pointAt(points, starts, shift, first - delta)
    const to = pointAt(points, starts, shift, last - delta)
    // An empty version (end = begin) is visible at no point: what is added is taken away from the same cell.
    if (isFloat<V>()) {
      if (from >= to) continue
    }
    const counts = countsOf<F>(states, row)
    const line = cells + codeAt<C, F>(codes, codeStates, nullCode, row) * stride
    addRow<V>(line + from * cellBytes, counts, values, row, -1)
    takeRow<V>(line + to * cellBytes, counts, values, row)
  }
}

/** Each cell of a line becomes the sum of those up to it. */
export function finishSweep(cells: usize, lines: u32, pointCount: u32, cellBytes: u32): void {
  for (let line: u32 = 0; line < lines; line++) {
    let cell = cells + line * (pointCount + 1) * cellBytes
    for (let point: u32 = 1; point <= pointCount; point++) {
      const next = cell + cellBytes
      store<i64>(next, load<i64>(next) + load<i64>(cell))
      if (cellBytes == 16) store<i64>(next + 8, load<i64>(next + 8) + load<i64>(cell + 8))
      else mergeExact(next + 8, cell + 8)
      cell = next
    }
  }
}

/** What a loop is made for, in bits: 1 codes of two bytes, 2 the other codes too, 4 float64 values, 8 something may be left out. */
export function groupVisible(
  kind: u32,
  begin: usize,
  end: usize,
  rows: u32,
  at: i32,
  mask: usize,
  codes: usize,
  codeStates: usize,
  nullCode: u32,
  stride: u32,
  others: usize,
  otherStates: usize,
  otherNullCode: u32,
  otherStride: u32,
  values: usize,
  states: usize,
  cells: usize
): void {
  switch (kind) {
    case 0:
      return group<u8, u8, i32, Lacks>(
        begin, end, rows, at, mask, codes, codeStates, nullCode, stride, others, otherStates, otherNullCode, otherStride, values, states, cells
      )
    case 1:
      return group<u16, u8, i32, Lacks>(
        begin, end, rows, at, mask, codes, codeStates, nullCode, stride, others, otherStates, otherNullCode, otherStride, values, states, cells
      )
    case 2:
      return group<u8, u16, i32, Lacks>(
        begin, end, rows, at, mask, codes, codeStates, nullCode, stride, others, otherStates, otherNullCode, otherStride, values, states, cells
      )
    case 3:
      return group<u16, u16, i32, Lacks>(
        begin, end, rows, at, mask, codes, codeStates, nullCode, stride, others, otherStates, otherNullCode, otherStride, values, states, cells
      )
    case 4:
      return group<u8, u8, f64, Lacks>(
        begin, end, rows, at, mask, codes, codeStates, nullCode, stride, others, otherStates, otherNullCode, otherStride, values, states, cells
      )
    case 5:
      return group<u16, u8, f64, Lacks>(
        begin, end, rows, at, mask, codes, codeStates, nullCode, stride, others, otherStates, otherNullCode, otherStride, values, states, cells
      )
    case 6:
      return group<u8, u16, f64, Lacks>(
        begin, end, rows, at, mask, codes, codeStates, nullCode, stride, others, otherStates, otherNullCode, otherStride, values, states, cells
      )
    case 7:
      return group<u16, u16, f64, Lacks>(
        begin, end, rows, at, mask, codes, codeStates, nullCode, stride, others, otherStates, otherNullCode, otherStride, values, states, cells
      )
    case 8:
      return group<u8, u8, i32, Has>(
        begin, end, rows, at, mask, codes, codeStates, nullCode, stride, others, otherStates, otherNullCode, otherStride, values, states, cells
      )
    case 9:
      return group<u16, u8, i32, Has>(
        begin, end, rows, at, mask, codes, codeStates, nullCode, stride, others, otherStates, otherNullCode, otherStride, values, states, cells
      )
    case 10:
      return group<u8, u16, i32, Has>(
        begin, end, rows, at, mask, codes, codeStates, nullCode, stride, others, otherStates, otherNullCode, otherStride, values, states, cells
      )
    case 11:
      return group<u16, u16, i32, Has>(
        begin, end, rows, at, mask, codes, codeStates, nullCode, stride, others, otherStates, otherNullCode, otherStride, values, states, cells
      )
    case 12:
      return group<u8, u8, f64, Has>(
        begin, end, rows, at, mask, codes, codeStates, nullCode, stride, others, otherStates, otherNullCode, otherStride, values, states, cells
      )
    case 13:
      return group<u16, u8, f64, Has>(
        begin, end, rows, at, mask, codes, codeStates, nullCode, stride, others, otherStates, otherNullCode, otherStride, values, states, cells
      )
    case 14:
      return group<u8, u16, f64, Has>(
        begin, end, rows, at, mask, codes, codeStates, nullCode, stride, others, otherStates, otherNullCode, otherStride, values, states, cells
      )
    case 15:
      return group<u16, u16, f64, Has>(
        begin, end, rows, at, mask, codes, codeStates, nullCode, stride, others, otherStates, otherNullCode, otherStride, values, states, cells
      )
    default:
      unreachable()
  }
}

/** `kind` as above, without 2. */
export function sweepPoints(
  kind: u32,
  begin: usize,
  end: usize,
  rows: u32,
  mask: usize,
  low: i32,
  high: i32,
  delta: i32,
  points: usize,
  starts: usize,
  shift: u32,
  codes: usize,
  codeStates: usize,
  nullCode: u32,
  stride: u32,
  cellBytes: u32,
  values: usize,
  states: usize,
  cells: usize
): void {
  switch (kind) {
    case 0:
      return sweep<u8, i32, Lacks>(
        begin, end, rows, mask, low, high, delta, points, starts, shift, codes, codeStates, nullCode, stride, cellBytes, values, states, cells
      )
    case 1:
      return sweep<u16, i32, Lacks>(
        begin, end, rows, mask, low, high, delta, points, starts, shift, codes, codeStates, nullCode, stride, cellBytes, values, states, cells
      )
    case 4:
      return sweep<u8, f64, Lacks>(
        begin, end, rows, mask, low, high, delta, points, starts, shift, codes, codeStates, nullCode, stride, cellBytes, values, states, cells
      )
    case 5:
      return sweep<u16, f64, Lacks>(
        begin, end, rows, mask, low, high, delta, points, starts, shift, codes, codeStates, nullCode, stride, cellBytes, values, states, cells
      )
    case 8:
      return sweep<u8, i32, Has>(
        begin, end, rows, mask, low, high, delta, points, starts, shift, codes, codeStates, nullCode, stride, cellBytes, values, states, cells
      )
    case 9:
      return sweep<u16, i32, Has>(
        begin, end, rows, mask, low, high, delta, points, starts, shift, codes, codeStates, nullCode, stride, cellBytes, values, states, cells
      )
    case 12:
      return sweep<u8, f64, Has>(
        begin, end, rows, mask, low, high, delta, points, starts, shift, codes, codeStates, nullCode, stride, cellBytes, values, states, cells
      )
    case 13:
      return sweep<u16, f64, Has>(
        begin, end, rows, mask, low, high, delta, points, starts, shift, codes, codeStates, nullCode, stride, cellBytes, values, states, cells
      )
    default:
      unreachable()
  }
}
