/** Random tables: events over few keys, on pages of a random size. */
import fc from 'fast-check'
import { change, key } from '../page/_model.js'
import { ScannedTable } from './_source.js'

/** An event of a random key: most change rows that are there. */
const event = fc.record({ key, change, kind: fc.constantFrom('put', 'put', 'patch', 'patch', 'delete'), skip: fc.constantFrom(1, 1, 2, 9) })

export const history = fc.tuple(fc.integer({ min: 4, max: 64 }), fc.array(event, { minLength: 1, maxLength: 150 }))

type History = typeof history extends fc.Arbitrary<infer Made> ? Made : never

export function tableOf([pageRows, events]: History): ScannedTable {
  const table = new ScannedTable({ pageRows })
  const { model } = table
  for (const { key: id, change: fields, kind, skip } of events) {
    const row = model.rowOf(id)
    const isThere = model.documentOf(row) !== undefined
    if (!isThere || kind === 'put') model.insert({ id, ...fields }, skip)
    else if (kind === 'delete') model.delete(row, skip)
    else model.patch(row, fields, skip)
  }
  return table
}

/** Parts of a history, for points in it. */
export const parts = (max: number) => fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: max })
