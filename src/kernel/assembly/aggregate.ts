/** Count, sum, smallest and largest over the selected rows of one page. What does not fit into the result lies in `sum`, `min`, `max`. */
import { addExact, reserve } from './exact'
import { Has, isPlain, isSelected, Lacks, load4, NONE, plain4, selected4, total4, valueAt } from './lanes'

/** Whole numbers: a page has at most 2^20 rows, so that these are exact. */
export let sum: f64 = 0
export let min: f64 = 0
export let max: f64 = 0
/** Rows that were selected, whether their value counted or not. */
export let selected: u32 = 0
/** Largest magnitude of a value. */
export let largest: f64 = 0

/** Rows between two looks at whether the two doubles of a sum still hold all of it. */
const BLOCK_ROWS: u32 = 512

export function countVisible(begin: usize, end: usize, rows: u32, at: i32, mask: usize): u32 {
  return mask == NONE ? count<Lacks>(begin, end, rows, at, mask) : count<Has>(begin, end, rows, at, mask)
}

function count<M>(begin: usize, end: usize, rows: u32, at: i32, mask: usize): u32 {
  const point = i32x4.splat(at)
  let counts = i32x4.splat(0)
  const whole = rows & ~3
  for (let row: u32 = 0; row < whole; row += 4) counts = i32x4.sub(counts, selected4<M>(begin, end, point, mask, row))
  let result = total4(counts)
  for (let row = whole; row < rows; row++) result += <u32>isSelected<M>(begin, end, at, mask, row)
  return result
}

function sumIntegers<T, M, S>(begin: usize, end: usize, rows: u32, at: i32, mask: usize, values: usize, states: usize): u32 {
  const point = i32x4.splat(at)
  let rowCounts = i32x4.splat(0)
  let counts = i32x4.splat(0)
  let sums = i64x2.splat(0)
  const whole = rows & ~3
  for (let row: u32 = 0; row < whole; row += 4) {
    const seen = selected4<M>(begin, end, point, mask, row)
    const chosen = plain4<S>(states, row, seen)
    if (sizeof<S>() == 1) rowCounts = i32x4.sub(rowCounts, seen)
    counts = i32x4.sub(counts, chosen)
    const four = v128.and(load4<T>(values, row), chosen)
    sums = i64x2.add(sums, i64x2.add(i64x2.extend_low_i32x4_s(four), i64x2.extend_high_i32x4_s(four)))
  }
  let result = total4(counts)
  let rowCount = total4(rowCounts)
  let total = i64x2.extract_lane(sums, 0) + i64x2.extract_lane(sums, 1)
  for (let row = whole; row < rows; row++) {
    const isSeen = isSelected<M>(begin, end, at, mask, row)
    if (sizeof<S>() == 1) rowCount += <u32>isSeen
    if (isSeen & isPlain<S>(states, row)) {
      result++
      total += <i64>valueAt<T>(values, row)
    }
  }
  sum = <f64>total
  selected = sizeof<S>() == 1 ? rowCount : result
  return result
}

// @ts-ignore: decorator
@inline
function sumOf<T>(begin: usize, end: usize, rows: u32, at: i32, mask: usize, values: usize, states: usize): u32 {
  if (mask == NONE) {
    return states == NONE
      ? sumIntegers<T, Lacks, Lacks>(begin, end, rows, at, mask, values, states)
      : sumIntegers<T, Lacks, Has>(begin, end, rows, at, mask, values, states)
  }
  return states == NONE
    ? sumIntegers<T, Has, Lacks>(begin, end, rows, at, mask, values, states)
    : sumIntegers<T, Has, Has>(begin, end, rows, at, mask, values, states)
}

export function sumVisibleI32(begin: usize, end: usize, rows: u32, at: i32, mask: usize, values: usize, states: usize): u32 {
  return sumOf<i32>(begin, end, rows, at, mask, values, states)
}

export function sumVisibleU8(begin: usize, end: usize, rows: u32, at: i32, mask: usize, values: usize, states: usize): u32 {
  return sumOf<u8>(begin, end, rows, at, mask, values, states)
}

export function sumVisibleU16(begin: usize, end: usize, rows: u32, at: i32, mask: usize, values: usize, states: usize): u32 {
  return sumOf<u16>(begin, end, rows, at, mask, values, states)
}

