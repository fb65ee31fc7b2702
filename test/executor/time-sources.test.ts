/** What differences, versions, sweeps and joins may take: time, memory, points as parameters. */
import test from 'ava'
import { limits } from '../../src/base/limits.js'
import { open, type Database } from '../../src/index.js'

const ROWS = 5000

/** Every look at the clock is late, so that the event loop turns at every chance. */
async function filled(rows = ROWS): Promise<Database> {
  let looks = 0
  const db = await open(':memory:', { clock: { now: () => 1_750_000_000_000, monotonic: () => (looks += 10) } })
  await db.createTable('t', { primaryKey: 'id' })
  await db.table('t').insertMany(Array.from({ length: rows }, (_, id) => ({ id, half: id >> 1, text: `row ${id}` })))
  return db
}

/** They go through all rows, or pairs of them, and give none, or give them after all are seen. */
const LONG = [
  'SELECT * FROM DIFF(t, @seq:5001, @now)',
  'SELECT * FROM t FOR SYSTEM_TIME FROM @seq:0 TO @seq:1',
  'SELECT count(*) FROM t FOR SYSTEM_TIME EACH 1 SEQ BETWEEN @seq:4000 AND @now',
  'SELECT count(*) FROM t FOR SYSTEM_TIME ALL WHERE _event = $1',
  'SELECT x.id FROM t x JOIN t y ON x.text = y.half',
  'SELECT x.id FROM t x CROSS JOIN t y WHERE x.id + y.id < 0',
  'SELECT x.id FROM t x FULL JOIN t y ON x.id < y.half AND x.half > y.id'
]

for (const text of LONG) {
  test(`a signal ends ${text}`, async (t) => {
    await using db = await filled()
    await db.table('t').patch(ROWS - 1, { late: true })
    const control = new AbortController()
    const rows = db.query(text, text.includes('$1') ? ['none'] : [], { signal: control.signal }).all()
    setImmediate(() => control.abort())
    await t.throwsAsync(rows, { code: 'DRIFT_ABORTED' })
  })
}

test('what is read as a stream keeps no rows, but for the right side of a join', async (t) => {
  await using db = await filled()
  const counted = async (text: string, memoryBytes: number): Promise<number> => {
    let count = 0
    for await (const rows of db.query(text, [], { memoryBytes }).batches()) count += rows.length
    return count
  }
  t.is(await counted('SELECT * FROM DIFF(t, @seq:0, @now)', 1000), ROWS)
  t.is(await counted('SELECT * FROM t FOR SYSTEM_TIME ALL', 1000), ROWS)
  t.is(await counted('SELECT id, _at FROM t FOR SYSTEM_TIME EACH 1 SEQ BETWEEN @now AND @seq:5010 WHERE id < 100', 1000), 1000)
  t.is(await counted('SELECT x.id FROM t x JOIN t y ON x.id = y.half AND y.id < 10', 5000), 10)
})

test('a right side that does not fit is LIMIT with its name, and fits where fewer of its rows are asked for', async (t) => {
  await using db = await filled()
  const join = 'SELECT count(*) AS n FROM t x JOIN t y ON x.half = y.id'
  const error = await t.throwsAsync(db.query(join, [], { memoryBytes: 100_000 }).all(), { code: 'DRIFT_LIMIT' })
  t.regex(error.message, /a join keeps the rows of its right side, y,/)
  t.like((error as unknown as { readonly details: object }).details, { name: 'queryBytesMax', limit: 100_000, table: 'y' })
  t.is(await db.query(`${join} AND y.id < 100`, [], { memoryBytes: 100_000 }).value(), 200)
  t.is(await db.query(join, [], { memoryBytes: 10_000_000 }).value(), ROWS)
})

test('few rows are joined by the keys of the right, and nothing else of it is read', async (t) => {
  // So few that documents are read, not pages: what is scanned is what is counted.
  const count = 1900
  await using db = await filled(count)
  const session = db.session()
  const scanned = async (where: string): Promise<number> =>
    (await session.query(`SELECT x.id, y.text FROM t x LEFT JOIN t y ON x.half = y.id WHERE ${where}`)).stats.rowsScanned
  t.is(await scanned('x.id IN (7, 8, 9)'), 3 + 2)
  t.is(await scanned('x.id < 1024'), 1024 + 512)
  await session.query("SET drift.join = 'hash'")
  t.is(await scanned('x.id < 1024'), 1024 + count)
  const rows = await db.query('SELECT x.id, y.text FROM t x LEFT JOIN t y ON x.half = y.id AND y.id > 3 WHERE x.id IN (8, 7)').all()
  t.deepEqual(rows, [
    { id: 7, text: null },
    { id: 8, text: 'row 4' }
  ])
  // What can be no key meets nothing.
  t.deepEqual(await db.query('SELECT x.id FROM t x JOIN t y ON x.none = y.id OR x.id = 2 AND y.id = 1').all(), [{ id: 2 }])
  t.is((await db.query('SELECT x.id FROM t x JOIN t y ON x.text = y.id WHERE x.id = 1')).rowCount, 0)
})

