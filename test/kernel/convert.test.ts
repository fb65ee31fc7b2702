/** Wide columns made narrow: both kinds of kernels beside a naive loop. */
import test from 'ava'
import fc from 'fast-check'
import { columnOf, isPlain, isSelected, kinds, placeRows, Placer, rowCount, rowsOf, selectedValues, valueOf, views } from './_columns.js'

const nearInteger = fc.oneof(
  fc.integer({ min: -9, max: 9 }),
  fc.constantFrom(0, 2 ** 31 - 1, 2 ** 31, -(2 ** 31), -(2 ** 31) - 1, 0.5, -0.5, 1e300, -1e300, 2 ** 53)
)
const integer = fc.oneof(fc.integer({ min: -9, max: 9 }), fc.constantFrom(2 ** 31 - 1, -(2 ** 31), 0))

for (const [name, kernels] of kinds) {
  test(`${name}: a row with another state is found`, (t) => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 200 }), fc.option(fc.nat(220)), (rows, other) => {
        const states = Array.from({ length: rows }, (_, row) => (row === other ? 2 : 0))
        t.is(kernels.hasOthers(rows, new Placer().put('u8', states)), states.includes(2))
      })
    )
  })

  test(`${name}: words become codes from a base on, and what lies outside is counted`, (t) => {
    const words = fc.oneof(fc.integer({ min: -5, max: 40 }), valueOf.i32)
    const columns = rowCount.chain((rows) => columnOf(words, rows))
    const limits = fc.oneof(fc.integer({ min: 1, max: 50 }), fc.constantFrom(4096, 65_536))
    fc.assert(
      fc.property(columns, fc.integer({ min: -10, max: 10 }), limits, (column, base, limit) => {
        const placer = new Placer()
        const rows = column.values.length
        const placed = placer.column('i32', column)
        const out = placer.bytes(rows * 2, 8)
        const outside = kernels.toCodes(rows, placed, base, limit, out)
        const codes = column.values.map((value) => value - base)
        const isInside = codes.map((code) => code >= 0 && code < limit)
        t.is(outside, codes.filter((_, row) => isPlain(column, row) && !isInside[row]).length)
        t.deepEqual(
          [...views.u16.subarray(out / 2, out / 2 + rows)],
          codes.map((code, row) => (isPlain(column, row) && isInside[row] === true ? code : 0))
        )
        t.true(placer.isWhole)
      })
    )
  })

  test(`${name}: float64s become words where all plain ones are such`, (t) => {
    const columns = rowCount.chain((rows) => fc.oneof(columnOf(integer, rows), columnOf(nearInteger, rows)))
    fc.assert(
      fc.property(columns, (column) => {
        const placer = new Placer()
        const rows = column.values.length
        const placed = placer.column('f64', column)
        const out = placer.bytes(rows * 4, 8)
        const isWhole = kernels.toIntegers(rows, placed, out)
        const expected = column.values.map((value, row) => (isPlain(column, row) ? value : 0))
        t.is(
          isWhole,
          expected.every((value) => (value | 0) === value)
        )
        if (isWhole) t.deepEqual([...views.i32.subarray(out / 4, out / 4 + rows)], expected)
        t.true(placer.isWhole)
      })
    )
  })

  test(`${name}: a sum of whole float64s, its rows and its largest value`, (t) => {
    const columns = rowCount.chain((rows) => fc.tuple(rowsOf(rows), columnOf(integer, rows)))
    fc.assert(
      fc.property(columns, ([rows, column]) => {
        const placer = new Placer()
        const values = selectedValues(rows, column)
        const found = kernels.sumVisibleWholes(placeRows(placer, rows), placer.column('f64', column))
        t.deepEqual(found, {
          count: values.length,
          sum: values.reduce((sum, value) => sum + value, 0),
          rows: rows.begin.filter((_, row) => isSelected(rows, row)).length,
          largest: values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0)
        })
      })
    )
  })
}
