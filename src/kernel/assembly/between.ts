/** The few rows whose values lie in a range. As in `beyond.ts`, nearly all rows are passed over eight at a time by their values alone. */
import { Has, isPlain, isSelected, Lacks, NONE, valueAt } from './lanes'

// @ts-ignore: decorator
@inline
function inRange<T>(place: usize, low: v128, high: v128): v128 {
  const values = v128.load(place)
  if (sizeof<T>() == 4) return v128.and(i32x4.ge_s(values, low), i32x4.le_s(values, high))
  return v128.and(f64x2.ge(values, low), f64x2.le(values, high))
}

// @ts-ignore: decorator
@inline
function someBetween<T>(place: usize, low: v128, high: v128): bool {
  const some = v128.or(inRange<T>(place, low, high), inRange<T>(place + 16, low, high))
  if (sizeof<T>() == 4) return v128.any_true(some)
  return v128.any_true(v128.or(some, v128.or(inRange<T>(place + 32, low, high), inRange<T>(place + 48, low, high))))
}

function rowsBetween<T>(
  begin: usize,
  end: usize,
  rows: u32,
  at: i32,
  mask: usize,
  values: usize,
  states: usize,
  low: T,
  high: T,
  first: u32,
  out: usize
): u32 {
  const lows = v128.splat<T>(low)
  const highs = v128.splat<T>(high)
  let to = out
  for (let from: u32 = 0; from < rows; from += 8) {
    const stop = rows - from < 8 ? rows : from + 8
    if (stop == from + 8 && !someBetween<T>(values + (<usize>from) * sizeof<T>(), lows, highs)) continue
    for (let row = from; row < stop; row++) {
      const value = valueAt<T>(values, row)
      if (value < low || value > high) continue
      if (states != NONE && !isPlain<Has>(states, row)) continue
      if (mask == NONE ? !isSelected<Lacks>(begin, end, at, mask, row) : !isSelected<Has>(begin, end, at, mask, row)) continue
      store<u32>(to, first + row)
      to += 4
    }
  }
  return <u32>((to - out) >> 2)
}

export function betweenI32(
  begin: usize,
  end: usize,
  rows: u32,
  at: i32,
  mask: usize,
  values: usize,
  states: usize,
  low: i32,
  high: i32,
  first: u32,
  out: usize
): u32 {
  return rowsBetween<i32>(begin, end, rows, at, mask, values, states, low, high, first, out)
}

export function betweenF64(
  begin: usize,
  end: usize,
  rows: u32,
  at: i32,
  mask: usize,
  values: usize,
  states: usize,
  low: f64,
  high: f64,
  first: u32,
  out: usize
): u32 {
  return rowsBetween<f64>(begin, end, rows, at, mask, values, states, low, high, first, out)
}
