/** What a transaction promises: own writes in every read, all or nothing, errors that stick, limits, and what others may know of it. */
import test from 'ava'
import { systemClock } from '../../src/base/clock.js'
import { DriftError, type Document } from '../../src/index.js'
import { MemoryIo } from '../../src/io/memory-io.js'
import { ManualClock, openSimulated } from '../coordinator/_database.js'
import { crc32 } from '../../src/codec/checksum.js'
import { codeOf, hermitage, LEVELS, valuesOf } from './_sessions.js'

test('own writes are seen by every read by key, and by nobody else before the commit', async (t) => {
  const db = await hermitage()
  const tx = await db.begin()
  const table = tx.table('test')
  await table.insert({ id: 3, value: 30 })
  await table.patch(1, { value: 11 })
  await table.softDelete(2)
  t.deepEqual(table.getMany([1, 2, 3, 4]), [{ id: 1, value: 11 }, undefined, { id: 3, value: 30 }, undefined])
  t.deepEqual([table.has(1), table.has(2), table.has(3)], [true, false, true])
  t.is(table.count(), 2)
  const keys = []
  for await (const key of table.keys({ reverse: true })) keys.push(key)
  t.deepEqual(keys, [3, 1])
  const rows = []
  for await (const row of table.scan({ where: { text: 'value > $1', params: [11] } })) rows.push(row)
  t.deepEqual(rows, [{ id: 3, value: 30 }])
  t.deepEqual(
    [...table.history(1)].map(({ seq, event, document }) => ({ seq, event, document })),
    [
      { seq: 2, event: 'INSERT', document: { id: 1, value: 10 } },
      { seq: null, event: 'PATCH', document: { id: 1, value: 11 } }
    ]
  )
  t.deepEqual(db.table('test').getMany([1, 2, 3]), [{ id: 1, value: 10 }, { id: 2, value: 20 }, undefined])
  const commit = await tx.commit()
  t.deepEqual({ ...commit, time: 0 }, { seq: 6, firstSeq: 4, count: 3, time: 0 })
  t.deepEqual(await tx.committed, commit)
  t.deepEqual(await valuesOf(db), { 1: 11, 3: 30 })
  await db.close()
})

test('INSERT then PATCH of one key is one row and two events, and the same key in two tables is two rows', async (t) => {
  const db = await hermitage()
  await db.createTable('other', { primaryKey: 'id' })
  await db.transaction(async (tx) => {
    await tx.table('test').insert({ id: 5, value: 1 })
    await tx.table('test').patch(5, { value: 2 })
    await tx.table('other').insert({ id: 5, name: 'x' })
    t.deepEqual(tx.table('test').get(5), { id: 5, value: 2 })
    t.deepEqual(tx.table('other').get(5), { id: 5, name: 'x' })
  })
  t.is(db.table('test').count(), 3)
  t.deepEqual(
    [...db.table('test').history(5)].map(({ event }) => event),
    ['INSERT', 'PATCH']
  )
  t.deepEqual(db.table('other').get(5), { id: 5, name: 'x' })
  await db.close()
})

test('a row that is patched hundreds of times in one transaction is the fold of all, over a committed row and over an own one', async (t) => {
  const db = await hermitage()
  const tx = await db.begin()
  const table = tx.table('test')
  await table.insert({ id: 9, value: 0 })
  for (let n = 0; n < 300; n++) {
    void table.patch(n % 2 === 0 ? 9 : 1, { [`f${n % 7}`]: n })
    t.is((table.get(n % 2 === 0 ? 9 : 1) as Document)[`f${n % 7}`], n)
  }
  const seen = [table.get(1), table.get(9)]
  await tx.commit()
  t.deepEqual(db.table('test').getMany([1, 9]), seen)
  await db.close()
})

test('ATM-5: a rollback leaves no seq, no history and no byte in any file', async (t) => {
  const io = new MemoryIo()
  const { db } = await openSimulated(io)
  await db.createTable('t', { primaryKey: 'id' })
  await db.table('t').insert({ id: 1 })
  const before = new Map([...io.files].map(([path, bytes]) => [path, crc32(bytes.view)]))
  const tx = await db.begin()
  for (let id = 2; id < 500; id++) void tx.table('t').insert({ id, text: 'never written' })
  await tx.rollback()
  t.is(db.lastSeq, 2)
  t.deepEqual([...db.table('t').history(2)], [])
  t.deepEqual(new Map([...io.files].map(([path, bytes]) => [path, crc32(bytes.view)])), before)
  const next = await db.table('t').insert({ id: 2 })
  t.is(next.seq, 3)
  t.is(await codeOf(() => tx.committed), 'TXN_CLOSED')
  await db.close()
})

