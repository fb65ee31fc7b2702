/** Packed cells: both kinds of kernels beside a naive loop. */
import test from 'ava'
import fc from 'fast-check'
import { INTEGER_CELL_BYTES, PACK_WORK_BYTES, PACKED_CELL_BYTES, type CodeEncoding } from '../../src/kernel/kernels.js'
import {
  AT,
  CLAMPED_BEGIN,
  columnOf,
  isPlain,
  isSelected,
  kinds,
  maskOf,
  OPEN_END,
  placeRows,
  Placer,
  type RandomColumn,
  rowCount,
  rowsOf,
  valueOf,
  views
} from './_columns.js'

type Cell = { readonly rows: number; readonly values: number; readonly sum: bigint }

const CODES = 5
const OTHERS = 3
const GROUPS = CODES * OTHERS
const someWidth = fc.constantFrom<CodeEncoding>('u8', 'u16')

function readCell(at: number): Cell {
  const [rows, values] = [views.i32[at / 4] as number, views.i32[at / 4 + 1] as number]
  return { rows, values, sum: new DataView(views.buffer).getBigInt64(at + 8, true) }
}

const repeated = (value: fc.Arbitrary<number>, rows: number) =>
  fc
    .array(value, { minLength: 1, maxLength: 61 })
    .map((some) => Array.from({ length: rows }, (_, row) => some[row % some.length] as number))

const cellOf = (values: readonly number[]): Cell => {
  return { rows: values.length, values: values.length, sum: values.reduce((sum, value) => sum + BigInt(value), 0n) }
}

const someColumns = (rows: number) =>
  fc.record({
    codes: repeated(fc.nat(CODES - 1), rows),
    others: fc.oneof(fc.constant(undefined), repeated(fc.nat(OTHERS - 1), rows)),
    values: fc.oneof(fc.constant(undefined), repeated(valueOf.i32, rows))
  })

type Columns = {
  readonly codes: readonly number[]
  readonly others?: readonly number[] | undefined
  readonly values?: readonly number[] | undefined
}

function placeColumns(placer: Placer, { codes, others, values }: Columns, width: CodeEncoding, otherWidth: CodeEncoding) {
  return {
    codes: { encoding: width, values: placer.put(width, codes), stride: OTHERS },
    others: others === undefined ? undefined : { encoding: otherWidth, values: placer.put(otherWidth, others), stride: 1 },
    values: values === undefined ? undefined : placer.put('i32', values),
    work: placer.bytes(PACK_WORK_BYTES, 8)
  }
}

const groupOf = ({ codes, others }: Columns, row: number) => (codes[row] as number) * OTHERS + (others?.[row] ?? 0)

