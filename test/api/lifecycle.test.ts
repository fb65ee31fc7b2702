/** Opening, closing, what is left behind, and what the options promise; with damage done to the files in between. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import test, { type ExecutionContext } from 'ava'
import { Coordinator } from '../../src/coordinator/coordinator.js'
import { systemClock } from '../../src/base/clock.js'
import { silentLog } from '../../src/base/log.js'
import { systemRandom } from '../../src/base/random.js'
import { Database, DriftError, open, type Document, type InsertManyResult } from '../../src/index.js'
import { realIo } from '../../src/io/real-io.js'
import { collect } from '../coordinator/_oracle.js'
import { refused, startChild, temporaryDirectory } from './_temporary.js'

const FULL = process.env['FULL'] === '1'

const descriptors = () => readdirSync('/proc/self/fd').length
const threads = () => readdirSync('/proc/self/task').length

/** Three rows in each of two tables, closed. */
async function closedDatabase(t: ExecutionContext): Promise<string> {
  const directory = temporaryDirectory(t)
  const db = await open(directory)
  await db.createTable('a', { primaryKey: 'id' })
  await db.createTable('b', { primaryKey: 'id' })
  for (let id = 1; id <= 3; id++) {
    await db.batch([
      { insert: 'a', document: { id, text: `row ${id}` } },
      { insert: 'b', document: { id, text: `row ${id}` } }
    ])
  }
  await db.close()
  return directory
}

/** The database with its coordinator, for checkpoints at will. */
async function openWithCoordinator(directory: string): Promise<{ db: Database; coordinator: Coordinator }> {
  const coordinator = await Coordinator.open({
    io: realIo,
    directory,
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
    durability: 'full',
    cacheBytes: 8 << 20,
    readOnly: false,
    create: true,
    writer: 'thread',
    logBytes: 4 << 20
  })
  return { db: new Database(coordinator, {}), coordinator }
}

test.serial('opening and closing again and again leaves no descriptor, no thread and no lock', async (t) => {
  t.timeout(60 * 60_000)
  const directory = temporaryDirectory(t)
  const once = async (round: number) => {
    const db = await open(directory)
    await db.createTable('t', { primaryKey: 'id', ifNotExists: true })
    await db.table('t').insert({ id: round })
    db.table('t').get(0)
    await db.close()
  }
  for (let round = 0; round < 5; round++) await once(round)
  const before = { descriptors: descriptors(), threads: threads() }
  const rounds = FULL ? 1000 : 30
  for (let round = 5; round < rounds + 5; round++) await once(round)
  t.true(descriptors() <= before.descriptors, `${descriptors()} descriptors, before ${before.descriptors}`)
  t.true(threads() <= before.threads, `${threads()} threads, before ${before.threads}`)
  const db = await open(directory)
  t.is(db.table('t').count(), rounds + 5)
  await db.close()
})

test.serial('an opening that fails leaves no descriptor and no thread either', async (t) => {
  const directory = await closedDatabase(t)
  const file = join(directory, 'tables', 'drift.commits', 'segments', '00000001.seg')
  const bytes = readFileSync(file)
  const damaged = Uint8Array.from(bytes)
  damaged[damaged.length - 3] = (damaged[damaged.length - 3] ?? 0) ^ 0xff
  writeFileSync(file, damaged)
  await refused(t, () => open(directory), 'DRIFT_CORRUPT')
  const before = { descriptors: descriptors(), threads: threads() }
  for (let round = 0; round < 10; round++) await refused(t, () => open(directory), 'DRIFT_CORRUPT')
  t.true(descriptors() <= before.descriptors)
  t.true(threads() <= before.threads)
  writeFileSync(file, bytes)
  const db = await open(directory)
  t.is(db.table('a').count(), 3)
  await db.close()
})

