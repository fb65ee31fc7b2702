/** The table `drift.commits`: what it has of each commit, and how little of the log a question reads. */
import test from 'ava'
import { open, type Database } from '../../src/index.js'
import { MemoryIo } from '../../src/io/memory-io.js'
import { ManualClock, openSimulated } from '../coordinator/_database.js'
import { refused, temporaryDirectory } from './_temporary.js'

type Row = { seq: number; first_seq: number; count: number; time: Date; metadata: unknown; tables: string[] }

const BEGIN = 1_700_000_000_000
const COMMITS = 6000
const CLOCK_STEP = 1000

/** A commit of two events a second; every third in two tables. Some are in closed segments, some in the active one, some in none. */
async function filled(): Promise<{ db: Database; rows: Row[]; clock: ManualClock }> {
  const clock = new ManualClock(BEGIN)
  const { db, coordinator } = await openSimulated(new MemoryIo(), { clock, logBytes: 8 * 1024 * 1024 })
  const rows: Row[] = []
  for (const table of ['a', 'b']) {
    const made = await db.createTable(table, { primaryKey: 'id' })
    rows.push({ seq: made?.seq ?? 0, first_seq: made?.seq ?? 0, count: 1, time: new Date(clock.wall), metadata: null, tables: [table] })
  }
  let writing: Promise<unknown>[] = []
  for (let commit = 0; commit < COMMITS; commit++) {
    clock.wall += CLOCK_STEP
    const second = commit % 3 === 0 ? 'b' : 'a'
    const metadata = commit % 5 === 0 ? { n: commit, why: ['test', 1.5, null] } : undefined
    const documents = [`x${commit}`, `y${commit}`].map((id) => ({ id }))
    writing.push(
      db.batch(
        [
          { insert: 'a', document: documents[0] ?? {} },
          { insert: second, document: documents[1] ?? {} }
        ],
        { metadata }
      )
    )
    const first = 3 + commit * 2
    const tables = second === 'a' ? ['a'] : ['a', 'b']
    rows.push({ seq: first + 1, first_seq: first, count: 2, time: new Date(clock.wall), metadata: metadata ?? null, tables })
    if (writing.length < 500) continue
    await Promise.all(writing)
    writing = []
    if (commit < COMMITS - 1000) await coordinator.checkpoint()
  }
  await Promise.all(writing)
  return { db, rows, clock }
}

test('drift.commits has every commit with its seqs, time, metadata and tables, forwards, backwards, by key and in any range', async (t) => {
  const { db, rows } = await filled()
  await db.compact()
  t.deepEqual(await db.query<Row>('SELECT * FROM drift.commits').all(), rows)
  t.deepEqual(await db.query<Row>('SELECT * FROM drift.commits ORDER BY seq DESC').all(), rows.toReversed())
  t.is(await db.query('SELECT count(*) FROM drift.commits').value(), rows.length)
  for (const [low, high] of [
    [1, 1],
    [5, 5000],
    [2499, 2500],
    [9000, 20_000],
    [11_990, 12_002]
  ] as const) {
    const expected = rows.filter(({ seq }) => seq >= low && seq <= high)
    t.deepEqual(await db.query<Row>('SELECT * FROM drift.commits WHERE seq BETWEEN $1 AND $2', [low, high]).all(), expected)
    const reversed = db.query<Row>('SELECT * FROM drift.commits WHERE seq > $1 AND seq < $2 ORDER BY seq DESC', [low - 1, high + 1])
    t.deepEqual(await reversed.all(), expected.toReversed())
    const past = db.asOf({ seq: high })
    t.is(await past.query('SELECT count(*) FROM drift.commits').value(), rows.filter(({ seq }) => seq <= high).length)
    const [from, to] = [new Date(BEGIN + low * 500), new Date(BEGIN + high * 500)]
    const between = rows.filter(({ time }) => time > from && time <= to)
    t.deepEqual(await db.query<Row>('SELECT * FROM drift.commits WHERE time > $1 AND $2 >= time', [from, to]).all(), between)
  }
  t.deepEqual(await db.query('SELECT seq FROM drift.commits WHERE seq IN (3, 4, 5, 6, 4000)').arrays(), [[4], [6], [4000]])
  await db.close()
})

