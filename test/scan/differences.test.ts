/** DIFF over pages is what a fold of all versions says, whatever of it is asked and however the pages lie. */
import test from 'ava'
import fc from 'fast-check'
import { inspect, isDeepStrictEqual } from 'node:util'
import { history, parts, tableOf } from './_events.js'
import { answerOf, kinds } from './_source.js'

const RUNS = process.env['FULL'] === '1' ? 2000 : 80

const DIFF = 'DIFF(t, $1, $2)'
const statement = fc.constantFrom(
  `SELECT * FROM ${DIFF}`,
  `SELECT * FROM ${DIFF} ORDER BY _key DESC`,
  `SELECT _key, _change, _seq FROM ${DIFF}`,
  `SELECT _change, count(*) AS n FROM ${DIFF} GROUP BY _change`,
  `SELECT count(*) AS n, count(_seq) AS m FROM ${DIFF}`,
  `SELECT _change, count(after) AS n, min(_seq) AS s FROM ${DIFF} GROUP BY _change`,
  `SELECT _key, before.a, after.a, after.b.c, before.nothing, other FROM ${DIFF}`,
  `SELECT after, _seq FROM ${DIFF} WHERE _change <> 'insert' ORDER BY _seq DESC`,
  `SELECT before FROM ${DIFF} WHERE _change <> 'insert'`,
  `SELECT changed, changed[0] FROM ${DIFF}`,
  `SELECT _key, after.d FROM ${DIFF} WHERE _key > 2 AND _key < 'x' LIMIT 40`,
  `SELECT _key FROM ${DIFF} ORDER BY _key DESC LIMIT 3`,
  `SELECT count(*) AS n FROM ${DIFF} WHERE _key >= 1`
)

test('random differences are those of a fold of all versions, both ways', (t) => {
  let rows = 0
  let ofPages = 0
  fc.assert(
    fc.property(history, fc.array(statement, { minLength: 2, maxLength: 5 }), parts(4), (events, statements, points) => {
      const table = tableOf(events)
      const { seq } = table.model
      const seqs = [...new Set([0, ...points.map((part) => Math.floor(part * seq)), seq])]
      for (const a of seqs) {
        for (const b of seqs) {
          for (const text of statements) {
            const expected = answerOf(text, [a, b], table.sourceAt(seq))
            if (typeof expected !== 'string') rows += expected.length
            kinds.forEach(([name], kind) => {
              const before = table.rowScans
              const found = answerOf(text, [a, b], table.sourceAt(seq, kind))
              if (table.rowScans === before && a !== b) ofPages++
              if (isDeepStrictEqual(found, expected)) return
              throw new Error(`${text} of ${a} and ${b} with ${name} kernels: ${inspect(found)}, not ${inspect(expected)}`)
            })
          }
        }
      }
    }),
    { numRuns: RUNS }
  )
  t.true(rows > RUNS)
  t.true(ofPages > RUNS, 'pages are asked')
})
