/** SNAPSHOT: an opening that reads fewer bytes, the same answers at every seq, and nothing that depends on the file being whole. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { silentLog } from '../../src/base/log.js'
import { MemoryIo } from '../../src/io/memory-io.js'
import { open, verify } from '../../src/index.js'
import { verify as verifyFiles } from '../../src/operations/verify.js'
import { refused, temporaryDirectory } from '../api/_temporary.js'
import { openSimulated } from '../coordinator/_database.js'
import { Oracle } from '../coordinator/_oracle.js'
import { difference, fill, write, writesOf } from './_filled.js'

const snapshotsOf = (directory: string, table: string) =>
  readdirSync(join(directory, 'tables', table, 'snapshots'))
    .filter((name) => name.endsWith('.snap'))
    .sort()

test('CMP-5: an opening begins from the snapshots, reads what is behind them, and answers the same at every seq', async (t) => {
  const directory = temporaryDirectory(t)
  const oracle = new Oracle()
  const db = await open(directory)
  await fill(db, oracle, 60)
  const { tables } = await db.snapshot()
  t.deepEqual(
    tables.map(({ table, seq }) => [table, seq]),
    [
      ['a', oracle.lastSeq],
      ['b', oracle.lastSeq]
    ]
  )
  t.deepEqual(snapshotsOf(directory, 'a'), [`${String(oracle.lastSeq).padStart(8, '0')}.snap`])
  t.is(difference(db, oracle), undefined)
  const events = tables.reduce((sum, table) => sum + table.events, 0)
  await write(db, oracle, writesOf(7, 23, 100))
  await db.close()

  const second = await open(directory)
  t.like(second.stats().recovery, { eventsFromSnapshots: events, eventsFromWal: 0 })
  t.true(second.stats().recovery.eventsFromSegments > 0)
  t.is(difference(second, oracle), undefined)
  await second.snapshot('a')
  t.is(snapshotsOf(directory, 'a').length, 2, 'little that is new is put beside what is there')
  await write(second, oracle, writesOf(60, 23, 200))
  await second.compact()
  t.is(difference(second, oracle), undefined)
  await second.snapshot('a')
  t.is(snapshotsOf(directory, 'a').length, 1, 'much that is new is merged with it')
  await second.close()
  t.deepEqual((await verify(directory)).problems, [])

  const third = await open(directory)
  t.is(difference(third, oracle), undefined)
  await write(third, oracle, writesOf(60, 23, 300))
  t.is(difference(third, oracle), undefined)
  await third.close()
  const reader = await open(directory, { readOnly: true })
  t.is(difference(reader, oracle), undefined)
  await refused(t, () => reader.snapshot(), 'DRIFT_READ_ONLY')
  await reader.close()
})

test('the chain of snapshots stays short, however often one is made, and nothing new makes no file', async (t) => {
  const io = new MemoryIo()
  const oracle = new Oracle()
  const { db } = await openSimulated(io)
  await write(db, oracle, [{ create: 'a' }, { create: 'b' }])
  t.like((await db.snapshot('a')).tables[0], { seq: 0, events: 0, bytes: 0 })
  for (let round = 0; round < 40; round++) {
    await write(db, oracle, writesOf(2, 23, round * 2))
    await db.snapshot('a')
  }
  t.true((db.stats().tables[0]?.snapshots ?? 99) <= 6)
  const [again] = (await db.snapshot('a')).tables
  t.is(again?.bytes, 0)
  await db.close()
  t.deepEqual((await verifyFiles(io, '/data')).problems, [])
  const { db: second } = await openSimulated(io)
  t.is(second.stats().recovery.eventsFromSnapshots, again?.events ?? -1)
  t.is(difference(second, oracle), undefined)
  await second.close()
})

test('every flipped bit of a snapshot is found by doctor, with file and offset, and changes no answer', async (t) => {
  const io = new MemoryIo()
  const oracle = new Oracle()
  const { db } = await openSimulated(io)
  await fill(db, oracle, 12)
  const [table] = (await db.snapshot('a')).tables
  await db.close()
  const path = `/data/tables/a/snapshots/${table?.files[0]}`
  const bytes = io.files.get(path)?.view ?? new Uint8Array(0)
  t.true(bytes.length > 500)
  let ignored = 0
  for (let at = 0; at < bytes.length; at += 1 + (at % 3)) {
    const bit = 1 << (at & 7)
    bytes[at] = (bytes[at] ?? 0) ^ bit
    const report = await verifyFiles(io, '/data')
    if (!report.problems.some(({ file }) => file === path)) t.fail(`bit ${bit} of byte ${at} is not found`)
    const opened = await openSimulated(io, { readOnly: true })
    if (opened.db.stats().recovery.eventsFromSnapshots === 0) ignored++
    const found = difference(opened.db, oracle)
    if (found !== undefined) t.fail(`byte ${at}: ${found}`)
    await opened.db.close()
    bytes[at] = (bytes[at] ?? 0) ^ bit
  }
  t.true(ignored > 50)
})

test('a snapshot that is damaged or lost is ignored with a warning, dropped by the next opening, and made anew', async (t) => {
  for (const how of ['damaged', 'lost'] as const) {
    const io = new MemoryIo()
    const oracle = new Oracle()
    const { db } = await openSimulated(io)
    await fill(db, oracle, 20)
    const [table] = (await db.snapshot('a')).tables
    await db.close()
    const path = `/data/tables/a/snapshots/${table?.files[0]}`
    if (how === 'lost') io.remove(path)
    else io.files.get(path)?.view.fill(7, 100, 140)
    const messages: string[] = []
    const log = { info: () => {}, error: () => {}, debug: () => {}, warn: (_: object, message: string) => messages.push(message) }
    const second = await openSimulated(io, { log: log as never })
    t.deepEqual(messages, ['a snapshot is damaged; the segments are read instead'])
    t.is(difference(second.db, oracle), undefined)
    t.is(second.db.stats().recovery.eventsFromSnapshots, 0)
    await second.db.close()
    t.deepEqual((await verifyFiles(io, '/data')).problems, [], 'no manifest names it any more')
    const third = await openSimulated(io)
    await third.db.snapshot()
    await third.db.close()
    const fourth = await openSimulated(io)
    t.true(fourth.db.stats().recovery.eventsFromSnapshots > 0)
    t.is(difference(fourth.db, oracle), undefined)
    await fourth.db.close()
  }
})

test('doctor compares snapshots with the segments, row for row', async (t) => {
  const filled = async (order: readonly number[], snapshot: boolean) => {
    const io = new MemoryIo()
    const { db } = await openSimulated(io)
    await db.createTable('a', { primaryKey: 'id' })
    for (const id of order) await db.table('a').upsert({ id })
    if (snapshot) await db.snapshot()
    await db.close()
    return io
  }
  const honest = await filled([0, 1, 2, 3, 0], true)
  t.true((await verifyFiles(honest, '/data')).ok)
  // Two simulated databases have one id: the snapshot of the other is whole, and wrong.
  const path = [...honest.files.keys()].find((name) => name.endsWith('.snap')) ?? ''
  const other = (await filled([0, 1, 2, 3, 1], true)).files.get(path)
  if (other !== undefined) honest.files.set(path, other)
  const report = await verifyFiles(honest, '/data')
  t.is(report.problems.length, 1)
  t.is(report.problems[0]?.file, path)
  t.regex(report.problems[0]?.message ?? '', /is not what the segments say/)
})

test('SNAPSHOT that is cancelled, or overtaken by close, leaves no file', async (t) => {
  const io = new MemoryIo()
  const oracle = new Oracle()
  const { db } = await openSimulated(io)
  await fill(db, oracle, 20)
  const controller = new AbortController()
  const cancelled = db.snapshot('a', { signal: controller.signal })
  controller.abort()
  await refused(t, () => cancelled, 'DRIFT_ABORTED')
  const closed = refused(t, () => db.snapshot('a'), 'DRIFT_CLOSED')
  await Promise.all([closed, db.close()])
  t.deepEqual(
    [...io.files.keys()].filter((path) => path.includes('/snapshots')),
    []
  )
})

test('a lost folder of snapshots, and a lost manifest, are no loss', async (t) => {
  const io = new MemoryIo()
  const oracle = new Oracle()
  const { db } = await openSimulated(io)
  await fill(db, oracle, 20)
  await db.snapshot()
  await db.close()
  io.remove('/data/tables/a/snapshots')
  io.remove('/data/tables/b/meta.json')
  const second = await openSimulated(io)
  t.is(difference(second.db, oracle), undefined)
  await write(second.db, oracle, writesOf(5, 23, 50))
  await second.db.snapshot()
  await second.db.close()
  t.true((await verifyFiles(io, '/data')).ok)
  const third = await openSimulated(io)
  t.is(difference(third.db, oracle), undefined)
  await third.db.close()
})

test('a snapshot is written by itself when enough events are in none, of versions and of pages that are there', async (t) => {
  const io = new MemoryIo()
  const messages: string[] = []
  const log = { info: () => {}, error: () => {}, warn: (_: object, message: string) => messages.push(message), debug: () => {} }
  const { db, coordinator } = await openSimulated(io, { snapshotEvents: 100, cacheBytes: 64 * 1024 * 1024, log: log as never })
  const folder = '/data/tables/a/snapshots'
  const files = () => (io.kind(folder) === 'directory' ? io.list(folder).filter((name) => /^\d+\.(?:snap|pages)$/.test(name)) : [])
  const rested = async (): Promise<void> => {
    await coordinator.checkpoint()
    for (let turns = 0; turns < 300; turns++) await new Promise((resolve) => void setImmediate(resolve))
  }
  await db.createTable('a', { primaryKey: 'id' })
  const insert = (from: number, to: number) =>
    db.table('a').insertMany(Array.from({ length: to - from }, (_, index) => ({ id: from + index, n: index })))
  await insert(0, 99)
  await rested()
  t.deepEqual(files(), [])
  await insert(99, 120)
  await rested()
  t.deepEqual(files().sort(), ['00000001.pages', `${String(db.lastSeq).padStart(8, '0')}.snap`].sort())
  await insert(120, 200)
  await rested()
  t.is(files().length, 2, '80 events more are too few')
  await insert(200, 230)
  await rested()
  await rested()
  t.true(files().some((name) => name === `${String(db.lastSeq).padStart(8, '0')}.snap`))
  t.deepEqual(messages, [])
  const seq = db.lastSeq
  await db.close()
  const second = await openSimulated(io)
  t.like(second.db.stats().recovery, { eventsFromSnapshots: 230, eventsFromWal: 0 })
  t.is(second.db.lastSeq, seq)
  t.deepEqual(await second.db.query('SELECT COUNT(*) c FROM a').all(), [{ c: 230 }])
  await second.db.close()
  const third = await openSimulated(io, { snapshotEvents: Number.POSITIVE_INFINITY })
  await third.db.table('a').insertMany(Array.from({ length: 500 }, (_, index) => ({ id: 1000 + index })))
  await third.coordinator.checkpoint()
  for (let turns = 0; turns < 300; turns++) await new Promise((resolve) => void setImmediate(resolve))
  t.false(files().some((name) => name === `${String(third.db.lastSeq).padStart(8, '0')}.snap`))
  await third.db.close()
})

test('snapshotEvents is a number from 1 on', async (t) => {
  await refused(t, () => open(':memory:', { snapshotEvents: 0 }), 'DRIFT_INVALID_ARGUMENT')
})

test('on real files a snapshot is written by itself when nobody writes any more, and a closing does not wait for the next one', async (t) => {
  const directory = temporaryDirectory(t)
  const db = await open(directory, { snapshotEvents: 50 })
  await db.createTable('a', { primaryKey: 'id', indexes: [{ columns: ['n'], unique: true }] })
  await db.table('a').insertMany(Array.from({ length: 120 }, (_, id) => ({ id, n: id })))
  const index = join(directory, 'tables/a/indexes/n.idx')
  while (!existsSync(index)) await new Promise((resolve) => void setTimeout(resolve, 50))
  await db.table('a').insertMany(Array.from({ length: 120 }, (_, id) => ({ id: 1000 + id })))
  await db.close()
  t.is(snapshotsOf(directory, 'a').length, 1)
  const messages: string[] = []
  const log = { info: (_: object, message: string) => messages.push(message), warn: (_: object, message: string) => messages.push(message) }
  const second = await open(directory, { log: { ...silentLog, ...log } as never })
  t.like(second.stats().recovery, { eventsFromSnapshots: 120 })
  t.true(messages.includes('an index is taken up from its files'), messages.join())
  await t.throwsAsync(() => second.table('a').insert({ id: 'twin', n: 7 }), { code: 'DRIFT_ALREADY_EXISTS' })
  await second.close()
})
