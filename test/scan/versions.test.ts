/** FOR SYSTEM_TIME FROM, BETWEEN and ALL over pages have each version once, whatever is asked of them and however the pages lie. */
import test from 'ava'
import fc from 'fast-check'
import { inspect, isDeepStrictEqual } from 'node:util'
import { history, parts, tableOf } from './_events.js'
import { answerOf, kinds } from './_source.js'

const RUNS = process.env['FULL'] === '1' ? 2000 : 80

const range = fc.constantFrom('ALL', 'FROM $1 TO $2', 'BETWEEN $1 AND $2')
const asked = fc.constantFrom(
  ['count(*) AS n', ''],
  ['count(*) AS n, count(a) AS a, sum(a) AS s, avg(b) AS m, min(c) AS low, max(c) AS high', ''],
  ['count(*) AS n, sum(a) AS s', 'WHERE b > 3'],
  ['a, count(*) AS n, sum(b) AS s', 'GROUP BY a'],
  ['b, c, count(*) AS n', 'WHERE a IS NOT NULL GROUP BY b, c'],
  ['min(id) AS low, max(id) AS high, sum(id) AS s, count(nothing) AS n', ''],
  ['count(*) AS n', "WHERE id >= 1 AND id < 'x'"],
  ['_seq, count(*) AS n', 'GROUP BY _seq'],
  ['count(_to) AS n', 'WHERE _from_seq > 3'],
  ['id, a, _seq, _to_seq', 'WHERE a = 1'],
  ['id, b', 'ORDER BY id DESC LIMIT 30'],
  ['id, _from, _to, _from_seq, _to_seq, _seq, a, b.c', ''],
  ['_seq, d, nothing', 'ORDER BY id DESC'],
  ['_seq, b', "WHERE id > 0 AND id < 'x' ORDER BY _seq DESC LIMIT 9"],
  ['*', ''],
  ['_event, _document', 'WHERE _seq > 5']
)

test('random questions about versions are answered as a list of all versions does', (t) => {
  let rows = 0
  let ofPages = 0
  fc.assert(
    fc.property(history, fc.array(fc.tuple(range, asked), { minLength: 2, maxLength: 6 }), parts(4), (events, statements, points) => {
      const table = tableOf(events)
      const { seq } = table.model
      const seqs = [...new Set([0, ...points.map((part) => Math.floor(part * seq)), seq])]
      for (const a of seqs) {
        for (const b of seqs) {
          for (const [which, [items, rest]] of statements) {
            // Read at an earlier point too.
            const S = seqs[seqs.length - 1 - ((a + b) % 2)] as number
            const text = `SELECT ${items} FROM t FOR SYSTEM_TIME ${which} ${rest}`
            const parameters = which === 'ALL' ? [] : [a, b]
            const expected = answerOf(text, parameters, table.sourceAt(S))
            if (typeof expected !== 'string') rows += expected.length
            kinds.forEach(([name], kind) => {
              const before = table.rowScans
              const found = answerOf(text, parameters, table.sourceAt(S, kind))
              if (table.rowScans === before) ofPages++
              if (isDeepStrictEqual(found, expected)) return
              const where = `of ${a} and ${b} at ${S} with ${name} kernels`
              throw new Error(`${text} ${where}: ${inspect(found)}, not ${inspect(expected)}`)
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
