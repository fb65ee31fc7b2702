/** Masks, a byte a row: 0 false, 1 NULL, 2 true. Sixteen rows at a time. */
import { Has, isSelected, Lacks, NONE, NULL, selected4, TRUE, valueAt } from './lanes'

/** Lanes of 0 or -1 of four vectors of words, as sixteen bytes. */
// @ts-ignore: decorator
@inline
function bytesOf(a: v128, b: v128, c: v128, d: v128): v128 {
  return i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d))
}

export function visibleMask(begin: usize, end: usize, rows: u32, at: i32, mask: usize, out: usize): u32 {
  return mask == NONE ? visible<Lacks>(begin, end, rows, at, mask, out) : visible<Has>(begin, end, rows, at, mask, out)
}

function visible<M>(begin: usize, end: usize, rows: u32, at: i32, mask: usize, out: usize): u32 {
  const point = i32x4.splat(at)
  let result: u32 = 0
  const whole = rows & ~15
  for (let row: u32 = 0; row < whole; row += 16) {
    const bytes = bytesOf(
      selected4<M>(begin, end, point, mask, row),
      selected4<M>(begin, end, point, mask, row + 4),
      selected4<M>(begin, end, point, mask, row + 8),
      selected4<M>(begin, end, point, mask, row + 12)
    )
    result += popcnt(i8x16.bitmask(bytes))
    v128.store(out + row, v128.and(bytes, i8x16.splat(TRUE)))
  }
  for (let row = whole; row < rows; row++) {
    const is = isSelected<M>(begin, end, at, mask, row)
    result += <u32>is
    store<u8>(out + row, is ? TRUE : 0)
  }
  return result
}

/** The numbers of rows that are true, from `first` on. */
export function trueRows(rows: u32, mask: usize, first: u32, out: usize): u32 {
  let to = out
  const whole = rows & ~15
  for (let row: u32 = 0; row < whole; row += 16) {
    let bits = <u32>i8x16.bitmask(i8x16.eq(v128.load(mask + row), i8x16.splat(TRUE)))
    while (bits != 0) {
      store<u32>(to, first + row + ctz(bits))
      to += 4
      bits &= bits - 1
    }
  }
  for (let row = whole; row < rows; row++) {
    store<u32>(to, first + row)
    if (load<u8>(mask + row) == TRUE) to += 4
  }
  return <u32>((to - out) >> 2)
}

/** What is wanted of a comparison: bit 0 less, bit 1 equal, bit 2 greater. */
// @ts-ignore: decorator
@inline
function wanted(wants: u32, bit: u32): v128 {
  return i32x4.splat((wants >> bit) & 1 ? -1 : 0)
}

// @ts-ignore: decorator
@inline
function compared<T>(values: v128, constant: v128, less: v128, equal: v128, greater: v128): v128 {
  return v128.or(
    v128.or(v128.and(v128.lt<T>(values, constant), less), v128.and(v128.eq<T>(values, constant), equal)),
    v128.and(v128.gt<T>(values, constant), greater)
  )
}

/** Four float64 comparisons as four words: the low half of each. */
// @ts-ignore: decorator
@inline
function comparedFloats(place: usize, constant: v128, less: v128, equal: v128, greater: v128): v128 {
  return v128.shuffle<i32>(
    compared<f64>(v128.load(place), constant, less, equal, greater),
    compared<f64>(v128.load(place, 16), constant, less, equal, greater),
    0,
    2,
    4,
    6
  )
}

// @ts-ignore: decorator
@inline
function compared16<T>(place: usize, constant: v128, less: v128, equal: v128, greater: v128): v128 {
  if (sizeof<T>() == 1) return compared<T>(v128.load(place), constant, less, equal, greater)
  if (sizeof<T>() == 2) {
    return i8x16.narrow_i16x8_s(
      compared<T>(v128.load(place), constant, less, equal, greater),
      compared<T>(v128.load(place, 16), constant, less, equal, greater)
    )
  }
  if (sizeof<T>() == 4) {
    return bytesOf(
      compared<T>(v128.load(place), constant, less, equal, greater),
      compared<T>(v128.load(place, 16), constant, less, equal, greater),
      compared<T>(v128.load(place, 32), constant, less, equal, greater),
      compared<T>(v128.load(place, 48), constant, less, equal, greater)
    )
  }
  return bytesOf(
    comparedFloats(place, constant, less, equal, greater),
    comparedFloats(place + 32, constant, less, equal, greater),
    comparedFloats(place + 64, constant, less, equal, greater),
    comparedFloats(place + 96, constant, less, equal, greater)
  )
}

