/** A sweep over many slices in one call: both kinds of kernels beside a naive loop. */
import test from 'ava'
import fc from 'fast-check'
import {
  INTEGER_CELL_BYTES,
  PACK_ENCODINGS,
  PACK_ENTRY_BYTES,
  PACK_HEAD_BYTES,
  PACK_WORK_BYTES,
  PACKED_CELL_BYTES,
  PACKED_ROWS_MAX,
  PACKED_STATE_BYTES
} from '../../src/kernel/kernels.js'
import { columnOf, isPlain, kinds, OPEN_END, Placer, type RandomColumn, ROWS_MAX, rowCount, valueOf, views } from './_columns.js'

const NONE = 0xffff_ffff
const CODES = 5
const OTHERS = 3
const POINTS = [20, 40, 300, 301, 900, 1100, 1200]
const ORIGIN = 7
/** Wide columns of more rows are left out. */
const ROOM = 4000

const codesBelow = (count: number, rows: number) =>
  fc.oneof(
    fc.record({ encoding: fc.constantFrom('u8' as const, 'u16' as const, 'i32' as const), column: columnOf(fc.nat(count - 1), rows) }),
    fc.record({ encoding: fc.constant('i32' as const), column: columnOf(fc.integer({ min: -1, max: count }), rows) })
  )

const someValues = (rows: number) =>
  fc.oneof(
    fc.record({ encoding: fc.constant('i32' as const), column: columnOf(valueOf.i32, rows) }),
    fc.record({ encoding: fc.constant('f64' as const), column: columnOf(fc.integer(), rows) }),
    fc.record({ encoding: fc.constant('f64' as const), column: columnOf(valueOf.f64, rows) })
  )

const offsets = (rows: number, special: number) =>
  fc
    .array(fc.oneof(fc.integer({ min: -50, max: 1300 }), fc.constant(special)), { minLength: 1, maxLength: 61 })
    .map((some) => Array.from({ length: rows }, (_, row) => some[row % some.length] as number))

/** Mostly without states, so that some slices are added. */
const plainly = <C extends { readonly column: RandomColumn }>(column: fc.Arbitrary<C>) =>
  fc.tuple(column, fc.nat(3)).map(([each, dice]) => (dice === 0 ? each : { ...each, column: { values: each.column.values } }))

const someSlice = rowCount.chain((rows) =>
  fc.record({
    begin: offsets(rows, -OPEN_END),
    end: offsets(rows, OPEN_END),
    codes: plainly(codesBelow(CODES, rows)),
    others: plainly(codesBelow(OTHERS, rows)),
    values: plainly(someValues(rows)),
    first: fc.nat(POINTS.length - 1),
    delta: fc.integer({ min: -90, max: 90 })
  })
)

