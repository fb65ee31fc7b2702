/** Groups at one point and sweeps over many: both kinds of kernels beside a naive loop. */
import test from 'ava'
import fc from 'fast-check'
import { exactSumInteger, FLOAT_CELL_BYTES } from '../../src/kernel/exact-sum.js'
import { INTEGER_CELL_BYTES, type CodeEncoding } from '../../src/kernel/kernels.js'
import { sweepPlanBytes, writeSweepPlan } from '../../src/kernel/sweep-plan.js'
import {
  columnOf,
  isPlain,
  isSelected,
  kinds,
  maskOf,
  placeRows,
  Placer,
  type RandomColumn,
  rowCount,
  rowsOf,
  valueOf,
  OPEN_END,
  views
} from './_columns.js'

type Cell = { rows: number; values: number; sum: bigint }

/** Codes 0 … 4 and 0 … 2; NULL is the next one. */
const CODES = 5
const OTHERS = 3
const bytesOf = { i32: INTEGER_CELL_BYTES, f64: FLOAT_CELL_BYTES }
const someCode = (codes: number) => fc.integer({ min: 0, max: codes - 1 })
const someWidth = fc.constantFrom<CodeEncoding>('u8', 'u16')
const someValue = { i32: valueOf.i32, f64: fc.oneof(fc.maxSafeInteger(), fc.integer()) }

function readCell(at: number, kind: 'i32' | 'f64'): Cell {
  const word = at / 4
  const sum = kind === 'f64' ? exactSumInteger(views.f64, at + 8) : new DataView(views.buffer).getBigInt64(at + 8, true)
  return { rows: (views.i32[word] as number) >>> 0, values: (views.i32[word + 1] as number) >>> 0, sum: sum as bigint }
}

const emptyCells = (count: number): Cell[] => Array.from({ length: count }, () => ({ rows: 0, values: 0, sum: 0n }))

function addTo(cell: Cell | undefined, value: RandomColumn, row: number): void {
  if (cell === undefined) throw new Error('a code beyond the cells')
  cell.rows++
  if (!isPlain(value, row)) return
  cell.values++
  cell.sum += BigInt(value.values[row] as number)
}

const codeOf = (column: RandomColumn, row: number, nullCode: number) => (isPlain(column, row) ? (column.values[row] as number) : nullCode)

