/** `db.query` and what stands beside it: verbs, parameters, integers, ends, writes that meet. */
import test from 'ava'
import { open, type Database, type Query } from '../../src/index.js'
import { refused } from './_temporary.js'

async function filled(rowCount = 3): Promise<Database> {
  const db = await open(':memory:')
  await db.createTable('t', { primaryKey: 'id' })
  await db.table('t').insertMany(Array.from({ length: rowCount }, (_, id) => ({ id, n: id * 2 })))
  return db
}

test('each verb gives the rows in its form, and columns are there before the first row', async (t) => {
  await using db = await filled()
  const text = 'SELECT id, n FROM t ORDER BY id DESC LIMIT 2'
  const query = db.query(text)
  t.deepEqual(
    (await query.columns).map(({ name, type, nullable }) => ({ name, type, nullable })),
    [
      { name: 'id', type: 'int8', nullable: false },
      { name: 'n', type: 'int8', nullable: true }
    ]
  )
  const { rows, rowCount, command, commit } = await query
  t.deepEqual(
    [rows, rowCount, command, commit],
    [
      [
        { id: 2, n: 4 },
        { id: 1, n: 2 }
      ],
      2,
      'SELECT',
      undefined
    ]
  )
  t.is((await query.all()).length, 2)
  t.deepEqual(await db.query(text).first(), { id: 2, n: 4 })
  t.is(await db.query(text).value(), 2)
  t.deepEqual(await db.query(text).arrays(), [
    [2, 4],
    [1, 2]
  ])
  t.is(await db.query('SELECT * FROM t WHERE id = 99').first(), undefined)
  t.is(await db.query('SELECT * FROM t WHERE id = 99').value(), undefined)
  const sizes: number[] = []
  for await (const batch of db.query('SELECT * FROM t').batches(2)) sizes.push(batch.length)
  t.deepEqual(sizes, [2, 1])
  let json = ''
  for await (const piece of db.query(text).json()) json += Buffer.from(piece).toString()
  t.is(json, '{"id":2,"n":4}\n{"id":1,"n":2}\n')
})

test('a query runs once: read a second time as a stream it is refused', async (t) => {
  await using db = await filled()
  const query = db.query('INSERT INTO t {"id": 7}')
  t.is((await query).commit?.count, 1)
  t.is((await query).commit?.count, 1)
  await refused(t, () => query.arrays(), 'DRIFT_INVALID_ARGUMENT')
  t.is(await db.query('SELECT COUNT(*) FROM t').value(), 4)
})

test('a query is one statement, exec takes several and ends with the first error', async (t) => {
  await using db = await filled()
  await refused(t, () => db.query('DELETE FROM t; DELETE FROM t').all(), 'DRIFT_INVALID_ARGUMENT')
  await refused(t, () => db.query('').all(), 'DRIFT_INVALID_ARGUMENT')
  const results = await db.exec('SELECT COUNT(*) AS n FROM t; INSERT INTO t {"id": 10}; SELECT COUNT(*) AS n FROM t')
  t.deepEqual(
    results.map(({ command, rows }) => [command, rows[0]?.['n']]),
    [
      ['SELECT', 3],
      ['INSERT', undefined],
      ['SELECT', 4]
    ]
  )
  await refused(t, () => db.exec('DELETE FROM t WHERE id = 10; INSERT INTO t {"id": 0}; DELETE FROM t'), 'DRIFT_ALREADY_EXISTS')
  t.is(await db.query('SELECT COUNT(*) FROM t').value(), 3)
})

test('early breaks and signals end a scan within a batch', async (t) => {
  await using db = await filled(20_000)
  const { stats } = await db.query('SELECT id FROM t LIMIT 3')
  t.true(stats.rowsScanned <= 64, String(stats.rowsScanned))
  for await (const row of db.query('SELECT * FROM t')) {
    t.is(row['id'], 0)
    break
  }
  const controller = new AbortController()
  let seen = 0
  await refused(
    t,
    async () => {
      for await (const _ of db.query('SELECT * FROM t', [], { signal: controller.signal })) if (++seen === 10) controller.abort()
    },
    'DRIFT_ABORTED'
  )
  t.true(seen <= 1024 && seen >= 10, String(seen))
  await refused(t, () => db.query('SELECT id FROM t ORDER BY n', [], { timeoutMs: 0 }).all(), 'DRIFT_TIMEOUT')
  await refused(t, () => db.query('SELECT n FROM t ORDER BY n', [], { memoryBytes: 10_000 }).all(), 'DRIFT_LIMIT')
})

