/**
 * Groups of plain values, one addition a row: a packed cell is a u64 of the number of its rows (the upper 16 bits) and the sum of their
 * values, each made unsigned by 2^31 more (the lower 48). Vectors make the slots and the addends of a block of rows, then a short loop
 * adds them: 1.0 ns a row where one loop that did all took 2.5.
 */
import { Has, isSeen, Lacks, NONE, seen4, true4, TRUE, valueAt } from './lanes'

const BLOCK_ROWS: u32 = 512
/** Behind the slots of a block, in its working memory. */
const ADDENDS: usize = 1024
/** Behind those, of a sweep: its points, each in all lanes of a vector. There are at most 255, since a slot is 16 bits. */
const POINTS: usize = 512 * 10
/** One row, and one row's upper word. */
const ONE_ROW: u64 = 0x1_0000_0000_0000
const ROW_WORD: i32 = 0x1_0000
const BIAS: u32 = 0x8000_0000

// @ts-ignore: decorator
@inline
function codes8<T>(codes: usize, row: u32): v128 {
  if (sizeof<T>() == 1) return i16x8.extend_low_i8x16_u(v128.load64_zero(codes + row))
  return v128.load(codes + ((<usize>row) << 1))
}

function slots<C, D>(codes: usize, stride: u32, others: usize, otherStride: u32, rows: u32, out: usize): void {
  const strides = i16x8.splat(<i16>stride)
  const otherStrides = i16x8.splat(<i16>otherStride)
  const whole = rows & ~7
  for (let row: u32 = 0; row < whole; row += 8) {
    const both = i16x8.add(i16x8.mul(codes8<C>(codes, row), strides), i16x8.mul(codes8<D>(others, row), otherStrides))
    v128.store(out + ((<usize>row) << 1), both)
  }
  for (let row = whole; row < rows; row++) {
    const slot = <u32>valueAt<C>(codes, row) * stride + <u32>valueAt<D>(others, row) * otherStride
    store<u16>(out + ((<usize>row) << 1), <u16>slot)
  }
}

/** `kind`: 1 codes of two bytes, 2 the other codes too. */
function slotsOf(kind: u32, codes: usize, stride: u32, others: usize, otherStride: u32, from: u32, rows: u32, out: usize): void {
  const first = codes + ((<usize>from) << (kind & 1))
  const second = others + ((<usize>from) << ((kind >> 1) & 1))
  switch (kind & 3) {
    case 0:
      return slots<u8, u8>(first, stride, second, otherStride, rows, out)
    case 1:
      return slots<u16, u8>(first, stride, second, otherStride, rows, out)
    case 2:
      return slots<u8, u16>(first, stride, second, otherStride, rows, out)
    default:
      return slots<u16, u16>(first, stride, second, otherStride, rows, out)
  }
}

// @ts-ignore: decorator
@inline
function codeOf<T>(codes: usize, states: usize, nullCode: u32, row: u32): u32 {
  return states != NONE && load<u8>(states + row) != 0 ? nullCode : <u32>valueAt<T>(codes, row)
}

function combine<C, D>(
  rows: u32,
  codes: usize,
  states: usize,
  nullCode: u32,
  stride: u32,
  others: usize,
  otherStates: usize,
  otherNullCode: u32,
  otherStride: u32,
  out: usize
): void {
  for (let row: u32 = 0; row < rows; row++) {
    const code = codeOf<C>(codes, states, nullCode, row) * stride + codeOf<D>(others, otherStates, otherNullCode, row) * otherStride
    store<u16>(out + ((<usize>row) << 1), <u16>code)
  }
}

