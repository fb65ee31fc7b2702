import test from 'ava'
import { type Document, DriftError, open } from '../../src/index.js'

const KEYS = [
  'a',
  'é',
  '',
  'x'.repeat(300),
  1,
  1.5,
  -0,
  true,
  2n ** 60n,
  null,
  undefined,
  [1],
  { a: 1 },
  new Date(0),
  '\uD800',
  'x'.repeat(2000),
  Number.NaN
]
const TEXTS = [
  'SELECT * FROM t WHERE id = ?',
  'SELECT * FROM t WHERE n = ?',
  'SELECT * FROM nothing WHERE id = ?',
  'SELECT * FROM drift.commits WHERE seq = ?'
]

test('a row that is found at once is what the query finds: rows, columns, errors, whatever the key', async (t) => {
  const db = await open(':memory:')
  await db.createTable('t', { primaryKey: 'id' })
  for (const id of KEYS.slice(0, 9)) await db.table('t').insert({ id, n: id, text: 'x' } as Document)
  await db.table('t').softDelete('é')
  for (const text of TEXTS) {
    for (const key of KEYS) {
      const outcome = async (options: object): Promise<unknown> => {
        try {
          const { rows, columns, rowCount, command, commit, notices, stats } = await db.query(text, [key], options)
          return { rows, columns, rowCount, command, commit, notices, scanned: stats.rowsScanned }
        } catch (thrown) {
          return thrown instanceof DriftError ? [thrown.code, thrown.message] : thrown
        }
      }
      const whole = await outcome({ memoryBytes: 1024 * 1024 })
      for (let turn = 0; turn < 3; turn++) t.deepEqual(await outcome({}), whole, `${text}, key ${KEYS.indexOf(key)}`)
    }
  }
  await db.close()
})

test('a row that is found at once is that of now, of the session, and of a database that is open', async (t) => {
  const db = await open(':memory:')
  await db.createTable('t', { primaryKey: 'id' })
  await db.table('t').insert({ id: 1, n: 0 })
  const text = 'SELECT * FROM t WHERE id = 1'
  const prepared = db.prepare<[], { n: number; m?: number }>(text)
  for (let n = 1; n < 20; n++) {
    await db.table('t').patch(1, n < 10 ? { n } : { n, m: n })
    const { rows, columns } = await db.query<{ n: number }>(text)
    t.is(rows[0]?.n, n)
    t.is((await prepared.first([]))?.n, n)
    t.is((await prepared.all([]))[0]?.n, n)
    t.deepEqual(
      columns.map(({ name }) => name),
      n < 10 ? ['id', 'n'] : ['id', 'n', 'm']
    )
  }
  const session = db.session()
  await session.query("SET drift.as_of = '@seq:5'")
  t.is((await session.query<{ n: number }>(text)).rows[0]?.n, 3)
  await session.query('RESET drift.as_of')
  await session.query('BEGIN')
  await session.query('UPDATE t SET n = 100')
  t.is((await session.query<{ n: number }>(text)).rows[0]?.n, 100)
  t.is((await db.query<{ n: number }>(text)).rows[0]?.n, 19)
  await session.query('ROLLBACK')
  const { rows } = await db.query<{ uses: number }>('SELECT uses FROM drift.plans WHERE text = ?', [text])
  t.true(Number(rows[0]?.uses) >= 19)
  await db.close()
  await t.throwsAsync(async () => db.query(text), { code: 'DRIFT_CLOSED' })
})