/**
 * A block is summed in two doubles for each lane (Knuth's error-free addition, twice). Where the second one lost nothing they are the
 * block's exact sum, and go into the exact sum as a few numbers; where it did the block is added again, number by number.
 */
function sumFloats<M, S>(begin: usize, end: usize, rows: u32, at: i32, mask: usize, values: usize, states: usize, exact: usize): u32 {
  const point = i32x4.splat(at)
  const zero = f64x2.splat(0)
  let counts = i32x4.splat(0)
  let result: u32 = 0
  let row: u32 = 0
  const whole = rows & ~3
  while (row < whole) {
    const from = row
    const to = whole - row > BLOCK_ROWS ? row + BLOCK_ROWS : whole
    let highA = zero
    let lowA = zero
    let highB = zero
    let lowB = zero
    let lost = zero
    for (; row < to; row += 4) {
      const chosen = plain4<S>(states, row, selected4<M>(begin, end, point, mask, row))
      counts = i32x4.sub(counts, chosen)
      const place = values + ((<usize>row) << 3)
      const a = v128.and(v128.load(place), i64x2.extend_low_i32x4_s(chosen))
      const b = v128.and(v128.load(place, 16), i64x2.extend_high_i32x4_s(chosen))
      const sumA = f64x2.add(highA, a)
      const sumB = f64x2.add(highB, b)
      const partA = f64x2.sub(sumA, highA)
      const partB = f64x2.sub(sumB, highB)
      const restA = f64x2.add(f64x2.sub(highA, f64x2.sub(sumA, partA)), f64x2.sub(a, partA))
      const restB = f64x2.add(f64x2.sub(highB, f64x2.sub(sumB, partB)), f64x2.sub(b, partB))
      highA = sumA
      highB = sumB
      const nextA = f64x2.add(lowA, restA)
      const nextB = f64x2.add(lowB, restB)
      const addedA = f64x2.sub(nextA, lowA)
      const addedB = f64x2.sub(nextB, lowB)
      const lostA = f64x2.add(f64x2.sub(lowA, f64x2.sub(nextA, addedA)), f64x2.sub(restA, addedA))
      const lostB = f64x2.add(f64x2.sub(lowB, f64x2.sub(nextB, addedB)), f64x2.sub(restB, addedB))
      lowA = nextA
      lowB = nextB
      // An overflow makes NaN here, which is not 0 either.
      lost = v128.or(lost, v128.or(f64x2.ne(lostA, zero), f64x2.ne(lostB, zero)))
    }
    if (v128.any_true(lost)) {
      addRows<M, S>(begin, end, from, to, at, mask, values, states, exact)
    } else {
      reserve(exact, 8)
      addExact(exact, f64x2.extract_lane(highA, 0))
      addExact(exact, f64x2.extract_lane(highA, 1))
      addExact(exact, f64x2.extract_lane(highB, 0))
      addExact(exact, f64x2.extract_lane(highB, 1))
      addExact(exact, f64x2.extract_lane(lowA, 0))
      addExact(exact, f64x2.extract_lane(lowA, 1))
      addExact(exact, f64x2.extract_lane(lowB, 0))
      addExact(exact, f64x2.extract_lane(lowB, 1))
    }
  }
  result = total4(counts)
  return result + addRows<M, S>(begin, end, whole, rows, at, mask, values, states, exact)
}

function addRows<M, S>(
  begin: usize,
  end: usize,
  from: u32,
  to: u32,
  at: i32,
  mask: usize,
  values: usize,
  states: usize,
  exact: usize
): u32 {
  reserve(exact, <f64>(to - from))
  let result: u32 = 0
  for (let row = from; row < to; row++) {
    if (isSelected<M>(begin, end, at, mask, row) & isPlain<S>(states, row)) {
      result++
      addExact(exact, valueAt<f64>(values, row))
    }
  }
  return result
}

export function sumVisibleF64(
  begin: usize,
  end: usize,
  rows: u32,
  at: i32,
  mask: usize,
  values: usize,
  states: usize,
  exact: usize
): u32 {
  if (mask == NONE) {
    return states == NONE
      ? sumFloats<Lacks, Lacks>(begin, end, rows, at, mask, values, states, exact)
      : sumFloats<Lacks, Has>(begin, end, rows, at, mask, values, states, exact)
  }
  return states == NONE
    ? sumFloats<Has, Lacks>(begin, end, rows, at, mask, values, states, exact)
    : sumFloats<Has, Has>(begin, end, rows, at, mask, values, states, exact)
}

