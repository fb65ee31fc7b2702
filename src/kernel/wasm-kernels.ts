/**
 * The kernels as one WebAssembly module with SIMD, made of the AssemblyScript in `assembly/`. It is compiled once and sent to the threads;
 * each makes an instance for each memory that it reads.
 */
import { fileURLToPath } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import { type Io, readWhole } from '../io/io.js'
import { kernelComparison } from './comparison.js'
import {
  INTEGER_CELL_BYTES,
  type CodeColumn,
  type Encoding,
  type KernelColumn,
  type Kernels,
  type PackedCodes,
  type VisibleRows
} from './kernels.js'
import { FLOAT_CELL_BYTES } from './exact-sum.js'
import { sweepWindow } from './sweep-plan.js'

type Place = number
type OverColumn = (begin: Place, end: Place, rows: number, at: number, mask: Place, values: Place, states: Place) => number
type Compare = (rows: number, values: Place, states: Place, wants: number, constant: number, out: Place) => void
type Beyond = (...parameters: [...Parameters<OverColumn>, limit: number, descending: number, first: number, out: Place]) => number
type Between = (...parameters: [...Parameters<OverColumn>, low: number, high: number, first: number, out: Place]) => number
type CodeIn = (rows: number, values: Place, states: Place, set: Place, out: Place) => void

type Exports = {
  readonly sum: { readonly value: number }
  readonly min: { readonly value: number }
  readonly max: { readonly value: number }
  readonly selected: { readonly value: number }
  readonly largest: { readonly value: number }
  readonly countVisible: (begin: Place, end: Place, rows: number, at: number, mask: Place) => number
  readonly sumVisibleI32: OverColumn
  readonly sumVisibleU8: OverColumn
  readonly sumVisibleU16: OverColumn
  readonly sumVisibleF64: (...parameters: [...Parameters<OverColumn>, exactSum: Place]) => number
  readonly sumVisibleWholes: OverColumn
  readonly boundsVisibleI32: OverColumn
  readonly boundsVisibleU8: OverColumn
  readonly boundsVisibleU16: OverColumn
  readonly boundsVisibleF64: OverColumn
  readonly sumSlices: (list: Place, count: number) => void
  readonly visibleMask: (begin: Place, end: Place, rows: number, at: number, mask: Place, out: Place) => number
  readonly beyondI32: Beyond
  readonly beyondF64: Beyond
  readonly betweenI32: Between
  readonly betweenF64: Between
  readonly rowsWithin: (begin: Place, end: Place, rows: number, ...times: readonly number[]) => number
  readonly pairVersions: (begin: Place, end: Place, ordinals: Place, rows: number, ...points: readonly number[]) => number
  readonly trueRows: (rows: number, mask: Place, first: number, out: Place) => number
  readonly compareI32: Compare
  readonly compareU8: Compare
  readonly compareU16: Compare
  readonly compareF64: Compare
  readonly codeInU8: CodeIn
  readonly codeInU16: CodeIn
  readonly maskAnd: (rows: number, one: Place, other: Place, out: Place) => void
  readonly maskOr: (rows: number, one: Place, other: Place, out: Place) => void
  readonly maskNot: (rows: number, one: Place, out: Place) => void
  readonly hasOthers: (rows: number, states: Place) => number
  readonly toCodes: (rows: number, values: Place, states: Place, base: number, limit: number, out: Place) => number
  readonly toIntegers: (rows: number, values: Place, states: Place, out: Place) => number
  readonly groupVisible: (kind: number, ...parameters: readonly number[]) => void
  readonly combineCodes: (kind: number, ...parameters: readonly number[]) => void
  readonly packGroup: (kind: number, ...parameters: readonly number[]) => void
  readonly packSweep: (kind: number, ...parameters: readonly number[]) => void
  readonly unpackGroup: (packed: Place, count: number, cells: Place) => void
  readonly unpackSweep: (packed: Place, groups: number, count: number, cells: Place, stride: number) => void
  readonly packSlices: (list: Place, count: number) => void
  readonly sweepPoints: (kind: number, ...parameters: readonly number[]) => void
  readonly finishSweep: (cells: Place, lines: number, points: number, cellBytes: number) => void
}

/** An offset that says: not there. */
const NONE = -1

/** Of groups and sweeps: what a loop is made for. */
const WIDE_CODES = 1
const WIDE_OTHERS = 2
const FLOATS = 4
const LEAVES_OUT = 8

/** Of V8; both are on by default. Whatever else compiles WebAssembly meanwhile, on another thread, is compiled as well. */
const COMPILER_FLAGS = ['liftoff', 'wasm-lazy-compilation']

/**
 * For {@link wasmKernels}; reads the module that the build made. It is compiled as a whole by the optimizing compiler, 50 ms on one core
 * and half of it on two: by itself V8 would begin with code that is two to four times slower, and replace it function by function behind
 * the first scans, on the cores that those need.
 */