/** Codes of two columns, or of one, as those of one in which NULL is a code like others. `kind` as above. */
export function combineCodes(
  kind: u32,
  rows: u32,
  codes: usize,
  states: usize,
  nullCode: u32,
  stride: u32,
  others: usize,
  otherStates: usize,
  otherNullCode: u32,
  otherStride: u32,
  out: usize
): void {
  switch (kind & 3) {
    case 0:
      return combine<u8, u8>(rows, codes, states, nullCode, stride, others, otherStates, otherNullCode, otherStride, out)
    case 1:
      return combine<u16, u8>(rows, codes, states, nullCode, stride, others, otherStates, otherNullCode, otherStride, out)
    case 2:
      return combine<u8, u16>(rows, codes, states, nullCode, stride, others, otherStates, otherNullCode, otherStride, out)
    default:
      return combine<u16, u16>(rows, codes, states, nullCode, stride, others, otherStates, otherNullCode, otherStride, out)
  }
}

/** What four rows add, where their lanes are true. */
// @ts-ignore: decorator
@inline
function storeAddends(out: usize, values: v128, rows: v128): void {
  const low = v128.and(v128.xor(values, i32x4.splat(BIAS)), rows)
  const high = v128.and(i32x4.splat(ROW_WORD), rows)
  v128.store(out, v128.shuffle<i32>(low, high, 0, 4, 1, 5))
  v128.store(out, v128.shuffle<i32>(low, high, 2, 6, 3, 7), 16)
}

// @ts-ignore: decorator
@inline
function addendOf(value: i32): u64 {
  return <u64>(<u32>value ^ BIAS) | ONE_ROW
}

/** Of the rows that are seen; 0 for the others. `V`: Lacks where rows are only counted. */
function addends<B, M, V>(begin: usize, end: usize, rows: u32, at: i32, mask: usize, values: usize, out: usize): void {
  const point = i32x4.splat(at)
  const whole = rows & ~3
  for (let row: u32 = 0; row < whole; row += 4) {
    const four = sizeof<V>() == 1 ? v128.load(values + ((<usize>row) << 2)) : i32x4.splat(0)
    storeAddends(out + ((<usize>row) << 3), four, seen4<B, M>(begin, end, point, mask, row))
  }
  for (let row = whole; row < rows; row++) {
    const value = sizeof<V>() == 1 ? valueAt<i32>(values, row) : 0
    store<u64>(out + ((<usize>row) << 3), isSeen<B, M>(begin, end, at, mask, row) ? addendOf(value) : 0)
  }
}

function addendsOf<B, M>(begin: usize, end: usize, rows: u32, at: i32, mask: usize, values: usize, out: usize): void {
  if (values == NONE) addends<B, M, Lacks>(begin, end, rows, at, mask, values, out)
  else addends<B, M, Has>(begin, end, rows, at, mask, values, out)
}

/** Of all rows, or those that a mask is true for. */
function addendsEver<M, V>(rows: u32, mask: usize, values: usize, out: usize): void {
  const whole = rows & ~3
  for (let row: u32 = 0; row < whole; row += 4) {
    const four = sizeof<V>() == 1 ? v128.load(values + ((<usize>row) << 2)) : i32x4.splat(0)
    storeAddends(out + ((<usize>row) << 3), four, sizeof<M>() == 1 ? true4(mask, row) : i32x4.splat(-1))
  }
  for (let row = whole; row < rows; row++) {
    const value = sizeof<V>() == 1 ? valueAt<i32>(values, row) : 0
    const is = sizeof<M>() == 1 ? load<u8>(mask + row) == TRUE : true
    store<u64>(out + ((<usize>row) << 3), is ? addendOf(value) : 0)
  }
}

/** Adds a block to the cells. What stands behind its last row is made harmless. */
function scatter(cells: usize, slotsAt: usize, rows: u32): void {
  let addend = slotsAt + ADDENDS
  for (let row = rows; row & 3; row++) {
    store<u16>(slotsAt + ((<usize>row) << 1), 0)
    store<u64>(addend + ((<usize>row) << 3), 0)
  }
  const stop = slotsAt + ((<usize>rows) << 1)
  for (let slot = slotsAt; slot < stop; slot += 8, addend += 32) {
    const a = cells + ((<usize>load<u16>(slot)) << 3)
    store<u64>(a, load<u64>(a) + load<u64>(addend))
    const b = cells + ((<usize>load<u16>(slot, 2)) << 3)
    store<u64>(b, load<u64>(b) + load<u64>(addend, 8))
    const c = cells + ((<usize>load<u16>(slot, 4)) << 3)
    store<u64>(c, load<u64>(c) + load<u64>(addend, 16))
    const d = cells + ((<usize>load<u16>(slot, 6)) << 3)
    store<u64>(d, load<u64>(d) + load<u64>(addend, 24))
  }
}