test('closing twice is one closing, pending writes are written first, and later calls get CLOSED', async (t) => {
  const directory = temporaryDirectory(t)
  const db = await open(directory)
  await db.createTable('t', { primaryKey: 'id' })
  const table = db.table('t')
  const view = db.asOf('@now')
  const pending = Array.from({ length: 50 }, (_, id) => table.insert({ id }))
  const closings = [db.close(), db.close()]
  await refused(t, () => table.insert({ id: 50 }), 'DRIFT_CLOSED')
  await refused(t, () => table.get(1), 'DRIFT_CLOSED')
  await refused(t, () => db.table('t'), 'DRIFT_CLOSED')
  await refused(t, () => db.tables(), 'DRIFT_CLOSED')
  await refused(t, () => db.asOf('@now'), 'DRIFT_CLOSED')
  await refused(t, () => db.refresh(), 'DRIFT_CLOSED')
  await refused(t, () => db.batch([]), 'DRIFT_CLOSED')
  await refused(t, () => db.exec('SELECT * FROM t'), 'DRIFT_CLOSED')
  await refused(t, () => view.table('t'), 'DRIFT_CLOSED')
  await refused(t, () => collect(table.scan()), 'DRIFT_CLOSED')
  t.is((await Promise.all(pending)).length, 50)
  await Promise.all(closings)
  await db.close()
  await using again = await open(directory)
  t.is(again.table('t').count(), 50)
})

test('a scan that is open when the database closes ends with CLOSED', async (t) => {
  const db = await open(':memory:')
  await db.createTable('t', { primaryKey: 'id' })
  await db.table('t').insertMany(Array.from({ length: 5000 }, (_, id) => ({ id })))
  const rows = db.table('t').scan()
  await rows.next()
  await db.close()
  await refused(t, () => collect(rows), 'DRIFT_CLOSED')
})

test(':memory: is private, has no files, and works like the other', async (t) => {
  const [one, other] = await Promise.all([open(':memory:'), open(':memory:')])
  await one.createTable('t', { primaryKey: 'id' })
  await one.table('t').insertMany(Array.from({ length: 3000 }, (_, id) => ({ id, n: id })))
  t.is(one.table('t').count(), 3000)
  t.is(other.tables().length, 0)
  t.false(existsSync(':memory:'))
  await other.close()
  t.deepEqual(one.table('t').get(2999), { id: 2999, n: 2999 })
  await one.close()
})

test(':memory: reads what older checkpoints moved while another one is under way', async (t) => {
  const db = await open(':memory:')
  await db.createTable('t', { primaryKey: 'id' })
  const text = 'x'.repeat(20_000)
  // Enough for several checkpoints; older rows are read all the time.
  for (let id = 0; id < 4000; id++) {
    await db.table('t').insert({ id, text })
    const older = Math.floor(id / 2)
    if (db.table('t').get(older)?.['id'] !== older) t.fail(`row ${older} is not there after ${id} rows`)
  }
  t.true(db.stats().checkpoints > 0)
  for (const id of [0, 1, 2000, 3999]) t.is(db.table('t').get(id)?.['id'], id)
  await db.close()
})

test('a reader beside a live writer in another process sees after refresh() what was acknowledged', async (t) => {
  const directory = temporaryDirectory(t)
  const writer = startChild(
    `const db = await open(args[0])
     await db.createTable('t', { primaryKey: 'id' })
     say('ready')
     let id = 0
     process.stdin.on('data', async () => {
       const { seq } = await db.table('t').insertMany(Array.from({ length: 10 }, () => ({ id: id++ })))
       say(String(seq))
     })
     process.stdin.on('end', () => db.close())`,
    directory
  )
  t.is(await writer.line(), 'ready')
  const reader = await open(directory, { readOnly: true })
  t.true(reader.readOnly)
  t.is(reader.table('t').count(), 0)
  for (let round = 1; round <= 10; round++) {
    using before = reader.asOf('@now')
    writer.child.stdin?.write('more\n')
    const seq = Number(await writer.line())
    t.is(reader.table('t').count(), (round - 1) * 10, 'nothing moves before refresh')
    await reader.refresh()
    t.is(reader.lastSeq, seq)
    t.is(reader.table('t').count(), round * 10)
    t.is(before.table('t').count(), (round - 1) * 10, 'VIS-5: a view keeps its point')
    t.deepEqual(reader.table('t').get(round * 10 - 1), { id: round * 10 - 1 })
  }
  writer.child.stdin?.end()
  t.is(await writer.exit, 0)
  await reader.refresh()
  t.is(reader.table('t').count(), 100)
  await reader.close()
})

