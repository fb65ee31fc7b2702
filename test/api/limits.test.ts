/** Every limit at n and at n + 1, and what callers get wrong: refused with its code, and the database works on as if nothing had been. */
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { limits } from '../../src/base/limits.js'
import { encodeDocument } from '../../src/codec/document-codec.js'
import { open, type Database, type Document, type ErrorCode } from '../../src/index.js'
import { FaultyIo } from '../../src/io/faulty-io.js'
import { openSimulated } from '../coordinator/_database.js'
import { refused, startChild, temporaryDirectory } from './_temporary.js'

const full = process.env['FULL'] === '1' ? test : test.skip

async function memory(): Promise<Database> {
  const db = await open(':memory:')
  await db.createTable('t', { primaryKey: 'id' })
  return db
}

/** What a program without types may give. */
const anything = (value: unknown): Document => value as Document

/** The call is refused; nothing was numbered, and the next write works. */
async function leavesNothing(t: ExecutionContext, db: Database, call: () => unknown, code: ErrorCode): Promise<void> {
  const { lastSeq } = db
  const count = db.table('t').count()
  const tables = db.tables().length
  const error = await refused(t, call, code)
  if (code === 'DRIFT_LIMIT') {
    t.is(typeof error.details['limit'], 'number', error.message)
    t.true(Number(error.details['seen']) > Number(error.details['limit']), error.message)
  }
  t.is(db.lastSeq, lastSeq, 'ATM-3: no seq was used')
  t.is(db.table('t').count(), count)
  t.is(db.tables().length, tables)
  const { seq } = await db.table('t').upsert({ id: 'still works' })
  t.is(seq, lastSeq + 1)
  await db.table('t').softDelete('still works')
}

/** A document that is exactly so long when it is encoded. */
function documentOf(id: string, bytes: number): Document {
  const rest = encodeDocument({ id, text: 'x'.repeat(70_000) }, 'document').length - 70_000
  return { id, text: 'x'.repeat(bytes - rest) }
}

test('a document of 16 MiB is stored, one byte more is refused', async (t) => {
  const db = await memory()
  const largest = documentOf('largest', limits.documentBytesMax)
  t.is(encodeDocument(largest, 'document').length, limits.documentBytesMax)
  await db.table('t').insert(largest)
  t.deepEqual(db.table('t').get('largest'), largest)
  await leavesNothing(t, db, () => db.table('t').insert(documentOf('over', limits.documentBytesMax + 1)), 'DRIFT_LIMIT')
  await leavesNothing(t, db, () => db.table('t').insert({ id: 'over', text: 'x'.repeat(17 << 20) }), 'DRIFT_LIMIT')
  await leavesNothing(t, db, () => db.table('t').insert({ id: 'over', bytes: new Uint8Array(17 << 20) }), 'DRIFT_LIMIT')
  t.false(db.table('t').has('over'))
  await db.close()
})

test('a patch that would make a document over 16 MiB is refused, whenever it comes in the row of patches', async (t) => {
  const db = await memory()
  for (let before = 0; before < 4; before++) {
    const id = `k${before}`
    await db.table('t').insert({ id, text: 'x'.repeat(9 << 20) })
    for (let patch = 0; patch < before; patch++) await db.table('t').patch(id, { n: patch })
    await leavesNothing(t, db, () => db.table('t').patch(id, { more: 'y'.repeat(9 << 20) }), 'DRIFT_LIMIT')
    await db.table('t').softDelete(id)
  }
  await db.close()
})

test('a key of 1,024 canonical bytes is stored, one more is refused', async (t) => {
  const db = await memory()
  // One byte is the class of the key.
  const longest = 'k'.repeat(limits.keyBytesMax - 1)
  await db.table('t').insert({ id: longest, n: 1 })
  t.deepEqual(db.table('t').get(longest), { id: longest, n: 1 })
  await db.table('t').patch(longest, { n: 2 })
  const over = `${longest}k`
  await leavesNothing(t, db, () => db.table('t').insert({ id: over }), 'DRIFT_LIMIT')
  await leavesNothing(t, db, () => db.table('t').patch(over, { n: 1 }), 'DRIFT_LIMIT')
  await leavesNothing(t, db, () => db.table('t').softDelete(over), 'DRIFT_LIMIT')
  await leavesNothing(t, db, () => db.table('t').insert({ id: 'ü'.repeat(limits.keyBytesMax / 2) }), 'DRIFT_LIMIT')
  await refused(t, () => db.table('t').get(over), 'DRIFT_LIMIT')
  await db.close()
})

