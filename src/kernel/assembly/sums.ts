/**
 * The sum of one column over many slices in one call: a delta has a chunk for each thousand rows, and crossing into the module for each
 * costs as much as half of its rows. Whole numbers only; what cannot be added exactly is left out and marked.
 */
import { largest, selected, sum, sumVisibleI32, sumVisibleWholes } from './aggregate'
import { hasOthers } from './convert'
import { Has, isSeen, Lacks, NONE, seen4, total4, valueAt } from './lanes'

/** The head, then entries: words as `kernels.ts` says. */
const ENTRY_BYTES: usize = 32
const FLOATS: u32 = 1
const SMALL: u32 = 2
const BEGUN: u32 = 4
/** Values below 2^24, 127 a lane: no lane runs over. */
const SMALL_ROWS: u32 = 508
const EXACT_MAX: f64 = 9007199254740991

let rowCount: u32 = 0

// @ts-ignore: decorator
@inline
function addTail<T, B>(begin: usize, end: usize, from: u32, rows: u32, at: i32, values: usize): i64 {
  let total: i64 = 0
  for (let row = from; row < rows; row++) {
    if (!isSeen<B, Lacks>(begin, end, at, NONE, row)) continue
    rowCount++
    total += <i64>valueAt<T>(values, row)
  }
  return total
}

/** Of values below 2^24: lanes of 32 bits, emptied now and then. */
function sumSmall<B>(begin: usize, end: usize, rows: u32, at: i32, values: usize): i64 {
  const point = i32x4.splat(at)
  const whole = rows & ~3
  let counts = i32x4.splat(0)
  let total: i64 = 0
  let row: u32 = 0
  while (row < whole) {
    const stop = whole - row > SMALL_ROWS ? row + SMALL_ROWS : whole
    let sums = i32x4.splat(0)
    for (; row < stop; row += 4) {
      const seen = seen4<B, Lacks>(begin, end, point, NONE, row)
      counts = i32x4.sub(counts, seen)
      sums = i32x4.add(sums, v128.and(v128.load(values + ((<usize>row) << 2)), seen))
    }
    const wide = i64x2.add(i64x2.extend_low_i32x4_s(sums), i64x2.extend_high_i32x4_s(sums))
    total += i64x2.extract_lane(wide, 0) + i64x2.extract_lane(wide, 1)
  }
  rowCount += total4(counts)
  return total + addTail<i32, B>(begin, end, whole, rows, at, values)
}

/** Of any values, in halves of 16 bits: a page has too few rows for a lane to run over in between. */
function sumHalves<B>(begin: usize, end: usize, rows: u32, at: i32, values: usize): i64 {
  const point = i32x4.splat(at)
  const lowest = i32x4.splat(0xffff)
  const whole = rows & ~3
  let counts = i32x4.splat(0)
  let total: i64 = 0
  let row: u32 = 0
  while (row < whole) {
    const stop = whole - row > 0x4_0000 ? row + 0x4_0000 : whole
    let low = i32x4.splat(0)
    let high = i32x4.splat(0)
    for (; row < stop; row += 4) {
      const seen = seen4<B, Lacks>(begin, end, point, NONE, row)
      counts = i32x4.sub(counts, seen)
      const four = v128.and(v128.load(values + ((<usize>row) << 2)), seen)
      low = i32x4.add(low, v128.and(four, lowest))
      high = i32x4.add(high, i32x4.shr_s(four, 16))
    }
    const lows = i64x2.add(i64x2.extend_low_i32x4_u(low), i64x2.extend_high_i32x4_u(low))
    const highs = i64x2.add(i64x2.extend_low_i32x4_s(high), i64x2.extend_high_i32x4_s(high))
    total += i64x2.extract_lane(lows, 0) + i64x2.extract_lane(lows, 1)
    total += (i64x2.extract_lane(highs, 0) + i64x2.extract_lane(highs, 1)) << 16
  }
  rowCount += total4(counts)
  return total + addTail<i32, B>(begin, end, whole, rows, at, values)
}