for (const [name, kernels] of kinds) {
  test(`${name}: slices that can be packed are added at each of their points, others are left out whole`, (t) => {
    let added = 0
    let leftOut = 0
    const options = fc.record({ isTwo: fc.boolean(), isSum: fc.boolean(), pointsMax: fc.constantFrom(1, 2, 7), before: fc.nat(3) })
    fc.assert(
      fc.property(fc.array(someSlice, { maxLength: 5 }), options, (slices, { isTwo, isSum, pointsMax, before }) => {
        const placer = new Placer()
        const groups = isTwo ? CODES * OTHERS : CODES
        const stride = (POINTS.length + 1) * INTEGER_CELL_BYTES
        const packed = placer.zeros(PACKED_STATE_BYTES + groups * (pointsMax + 1) ** 2 * PACKED_CELL_BYTES) + PACKED_STATE_BYTES
        const cells = placer.zeros(groups * stride)
        const points = placer.put(
          'i32',
          POINTS.map((point) => point - ORIGIN)
        )
        const work = placer.bytes(PACK_WORK_BYTES + ROOM * 8, 8)
        const list = placer.bytes(PACK_HEAD_BYTES + PACK_ENTRY_BYTES * slices.length, 8)
        views.i32.set([points, cells, stride, packed, groups, pointsMax, work, ROOM, CODES, OTHERS], list / 4)
        // As if so many rows had been packed before: less than a slice more unpacks them.
        views.i32.set([before === 0 ? 0 : PACKED_ROWS_MAX - before * 40, 0, Math.min(pointsMax, POINTS.length)], packed / 4 - 4)
        const counts = slices.map(({ first }) => Math.min(POINTS.length - first, first % 2 === 0 ? POINTS.length : 2))
        slices.forEach(({ begin, end, codes, others, values, first, delta }, index) => {
          const one = placer.column(codes.encoding, codes.column)
          const other = placer.column(others.encoding, others.column)
          const value = placer.column(values.encoding, values.column)
          const entry = [placer.put('i32', begin), placer.put('i32', end), begin.length, first, counts[index] as number, ORIGIN + delta]
          entry.push(one.values, one.states ?? NONE, PACK_ENCODINGS[one.encoding], isTwo ? OTHERS : 1)
          entry.push(...(isTwo ? [other.values, other.states ?? NONE, PACK_ENCODINGS[other.encoding]] : [NONE, NONE, 0]))
          entry.push(...(isSum ? [value.values, value.states ?? NONE, PACK_ENCODINGS[value.encoding]] : [NONE, NONE, 0]))
          views.i32.set([...entry, 0, 0, 0, 7], (list + PACK_HEAD_BYTES + PACK_ENTRY_BYTES * index) / 4)
        })
        kernels.packSlices(list, slices.length)
        const [, first = 0, count = 0] = views.i32.subarray(packed / 4 - 4, packed / 4 - 1)
        kernels.unpackSweep(packed, groups, count, cells + first * INTEGER_CELL_BYTES, stride)
        kernels.finishSweep({ points: POINTS, origin: 0, pointsAt: 0, startsAt: 0, shift: 0 }, cells, groups, 'i32')
        const expected = Array.from({ length: groups }, () => POINTS.map(() => ({ rows: 0, sum: 0n })))
        slices.forEach(({ begin, end, codes, others, values, first: from, delta }, index) => {
          const parts = [codes, ...(isTwo ? [others] : []), ...(isSum ? [values] : [])]
          const rows = begin.map((_, row) => row)
          const isWide = parts.some(
            ({ encoding }, part) => encoding === 'f64' || (encoding === 'i32' && (part === 0 || (isTwo && part === 1)))
          )
          const isNarrow = (column: RandomColumn, encoding: string, limit: number) =>
            encoding !== 'i32' || column.values.every((value) => value >= 0 && value < limit)
          const canBe =
            rows.every((row) => parts.every(({ column }) => isPlain(column, row))) &&
            !(isWide && rows.length > ROOM) &&
            isNarrow(codes.column, codes.encoding, CODES) &&
            (!isTwo || isNarrow(others.column, others.encoding, OTHERS)) &&
            (!isSum || values.encoding === 'i32' || values.column.values.every((value) => (value | 0) === value))
          const isLeftOut = views.i32[(list + PACK_HEAD_BYTES + PACK_ENTRY_BYTES * (index + 1)) / 4 - 1] === 1
          t.is(isLeftOut, !canBe)
          if (isLeftOut) return void leftOut++
          added++
          for (let point = from; point < from + (counts[index] as number); point++) {
            const at = (POINTS[point] as number) + delta
            for (const row of rows) {
              if ((begin[row] as number) > at || (end[row] as number) <= at) continue
              const group =
                (codes.column.values[row] as number) * (isTwo ? OTHERS : 1) + (isTwo ? (others.column.values[row] as number) : 0)
              const cell = expected[group]?.[point] as { rows: number; sum: bigint }
              cell.rows++
              cell.sum += isSum ? BigInt(values.column.values[row] as number) : 0n
            }
          }
        })
        t.deepEqual(
          expected.map((line, group) =>
            line.map((_, point) => {
              const at = cells + group * stride + point * INTEGER_CELL_BYTES
              return { rows: views.i32[at / 4] as number, sum: new DataView(views.buffer).getBigInt64(at + 8, true) }
            })
          ),
          expected
        )
        t.true(placer.isWhole)
      }),
      { numRuns: 80 }
    )
    t.true(added > 0 && leftOut > 0 && ROOM < ROWS_MAX)
  })
}
