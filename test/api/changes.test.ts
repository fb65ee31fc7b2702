/** The feed of changes: `db.changes`. */
import { Readable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import test from 'ava'
import { open, type ChangesOptions, type CommitChanges, type Database } from '../../src/index.js'
import { FaultyIo } from '../../src/io/faulty-io.js'
import { MemoryIo } from '../../src/io/memory-io.js'
import { ManualClock, openSimulated } from '../coordinator/_database.js'
import { refused, startChild, temporaryDirectory } from './_temporary.js'

async function all(db: Database, options: ChangesOptions = {}): Promise<CommitChanges[]> {
  const found: CommitChanges[] = []
  for await (const commit of db.changes(options)) found.push(commit)
  return found
}

async function seqs(db: Database, options: ChangesOptions = {}): Promise<number[][]> {
  return (await all(db, options)).map(({ events }) => events.map(({ seq }) => seq))
}

const BEGIN = 1_700_000_000_000

/** Seqs: 1 and 2 make the tables, 3 to 5 are one commit in both, 6 a patch, 7 a delete, 8 an insert. */
async function small(): Promise<Database> {
  const { db } = await openSimulated(new MemoryIo(), { clock: new ManualClock(BEGIN) })
  await db.createTable('a', { primaryKey: 'id', indexes: ['x'] })
  await db.createTable('b', { primaryKey: 'key' })
  await db.batch(
    [
      { insert: 'a', document: { id: 1, x: 1 } },
      { insert: 'b', document: { key: 1 } },
      { insert: 'a', document: { id: 'two' } }
    ],
    { metadata: { who: 'ann' } }
  )
  await db.table('a').patch(1, { x: 2 })
  await db.table('b').softDelete(1)
  await db.table('b').insert({ key: 1, again: true })
  return db
}

test('a feed gives each commit whole, with seqs, time, metadata, and of each event table, key, event, payload and document', async (t) => {
  const db = await small()
  const commit = (seq: number, events: unknown[], firstSeq = seq, metadata: unknown = null) => ({
    seq,
    firstSeq,
    time: BEGIN,
    metadata,
    events
  })
  const insert = (seq: number, table: string, key: unknown, document: unknown) => ({
    seq,
    table,
    key,
    event: 'INSERT',
    payload: document,
    document
  })
  const made = (seq: number, table: string, primaryKey: string, indexes: unknown[]) => ({
    seq,
    table,
    key: null,
    event: 'SCHEMA',
    payload: { table, primaryKey, indexes },
    document: null
  })
  const expected: unknown[] = [
    commit(1, [made(1, 'a', 'id', [{ name: 'a_x_idx', columns: ['x'] }])]),
    commit(2, [made(2, 'b', 'key', [])]),
    commit(5, [insert(3, 'a', 1, { id: 1, x: 1 }), insert(4, 'b', 1, { key: 1 }), insert(5, 'a', 'two', { id: 'two' })], 3, { who: 'ann' }),
    commit(6, [{ seq: 6, table: 'a', key: 1, event: 'PATCH', payload: { x: 2 }, document: { id: 1, x: 2 } }]),
    commit(7, [{ seq: 7, table: 'b', key: 1, event: 'SOFT_DELETE', payload: null, document: null }]),
    commit(8, [insert(8, 'b', 1, { key: 1, again: true })])
  ]
  t.deepEqual(await all(db), expected as CommitChanges[])
  t.deepEqual(structuredClone(await all(db)), expected as CommitChanges[], 'plain data')
  await db.close()
})

test('from and to are seqs: a commit belongs to the part in which its last event lies', async (t) => {
  const db = await small()
  t.deepEqual(await seqs(db, { from: 'start' }), [[1], [2], [3, 4, 5], [6], [7], [8]])
  t.deepEqual(await seqs(db, { from: 0, to: 2 }), [[1], [2]])
  t.deepEqual(await seqs(db, { from: 3, to: 4 }), [])
  t.deepEqual(await seqs(db, { from: 5, to: 6 }), [[3, 4, 5], [6]])
  t.deepEqual(await seqs(db, { from: 6, to: 99 }), [[6], [7], [8]])
  t.deepEqual(await seqs(db, { from: 9 }), [])
  t.deepEqual(await seqs(db, { from: 7, to: 3 }), [])
  t.deepEqual(await seqs(db, { from: 'now' }), [])
  t.deepEqual(await seqs(db, { from: 4, to: 5, follow: true }), [[3, 4, 5]])
  t.deepEqual(await seqs(db, { to: 4, follow: true }), [[1], [2]])
  for (const options of [{ from: -1 }, { from: 1.5 }, { from: 'end' }, { to: 'now' }, { to: Number.NaN }, { tables: 'a' }]) {
    await refused(t, () => db.changes(options as ChangesOptions), 'DRIFT_INVALID_ARGUMENT')
  }
  const { details } = await refused(t, () => db.changes({ from: 10 }), 'DRIFT_SEQ_AHEAD')
  t.is(details['lastSeq'], 8)
  await db.close()
})

test('tables and key choose events; a commit without any is left out', async (t) => {
  const db = await small()
  t.deepEqual(await seqs(db, { tables: ['a'] }), [[1], [3, 5], [6]])
  t.deepEqual(await seqs(db, { tables: ['b'], from: 5 }), [[4], [7], [8]])
  t.deepEqual(await seqs(db, { tables: ['b', 'a', 'b'] }), [[1], [2], [3, 4, 5], [6], [7], [8]])
  t.deepEqual(await seqs(db, { key: 1 }), [[3, 4], [6], [7], [8]])
  t.deepEqual(await seqs(db, { key: 1, tables: ['b'], to: 7 }), [[4], [7]])
  t.deepEqual(await seqs(db, { key: '1' }), [])
  t.deepEqual(await seqs(db, { tables: [] }), [])
  await refused(t, () => db.changes({ tables: ['a', 'c'] }), 'DRIFT_UNKNOWN_TABLE')
  await refused(t, () => db.changes({ tables: ['drift.commits'] }), 'DRIFT_INVALID_ARGUMENT')
  await refused(t, () => db.changes({ key: {} as string }), 'DRIFT_INVALID_DOCUMENT')
  await db.close()
})

test('without follow a feed ends with the last commit that was visible when it was asked for', async (t) => {
  const db = await small()
  const feed = db.changes({ from: 8 })
  await db.table('a').insert({ id: 9 })
  const found: number[] = []
  for await (const { seq } of feed) {
    found.push(seq)
    await db.table('a').insert({ id: `more ${seq}` })
  }
  t.deepEqual(found, [8])
  await db.close()
})

test('a follower gets what is committed while it waits, tables that are made meanwhile included', async (t) => {
  const db = await small()
  const found: string[] = []
  const feed = db.changes({ from: 'now', follow: true })
  const reading = (async () => {
    for await (const { seq, events } of feed) {
      found.push(`${seq} ${events.map(({ table, event }) => `${table} ${event}`).join()}`)
      if (seq === 11) break
    }
  })()
  await db.table('a').insert({ id: 9 })
  await turn()
  await db.createTable('c', { primaryKey: 'id' })
  await db.table('c').insert({ id: 1 })
  await reading
  t.deepEqual(found, ['9 a INSERT', '10 c SCHEMA', '11 c INSERT'])
  t.deepEqual(await feed.next(), { done: true, value: undefined })
  await db.close()
})

test('a signal ends a feed with ABORTED, a closed database with CLOSED, return without an error: while it waits, and between commits', async (t) => {
  const db = await small()
  const abort = new AbortController()
  const signal = abort.signal
  const [waiting, between, left, closing, unread] = [
    db.changes({ from: 'now', follow: true, signal }),
    db.changes({ signal }),
    db.changes({ from: 'now', follow: true }),
    db.changes({ from: 'now', follow: true }),
    db.changes({ from: 6 })
  ]
  await between.next()
  const next = [waiting.next(), left.next(), closing.next()] as const
  await turn()
  abort.abort()
  await refused(t, () => next[0], 'DRIFT_ABORTED')
  await refused(t, () => between.next(), 'DRIFT_ABORTED')
  await refused(t, () => db.changes({ signal }).next(), 'DRIFT_ABORTED')
  await left.return()
  t.deepEqual(await next[1], { done: true, value: undefined })
  await unread.next()
  const closed = db.close()
  await refused(t, () => next[2], 'DRIFT_CLOSED')
  await closed
  await refused(t, () => unread.next(), 'DRIFT_CLOSED')
  await refused(t, () => db.changes(), 'DRIFT_CLOSED')
})

test('a follower leaves nothing behind on its signal', async (t) => {
  const db = await small()
  const { signal } = new AbortController()
  let listeners = 0
  const add = signal.addEventListener.bind(signal)
  const remove = signal.removeEventListener.bind(signal)
  signal.addEventListener = (...given: Parameters<typeof add>) => {
    listeners++
    add(...given)
  }
  signal.removeEventListener = (...given: Parameters<typeof remove>) => {
    listeners--
    remove(...given)
  }
  const feed = db.changes({ from: 'now', follow: true, signal })
  for (let id = 100; id < 110; id++) {
    const next = feed.next()
    await turn()
    t.is(listeners, 1)
    await db.table('a').insert({ id })
    t.is((await next).value?.events[0]?.key, id)
    t.is(listeners, 0)
  }
  await feed.return()
  await db.close()
})

test('a reader that does not read holds nothing: the log goes round many times, and the feed goes on from the segments', async (t) => {
  const { db } = await openSimulated(new MemoryIo(), { logBytes: 8 * 1024 * 1024 })
  await db.createTable('a', { primaryKey: 'id' })
  const slow = db.changes({ follow: true })
  await slow.next()
  const text = 'x'.repeat(64 * 1024)
  for (let id = 0; id < 1000; id++) await db.table('a').insert({ id, text }, { metadata: id })
  const { logBytes, logBytesMax, checkpoints } = db.stats()
  t.true(checkpoints > 5)
  t.true(logBytes <= logBytesMax)
  for (let id = 0; id < 1000; id++) {
    const { value } = await slow.next()
    if (value?.metadata !== id || value.events[0]?.key !== id) t.fail(`${JSON.stringify(value?.metadata)} instead of ${id}`)
  }
  await slow.return()
  await db.close()
})

test('a fast reader lets the event loop turn', async (t) => {
  const { db } = await openSimulated(new MemoryIo())
  await db.createTable('a', { primaryKey: 'id' })
  await db.table('a').insertMany(
    Array.from({ length: 20_000 }, (_, id) => ({ id })),
    { batchRows: 10_000 }
  )
  let turns = 0
  let isDone = false
  const turning = (async () => {
    for (; !isDone; turns++) await turn()
  })()
  let events = 0
  for await (const commit of db.changes()) events += commit.events.length
  isDone = true
  await turning
  t.is(events, 20_001)
  t.true(turns >= 20, `${turns} turns`)
  await db.close()
})

test('a poisoned database ends a follower with POISONED, when it has given all that is visible', async (t) => {
  const io = new FaultyIo()
  const { db } = await openSimulated(io)
  await db.createTable('a', { primaryKey: 'id' })
  const feed = db.changes({ follow: true })
  await feed.next()
  const next = feed.next()
  await turn()
  io.failAt = io.operations + 1
  await refused(t, () => db.table('a').insert({ id: 1 }), 'DRIFT_POISONED')
  await refused(t, () => next, 'DRIFT_POISONED')
  t.deepEqual(await seqs(db), [[1]], 'what is visible can still be read')
  await db.close().catch(() => {})
})

test('beside a writer a follower goes on at each refresh', async (t) => {
  const directory = temporaryDirectory(t)
  await using writer = await open(directory)
  await writer.createTable('a', { primaryKey: 'id' })
  await using reader = await open(directory, { readOnly: true })
  const feed = reader.changes({ follow: true })
  t.is((await feed.next()).value?.seq, 1)
  for (let seq = 2; seq < 30; seq++) {
    const next = feed.next()
    await writer.table('a').upsert({ id: seq % 3 }, { metadata: seq })
    if (seq % 7 === 0) await writer.compact()
    await reader.refresh()
    t.deepEqual((await next).value?.metadata, seq)
  }
  await feed.return()
})

test('a feed is a source of streams, and destroying the stream ends it', async (t) => {
  const db = await small()
  const stream = Readable.from(db.changes({ follow: true }))
  const found: number[] = []
  for await (const { seq } of stream as AsyncIterable<CommitChanges>) {
    found.push(seq)
    if (seq === 8) break
  }
  t.deepEqual(found, [1, 2, 5, 6, 7, 8])
  t.true(stream.destroyed)
  await db.close()
})

test('a follower that waits does not hold the process', async (t) => {
  const { exit, line } = startChild(
    `const db = await open(args[0]); await db.createTable('a', { primaryKey: 'id' })
     const feed = db.changes({ follow: true }); await feed.next()
     void feed.next(); say('waiting')`,
    temporaryDirectory(t)
  )
  t.is(await line(), 'waiting')
  t.is(await exit, 0)
})
