/**
 * The kernels as one WebAssembly module with SIMD, made of the AssemblyScript in `assembly/`. It is compiled once and sent to the threads;
 * each makes an instance for each memory that it reads.
 */
import { fileURLToPath } from 'node:url'
import { type Io, readWhole } from '../io/io.js'
import { kernelComparison } from './comparison.js'
import {
  INTEGER_CELL_BYTES,
  type CodeColumn,
  type Encoding,
  type GroupInto,
  type KernelColumn,
  type Kernels,
  type VisibleRows
} from './kernels.js'
import { FLOAT_CELL_BYTES } from './exact-sum.js'
import { sweepWindow } from './sweep-plan.js'

type Place = number
type OverColumn = (begin: Place, end: Place, rows: number, at: number, mask: Place, values: Place, states: Place) => number
type Compare = (rows: number, values: Place, states: Place, wants: number, constant: number, out: Place) => void
type CodeIn = (rows: number, values: Place, states: Place, set: Place, out: Place) => void

type Exports = {
  readonly sum: { readonly value: number }
  readonly min: { readonly value: number }
  readonly max: { readonly value: number }
  readonly countVisible: (begin: Place, end: Place, rows: number, at: number, mask: Place) => number
  readonly sumVisibleI32: OverColumn
  readonly sumVisibleU8: OverColumn
  readonly sumVisibleU16: OverColumn
  readonly sumVisibleF64: (...parameters: [...Parameters<OverColumn>, exactSum: Place]) => number
  readonly boundsVisibleI32: OverColumn
  readonly boundsVisibleU8: OverColumn
  readonly boundsVisibleU16: OverColumn
  readonly boundsVisibleF64: OverColumn
  readonly visibleMask: (begin: Place, end: Place, rows: number, at: number, mask: Place, out: Place) => number
  readonly compareI32: Compare
  readonly compareU8: Compare
  readonly compareU16: Compare
  readonly compareF64: Compare
  readonly codeInU8: CodeIn
  readonly codeInU16: CodeIn
  readonly maskAnd: (rows: number, one: Place, other: Place, out: Place) => void
  readonly maskOr: (rows: number, one: Place, other: Place, out: Place) => void
  readonly maskNot: (rows: number, one: Place, out: Place) => void
  readonly groupVisible: (kind: number, ...parameters: readonly number[]) => void
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

/** For {@link wasmKernels}; reads the module that the build made. */
export function compileKernels(io: Io): WebAssembly.Module {
  return new WebAssembly.Module(readWhole(io, fileURLToPath(new URL('kernel.wasm', import.meta.url))))
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
    sumVisible: (rows, column) => ({ count: over(sums[column.encoding], rows, column), sum: wasm.sum.value }),
    sumVisibleF64: ({ begin, end, rows, at, mask = NONE }, { values, states = NONE }, exactSum) =>
      wasm.sumVisibleF64(begin, end, rows, at, mask, values, states, exactSum) >>> 0,
    minMax: (rows, column) => ({ count: over(bounds[column.encoding], rows, column), min: wasm.min.value, max: wasm.max.value }),
    visibleMask: ({ begin, end, rows, at, mask = NONE }, out) => wasm.visibleMask(begin, end, rows, at, mask, out) >>> 0,
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
    group({ begin, end, rows, at, mask = NONE }, { codes, others = nothing(codes), value = plain(begin), cells }) {
      const kind = kindOf(codes, others, value, mask)
      const { values, states = NONE } = value
      wasm.groupVisible(kind, begin, end, rows, at, mask, ...partsOf(codes), ...partsOf(others), values, states, cells)
    },
    sweep(plan, slice) {
      const window = sweepWindow(plan, slice)
      if (window === undefined) return
      const { begin, end, rows, mask = NONE, codes, value = plain(begin), cells } = slice
      const { low, high, delta } = window
      const kind = kindOf(codes, undefined, value, mask)
      const { values, states = NONE } = value
      const bytes = cellBytes(value.encoding)
      const { pointsAt, startsAt, shift } = plan
      wasm.sweepPoints(
        kind,
        ...[begin, end, rows, mask, low, high, delta, pointsAt, startsAt, shift],
        ...partsOf(codes),
        ...[bytes, values, states, cells]
      )
    },
    finishSweep({ points }, cells, lines, cell) {
      wasm.finishSweep(cells, lines, points.length, cellBytes(cell))
    }
  }
}

function cellBytes(encoding: Encoding): number {
  return encoding === 'f64' ? FLOAT_CELL_BYTES : INTEGER_CELL_BYTES
}

/** In place of a second column: the first one, which then moves nothing. */
function nothing(codes: CodeColumn): CodeColumn {
  return { encoding: codes.encoding, values: codes.values, stride: 0 }
}

/** In place of a value: something of its width that is surely there. */
function plain(begin: Place): NonNullable<GroupInto['value']> {
  return { encoding: 'i32', values: begin }
}

function partsOf({ values, states = NONE, nullCode = 0, stride }: CodeColumn): readonly number[] {
  return [values, states, nullCode, stride]
}

function kindOf(codes: CodeColumn, others: CodeColumn | undefined, value: KernelColumn, mask: Place): number {
  const leavesOut = mask !== NONE || codes.states !== undefined || others?.states !== undefined || value.states !== undefined
  return (
    (codes.encoding === 'u16' ? WIDE_CODES : 0) |
    (others?.encoding === 'u16' ? WIDE_OTHERS : 0) |
    (value.encoding === 'f64' ? FLOATS : 0) |
    (leavesOut ? LEAVES_OUT : 0)
  )
}