export function compileKernels(io: Io): WebAssembly.Module {
  const bytes = readWhole(io, fileURLToPath(new URL('kernel.wasm', import.meta.url)))
  for (const flag of COMPILER_FLAGS) setFlagsFromString(`--no-${flag}`)
  try {
    return new WebAssembly.Module(bytes)
  } finally {
    for (const flag of COMPILER_FLAGS) setFlagsFromString(`--${flag}`)
  }
}

export function wasmKernels(module: WebAssembly.Module, memory: WebAssembly.Memory): Kernels {
  const wasm = new WebAssembly.Instance(module, { env: { memory } }).exports as Exports
  const sums = { i32: wasm.sumVisibleI32, u8: wasm.sumVisibleU8, u16: wasm.sumVisibleU16 }
  const bounds = { i32: wasm.boundsVisibleI32, u8: wasm.boundsVisibleU8, u16: wasm.boundsVisibleU16, f64: wasm.boundsVisibleF64 }
  const compares = { i32: wasm.compareI32, u8: wasm.compareU8, u16: wasm.compareU16, f64: wasm.compareF64 }
  const codeIns = { u8: wasm.codeInU8, u16: wasm.codeInU16 }
  const over = (run: OverColumn, { begin, end, rows, at, mask = NONE }: VisibleRows, { values, states = NONE }: KernelColumn) =>
    // A count is an u32, and comes as an i32.
    run(begin, end, rows, at, mask, values, states) >>> 0
  return {
    countVisible: ({ begin, end, rows, at, mask = NONE }) => wasm.countVisible(begin, end, rows, at, mask) >>> 0,
    sumVisible: (rows, column) => ({
      count: over(sums[column.encoding], rows, column),
      sum: wasm.sum.value,
      rows: wasm.selected.value >>> 0
    }),
    sumVisibleWholes: (rows, column) => ({
      count: over(wasm.sumVisibleWholes, rows, column),
      sum: wasm.sum.value,
      rows: wasm.selected.value >>> 0,
      largest: wasm.largest.value
    }),
    sumVisibleF64: ({ begin, end, rows, at, mask = NONE }, { values, states = NONE }, exactSum) =>
      wasm.sumVisibleF64(begin, end, rows, at, mask, values, states, exactSum) >>> 0,
    minMax: (rows, column) => ({ count: over(bounds[column.encoding], rows, column), min: wasm.min.value, max: wasm.max.value }),
    sumSlices: wasm.sumSlices,
    rowsBeyond({ begin, end, rows, at, mask = NONE }, { encoding, values, states = NONE }, limit, order, first, out) {
      const descending = order === 'descending' ? 1 : 0
      if (encoding === 'f64') return wasm.beyondF64(begin, end, rows, at, mask, values, states, limit, descending, first, out)
      const { isNone, word } = wordLimit(limit, order)
      return isNone ? 0 : wasm.beyondI32(begin, end, rows, at, mask, values, states, word, descending, first, out)
    },
    visibleMask: ({ begin, end, rows, at, mask = NONE }, out) => wasm.visibleMask(begin, end, rows, at, mask, out) >>> 0,
    rowsBetween({ begin, end, rows, at, mask = NONE }, { encoding, values, states = NONE }, low, high, first, out) {
      if (encoding === 'f64') return wasm.betweenF64(begin, end, rows, at, mask, values, states, low, high, first, out)
      const [from, to] = [Math.max(WORD_MIN, Math.ceil(low)), Math.min(WORD_MAX, Math.floor(high))]
      return from > to ? 0 : wasm.betweenI32(begin, end, rows, at, mask, values, states, from, to, first, out)
    },
    rowsWithin: ({ begin, end, rows }, { beginAfter, beginTo, endAfter, endTo }, first, out) =>
      wasm.rowsWithin(begin, end, rows, beginAfter, beginTo, endAfter, endTo, first, out),
    pairVersions: ({ begin, end, ordinals, rows }, earlier, later, first, out, before) =>
      wasm.pairVersions(begin, end, ordinals, rows, earlier, later, first, out, before),
    trueRows: wasm.trueRows,
    compare(rows, { encoding, values, states = NONE }, comparison, constant, out) {
      const { wants, constant: held } = kernelComparison(encoding, comparison, constant)
      compares[encoding](rows, values, states, wants, held, out)
    },
    codeIn(rows, { encoding, values, states = NONE }, set, out) {
      codeIns[encoding](rows, values, states, set, out)
    },
    and: wasm.maskAnd,
    or: wasm.maskOr,
    not: wasm.maskNot,
    hasOthers: (rows, states) => wasm.hasOthers(rows, states) !== 0,
    toCodes: (rows, { values, states = NONE }, base, limit, out) => wasm.toCodes(rows, values, states, base, limit, out) >>> 0,
    toIntegers: (rows, { values, states = NONE }, out) => wasm.toIntegers(rows, values, states, out) !== 0,
    combine(rows, codes, others, out) {
      const second = others ?? codes
      wasm.combineCodes(
        packedKind(codes, second),
        rows,
        codes.values,
        codes.states ?? NONE,
        codes.nullCode ?? 0,
        codes.stride,
        second.values,
        second.states ?? NONE,
        second.nullCode ?? 0,
        others?.stride ?? 0,
        out
      )
    },
    group({ begin, end, rows, at, mask = NONE }, { codes, others, value, cells }) {
      const kind = kindOf(codes, others, value, mask)
      // One by one: spread, they would cost more than the rows of a small page.
      wasm.groupVisible(
        kind,
        begin,
        end,
        rows,
        at,
        mask,
        codes.values,
        codes.states ?? NONE,
        codes.nullCode ?? 0,
        codes.stride,
        // In place of a second column: the first one, which then moves nothing.
        (others ?? codes).values,
        others?.states ?? NONE,
        others?.nullCode ?? 0,
        others?.stride ?? 0,
        // In place of a value: something of its width that is surely there.
        value?.values ?? begin,
        value?.states ?? NONE,
        cells
      )
    },
    packGroup({ begin, end, rows, at, mask = NONE, isBegun }, { codes, others, values = NONE, cells, work }) {
      const second = others ?? codes
      wasm.packGroup(
        packedKind(codes, second),
        isBegun === true ? NONE : begin,
        end,
        rows,
        at,
        mask,
        codes.values,
        codes.stride,
        // In place of a second column: the first one, which then moves nothing.
        second.values,
        others?.stride ?? 0,
        values,
        cells,
        work
      )
    },
    unpackGroup: wasm.unpackGroup,
    packSweep({ begin, end, rows, mask = NONE, points, count, delta }, { codes, others, values = NONE, cells, work }) {
      const second = others ?? codes
      wasm.packSweep(
        packedKind(codes, second),
        begin,
        end,
        rows,
        mask,
        points,
        count,
        delta,
        codes.values,
        codes.stride,
        // In place of a second column: the first one, which then moves nothing.
        second.values,
        others?.stride ?? 0,
        values,
        cells,
        work
      )
    },
    unpackSweep: wasm.unpackSweep,
    packSlices: wasm.packSlices,
    sweep(plan, slice) {
      const window = sweepWindow(plan, slice)
      if (window === undefined) return
      const { begin, end, rows, mask = NONE, codes, value, cells } = slice
      const { low, high, delta } = window
      const { pointsAt, startsAt, shift } = plan
      wasm.sweepPoints(
        kindOf(codes, undefined, value, mask) & ~WIDE_OTHERS,
        begin,
        end,
        rows,
        mask,
        low,
        high,
        delta,
        pointsAt,
        startsAt,
        shift,
        codes.values,
        codes.states ?? NONE,
        codes.nullCode ?? 0,
        codes.stride,
        cellBytes(value?.encoding ?? 'i32'),
        value?.values ?? begin,
        value?.states ?? NONE,
        cells
      )
    },
    finishSweep({ points }, cells, lines, cell) {
      wasm.finishSweep(cells, lines, points.length, cellBytes(cell))
    }
  }
}

