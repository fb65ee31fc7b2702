/** COMPACT: fewer and smaller files, the same answers at every seq, whatever happens meanwhile. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { DriftError } from '../../src/base/errors.js'
import { MemoryIo } from '../../src/io/memory-io.js'
import { open, verify, type MaintenanceProgress } from '../../src/index.js'
import { verify as verifyFiles } from '../../src/operations/verify.js'
import { refused, temporaryDirectory } from '../api/_temporary.js'
import { openSimulated } from '../coordinator/_database.js'
import { Oracle } from '../coordinator/_oracle.js'
import { difference, fill, write, writesOf } from './_filled.js'

const segmentsOf = (directory: string, table: string) => readdirSync(join(directory, 'tables', table, 'segments')).sort()

test('CMP-4: segments are merged and compressed, and every point in time answers as before, across openings', async (t) => {
  const directory = temporaryDirectory(t)
  const oracle = new Oracle()
  const db = await open(directory)
  await fill(db, oracle, 60)
  const progress: MaintenanceProgress[] = []
  const { tables } = await db.compact(undefined, { onProgress: (step) => progress.push(step) })
  t.deepEqual(
    tables.map(({ table }) => table),
    ['a', 'b', 'drift.commits']
  )
  for (const { bytesBefore, bytesAfter, segmentsAfter } of tables) {
    t.true(bytesAfter < bytesBefore)
    t.is(segmentsAfter, 1)
  }
  t.deepEqual(segmentsOf(directory, 'a'), ['00000001-00000001.seg'])
  const last = progress.at(-1)
  t.is(last?.done, last?.total)
  t.is(difference(db, oracle), undefined)
  const stats = db.stats().tables.find(({ name }) => name === 'a')
  t.like(stats, { segments: 1, compactedSegments: 1 })
  t.true((stats?.segmentFileBytes ?? 0) < (stats?.segmentBytes ?? 0))

  await write(db, oracle, writesOf(60, 23, 100))
  await db.compact('a')
  t.deepEqual(segmentsOf(directory, 'a'), ['00000001-00000002.seg'], 'small files are merged')
  t.is(difference(db, oracle), undefined)
  await write(db, oracle, writesOf(5, 23, 200))
  await db.close()

  const second = await open(directory)
  t.is(difference(second, oracle), undefined)
  await write(second, oracle, writesOf(5, 23, 300))
  await second.compact()
  await second.compact()
  t.is(difference(second, oracle), undefined)
  await second.close()
  const report = await verify(directory)
  t.deepEqual(report.problems, [])
  t.is(report.lastSeq, oracle.lastSeq)
})

test('COMPACT of what is compacted changes no file, and one of an empty table is no error', async (t) => {
  const directory = temporaryDirectory(t)
  const db = await open(directory)
  await db.createTable('a', { primaryKey: 'id' })
  t.like((await db.compact('a')).tables[0], { events: 0, segmentsBefore: 0, segmentsAfter: 0, bytesAfter: 0 })
  await db.table('a').insert({ id: 1 })
  await db.compact('a')
  const before = segmentsOf(directory, 'a')
  const { compactions } = db.stats()
  await db.compact('a')
  t.deepEqual(segmentsOf(directory, 'a'), before)
  t.is(db.stats().compactions, compactions)
  await refused(t, () => db.compact('nobody'), 'DRIFT_UNKNOWN_TABLE')
  await db.close()
  await refused(t, () => db.compact('a'), 'DRIFT_CLOSED')
  const reader = await open(directory, { readOnly: true })
  await refused(t, () => reader.compact('a'), 'DRIFT_READ_ONLY')
  await reader.close()
})

test('a reader beside the writer goes on reading what was compacted under it, and moves on', async (t) => {
  const directory = temporaryDirectory(t)
  const oracle = new Oracle()
  const db = await open(directory)
  await fill(db, oracle, 40)
  await db.close()
  const writer = await open(directory)
  const reader = await open(directory, { readOnly: true })
  const before = new Oracle()
  for (const commit of oracle.commits) before.commits.push(commit)
  await writer.compact()
  t.deepEqual(segmentsOf(directory, 'a'), ['00000001-00000001.seg'])
  t.is(difference(reader, oracle), undefined, 'the files that it opened are there although their names are gone')
  await write(writer, oracle, writesOf(10, 23, 400))
  await reader.refresh()
  t.is(difference(reader, oracle), undefined)
  await Promise.all([writer.compact(), ...Array.from({ length: 20 }, () => reader.refresh())])
  t.is(difference(reader, oracle), undefined)
  await reader.close()
  await writer.close()
})

test('views that were taken before COMPACT answer as they did', async (t) => {
  const { db } = await openSimulated(new MemoryIo())
  const oracle = new Oracle()
  await fill(db, oracle, 40)
  using view = db.asOf({ seq: oracle.commits[20]?.seq ?? 0 })
  const scan = view.table('a').scan()
  const first = await scan.next()
  await db.compact()
  const rest = []
  for await (const row of scan) rest.push(row)
  t.deepEqual([first.value, ...rest], [...oracle.rows('a', view.seq).values()].map(({ document }) => document).sort(byId))
  await db.close()
})

const byId = (a: object, b: object) => ((a as { id: string }).id < (b as { id: string }).id ? -1 : 1)

test('COMPACT that is cancelled, or overtaken by close, leaves the old files live and no other', async (t) => {
  const io = new MemoryIo()
  const oracle = new Oracle()
  const { db, coordinator } = await openSimulated(io)
  await fill(db, oracle, 40)
  await coordinator.checkpoint()
  const controller = new AbortController()
  const cancelled = db.compact('a', { signal: controller.signal })
  controller.abort()
  await refused(t, () => cancelled, 'DRIFT_ABORTED')
  t.is(difference(db, oracle), undefined)
  const closing = db.compact('a')
  const closed = refused(t, () => closing, 'DRIFT_CLOSED')
  await Promise.all([closed, db.close()])
  t.deepEqual(
    [...io.files.keys()].filter((path) => path.includes('/a/segments')),
    ['/data/tables/a/segments/00000001.seg']
  )
  const again = await openSimulated(io)
  t.is(difference(again.db, oracle), undefined)
  await again.db.close()
})

test('a lost manifest is rebuilt from compacted segments too, also where the old files are still there', async (t) => {
  const io = new MemoryIo()
  const oracle = new Oracle()
  const { db, coordinator } = await openSimulated(io)
  await fill(db, oracle, 40)
  await coordinator.checkpoint()
  const old = io.files.get('/data/tables/a/segments/00000001.seg')
  await db.compact()
  await write(db, oracle, writesOf(20, 23, 500))
  await db.close()
  io.remove('/data/tables/a/meta.json')
  // As a crash between the manifest and the removal of the old file leaves it.
  if (old !== undefined) io.files.set('/data/tables/a/segments/00000001.seg', old)
  const again = await openSimulated(io)
  t.is(again.db.stats().recovery.rebuiltManifests, 1)
  t.is(difference(again.db, oracle), undefined)
  t.false(io.files.has('/data/tables/a/segments/00000001.seg'), 'what no manifest names is removed')
  await again.db.close()
})

test('FMT-1: every flipped bit of a compacted segment is found, with file and offset, and no wrong answer is given', async (t) => {
  const io = new MemoryIo()
  const oracle = new Oracle()
  const { db } = await openSimulated(io)
  await fill(db, oracle, 12)
  await db.compact()
  await db.close()
  const path = '/data/tables/a/segments/00000001-00000001.seg'
  const bytes = io.files.get(path)?.view ?? new Uint8Array(0)
  t.true(bytes.length > 200)
  for (let at = 0; at < bytes.length; at += 1 + (at % 3)) {
    const bit = 1 << (at & 7)
    bytes[at] = (bytes[at] ?? 0) ^ bit
    const report = await verifyFiles(io, '/data')
    const problem = report.problems.find(({ file }) => file === path)
    if (problem === undefined) t.fail(`bit ${bit} of byte ${at} is not found`)
    const opened = await openSimulated(io, { readOnly: true })
    const wrong = t.throws(() => opened.db.table('a').get('k0'), { instanceOf: DriftError }, `byte ${at}`)
    t.true(wrong?.kind === 'data')
    await opened.db.close()
    bytes[at] = (bytes[at] ?? 0) ^ bit
  }
  const whole = await openSimulated(io)
  t.is(difference(whole.db, oracle), undefined)
  await whole.db.close()
})

test('compaction runs by itself when enough sealed segments wait, and fails without harm', async (t) => {
  const io = new MemoryIo()
  const messages: string[] = []
  const log = { info: () => {}, error: () => {}, warn: (_: object, message: string) => messages.push(message), debug: () => {} }
  const { db, coordinator } = await openSimulated(io, { logBytes: 8 * 1024 * 1024, compactAtBytes: 1, log: log as never })
  await db.createTable('a', { primaryKey: 'id' })
  const pad = 'x'.repeat(4 * 1024 * 1024)
  for (let id = 0; id < 17; id++) await db.table('a').insert({ id, pad: `${id}${pad}` })
  await coordinator.checkpoint()
  await db.table('a').insert({ id: 'last' })
  await coordinator.checkpoint()
  for (let turns = 0; db.stats().compactions === 0 && turns < 100_000; turns++) await new Promise((resolve) => void setImmediate(resolve))
  t.is(db.stats().compactions, 1)
  t.like(db.stats().tables[0], { compactedSegments: 1 })
  t.true((db.stats().tables[0]?.segmentFileBytes ?? 0) < 8 * 1024 * 1024)
  for (let id = 0; id < 17; id++) t.is(db.table<{ pad: string }>('a').get(id)?.pad.length, pad.length + String(id).length)
  t.deepEqual(messages, [])
  await db.close()
})