function compare<T, S>(rows: u32, values: usize, states: usize, wants: u32, constant: T, out: usize): void {
  const other = v128.splat<T>(constant)
  const less = wanted(wants, 0)
  const equal = wanted(wants, 1)
  const greater = wanted(wants, 2)
  const whole = rows & ~15
  for (let row: u32 = 0; row < whole; row += 16) {
    const is = compared16<T>(values + (<usize>row) * sizeof<T>(), other, less, equal, greater)
    let bytes = v128.and(is, i8x16.splat(TRUE))
    if (sizeof<S>() == 1) {
      bytes = v128.bitselect(bytes, i8x16.splat(NULL), i8x16.eq(v128.load(states + row), i8x16.splat(0)))
    }
    v128.store(out + row, bytes)
  }
  for (let row = whole; row < rows; row++) {
    const value = valueAt<T>(values, row)
    const bit: u32 = value < constant ? 1 : value == constant ? 2 : value > constant ? 4 : 0
    let byte = wants & bit ? TRUE : <u8>0
    if (sizeof<S>() == 1) byte = load<u8>(states + row) == 0 ? byte : NULL
    store<u8>(out + row, byte)
  }
}

export function compareI32(rows: u32, values: usize, states: usize, wants: u32, constant: i32, out: usize): void {
  if (states == NONE) compare<i32, Lacks>(rows, values, states, wants, constant, out)
  else compare<i32, Has>(rows, values, states, wants, constant, out)
}

export function compareF64(rows: u32, values: usize, states: usize, wants: u32, constant: f64, out: usize): void {
  if (states == NONE) compare<f64, Lacks>(rows, values, states, wants, constant, out)
  else compare<f64, Has>(rows, values, states, wants, constant, out)
}

export function compareU8(rows: u32, values: usize, states: usize, wants: u32, constant: u32, out: usize): void {
  if (states == NONE) compare<u8, Lacks>(rows, values, states, wants, <u8>constant, out)
  else compare<u8, Has>(rows, values, states, wants, <u8>constant, out)
}

export function compareU16(rows: u32, values: usize, states: usize, wants: u32, constant: u32, out: usize): void {
  if (states == NONE) compare<u16, Lacks>(rows, values, states, wants, <u16>constant, out)
  else compare<u16, Has>(rows, values, states, wants, <u16>constant, out)
}

function codeIn<T, S>(rows: u32, values: usize, states: usize, set: usize, out: usize): void {
  for (let row: u32 = 0; row < rows; row++) {
    const code = <u32>valueAt<T>(values, row)
    let byte = <u8>(((<u32>load<u8>(set + (code >> 3)) >> (code & 7)) & 1) << 1)
    if (sizeof<S>() == 1) byte = load<u8>(states + row) == 0 ? byte : NULL
    store<u8>(out + row, byte)
  }
}

export function codeInU8(rows: u32, values: usize, states: usize, set: usize, out: usize): void {
  if (states == NONE) codeIn<u8, Lacks>(rows, values, states, set, out)
  else codeIn<u8, Has>(rows, values, states, set, out)
}

export function codeInU16(rows: u32, values: usize, states: usize, set: usize, out: usize): void {
  if (states == NONE) codeIn<u16, Lacks>(rows, values, states, set, out)
  else codeIn<u16, Has>(rows, values, states, set, out)
}

export function maskAnd(rows: u32, one: usize, other: usize, out: usize): void {
  const whole = rows & ~15
  for (let row: u32 = 0; row < whole; row += 16) {
    v128.store(out + row, i8x16.min_u(v128.load(one + row), v128.load(other + row)))
  }
  for (let row = whole; row < rows; row++) {
    const a = load<u8>(one + row)
    const b = load<u8>(other + row)
    store<u8>(out + row, a < b ? a : b)
  }
}

export function maskOr(rows: u32, one: usize, other: usize, out: usize): void {
  const whole = rows & ~15
  for (let row: u32 = 0; row < whole; row += 16) {
    v128.store(out + row, i8x16.max_u(v128.load(one + row), v128.load(other + row)))
  }
  for (let row = whole; row < rows; row++) {
    const a = load<u8>(one + row)
    const b = load<u8>(other + row)
    store<u8>(out + row, a > b ? a : b)
  }
}

export function maskNot(rows: u32, one: usize, out: usize): void {
  const whole = rows & ~15
  for (let row: u32 = 0; row < whole; row += 16) v128.store(out + row, i8x16.sub(i8x16.splat(TRUE), v128.load(one + row)))
  for (let row = whole; row < rows; row++) store<u8>(out + row, TRUE - load<u8>(one + row))
}