test('a reader may refresh at any moment of its writer: checkpoints, rotations and closings', async (t) => {
  const directory = temporaryDirectory(t)
  {
    const { db } = await openWithCoordinator(directory)
    await db.createTable('a', { primaryKey: 'id' })
    await db.createTable('b', { primaryKey: 'id' })
    await db.close()
  }
  const reader = await open(directory, { readOnly: true })
  let done = false
  let acknowledged = 0
  const writing = (async () => {
    try {
      for (let round = 0; round < (FULL ? 60 : 6); round++) {
        const { db, coordinator } = await openWithCoordinator(directory)
        for (let id = 0; id < 60; id++) {
          const { seq } = await db.batch([
            { insert: 'a', document: { id: `${round}-${id}` } },
            { insert: 'b', document: { id: `${round}-${id}` } }
          ])
          acknowledged = seq
          if (id % 7 === 0) void coordinator.checkpoint()
        }
        await db.close()
      }
    } finally {
      done = true
    }
  })()
  let refreshes = 0
  let fault: unknown
  while (!done) {
    if (fault !== undefined) {
      await sleep(1)
      continue
    }
    const atLeast = acknowledged
    try {
      await reader.refresh()
    } catch (error) {
      // The writer ends first: its folder is removed with the test.
      fault = error
      continue
    }
    refreshes++
    if (reader.lastSeq < atLeast) fault = `${atLeast} was acknowledged, the reader sees ${reader.lastSeq}`
    const counts = ['a', 'b'].map((table) => reader.table(table).count())
    const scans = await Promise.all(['a', 'b'].map(async (table) => (await collect(reader.table(table).scan())).length))
    const expected = (reader.lastSeq - 2) / 2
    if (counts.some((count) => count !== expected)) fault = `ATM-4: counts are ${counts.join()} at seq ${reader.lastSeq}`
    if (scans.some((count) => count !== expected)) fault = `ATM-4: scans give ${scans.join()} at seq ${reader.lastSeq}`
  }
  await writing
  t.is(fault, undefined, String(fault))
  await reader.refresh()
  t.is(reader.lastSeq, acknowledged)
  t.true(refreshes > 5)
  await reader.close()
})

test('THR-3: an idle open database does not hold its process, and a pending write does', async (t) => {
  const directory = temporaryDirectory(t)
  const idle = startChild(
    `const db = await open(args[0])
     await db.createTable('t', { primaryKey: 'id' })
     say('ready')`,
    directory
  )
  t.is(await idle.line(), 'ready')
  t.is(await idle.exit, 0)
  const pending = startChild(
    `const db = await open(args[0])
     for (let id = 0; id < 100; id++) db.table('t').insert({ id }).then(() => id === 99 && say('written'))`,
    directory
  )
  t.is(await pending.line(), 'written')
  t.is(await pending.exit, 0)
  await using db = await open(directory)
  t.is(db.table('t').count(), 100)
})

for (const durability of ['os', 'none'] as const) {
  test(`durability ${durability}: after a clean close everything is there`, async (t) => {
    const directory = temporaryDirectory(t)
    const db = await open(directory, { durability })
    await db.createTable('t', { primaryKey: 'id' })
    const commits = await Promise.all(Array.from({ length: 500 }, (_, id) => db.table('t').insert({ id })))
    t.is(commits.at(-1)?.seq, 501)
    t.is(db.lastSeq, 501)
    t.is(db.table('t').count(), 500)
    await db.table('t').insertMany(Array.from({ length: 20_000 }, (_, id) => ({ id: `m${id}`, text: 'x'.repeat(200) })))
    await db.close()
    await using again = await open(directory)
    t.is(again.lastSeq, 20_501)
    t.is(again.table('t').count(), 20_500)
    t.is(again.asOf({ seq: 101 }).table('t').count(), 100)
  })
}