test('a table name has 1 to 128 bytes, a field name 1 to 1,024', async (t) => {
  const db = await memory()
  const name = 'ü'.repeat(limits.tableNameBytesMax / 2)
  const field = 'f'.repeat(limits.fieldNameBytesMax)
  await db.createTable(name, { primaryKey: field, indexes: [field] })
  await db.table(name).insert({ [field]: 1, [`${field.slice(1)}g`]: 2 })
  t.is(db.table(name).count(), 1)
  await leavesNothing(t, db, () => db.createTable(`${name}x`, { primaryKey: 'id' }), 'DRIFT_LIMIT')
  await leavesNothing(t, db, () => db.createTable('u', { primaryKey: `${field}x` }), 'DRIFT_LIMIT')
  await leavesNothing(t, db, () => db.createTable('u', { primaryKey: 'id', indexes: [`${field}x`] }), 'DRIFT_LIMIT')
  await leavesNothing(t, db, () => db.table('t').insert({ id: 1, [`${field}x`]: 1 }), 'DRIFT_LIMIT')
  await leavesNothing(t, db, () => db.createTable('', { primaryKey: 'id' }), 'DRIFT_INVALID_ARGUMENT')
  await leavesNothing(t, db, () => db.createTable('u', { primaryKey: '' }), 'DRIFT_INVALID_ARGUMENT')
  await leavesNothing(t, db, () => db.createTable('drift.mine', { primaryKey: 'id' }), 'DRIFT_INVALID_ARGUMENT')
  await leavesNothing(t, db, () => db.createTable('\ud800', { primaryKey: 'id' }), 'DRIFT_INVALID_ARGUMENT')
  await leavesNothing(t, db, () => db.createTable('t', { primaryKey: 'id' }), 'DRIFT_ALREADY_EXISTS')
  t.is(await db.createTable('t', { primaryKey: 'id', ifNotExists: true }), undefined)
  await db.close()
})

test('names of any shape have folders of their own and are there after a reopening', async (t) => {
  const directory = temporaryDirectory(t)
  const names = [
    'Orders',
    'orders',
    'ORDERS',
    '..',
    '.',
    'a/b',
    'a%2fb',
    'con',
    ' ',
    '~1',
    'ä',
    'a\u0308',
    '\u{1f600}'.repeat(32),
    'x'.repeat(128),
    '%'.repeat(128),
    `${'%'.repeat(127)}!`
  ]
  const db = await open(directory)
  for (const [index, name] of names.entries()) {
    await db.createTable(name, { primaryKey: 'id' })
    await db.table(name).insert({ id: 1, index })
  }
  await db.close()
  const again = await open(directory)
  t.deepEqual(
    again.tables().map(({ name }) => name),
    names
  )
  for (const [index, name] of names.entries()) t.deepEqual(again.table(name).get(1), { id: 1, index })
  const folders = readdirSync(join(directory, 'tables')).map((folder) => folder.toLowerCase())
  t.is(new Set(folders).size, names.length + 2)
  await again.close()
})

