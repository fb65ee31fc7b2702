/** The rows that begin and end within some time, sixteen at a time. */

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
