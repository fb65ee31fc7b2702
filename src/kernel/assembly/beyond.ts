/** The few rows whose values are as good as the n-th best so far. Nearly all rows are passed over eight at a time by their values alone. */
import { Has, isPlain, isSelected, Lacks, NONE, valueAt } from './lanes'

// @ts-ignore: decorator
@inline
function isBeyond<T, D>(value: T, limit: T): bool {
  return sizeof<D>() == 1 ? value >= limit : value <= limit
}

// @ts-ignore: decorator
@inline
function someBeyond<T, D>(place: usize, limit: v128): bool {
  const a = v128.load(place)
  const b = v128.load(place, 16)
  if (sizeof<T>() == 4) {
    return sizeof<D>() == 1
      ? v128.any_true(v128.or(i32x4.ge_s(a, limit), i32x4.ge_s(b, limit)))
      : v128.any_true(v128.or(i32x4.le_s(a, limit), i32x4.le_s(b, limit)))
  }
  const c = v128.load(place, 32)
  const d = v128.load(place, 48)
  return sizeof<D>() == 1
    ? v128.any_true(v128.or(v128.or(f64x2.ge(a, limit), f64x2.ge(b, limit)), v128.or(f64x2.ge(c, limit), f64x2.ge(d, limit))))
    : v128.any_true(v128.or(v128.or(f64x2.le(a, limit), f64x2.le(b, limit)), v128.or(f64x2.le(c, limit), f64x2.le(d, limit))))
}

/** `D`: Has where larger values are better. */
function rowsBeyond<T, D>(
  begin: usize,
  end: usize,
  rows: u32,
  at: i32,
  mask: usize,
  values: usize,
  states: usize,
  limit: T,
  first: u32,
  out: usize
): u32 {
  const limits = v128.splat<T>(limit)
  let to = out
  for (let from: u32 = 0; from < rows; from += 8) {
    const stop = rows - from < 8 ? rows : from + 8
    if (stop == from + 8 && !someBeyond<T, D>(values + (<usize>from) * sizeof<T>(), limits)) continue
    for (let row = from; row < stop; row++) {
      if (!isBeyond<T, D>(valueAt<T>(values, row), limit)) continue
      if (states != NONE && !isPlain<Has>(states, row)) continue
      if (mask == NONE ? !isSelected<Lacks>(begin, end, at, mask, row) : !isSelected<Has>(begin, end, at, mask, row)) continue
      store<u32>(to, first + row)
      to += 4
    }
  }
  return <u32>((to - out) >> 2)
}

export function beyondI32(
  begin: usize,
  end: usize,
  rows: u32,
  at: i32,
  mask: usize,
  values: usize,
  states: usize,
  limit: i32,
  descending: u32,
  first: u32,
  out: usize
): u32 {
  return descending
    ? rowsBeyond<i32, Has>(begin, end, rows, at, mask, values, states, limit, first, out)
    : rowsBeyond<i32, Lacks>(begin, end, rows, at, mask, values, states, limit, first, out)
}

export function beyondF64(
  begin: usize,
  end: usize,
  rows: u32,
  at: i32,
  mask: usize,
  values: usize,
  states: usize,
  limit: f64,
  descending: u32,
  first: u32,
  out: usize
): u32 {
  return descending
    ? rowsBeyond<f64, Has>(begin, end, rows, at, mask, values, states, limit, first, out)
    : rowsBeyond<f64, Lacks>(begin, end, rows, at, mask, values, states, limit, first, out)
}
