/** The columns of a table, as the engine keeps them: through refusals, checkpoints, openings, crashes and lost manifests. */
import test from 'ava'
import { limits } from '../../src/base/limits.js'
import { FORMAT_VERSION } from '../../src/format/file-header.js'
import { decodeManifest, encodeManifest, type Manifest } from '../../src/format/manifest.js'
import { FaultyIo } from '../../src/io/faulty-io.js'
import { readWhole, type Io } from '../../src/io/io.js'
import { MemoryBytes, MemoryIo } from '../../src/io/memory-io.js'
import type { ColumnInfo, Database } from '../../src/index.js'
import { openSimulated } from './_database.js'

const manifestPath = (table: string) => `/data/tables/${table}/meta.json`

function manifestOf(io: Io, table: string): Manifest {
  const manifest = decodeManifest(readWhole(io, manifestPath(table)), manifestPath(table), FORMAT_VERSION)
  if (manifest === undefined) throw new Error(`the manifest of ${table} is damaged`)
  return manifest
}

function install(io: MemoryIo, table: string, manifest: object): void {
  const file = new MemoryBytes()
  file.write(encodeManifest(manifest as Manifest), 0)
  io.files.set(manifestPath(table), file)
}

/** `name type`, the key with a star. */
const text = (columns: readonly ColumnInfo[]) => columns.map(({ name, type, nullable }) => `${name} ${type}${nullable ? '' : '*'}`)
const shown = (db: Database, table = 't') => text(db.table(table).columns())

async function filled(io: Io): Promise<Database> {
  const { db } = await openSimulated(io)
  await db.createTable('t', { primaryKey: 'id' })
  await db.table('t').insert({ id: 1, a: 1 })
  await db.table('t').insert({ b: 'x', id: 2, a: 0.5 })
  await db.table('t').patch(1, { c: new Date(0) })
  return db
}

const filledColumns = ['id int8*', 'a float8', 'b text', 'c timestamptz']

test('each point has the columns of its documents and patches, and keeps them', async (t) => {
  const db = await filled(new MemoryIo())
  const at = (seq: number) => {
    using view = db.asOf({ seq })
    return text(view.table('t').columns())
  }
  t.deepEqual([0, 1, 2, 3, 4].map(at), [[], ['id text*'], ['id int8*', 'a int8'], ['id int8*', 'a float8', 'b text'], filledColumns])
  await db.table('t').upsert({ id: 'three', a: 'text', 'ä-ö': new Uint8Array(1), big: 2n ** 62n })
  t.deepEqual(at(4), filledColumns)
  t.deepEqual(shown(db), ['id jsonb*', 'a jsonb', 'b text', 'c timestamptz', 'ä-ö bytea', 'big int8'])
  await db.table('t').softDelete(2)
  t.is(shown(db).length, 6)
  await db.close()
})

test('ATM-3: a refused write, or one that changes nothing, leaves no column and no type', async (t) => {
  const db = await filled(new MemoryIo())
  await t.throwsAsync(db.table('t').insert({ id: 1, refused: 1 }), { code: 'DRIFT_ALREADY_EXISTS' })
  await t.throwsAsync(db.table('t').patch(99, { refused: 1 }), { code: 'DRIFT_KEY_NOT_FOUND' })
  await t.throwsAsync(db.table('t').insert({ refused: 1 }), { code: 'DRIFT_INVALID_DOCUMENT' })
  await t.throwsAsync(
    db.batch([
      { insert: 't', document: { id: 'text', a: true, refused: 1 } },
      { patch: 't', key: 1, set: { 'also refused': 1 } },
      { insert: 't', document: { id: 'text', a: 1 } }
    ]),
    { code: 'DRIFT_ALREADY_EXISTS' }
  )
  await db.table('t').patch(1, { a: 1 }, { skipUnchanged: true })
  t.deepEqual(shown(db), filledColumns)
  // Other writes get the seqs that were refused.
  for (let id = 5; id < 9; id++) await db.table('t').insert({ id, a: 1 })
  t.deepEqual(shown(db), filledColumns)
  // The same shapes, accepted now.
  await db.table('t').insert({ id: 'text', a: true, refused: 1 })
  t.deepEqual(shown(db), ['id jsonb*', 'a jsonb', 'b text', 'c timestamptz', 'refused int8'])
  await db.close()
})