/** The limit as a word of 32 bits; `isNone`: no word is beyond it. */
function wordLimit(limit: number, order: 'ascending' | 'descending'): { readonly isNone: boolean; readonly word: number } {
  const word = order === 'descending' ? Math.max(WORD_MIN, Math.ceil(limit)) : Math.min(WORD_MAX, Math.floor(limit))
  return { isNone: word > WORD_MAX || word < WORD_MIN, word }
}

const WORD_MIN = -0x8000_0000
const WORD_MAX = 0x7fff_ffff

function packedKind(codes: PackedCodes, others: PackedCodes): number {
  return (codes.encoding === 'u16' ? WIDE_CODES : 0) | (others.encoding === 'u16' ? WIDE_OTHERS : 0)
}

function cellBytes(encoding: Encoding): number {
  return encoding === 'f64' ? FLOAT_CELL_BYTES : INTEGER_CELL_BYTES
}

function kindOf(codes: CodeColumn, others: CodeColumn | undefined, value: KernelColumn | undefined, mask: Place): number {
  const leavesOut = mask !== NONE || codes.states !== undefined || others?.states !== undefined || value?.states !== undefined
  return (
    (codes.encoding === 'u16' ? WIDE_CODES : 0) |
    ((others ?? codes).encoding === 'u16' ? WIDE_OTHERS : 0) |
    (value?.encoding === 'f64' ? FLOATS : 0) |
    (leavesOut ? LEAVES_OUT : 0)
  )
}