test('100 levels are stored, 101 and a million are refused', async (t) => {
  const db = await memory()
  const nest = (levels: number) => {
    let value: unknown = 1
    for (let level = 0; level < levels; level++) value = level % 2 === 0 ? [value] : { a: value }
    return value
  }
  const document = { id: 1, deep: nest(limits.nestingMax - 1) } as Document
  await db.table('t').insert(document)
  t.deepEqual(db.table('t').get(1), document)
  for (const levels of [limits.nestingMax, 1_000_000]) {
    const over = nest(levels)
    await leavesNothing(t, db, () => db.table('t').insert(anything({ id: 2, deep: over })), 'DRIFT_INVALID_DOCUMENT')
    await leavesNothing(t, db, () => db.table('t').patch(1, anything({ deep: over })), 'DRIFT_INVALID_DOCUMENT')
    await leavesNothing(t, db, () => db.table('t').insert({ id: 2 }, { metadata: [over] }), 'DRIFT_INVALID_DOCUMENT')
  }
  const cycle: { id: number; self?: unknown } = { id: 3 }
  cycle.self = cycle
  await refused(t, () => db.table('t').insert(anything(cycle)), 'DRIFT_INVALID_DOCUMENT')
  await db.close()
})

test('metadata has 64 KiB', async (t) => {
  const db = await memory()
  // Three bytes say that it is bytes, and how many.
  const largest = new Uint8Array(limits.metadataBytesMax - 3).fill(7)
  await db.table('t').insert({ id: 1 }, { metadata: largest })
  t.deepEqual(db.table('t').entry(1)?.metadata, largest)
  await leavesNothing(
    t,
    db,
    () => db.table('t').insert({ id: 2 }, { metadata: new Uint8Array(limits.metadataBytesMax - 2) }),
    'DRIFT_LIMIT'
  )
  await leavesNothing(t, db, () => db.table('t').insert({ id: 2 }, { metadata: Number.NaN }), 'DRIFT_INVALID_DOCUMENT')
  await leavesNothing(t, db, () => db.createTable('u', { primaryKey: 'id', metadata: () => 1 }), 'DRIFT_INVALID_DOCUMENT')
  await db.close()
})

test('64 indexes, 32 columns of one', async (t) => {
  const db = await memory()
  const names = (count: number) => Array.from({ length: count }, (_, index) => `c${index}`)
  await db.createTable('u', { primaryKey: 'id', indexes: names(limits.indexesPerTableMax) })
  t.is(db.tables().find(({ name }) => name === 'u')?.indexes.length, limits.indexesPerTableMax)
  await leavesNothing(t, db, () => db.createTable('v', { primaryKey: 'id', indexes: names(limits.indexesPerTableMax + 1) }), 'DRIFT_LIMIT')
  await db.createTable('w', { primaryKey: 'id', indexes: [names(limits.indexColumnsMax)] })
  await leavesNothing(t, db, () => db.createTable('v', { primaryKey: 'id', indexes: [names(limits.indexColumnsMax + 1)] }), 'DRIFT_LIMIT')
  await db.close()
})

test('4,096 tables', async (t) => {
  const db = await memory()
  const making: Promise<unknown>[] = []
  for (let table = 1; table < limits.tablesMax; table++) making.push(db.createTable(`t${table}`, { primaryKey: 'id' }))
  await Promise.all(making)
  t.is(db.tables().length, limits.tablesMax)
  await leavesNothing(t, db, () => db.createTable('over', { primaryKey: 'id' }), 'DRIFT_LIMIT')
  await db.table(`t${limits.tablesMax - 1}`).insert({ id: 1 })
  await db.close()
})

full('a commit has at most 1,000,000 events', async (t) => {
  const db = await memory()
  const operations = Array.from({ length: limits.batchEventsMax }, (_, id) => ({ insert: 't', document: { id } }))
  await leavesNothing(t, db, () => db.batch([...operations, { insert: 't', document: { id: -1 } }]), 'DRIFT_LIMIT')
  t.is((await db.batch(operations)).count, limits.batchEventsMax)
  t.is(db.table('t').count(), limits.batchEventsMax)
  await db.close()
})

full('a commit has at most 256 MiB, and several such commits go through one after the other', async (t) => {
  const directory = temporaryDirectory(t)
  const db = await open(directory)
  await db.createTable('t', { primaryKey: 'id' })
  const text = 'x'.repeat(15 << 20)
  const operations = (count: number, round: number) =>
    Array.from({ length: count }, (_, id) => ({ insert: 't', document: { id: `${round}-${id}`, text } }))
  await leavesNothing(t, db, () => db.batch(operations(18, 0)), 'DRIFT_LIMIT')
  for (let round = 1; round <= 3; round++) t.is((await db.batch(operations(17, round))).count, 17)
  t.is(db.table('t').count(), 51)
  await db.close()
  const again = await open(directory)
  t.is(again.table('t').count(), 51)
  t.is(again.table('t').get('3-16')?.['text'], text)
  await again.close()
})

