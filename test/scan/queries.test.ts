/** Queries over pages answer as the row engine does over the documents, whatever is asked and however the pages lie. */
import test from 'ava'
import fc from 'fast-check'
import { isDeepStrictEqual } from 'node:util'
import { change, key } from '../page/_model.js'
import { answerOf, kinds, ScannedTable } from './_source.js'
import { statement } from './_statements.js'

const RUNS = process.env['FULL'] === '1' ? 2000 : 60

/** An event of a random key: most change rows that are there. */
const event = fc.record({ key, change, kind: fc.constantFrom('put', 'put', 'patch', 'patch', 'delete'), skip: fc.constantFrom(1, 1, 2, 9) })

test('random statements give the same rows with pages and without', (t) => {
  fc.assert(
    fc.property(
      fc.integer({ min: 4, max: 64 }),
      fc.array(event, { minLength: 1, maxLength: 150 }),
      fc.array(statement, { minLength: 4, maxLength: 12 }),
      fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 3 }),
      (pageRows, events, statements, points) => {
        const table = new ScannedTable({ pageRows })
        const { model } = table
        for (const { key: id, change: fields, kind, skip } of events) {
          const row = model.rowOf(id)
          const isThere = model.documentOf(row) !== undefined
          if (!isThere || kind === 'put') model.insert({ id, ...fields }, skip)
          else if (kind === 'delete') model.delete(row, skip)
          else model.patch(row, fields, skip)
        }
        for (const part of [1, ...points]) {
          const S = Math.floor(part * model.seq)
          for (const { text, parameters } of statements) {
            const expected = answerOf(text, parameters, table.sourceAt(S))
            kinds.forEach(([name], kind) => {
              const found = answerOf(text, parameters, table.sourceAt(S, kind))
              if (isDeepStrictEqual(found, expected)) return
              t.deepEqual(found, expected, `${text} at ${S} of ${model.seq} with ${name} kernels`)
              throw new Error(`${text} at ${S}: not the same`)
            })
          }
        }
      }
    ),
    { numRuns: RUNS }
  )
  t.pass()
})
