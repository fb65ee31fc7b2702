/** SELECT over a source in memory, and the commands of the other statements. */
import test from 'ava'
import { DriftError } from '../../src/base/errors.js'
import { type Document } from '../../src/codec/value.js'
import { type Select } from '../../src/query/ast.js'
import { commandsOf, type Command } from '../../src/query/command.js'
import { type Parameters } from '../../src/query/parameters.js'
import { parse } from '../../src/query/parse.js'
import { type PointInTime } from '../../src/query/point-in-time.js'
import { type QuerySource } from '../../src/query/query-source.js'
import { objectsOf, pointOf, runSelect, runSelectAt } from '../../src/query/run-statement.js'

const orders: readonly Document[] = [
  { id: 'o1', status: 'paid', amount: 100, customer: { id: 'c1' } },
  { id: 'o2', status: 'open', amount: 1n, customer: { id: 'c2', vip: null } },
  { id: 'o3', status: 'paid', note: null },
  { id: 7, status: 'paid', amount: '100' }
]

/** A source that says what it was asked. */
function sourceOf(documents: readonly Document[]): { source: QuerySource; asked: string[] } {
  const asked: string[] = []
  const source: QuerySource = {
    primaryKey(table) {
      if (table !== 'orders') throw new DriftError('UNKNOWN_TABLE', `no table ${table}`, { table })
      return 'id'
    },
    get(table, key) {
      asked.push(`get ${table} ${typeof key} ${key}`)
      return documents.find((document) => document['id'] === key)
    },
    *scan(table, range) {
      asked.push(`scan ${table} ${JSON.stringify(range)}`)
      yield* documents
    }
  }
  return { source, asked }
}

function selectOf(text: string): Select {
  const [statement] = parse(text, 'drift')
  if (statement?.kind !== 'select') throw new Error(`no SELECT: ${text}`)
  return statement
}

function run(text: string, parameters: Parameters = []): { rows: Document[]; columns: unknown; asked: string[] } {
  const { source, asked } = sourceOf(orders)
  const result = runSelect(selectOf(text), source, parameters)
  return { rows: [...objectsOf(result)], columns: result.columns, asked }
}

function commands(text: string, parameters: Parameters = []): Command[] {
  return parse(text, 'drift').flatMap((statement) => (statement.kind === 'select' ? [] : commandsOf(statement, parameters)))
}

test('SELECT * gives the documents as they are', (t) => {
  t.deepEqual(run('SELECT * FROM orders').rows, [...orders])
  t.deepEqual(run('SELECT * FROM orders LIMIT 2').rows, orders.slice(0, 2))
})

test('a named column is always there, null where there is no value, and named by the end of its path', (t) => {
  const { rows, columns } = run('SELECT id, customer.id, note FROM orders LIMIT 3')
  t.deepEqual(columns, [
    { name: 'id', nullable: false },
    { name: 'id', nullable: true },
    { name: 'note', nullable: true }
  ])
  t.deepEqual(run('SELECT customer.id, nothing FROM orders').rows, [
    { id: 'c1', nothing: null },
    { id: 'c2', nothing: null },
    { id: null, nothing: null },
    { id: null, nothing: null }
  ])
  t.is(rows.length, 3)
})

test('WHERE compares by class and value, and a field that no document has is NULL', (t) => {
  const ids = (text: string, parameters: Parameters = []): unknown[] => run(text, parameters).rows.map((row) => row['id'])
  t.deepEqual(ids('SELECT * FROM orders WHERE status="paid"'), ['o1', 'o3', 7])
  t.deepEqual(ids('SELECT id FROM orders WHERE amount = 1.0'), ['o2'])
  t.deepEqual(ids('SELECT id FROM orders WHERE amount = 100'), ['o1'])
  t.deepEqual(ids("SELECT id FROM orders WHERE amount = '100'"), [7])
  t.deepEqual(ids('SELECT id FROM orders WHERE customer.id = :c AND status = :s', { c: 'c1', s: 'paid' }), ['o1'])
  t.deepEqual(ids('SELECT id FROM orders WHERE customer = {"id": "c1"}'), ['o1'])
  t.deepEqual(ids('SELECT id FROM orders WHERE nothing = 1'), [])
  t.deepEqual(ids('SELECT id FROM orders WHERE note = null'), [])
  t.deepEqual(ids('SELECT id FROM orders WHERE note = note'), [])
  t.deepEqual(ids('SELECT id FROM orders WHERE status = status LIMIT ?', [1]), ['o1'])
})