test('a clean opening reads the columns from the manifest', async (t) => {
  const io = new MemoryIo()
  await (await filled(io)).close()
  const manifest = manifestOf(io, 't')
  t.deepEqual(manifest.columns, {
    listed: [
      { name: 'id', seen: { int: 2 } },
      { name: 'a', seen: { int: 2, float: 3 } },
      { name: 'b', seen: { text: 3 } },
      { name: 'c', seen: { time: 4 } }
    ]
  })
  {
    const { db } = await openSimulated(io)
    t.deepEqual(shown(db), filledColumns)
    t.is(db.stats().recovery.rebuiltColumns, 0)
    await db.close()
  }
  // Another name in its place shows: the segments are not asked.
  const listed = manifest.columns?.listed.map((column) => (column.name === 'b' ? { ...column, name: 'B' } : column))
  install(io, 't', { ...manifest, columns: { listed } })
  const { db } = await openSimulated(io)
  t.deepEqual(shown(db), ['id int8*', 'a float8', 'B text', 'c timestamptz'])
  await db.close()
})

test('where the manifest is lost, damaged, without columns or with some that cannot be, they come from the segments, once', async (t) => {
  const made = new MemoryIo()
  await (await filled(made)).close()
  const { columns, ...without } = manifestOf(made, 't')
  t.truthy(columns)
  const cases: Record<string, (io: MemoryIo) => void> = {
    lost: (io) => io.files.delete(manifestPath('t')),
    damaged: (io) => io.files.get(manifestPath('t'))?.write(Buffer.from('!'), 40),
    'without columns': (io) => install(io, 't', without),
    'ahead of its checkpoint': (io) => install(io, 't', { ...without, columns: { listed: [{ name: 'id', seen: { int: 99 } }] } }),
    'of a later release': (io) => install(io, 't', { ...without, columns: { listed: [{ name: 'id', seen: { decimal: 2 } }] } })
  }
  for (const [name, harm] of Object.entries(cases)) {
    const io = new MemoryIo()
    await (await filled(io)).close()
    harm(io)
    const { db } = await openSimulated(io)
    t.deepEqual(shown(db), filledColumns, name)
    t.is(db.stats().recovery.rebuiltColumns, 1, name)
    using past = db.asOf({ seq: 2 })
    t.deepEqual(text(past.table('t').columns()), ['id int8*', 'a int8'], name)
    t.deepEqual(manifestOf(io, 't').columns, columns, name)
    await db.close()
    const { db: again } = await openSimulated(io)
    t.is(again.stats().recovery.rebuiltColumns, 0, name)
    t.deepEqual(shown(again), filledColumns, name)
    await again.close()
  }
})

test('a checkpoint stores the columns up to it; what came later is found in the WAL by the opening after a crash', async (t) => {
  const io = new FaultyIo()
  const { db, coordinator } = await openSimulated(io)
  await db.createTable('t', { primaryKey: 'id' })
  await db.createTable('u', { primaryKey: 'id' })
  await db.table('t').insert({ id: 1, a: 1 })
  await db.table('u').insert({ id: 'x', u: true })
  const late = db.table('t').insert({ id: 2, b: 1 })
  // The late one is numbered and not visible when the checkpoint begins.
  const checkpoint = coordinator.checkpoint()
  await Promise.all([late, checkpoint])
  const upTo = manifestOf(io, 't').checkpointSeq
  t.deepEqual(
    manifestOf(io, 't').columns?.listed.map(({ name }) => name),
    upTo === 4 ? ['id', 'a'] : ['id', 'a', 'b']
  )
  await db.table('t').patch(1, { c: [], a: 'text' })
  // A checkpoint in which only the other table has events, and then one of both: no columns are forgotten.
  await coordinator.checkpoint()
  await db.table('u').patch('x', { v: null })
  await coordinator.checkpoint()
  await db.table('t').patch(1, { d: 1n })
  await db.table('u').patch('x', { v: 1.5 })
  t.deepEqual(
    manifestOf(io, 't').columns?.listed.map(({ name }) => name),
    ['id', 'a', 'b', 'c']
  )
  const expected = { t: ['id int8*', 'a jsonb', 'b int8', 'c jsonb', 'd int8'], u: ['id text*', 'u bool', 'v float8'] }
  for (const loss of ['lose-unsynced', 'keep-unsynced', 'tear-last-write'] as const) {
    const left = io.afterCrash(loss)
    const { db: after } = await openSimulated(left)
    t.deepEqual({ t: shown(after), u: shown(after, 'u') }, expected, loss)
    t.is(after.stats().recovery.rebuiltColumns, 0)
    // The opening moved everything into segments, the columns too.
    t.is(manifestOf(left, 't').columns?.listed.length, 5)
    await after.close()
    const { db: again } = await openSimulated(left)
    t.deepEqual({ t: shown(again), u: shown(again, 'u') }, expected, loss)
    await again.close()
  }
  await db.close()
})