// @ts-ignore: decorator
@inline
function blockOf(from: u32, rows: u32): u32 {
  return rows - from < BLOCK_ROWS ? rows - from : BLOCK_ROWS
}

/** An offset of what may be not there. */
// @ts-ignore: decorator
@inline
function behind(at: usize, bytes: usize): usize {
  return at == NONE ? NONE : at + bytes
}

/** `kind`: 1 codes of two bytes, 2 the other codes too. `begin` NONE: every row has begun. Strides count cells. */
export function packGroup(
  kind: u32,
  begin: usize,
  end: usize,
  rows: u32,
  at: i32,
  mask: usize,
  codes: usize,
  stride: u32,
  others: usize,
  otherStride: u32,
  values: usize,
  cells: usize,
  work: usize
): void {
  for (let from: u32 = 0; from < rows; from += BLOCK_ROWS) {
    const count = blockOf(from, rows)
    const words = (<usize>from) << 2
    slotsOf(kind, codes, stride, others, otherStride, from, count, work)
    const b = behind(begin, words)
    const m = behind(mask, from)
    const v = behind(values, words)
    if (begin == NONE) {
      if (mask == NONE) addendsOf<Lacks, Lacks>(b, end + words, count, at, m, v, work + ADDENDS)
      else addendsOf<Lacks, Has>(b, end + words, count, at, m, v, work + ADDENDS)
    } else if (mask == NONE) addendsOf<Has, Lacks>(b, end + words, count, at, m, v, work + ADDENDS)
    else addendsOf<Has, Has>(b, end + words, count, at, m, v, work + ADDENDS)
    scatter(cells, work, count)
  }
}

/**
 * Slots of groups become those of groups and pairs: of how many of the points lie before a row begins, and how many before it ends. A row
 * is seen at the points between; one that is seen at none adds to a pair that nobody reads.
 */
function pairSlots(begin: usize, end: usize, rows: u32, points: usize, count: u32, out: usize): void {
  const strides = i16x8.splat(<i16>(count + 1))
  const pairs = i16x8.splat(<i16>((count + 1) * (count + 1)))
  const whole = rows & ~7
  for (let row: u32 = 0; row < whole; row += 8) {
    const offset = (<usize>row) << 2
    const beginA = v128.load(begin + offset)
    const beginB = v128.load(begin + offset, 16)
    const endA = v128.load(end + offset)
    const endB = v128.load(end + offset, 16)
    let fromA = i32x4.splat(0)
    let fromB = fromA
    let toA = fromA
    let toB = fromA
    for (let index: u32 = 0; index < count; index++) {
      const point = v128.load(points + ((<usize>index) << 4))
      fromA = i32x4.sub(fromA, i32x4.gt_s(beginA, point))
      fromB = i32x4.sub(fromB, i32x4.gt_s(beginB, point))
      toA = i32x4.sub(toA, i32x4.gt_s(endA, point))
      toB = i32x4.sub(toB, i32x4.gt_s(endB, point))
    }
    const pair = i16x8.add(i16x8.mul(i16x8.narrow_i32x4_s(fromA, fromB), strides), i16x8.narrow_i32x4_s(toA, toB))
    const slot = out + ((<usize>row) << 1)
    v128.store(slot, i16x8.add(i16x8.mul(v128.load(slot), pairs), pair))
  }
  for (let row = whole; row < rows; row++) {
    let from: u32 = 0
    let to: u32 = 0
    for (let index: u32 = 0; index < count; index++) {
      const point = load<i32>(points + ((<usize>index) << 4))
      from += <u32>(valueAt<i32>(begin, row) > point)
      to += <u32>(valueAt<i32>(end, row) > point)
    }
    const slot = out + ((<usize>row) << 1)
    store<u16>(slot, <u16>(<u32>load<u16>(slot) * ((count + 1) * (count + 1)) + from * (count + 1) + to))
  }
}