test('equality with a legal key reads by key, and the other comparisons still count', (t) => {
  const found = run('SELECT * FROM orders WHERE status = "paid" AND id = $1', ['o1'])
  t.deepEqual(found.asked, ['get orders string o1'])
  t.deepEqual(found.rows, [orders[0]])
  t.deepEqual(run('SELECT * FROM orders WHERE id = "o1" AND status = "open"').rows, [])
  t.deepEqual(run('SELECT * FROM orders WHERE id = 7').asked, ['get orders number 7'])
  t.deepEqual(run('SELECT * FROM orders WHERE id = "7"').rows, [])
  t.deepEqual(run('SELECT * FROM orders WHERE id = "o1" AND id = "o2"').rows, [])
})

test('what cannot be a key is compared row by row and finds nothing', (t) => {
  for (const value of [null, undefined, ['o1'], { id: 'o1' }, Number.NaN, Infinity, 2n ** 64n, '\ud800', 'x'.repeat(2000), new Date(0)]) {
    const found = run('SELECT * FROM orders WHERE id = $1', [value])
    t.deepEqual(found.asked, ['scan orders {}'])
    t.deepEqual(found.rows, [])
  }
  t.deepEqual(run('SELECT * FROM orders WHERE id = status').asked, ['scan orders {}'])
  t.deepEqual(run('SELECT * FROM orders WHERE customer.id = "c1"').asked, ['scan orders {}'])
  t.deepEqual(run('SELECT * FROM orders WHERE id.part = "o1"').asked, ['scan orders {}'])
})

test('nothing is read before the first row is pulled, and nothing at all for LIMIT 0', (t) => {
  const { source, asked } = sourceOf(orders)
  const result = runSelect(selectOf('SELECT * FROM orders'), source, [])
  t.deepEqual(asked, [])
  t.is([...objectsOf(result)].length, 4)
  t.deepEqual(run('SELECT * FROM orders LIMIT 0').asked, [])
})

test('an unknown table, a missing parameter and a bad LIMIT are errors before the first row', (t) => {
  const code = (text: string, parameters: Parameters = []): string | undefined =>
    t.throws(() => runSelect(selectOf(text), sourceOf(orders).source, parameters), { instanceOf: DriftError })?.code
  t.is(code('SELECT * FROM nowhere'), 'DRIFT_UNKNOWN_TABLE')
  t.is(code('SELECT * FROM orders WHERE a = $2', ['x']), 'DRIFT_INVALID_ARGUMENT')
  t.is(code('SELECT * FROM orders WHERE a = :toString', {}), 'DRIFT_INVALID_ARGUMENT')
  t.is(code('SELECT * FROM orders WHERE a = :a', ['x']), 'DRIFT_INVALID_ARGUMENT')
  for (const bad of [-1, 1.5, '3', null, Number.NaN]) t.is(code('SELECT * FROM orders LIMIT $1', [bad]), 'DRIFT_INVALID_ARGUMENT')
  t.is(run('SELECT * FROM orders LIMIT 18446744073709551615').rows.length, 4)
})

test('AS OF chooses the source, from the text or a parameter', (t) => {
  const seen: (PointInTime | undefined)[] = []
  const sourceAt = (point: PointInTime | undefined): QuerySource => {
    seen.push(point)
    return sourceOf([]).source
  }
  const ask = (text: string, parameters: Parameters = []): unknown => {
    runSelectAt(selectOf(text), sourceAt, parameters)
    return seen.at(-1)
  }
  t.is(ask('SELECT * FROM orders'), undefined)
  t.deepEqual(ask('SELECT * FROM orders AS OF @seq:3'), { kind: 'seq', seq: 3 })
  t.deepEqual(ask('SELECT * FROM orders AS OF $1', [3]), { kind: 'seq', seq: 3 })
  t.deepEqual(ask('SELECT * FROM orders AS OF $1', [3n]), { kind: 'seq', seq: 3 })
  t.deepEqual(ask('SELECT * FROM orders AS OF $1', ['@now - 1 day']), { kind: 'now', offsetMs: -86_400_000 })
  t.deepEqual(ask('SELECT * FROM orders AS OF $1', [new Date(5)]), { kind: 'time', time: 5 })
  for (const bad of [-1, 1.5, true, null, new Date(Number.NaN), 'soon', {}, 2n ** 60n]) {
    const error = t.throws(() => pointOf(selectOf('SELECT * FROM orders AS OF $1'), [bad]), { instanceOf: DriftError })
    t.is(error?.code, 'DRIFT_INVALID_ARGUMENT')
  }
})