test('what cannot be stored is refused by every kind of write, and a batch says which operation it was', async (t) => {
  const db = await memory()
  await db.table('t').insert({ id: 1, n: 1 })
  const wrong: unknown[] = [
    Number.NaN,
    Infinity,
    2n ** 64n,
    -(2n ** 63n) - 1n,
    '\ud800',
    () => 1,
    Symbol('s'),
    new Map(),
    new Set(),
    new Date(Number.NaN),
    /x/,
    new (class A {})()
  ]
  for (const value of wrong) {
    await leavesNothing(t, db, () => db.table('t').insert(anything({ id: 2, value })), 'DRIFT_INVALID_DOCUMENT')
    await leavesNothing(t, db, () => db.table('t').upsert(anything({ id: 1, value })), 'DRIFT_INVALID_DOCUMENT')
    await leavesNothing(t, db, () => db.table('t').patch(1, anything({ value })), 'DRIFT_INVALID_DOCUMENT')
    const error = await refused(
      t,
      () =>
        db.batch([
          { upsert: 't', document: { id: 5 } },
          { patch: 't', key: 1, set: { value } }
        ]),
      'DRIFT_INVALID_DOCUMENT'
    )
    t.is(error.details['index'], 1)
    t.false(db.table('t').has(5))
  }
  for (const id of [undefined, null, {}, [], Number.NaN, new Date(), new Uint8Array(1), '\ud800', 2n ** 64n]) {
    await leavesNothing(t, db, () => db.table('t').insert(anything({ id })), 'DRIFT_INVALID_DOCUMENT')
    await leavesNothing(t, db, () => db.table('t').patch(id as never, { n: 1 }), 'DRIFT_INVALID_DOCUMENT')
    await leavesNothing(t, db, () => db.table('t').softDelete(id as never), 'DRIFT_INVALID_DOCUMENT')
    await refused(t, () => db.table('t').get(id as never), 'DRIFT_INVALID_DOCUMENT')
  }
  await leavesNothing(t, db, () => db.table('t').insert({}), 'DRIFT_INVALID_DOCUMENT')
  for (const document of [null, undefined, 1, 'text', [], [{ id: 1 }], new Map([['id', 1]])]) {
    await leavesNothing(t, db, () => db.table('t').insert(anything(document)), 'DRIFT_INVALID_DOCUMENT')
  }
  await leavesNothing(t, db, () => db.table('t').patch(1, { id: 2 }), 'DRIFT_INVALID_DOCUMENT')
  await leavesNothing(t, db, () => db.table('t').patch(1, { id: null }), 'DRIFT_INVALID_DOCUMENT')
  await db.table('t').patch(1, { id: 1, n: 2 })
  await leavesNothing(t, db, () => db.batch([{} as never]), 'DRIFT_INVALID_ARGUMENT')
  await leavesNothing(t, db, () => db.batch([{ insert: 'never', document: { id: 1 } }]), 'DRIFT_UNKNOWN_TABLE')
  t.deepEqual(db.table('t').get(1), { id: 1, n: 2 })
  t.is((await db.batch([])).count, 0)
  await db.close()
})

