/** Events of a row that do not follow from those before it are found, wherever they stand; those that a database writes are not. */
import test from 'ava'
import { decodeDocument, encodeDocument } from '../../src/codec/document-codec.js'
import { type Key, keyBytes, skipValue } from '../../src/codec/key-codec.js'
import type { Document } from '../../src/codec/value.js'
import { FILE_HEADER_BYTES, decodeFileHeader, FILE_KIND_WAL } from '../../src/format/file-header.js'
import { EVENT_INSERT, EVENT_PATCH, EVENT_SOFT_DELETE, frameBytes, frameSeq, readFrame } from '../../src/format/frame.js'
import { recordFramesOffset, sealRecord, recordSyncedBytes } from '../../src/format/wal-record.js'
import { type BatchOperation, Database } from '../../src/index.js'
import { MemoryIo } from '../../src/io/memory-io.js'
import { DocumentCheck } from '../../src/operations/check-documents.js'
import { Findings } from '../../src/operations/findings.js'
import { verify } from '../../src/operations/verify.js'
import { readWalFile } from '../../src/wal/read-wal.js'
import { walSalt } from '../../src/wal/wal-file.js'
import { numbers } from '../page/_workload.js'
import { DIRECTORY, openCoordinator, openFilled } from './_filled-database.js'
import { bytesOf, forge, manifestOf, replace, withPayload } from './_forge.js'

const folder = `${DIRECTORY}/tables/rows`
const segment = `${folder}/segments/00000001.seg`
const walFile = `${DIRECTORY}/wal/wal.log`

type Found = { readonly file: string; readonly seq: number; readonly message: string }

/** Problems, each with the seq of the event whose frame begins at the named place of a segment that is not compressed, or of the WAL. */
async function problemsOf(io: MemoryIo, documentBytes?: number): Promise<Found[]> {
  const { problems } = await verify(io, DIRECTORY, { documentBytes })
  return problems.map(({ file, offset, message }) => ({ file, seq: frameSeq(bytesOf(io, file), offset), message }))
}

/** Rows `a` and `b`; `a` has four patches behind its INSERT, seqs 4 to 7, the last of which carries its document. */
async function filled(io: MemoryIo): Promise<Database> {
  const db = await openFilled(io)
  await db.createTable('rows', { primaryKey: 'id' })
  const rows = db.table('rows')
  await rows.insert({ id: 'a', total: 12.5, note: 'first' })
  await rows.insert({ id: 'b', total: 1 })
  for (let turn = 0; turn < 4; turn++) await rows.patch('a', { turn })
  await rows.softDelete('b')
  return db
}

async function closed(): Promise<MemoryIo> {
  const io = new MemoryIo()
  await (await filled(io)).close()
  return io
}

/** The frames with that of `seq` as `change` gives it. */
function changed(seq: number, change: (frame: Uint8Array) => Uint8Array): (frames: Uint8Array[]) => Uint8Array[] {
  return (frames) => frames.map((frame) => (frameSeq(frame, 0) === seq ? change(frame) : frame))
}

/** The frame of a PATCH that carries a document: this one. */
function carrying(frame: Uint8Array, document: Document | Uint8Array): Uint8Array {
  const { payload } = readFrame(frame, 0)
  const documentAt = skipValue(payload, skipValue(payload, 1))
  const bytes = document instanceof Uint8Array ? document : encodeDocument(document, 'document').slice()
  return withPayload(frame, EVENT_PATCH, Buffer.concat([payload.subarray(0, documentAt), bytes]))
}

/** A document with these fields, in this order; bytes are a field as it stands there. */
function inOrder(...fields: readonly (Document | Uint8Array)[]): Uint8Array {
  const written = fields.map((field) => (field instanceof Uint8Array ? field : encodeDocument(field, 'field').slice(1)))
  return Buffer.concat([Uint8Array.of(0x80 | fields.length), ...written])
}

/** `turn` as no encoder of ours writes it. */
const threeAsFloat = Buffer.concat([Buffer.from('\xa4turn\xcb', 'latin1'), Uint8Array.of(0x40, 8, 0, 0, 0, 0, 0, 0)])
const whole = { id: 'a', total: 12.5, note: 'first', turn: 3 }