test('writes are commands of the shape of a batch, one for each document', (t) => {
  t.deepEqual(commands('INSERT INTO t {"id": 1}, [{"id": 2}, {"id": 9007199254740993}], $1, $2', [{ id: 3 }, [{ id: 4 }]]), [
    { insert: 't', document: { id: 1 } },
    { insert: 't', document: { id: 2 } },
    { insert: 't', document: { id: 9007199254740993n } },
    { insert: 't', document: { id: 3 } },
    { insert: 't', document: { id: 4 } }
  ])
  t.deepEqual(commands('UPSERT INTO t {"id": 1}'), [{ upsert: 't', document: { id: 1 } }])
  t.deepEqual(commands('PATCH t KEY "k" SET {"a": null}; SOFT DELETE FROM t KEY true; SHOW DRIFT t KEY 5'), [
    { patch: 't', key: 'k', set: { a: null } },
    { softDelete: 't', key: true },
    { showDrift: { table: 't', key: 5 } }
  ])
  t.deepEqual(commands('PATCH t KEY :key SET :set', { key: 'k', set: { a: 1 } }), [{ patch: 't', key: 'k', set: { a: 1 } }])
})

test('CREATE TABLE is a definition', (t) => {
  t.deepEqual(commands('CREATE TABLE t (pk=id, INDEX(a, b), INDEX((a, b))) IF NOT EXISTS'), [
    { createTable: { name: 't', primaryKey: 'id', indexes: [['a'], ['b'], ['a', 'b']], ifNotExists: true } }
  ])
})

test('each execution of a cached statement has documents of its own', (t) => {
  const [statement] = parse('INSERT INTO t {"id": 1}', 'drift')
  if (statement?.kind !== 'insert') return t.fail()
  const [one] = commandsOf(statement, [])
  const [two] = commandsOf(statement, [])
  t.deepEqual(one, two)
  t.not(one && 'document' in one ? one.document : 1, two && 'document' in two ? two.document : 2)
})

test('a document or a patch that is no object is INVALID_DOCUMENT', (t) => {
  for (const value of [null, 1, 'text', [[]], new Date(0), new Uint8Array(1)]) {
    for (const text of ['INSERT INTO t $1', 'UPSERT INTO t $1', 'PATCH t KEY 1 SET $1']) {
      t.is(t.throws(() => commands(text, [value]), { instanceOf: DriftError })?.code, 'DRIFT_INVALID_DOCUMENT')
    }
  }
  t.is(t.throws(() => commands('PATCH t KEY 1 SET [{}]'), { instanceOf: DriftError })?.code, 'DRIFT_INVALID_DOCUMENT')
})

test('the statements that are not executed yet are NOT_SUPPORTED by name', (t) => {
  const texts = { BEGIN: 'BEGIN', COMMIT: 'COMMIT', 'ALTER TABLE': 'ALTER TABLE t DROP COLUMN c', 'CREATE INDEX': 'CREATE INDEX ON t(c)' }
  const more = { SNAPSHOT: 'SNAPSHOT t', COMPACT: 'COMPACT t', BACKUP: "BACKUP TO 'x'", ANALYZE: 'ANALYZE TABLE t', ROLLBACK: 'ROLLBACK' }
  for (const [statement, text] of Object.entries({ ...texts, ...more })) {
    const error = t.throws(() => commands(text), { instanceOf: DriftError })
    t.is(error?.code, 'DRIFT_NOT_SUPPORTED')
    t.deepEqual(error?.details, { statement })
    t.true(error?.message.startsWith(statement))
  }
})
