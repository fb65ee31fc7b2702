/** Pages of the default size, with texts that repeat, that are too many for a dictionary, and a few values of other classes. */
import test from 'ava'
import { isDeepStrictEqual } from 'node:util'
import { answerOf, kinds, ScannedTable } from './_source.js'
import { numbers } from '../page/_workload.js'

const states = ['new', 'paid', 'shipped', 'größe', 'cancelled']
const statements = [
  'SELECT COUNT(*), COUNT(tag), SUM(cents), AVG(cents), MIN(cents), MAX(cents), MIN(note), MAX(note), MIN(at), MAX(isOpen) FROM t',
  'SELECT SUM(part), AVG(part), SUM(huge), AVG(huge), COUNT(huge) FROM t',
  "SELECT COUNT(*), SUM(cents) FROM t WHERE state = 'paid' AND cents < 5000 OR tag IS NULL",
  'SELECT state, COUNT(*), SUM(cents), AVG(part) FROM t GROUP BY state',
  'SELECT state, tag, COUNT(*), COUNT(note), SUM(cents) FROM t GROUP BY state, tag',
  'SELECT isOpen, stock, COUNT(*), SUM(part) FROM t GROUP BY isOpen, stock',
  'SELECT stock, state, MIN(cents), MAX(at) FROM t WHERE isOpen GROUP BY stock, state',
  'SELECT note, COUNT(*) FROM t WHERE note < $1 GROUP BY note',
  'SELECT customer, COUNT(*), SUM(huge) FROM t GROUP BY customer',
  'SELECT * FROM t WHERE cents < 900',
  "SELECT id, note, at FROM t WHERE note LIKE 'note 1%' AND state <> 'new'",
  "SELECT id FROM t WHERE note IN ('note 7', 'note 70', $1) OR customer = 'customer 9'",
  'SELECT id, cents FROM t ORDER BY cents DESC NULLS LAST LIMIT 25',
  'SELECT id, stock FROM t ORDER BY stock LIMIT 40',
  'SELECT id, at FROM t WHERE isOpen ORDER BY at DESC LIMIT 10',
  'SELECT * FROM t ORDER BY id DESC LIMIT 300',
  "SELECT id, cents FROM t WHERE id >= 'k100' AND id < 'k400'",
  "SELECT COUNT(*), SUM(cents) FROM t WHERE id > 'k5'"
]

test('a table of some thousand rows with long histories answers as its documents do', (t) => {
  const table = new ScannedTable()
  const { model } = table
  const random = numbers(5)
  const any = (count: number) => Math.floor(random() * count)
  const change = () => ({ state: states[any(5)] as string, cents: any(100_000), note: `note ${any(9000)}` })
  for (let number = 0; number < 26_000; number++) {
    const id = `k${number < 7000 ? number : any(7000)}`
    const row = model.rowOf(id)
    if (model.documentOf(row) === undefined) {
      const odd = number % 701 === 0 ? { stock: 'none', huge: 2n ** 60n + BigInt(number) } : {}
      const tag = number % 5 === 0 ? {} : { tag: number % 3 === 0 ? null : `tag ${number % 40}` }
      const plain = {
        stock: any(12),
        huge: 2 ** 52 + number,
        part: random() * 100 - 20,
        isOpen: random() < 0.3,
        customer: `customer ${any(900)}`
      }
      model.insert({ id, ...change(), ...tag, ...plain, at: new Date(1_700_000_000_000 + number * 1000), ...odd })
    } else if (any(40) === 0) model.delete(row)
    else model.patch(row, any(3) === 0 ? change() : { cents: any(100_000), stock: any(12) })
  }
  for (const S of [model.seq, Math.floor(model.seq / 2), 5000]) {
    for (const text of statements) {
      const parameters = text.includes('$1') ? ['note 15'] : []
      const expected = answerOf(text, parameters, table.sourceAt(S))
      t.true(typeof expected !== 'string' && expected.length > 0, `${text} at ${S}: ${String(expected)}`)
      kinds.forEach(([name], kind) => {
        const found = answerOf(text, parameters, table.sourceAt(S, kind))
        if (!isDeepStrictEqual(found, expected)) t.deepEqual(found, expected, `${text} at ${S} with ${name} kernels`)
      })
    }
  }
  t.is(table.rowScans, 0, 'no statement was left to the rows')
})