test('FMT-10: a PATCH that carries another document than its row has is named with its file, place, key and seq', async (t) => {
  const lies: readonly (readonly [Document | Uint8Array, RegExp])[] = [
    [{ ...whole, total: 12 }, /another "total"/],
    [{ ...whole, turn: 2 }, /another "turn"/],
    [{ ...whole, more: null }, /another "more"/],
    [{ id: 'a', total: 12.5, turn: 3 }, /another "note"/],
    [{ ...whole, id: 'b' }, /another "id"/],
    [inOrder({ id: 'a' }, { total: 12.5 }, { turn: 3 }, { note: 'first' }), /its fields in another order, or written otherwise/],
    [inOrder({ id: 'a' }, { total: 12.5 }, { note: 'first' }, threeAsFloat), /its fields in another order, or written otherwise/]
  ]
  for (const [lie, says] of lies) {
    const io = await closed()
    forge(
      io,
      folder,
      changed(7, (frame) => carrying(frame, lie))
    )
    const [problem, ...others] = await problemsOf(io)
    t.deepEqual(others, [])
    t.is(problem?.file, segment)
    t.is(problem?.seq, 7)
    t.regex(problem?.message ?? '', /^event 7 \(PATCH\) of key "a": its document has /)
    t.regex(problem?.message ?? '', says)
    t.regex(problem?.message ?? '', /\(FMT-10\)$/)
  }
  const io = await closed()
  forge(
    io,
    folder,
    changed(7, (frame) => carrying(frame, whole))
  )
  t.deepEqual(await problemsOf(io), [])
})

test('FMT-10: names that are numbers may stand before the others or where they came in, with their values and no others', async (t) => {
  const io = new MemoryIo()
  const db = await openFilled(io)
  await db.createTable('rows', { primaryKey: 'id' })
  await db.table('rows').insert({ id: 'a', note: 'first' })
  for (let turn = 0; turn < 4; turn++) await db.table('rows').patch('a', { [`${9 - turn}`]: turn, turn })
  await db.close()
  t.deepEqual(await problemsOf(io), [])
  const texts = [{ id: 'a' }, { note: 'first' }]
  const cases: readonly (readonly [Uint8Array, RegExp?])[] = [
    [inOrder(...texts, { 9: 0 }, { turn: 3 }, { 8: 1 }, { 7: 2 }, { 6: 3 })],
    [inOrder({ 6: 3 }, { 7: 2 }, { 8: 1 }, { 9: 0 }, ...texts, { turn: 3 })],
    [inOrder(...texts, { 9: 0 }, { turn: 3 }, { 8: 1 }, { 7: 1 }, { 6: 3 }), /another "7"/],
    [inOrder(...texts, { 9: 0 }, { turn: 3 }, { 8: 1 }, { 6: 3 }), /another "7"/],
    [inOrder(...texts, { 9: 0 }, threeAsFloat, { 8: 1 }, { 7: 2 }, { 6: 3 }), /written otherwise/],
    [inOrder({ 9: 0 }, { turn: 3 }, ...texts, { 8: 1 }, { 7: 2 }, { 6: 3 }), /in another order/]
  ]
  for (const [document, says] of cases) {
    forge(
      io,
      folder,
      changed(6, (frame) => carrying(frame, document))
    )
    const found = await problemsOf(io)
    t.is(found.length, says === undefined ? 0 : 1)
    if (says !== undefined) t.regex(found[0]?.message ?? '', says)
  }
})