test('options that are no options are refused before anything is touched', async (t) => {
  const directory = join(temporaryDirectory(t), 'db')
  await refused(t, () => open(directory, { cacheBytes: limits.cacheBytesMin - 1 }), 'DRIFT_LIMIT')
  await refused(t, () => open(directory, { queryThreads: 16 }), 'DRIFT_LIMIT')
  await refused(t, () => open(directory, { queryThreads: 0.5 }), 'DRIFT_LIMIT')
  await refused(t, () => open(directory, { durability: 'never' as never }), 'DRIFT_INVALID_ARGUMENT')
  await refused(t, () => open(directory, { create: false }), 'DRIFT_INVALID_ARGUMENT')
  await refused(t, () => open(directory, { readOnly: true }), 'DRIFT_INVALID_ARGUMENT')
  t.throws(() => readdirSync(directory), { code: 'ENOENT' })
  const db = await open(directory, { cacheBytes: limits.cacheBytesMin })
  await db.createTable('t', { primaryKey: 'id' })
  for (const batchRows of [0, -1, 1.5, Number.NaN, limits.batchEventsMax + 1]) {
    await leavesNothing(t, db, () => db.table('t').insertMany([{ id: 1 }], { batchRows }), 'DRIFT_INVALID_ARGUMENT')
  }
  await db.close()
})

test('a path that is a file, or a folder with other things in it, is left alone', async (t) => {
  const directory = temporaryDirectory(t)
  const file = join(directory, 'file')
  writeFileSync(file, 'precious')
  await refused(t, () => open(file), 'DRIFT_INVALID_ARGUMENT')
  await refused(t, () => open(join(file, 'below')), 'DRIFT_IO')
  await refused(t, () => open(directory), 'DRIFT_INVALID_ARGUMENT')
  t.deepEqual(readdirSync(directory), ['file'])
  const empty = join(directory, 'empty')
  mkdirSync(empty)
  const db = await open(empty)
  await db.close()
})

test('an opening that the file system refuses leaves no lock and no half of a database behind', async (t) => {
  for (let failAt = 1; failAt < 60; failAt++) {
    const io = new FaultyIo()
    io.makeDirectory('/data')
    io.failAt = failAt
    io.failCode = 'EACCES'
    const opened = await openSimulated(io).catch((error: unknown) => error)
    if (io.operations < failAt) break
    if (opened instanceof Error) {
      t.is((opened as Error & { code?: string }).code, 'DRIFT_IO', `operation ${failAt}: ${opened.message}`)
      const { db } = await openSimulated(io)
      await db.createTable('t', { primaryKey: 'id' })
      await db.table('t').insert({ id: 1 })
      t.is(db.table('t').count(), 1)
      await db.close()
    }
  }
})

const unlessRoot = process.getuid?.() === 0 ? test.skip : test

unlessRoot('a folder without permission is IO, and works once there is one', async (t) => {
  const directory = join(temporaryDirectory(t), 'db')
  mkdirSync(directory)
  chmodSync(directory, 0o500)
  await refused(t, () => open(directory), 'DRIFT_IO')
  chmodSync(directory, 0o700)
  const db = await open(directory)
  await db.close()
})

test('a second writer is LOCKED with pid, hostname and since, and free when the first is killed', async (t) => {
  const directory = temporaryDirectory(t)
  const holder = startChild(
    `const db = await open(args[0])
     await db.createTable('t', { primaryKey: 'id' })
     await db.table('t').insert({ id: 1 })
     say('ready')
     setInterval(() => {}, 1000)`,
    directory
  )
  t.is(await holder.line(), 'ready')
  const { details, message } = await refused(t, () => open(directory), 'DRIFT_LOCKED')
  t.is(details['pid'], holder.child.pid)
  t.is(details['hostname'], hostname())
  t.true(Number.isInteger(details['since']))
  t.regex(message, new RegExp(String(holder.child.pid)))
  const reader = await open(directory, { readOnly: true })
  t.is(reader.table('t').count(), 1)
  await refused(t, () => reader.table('t').insert({ id: 2 }), 'DRIFT_READ_ONLY')
  await refused(t, () => reader.createTable('u', { primaryKey: 'id' }), 'DRIFT_READ_ONLY')
  await reader.close()
  holder.child.kill('SIGKILL')
  await holder.exit
  const db = await open(directory)
  t.is(db.table('t').count(), 1)
  // A second writer in the same process is refused as well, and does not harm the first.
  await refused(t, () => open(directory), 'DRIFT_LOCKED')
  await db.table('t').insert({ id: 2 })
  await db.close()
})