test('a query that is open when the database closes ends with CLOSED, and later ones are refused', async (t) => {
  const db = await filled(5000)
  const rows = db.query('SELECT * FROM t')[Symbol.asyncIterator]()
  await rows.next()
  await db.close()
  await refused(
    t,
    async () => {
      for (let next = await rows.next(); next.done !== true; next = await rows.next());
    },
    'DRIFT_CLOSED'
  )
  await refused(t, () => db.query('SELECT 1').all(), 'DRIFT_CLOSED')
})

const EDGES = [
  -9223372036854775808n,
  18446744073709551615n,
  1.7976931348623157e308,
  0.1,
  1,
  'it\'s "}" \n 😀 \\',
  '"}"',
  [[{ a: [{}] }]]
] as const

test('edge values are exact as parameters, literals and keys, and in NDJSON', async (t) => {
  await using db = await filled(0)
  const literals = ['-9223372036854775808', '18446744073709551615', '1.7976931348623157e308', '0.1', '1.0']
  for (const [id, value] of EDGES.entries()) {
    await db.query('INSERT INTO t (id, v) VALUES ($1, $2)', [id, value])
    t.deepEqual(await db.query('SELECT v FROM t WHERE id = $1', [id]).value(), value)
    t.is(await db.query('SELECT COUNT(*) FROM t WHERE v = $1', [value]).value(), 1)
    const literal = literals[id] ?? (typeof value === 'string' ? JSON.stringify(value) : undefined)
    if (literal === undefined) continue
    t.is(await db.query(`SELECT id FROM t WHERE v = ${literal}`).value(), id, literal)
    await db.query(`INSERT INTO t {"id": ${id + 100}, "v": ${literal}}`)
    t.deepEqual(await db.query('SELECT v FROM t WHERE id = $1', [id + 100]).value(), value)
    if (id === 4) continue
    await db.query(`INSERT INTO t (id, v) VALUES ($1, 'key')`, [value])
    t.deepEqual(await db.query(`SELECT id FROM t WHERE id = ${literal}`).value(), value)
  }
  let json = ''
  for await (const piece of db.query('SELECT v FROM t WHERE id < 10 AND id >= 0 AND id <> 0.1').json())
    json += Buffer.from(piece).toString()
  const lines = json.split('\n')
  t.is(lines[0], '{"v":-9223372036854775808}')
  t.is(lines[1], '{"v":18446744073709551615}')
  t.is(lines[2], '{"v":1.7976931348623157e+308}')
  t.is((JSON.parse(lines[5] ?? '') as { v: string }).v, EDGES[5])
})

test('integers come back as asked', async (t) => {
  await using db = await filled(0)
  await db.query('INSERT INTO t {"id": 1, "big": 9007199254740993, "x": 0.5, "list": [2]}')
  const text = 'SELECT id, big, x, list FROM t'
  t.deepEqual(await db.query(text).arrays(), [[1, 9007199254740993n, 0.5, [2]]])
  t.deepEqual(await db.query(text, [], { integers: 'bigint' }).arrays(), [[1n, 9007199254740993n, 0.5, [2n]]])
  t.deepEqual(await db.query(text, [], { integers: 'string' }).arrays(), [['1', '9007199254740993', 0.5, ['2']]])
  await refused(t, () => db.query(text, [], { integers: 'number' }).arrays(), 'DRIFT_OUT_OF_RANGE')
})

test('values of prepared queries and of templates never become text', async (t) => {
  await using db = await filled()
  const find = db.prepare<[unknown], { id: number }>('SELECT id FROM t WHERE n = $1')
  t.deepEqual(await find.all([2]), [{ id: 1 }])
  t.deepEqual(await find.all(['2']), [])
  const evil = "' OR 1 = 1; DELETE FROM t --"
  t.deepEqual(await db.sql`SELECT id FROM t WHERE n = ${evil}`.all(), [])
  t.is(await db.sql`SELECT ${evil} AS x`.value(), evil)
  const name = '` FROM t; DELETE FROM t -- '
  t.deepEqual(await db.sql`SELECT ${db.sql.id(name)} FROM ${db.sql.id('t')} LIMIT 1`.arrays(), [[null]])
  const condition = db.sql`n >= ${2} AND n < ${4}`
  t.deepEqual(await db.sql`SELECT id FROM t WHERE ${condition} AND id = ${1}`.all(), [{ id: 1 }])
  t.is(await db.query('SELECT COUNT(*) FROM t').value(), 3)
})