test('FMT-10: a document that is folded of objects is checked too: many fields, long names, a document at the limit', async (t) => {
  const io = new MemoryIo()
  const db = await openFilled(io)
  await db.createTable('rows', { primaryKey: 'id' })
  const many = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`field ${index}`, index]))
  const rows = db.table('rows')
  await rows.insert({ id: 'many', ...many })
  await rows.insert({ id: 'long' })
  for (let turn = 0; turn < 4; turn++) {
    await rows.patch('many', { [`field ${turn}`]: 'other' })
    await rows.patch('long', {
      [`${'a name of some length '.repeat(4)}${turn}`]: 2n ** 60n,
      at: new Date(turn),
      bytes: Uint8Array.of(turn)
    })
  }
  // A patch that might go over the limit carries the document as the first one already.
  await rows.insert({ id: 'large', text: 'x'.repeat(16 * 1024 * 1024 - 1200) })
  await rows.patch('large', { more: 'y'.repeat(1040) })
  await db.close()
  t.deepEqual(await problemsOf(io), [])
  const seqs = [...framesOf(io)].filter(({ payload }) => payload[0] === 0x93).map(({ seq }) => seq)
  t.deepEqual(seqs, [10, 11, 13])
  for (const [seq, name] of [
    [10, 'field 299'],
    [11, 'at'],
    [13, 'more']
  ] as const) {
    forge(
      io,
      folder,
      changed(seq, (frame) => carrying(frame, { ...carriedBy(frame), [name]: 'forged' }))
    )
  }
  t.deepEqual(
    (await problemsOf(io)).map(({ seq, message }) => [seq, /another "(.*?)"/.exec(message)?.[1]]),
    [
      [10, 'field 299'],
      [11, 'at'],
      [13, 'more']
    ]
  )
})

test('VIS-15: a PATCH and a SOFT_DELETE of a key that is not live are found, an INSERT of one that is live is an UPSERT', async (t) => {
  const io = await closed()
  forge(io, folder, (frames) =>
    frames.map((frame) => {
      const seq = frameSeq(frame, 0)
      // `a` is deleted instead of inserted, `b` is deleted twice.
      if (seq === 2) return withPayload(frame, EVENT_SOFT_DELETE, Uint8Array.of(0x91, 0xa1, 0x61))
      return seq === 3 ? withPayload(frame, EVENT_SOFT_DELETE, Uint8Array.of(0x91, 0xa1, 0x62)) : frame
    })
  )
  const missing = (seq: number, event: string, key: string) => ({
    file: segment,
    seq,
    message: `event ${seq} (${event}) of key "${key}": no event before it leaves that key live (VIS-15)`
  })
  const found = (await problemsOf(io)).filter(({ file }) => file === segment)
  t.deepEqual(found, [
    missing(2, 'SOFT_DELETE', 'a'),
    missing(3, 'SOFT_DELETE', 'b'),
    missing(4, 'PATCH', 'a'),
    missing(8, 'SOFT_DELETE', 'b')
  ])

  const again = await closed()
  forge(
    again,
    folder,
    changed(8, (frame) => withPayload(frame, EVENT_INSERT, Buffer.concat([Uint8Array.of(0x92, 0xa1, 0x61), inOrder({ id: 'a' })])))
  )
  t.deepEqual(await problemsOf(again), [])
})

test('FMT-10: four PATCHes in a row without a document are found', async (t) => {
  const io = await closed()
  const bare = (frame: Uint8Array) => {
    const { payload } = readFrame(frame, 0)
    return withPayload(
      frame,
      EVENT_PATCH,
      Buffer.concat([Uint8Array.of(0x92), payload.subarray(1, skipValue(payload, skipValue(payload, 1)))])
    )
  }
  forge(io, folder, changed(7, bare))
  t.deepEqual(await problemsOf(io), [
    { file: segment, seq: 7, message: 'event 7 (PATCH) of key "a": it is the 4th PATCH in a row without a document (FMT-10)' }
  ])
})

test('FMT-10: what is wrong in compacted segments is found', async (t) => {
  const io = await closed()
  forge(
    io,
    folder,
    changed(7, (frame) => carrying(frame, { ...whole, total: 12 }))
  )
  const offset = [...framesOf(io)].find(({ seq }) => seq === 7)?.at
  const db = await openFilled(io)
  for (let row = 0; row < 50; row++) await db.table('rows').insert({ id: `row ${row}`, text: 'compressible '.repeat(20) })
  await db.compact()
  await db.close()
  const file = `${folder}/segments/${manifestOf(io, folder).segments[0]?.file}`
  t.true(bytesOf(io, file).length < 10_000)
  const { problems } = await verify(io, DIRECTORY)
  t.deepEqual(
    problems.map((problem) => [problem.file, problem.offset]),
    [[file, offset]]
  )
  t.regex(problems[0]?.message ?? '', /^event 7 \(PATCH\) of key "a": its document has another "total" .*\(FMT-10\)$/)
})