test('a sweep has sweepPointsMax points, and one more is LIMIT', async (t) => {
  await using db = await filled()
  const text = 'SELECT count(*) AS n FROM t FOR SYSTEM_TIME EACH 1 SEQ FROM @seq:0 TO $1 WHERE id = 1'
  // The row is there from the end of the first commit of many on.
  t.true(Number(await db.query(text, [limits.sweepPointsMax]).value()) > 0)
  const error = await t.throwsAsync(db.query(text, [limits.sweepPointsMax + 1]).all(), { code: 'DRIFT_LIMIT' })
  t.like((error as unknown as { readonly details: object }).details, { name: 'sweepPointsMax', seen: limits.sweepPointsMax + 1 })
})

test('points are parameters too: a seq, a text, a Date; anything else is INVALID_ARGUMENT, as is a step that is no whole number', async (t) => {
  await using db = await filled()
  const before = new Date(1_749_999_999_999)
  for (const from of [0, 0n, '@seq:0', '2020-01-01', before]) {
    t.is(await db.query('SELECT count(*) AS n FROM DIFF(t, $1, $2)', [from, '@now']).value(), ROWS)
    t.is(await db.query('SELECT count(*) AS n FROM t FOR SYSTEM_TIME BETWEEN $1 AND $2', [from, '@now']).value(), ROWS)
    t.is(
      await db.query('SELECT count(*) AS n FROM t AS x LEFT JOIN t AS OF $1 AS y ON x.id = y.id WHERE y.id IS NULL', [from]).value(),
      ROWS
    )
  }
  t.is(await db.query('SELECT count(*) AS n FROM t FOR SYSTEM_TIME EACH $1 days BETWEEN $2 AND $3', [1, before, '@now']).value(), 0)
  for (const wrong of [null, true, -1, 1.5, 'yesterday', {}]) {
    await t.throwsAsync(db.query('SELECT * FROM DIFF(t, $1, @now)', [wrong]).all(), { code: 'DRIFT_INVALID_ARGUMENT' })
    await t.throwsAsync(db.query('SELECT * FROM t FOR SYSTEM_TIME FROM @seq:0 TO $1', [wrong]).all(), { code: 'DRIFT_INVALID_ARGUMENT' })
  }
  for (const wrong of [null, 0, -1, 1.5, '1', 2n ** 63n]) {
    const text = 'SELECT * FROM t FOR SYSTEM_TIME EACH $1 SEQ FROM @seq:0 TO @now'
    await t.throwsAsync(db.query(text, [wrong]).all(), { code: 'DRIFT_INVALID_ARGUMENT' })
  }
  await t.throwsAsync(db.query('SELECT * FROM DIFF(t, $1, $2)', [0]).all(), { code: 'DRIFT_INVALID_ARGUMENT' })
})

test('one text with other points is another answer: plans keep no points', async (t) => {
  await using db = await open(':memory:')
  await db.createTable('t', { primaryKey: 'id' })
  const { seq } = await db.table('t').insert({ id: 1 })
  await db.table('t').insert({ id: 2, late: true })
  const text = 'SELECT * FROM t AS OF $1 AS x JOIN t AS OF $2 AS y ON x.id = y.id'
  t.deepEqual(await db.query(text, [seq, seq]).all(), [{ 'x.id': 1, 'y.id': 1 }])
  t.deepEqual(await db.query(text, [seq + 1, seq + 1]).all(), [
    { 'x.id': 1, 'y.id': 1 },
    { 'x.id': 2, 'x.late': true, 'y.id': 2, 'y.late': true }
  ])
  t.deepEqual(await db.query(text, [seq, seq + 1]).all(), [{ 'x.id': 1, 'y.id': 1 }])
  // A lone name is of the table that has such a column at its point.
  const lone = 'SELECT late FROM t AS OF $1 AS x JOIN t AS OF $2 AS y ON x.id = y.id'
  t.deepEqual(await db.query(lone, [seq, seq + 1]).all(), [{ late: null }])
  await t.throwsAsync(db.query(lone, [seq + 1, seq + 1]).all(), { code: 'DRIFT_INVALID_ARGUMENT' })
})

test('a view at a past point has these forms too, its own point for what has none', async (t) => {
  await using db = await open(':memory:')
  await db.createTable('t', { primaryKey: 'id' })
  const { seq } = await db.table('t').insert({ id: 1, a: 1 })
  await db.table('t').patch(1, { a: 2 })
  using past = db.asOf({ seq })
  t.deepEqual(await past.query('SELECT a, _to_seq FROM t FOR SYSTEM_TIME ALL').all(), [{ a: 1, _to_seq: null }])
  t.deepEqual(await past.query('SELECT x.a, y.a FROM t x JOIN t y AS OF @now ON x.id = y.id').all(), [{ 'x.a': 1, 'y.a': 2 }])
})