test('durability os: what was acknowledged is there after the process is killed', async (t) => {
  const directory = temporaryDirectory(t)
  const child = startChild(
    `const db = await open(args[0], { durability: 'os' })
     await db.createTable('t', { primaryKey: 'id' })
     for (let id = 0; id < 200; id++) await db.table('t').insert({ id })
     say('written')
     setInterval(() => {}, 1000)`,
    directory
  )
  t.is(await child.line(), 'written')
  child.child.kill('SIGKILL')
  await child.exit
  await using db = await open(directory)
  t.is(db.table('t').count(), 200)
})

test('insertMany that fails at a row keeps what was acknowledged, and says how far it came', async (t) => {
  for (const failing of [0, 1, 7, 12, 25, 99]) {
    const db = await open(':memory:')
    await db.createTable('t', { primaryKey: 'id' })
    const rows = Array.from({ length: 100 }, (_, id) => ({ id: id === failing ? -1 : id }))
    await db.table('t').insert({ id: -1 })
    const unhandled: unknown[] = []
    const listener = (reason: unknown) => void unhandled.push(reason)
    process.on('unhandledRejection', listener)
    const error = await refused(t, () => db.table('t').insertMany(rows, { batchRows: 2 }), 'DRIFT_ALREADY_EXISTS')
    await sleep(1)
    process.off('unhandledRejection', listener)
    t.deepEqual(unhandled, [])
    t.is(error.details['index'], failing)
    t.is(error.details['committed'], db.table('t').count() - 1)
    for (let id = 0; id < failing - 1; id++) t.true(db.table('t').has(id), `row ${id} stood before row ${failing}`)
    await db.close()
  }
})

test('insertMany of a row that cannot be stored, or of a source that throws, says the row', async (t) => {
  const db = await open(':memory:')
  await db.createTable('t', { primaryKey: 'id' })
  const rows = Array.from({ length: 30 }, (_, id): Document => (id === 21 ? { id, wrong: Number.NaN } : { id }))
  const error = await refused(t, () => db.table('t').insertMany(rows, { batchRows: 10 }), 'DRIFT_INVALID_DOCUMENT')
  t.is(error.details['index'], 21)
  t.is(error.details['committed'], 20)
  t.is(db.table('t').count(), 20)
  async function* source(): AsyncGenerator<Document> {
    for (let id = 100; id < 115; id++) yield { id }
    throw new DriftError('IO', 'the source is gone', {})
  }
  const second = await refused(t, () => db.table('t').insertMany(source(), { batchRows: 10 }), 'DRIFT_IO')
  t.is(second.details['index'], 15)
  t.is(second.details['committed'], 10)
  t.is(db.table('t').count(), 30)
  await db.close()
})

test('insertMany takes arrays, iterables and async iterables, reports progress, and can be cancelled', async (t) => {
  const db = await open(':memory:')
  await db.createTable('t', { primaryKey: 'id' })
  const progress: number[] = []
  const result: InsertManyResult = await db.table('t').insertMany(
    Array.from({ length: 2500 }, (_, id) => ({ id })),
    {
      onProgress: ({ done }) => void progress.push(done)
    }
  )
  t.deepEqual([result.count, result.commits, result.firstSeq, result.seq], [2500, 3, 2, 2501])
  t.is(progress.at(-1), 2500)
  function* some() {
    for (let id = 3000; id < 3010; id++) yield { id }
  }
  t.is((await db.table('t').insertMany(some())).count, 10)
  t.is((await db.table('t').insertMany([])).count, 0)
  t.is((await db.table('t').insertMany([{ id: 3000, n: 1 }], { mode: 'upsert' })).count, 1)
  const controller = new AbortController()
  async function* endless() {
    for (let id = 10_000; ; id++) {
      if (id === 10_500) controller.abort()
      yield { id }
    }
  }
  const error = await refused(t, () => db.table('t').insertMany(endless(), { batchRows: 100, signal: controller.signal }), 'DRIFT_ABORTED')
  t.is(error.details['committed'], db.table('t').count() - 2510)
  await db.close()
})

