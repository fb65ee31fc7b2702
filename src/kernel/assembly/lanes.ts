/** Four rows at a time: which are selected, and their values as lanes. Type parameters stand for what is known before the loop. */

/** In place of a type parameter: an optional part is there. It is told from {@link Lacks} by its size. */
export type Has = u8
export type Lacks = u32

/** An offset that says: not there. */
// @ts-ignore: decorator
@inline
export const NONE: usize = 0xffff_ffff

/** Bytes of a mask: AND is the smaller, OR the larger, NOT the distance from 2. */
// @ts-ignore: decorator
@inline
export const NULL: u8 = 1
// @ts-ignore: decorator
@inline
export const TRUE: u8 = 2

/** Four of the lowest bytes, each 0 or -1, as four words. */
// @ts-ignore: decorator
@inline
function widened(bytes: v128): v128 {
  return i32x4.extend_low_i16x8_s(i16x8.extend_low_i8x16_s(bytes))
}

/** Lanes of rows where a mask is true. */
// @ts-ignore: decorator
@inline
export function true4(mask: usize, row: u32): v128 {
  return widened(i8x16.eq(v128.load32_zero(mask + row), i8x16.splat(TRUE)))
}

/** `B`: Lacks where every row has begun. */
// @ts-ignore: decorator
@inline
export function seen4<B, M>(begin: usize, end: usize, at: v128, mask: usize, row: u32): v128 {
  let seen = i32x4.gt_s(v128.load(end + ((<usize>row) << 2)), at)
  if (sizeof<B>() == 1) seen = v128.and(seen, i32x4.le_s(v128.load(begin + ((<usize>row) << 2)), at))
  if (sizeof<M>() == 1) seen = v128.and(seen, true4(mask, row))
  return seen
}

// @ts-ignore: decorator
@inline
export function selected4<M>(begin: usize, end: usize, at: v128, mask: usize, row: u32): v128 {
  return seen4<Has, M>(begin, end, at, mask, row)
}

// @ts-ignore: decorator
@inline
export function isSeen<B, M>(begin: usize, end: usize, at: i32, mask: usize, row: u32): bool {
  let seen = load<i32>(end + ((<usize>row) << 2)) > at
  if (sizeof<B>() == 1) seen = seen & (load<i32>(begin + ((<usize>row) << 2)) <= at)
  if (sizeof<M>() == 1) seen = seen & (load<u8>(mask + row) == TRUE)
  return seen
}

// @ts-ignore: decorator
@inline
export function isSelected<M>(begin: usize, end: usize, at: i32, mask: usize, row: u32): bool {
  return isSeen<Has, M>(begin, end, at, mask, row)
}

/** Lanes of rows with a plain value. */
// @ts-ignore: decorator
@inline
export function plain4<S>(states: usize, row: u32, lanes: v128): v128 {
  if (sizeof<S>() == 1) return v128.and(lanes, widened(i8x16.eq(v128.load32_zero(states + row), i8x16.splat(0))))
  return lanes
}

// @ts-ignore: decorator
@inline
export function isPlain<S>(states: usize, row: u32): bool {
  if (sizeof<S>() == 1) return load<u8>(states + row) == 0
  return true
}

/** Values of an integer type as i32 lanes. */
// @ts-ignore: decorator
@inline
export function load4<T>(values: usize, row: u32): v128 {
  if (sizeof<T>() == 1) return i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(values + row)))
  if (sizeof<T>() == 2) return i32x4.extend_low_i16x8_u(v128.load64_zero(values + ((<usize>row) << 1)))
  return v128.load(values + ((<usize>row) << 2))
}

// @ts-ignore: decorator
@inline
export function valueAt<T>(values: usize, row: u32): T {
  return load<T>(values + (<usize>row) * sizeof<T>())
}

/** The sum of four i32 lanes. */
// @ts-ignore: decorator
@inline
export function total4(lanes: v128): u32 {
  return i32x4.extract_lane(lanes, 0) + i32x4.extract_lane(lanes, 1) + i32x4.extract_lane(lanes, 2) + i32x4.extract_lane(lanes, 3)
}