test('a statement that fails in its middle has done nothing, and ROLLBACK TO goes on', async (t) => {
  const db = await hermitage()
  using session = db.session()
  await session.exec('BEGIN; INSERT INTO test {"id": 3}; SAVEPOINT a')
  t.is(await codeOf(() => session.query('INSERT INTO test {"id": 4}, {"id": 1}')), 'ALREADY_EXISTS')
  t.is(await codeOf(() => session.query('SELECT * FROM test')), 'TXN_ABORTED')
  t.is(await codeOf(() => session.query('COMMIT')), 'TXN_ABORTED')
  t.is(await codeOf(() => session.query('SAVEPOINT b')), 'TXN_ABORTED')
  await session.query('ROLLBACK TO a')
  t.deepEqual(await session.query('SELECT id FROM test').arrays(), [[1], [2], [3]])
  await session.query('COMMIT')
  t.deepEqual(await db.query('SELECT id FROM test').arrays(), [[1], [2], [3]])
  await db.close()
})

for (const [what, text] of [
  ['a syntax error', 'SELEKT'],
  ['an unknown table', 'SELECT * FROM nowhere'],
  ['a missing parameter', 'SELECT $1'],
  ['an error in the middle of the rows', "SELECT 'x'::int8 FROM test"],
  ['a COMMIT of a transaction that is an object', 'COMMIT']
] as const) {
  test(`after ${what} everything is TXN_ABORTED until the rollback, with the first error as its cause`, async (t) => {
    const db = await hermitage()
    const tx = await db.begin()
    await tx.table('test').patch(1, { value: 0 })
    const first = await t.throwsAsync(async () => tx.query(text), { instanceOf: DriftError })
    const error = await t.throwsAsync(() => tx.commit(), { instanceOf: DriftError })
    t.is(error?.code, 'DRIFT_TXN_ABORTED')
    t.is(error?.cause, first)
    t.is(await codeOf(() => tx.table('test').get(1)), 'TXN_ABORTED')
    await tx.rollback()
    t.is(await codeOf(() => tx.table('test')), 'TXN_CLOSED')
    await tx.rollback()
    t.deepEqual(await valuesOf(db), { 1: 10, 2: 20 })
    await db.close()
  })
}

test('a refused write that nobody awaited fails the transaction all the same', async (t) => {
  const db = await hermitage()
  const failed = await codeOf(() => db.transaction((tx) => void tx.table('test').insert({ id: 1 })))
  t.is(failed, 'TXN_ABORTED')
  t.is(db.lastSeq, 3)
  await db.close()
})

test('after a conflict every call but the rollback gets the same error, ROLLBACK TO as well', async (t) => {
  const db = await hermitage()
  const tx = await db.begin()
  tx.savepoint('a')
  await db.table('test').patch(1, { value: 0 })
  const first = await t.throwsAsync(() => tx.table('test').patch(1, { value: 5 }), { instanceOf: DriftError })
  t.is(first?.code, 'DRIFT_WRITE_CONFLICT')
  t.deepEqual(first?.details, { table: 'test', key: 1, readSeq: 3, seq: 4 })
  t.is(
    t.throws(() => tx.table('test').get(2)),
    first
  )
  t.is(
    t.throws(() => tx.rollbackTo('a')),
    first
  )
  t.is(await t.throwsAsync(async () => tx.query('SELECT 1')), first)
  t.is(await t.throwsAsync(() => tx.commit()), first)
  await tx.rollback()
  t.is(await codeOf(() => tx.commit()), 'TXN_CLOSED')
  await db.close()
})

test('TXN-4: a commit is validated against what is numbered and not visible yet', async (t) => {
  const db = await hermitage()
  const tx = await db.begin()
  await tx.table('test').patch(1, { value: 5 })
  const write = db.table('test').patch(1, { value: 6 })
  t.is(db.lastSeq, 3)
  t.is(await codeOf(() => tx.commit()), 'WRITE_CONFLICT')
  t.is((await write).seq, 4)
  await db.close()
})