test('ifSeq writes only if the last event is the one that was read', async (t) => {
  const db = await open(':memory:')
  await db.createTable('t', { primaryKey: 'id' })
  const table = db.table('t')
  const { seq } = await table.insert({ id: 1, n: 1 }, { ifSeq: 0 })
  const error = await refused(t, () => table.patch(1, { n: 2 }, { ifSeq: seq - 1 }), 'DRIFT_WRITE_CONFLICT')
  t.is(error.details['seq'], seq)
  await refused(t, () => table.upsert({ id: 1 }, { ifSeq: 0 }), 'DRIFT_WRITE_CONFLICT')
  await refused(t, () => table.insert({ id: 2 }, { ifSeq: 5 }), 'DRIFT_WRITE_CONFLICT')
  const deleted = await table.softDelete(1, { ifSeq: seq })
  await refused(t, () => table.insert({ id: 1 }, { ifSeq: seq }), 'DRIFT_WRITE_CONFLICT')
  t.is((await table.insert({ id: 1 }, { ifSeq: deleted.seq })).seq, deleted.seq + 1)
  // Of two that read the same, one wins; also while neither is durable.
  const last = table.entry(1)?.seq ?? -1
  const both = await Promise.allSettled([table.patch(1, { by: 'a' }, { ifSeq: last }), table.patch(1, { by: 'b' }, { ifSeq: last })])
  t.deepEqual(
    both.map(({ status }) => status),
    ['fulfilled', 'rejected']
  )
  t.deepEqual(table.get(1), { id: 1, by: 'a' })
  await db.close()
})

test('skipUnchanged makes no event where nothing changes', async (t) => {
  const db = await open(':memory:')
  await db.createTable('t', { primaryKey: 'id' })
  const table = db.table('t')
  const { seq } = await table.insert({ id: 1, a: [1, { b: null }], n: 1 })
  for (const write of [
    () => table.upsert({ id: 1, n: 1, a: [1, { b: null }] }, { skipUnchanged: true }),
    () => table.patch(1, { n: 1 }, { skipUnchanged: true }),
    () => table.patch(1, {}, { skipUnchanged: true })
  ]) {
    const commit = await write()
    t.is(commit.count, 0)
    t.is(commit.seq, seq)
  }
  t.is(db.lastSeq, seq)
  t.is([...table.history(1)].length, 1)
  t.is((await table.patch(1, { n: 2 }, { skipUnchanged: true })).count, 1)
  // Compared with the state numbered so far, durable or not.
  const [first, second] = await Promise.all([
    table.patch(1, { n: 3 }, { skipUnchanged: true }),
    table.patch(1, { n: 3 }, { skipUnchanged: true })
  ])
  t.deepEqual([first.count, second.count], [1, 0])
  t.is(second.seq, first.seq)
  t.is((await table.patch(1, { n: 3 })).count, 1, 'without it a PATCH that changes nothing is an event')
  const mixed = await db.batch([
    { upsert: 't', document: { id: 1, n: 3, a: [1, { b: null }] }, skipUnchanged: true },
    { insert: 't', document: { id: 2 } }
  ])
  t.is(mixed.count, 1)
  await db.close()
})

test('metadata comes back with each event, after checkpoints and reopenings too', async (t) => {
  const directory = temporaryDirectory(t)
  const metadata = { who: 'ann', tags: ['a', null], at: new Date(1_735_689_600_123), big: 2n ** 60n + 1n, bytes: new Uint8Array([1, 2]) }
  const check = (db: Database) => {
    t.deepEqual(db.table('t').entry(1)?.metadata, metadata)
    t.is(db.table('t').entry(2)?.metadata, null)
    t.is(db.table('t').entry(3)?.metadata, 'text')
    t.deepEqual(
      [...db.table('t').history(1)].map((entry) => entry.metadata),
      [null, metadata]
    )
  }
  const { db, coordinator } = await openWithCoordinator(directory)
  await db.createTable('t', { primaryKey: 'id' })
  await db.table('t').insert({ id: 1 })
  await db.table('t').insert({ id: 2 })
  await db.table('t').insertMany([{ id: 3 }], { metadata: 'text' })
  await db.table('t').patch(1, { n: 1 }, { metadata })
  check(db)
  await coordinator.checkpoint()
  check(db)
  await db.close()
  await using again = await open(directory)
  check(again)
})