test('a view of the past answers queries at its point, and refuses writes', async (t) => {
  await using db = await filled()
  using past = db.asOf({ seq: db.lastSeq })
  await db.query('DELETE FROM t')
  t.is(await past.query('SELECT COUNT(*) FROM t').value(), 3)
  t.is(await db.query('SELECT COUNT(*) FROM t').value(), 0)
  await refused(t, () => past.query('DELETE FROM t').all(), 'DRIFT_READ_ONLY')
})

test('fifty updates of one row at once all count', async (t) => {
  await using db = await filled(1)
  await Promise.all(Array.from({ length: 50 }, async () => db.query('UPDATE t SET n = n + 1 WHERE id = 0')))
  t.is(db.table<{ id: number; n: number }>('t').get(0)?.n, 50)
})

test('what RETURNING is refused for leaves nothing written, and what it shows is as stored', async (t) => {
  await using db = await filled()
  await refused(t, () => db.query("UPDATE t SET n = 'x' RETURNING n::int8").all(), 'DRIFT_INVALID_ARGUMENT')
  await refused(t, () => db.query('DELETE FROM t RETURNING nowhere + MAX(n)').all(), 'DRIFT_INVALID_ARGUMENT')
  t.deepEqual(await db.query('SELECT n FROM t').arrays(), [[0], [2], [4]])
  t.is(await db.query('DELETE FROM t WHERE id > 0 RETURNING COUNT(*)').value(), 2)
  const query = db.query('INSERT INTO t $1 RETURNING *', [{ id: 5n, fresh: -0, gone: undefined }])
  t.deepEqual(
    (await query.columns).map((column) => column.name),
    ['id', 'n', 'fresh']
  )
  t.deepEqual(await query.arrays(), [[5, null, 0]])
})

test('keys take each other’s places in one UPDATE, and a place that is taken refuses it', async (t) => {
  await using db = await filled()
  await db.query('UPDATE t SET id = 2 - id')
  t.deepEqual(await db.query('SELECT id, n FROM t').arrays(), [
    [0, 4],
    [1, 2],
    [2, 0]
  ])
  await refused(t, () => db.query('UPDATE t SET id = 1 WHERE id = 0').all(), 'DRIFT_ALREADY_EXISTS')
  await refused(t, () => db.query('UPDATE t SET id = 9').all(), 'DRIFT_ALREADY_EXISTS')
})

test('a bound that is no key still has keys before it', async (t) => {
  await using db = await filled()
  await db.query(`INSERT INTO t {"id": "k"}`)
  const ids = async (text: string, parameters: unknown[] = []) => (await db.query(text, parameters).arrays()).map(([id]) => id)
  t.deepEqual(await ids('SELECT id FROM t WHERE id < $1', ['z'.repeat(2000)]), ['k'])
  t.deepEqual(await ids('SELECT id FROM t WHERE id BETWEEN 1 AND 18446744073709551615 + 1'), [1, 2])
  t.deepEqual(await ids('SELECT id FROM t WHERE id < $1', [new Date(0)]), [])
})

test('AND does not ask of a row what is decided: a cast behind a condition is safe', async (t) => {
  await using db = await filled(0)
  await db.query('INSERT INTO t {"id": 1, "kind": "n", "v": "7"}, {"id": 2, "kind": "t", "v": "seven"}')
  t.is(await db.query(`SELECT id FROM t WHERE kind = 'n' AND v::int8 > 5`).value(), 1)
  t.is((await db.query(`SELECT id FROM t WHERE kind = 't' OR v::int8 > 5`)).rowCount, 2)
  await refused(t, () => db.query(`SELECT id FROM t WHERE v::int8 > 5 AND kind = 'n'`).all(), 'DRIFT_INVALID_ARGUMENT')
})

test('types of rows flow through the verbs', async (t) => {
  await using db = await filled()
  type Row = { id: number; n: number }
  const query: Query<Row> = db.query<Row>('SELECT id, n FROM t')
  const first: Row | undefined = await query.first()
  const all: readonly Row[] = await db.query<Row>('SELECT id, n FROM t').all()
  const prepared: readonly Row[] = await db.prepare<[number], Row>('SELECT id, n FROM t WHERE id = $1').all([1])
  // @ts-expect-error -- a row has no such field
  t.is(first?.missing, undefined)
  // @ts-expect-error -- a parameter of another type
  await db.prepare<[number], Row>('SELECT id, n FROM t WHERE id = $1').all(['1'])
  t.is(all.length + prepared.length, 4)
})