for (const [name, kernels] of kinds) {
  for (const kind of ['i32', 'f64'] as const) {
    test(`${name}: ${kind} values are counted and summed by one and by two codes, NULL a group of its own`, (t) => {
      const columns = rowCount.chain((rows) =>
        fc.tuple(rowsOf(rows), columnOf(someCode(CODES), rows), columnOf(someCode(OTHERS), rows), columnOf(someValue[kind], rows))
      )
      fc.assert(
        fc.property(columns, someWidth, someWidth, ([rows, codes, others, value], width, otherWidth) => {
          const placer = new Placer()
          const bytes = bytesOf[kind]
          const placed = placeRows(placer, rows)
          const first = { ...placer.column(width, codes), nullCode: CODES }
          const second = { ...placer.column(otherWidth, others), nullCode: OTHERS, stride: bytes }
          const column = placer.column(kind, value)
          const count = (CODES + 1) * (OTHERS + 1)
          const byTwo = placer.zeros(count * bytes)
          const byOne = placer.zeros((CODES + 1) * bytes)
          const counted = placer.zeros((CODES + 1) * INTEGER_CELL_BYTES)
          kernels.group(placed, { codes: { ...first, stride: bytes * (OTHERS + 1) }, others: second, value: column, cells: byTwo })
          kernels.group(placed, { codes: { ...first, stride: bytes }, value: column, cells: byOne })
          kernels.group(placed, { codes: { ...first, stride: INTEGER_CELL_BYTES }, cells: counted })
          const expectedByTwo = emptyCells(count)
          const expectedByOne = emptyCells(CODES + 1)
          for (let row = 0; row < rows.begin.length; row++) {
            if (!isSelected(rows, row)) continue
            const code = codeOf(codes, row, CODES)
            addTo(expectedByTwo[code * (OTHERS + 1) + codeOf(others, row, OTHERS)], value, row)
            addTo(expectedByOne[code], value, row)
          }
          const read = (cells: number, length: number) => Array.from({ length }, (_, cell) => readCell(cells + cell * bytes, kind))
          t.deepEqual(read(byTwo, count), expectedByTwo)
          t.deepEqual(read(byOne, CODES + 1), expectedByOne)
          t.deepEqual(
            expectedByOne.map((_, cell) => views.i32[counted / 4 + cell * 4]),
            expectedByOne.map((cell) => cell.rows)
          )
          t.true(placer.isWhole)
        })
      )
    })

    test(`${name}: a sweep of ${kind} values over slices gives at each point what is visible there`, (t) => {
      const slice = rowCount.chain((rows) =>
        fc.record({
          codes: columnOf(someCode(CODES), rows),
          value: columnOf(someValue[kind], rows),
          mask: fc.oneof(fc.constant(undefined), maskOf(rows)),
          begin: columnOf(fc.integer({ min: -50, max: 1200 }), rows),
          length: columnOf(fc.oneof(fc.nat(300), fc.constant(Infinity)), rows)
        })
      )
      const clustered = fc
        .tuple(fc.integer({ min: 100, max: 900 }), fc.constantFrom(0, 4_000_000, 2_000_000_000))
        .map(([at, far]) => [...Array.from({ length: 20 }, (_, index) => at + index), at + 100 + far])
      const points = fc.oneof(
        fc.uniqueArray(fc.nat(1300), { minLength: 1, maxLength: 40 }).map((some) => some.sort((a, b) => a - b)),
        clustered
      )
      const base = fc.constantFrom(0, 7_000_000_000)
      fc.assert(
        fc.property(
          fc.array(slice, { minLength: 1, maxLength: 2 }),
          points,
          base,
          someWidth,
          fc.nat(600),
          (slices, near, from, width, t0) => {
            const all = near.map((point) => point + from)
            const placer = new Placer()
            const plan = writeSweepPlan(views, placer.bytes(sweepPlanBytes(all.length), 4), all)
            const bytes = bytesOf[kind]
            const line = (all.length + 1) * bytes
            const cells = placer.zeros(line * (CODES + 1))
            const expected = Array.from({ length: CODES + 1 }, () => emptyCells(all.length))
            for (const [index, { codes, value, mask, begin, length }] of slices.entries()) {
              // Slices side by side in time, each with a base of its own.
              const bounds = index === 0 ? { t0: from + t0, t1: from + t0 + 400 } : { t0: from + t0 + 400, t1: Infinity }
              const seqBase = bounds.t0 - 70
              const begins = begin.values.map((seq) => seq + from)
              const ends = begins.map((seq, row) => seq + (length.values[row] as number))
              kernels.sweep(plan, {
                begin: placer.put(
                  'i32',
                  begins.map((seq) => seq - seqBase)
                ),
                end: placer.put(
                  'i32',
                  ends.map((seq) => Math.min(OPEN_END, seq - seqBase))
                ),
                rows: begins.length,
                mask: mask === undefined ? undefined : placer.put('u8', mask),
                seqBase,
                ...bounds,
                codes: { ...placer.column(width, codes), nullCode: CODES, stride: line },
                value: placer.column(kind, value),
                cells
              })
              for (const [at, point] of all.entries()) {
                if (point < bounds.t0 || point >= bounds.t1) continue
                for (let row = 0; row < begins.length; row++) {
                  if ((begins[row] as number) > point || (ends[row] as number) <= point || (mask !== undefined && mask[row] !== 2)) continue
                  addTo(expected[codeOf(codes, row, CODES)]?.[at], value, row)
                }
              }
            }
            kernels.finishSweep(plan, cells, CODES + 1, kind)
            const found = expected.map((_, code) => all.map((_point, at) => readCell(cells + code * line + at * bytes, kind)))
            t.deepEqual(found, expected)
            t.true(placer.isWhole)
          }
        ),
        { numRuns: 60 }
      )
    })
  }
}