test('two commits of one row made at once: the first call wins', async (t) => {
  const db = await hermitage()
  const [one, two] = [await db.begin(), await db.begin()]
  await one.table('test').patch(1, { value: 1 })
  await two.table('test').patch(1, { value: 2 })
  const outcomes = await Promise.all([codeOf(() => one.commit()), codeOf(() => two.commit())])
  t.deepEqual(outcomes, [undefined, 'WRITE_CONFLICT'])
  t.deepEqual(await valuesOf(db), { 1: 1, 2: 20 })
  await db.close()
})

test('READ COMMITTED applies a patch to the row that is there at the commit, and refuses keys that came or went', async (t) => {
  const db = await hermitage()
  const begin = () => db.begin({ isolation: 'read committed' })
  const fold = await begin()
  await fold.table('test').patch(1, { mine: true })
  await db.table('test').patch(1, { value: 11, theirs: true })
  t.deepEqual(fold.table('test').get(1), { id: 1, value: 11, theirs: true, mine: true })
  await fold.commit()
  t.deepEqual(db.table('test').get(1), { id: 1, value: 11, theirs: true, mine: true })
  const came = await begin()
  await came.table('test').insert({ id: 7 })
  await db.table('test').insert({ id: 7 })
  t.is(await codeOf(() => came.commit()), 'ALREADY_EXISTS')
  const went = await begin()
  await went.table('test').patch(7, { value: 1 })
  await db.table('test').softDelete(7)
  t.is(await codeOf(() => went.commit()), 'KEY_NOT_FOUND')
  t.is(await codeOf(() => went.commit()), 'TXN_ABORTED')
  await db.close()
})

test('TXN-2: an absent key, a count, a list of keys and a missing row of a join that were read are conflicts when they come', async (t) => {
  const reads: readonly (readonly [string, boolean])[] = [
    ['SELECT * FROM test WHERE id = 7', true],
    ['SELECT count(*) FROM test', true],
    ['SELECT id FROM test', true],
    ['SELECT id FROM test WHERE id BETWEEN 8 AND 9', false],
    ["SELECT * FROM test WHERE value = 'other'", false],
    ['SELECT sum(value) FROM test WHERE value > 5', true],
    ['SELECT a.id FROM test AS a LEFT JOIN test AS b ON a.value = b.id', true],
    ['SELECT a.id FROM mine AS a JOIN test AS b ON a.id = b.id', true],
    ['SELECT * FROM DIFF(test, @seq:2, @now)', true],
    ['SELECT * FROM test AS OF @seq:3', false],
    ['SELECT * FROM test LIMIT 0', true],
    ['SHOW DRIFT test KEY 7', true],
    ['SHOW DRIFT test KEY 8', false]
  ]
  for (const [text, isConflict] of reads) {
    const db = await hermitage()
    await db.createTable('mine', { primaryKey: 'id' })
    await db.table('mine').insert({ id: 7 })
    const tx = await db.begin({ isolation: 'serializable' })
    await tx.query(text)
    await tx.table('mine').insert({ id: 'x' })
    await db.table('test').insert({ id: 7, value: 7 })
    t.is(await codeOf(() => tx.commit()), isConflict ? 'SERIALIZATION' : undefined, text)
    await db.close()
  }
})

test('a count and a list of keys do not conflict with a patch, the rows themselves do', async (t) => {
  for (const [text, isConflict] of [
    ['SELECT count(*) FROM test', false],
    ['SELECT id FROM test', false],
    ['SELECT value FROM test', true],
    ['SELECT count(*) FROM test WHERE value = 10', true],
    ['SELECT count(*) FROM test WHERE value = 20', false]
  ] as const) {
    const db = await hermitage()
    await db.createTable('mine', { primaryKey: 'id' })
    const tx = await db.begin({ isolation: 'serializable' })
    await tx.query(text)
    await tx.table('mine').insert({ id: 'x' })
    await db.table('test').patch(1, { value: 11 })
    t.is(await codeOf(() => tx.commit()), isConflict ? 'SERIALIZATION' : undefined, text)
    await db.close()
  }
})

test('a row that came and went again since it was read is no conflict, and one without writes never is', async (t) => {
  const db = await hermitage()
  const [one, two] = [await db.begin({ isolation: 'serializable' }), await db.begin({ isolation: 'serializable' })]
  await one.query('SELECT * FROM test')
  await two.query('SELECT * FROM test')
  await db.table('test').insert({ id: 7 })
  await db.table('test').softDelete(7)
  await one.query('INSERT INTO test {"id": 8}')
  t.is(await codeOf(() => one.commit()), undefined)
  t.is(await codeOf(() => two.commit()), undefined)
  await db.close()
})

