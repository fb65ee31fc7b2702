/** Count, sum, smallest and largest: both kinds of kernels beside a naive loop. */
import test from 'ava'
import fc from 'fast-check'
import { realIo } from '../../src/io/real-io.js'
import { addExact, clearExactSum, EXACT_SUM_BYTES, exactSumInteger, exactSumNumber, mergeExactSum } from '../../src/kernel/exact-sum.js'
import { javascriptKernels } from '../../src/kernel/javascript-kernels.js'
import { compileKernels, wasmKernels } from '../../src/kernel/wasm-kernels.js'
import {
  columnOf,
  isSelected,
  isWhole,
  kinds,
  placeRows,
  Placer,
  rowCount,
  rowsOf,
  selectedValues,
  unitsOf,
  valueOf,
  views,
  wholeOf
} from './_columns.js'

const integers = ['u8', 'u16', 'i32'] as const
const encodings = [...integers, 'f64'] as const

for (const [name, kernels] of kinds) {
  test(`${name}: rows are counted that are visible at a point, and true in the mask`, (t) => {
    fc.assert(
      fc.property(rowCount.chain(rowsOf), (rows) => {
        const expected = rows.begin.filter((_, row) => isSelected(rows, row)).length
        t.is(kernels.countVisible(placeRows(new Placer(), rows)), expected)
      })
    )
  })

  for (const encoding of integers) {
    test(`${name}: a sum of ${encoding} values is exact and leaves out what is not a plain value`, (t) => {
      const columns = rowCount.chain((rows) => fc.tuple(rowsOf(rows), columnOf(valueOf[encoding], rows)))
      fc.assert(
        fc.property(columns, ([rows, column]) => {
          const placer = new Placer()
          const values = selectedValues(rows, column)
          const { count, sum } = kernels.sumVisible(placeRows(placer, rows), placer.column(encoding, column))
          t.is(count, values.length)
          t.is(
            BigInt(sum),
            values.reduce((total, value) => total + BigInt(value), 0n)
          )
        })
      )
    })
  }

  for (const encoding of encodings) {
    test(`${name}: the smallest and largest of ${encoding} values`, (t) => {
      const columns = rowCount.chain((rows) => fc.tuple(rowsOf(rows), columnOf(valueOf[encoding], rows)))
      fc.assert(
        fc.property(columns, ([rows, column]) => {
          const placer = new Placer()
          const values = selectedValues(rows, column)
          const { count, min, max } = kernels.minMax(placeRows(placer, rows), placer.column(encoding, column))
          t.is(count, values.length)
          if (count === 0) return
          t.is(
            min,
            values.reduce((a, b) => Math.min(a, b))
          )
          t.is(
            max,
            values.reduce((a, b) => Math.max(a, b))
          )
        })
      )
    })
  }

  test(`${name}: a sum of floats is the exact one, however the rows were cut into pages`, (t) => {
    const columns = rowCount.chain((rows) => {
      const cuts = fc.array(fc.integer({ min: 0, max: rows }), { maxLength: 4 }).map((some) => [0, ...some.sort((a, b) => a - b), rows])
      return fc.tuple(rowsOf(rows), columnOf(valueOf.f64, rows), cuts)
    })
    fc.assert(
      fc.property(columns, ([rows, column, cuts]) => {
        const placer = new Placer()
        const placed = placeRows(placer, rows)
        const values = placer.column('f64', column)
        const exact = placer.bytes(EXACT_SUM_BYTES, 8)
        clearExactSum(views.f64, exact)
        let count = 0
        for (const [index, from] of cuts.slice(0, -1).entries()) {
          const part = {
            ...placed,
            begin: placed.begin + 4 * from,
            end: placed.end + 4 * from,
            rows: (cuts[index + 1] as number) - from,
            mask: placed.mask === undefined ? undefined : placed.mask + from
          }
          const states = values.states === undefined ? undefined : values.states + from
          count += kernels.sumVisibleF64(part, { encoding: 'f64', values: values.values + 8 * from, states }, exact)
        }
        const selected = selectedValues(rows, column)
        const units = selected.reduce((total, value) => total + unitsOf(value), 0n)
        t.is(count, selected.length)
        t.is(exactSumInteger(views.f64, exact), isWhole(units) ? wholeOf(units) : undefined)
        const nearest = exactSumNumber(views.f64, exact)
        // Both neighbours are farther away, or as far where it is even.
        if (Number.isFinite(nearest)) t.true(isNearest(nearest, units), `${nearest} is not nearest`)
        t.true(placer.isWhole)
      })
    )
  })
}