/** Strides count groups; `points` are offsets of the page less `delta`. */
export function packSweep(
  kind: u32,
  begin: usize,
  end: usize,
  rows: u32,
  mask: usize,
  points: usize,
  count: u32,
  delta: i32,
  codes: usize,
  stride: u32,
  others: usize,
  otherStride: u32,
  values: usize,
  cells: usize,
  work: usize
): void {
  const vectors = work + POINTS
  for (let index: u32 = 0; index < count; index++) {
    v128.store(vectors + ((<usize>index) << 4), i32x4.splat(load<i32>(points + ((<usize>index) << 2)) + delta))
  }
  for (let from: u32 = 0; from < rows; from += BLOCK_ROWS) {
    const block = blockOf(from, rows)
    const words = (<usize>from) << 2
    slotsOf(kind, codes, stride, others, otherStride, from, block, work)
    pairSlots(begin + words, end + words, block, vectors, count, work)
    const m = behind(mask, from)
    const v = behind(values, words)
    if (values == NONE) {
      if (mask == NONE) addendsEver<Lacks, Lacks>(block, m, v, work + ADDENDS)
      else addendsEver<Has, Lacks>(block, m, v, work + ADDENDS)
    } else if (mask == NONE) addendsEver<Lacks, Has>(block, m, v, work + ADDENDS)
    else addendsEver<Has, Has>(block, m, v, work + ADDENDS)
    scatter(cells, work, block)
  }
}

// @ts-ignore: decorator
@inline
function rowsOf(packed: u64): u64 {
  return packed >> 48
}

// @ts-ignore: decorator
@inline
function sumOf(packed: u64): i64 {
  return <i64>(packed & (ONE_ROW - 1)) - <i64>(rowsOf(packed) << 31)
}

/** To the [rows, values] and the sum of a cell. */
// @ts-ignore: decorator
@inline
function addTo(cell: usize, rows: u64, sum: i64): void {
  store<u64>(cell, load<u64>(cell) + rows + (rows << 32))
  store<i64>(cell, load<i64>(cell, 8) + sum, 8)
}

/** Adds packed cells to as many cells, and clears them. */
export function unpackGroup(packed: usize, count: u32, cells: usize): void {
  for (let index: u32 = 0; index < count; index++) {
    const place = packed + ((<usize>index) << 3)
    const value = load<u64>(place)
    if (value == 0) continue
    addTo(cells + ((<usize>index) << 4), rowsOf(value), sumOf(value))
    store<u64>(place, 0)
  }
}

/**
 * The same of lines of pairs of `count` points: a row is added at the first point that sees it, and taken away behind the last. Pairs that
 * nobody reads are only cleared: they may be others' that are read, when the points in hand are not as many. A statement over 32 points and
 * 119 groups unpacks some 25 times: 80 us, where going through all pairs, one by one, took 200.
 */
export function unpackSweep(packed: usize, lines: u32, count: u32, cells: usize, stride: u32): void {
  const side = count + 1
  const lineBytes = (<usize>(side * side)) << 3
  for (let line: u32 = 0; line < lines; line++) {
    const pairs = packed + (<usize>line) * lineBytes
    const points = cells + (<usize>line) * stride
    for (let from: u32 = 0; from < count; from++) {
      let rows: u64 = 0
      let sum: i64 = 0
      for (let to = from + 1; to < side; to++) {
        const value = load<u64>(pairs + ((<usize>(from * side + to)) << 3))
        if (value == 0) continue
        const cell = points + ((<usize>to) << 4)
        const rowsHere = rowsOf(value)
        const sumHere = sumOf(value)
        addTo(cell, 0 - rowsHere, 0 - sumHere)
        rows += rowsHere
        sum += sumHere
      }
      if (rows != 0) addTo(points + ((<usize>from) << 4), rows, sum)
    }
  }
  memory.fill(packed, 0, (<usize>lines) * lineBytes)
}