/** Whole numbers in doubles; `largest` times the rows says whether the sum is exact. */
function sumDoubles<B>(begin: usize, end: usize, rows: u32, at: i32, values: usize): f64 {
  const point = i32x4.splat(at)
  const whole = rows & ~3
  let counts = i32x4.splat(0)
  let sumsA = f64x2.splat(0)
  let sumsB = f64x2.splat(0)
  let largeA = f64x2.splat(0)
  let largeB = f64x2.splat(0)
  const sign = i64x2.splat(i64.MAX_VALUE)
  for (let row: u32 = 0; row < whole; row += 4) {
    const seen = seen4<B, Lacks>(begin, end, point, NONE, row)
    counts = i32x4.sub(counts, seen)
    const place = values + ((<usize>row) << 3)
    const a = v128.and(v128.load(place), v128.shuffle<i32>(seen, seen, 0, 0, 1, 1))
    const b = v128.and(v128.load(place, 16), v128.shuffle<i32>(seen, seen, 2, 2, 3, 3))
    sumsA = f64x2.add(sumsA, a)
    sumsB = f64x2.add(sumsB, b)
    largeA = f64x2.pmax(largeA, v128.and(a, sign))
    largeB = f64x2.pmax(largeB, v128.and(b, sign))
  }
  rowCount += total4(counts)
  const sums = f64x2.add(sumsA, sumsB)
  const large = f64x2.pmax(largeA, largeB)
  let total = f64x2.extract_lane(sums, 0) + f64x2.extract_lane(sums, 1)
  let most = Math.max(f64x2.extract_lane(large, 0), f64x2.extract_lane(large, 1))
  for (let row = whole; row < rows; row++) {
    if (!isSeen<B, Lacks>(begin, end, at, NONE, row)) continue
    rowCount++
    total += valueAt<f64>(values, row)
    most = Math.max(most, Math.abs(valueAt<f64>(values, row)))
  }
  magnitude = most
  return total
}

let magnitude: f64 = 0

export function sumSlices(list: usize, count: u32): void {
  let allRows: u32 = 0
  let allValues: u32 = 0
  let total: i64 = 0
  for (let index: u32 = 0; index < count; index++) {
    const entry = list + ENTRY_BYTES * (<usize>index + 1)
    const begin = <usize>load<u32>(entry)
    const end = <usize>load<u32>(entry, 4)
    const rows = load<u32>(entry, 8)
    const at = load<i32>(entry, 12)
    const values = <usize>load<u32>(entry, 16)
    const states = <usize>load<u32>(entry, 20)
    const kind = load<u32>(entry, 24)
    store<u32>(entry, 0, 28)
    rowCount = 0
    if (states != NONE && hasOthers(rows, states)) {
      const found =
        kind & FLOATS ? sumVisibleWholes(begin, end, rows, at, NONE, values, states) : sumVisibleI32(begin, end, rows, at, NONE, values, states)
      if (kind & FLOATS && largest * <f64>found > EXACT_MAX) {
        store<u32>(entry, 1, 28)
        continue
      }
      allRows += selected
      allValues += found
      total += <i64>sum
      continue
    }
    let exact: i64
    if (kind & FLOATS) {
      const found = kind & BEGUN ? sumDoubles<Lacks>(begin, end, rows, at, values) : sumDoubles<Has>(begin, end, rows, at, values)
      if (magnitude * <f64>rowCount > EXACT_MAX) {
        store<u32>(entry, 1, 28)
        continue
      }
      exact = <i64>found
    } else if (kind & SMALL) {
      exact = kind & BEGUN ? sumSmall<Lacks>(begin, end, rows, at, values) : sumSmall<Has>(begin, end, rows, at, values)
    } else {
      exact = kind & BEGUN ? sumHalves<Lacks>(begin, end, rows, at, values) : sumHalves<Has>(begin, end, rows, at, values)
    }
    allRows += rowCount
    allValues += rowCount
    total += exact
  }
  store<u32>(list, allRows)
  store<u32>(list, allValues, 4)
  store<i64>(list, total, 8)
}
