/** Columns of a delta, which are wide, as the narrower ones of other pages, so that one kind of loop serves both. */
import { Has, isPlain, Lacks, NONE, plain4, total4, valueAt } from './lanes'

/** True if some of the bytes is not 0. */
export function hasOthers(rows: u32, states: usize): bool {
  const whole = rows & ~15
  let found = i64x2.splat(0)
  for (let row: u32 = 0; row < whole; row += 16) found = v128.or(found, v128.load(states + row))
  if (v128.any_true(found)) return true
  for (let row = whole; row < rows; row++) if (load<u8>(states + row) != 0) return true
  return false
}

function codes<S>(rows: u32, values: usize, states: usize, base: i32, limit: u32, out: usize): u32 {
  const from = i32x4.splat(base)
  const end = i32x4.splat(limit)
  const all = i32x4.splat(-1)
  let counts = i32x4.splat(0)
  const whole = rows & ~7
  for (let row: u32 = 0; row < whole; row += 8) {
    const place = values + ((<usize>row) << 2)
    const a = i32x4.sub(v128.load(place), from)
    const b = i32x4.sub(v128.load(place, 16), from)
    const plainA = plain4<S>(states, row, all)
    const plainB = plain4<S>(states, row + 4, all)
    const isA = v128.and(plainA, i32x4.lt_u(a, end))
    const isB = v128.and(plainB, i32x4.lt_u(b, end))
    counts = i32x4.sub(counts, i32x4.add(v128.andnot(plainA, isA), v128.andnot(plainB, isB)))
    v128.store(out + ((<usize>row) << 1), i16x8.narrow_i32x4_u(v128.and(a, isA), v128.and(b, isB)))
  }
  let outside = total4(counts)
  for (let row = whole; row < rows; row++) {
    const code = <u32>(valueAt<i32>(values, row) - base)
    const is = isPlain<S>(states, row)
    if (is && code >= limit) outside++
    store<u16>(out + ((<usize>row) << 1), <u16>(is && code < limit ? code : 0))
  }
  return outside
}

export function toCodes(rows: u32, values: usize, states: usize, base: i32, limit: u32, out: usize): u32 {
  return states == NONE ? codes<Lacks>(rows, values, states, base, limit, out) : codes<Has>(rows, values, states, base, limit, out)
}

function integers<S>(rows: u32, values: usize, states: usize, out: usize): bool {
  const all = i32x4.splat(-1)
  let lost = i32x4.splat(0)
  const whole = rows & ~3
  for (let row: u32 = 0; row < whole; row += 4) {
    const place = values + ((<usize>row) << 3)
    const plain = plain4<S>(states, row, all)
    const a = v128.and(v128.load(place), i64x2.extend_low_i32x4_s(plain))
    const b = v128.and(v128.load(place, 16), i64x2.extend_high_i32x4_s(plain))
    const ofA = i32x4.trunc_sat_f64x2_s_zero(a)
    const ofB = i32x4.trunc_sat_f64x2_s_zero(b)
    lost = v128.or(lost, v128.or(f64x2.ne(f64x2.convert_low_i32x4_s(ofA), a), f64x2.ne(f64x2.convert_low_i32x4_s(ofB), b)))
    v128.store(out + ((<usize>row) << 2), v128.shuffle<i64>(ofA, ofB, 0, 2))
  }
  let isLost: bool = v128.any_true(lost)
  for (let row = whole; row < rows; row++) {
    const value = isPlain<S>(states, row) ? valueAt<f64>(values, row) : 0
    const integer = value >= -2147483648 && value <= 2147483647 ? <i32>value : 0
    if (<f64>integer != value) isLost = true
    store<i32>(out + ((<usize>row) << 2), integer)
  }
  return !isLost
}

export function toIntegers(rows: u32, values: usize, states: usize, out: usize): bool {
  return states == NONE ? integers<Lacks>(rows, values, states, out) : integers<Has>(rows, values, states, out)
}