/** Whole numbers in doubles: the sum is exact where `largest` times the count is at most 2^53. */
function sumWholes<M, S>(begin: usize, end: usize, rows: u32, at: i32, mask: usize, values: usize, states: usize): u32 {
  const point = i32x4.splat(at)
  const zero = f64x2.splat(0)
  let rowCounts = i32x4.splat(0)
  let counts = i32x4.splat(0)
  let sumsA = zero
  let sumsB = zero
  let large = zero
  const whole = rows & ~3
  for (let row: u32 = 0; row < whole; row += 4) {
    const seen = selected4<M>(begin, end, point, mask, row)
    const chosen = plain4<S>(states, row, seen)
    if (sizeof<S>() == 1) rowCounts = i32x4.sub(rowCounts, seen)
    counts = i32x4.sub(counts, chosen)
    const place = values + ((<usize>row) << 3)
    const a = v128.and(v128.load(place), i64x2.extend_low_i32x4_s(chosen))
    const b = v128.and(v128.load(place, 16), i64x2.extend_high_i32x4_s(chosen))
    sumsA = f64x2.add(sumsA, a)
    sumsB = f64x2.add(sumsB, b)
    large = f64x2.pmax(large, f64x2.pmax(f64x2.abs(a), f64x2.abs(b)))
  }
  let result = total4(counts)
  let rowCount = total4(rowCounts)
  const sums = f64x2.add(sumsA, sumsB)
  let total = f64x2.extract_lane(sums, 0) + f64x2.extract_lane(sums, 1)
  let most = Math.max(f64x2.extract_lane(large, 0), f64x2.extract_lane(large, 1))
  for (let row = whole; row < rows; row++) {
    const isSeen = isSelected<M>(begin, end, at, mask, row)
    if (sizeof<S>() == 1) rowCount += <u32>isSeen
    if (isSeen & isPlain<S>(states, row)) {
      result++
      const value = valueAt<f64>(values, row)
      total += value
      most = Math.max(most, Math.abs(value))
    }
  }
  sum = total
  largest = most
  selected = sizeof<S>() == 1 ? rowCount : result
  return result
}

export function sumVisibleWholes(begin: usize, end: usize, rows: u32, at: i32, mask: usize, values: usize, states: usize): u32 {
  if (mask == NONE) {
    return states == NONE
      ? sumWholes<Lacks, Lacks>(begin, end, rows, at, mask, values, states)
      : sumWholes<Lacks, Has>(begin, end, rows, at, mask, values, states)
  }
  return states == NONE
    ? sumWholes<Has, Lacks>(begin, end, rows, at, mask, values, states)
    : sumWholes<Has, Has>(begin, end, rows, at, mask, values, states)
}

function boundsOfIntegers<T, M, S>(begin: usize, end: usize, rows: u32, at: i32, mask: usize, values: usize, states: usize): u32 {
  const point = i32x4.splat(at)
  const highest = i32x4.splat(i32.MAX_VALUE)
  const lowest = i32x4.splat(i32.MIN_VALUE)
  let counts = i32x4.splat(0)
  let small = highest
  let large = lowest
  const whole = rows & ~3
  for (let row: u32 = 0; row < whole; row += 4) {
    const chosen = plain4<S>(states, row, selected4<M>(begin, end, point, mask, row))
    counts = i32x4.sub(counts, chosen)
    const four = load4<T>(values, row)
    small = i32x4.min_s(small, v128.bitselect(four, highest, chosen))
    large = i32x4.max_s(large, v128.bitselect(four, lowest, chosen))
  }
  let result = total4(counts)
  let low = smaller(
    smaller(i32x4.extract_lane(small, 0), i32x4.extract_lane(small, 1)),
    smaller(i32x4.extract_lane(small, 2), i32x4.extract_lane(small, 3))
  )
  let high = larger(
    larger(i32x4.extract_lane(large, 0), i32x4.extract_lane(large, 1)),
    larger(i32x4.extract_lane(large, 2), i32x4.extract_lane(large, 3))
  )
  for (let row = whole; row < rows; row++) {
    if (isSelected<M>(begin, end, at, mask, row) & isPlain<S>(states, row)) {
      result++
      low = smaller(low, <i32>valueAt<T>(values, row))
      high = larger(high, <i32>valueAt<T>(values, row))
    }
  }
  min = <f64>low
  max = <f64>high
  return result
}

