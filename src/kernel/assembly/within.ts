/** The rows that begin and end within some time, or are there at one of two points only, sixteen at a time. */

// @ts-ignore: decorator
@inline
function within4(begin: usize, end: usize, beginAfter: v128, beginTo: v128, endAfter: v128, endTo: v128, offset: usize): v128 {
  const b = v128.load(begin + offset)
  const e = v128.load(end + offset)
  const isOut = v128.or(i32x4.gt_s(b, beginTo), i32x4.gt_s(e, endTo))
  return v128.andnot(v128.and(i32x4.gt_s(b, beginAfter), i32x4.gt_s(e, endAfter)), isOut)
}

export function rowsWithin(
  begin: usize,
  end: usize,
  rows: u32,
  beginAfter: i32,
  beginTo: i32,
  endAfter: i32,
  endTo: i32,
  first: u32,
  out: usize
): u32 {
  const beginsAfter = i32x4.splat(beginAfter)
  const beginsTo = i32x4.splat(beginTo)
  const endsAfter = i32x4.splat(endAfter)
  const endsTo = i32x4.splat(endTo)
  let to = out
  const whole = rows & ~15
  for (let row: u32 = 0; row < whole; row += 16) {
    const offset = (<usize>row) << 2
    const a = within4(begin, end, beginsAfter, beginsTo, endsAfter, endsTo, offset)
    const b = within4(begin, end, beginsAfter, beginsTo, endsAfter, endsTo, offset + 16)
    const c = within4(begin, end, beginsAfter, beginsTo, endsAfter, endsTo, offset + 32)
    const d = within4(begin, end, beginsAfter, beginsTo, endsAfter, endsTo, offset + 48)
    let bits = <u32>i8x16.bitmask(i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d)))
    while (bits != 0) {
      store<u32>(to, first + row + ctz(bits))
      to += 4
      bits &= bits - 1
    }
  }
  for (let row = whole; row < rows; row++) {
    const b = load<i32>(begin + ((<usize>row) << 2))
    const e = load<i32>(end + ((<usize>row) << 2))
    if (b <= beginAfter || b > beginTo || e <= endAfter || e > endTo) continue
    store<u32>(to, first + row)
    to += 4
  }
  return <u32>((to - out) >> 2)
}

// @ts-ignore: decorator
@inline
function visible4(begin: usize, end: usize, at: v128, offset: usize): v128 {
  return v128.andnot(i32x4.gt_s(v128.load(end + offset), at), i32x4.gt_s(v128.load(begin + offset), at))
}

// @ts-ignore: decorator
@inline
function visibleBits(begin: usize, end: usize, at: v128, offset: usize): u32 {
  const a = visible4(begin, end, at, offset)
  const b = visible4(begin, end, at, offset + 16)
  const c = visible4(begin, end, at, offset + 32)
  const d = visible4(begin, end, at, offset + 48)
  return <u32>i8x16.bitmask(i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d)))
}

/** Pairs being made of a list of rows in which the versions of a key stand side by side, those of the earlier point first. */
let news: usize = 0
let olds: usize = 0
let gone: usize = 0
let waiting: i32 = -1
let paired: u32 = 0

// @ts-ignore: decorator
@inline
function takeChanged(ordinals: usize, row: i32, isAfter: u32): void {
  if (isAfter == 0) {
    if (waiting >= 0) {
      store<i32>(gone, waiting)
      gone += 4
    }
    waiting = row
    return
  }
  store<i32>(news, row)
  news += 4
  const isPair = waiting >= 0 && load<i32>(ordinals + ((<usize>waiting) << 2)) == load<i32>(ordinals + ((<usize>row) << 2))
  store<i32>(olds, isPair ? waiting : -1)
  olds += 4
  paired += <u32>isPair
  if (waiting >= 0 && !isPair) {
    store<i32>(gone, waiting)
    gone += 4
  }
  waiting = -1
}

/** `ordinals`: of row 0, unlike the others, which are those of row `first`. */
export function pairVersions(
  begin: usize,
  end: usize,
  ordinals: usize,
  rows: u32,
  earlier: i32,
  later: i32,
  first: u32,
  out: usize,
  before: i32
): u32 {
  const width = (<usize>rows) << 2
  news = out
  olds = out + width
  gone = out + 2 * width
  waiting = before
  paired = 0
  const earlierAt = i32x4.splat(earlier)
  const laterAt = i32x4.splat(later)
  const whole = rows & ~15
  for (let row: u32 = 0; row < whole; row += 16) {
    const offset = (<usize>row) << 2
    const after = visibleBits(begin, end, laterAt, offset)
    let bits = visibleBits(begin, end, earlierAt, offset) ^ after
    while (bits != 0) {
      const bit = ctz(bits)
      takeChanged(ordinals, <i32>(first + row + bit), (after >> bit) & 1)
      bits &= bits - 1
    }
  }
  for (let row = whole; row < rows; row++) {
    const b = load<i32>(begin + ((<usize>row) << 2))
    const e = load<i32>(end + ((<usize>row) << 2))
    const after = <u32>(b <= later && e > later)
    if (<u32>(b <= earlier && e > earlier) != after) takeChanged(ordinals, <i32>(first + row), after)
  }
  store<i32>(out + 3 * width, waiting)
  store<u32>(out + 3 * width + 4, <u32>((gone - out - 2 * width) >> 2))
  store<u32>(out + 3 * width + 8, paired)
  return <u32>((news - out) >> 2)
}