test('LIMIT reads few commits, and a range of seqs or times only its own', async (t) => {
  const { db } = await filled()
  const scanned = async (text: string, parameters: readonly unknown[] = []) => {
    const { rowCount, stats } = await db.query(text, [...parameters])
    return [rowCount, stats.rowsScanned]
  }
  t.deepEqual(await scanned('SELECT * FROM drift.commits LIMIT 3'), [3, 3])
  t.deepEqual(await scanned('SELECT * FROM drift.commits ORDER BY seq DESC LIMIT 3'), [3, 3])
  t.deepEqual(await scanned('SELECT * FROM drift.commits WHERE seq > 3000 AND seq <= 3020'), [10, 10])
  const [from, to] = [new Date(BEGIN + 2_000_000), new Date(BEGIN + 2_010_000)]
  t.deepEqual(await scanned('SELECT * FROM drift.commits WHERE time >= $1 AND time < $2', [from, to]), [10, 10])
  t.deepEqual(await scanned('SELECT * FROM drift.commits WHERE time < $1 AND time >= $2', [from, to]), [0, 0])
  t.deepEqual(await scanned('SELECT * FROM drift.commits WHERE time = $1', [from]), [1, 1])
  const joined = 'SELECT a.id FROM drift.commits AS c JOIN a ON a.id = c.metadata.id WHERE c.time >= $1 AND c.time < $2'
  t.deepEqual(await scanned(joined, [from, to]), [0, 10])
  await db.close()
})

test('drift.commits is the same after opening again, read-only and beside a writer', async (t) => {
  const directory = temporaryDirectory(t)
  const db = await open(directory)
  await db.createTable('a', { primaryKey: 'id', metadata: { who: 'ann' } })
  await db.table('a').insert({ id: 1 }, { metadata: 'why not' })
  await db.transaction((tx) => tx.table('a').patch(1, { x: 1 }), { metadata: [1n << 60n, false] })
  const expected = await db.query('SELECT * FROM drift.commits').all()
  t.deepEqual(
    expected.map(({ metadata }) => metadata),
    [{ who: 'ann' }, 'why not', [1n << 60n, false]]
  )
  const reader = await open(directory, { readOnly: true })
  t.deepEqual(await reader.query('SELECT * FROM drift.commits').all(), expected)
  await db.table('a').insert({ id: 2 })
  t.is(await reader.query('SELECT count(*) FROM drift.commits').value(), 3)
  await reader.refresh()
  t.is(await reader.query('SELECT count(*) FROM drift.commits').value(), 4)
  await reader.close()
  await db.close()
  await using again = await open(directory)
  t.deepEqual(await again.query('SELECT * FROM drift.commits WHERE seq <= 3').all(), expected)
})

test('metadata stands in history, entry, SHOW DRIFT and drift.commits as it was given', async (t) => {
  await using db = await open(':memory:')
  await db.createTable('a', { primaryKey: 'id' })
  const metadata = { actor: 'ann', reason: { ticket: 7, tags: ['x', null] } }
  await db.exec(`BEGIN WITH (METADATA = ${JSON.stringify(metadata)}); INSERT INTO a {"id": 1}; COMMIT`)
  t.deepEqual(
    [...db.table('a').history(1)].map((entry) => entry.metadata),
    [metadata]
  )
  t.deepEqual(db.table('a').entry(1)?.metadata, metadata)
  t.deepEqual((await db.query('SHOW DRIFT a KEY 1').first())?.['metadata'], metadata)
  t.deepEqual(await db.query('SELECT metadata FROM drift.commits WHERE seq = 2').value(), metadata)
})

test('drift.commits is no table of yours: its name is refused where it would be written or read by key', async (t) => {
  await using db = await open(':memory:')
  await refused(t, () => db.table('drift.commits'), 'DRIFT_INVALID_ARGUMENT')
  await refused(t, () => db.batch([{ insert: 'drift.commits', document: { id: 1 } }]), 'DRIFT_INVALID_ARGUMENT')
  await refused(t, () => db.query('DELETE FROM `drift.commits`'), 'DRIFT_INVALID_ARGUMENT')
  t.deepEqual(await db.query('SELECT * FROM drift.commits').all(), [])
})