function isNearest(value: number, units: bigint): boolean {
  const words = new DataView(new ArrayBuffer(8))
  words.setFloat64(0, Math.abs(value))
  const bits = words.getBigUint64(0)
  const magnitude = units < 0n ? -units : units
  if (value !== 0 && value < 0 !== units < 0n) return false
  const distance = (other: bigint) => {
    words.setBigUint64(0, other)
    const off = unitsOf(words.getFloat64(0)) - magnitude
    return off < 0n ? -off : off
  }
  const own = distance(bits)
  return [bits - 1n, bits + 1n]
    .filter((other) => other >= 0n && other < 0x7ff0_0000_0000_0000n)
    .every((other) => own < distance(other) || (own === distance(other) && bits % 2n === 0n))
}

test('a sum past what a float64 holds is infinite, and comes back', (t) => {
  for (const [, kernels] of kinds) {
    const placer = new Placer()
    const big = Number.MAX_VALUE
    const values = placer.column('f64', { values: [big, big, big, -big, -big, 0.1] })
    const begin = placer.put('i32', [0, 0, 0, 0, 0, 0])
    const end = placer.put('i32', [9, 9, 9, 9, 9, 9])
    const exact = placer.zeros(EXACT_SUM_BYTES)
    kernels.sumVisibleF64({ begin, end, rows: 3, at: 5 }, values, exact)
    t.is(exactSumNumber(views.f64, exact), Infinity)
    kernels.sumVisibleF64({ begin, end, rows: 2, at: 5 }, { encoding: 'f64', values: values.values + 24 }, exact)
    t.is(exactSumNumber(views.f64, exact), big)
    kernels.sumVisibleF64({ begin, end, rows: 1, at: 5 }, { encoding: 'f64', values: values.values + 32 }, exact)
    kernels.sumVisibleF64({ begin, end, rows: 1, at: 5 }, { encoding: 'f64', values: values.values + 40 }, exact)
    t.is(exactSumNumber(views.f64, exact), 0.1)
  }
})

test('a sum of more numbers than its chunks hold at once is carried, and merged sums are the sum of all', (t) => {
  for (const [, kernels] of kinds) {
    const placer = new Placer()
    // So far apart that two doubles do not hold them: number by number.
    const some = [1e300, 1e-300, 4095.999, -1e150]
    const rows = 4096
    const values = placer.column('f64', { values: Array.from({ length: rows }, (_, row) => some[row % 4] as number) })
    const begin = placer.put('i32', new Int32Array(rows))
    const end = placer.put('i32', new Int32Array(rows).fill(9))
    const [exact, merged] = [placer.zeros(EXACT_SUM_BYTES), placer.zeros(EXACT_SUM_BYTES)]
    const calls = 300
    for (let call = 0; call < calls; call++) kernels.sumVisibleF64({ begin, end, rows, at: 5 }, values, exact)
    const units = some.reduce((total, value) => total + unitsOf(value), 0n) * BigInt((rows / 4) * calls)
    t.true(isNearest(exactSumNumber(views.f64, exact), units))
    for (let time = 0; time < 3; time++) mergeExactSum(views.f64, merged, views.f64, exact)
    t.true(isNearest(exactSumNumber(views.f64, merged), 3n * units))
    // All that is left is the small one.
    const times = 3 * (rows / 4) * calls
    for (const value of [-1e300, -4095.999, 1e150]) for (let time = 0; time < times; time++) addExact(views.f64, merged, value)
    t.true(isNearest(exactSumNumber(views.f64, merged), unitsOf(1e-300) * BigInt(times)))
  }
})

test('columns may lie beyond 2 GiB of a memory', (t) => {
  const gib = 1024 ** 3
  // An arena's memories are smaller, the kernels do not rely on that.
  const memory = new WebAssembly.Memory({ initial: 49_152, maximum: 49_152, shared: true })
  const { buffer } = memory
  const far = {
    buffer,
    u8: new Uint8Array(buffer),
    u16: new Uint16Array(buffer),
    i32: new Int32Array(buffer),
    f64: new Float64Array(buffer)
  }
  for (const kernels of [wasmKernels(compileKernels(realIo), memory), javascriptKernels(far)]) {
    const begin = 2.5 * gib
    const [end, values, mask] = [begin + 64, begin + 128, begin + 192]
    for (let row = 0; row < 5; row++) {
      far.i32[end / 4 + row] = 9
      far.i32[values / 4 + row] = row
    }
    far.u8.set([2, 2, 2, 2, 0], mask)
    t.deepEqual(kernels.sumVisible({ begin, end, rows: 5, at: 5, mask }, { encoding: 'i32', values }), { count: 4, sum: 6, rows: 4 })
    kernels.compare(5, { encoding: 'i32', values }, '>', 2, mask)
    t.deepEqual([...far.u8.subarray(mask, mask + 5)], [0, 0, 0, 2, 2])
  }
})