test('db.transaction runs again after a conflict, as often as it may, and gives what the function gave', async (t) => {
  const db = await hermitage()
  const attempts: number[] = []
  const result = await db.transaction(async (tx, { attempt }) => {
    attempts.push(attempt)
    const row = tx.table('test').get(1) as { value: number }
    if (attempt < 3) await db.table('test').patch(1, { value: row.value + 100 })
    await tx.table('test').patch(1, { value: row.value + 1 })
    return 'done'
  })
  t.is(result, 'done')
  t.deepEqual(attempts, [1, 2, 3])
  t.deepEqual(await valuesOf(db), { 1: 211, 2: 20 })
  for (const [retries, runs] of [
    [0, 1],
    [2, 3]
  ] as const) {
    let count = 0
    const refused = db.transaction(
      async (tx) => {
        count++
        await db.table('test').patch(2, { value: count })
        await tx.table('test').patch(2, { value: 0 })
      },
      { retries }
    )
    t.is(await codeOf(() => refused), 'WRITE_CONFLICT')
    t.is(count, runs)
  }
  await db.close()
})

test('db.transaction rolls back what the function throws, and does not run it again', async (t) => {
  const db = await hermitage()
  let runs = 0
  const thrown = new Error('mine')
  const error = await t.throwsAsync(() =>
    db.transaction(async (tx) => {
      runs++
      await tx.table('test').patch(1, { value: 0 })
      throw thrown
    })
  )
  t.is(error, thrown)
  t.is(runs, 1)
  t.deepEqual(await valuesOf(db), { 1: 10, 2: 20 })
  t.deepEqual(db.stats().transactions, [])
  await db.close()
})

test('a transaction in a transaction happens whole or not at all, and the outer one goes on', async (t) => {
  const db = await hermitage()
  await db.transaction(async (tx) => {
    await tx.table('test').patch(1, { value: 1 })
    const refused = tx.transaction(async (inner) => {
      await inner.table('test').patch(2, { value: 2 })
      await inner.table('test').insert({ id: 1 })
    })
    t.is(await codeOf(() => refused), 'ALREADY_EXISTS')
    t.is(
      await tx.transaction(async (inner) =>
        inner
          .table('test')
          .insert({ id: 3, value: 3 })
          .then(() => 5)
      ),
      5
    )
  })
  t.deepEqual(await valuesOf(db), { 1: 1, 2: 20, 3: 3 })
  await db.close()
})

test('metadata of the transaction is that of its commit', async (t) => {
  const db = await hermitage()
  await db.transaction((tx) => tx.table('test').patch(1, { value: 1 }), { metadata: { who: 'ann' } })
  t.deepEqual(db.table('test').entry(1)?.metadata, { who: 'ann' })
  using session = db.session()
  await session.query('BEGIN WITH (METADATA = $1)', [{ who: 'bob' }])
  await session.query('PATCH test KEY 1 SET {"value": 2}')
  await session.query('COMMIT')
  t.deepEqual(db.table('test').entry(1)?.metadata, { who: 'bob' })
  await db.close()
})

test('the bytes of a transaction are bounded by writeBytes: one more is LIMIT, and the transaction has failed', async (t) => {
  const db = await hermitage()
  const tx = await db.begin({ writeBytes: 1000 })
  let refused: string | undefined
  let rows = 0
  while (refused === undefined && rows < 100) {
    refused = await codeOf(() => tx.table('test').insert({ id: `row ${rows}`, text: 'x'.repeat(100) }))
    rows++
  }
  t.is(refused, 'LIMIT')
  t.true(rows > 5 && rows < 12, `${rows}`)
  t.is(await codeOf(() => tx.commit()), 'TXN_ABORTED')
  t.is(await codeOf(() => db.begin({ writeBytes: 257 * 1024 * 1024 })), 'LIMIT')
  await db.close()
})

test('a transaction over its age gets TIMEOUT for every call, holds nothing, and can be rolled back', async (t) => {
  const db = await hermitage()
  const tx = await db.begin({ timeoutMs: 50, isolation: 'serializable' })
  await tx.table('test').patch(1, { value: 1 })
  t.is(db.stats().transactions.length, 1)
  // The clock of the test steps with each look at it.
  for (let look = 0; look < 60; look++) db.stats()
  t.deepEqual(db.stats().transactions, [])
  t.is(await codeOf(() => tx.table('test').get(1)), 'TIMEOUT')
  t.is(await codeOf(() => tx.commit()), 'TIMEOUT')
  await tx.rollback()
  t.deepEqual(await valuesOf(db), { 1: 10, 2: 20 })
  await db.close()
})