for (const [name, kernels] of kinds) {
  test(`${name}: codes of one and two columns become those of one, NULL a code like others`, (t) => {
    const all = rowCount.chain((rows) => fc.tuple(columnOf(fc.nat(CODES - 1), rows), columnOf(fc.nat(OTHERS - 1), rows)))
    fc.assert(
      fc.property(all, someWidth, someWidth, ([one, other], width, otherWidth) => {
        const placer = new Placer()
        const rows = one.values.length
        const codes = { ...placer.column(width, one), nullCode: CODES, stride: OTHERS + 1 }
        const others = { ...placer.column(otherWidth, other), nullCode: OTHERS, stride: 1 }
        const byOne = placer.bytes(rows * 2, 2)
        const byTwo = placer.bytes(rows * 2, 2)
        kernels.combine(rows, { ...codes, stride: 1 }, undefined, byOne)
        kernels.combine(rows, codes, others, byTwo)
        const code = (column: RandomColumn, row: number, nullCode: number) =>
          (isPlain(column, row) ? column.values[row] : nullCode) as number
        const read = (at: number) => [...views.u16.subarray(at / 2, at / 2 + rows)]
        t.deepEqual(
          read(byOne),
          one.values.map((_, row) => code(one, row, CODES))
        )
        t.deepEqual(
          read(byTwo),
          one.values.map((_, row) => code(one, row, CODES) * (OTHERS + 1) + code(other, row, OTHERS))
        )
        t.true(placer.isWhole)
      })
    )
  })

  test(`${name}: rows are counted and added up in packed cells by one and two codes, and unpacked once`, (t) => {
    const all = rowCount.chain((rows) => fc.tuple(rowsOf(rows), someColumns(rows)))
    fc.assert(
      fc.property(all, someWidth, someWidth, ([rows, columns], width, otherWidth) => {
        const placer = new Placer()
        const placed = placeRows(placer, rows)
        const into = placeColumns(placer, columns, width, otherWidth)
        const packed = placer.zeros(GROUPS * PACKED_CELL_BYTES)
        const cells = placer.zeros(GROUPS * INTEGER_CELL_BYTES)
        const isBegun = rows.begin.every((begin) => begin <= AT)
        kernels.packGroup({ ...placed, isBegun }, { ...into, cells: packed })
        kernels.unpackGroup(packed, GROUPS, cells)
        kernels.unpackGroup(packed, GROUPS, cells)
        const expected = Array.from({ length: GROUPS }, (_, group) => {
          const found: number[] = []
          for (let row = 0; row < rows.begin.length; row++) {
            if (isSelected(rows, row) && groupOf(columns, row) === group) found.push(columns.values?.[row] ?? 0)
          }
          return cellOf(found)
        })
        t.deepEqual(
          expected.map((_, group) => readCell(cells + group * INTEGER_CELL_BYTES)),
          expected
        )
        t.true(placer.isWhole)
      })
    )
  })

  test(`${name}: packed pairs of where rows begin and end give at each point what is visible there`, (t) => {
    const slice = rowCount.chain((rows) =>
      fc.record({
        columns: someColumns(rows),
        mask: fc.oneof(fc.constant(undefined), maskOf(rows)),
        begin: repeated(fc.oneof(fc.integer({ min: -50, max: 1200 }), fc.constantFrom(CLAMPED_BEGIN)), rows),
        end: repeated(fc.oneof(fc.integer({ min: -50, max: 1200 }), fc.constantFrom(OPEN_END)), rows)
      })
    )
    const points = fc.uniqueArray(fc.nat(1300), { minLength: 1, maxLength: 9 }).map((some) => some.sort((a, b) => a - b))
    fc.assert(
      fc.property(slice, points, fc.integer({ min: -600, max: 600 }), someWidth, someWidth, (some, at, delta, width, otherWidth) => {
        const { columns, begin, end, mask } = some
        const placer = new Placer()
        const into = placeColumns(placer, columns, width, otherWidth)
        const packed = placer.zeros(GROUPS * (at.length + 1) ** 2 * PACKED_CELL_BYTES)
        const stride = (at.length + 1) * INTEGER_CELL_BYTES
        const cells = placer.zeros(GROUPS * stride)
        const placed = {
          begin: placer.put('i32', begin),
          end: placer.put('i32', end),
          rows: begin.length,
          mask: mask === undefined ? undefined : placer.put('u8', mask),
          points: placer.put(
            'i32',
            at.map((point) => point - delta)
          ),
          count: at.length,
          delta
        }
        kernels.packSweep(placed, { ...into, cells: packed })
        kernels.unpackSweep(packed, GROUPS, at.length, cells, stride)
        const plan = { points: at, origin: 0, pointsAt: 0, startsAt: 0, shift: 0 }
        kernels.finishSweep(plan, cells, GROUPS, 'i32')
        const expected = Array.from({ length: GROUPS }, (_, group) =>
          at.map((point) => {
            const found: number[] = []
            for (let row = 0; row < begin.length; row++) {
              if ((begin[row] as number) > point || (end[row] as number) <= point || (mask !== undefined && mask[row] !== 2)) continue
              if (groupOf(columns, row) === group) found.push(columns.values?.[row] ?? 0)
            }
            return cellOf(found)
          })
        )
        t.deepEqual(
          expected.map((line, group) => line.map((_, point) => readCell(cells + group * stride + point * INTEGER_CELL_BYTES))),
          expected
        )
        t.true(views.u8.subarray(packed, packed + GROUPS * (at.length + 1) ** 2 * PACKED_CELL_BYTES).every((byte) => byte === 0))
        t.true(placer.isWhole)
      }),
      { numRuns: 60 }
    )
  })
}