test('a reader beside the writer has the columns of what it sees, and more after a refresh', async (t) => {
  const io = new MemoryIo()
  const { db, coordinator } = await openSimulated(io)
  await db.createTable('t', { primaryKey: 'id' })
  await db.table('t').insert({ id: 1, a: 1 })
  await coordinator.checkpoint()
  await db.table('t').insert({ id: 2, b: true })
  const { db: reader } = await openSimulated(io, { readOnly: true })
  t.deepEqual(shown(reader), ['id int8*', 'a int8', 'b bool'])
  await db.table('t').insert({ id: 'three', b: null, c: 1 })
  t.deepEqual(shown(reader), ['id int8*', 'a int8', 'b bool'])
  await reader.refresh()
  t.deepEqual(shown(reader), ['id jsonb*', 'a int8', 'b bool', 'c int8'])
  await reader.close()
  await db.close()
})

test('a table lists columnsPerTableMax names; rows keep what is beyond, and an opening says the same', async (t) => {
  const io = new MemoryIo()
  const { db, coordinator } = await openSimulated(io, { logBytes: 8 * 1024 * 1024 })
  await db.createTable('t', { primaryKey: 'id' })
  // The key is one of them.
  const names = Array.from({ length: limits.columnsPerTableMax - 1 }, (_, n) => `column ${n}`)
  for (let from = 0; from < names.length; from += 1500) {
    await db.table('t').upsert({ id: 1, ...Object.fromEntries(names.slice(from, from + 1500).map((name) => [name, 1])) })
  }
  const state = coordinator.table('t')
  const full = db.lastSeq
  t.is(state.columnsAt(full).length, limits.columnsPerTableMax)
  t.false(state.hasUnlistedColumnsAt(full))
  await db.table('t').insert({ id: 2, 'one more': 'kept' })
  t.is(state.columnsAt(full + 1).length, limits.columnsPerTableMax)
  t.deepEqual([state.hasUnlistedColumnsAt(full), state.hasUnlistedColumnsAt(full + 1)], [false, true])
  t.deepEqual(db.table('t').get(2), { id: 2, 'one more': 'kept' })
  await db.close()
  for (const harm of [() => {}, () => io.files.delete(manifestPath('t'))]) {
    harm()
    const { db: again, coordinator: opened } = await openSimulated(io)
    const { columns } = opened.table('t')
    t.deepEqual(columns.at(full), state.columns.at(full))
    t.deepEqual([columns.hasUnlistedAt(full), columns.hasUnlistedAt(full + 1)], [false, true])
    t.deepEqual(again.table('t').get(2), { id: 2, 'one more': 'kept' })
    await again.close()
  }
})

test('a table that no row was written to has its key as a column, through every opening', async (t) => {
  const io = new MemoryIo()
  const { db, coordinator } = await openSimulated(io)
  await db.createTable('t', { primaryKey: 'key' })
  t.deepEqual(shown(db), ['key text*'])
  await coordinator.checkpoint()
  await db.createTable('u', { primaryKey: 'id' })
  await db.close()
  for (let opening = 0; opening < 2; opening++) {
    const { db: again } = await openSimulated(io)
    t.deepEqual([shown(again), shown(again, 'u')], [['key text*'], ['id text*']])
    t.is(again.stats().recovery.rebuiltColumns, 0)
    await again.close()
  }
})
