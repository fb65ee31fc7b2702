/** The first rows of an order: one tile after the other, where not all may be held at once, gives what all together give. */
import test from 'ava'
import { type RowBatch } from '../../src/scan/scan-rows.js'
import { type RowOrder, topRows } from '../../src/scan/top-rows.js'
import { Ledger } from '../runtime/_ledger.js'

const plain = (batches: Iterable<RowBatch>) =>
  [...batches].flatMap(({ rowCount, columns }) =>
    Array.from({ length: rowCount }, (_, row) => columns.map(({ values, nulls }) => (nulls[row] === 1 ? null : values[row])))
  )

test('the first rows of an order are the same with all tiles held and with one after the other', (t) => {
  const ledger = new Ledger()
  ledger.write(20_000)
  const query = { fields: ['id', 'amount', 'share'], documents: 'drop' } as const
  const kinds = new Set<string>()
  for (let round = 0; round < 60; round++) {
    const S = round === 0 ? ledger.seq : 1 + ((round * 7919) % ledger.seq)
    const pages = ledger.pagesAt(S)
    const tiles = pages.tiles()
    const where = round % 3 === 0 ? ({ kind: 'compare', field: 'city', operator: '<', value: 'Lyon' } as const) : undefined
    const order: RowOrder = {
      field: round % 2 === 0 ? 'amount' : 'share',
      descending: round % 4 < 2,
      nullsFirst: round % 5 === 0,
      count: 1 + ((round * 13) % 40)
    }
    let looked = 0
    const held = topRows({ table: pages.table, S, heldMax: Infinity }, tiles, { ...query, where }, order)
    const passing = topRows({ table: pages.table, S, heldMax: -1 }, tiles, { ...query, where }, order, {
      looked: (rows) => (looked += rows)
    })
    t.is(held === undefined, passing === undefined)
    const expected = plain(held ?? [])
    t.deepEqual(plain(passing ?? []), expected)
    if (held === undefined) continue
    t.true(looked > 0)
    kinds.add(expected.length === order.count ? 'full' : 'less')
    const at = query.fields.indexOf(order.field as 'amount')
    const values = expected.map((row) => row[at])
    if (values.some((value) => value === null)) kinds.add('nulls')
    pages.release()
  }
  t.true(kinds.has('full'))
})
