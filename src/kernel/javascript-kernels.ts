/**
 * The kernels in plain JavaScript: the twin of `wasm-kernels.ts`. It says in readable loops what each kernel means, and is 6 to 60 times
 * slower.
 */
import { type MemoryViews } from '../memory/arena.js'
import { kernelComparison } from './comparison.js'
import { addExactWords, FLOAT_CELL_BYTES, mergeExactSum, reserveExact } from './exact-sum.js'
import {
  INTEGER_CELL_BYTES,
  MASK_FALSE,
  MASK_NULL,
  MASK_TRUE,
  PACKED_CELL_BYTES,
  SUM_FLOATS,
  type CodeColumn,
  type Encoding,
  type KernelColumn,
  type Kernels,
  type PackedCodes,
  type PackInto,
  type VisibleRows
} from './kernels.js'
import { packSlices } from './javascript-slices.js'
import { sweepWindow } from './sweep-plan.js'

/** A packed cell has its values made unsigned by this, and one row in its upper word is this. */
const BIAS = 2 ** 31
const PACKED_ROW = 0x1_0000

type Values = { readonly array: Uint8Array | Uint16Array | Int32Array | Float64Array; readonly at: number }

export function javascriptKernels(views: MemoryViews): Kernels {
  const { u8, u16, i32, f64 } = views
  const widths = { u8: 1, u16: 2, i32: 4, f64: 8 }
  const arrays = { u8, u16, i32, f64 }

  const valuesOf = ({ encoding, values }: KernelColumn): Values => ({ array: arrays[encoding], at: values / widths[encoding] })
  const isPlain = (states: number | undefined, row: number) => states === undefined || u8[states + row] === 0
  const isIn = (mask: number | undefined, row: number) => mask === undefined || u8[mask + row] === MASK_TRUE
  const isSelected = ({ begin, end, at, mask }: VisibleRows, row: number) =>
    (i32[begin / 4 + row] as number) <= at && (i32[end / 4 + row] as number) > at && isIn(mask, row)

  /** The code of a row, in bytes from the first cell or line. */
  const placeOf = (column: CodeColumn, { array, at }: Values, row: number) =>
    column.stride * (isPlain(column.states, row) ? (array[at + row] as number) : (column.nullCode ?? 0))

  /** Adds a row to a cell, or takes it away. */
  const addRow = (cell: number, column: KernelColumn<'i32' | 'f64'> | undefined, row: number, sign: 1 | -1) => {
    const word = cell / 4
    i32[word] = (i32[word] as number) + sign
    if (column === undefined || !isPlain(column.states, row)) return
    i32[word + 1] = (i32[word + 1] as number) + sign
    if (column.encoding === 'i32') {
      addTo64(i32, word + 2, sign * (i32[column.values / 4 + row] as number))
    } else {
      reserveExact(f64, cell + 8, 1)
      const value = column.values / 4 + 2 * row
      addExactWords(f64, cell + 8, i32[value] as number, i32[value + 1] as number, sign)
    }
  }

  const slotOf = ({ codes, others }: PackInto, row: number) => {
    const code = (column: PackedCodes) => arrays[column.encoding][column.values / widths[column.encoding] + row] as number
    return code(codes) * codes.stride + (others === undefined ? 0 : code(others) * others.stride)
  }
  const pack = ({ values, cells }: PackInto, slot: number, row: number) => {
    const value = values === undefined ? 0 : (i32[values / 4 + row] as number)
    const word = cells / 4 + slot * 2
    addTo64(i32, word, value + BIAS)
    i32[word + 1] = (i32[word + 1] as number) + PACKED_ROW
  }
  /** A packed cell becomes 0. */
  const unpack = (place: number, into: readonly (readonly [cell: number, sign: 1 | -1])[]) => {
    const high = (i32[place / 4 + 1] as number) >>> 0
    const rows = high >>> 16
    const sum = (high & 0xffff) * 2 ** 32 + ((i32[place / 4] as number) >>> 0) - rows * BIAS
    i32.fill(0, place / 4, place / 4 + 2)
    for (const [cell, sign] of into) {
      for (const word of [cell / 4, cell / 4 + 1]) i32[word] = (i32[word] as number) + sign * rows
      const above = Math.floor((sign * sum) / 2 ** 32)
      addTo64(i32, cell / 4 + 2, sign * sum - above * 2 ** 32)
      i32[cell / 4 + 3] = (i32[cell / 4 + 3] as number) + above
    }
  }

  const kernels: Kernels = {
    countVisible(rows) {
      let count = 0
      for (let row = 0; row < rows.rows; row++) if (isSelected(rows, row)) count++
      return count
    },

    sumVisible(rows, column) {
      const { array, at: from } = valuesOf(column)
      const { states } = column
      let selected = 0
      let count = 0
      let sum = 0
      for (let row = 0; row < rows.rows; row++) {
        if (!isSelected(rows, row)) continue
        selected++
        if (!isPlain(states, row)) continue
        count++
        sum += array[from + row] as number
      }
      return { count, sum, rows: selected }
    },

    sumVisibleWholes(rows, { values, states }) {
      let selected = 0
      let count = 0
      let sum = 0
      let largest = 0
      for (let row = 0; row < rows.rows; row++) {
        if (!isSelected(rows, row)) continue
        selected++
        if (!isPlain(states, row)) continue
        const value = f64[values / 8 + row] as number
        count++
        sum += value
        largest = Math.max(largest, Math.abs(value))
      }
      return { count, sum, rows: selected, largest }
    },

    sumVisibleF64(rows, { values, states }, exactSum) {
      let count = 0
      for (let row = 0; row < rows.rows; row++) {
        if (!isSelected(rows, row) || !isPlain(states, row)) continue
        count++
        reserveExact(f64, exactSum, 1)
        const value = values / 4 + 2 * row
        addExactWords(f64, exactSum, i32[value] as number, i32[value + 1] as number, 1)
      }
      return count
    },

    minMax(rows, column) {
      const { array, at } = valuesOf(column)
      let count = 0
      let min = Infinity
      let max = -Infinity
      for (let row = 0; row < rows.rows; row++) {
        if (!isSelected(rows, row) || !isPlain(column.states, row)) continue
        const value = array[at + row] as number
        count++
        if (value < min) min = value
        if (value > max) max = value
      }
      return { count, min, max }
    },

    rowsBeyond(rows, column, limit, order, first, out) {
      const { array, at } = valuesOf(column)
      let count = 0
      for (let row = 0; row < rows.rows; row++) {
        const value = array[at + row] as number
        const isBeyond = order === 'descending' ? value >= limit : value <= limit
        if (isBeyond && isPlain(column.states, row) && isSelected(rows, row)) i32[out / 4 + count++] = first + row
      }
      return count
    },

    rowsBetween(rows, column, low, high, first, out) {
      const { array, at } = valuesOf(column)
      let count = 0
      for (let row = 0; row < rows.rows; row++) {
        const value = array[at + row] as number
        if (value >= low && value <= high && isPlain(column.states, row) && isSelected(rows, row)) i32[out / 4 + count++] = first + row
      }
      return count
    },

    rowsWithin({ begin, end, rows }, { beginAfter, beginTo, endAfter, endTo }, first, out) {
      let count = 0
      for (let row = 0; row < rows; row++) {
        const [began, ended] = [i32[begin / 4 + row] as number, i32[end / 4 + row] as number]
        const isWithin = began > beginAfter && began <= beginTo && ended > endAfter && ended <= endTo
        if (isWithin) i32[out / 4 + count++] = first + row
      }
      return count
    },

    pairVersions({ begin, end, ordinals, rows }, earlier, later, first, out, before) {
      const at = out / 4
      let waiting = before
      let news = 0
      let gone = 0
      let paired = 0
      for (let index = 0; index < rows; index++) {
        const [began, ended] = [i32[begin / 4 + index] as number, i32[end / 4 + index] as number]
        const isThere = (point: number): boolean => began <= point && ended > point
        if (isThere(earlier) === isThere(later)) continue
        const row = first + index
        const isPair = waiting >= 0 && isThere(later) && i32[ordinals / 4 + waiting] === i32[ordinals / 4 + row]
        if (isPair) paired++
        if (waiting >= 0 && !isPair) i32[at + 2 * rows + gone++] = waiting
        if (isThere(later)) {
          i32[at + news] = row
          i32[at + rows + news++] = isPair ? waiting : -1
        }
        waiting = isThere(later) ? -1 : row
      }
      i32[at + 3 * rows] = waiting
      i32[at + 3 * rows + 1] = gone
      i32[at + 3 * rows + 2] = paired
      return news
    },

    sumSlices(list, count) {
      let allRows = 0
      let values = 0
      let total = 0n
      for (let word = list / 4 + 8; word < list / 4 + 8 * (count + 1); word += 8) {
        const [begin = 0, end = 0, rows = 0, at = 0, from = 0, states = 0, kind = 0] = i32.subarray(word, word + 7)
        const column = { values: from >>> 0, states: states === -1 ? undefined : states >>> 0 }
        const place = { begin: begin >>> 0, end: end >>> 0, rows, at }
        const isFloat = (kind & SUM_FLOATS) !== 0
        const found = isFloat
          ? this.sumVisibleWholes(place, { encoding: 'f64', ...column })
          : { ...this.sumVisible(place, { encoding: 'i32', ...column }), largest: 0 }
        const isExact = found.largest * found.count <= Number.MAX_SAFE_INTEGER
        i32[word + 7] = isExact ? 0 : 1
        if (!isExact) continue
        allRows += found.rows
        values += found.count
        total += BigInt(found.sum)
      }
      i32[list / 4] = allRows
      i32[list / 4 + 1] = values
      i32[list / 4 + 2] = Number(BigInt.asIntN(32, total))
      i32[list / 4 + 3] = Number(BigInt.asIntN(32, total >> 32n))
    },

    visibleMask(rows, out) {
      let count = 0
      for (let row = 0; row < rows.rows; row++) {
        const is = isSelected(rows, row)
        if (is) count++
        u8[out + row] = is ? MASK_TRUE : MASK_FALSE
      }
      return count
    },

    trueRows(rows, mask, first, out) {
      let count = 0
      for (let row = 0; row < rows; row++) if (u8[mask + row] === MASK_TRUE) i32[out / 4 + count++] = first + row
      return count
    },

    compare(rows, column, comparison, constant, out) {
      const { wants, constant: other } = kernelComparison(column.encoding, comparison, constant)
      const { array, at } = valuesOf(column)
      for (let row = 0; row < rows; row++) {
        const value = array[at + row] as number
        const bit = value < other ? 1 : value === other ? 2 : 4
        u8[out + row] = !isPlain(column.states, row) ? MASK_NULL : (wants & bit) === 0 ? MASK_FALSE : MASK_TRUE
      }
    },

    codeIn(rows, column, set, out) {
      const { array, at } = valuesOf(column)
      for (let row = 0; row < rows; row++) {
        const code = array[at + row] as number
        const isSet = (((u8[set + (code >>> 3)] as number) >>> (code & 7)) & 1) === 1
        u8[out + row] = !isPlain(column.states, row) ? MASK_NULL : isSet ? MASK_TRUE : MASK_FALSE
      }
    },

    and(rows, one, other, out) {
      for (let row = 0; row < rows; row++) u8[out + row] = Math.min(u8[one + row] as number, u8[other + row] as number)
    },

    or(rows, one, other, out) {
      for (let row = 0; row < rows; row++) u8[out + row] = Math.max(u8[one + row] as number, u8[other + row] as number)
    },

    not(rows, one, out) {
      for (let row = 0; row < rows; row++) u8[out + row] = MASK_TRUE - (u8[one + row] as number)
    },

    hasOthers(rows, states) {
      for (let row = 0; row < rows; row++) if (u8[states + row] !== 0) return true
      return false
    },

    toCodes(rows, { values, states }, base, limit, out) {
      let outside = 0
      for (let row = 0; row < rows; row++) {
        const code = (i32[values / 4 + row] as number) - base
        const isInside = code >= 0 && code < limit
        if (isPlain(states, row) && !isInside) outside++
        u16[out / 2 + row] = isPlain(states, row) && isInside ? code : 0
      }
      return outside
    },

    toIntegers(rows, { values, states }, out) {
      let isWhole = true
      for (let row = 0; row < rows; row++) {
        const value = isPlain(states, row) ? (f64[values / 8 + row] as number) : 0
        i32[out / 4 + row] = value
        if (i32[out / 4 + row] !== value) isWhole = false
      }
      return isWhole
    },

    combine(rows, codes, others, out) {
      const first = valuesOf(codes)
      const second = others === undefined ? undefined : valuesOf(others)
      for (let row = 0; row < rows; row++) {
        const beside = others === undefined || second === undefined ? 0 : placeOf(others, second, row)
        u16[out / 2 + row] = placeOf(codes, first, row) + beside
      }
    },

    group(rows, { codes, others, value, cells }) {
      const first = valuesOf(codes)
      const second = others === undefined ? undefined : valuesOf(others)
      for (let row = 0; row < rows.rows; row++) {
        if (!isSelected(rows, row)) continue
        const beside = others === undefined || second === undefined ? 0 : placeOf(others, second, row)
        addRow(cells + placeOf(codes, first, row) + beside, value, row, 1)
      }
    },

    packGroup(rows, into) {
      for (let row = 0; row < rows.rows; row++) if (isSelected(rows, row)) pack(into, slotOf(into, row), row)
    },

    packSweep({ begin, end, rows, mask, points, count, delta }, into) {
      const before = (offset: number) => {
        let found = 0
        while (found < count && (i32[points / 4 + found] as number) + delta < offset) found++
        return found
      }
      for (let row = 0; row < rows; row++) {
        if (!isIn(mask, row)) continue
        const pair = before(i32[begin / 4 + row] as number) * (count + 1) + before(i32[end / 4 + row] as number)
        pack(into, slotOf(into, row) * (count + 1) ** 2 + pair, row)
      }
    },

    unpackGroup(packed, count, cells) {
      for (let index = 0; index < count; index++) unpack(packed + index * PACKED_CELL_BYTES, [[cells + index * INTEGER_CELL_BYTES, 1]])
    },

    unpackSweep(packed, groups, count, cells, stride) {
      const side = count + 1
      for (let index = 0; index < groups * side * side; index++) {
        const first = cells + Math.floor(index / (side * side)) * stride
        const from = Math.floor(index / side) % side
        const to = index % side
        const into = [[first + from * INTEGER_CELL_BYTES, 1] as const, [first + to * INTEGER_CELL_BYTES, -1] as const]
        unpack(packed + index * PACKED_CELL_BYTES, from < to ? into : [])
      }
    },

    packSlices: (list, count) => packSlices(kernels, views, list, count),

    sweep(plan, slice) {
      const window = sweepWindow(plan, slice)
      if (window === undefined) return
      const { begin, end, rows, mask, codes, value, cells } = slice
      const { low, high, delta } = window
      const bytes = cellBytes(value?.encoding ?? 'i32')
      const line = valuesOf(codes)
      const points = i32.subarray(plan.pointsAt / 4, plan.pointsAt / 4 + plan.points.length)
      const pointAt = (offset: number) => {
        const x = Math.max(low, Math.min(high, offset)) - delta
        let from = i32[plan.startsAt / 4 + (x >>> plan.shift)] as number
        const to = i32[plan.startsAt / 4 + (x >>> plan.shift) + 1] as number
        while (from < to && (points[from] as number) < x) from++
        return from
      }
      for (let row = 0; row < rows; row++) {
        if (!isIn(mask, row)) continue
        const from = pointAt(i32[begin / 4 + row] as number)
        const to = pointAt(i32[end / 4 + row] as number)
        if (from >= to) continue
        const first = cells + placeOf(codes, line, row)
        addRow(first + from * bytes, value, row, 1)
        addRow(first + to * bytes, value, row, -1)
      }
    },

    finishSweep({ points }, cells, lines, encoding) {
      const bytes = cellBytes(encoding)
      for (let line = 0; line < lines; line++) {
        for (let point = 1; point <= points.length; point++) {
          const cell = cells + (line * (points.length + 1) + point) * bytes
          const before = cell - bytes
          for (const word of [0, 1]) i32[cell / 4 + word] = (i32[cell / 4 + word] as number) + (i32[before / 4 + word] as number)
          if (encoding === 'f64') mergeExactSum(f64, cell + 8, f64, before + 8)
          else merge64(i32, cell / 4 + 2, before / 4 + 2)
        }
      }
    }
  }
  return kernels
}

function cellBytes(encoding: Encoding): number {
  return encoding === 'f64' ? FLOAT_CELL_BYTES : INTEGER_CELL_BYTES
}

/** Adds an integer within 2^32 to the i64 in two words. */
function addTo64(i32: Int32Array, at: number, value: number): void {
  const low = ((i32[at] as number) >>> 0) + (value >>> 0)
  i32[at] = low
  i32[at + 1] = (i32[at + 1] as number) + (value < 0 ? -1 : 0) + (low > 0xffff_ffff ? 1 : 0)
}

function merge64(i32: Int32Array, at: number, from: number): void {
  const low = ((i32[at] as number) >>> 0) + ((i32[from] as number) >>> 0)
  i32[at] = low
  i32[at + 1] = (i32[at + 1] as number) + (i32[from + 1] as number) + (low > 0xffff_ffff ? 1 : 0)
}