test('damage in one table fails only the reads of that table, with file and offset, and nothing is written', async (t) => {
  const directory = await closedDatabase(t)
  const file = join(directory, 'tables', 'a', 'segments', '00000001.seg')
  const intact = readFileSync(file)
  for (const at of [70, Math.floor(intact.length / 2), intact.length - 1]) {
    const bytes = Uint8Array.from(intact)
    bytes[at] = (bytes[at] ?? 0) ^ 0x10
    writeFileSync(file, bytes)
    const db = await open(directory)
    for (const read of [
      () => db.table('a').get(1),
      () => db.table('a').has(1),
      () => db.table('a').count(),
      () => [...db.table('a').history(1)],
      () => collect(db.table('a').scan()),
      () => db.asOf({ seq: 4 }).table('a').get(1),
      () => db.exec('SELECT * FROM a')
    ]) {
      const { details } = await refused(t, read, 'DRIFT_CORRUPT')
      t.is(details['file'], file)
      t.true(Number(details['offset']) >= 64 && Number(details['offset']) <= at)
    }
    t.is(db.table('b').count(), 3)
    t.deepEqual(db.table('b').get(2), { id: 2, text: 'row 2' })
    const error = await refused(t, () => db.table('b').insert({ id: 9 }), 'DRIFT_READ_ONLY')
    t.is(error.details['table'], 'a')
    await refused(t, () => db.createTable('c', { primaryKey: 'id' }), 'DRIFT_READ_ONLY')
    t.is(db.stats().tables.length, 2)
    await db.close()
    t.deepEqual(Uint8Array.from(readFileSync(file)), bytes, 'an opening does not touch what is damaged')
  }
  writeFileSync(file, intact)
  await using db = await open(directory)
  t.is(db.table('a').count(), 3)
  await db.table('a').insert({ id: 4 })
})

test('a lost or damaged meta.json is rebuilt from the segments, for every table', async (t) => {
  const directory = await closedDatabase(t)
  for (const folder of ['a', 'b', 'drift.commits', 'drift.catalog']) {
    const meta = join(directory, 'tables', folder, 'meta.json')
    for (const harm of ['lost', 'empty', 'no JSON', 'cut'] as const) {
      const bytes = readFileSync(meta)
      if (harm === 'lost') rmSync(meta)
      else if (harm === 'empty') writeFileSync(meta, '')
      else if (harm === 'no JSON') writeFileSync(meta, 'no JSON')
      else writeFileSync(meta, bytes.subarray(0, bytes.length - 10))
      const db = await open(directory)
      t.is(db.stats().recovery.rebuiltManifests, 1, `${folder}: ${harm}`)
      for (const table of ['a', 'b']) {
        t.is(db.table(table).count(), 3)
        t.deepEqual(db.table(table).get(3), { id: 3, text: 'row 3' })
      }
      t.is(db.lastSeq, 8)
      await db.close()
      t.true(existsSync(meta))
      const again = await open(directory)
      t.is(again.stats().recovery.rebuiltManifests, 0)
      t.is(again.table(folder.startsWith('drift.') ? 'a' : folder).count(), 3)
      await again.close()
    }
  }
})