test('FMT-10, VIS-15: what is wrong in the WAL is found, behind the segments and where there are none yet', async (t) => {
  for (const isBehind of [false, true]) {
    const io = new MemoryIo()
    let db = await filled(io)
    if (isBehind) {
      await db.close()
      db = await openFilled(io)
      for (let turn = 4; turn < 8; turn++) await db.table('rows').patch('a', { turn })
    }
    // What a crash leaves.
    const left = new MemoryIo()
    for (const directory of io.directories) left.directories.add(directory)
    for (const [path, bytes] of io.files) replace(left, path, bytes.view.slice())
    await db.close()
    t.deepEqual(await problemsOf(left), [])
    t.is(bytesOf(left, segment).length > FILE_HEADER_BYTES, isBehind)
    const seq = isBehind ? 12 : 7
    forgeWal(left, seq, ({ payload, at }) => {
      // The document's last field.
      t.is(bytesOf(left, walFile)[at + payload.length - 1], isBehind ? 7 : 3)
      bytesOf(left, walFile)[at + payload.length - 1] = 99
    })
    t.deepEqual(await problemsOf(left), [
      {
        file: walFile,
        seq,
        message: `event ${seq} (PATCH) of key "a": its document has another "turn" than the last one before it makes with the patches (FMT-10)`
      }
    ])
    forgeWal(left, isBehind ? 9 : 4, ({ at }) => void (bytesOf(left, walFile)[at + 2] = 0x63))
    t.deepEqual(
      (await problemsOf(left)).map(({ message }) => message.replace(/:.*\(/, ' (')),
      isBehind
        ? ['event 9 (PATCH) of key "c" (VIS-15)', 'event 12 (PATCH) of key "a" (FMT-10)']
        : ['event 4 (PATCH) of key "c" (VIS-15)', 'event 7 (PATCH) of key "a" (FMT-10)']
    )
  }
})

/** Changes an event in the WAL file and makes its sums agree; `at` is where its payload begins. */
function forgeWal(io: MemoryIo, seq: number, change: (event: { readonly payload: Uint8Array; readonly at: number }) => void): void {
  const bytes = bytesOf(io, walFile)
  const { databaseId, number } = decodeFileHeader(bytes.subarray(0, FILE_HEADER_BYTES), walFile, FILE_KIND_WAL)
  for (const offset of readWalFile(io, walFile, false).records) {
    const at = recordFramesOffset(bytes, offset)
    if (frameSeq(bytes, at) !== seq) continue
    const { payload } = readFrame(bytes, at)
    change({ payload, at: at + frameBytes(bytes, at) - payload.length })
    sealRecord(bytes, offset, recordSyncedBytes(bytes, offset), walSalt(databaseId, number))
  }
}

function* framesOf(io: MemoryIo) {
  const bytes = bytesOf(io, segment)
  for (let at = FILE_HEADER_BYTES; at < bytes.length; at += frameBytes(bytes, at)) yield { ...readFrame(bytes, at), at }
}

function inAscent(seqs: Iterable<number>): number[] {
  return [...seqs].sort((a, b) => a - b)
}

function carriedBy(frame: Uint8Array): Document {
  const { payload } = readFrame(frame, 0)
  return decodeDocument(payload, skipValue(payload, skipValue(payload, 1)))
}

test('events that are missing or damaged are reported as such, and what follows from that is not', async (t) => {
  const missing = await closed()
  forge(missing, folder, (frames) => frames.filter((frame) => frameSeq(frame, 0) !== 2))
  const { problems } = await verify(missing, DIRECTORY)
  t.is(problems.length, 1)
  t.false(problems.some(({ message }) => /FMT-10|VIS-15/.test(message)))

  const damaged = await closed()
  const bytes = bytesOf(damaged, segment)
  bytes[FILE_HEADER_BYTES + 25] = (bytes[FILE_HEADER_BYTES + 25] ?? 0) ^ 1
  t.deepEqual(
    (await verify(damaged, DIRECTORY)).problems.map(({ offset }) => offset),
    [FILE_HEADER_BYTES]
  )
})

test('a table without a manifest is checked as well, and where one pass was not enough a note says so', async (t) => {
  const io = await closed()
  forge(
    io,
    folder,
    changed(7, (frame) => carrying(frame, { ...whole, total: 12 }))
  )
  const db = await openFilled(io)
  for (let row = 0; row < 100; row++) {
    await db.table('rows').insert({ id: row, text: 'x'.repeat(100) })
    await db.table('rows').patch(row, { row })
  }
  await db.close()
  io.remove(`${folder}/meta.json`)
  const all = await verify(io, DIRECTORY)
  t.deepEqual(
    all.problems.map(({ file }) => file),
    [`${folder}/meta.json`, segment]
  )
  t.deepEqual(all.notes, [])
  const part = await verify(io, DIRECTORY, { documentBytes: 4096 })
  t.true(part.notes.some(({ file, message }) => file === folder && /some of its keys/.test(message)))
})

test('FMT-10: with little memory the events are gone through several times, and the same is found', async (t) => {
  const io = new MemoryIo()
  const db = await openFilled(io)
  await db.createTable('rows', { primaryKey: 'id' })
  const rows = db.table('rows')
  for (let id = 0; id < 300; id++) await rows.insert({ id, text: `text of ${id} `.repeat(8) })
  // Of every third row no PATCH carries its document.
  for (let turn = 0; turn < 9; turn++)
    for (let id = 100; id < 300; id++) if (id % 3 > 0 || turn < 3) await rows.patch(id, { turn, [`f${turn % 2}`]: id })
  for (let id = 0; id < 300; id += 7) await rows.softDelete(id)
  await db.close()
  const frames = [...framesOf(io)]
  const carried = frames.filter(({ payload }) => payload[0] === 0x93)
  const lies = new Set(carried.filter((_, index) => index % 23 === 5).map(({ seq }) => seq))
  t.true(lies.size > 10)
  forge(io, folder, (all) =>
    all.map((frame) => (lies.has(frameSeq(frame, 0)) ? carrying(frame, { ...carriedBy(frame), f0: 'forged' }) : frame))
  )
  const found = await problemsOf(io)
  t.deepEqual(inAscent(found.map(({ seq }) => seq)), inAscent(lies))
  const bySeq = (problems: readonly Found[]) => [...problems].sort((a, b) => a.seq - b.seq)
  t.deepEqual(bySeq(await problemsOf(io, 8192)), bySeq(found))

  const frameBytesOfAll = bytesOf(io, segment).length
  const passes: number[] = []
  for (const budget of [4096, 8192, 16_384, 1_000_000]) {
    const findings = new Findings()
    const check = new DocumentCheck(frameBytesOfAll, 7, findings, budget)
    passes.push(0)
    do {
      passes.push((passes.pop() ?? 0) + 1)
      for (const frame of framesOf(io)) check.take(frame, segment, frame.at)
    } while (check.nextPass())
    t.deepEqual(inAscent(findings.problems.map(({ offset }) => frameSeq(bytesOf(io, segment), offset))), inAscent(lies))
  }
  const [first = 0, second = 0, third = 0, last] = passes
  t.true(first > second && second > third && third > 1, passes.join())
  t.is(last, 1)
})

test('a table of rows that are only inserted is gone through once, whatever its size', (t) => {
  const check = new DocumentCheck(10_000_000, 7, new Findings(), 4096)
  for (let id = 0; id < 2000; id++) {
    const payload = Buffer.concat([
      Uint8Array.of(0x92),
      encodeDocument({ id }, 'document').subarray(4),
      inOrder({ id }, { text: 'x'.repeat(100) })
    ])
    check.take({ seq: id + 1, time: 0, event: EVENT_INSERT, more: false, payload }, segment, 0)
  }
  t.false(check.nextPass())
})

test('FMT-10, VIS-15: a random database has no finding, in the WAL, in segments, compacted, behind a snapshot, opened again', async (t) => {
  for (const seed of [1, 2, 3]) {
    const random = numbers(seed)
    const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)] as Item
    const io = new MemoryIo()
    let db = await openFilled(io, 2 * 1024 * 1024)
    await db.createTable('rows', { primaryKey: 'id', indexes: ['n'] })
    await db.createTable('others', { primaryKey: 'id' })
    const live = { rows: new Set<Key>(), others: new Set<Key>() }
    const names = ['n', 'text', 'more', '7', '12', 'a name that takes more than thirty-one bytes', 'ä', 'at', 'list']
    const values = [
      1,
      -1.5,
      2 ** 40,
      2n ** 63n,
      'short',
      'long '.repeat(30),
      null,
      true,
      new Date(5),
      Uint8Array.of(1, 2),
      [1, { b: 2, 1: 3 }],
      { x: {} }
    ]
    const fields = () => Object.fromEntries(Array.from({ length: Math.floor(random() * 5) }, () => [pick(names), pick(values)]))
    const change = (table: 'rows' | 'others'): BatchOperation => {
      const keys = live[table]
      const id = pick([Math.floor(random() * 40), `key ${Math.floor(random() * 40)}`, 2n ** 60n + BigInt(Math.floor(random() * 9))])
      const dice = random()
      if (!keys.has(id)) {
        keys.add(id)
        return dice < 0.5 ? { insert: table, document: { id, ...fields() } } : { upsert: table, document: { ...fields(), id } }
      }
      if (dice < 0.1) {
        keys.delete(id)
        return { softDelete: table, key: id }
      }
      return dice < 0.2 ? { upsert: table, document: { id, ...fields() } } : { patch: table, key: id, set: fields() }
    }
    const looks = async (when: string) => {
      for (const documentBytes of [undefined, 4096]) {
        const { problems, moving } = await verify(io, DIRECTORY, { documentBytes })
        t.false(moving)
        t.deepEqual(problems, [], `${when}, seed ${seed}`)
      }
    }
    for (let round = 0; round < 12; round++) {
      for (let commit = 0; commit < 40; commit++) {
        await db.batch(Array.from({ length: 1 + Math.floor(random() * 6) }, () => change(random() < 0.8 ? 'rows' : 'others')))
      }
      await looks(`round ${round}`)
      if (round % 4 === 1) await db.compact()
      if (round % 4 === 2) await db.snapshot()
      if (round % 4 === 3) {
        await db.close()
        db = await openFilled(io, 2 * 1024 * 1024)
      }
      await looks(`behind round ${round}`)
    }
    await db.close()
    await looks('closed')
  }
})