test('open transactions and views are listed with their point and age, oldest first', async (t) => {
  const db = await hermitage()
  const view = db.asOf({ seq: 1 })
  const one = await db.begin({ isolation: 'serializable' })
  await db.table('test').insert({ id: 3 })
  const two = await db.begin({ readOnly: true })
  await one.table('test').insert({ id: 'mine' })
  const { transactions, readViews } = db.stats()
  t.like(transactions, [
    { id: one.id, isolation: 'serializable', readOnly: false, readSeq: 3, writes: 1 },
    { id: two.id, isolation: 'repeatable read', readOnly: true, readSeq: 4, writes: 0 }
  ])
  t.true(transactions.every(({ ageMs, writeBytes }, index) => ageMs > 0 && (index === 1 || writeBytes > 0)))
  t.is(readViews.length, 1)
  t.is(readViews[0]?.seq, 1)
  await one.commit()
  await two.rollback()
  view[Symbol.dispose]()
  t.deepEqual([db.stats().transactions, db.stats().readViews], [[], []])
  await db.close()
})

test('BEGIN alone is refused, a script without COMMIT is rolled back and says so, and sessions are apart', async (t) => {
  const db = await hermitage()
  t.is(await codeOf(() => db.query('BEGIN')), 'INVALID_ARGUMENT')
  t.is(await codeOf(() => db.query('COMMIT')), 'TXN_CLOSED')
  const results = await db.exec('BEGIN; INSERT INTO test {"id": 3}')
  t.deepEqual(results.at(-1)?.notices, ['the transaction that was still open was rolled back'])
  t.is(db.lastSeq, 3)
  const [one, two] = [db.session(), db.session()]
  await one.query('BEGIN')
  await one.query('INSERT INTO test {"id": 3}')
  t.true(one.inTransaction)
  t.false(two.inTransaction)
  t.is(await two.query('SELECT count(*) FROM test').value(), 2)
  t.true(one.close())
  t.false(two.close())
  t.is(await codeOf(() => one.query('SELECT 1')), 'CLOSED')
  await db.close()
})

test('statements of one transaction that are not awaited run one after another', async (t) => {
  const db = await hermitage()
  const tx = await db.begin()
  const updates = Array.from({ length: 20 }, () => tx.query('UPDATE test SET value = value + 1').then(() => {}))
  const [sum] = await Promise.all([tx.query('SELECT sum(value) FROM test').value(), tx.commit(), ...updates])
  t.is(sum, 70)
  t.deepEqual(await valuesOf(db), { 1: 30, 2: 40 })
  await db.close()
})

test('a query that is being read does not see what the transaction writes meanwhile', async (t) => {
  const db = await hermitage()
  const tx = await db.begin()
  await tx.table('test').insert({ id: 0, value: 0 })
  const seen = []
  for await (const { id } of tx.query<{ id: number }>('SELECT id FROM test')) {
    seen.push(id)
    await tx.table('test').insert({ id: id + 100, value: 0 })
  }
  t.deepEqual(seen, [0, 1, 2])
  await tx.commit()
  t.is(db.table('test').count(), 6)
  await db.close()
})

for (const level of LEVELS) {
  test(`a transaction that only reads writes nothing, at ${level}`, async (t) => {
    const db = await hermitage()
    const tx = await db.begin({ isolation: level })
    await valuesOf(tx)
    const commit = await tx.commit()
    t.deepEqual([commit.count, commit.seq, db.lastSeq], [0, 3, 3])
    await db.close()
  })
}

test('ifSeq in a transaction is asked of what it sees and again at the commit; a key that it wrote itself has no seq', async (t) => {
  const db = await hermitage()
  const stale = await db.begin({ isolation: 'read committed' })
  t.is(await codeOf(() => stale.table('test').patch(1, { value: 1 }, { ifSeq: 1 })), 'WRITE_CONFLICT')
  const later = await db.begin({ isolation: 'read committed' })
  await later.table('test').patch(1, { value: 1 }, { ifSeq: 2 })
  await db.table('test').patch(1, { value: 3 })
  t.is(await codeOf(() => later.commit()), 'WRITE_CONFLICT')
  const own = await db.begin()
  await own.table('test').patch(2, { value: 1 })
  t.is(await codeOf(() => own.table('test').patch(2, { value: 2 }, { ifSeq: 3 })), 'WRITE_CONFLICT')
  await db.close()
})

