/**
 * A sweep over many slices in one call, as far as their rows have plain values only: the wide columns of a delta are narrowed on the way.
 * A call for each of these steps of each slice costs more than the rows of a chunk, until it is compiled a multiple.
 */
import { hasOthers, toCodes, toIntegers } from './convert'
import { NONE } from './lanes'
import { packSweep, unpackSweep } from './packed'

/** Words of the head and of entries are those that `kernels.ts` says. */
const HEAD_BYTES: usize = 64
const ENTRY_BYTES: usize = 80
const LEFT_OUT: u32 = 76
/** In front of packed cells: their rows, and the points that they stand for. */
const STATE_BYTES: usize = 16
const ROWS_MAX: u32 = 0xffff
const PACK_WORK_BYTES: usize = 512 * 10 + 255 * 16
const U16: u32 = 2
const I32: u32 = 3
const F64: u32 = 4

/** What is in the packed cells goes into the cells. */
// @ts-ignore: decorator
@inline
function unpack(list: usize, packed: usize): void {
  const state = packed - STATE_BYTES
  if (load<u32>(state) == 0) return
  const cells = <usize>load<u32>(list, 4) + (<usize>load<u32>(state, 4) << 4)
  unpackSweep(packed, load<u32>(list, 16), load<u32>(state, 8), cells, load<u32>(list, 8))
  store<u32>(state, 0)
}

/** Before so many rows are added, seen from these points. */
function begin(list: usize, packed: usize, rows: u32, first: u32, count: u32): void {
  const state = packed - STATE_BYTES
  const isOther = first != load<u32>(state, 4) || count != load<u32>(state, 8)
  if (isOther || load<u32>(state) + rows > ROWS_MAX) unpack(list, packed)
  store<u32>(state, load<u32>(state) + rows)
  store<u32>(state, first, 4)
  store<u32>(state, count, 8)
}

// @ts-ignore: decorator
@inline
function isStated(rows: u32, states: usize): bool {
  return states != NONE && hasOthers(rows, states)
}

/** False where some row has no plain value that can be packed: then nothing of the slice was added. */
function packSlice(list: usize, entry: usize): bool {
  const rows = load<u32>(entry, 8)
  if (isStated(rows, <usize>load<u32>(entry, 28)) || isStated(rows, <usize>load<u32>(entry, 44)) || isStated(rows, <usize>load<u32>(entry, 56)))
    return false
  const work = <usize>load<u32>(list, 24)
  const room = load<u32>(list, 28)
  let codes = <usize>load<u32>(entry, 24)
  let encoding = load<u32>(entry, 32)
  if (encoding == I32) {
    const out = work + PACK_WORK_BYTES
    if (rows > room || toCodes(rows, codes, NONE, 0, load<u32>(list, 32), out) != 0) return false
    codes = out
    encoding = U16
  }
  const stride = load<u32>(entry, 36)
  // In place of a second column: the first one, which then moves nothing.
  let others = codes
  let otherEncoding = encoding
  let otherStride: u32 = 0
  if (load<u32>(entry, 48) != 0) {
    others = <usize>load<u32>(entry, 40)
    otherEncoding = load<u32>(entry, 48)
    otherStride = 1
    if (otherEncoding == I32) {
      const out = work + PACK_WORK_BYTES + (<usize>room << 1)
      if (rows > room || toCodes(rows, others, NONE, 0, load<u32>(list, 36), out) != 0) return false
      others = out
      otherEncoding = U16
    }
  }
  let values = <usize>load<u32>(entry, 52)
  if (load<u32>(entry, 60) == F64) {
    const out = work + PACK_WORK_BYTES + (<usize>room << 2)
    if (rows > room || !toIntegers(rows, values, NONE, out)) return false
    values = out
  }
  const kind = (encoding == U16 ? 1 : 0) | (otherEncoding == U16 ? 2 : 0)
  const packed = <usize>load<u32>(list, 12)
  const pointsMax = load<u32>(list, 20)
  const count = load<u32>(entry, 16)
  const rounds = (count + pointsMax - 1) / pointsMax
  let first = load<u32>(entry, 12)
  let left = count
  for (let round = rounds; round > 0; round--) {
    const some = (left + round - 1) / round
    begin(list, packed, rows, first, some)
    const points = <usize>load<u32>(list) + ((<usize>first) << 2)
    packSweep(
      kind,
      <usize>load<u32>(entry),
      <usize>load<u32>(entry, 4),
      rows,
      NONE,
      points,
      some,
      load<i32>(entry, 20),
      codes,
      stride,
      others,
      otherStride,
      values,
      packed,
      work
    )
    first += some
    left -= some
  }
  return true
}

export function packSlices(list: usize, count: u32): void {
  for (let index: u32 = 0; index < count; index++) {
    const entry = list + HEAD_BYTES + ENTRY_BYTES * <usize>index
    store<u32>(entry + LEFT_OUT, packSlice(list, entry) ? 0 : 1)
  }
}