test('a key index that loses a key and finds it again leaves events that do not follow, and those are found', async (t) => {
  const steps: Readonly<Record<string, (db: Database, find: () => void) => Promise<unknown>>> = {
    'FMT-10: a document is folded from a row that was replaced': async (db, find) => {
      find()
      for (let turn = 0; turn < 4; turn++) await db.table('rows').patch('a', { turn })
    },
    'VIS-15: a row is patched that was deleted': async (db, find) => {
      await db.table('rows').softDelete('a')
      find()
      await db.table('rows').patch('a', { turn: 1 })
    },
    'VIS-15: a row is deleted that was deleted': async (db, find) => {
      await db.table('rows').softDelete('a')
      find()
      await db.table('rows').softDelete('a')
    }
  }
  for (const [what, step] of Object.entries(steps)) {
    const io = new MemoryIo()
    const coordinator = await openCoordinator(io)
    const db = new Database(coordinator, {})
    await db.createTable('rows', { primaryKey: 'id' })
    await db.table('rows').insert({ id: 'a', note: 'first' })
    // The index verifies what it finds against the key's bytes: where they are damaged, the key is lost.
    const key = coordinator.table('rows').keys.keyOf(0)
    t.deepEqual(Buffer.from(key), Buffer.from(keyBytes('a')))
    key[1] = 0
    await db.table('rows').insert({ id: 'a', note: 'second' })
    await step(db, () => void (key[1] = 0x61))
    await db.close()
    const problems = await problemsOf(io)
    t.is(problems.length, 1, what)
    t.is(problems[0]?.file, segment)
    t.true(problems[0]?.message.endsWith(`(${what.slice(0, what.indexOf(':'))})`), problems[0]?.message)
  }
})