test('close rolls back what is open, and later calls get CLOSED', async (t) => {
  const io = new MemoryIo()
  const clock = new ManualClock()
  const { db } = await openSimulated(io, { clock })
  await db.createTable('t', { primaryKey: 'id' })
  const tx = await db.begin()
  await tx.table('t').insert({ id: 1 })
  await db.close()
  t.is(await codeOf(() => tx.commit()), 'CLOSED')
  t.is(await codeOf(() => tx.table('t').get(1)), 'CLOSED')
  await tx.rollback()
  const { db: again } = await openSimulated(io, { clock })
  t.is(again.table('t').count(), 0)
  await again.close()
})

test('a name that is no isolation level is INVALID_ARGUMENT', async (t) => {
  const db = await hermitage()
  t.is(await codeOf(() => db.begin({ isolation: 'chaos' as 'snapshot' })), 'INVALID_ARGUMENT')
  t.is((await db.begin({ isolation: 'snapshot' })).isolation, 'repeatable read')
  await db.close()
})

test('TXN-2: a read of the log of commits is a conflict where a commit came that it would have found', async (t) => {
  const meanwhile = { value: 11 }
  const reads: readonly (readonly [string, boolean])[] = [
    ['SELECT max(seq) FROM drift.commits', true],
    ['SELECT count(*) FROM drift.commits', true],
    ['SELECT seq FROM drift.commits ORDER BY seq DESC LIMIT 1', true],
    ['SELECT * FROM drift.commits WHERE seq <= 3', false],
    ['SELECT * FROM drift.commits WHERE seq = 4', true],
    ['SELECT * FROM drift.commits WHERE seq = 9', false],
    ["SELECT * FROM drift.commits WHERE metadata.request = 'mine'", false],
    ["SELECT * FROM drift.commits WHERE metadata.request = 'theirs'", true],
    ["SELECT * FROM drift.commits WHERE time < '1969-01-01'::timestamptz", false],
    ["SELECT * FROM drift.commits WHERE time > '1969-01-01'::timestamptz", true],
    ['SELECT * FROM drift.commits AS OF @seq:1', false]
  ]
  for (const [text, conflicts] of reads) {
    const db = await hermitage()
    const tx = await db.begin({ isolation: 'serializable' })
    await tx.query(text).all()
    await db.table('test').patch(1, meanwhile, { metadata: { request: 'theirs' } })
    await tx.table('test').patch(2, { value: 21 })
    t.is(await codeOf(() => tx.commit()), conflicts ? 'SERIALIZATION' : undefined, text)
    await db.close()
  }
})

test('TXN-2: the same request, known by the metadata of its commit, is done once', async (t) => {
  const db = await hermitage()
  const once = (): Promise<boolean> =>
    db.transaction(
      async (tx) => {
        const [done] = await tx.query("SELECT seq FROM drift.commits WHERE metadata.request = 'r1'").all()
        if (done !== undefined) return false
        await tx.query('UPDATE test SET value = value + 1 WHERE id = 1')
        return true
      },
      { isolation: 'serializable', metadata: { request: 'r1' }, retries: 100 }
    )
  const done = await Promise.all(Array.from({ length: 12 }, once))
  t.is(done.filter(Boolean).length, 1)
  t.deepEqual(await valuesOf(db), { 1: 11, 2: 20 })
  await db.close()
})

test('a transaction over its age lets go of its locks by itself, and its next call says so', async (t) => {
  // A clock that only a call moves would come to that age in a minute.
  const db = await hermitage({ clock: systemClock })
  const old = await db.begin({ timeoutMs: 500 })
  await old.lock('test', 1)
  await old.table('test').patch(1, { value: 11 })
  const young = await db.begin({ timeoutMs: 600_000 })
  // Nobody calls anything: only its own time lets the wait go on.
  await db.table('test').patch(1, { value: 12 })
  t.deepEqual(
    db.stats().transactions.map(({ id }) => id),
    [young.id]
  )
  t.is(db.stats().lockedRows, 0)
  t.is(await codeOf(() => old.table('test').get(1)), 'TIMEOUT')
  t.is(await codeOf(() => old.commit()), 'TIMEOUT')
  await old.rollback()
  await young.rollback()
  t.deepEqual(await valuesOf(db), { 1: 12, 2: 20 })
  await db.close()
})