// @ts-ignore: decorator
@inline
function smaller(a: i32, b: i32): i32 {
  return a < b ? a : b
}

// @ts-ignore: decorator
@inline
function larger(a: i32, b: i32): i32 {
  return a > b ? a : b
}

function boundsOfFloats<M, S>(begin: usize, end: usize, rows: u32, at: i32, mask: usize, values: usize, states: usize): u32 {
  const point = i32x4.splat(at)
  const highest = f64x2.splat(Infinity)
  const lowest = f64x2.splat(-Infinity)
  let counts = i32x4.splat(0)
  let small = highest
  let large = lowest
  const whole = rows & ~3
  for (let row: u32 = 0; row < whole; row += 4) {
    const chosen = plain4<S>(states, row, selected4<M>(begin, end, point, mask, row))
    counts = i32x4.sub(counts, chosen)
    const place = values + ((<usize>row) << 3)
    const a = v128.load(place)
    const b = v128.load(place, 16)
    const ofA = i64x2.extend_low_i32x4_s(chosen)
    const ofB = i64x2.extend_high_i32x4_s(chosen)
    small = f64x2.pmin(f64x2.pmin(small, v128.bitselect(a, highest, ofA)), v128.bitselect(b, highest, ofB))
    large = f64x2.pmax(f64x2.pmax(large, v128.bitselect(a, lowest, ofA)), v128.bitselect(b, lowest, ofB))
  }
  let result = total4(counts)
  let low = f64x2.extract_lane(small, 0)
  let high = f64x2.extract_lane(large, 0)
  if (f64x2.extract_lane(small, 1) < low) low = f64x2.extract_lane(small, 1)
  if (f64x2.extract_lane(large, 1) > high) high = f64x2.extract_lane(large, 1)
  for (let row = whole; row < rows; row++) {
    if (isSelected<M>(begin, end, at, mask, row) & isPlain<S>(states, row)) {
      result++
      const value = valueAt<f64>(values, row)
      if (value < low) low = value
      if (value > high) high = value
    }
  }
  min = low
  max = high
  return result
}

// @ts-ignore: decorator
@inline
function boundsOf<T>(begin: usize, end: usize, rows: u32, at: i32, mask: usize, values: usize, states: usize): u32 {
  if (mask == NONE) {
    return states == NONE
      ? boundsOfIntegers<T, Lacks, Lacks>(begin, end, rows, at, mask, values, states)
      : boundsOfIntegers<T, Lacks, Has>(begin, end, rows, at, mask, values, states)
  }
  return states == NONE
    ? boundsOfIntegers<T, Has, Lacks>(begin, end, rows, at, mask, values, states)
    : boundsOfIntegers<T, Has, Has>(begin, end, rows, at, mask, values, states)
}

export function boundsVisibleI32(begin: usize, end: usize, rows: u32, at: i32, mask: usize, values: usize, states: usize): u32 {
  return boundsOf<i32>(begin, end, rows, at, mask, values, states)
}

export function boundsVisibleU8(begin: usize, end: usize, rows: u32, at: i32, mask: usize, values: usize, states: usize): u32 {
  return boundsOf<u8>(begin, end, rows, at, mask, values, states)
}

export function boundsVisibleU16(begin: usize, end: usize, rows: u32, at: i32, mask: usize, values: usize, states: usize): u32 {
  return boundsOf<u16>(begin, end, rows, at, mask, values, states)
}

export function boundsVisibleF64(begin: usize, end: usize, rows: u32, at: i32, mask: usize, values: usize, states: usize): u32 {
  if (mask == NONE) {
    return states == NONE
      ? boundsOfFloats<Lacks, Lacks>(begin, end, rows, at, mask, values, states)
      : boundsOfFloats<Lacks, Has>(begin, end, rows, at, mask, values, states)
  }
  return states == NONE
    ? boundsOfFloats<Has, Lacks>(begin, end, rows, at, mask, values, states)
    : boundsOfFloats<Has, Has>(begin, end, rows, at, mask, values, states)
}
