/** Queries over pages answer as the row engine does over the documents, whatever is asked and however the pages lie. */
import test from 'ava'
import fc from 'fast-check'
import { inspect, isDeepStrictEqual } from 'node:util'
import { history, parts, tableOf } from './_events.js'
import { answerOf, kinds } from './_source.js'
import { statement } from './_statements.js'

const RUNS = process.env['FULL'] === '1' ? 2000 : 60

test('random statements give the same rows with pages and without', (t) => {
  fc.assert(
    fc.property(history, fc.array(statement, { minLength: 4, maxLength: 12 }), parts(3), (events, statements, points) => {
      const table = tableOf(events)
      const { seq } = table.model
      for (const part of [1, ...points]) {
        const S = Math.floor(part * seq)
        for (const { text, parameters } of statements) {
          const expected = answerOf(text, parameters, table.sourceAt(S))
          kinds.forEach(([name], kind) => {
            const found = answerOf(text, parameters, table.sourceAt(S, kind))
            if (isDeepStrictEqual(found, expected)) return
            const what = `${text} with ${inspect(parameters)} at ${S} of ${seq} with ${name} kernels`
            throw new Error(`${what}: ${inspect(found)}, not ${inspect(expected)}`)
          })
        }
      }
    }),
    { numRuns: RUNS }
  )
  t.pass()
})
