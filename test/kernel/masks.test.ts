/** Masks: both kinds of kernels beside a naive loop. 0 false, 1 NULL, 2 true. */
import test from 'ava'
import fc from 'fast-check'
import { type Comparison, type Encoding } from '../../src/kernel/kernels.js'
import { columnOf, isPlain, isSelected, kinds, maskOf, placeRows, Placer, rowCount, rowsOf, valueOf, views } from './_columns.js'

const comparisons: Readonly<Record<Comparison, (a: number, b: number) => boolean>> = {
  '=': (a, b) => a === b,
  '<>': (a, b) => a !== b,
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b
}
const encodings: readonly Encoding[] = ['u8', 'u16', 'i32', 'f64']

const bytesAt = (at: number, count: number) => [...views.u8.subarray(at, at + count)]

for (const [name, kernels] of kinds) {
  test(`${name}: a visible mask is true exactly where a row is visible`, (t) => {
    fc.assert(
      fc.property(rowCount.chain(rowsOf), (rows) => {
        const placer = new Placer()
        const expected = rows.begin.map((_, row) => (isSelected(rows, row) ? 2 : 0))
        const placed = placeRows(placer, rows)
        const out = placer.bytes(placed.rows, 1)
        t.is(kernels.visibleMask(placed, out), expected.filter((byte) => byte === 2).length)
        const list = placer.bytes(rows.begin.length * 4, 4)
        const count = kernels.trueRows(rows.begin.length, out, 100, list)
        t.deepEqual(
          [...views.i32.subarray(list / 4, list / 4 + count)],
          expected.flatMap((byte, row) => (byte === 2 ? [100 + row] : []))
        )
        t.deepEqual(bytesAt(out, placed.rows), expected)
        t.true(placer.isWhole)
      })
    )
  })

  test(`${name}: rows are listed that begin and end within some times`, (t) => {
    const time = fc.oneof(fc.integer({ min: 0, max: 2000 }), fc.constantFrom(-0x8000_0000, -0x7fff_ffff, 999, 1000, 1001, 0x7fff_ffff))
    const times = fc.record({ beginAfter: time, beginTo: time, endAfter: time, endTo: time })
    fc.assert(
      fc.property(rowCount.chain(rowsOf), times, (rows, within) => {
        const placer = new Placer()
        const { begin, end, rows: count } = placeRows(placer, rows)
        const list = placer.bytes(count * 4, 4)
        const found = kernels.rowsWithin({ begin, end, rows: count }, within, 100, list)
        const { beginAfter, beginTo, endAfter, endTo } = within
        t.deepEqual(
          [...views.i32.subarray(list / 4, list / 4 + found)],
          rows.begin.flatMap((began, row) => {
            const ended = rows.end[row] as number
            return began > beginAfter && began <= beginTo && ended > endAfter && ended <= endTo ? [100 + row] : []
          })
        )
        t.true(placer.isWhole)
      })
    )
  })

  test(`${name}: rows of sorted versions that are new, with those before them, and those that are gone`, (t) => {
    // Versions of a key, one behind the other in time: when the first begins, then how long each is there, and nothing is in between.
    const spans = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 7 })
    const keys = fc.array(fc.record({ since: fc.integer({ min: -500, max: 2000 }), spans, lives: fc.boolean() }), { maxLength: 30 })
    const point = fc.integer({ min: 0, max: 2000 })
    fc.assert(
      fc.property(keys, point, point, fc.integer({ min: 1, max: 40 }), (versions, one, other, pieceRows) => {
        const [earlier, later] = [Math.min(one, other), Math.max(one, other)]
        const rows = versions.flatMap(({ since, spans: lengths, lives }, ordinal) => {
          const times = lengths.map((_, at) => since + lengths.slice(0, at).reduce((sum, length) => sum + length, 0))
          const of = times.flatMap((begin, at) => (at % 2 === 0 ? [{ ordinal, begin, end: begin + (lengths[at] as number) }] : []))
          return of.map((row, at) => (lives && at === of.length - 1 ? { ...row, end: 0x7fff_ffff } : row))
        })
        const placer = new Placer()
        const words = (values: readonly number[]): number => {
          const at = placer.bytes(Math.max(4, values.length * 4), 4)
          views.i32.set(values, at / 4)
          return at
        }
        const place = { begin: words(rows.map(({ begin }) => begin)), end: words(rows.map(({ end }) => end)) }
        const ordinals = words(rows.map(({ ordinal }) => ordinal))
        const out = placer.bytes(pieceRows * 12 + 12, 4)
        const pairs: (readonly [number, number])[] = []
        const gone: number[] = []
        let waiting = -1
        let paired = 0
        for (let from = 0; from < rows.length; from += pieceRows) {
          const count = Math.min(pieceRows, rows.length - from)
          const piece = { begin: place.begin + from * 4, end: place.end + from * 4, ordinals, rows: count }
          const news = kernels.pairVersions(piece, earlier, later, from, out, waiting)
          const listed = [...views.i32.subarray(out / 4, out / 4 + 3 * count + 3)]
          for (let at = 0; at < news; at++) pairs.push([listed[at] as number, listed[count + at] as number])
          gone.push(...listed.slice(2 * count, 2 * count + (listed[3 * count + 1] as number)))
          waiting = listed[3 * count] as number
          paired += listed[3 * count + 2] as number
        }
        if (waiting >= 0) gone.push(waiting)
        const rowAt = (ordinal: number, at: number) => rows.findIndex((row) => row.ordinal === ordinal && row.begin <= at && row.end > at)
        const changed = versions.map((_, ordinal) => [rowAt(ordinal, earlier), rowAt(ordinal, later)] as const).filter(([a, b]) => a !== b)
        t.deepEqual(
          pairs,
          changed.filter(([, after]) => after >= 0).map(([before, after]) => [after, before] as const)
        )
        t.is(paired, pairs.filter(([, before]) => before >= 0).length)
        t.deepEqual(
          gone,
          changed.filter(([, after]) => after < 0).map(([before]) => before)
        )
        t.true(placer.isWhole)
      })
    )
  })

  for (const encoding of ['i32', 'f64'] as const) {
    test(`${name}: rows are listed whose ${encoding} value is at or beyond a limit`, (t) => {
      const columns = rowCount.chain((rows) => fc.tuple(rowsOf(rows), columnOf(valueOf[encoding], rows)))
      const limit = fc.oneof(valueOf.i32, valueOf.f64, fc.constantFrom(-Infinity, Infinity, 2 ** 31, -(2 ** 31) - 0.5))
      fc.assert(
        fc.property(columns, limit, fc.constantFrom('ascending' as const, 'descending' as const), ([rows, column], bound, order) => {
          const placer = new Placer()
          const placed = placeRows(placer, rows)
          const cells = placer.column(encoding, column)
          const list = placer.bytes(placed.rows * 4, 4)
          const count = kernels.rowsBeyond(placed, cells, bound, order, 7, list)
          const isBeyond = (value: number) => (order === 'descending' ? value >= bound : value <= bound)
          t.deepEqual(
            [...views.i32.subarray(list / 4, list / 4 + count)],
            column.values.flatMap((value, row) => (isBeyond(value) && isPlain(column, row) && isSelected(rows, row) ? [7 + row] : []))
          )
          t.true(placer.isWhole)
        })
      )
    })
  }

  for (const encoding of ['i32', 'f64'] as const) {
    test(`${name}: rows are listed whose ${encoding} value lies in a range`, (t) => {
      const columns = rowCount.chain((rows) => fc.tuple(rowsOf(rows), columnOf(valueOf[encoding], rows)))
      const limit = fc.oneof(valueOf.i32, valueOf.f64, fc.constantFrom(-Infinity, Infinity, 2 ** 31, -(2 ** 31) - 0.5))
      fc.assert(
        fc.property(columns, limit, limit, ([rows, column], low, high) => {
          const placer = new Placer()
          const placed = placeRows(placer, rows)
          const cells = placer.column(encoding, column)
          const list = placer.bytes(placed.rows * 4, 4)
          const count = kernels.rowsBetween(placed, cells, low, high, 7, list)
          const isWithin = (value: number) => value >= low && value <= high
          t.deepEqual(
            [...views.i32.subarray(list / 4, list / 4 + count)],
            column.values.flatMap((value, row) => (isWithin(value) && isPlain(column, row) && isSelected(rows, row) ? [7 + row] : []))
          )
          t.true(placer.isWhole)
        })
      )
    })
  }

  for (const encoding of encodings) {
    test(`${name}: ${encoding} values are compared with any constant, and NULL stays NULL`, (t) => {
      const columns = rowCount.chain((rows) => columnOf(valueOf[encoding], rows))
      const beyond = fc.constantFrom(
        -1,
        -0.5,
        0.5,
        254.5,
        255,
        255.5,
        256,
        65_535,
        65_536,
        2 ** 31 - 1,
        2 ** 31,
        -(2 ** 31),
        -(2 ** 31) - 1
      )
      const comparison = fc.constantFrom(...(Object.keys(comparisons) as Comparison[]))
      fc.assert(
        fc.property(columns, comparison, fc.oneof(valueOf[encoding], beyond, fc.nat(500)), (column, how, other) => {
          // Often one of the column's own values.
          const constant = Number.isInteger(other) && other >= 0 && other < column.values.length ? (column.values[other] as number) : other
          const placer = new Placer()
          const count = column.values.length
          const placed = placer.column(encoding, column)
          const out = placer.bytes(count, 1)
          kernels.compare(count, placed, how, constant, out)
          const expected = column.values.map((value, row) => (!isPlain(column, row) ? 1 : comparisons[how](value, constant) ? 2 : 0))
          t.deepEqual(bytesAt(out, count), expected)
          t.true(placer.isWhole)
        })
      )
    })
  }

  for (const encoding of ['u8', 'u16'] as const) {
    test(`${name}: ${encoding} codes are found in a set`, (t) => {
      const columns = rowCount.chain((rows) => columnOf(valueOf[encoding], rows))
      fc.assert(
        fc.property(columns, fc.uint8Array({ minLength: 8192, maxLength: 8192, size: 'max' }), (column, set) => {
          const placer = new Placer()
          const count = column.values.length
          const placed = placer.column(encoding, column)
          const setAt = placer.put('u8', set)
          const out = placer.bytes(count, 1)
          kernels.codeIn(count, placed, setAt, out)
          const isIn = (code: number) => (((set[code >> 3] as number) >> (code & 7)) & 1) === 1
          const expected = column.values.map((code, row) => (!isPlain(column, row) ? 1 : isIn(code) ? 2 : 0))
          t.deepEqual(bytesAt(out, count), expected)
          t.true(placer.isWhole)
        }),
        { numRuns: 40 }
      )
    })
  }

  test(`${name}: AND, OR and NOT have three values, in place too`, (t) => {
    const masks = rowCount.chain((rows) => fc.tuple(maskOf(rows), maskOf(rows)))
    const and = (a: number, b: number) => (a === 0 || b === 0 ? 0 : a === 1 || b === 1 ? 1 : 2)
    const or = (a: number, b: number) => (a === 2 || b === 2 ? 2 : a === 1 || b === 1 ? 1 : 0)
    fc.assert(
      fc.property(masks, ([a, b]) => {
        const placer = new Placer()
        const [one, other] = [placer.put('u8', a), placer.put('u8', b)]
        const out = placer.bytes(a.length, 1)
        kernels.and(a.length, one, other, out)
        const both = a.map((byte, row) => and(byte, b[row] as number))
        t.deepEqual(bytesAt(out, a.length), both)
        kernels.or(a.length, out, one, out)
        const either = both.map((byte, row) => or(byte, a[row] as number))
        t.deepEqual(bytesAt(out, a.length), either)
        kernels.not(a.length, out, out)
        t.deepEqual(
          bytesAt(out, a.length),
          either.map((byte) => (byte === 0 ? 2 : byte === 1 ? 1 : 0))
        )
        t.true(placer.isWhole)
      })
    )
  })
}