test('a table that lost its segments is CORRUPT, never empty', async (t) => {
  const directory = await closedDatabase(t)
  const folder = join(directory, 'tables', 'a')
  const segment = join(folder, 'segments', '00000001.seg')
  const kept = join(directory, 'kept.seg')
  copyFileSync(segment, kept)
  rmSync(segment)
  for (const isMetaLost of [false, true]) {
    if (isMetaLost) rmSync(join(folder, 'meta.json'))
    const db = await open(directory).catch((error: unknown) => error)
    if (db instanceof Database) {
      await refused(t, () => db.table('a').count(), 'DRIFT_CORRUPT')
      t.is(db.table('b').count(), 3)
      await db.close()
    } else {
      t.fail(`segment lost, meta.json ${isMetaLost ? 'lost too' : 'there'}: ${String(db)}`)
    }
  }
  copyFileSync(kept, segment)
  rmSync(kept)
  await using db = await open(directory)
  t.is(db.table('a').count(), 3)
})

test('a table whose whole folder is lost is CORRUPT, never empty', async (t) => {
  const directory = await closedDatabase(t)
  rmSync(join(directory, 'tables', 'a'), { recursive: true })
  const db = await open(directory)
  await refused(t, () => db.table('a').count(), 'DRIFT_CORRUPT')
  t.is(db.table('b').count(), 3)
  await db.close()
})

test('things that others left in the folder of a database are not touched', async (t) => {
  const directory = await closedDatabase(t)
  mkdirSync(join(directory, 'backups', 'mine'))
  writeFileSync(join(directory, 'notes.txt'), 'mine')
  writeFileSync(join(directory, 'wal', 'notes.txt'), 'mine')
  const db = await open(directory)
  await db.table('a').insert({ id: 4 })
  await db.close()
  t.true(existsSync(join(directory, 'backups', 'mine')))
  t.true(existsSync(join(directory, 'notes.txt')))
  t.true(existsSync(join(directory, 'wal', 'notes.txt')))
})

test('pending writes that are thousands, and more bytes than the log has room for, all get through in order', async (t) => {
  const directory = temporaryDirectory(t)
  const { db } = await openWithCoordinator(directory)
  await db.createTable('t', { primaryKey: 'id' })
  const text = 'x'.repeat(3000)
  const commits = await Promise.all(Array.from({ length: 8000 }, (_, id) => db.table('t').insert({ id, text })))
  t.true(commits.every((commit, index) => commit.seq === index + 2))
  t.is(db.table('t').count(), 8000)
  t.true(db.stats().checkpoints > 1)
  await db.close()
  await using again = await open(directory)
  t.is(again.table('t').count(), 8000)
  t.deepEqual(again.table('t').get(7999), { id: 7999, text })
})

test('a write that is cancelled before it is numbered is ABORTED, refused', async (t) => {
  const db = await open(':memory:')
  await db.createTable('t', { primaryKey: 'id' })
  const error = await refused(t, () => db.table('t').insert({ id: 1 }, { signal: AbortSignal.abort() }), 'DRIFT_ABORTED')
  t.is(error.details['outcome'], 'refused')
  t.is(db.table('t').count(), 0)
  await db.close()
})

test('a program that was started with flags of its own opens a database too', async (t) => {
  const directory = temporaryDirectory(t)
  const library = new URL('../../bundle/front/index.js', import.meta.url).href
  const program = `import { open } from ${JSON.stringify(library)}
    const db = await open(${JSON.stringify(directory)}); await db.createTable('t', { primaryKey: 'id' }); await db.close()`
  const child = spawn(process.execPath, ['--expose-gc', '--max-old-space-size=200', '--input-type=module', '-e', program], {
    stdio: 'inherit'
  })
  t.deepEqual(await once(child, 'exit'), [0, null])
  await using db = await open(directory)
  t.is(db.tables().length, 1)
})

test('with durability none who awaits one commit after the other still lets timers be heard', async (t) => {
  const db = await open(temporaryDirectory(t), { durability: 'none' })
  await db.createTable('t', { primaryKey: 'id' })
  let isHeard = false
  setTimeout(() => (isHeard = true), 1)
  let commits = 0
  for (; !isHeard && commits < 200_000; commits++) await db.table('t').upsert({ id: 1, commits })
  t.true(isHeard)
  t.deepEqual(db.table('t').get(1), { id: 1, commits: commits - 1 })
  await db.close()
})
