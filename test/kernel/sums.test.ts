/** Sums over many slices in one call: both kinds of kernels beside a naive loop. */
import test from 'ava'
import fc from 'fast-check'
import { SUM_BEGUN, SUM_ENTRY_BYTES, SUM_FLOATS, SUM_SMALL } from '../../src/kernel/kernels.js'
import { AT, columnOf, isSelected, kinds, placeRows, Placer, rowCount, rowsOf, selectedValues, valueOf, views } from './_columns.js'

const small = fc.oneof(fc.integer({ min: -9, max: 9 }), fc.constantFrom(1 - 2 ** 24, 2 ** 24 - 1))
const whole = fc.oneof(fc.integer(), fc.maxSafeInteger())
const valuesOf = { small, words: valueOf.i32, floats: whole }

const someSlice = fc.tuple(rowCount, fc.constantFrom('small' as const, 'words' as const, 'floats' as const)).chain(([count, kind]) => {
  // No mask stands in front of these.
  const rows = rowsOf(count).map(({ begin, end }) => ({ begin, end }))
  return fc.record({ kind: fc.constant(kind), rows, column: columnOf(valuesOf[kind], count) })
})

for (const [name, kernels] of kinds) {
  test(`${name}: slices of any kind are counted and added up exactly, or left out`, (t) => {
    let leftOut = 0
    fc.assert(
      fc.property(fc.array(someSlice, { maxLength: 4 }), (slices) => {
        const placer = new Placer()
        const list = placer.bytes(SUM_ENTRY_BYTES * (slices.length + 1), 8)
        slices.forEach(({ kind, rows, column }, index) => {
          const placed = placeRows(placer, rows)
          const { values, states = 0xffff_ffff } = placer.column(kind === 'floats' ? 'f64' : 'i32', column)
          const isBegun = rows.begin.every((begin) => begin <= AT)
          const flags = (kind === 'floats' ? SUM_FLOATS : kind === 'small' ? SUM_SMALL : 0) | (isBegun ? SUM_BEGUN : 0)
          views.i32.set([placed.begin, placed.end, placed.rows, AT, values, states, flags, 7], list / 4 + 8 * (index + 1))
        })
        kernels.sumSlices(list, slices.length)
        const expected = { rows: 0, values: 0, sum: 0n }
        slices.forEach(({ kind, rows, column }, index) => {
          const values = selectedValues(rows, column)
          const isLeftOut = views.i32[list / 4 + 8 * (index + 1) + 7] === 1
          if (isLeftOut) {
            leftOut++
            const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
            t.true(kind === 'floats' && largest * values.length > Number.MAX_SAFE_INTEGER)
            return
          }
          expected.rows += rows.begin.filter((_, row) => isSelected(rows, row)).length
          expected.values += values.length
          expected.sum += values.reduce((sum, value) => sum + BigInt(value), 0n)
        })
        const [rows = 0, values = 0] = views.i32.subarray(list / 4, list / 4 + 2)
        t.deepEqual({ rows, values, sum: new DataView(views.buffer).getBigInt64(list + 8, true) }, expected)
        t.true(placer.isWhole)
      })
    )
    t.true(leftOut > 0)
  })
}
