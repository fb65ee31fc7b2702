/** Verification finds what is wrong, where it is, and nothing where all is well; and it changes nothing. */
import test, { type ExecutionContext } from 'ava'
import { crc32 } from '../../src/codec/checksum.js'
import { encodeDocument, encodeValue } from '../../src/codec/document-codec.js'
import { keyBytes } from '../../src/codec/key-codec.js'
import { decodeFileHeader, FILE_HEADER_BYTES, FILE_KIND_INDEX } from '../../src/format/file-header.js'
import { EVENT_INSERT, frameBytes, readFrame } from '../../src/format/frame.js'
import { encodeManifest, type Manifest } from '../../src/format/manifest.js'
import { IndexFiles } from '../../src/index/index-files.js'
import { NodeMemory } from '../../src/index/node-memory.js'
import { TableIndex } from '../../src/index/table-index.js'
import { writeIndexFile } from '../../src/index/write-index-file.js'
import type { Io } from '../../src/io/io.js'
import { MemoryIo } from '../../src/io/memory-io.js'
import { Arena } from '../../src/memory/arena.js'
import { verify, type VerifyReport } from '../../src/operations/verify.js'
import { DIRECTORY, fill, openFilled } from './_filled-database.js'
import { bytesOf, forge, manifestOf, replace, withPayload, withTime } from './_forge.js'

const ordersFolder = `${DIRECTORY}/tables/orders`
const ordersSegment = `${ordersFolder}/segments/00000001.seg`
const commitsSegment = `${DIRECTORY}/tables/drift.commits/segments/00000001.seg`
const walFile = `${DIRECTORY}/wal/wal.log`

async function closedDatabase(rows = 0): Promise<MemoryIo> {
  const io = new MemoryIo()
  const db = await openFilled(io)
  await fill(db, rows)
  await db.close()
  return io
}

/** A copy of the files that a crash of the process would leave: nothing is closed. */
async function openDatabase(): Promise<{ io: MemoryIo; close: () => Promise<void> }> {
  const io = new MemoryIo()
  const db = await openFilled(io)
  await fill(db)
  return { io, close: () => db.close() }
}

const found = (report: VerifyReport) => report.problems.map(({ file, message }) => `${file}: ${message}`)

/** There are problems, and each of them is in this file and says this. */
function finds(t: ExecutionContext, report: VerifyReport, file: string, message: RegExp): void {
  t.false(report.ok)
  t.not(report.problems.length, 0)
  for (const problem of report.problems) {
    t.is(problem.file, file, problem.message)
    t.regex(problem.message, message)
  }
}

test('a database that was closed has no problem and no note', async (t) => {
  const report = await verify(await closedDatabase(5), DIRECTORY)
  t.deepEqual(found(report), [])
  t.deepEqual(report.notes, [])
  t.true(report.ok)
  t.is(report.lastSeq, 20)
  t.is(report.events, 20)
  t.is(report.commits, 17)
  t.is(report.tries, 1)
  t.deepEqual(
    report.tables.map(({ name, events }) => [name, events]),
    [
      ['drift.commits', 17],
      ['drift.catalog', 2],
      ['Lines', 4],
      ['orders', 14]
    ]
  )
})

test('a new database without a table has no problem', async (t) => {
  const io = new MemoryIo()
  await (await openFilled(io)).close()
  const report = await verify(io, DIRECTORY)
  t.deepEqual(found(report), [])
  t.is(report.lastSeq, 0)
})

test('a database that is open, with its events in the WAL only, has no problem', async (t) => {
  const { io, close } = await openDatabase()
  const report = await verify(io, DIRECTORY)
  t.deepEqual(found(report), [])
  t.is(report.lastSeq, 15)
  t.is(report.events, 15)
  t.true(report.tables.every((table) => table.checkpointSeq === 0))
  await close()
})

test('a database that checkpoints while it is read has no problem', async (t) => {
  const io = new MemoryIo()
  const db = await openFilled(io, 2 * 1024 * 1024)
  await fill(db)
  for (let row = 0; row < 20; row++) {
    await db.table('orders').insert({ id: `more ${row}` })
    const report = await verify(io, DIRECTORY)
    t.deepEqual(found(report), [])
    t.is(report.events, 16 + row)
  }
  await db.close()
})

test('between checkpoint and close both WAL and segments have the events, and each is counted once', async (t) => {
  const io = new MemoryIo()
  const db = await openFilled(io)
  await fill(db, 3)
  // What the crash leaves: the WAL from before a checkpoint beside the manifests from after it.
  const wal = bytesOf(io, walFile).slice()
  const number = wal[16]
  await db.close()
  const files = [...io.files.keys()].filter((path) => path.startsWith(`${DIRECTORY}/wal/`))
  for (const path of files) io.remove(path)
  replace(io, `${DIRECTORY}/wal/wal.log.${number}`, wal)
  const report = await verify(io, DIRECTORY)
  t.deepEqual(found(report), [])
  t.is(report.events, 18)
})

test('verification writes nothing, makes nothing and takes no lock', async (t) => {
  const { io, close } = await openDatabase()
  const before = [...io.files].map(([path, bytes]) => [path, crc32(bytes.view)])
  const refuse = (what: string) => () => t.fail(what) as never
  const readOnly: Io = {
    openRead: (path) => {
      const file = io.openRead(path)
      const { read, size, close: end } = { read: file.read.bind(file), size: file.size.bind(file), close: file.close.bind(file) }
      return {
        path,
        read,
        size,
        close: end,
        write: refuse('write'),
        sync: refuse('sync'),
        syncAsync: refuse('sync'),
        truncate: refuse('truncate')
      }
    },
    kind: io.kind,
    list: io.list,
    openWrite: refuse('openWrite'),
    create: refuse('create'),
    makeDirectory: refuse('makeDirectory'),
    rename: refuse('rename'),
    remove: refuse('remove'),
    syncDirectory: refuse('syncDirectory'),
    lock: refuse('lock')
  }
  t.true((await verify(readOnly, DIRECTORY)).ok)
  t.deepEqual(
    [...io.files].map(([path, bytes]) => [path, crc32(bytes.view)]),
    before
  )
  await close()
})

test('FMT-1: one flipped bit in any byte of a closed database is found, in its file', async (t) => {
  const io = await closedDatabase()
  // The zeros written ahead are 4 MiB; the first of them are as good as all.
  replace(io, walFile, bytesOf(io, walFile).slice(0, 512))
  const files = [...io.files.keys()].filter((path) => !path.endsWith('LOCK') && !path.endsWith('schema.yaml'))
  t.is(files.length, 9)
  const missed: string[] = []
  for (const path of files) {
    const bytes = bytesOf(io, path)
    for (let at = 0; at < bytes.length; at++) {
      // White space of a manifest carries nothing.
      if (path.endsWith('.json') && (bytes[at] ?? 0) <= 0x20) continue
      const bit = 1 << (at % 8)
      bytes[at] = (bytes[at] ?? 0) ^ bit
      const report = await verify(io, DIRECTORY)
      bytes[at] = (bytes[at] ?? 0) ^ bit
      if (!report.problems.some((problem) => problem.file === path)) missed.push(`${path} ${at}`)
    }
  }
  t.deepEqual(missed, [])
  t.true((await verify(io, DIRECTORY)).ok)
})

test('a damaged frame is named with its offset, and the frames behind it are still checked', async (t) => {
  const io = await closedDatabase(10)
  const bytes = bytesOf(io, ordersSegment)
  const offsets: number[] = []
  for (let at = FILE_HEADER_BYTES; at < bytes.length; at += frameBytes(bytes, at)) offsets.push(at)
  const [second = 0, sixth = 0] = [offsets[1], offsets[5]]
  bytes[second + 20] = (bytes[second + 20] ?? 0) ^ 1
  bytes[sixth + 20] = (bytes[sixth + 20] ?? 0) ^ 1
  const report = await verify(io, DIRECTORY)
  t.deepEqual(
    report.problems.map(({ file, offset, code }) => ({ file, offset, code })),
    [second, sixth].map((offset) => ({ file: ordersSegment, offset, code: 'DRIFT_CORRUPT' as const }))
  )
})

test('damage in one file does not hide damage in another', async (t) => {
  const io = await closedDatabase()
  const damaged = [
    ordersSegment,
    commitsSegment,
    `${DIRECTORY}/tables/%4cines/segments/00000001.seg`,
    `${DIRECTORY}/tables/%4cines/meta.json`
  ]
  for (const path of damaged) {
    const bytes = bytesOf(io, path)
    bytes[90] = (bytes[90] ?? 0) ^ 2
  }
  const report = await verify(io, DIRECTORY)
  t.deepEqual([...new Set(report.problems.map((problem) => problem.file))].sort(), [...damaged].sort())
})

test('SEQ-7: frames in the wrong order are found though every checksum agrees', async (t) => {
  const io = await closedDatabase(4)
  forge(io, ordersFolder, ([first, second, ...rest]) => [second, first, ...rest].filter((frame) => frame !== undefined))
  const report = await verify(io, DIRECTORY)
  finds(t, report, ordersSegment, /SEQ-7|TIM-1/)
  t.regex(report.problems.map((problem) => problem.message).join(), /event 3 stands behind event 4 \(SEQ-7\)/)
})

test('SEQ-1: an event that is gone is missed by the commit log though every checksum agrees', async (t) => {
  const io = await closedDatabase(4)
  forge(io, ordersFolder, (frames) => frames.filter((_, index) => index !== 3))
  const report = await verify(io, DIRECTORY)
  finds(
    t,
    report,
    ordersSegment,
    /13 events .* where the commit log has|where the commit log has event .*12 events in its files, the commit log counts 13/
  )
  t.is(report.problems.length, 1)
})

test('an event that is gone from the end of a table is missed', async (t) => {
  const io = await closedDatabase(4)
  forge(io, ordersFolder, (frames) => frames.slice(0, -1))
  finds(
    t,
    await verify(io, DIRECTORY),
    ordersSegment,
    /event 19 is missing behind this one: 12 events in its files, the commit log counts 13/
  )
})

test('SEQ-1: a commit that is gone from the commit log is found', async (t) => {
  const io = await closedDatabase(4)
  forge(io, `${DIRECTORY}/tables/drift.commits`, (frames) => frames.filter((_, index) => index !== 5))
  const report = await verify(io, DIRECTORY)
  finds(t, report, commitsSegment, /the commit begins with event 9, expected 8 \(SEQ-1\)|SEQ-1/)
})

test('TIM-1: a time that goes back is found', async (t) => {
  const io = await closedDatabase(4)
  forge(io, ordersFolder, (frames) => frames.map((frame, index) => (index === 6 ? withTime(frame, 1) : frame)))
  const report = await verify(io, DIRECTORY)
  finds(t, report, ordersSegment, /has time 1, one before it has \d+ \(TIM-1\)/)
})

test('TIM-2: a time that is not that of the commit is found', async (t) => {
  const io = await closedDatabase(4)
  forge(io, ordersFolder, (frames) => frames.map((frame, index, all) => (index === all.length - 1 ? withTime(frame, 8e15) : frame)))
  finds(t, await verify(io, DIRECTORY), ordersSegment, /event 19 of time 8000000000000000 where the commit log has event 19 of time 17/)
})

test('a payload that is no document is found though every checksum agrees', async (t) => {
  const io = await closedDatabase()
  const payload = Buffer.concat([Buffer.from([0x92]), encodeValue('o1', 'key').slice(), encodeValue([1, 2], 'list').slice()])
  forge(io, ordersFolder, (frames) => frames.map((frame, index) => (index === 0 ? withPayload(frame, EVENT_INSERT, payload) : frame)))
  finds(t, await verify(io, DIRECTORY), ordersSegment, /event 3 \(INSERT\): its payload cannot be read/)
})

test('FMT-5: an event type that this release does not know is named as such', async (t) => {
  const io = await closedDatabase()
  forge(io, ordersFolder, (frames) =>
    frames.map((frame, index) => (index === 0 ? withPayload(frame, 18, readFrame(frame, 0).payload) : frame))
  )
  const report = await verify(io, DIRECTORY)
  finds(t, report, ordersSegment, /type ERASE/)
  t.is(report.problems[0]?.code, 'DRIFT_UNSUPPORTED_VERSION')
})

test('a lost manifest is a problem, and the segments of its table are checked without it', async (t) => {
  const io = await closedDatabase(3)
  io.remove(`${ordersFolder}/meta.json`)
  const report = await verify(io, DIRECTORY)
  finds(t, report, `${ordersFolder}/meta.json`, /missing/)
  t.is(report.tables.find((table) => table.name === 'orders')?.events, 12)
  const bytes = bytesOf(io, ordersSegment)
  bytes[FILE_HEADER_BYTES + 20] = 0xff
  t.true((await verify(io, DIRECTORY)).problems.some((problem) => problem.file === ordersSegment))
})

test('a missing segment, a cut one and a foreign one are found', async (t) => {
  const gone = await closedDatabase()
  gone.remove(ordersSegment)
  finds(t, await verify(gone, DIRECTORY), ordersSegment, /not there/)

  const cut = await closedDatabase()
  replace(cut, ordersSegment, bytesOf(cut, ordersSegment).slice(0, -1))
  t.true((await verify(cut, DIRECTORY)).problems.some(({ file, message }) => file === ordersSegment && /are live/.test(message)))

  const foreign = await closedDatabase()
  replace(foreign, ordersSegment, bytesOf(foreign, `${DIRECTORY}/tables/%4cines/segments/00000001.seg`).slice())
  t.true((await verify(foreign, DIRECTORY)).problems.some(({ message }) => /table id 17, expected 16/.test(message)))
})

test('CAT-3: a missing folder of a table and a manifest in the wrong folder are found', async (t) => {
  const gone = await closedDatabase()
  gone.remove(ordersFolder)
  const report = await verify(gone, DIRECTORY)
  t.true(report.problems.some(({ file, message }) => file === ordersFolder && /folder of table orders is missing/.test(message)))

  const moved = await closedDatabase()
  for (const [path, bytes] of [...moved.files]) {
    if (path.startsWith(`${ordersFolder}/`)) moved.files.set(path.replace('/orders/', '/elsewhere/'), bytes)
  }
  for (const name of ['elsewhere', 'elsewhere/segments']) moved.directories.add(`${DIRECTORY}/tables/${name}`)
  moved.remove(ordersFolder)
  t.true((await verify(moved, DIRECTORY)).problems.some(({ message }) => /CAT-3|folder of table orders is missing/.test(message)))
})

test('a missing WAL file between two others is found', async (t) => {
  const io = await closedDatabase()
  const wal = bytesOf(io, walFile).slice()
  const older = await openDatabase()
  const first = bytesOf(older.io, walFile).slice()
  t.is(first[16], 1)
  t.is(wal[16], 2)
  replace(io, `${DIRECTORY}/wal/wal.log.1`, first)
  io.remove(walFile)
  replace(io, `${DIRECTORY}/wal/wal.log.3`, wal)
  const report = await verify(io, DIRECTORY)
  t.true(report.problems.some(({ message }) => /the WAL file with number 2 is missing/.test(message)))
  await older.close()
})

test('a torn tail is a note, with its offset, and no problem', async (t) => {
  const { io, close } = await openDatabase()
  const left = new MemoryIo()
  for (const [path, bytes] of io.files) {
    for (let at = path.indexOf('/'); at >= 0; at = path.indexOf('/', at + 1)) left.directories.add(path.slice(0, at))
    replace(left, path, bytes.view.slice())
  }
  for (const directory of io.directories) left.directories.add(directory)
  await close()
  const bytes = bytesOf(left, walFile)
  let end = bytes.length
  while (bytes[end - 1] === 0) end--
  bytes[end - 1] = (bytes[end - 1] ?? 0) ^ 1
  const report = await verify(left, DIRECTORY)
  t.deepEqual(found(report), [])
  t.regex(report.notes.map((note) => note.message).join(), /a torn group of \d+ bytes/)
  t.is(report.lastSeq, 14)
})

test('what a crash leaves lying about is noted', async (t) => {
  const io = await closedDatabase()
  const left = [
    `${DIRECTORY}/wal/wal.next`,
    `${DIRECTORY}/wal/cut-7`,
    `${ordersFolder}/meta.json.tmp`,
    `${ordersFolder}/segments/00000002.seg`
  ]
  for (const path of left) replace(io, path, new Uint8Array(9))
  io.makeDirectory(`${DIRECTORY}/tables/never-made`)
  io.remove(`${ordersFolder}/schema.yaml`)
  replace(io, ordersSegment, Buffer.concat([bytesOf(io, ordersSegment), Buffer.from('more')]))
  const report = await verify(io, DIRECTORY)
  const noted = report.notes.map((note) => note.file)
  for (const path of [...left, `${ordersFolder}/schema.yaml`, ordersSegment, `${DIRECTORY}/tables/never-made`])
    t.true(noted.includes(path), path)
  t.deepEqual(
    report.problems.map((problem) => problem.file),
    [`${DIRECTORY}/tables/never-made/meta.json`]
  )
})

test('files that move during the check make it begin again, three times at most', async (t) => {
  const io = await closedDatabase()
  let reads = 0
  const moving: Io = {
    ...methodsOf(io),
    openRead: (path) => {
      if (path === ordersSegment) {
        const created = manifestOf(io, ordersFolder)
        // Another valid text for the same manifest: the files moved, nothing is wrong.
        const text = Buffer.from(encodeManifest(created)).toString()
        reads++
        if (reads <= 4) replace(io, `${ordersFolder}/meta.json`, Buffer.from(`${' '.repeat(reads)}${text}`))
      }
      return io.openRead(path)
    }
  }
  const report = await verify(moving, DIRECTORY)
  t.is(report.tries, 3)
  t.true(report.moving)
  t.regex(report.notes.at(-1)?.message ?? '', /a writer moved the files/)
  t.deepEqual(found(report), [])
  reads = 4
  const calm = await verify(moving, DIRECTORY)
  t.is(calm.tries, 1)
  t.false(calm.moving)
})

test('progress counts up to all bytes', async (t) => {
  const io = await closedDatabase(50)
  const seen: { done: number; total: number }[] = []
  let breaths = 0
  const report = await verify(io, DIRECTORY, { onProgress: (progress) => seen.push(progress), breathe: async () => void breaths++ })
  const last = seen.at(-1)
  t.is(last?.done, last?.total)
  t.is(last?.done, report.bytes)
  t.is(breaths, seen.length)
  t.true(seen.every((step, index) => step.done <= step.total && step.done >= (seen[index - 1]?.done ?? 0)))
})

test('what is no database is refused', async (t) => {
  const io = new MemoryIo()
  await t.throwsAsync(verify(io, '/nothing'), { code: 'DRIFT_INVALID_ARGUMENT' })
  io.makeDirectory('/other/tables')
  await t.throwsAsync(verify(io, '/other'), { code: 'DRIFT_INVALID_ARGUMENT' })
})

test('a database without its WAL folder is reported, not taken for whole', async (t) => {
  const io = await closedDatabase()
  io.remove(`${DIRECTORY}/wal`)
  finds(t, await verify(io, DIRECTORY), `${DIRECTORY}/wal`, /missing/)
})

function methodsOf(io: MemoryIo): Io {
  const { openRead, openWrite, create, kind, list, makeDirectory, rename, remove, syncDirectory, lock } = io
  return { openRead, openWrite, create, kind, list, makeDirectory, rename, remove, syncDirectory, lock }
}

test('stored columns that are not those of the segments are problems of that manifest, said to the seq', async (t) => {
  const original = await closedDatabase()
  const path = `${ordersFolder}/meta.json`
  const manifest = manifestOf(original, ordersFolder)
  const listed = manifest.columns?.listed ?? []
  t.deepEqual(
    listed.map(({ name }) => name),
    ['id', 'status', 'total', 'lines', 'turn']
  )
  const cases: [columns: unknown, message: RegExp][] = [
    [{ listed: listed.slice(0, -1) }, /^column 5 is none, by the segments "turn"$/],
    [{ listed: [...listed, { name: 'ghost', seen: { int: manifest.checkpointSeq } }] }, /^column 6 is "ghost", by the segments none$/],
    [{ listed: listed.map((column) => (column.name === 'lines' ? { ...column, name: 'line' } : column)) }, /^column 4 is "line"/],
    [
      { listed: listed.map((column) => (column.name === 'lines' ? { ...column, seen: { int: 8 } } : column)) },
      /^column 4 \("lines"\) has its first int at seq 8, by the segments at 7$/
    ],
    [
      { listed: listed.map((column) => (column.name === 'id' ? { ...column, seen: { ...column.seen, bool: 8 } } : column)) },
      /^column 1 \("id"\) has its first bool at seq 8, by the segments at none$/
    ],
    [{ listed, unlistedSince: 9 }, /^columns are unlisted since 9, by the segments since none$/],
    [{ listed: 'nonsense' }, /^its columns cannot be understood/]
  ]
  for (const [columns, message] of cases) {
    const io = await closedDatabase()
    replace(io, path, encodeManifest({ ...manifest, columns } as Manifest))
    finds(t, await verify(io, DIRECTORY), path, message)
  }
  const io = await closedDatabase()
  const { columns, ...without } = manifest
  t.truthy(columns)
  replace(io, path, encodeManifest(without))
  const report = await verify(io, DIRECTORY)
  t.true(report.ok)
  t.deepEqual(
    report.notes.map(({ file }) => file),
    [path]
  )
})

test('IDX-1, IDX-5: an index file that is damaged, ahead of the segments, or says something else, is a problem with its file; strays are notes', async (t) => {
  const io = new MemoryIo()
  const db = await openFilled(io)
  await fill(db)
  await db.snapshot()
  await db.table('Lines').insert({ n: 9, order: 'o9' })
  await db.close()
  const path = `${DIRECTORY}/tables/%4cines/indexes/order.idx`
  const whole = bytesOf(io, path).slice()
  const problemsOf = async () => (await verify(io, DIRECTORY)).problems.map(({ file, message }) => `${file}: ${message}`)
  t.deepEqual(await problemsOf(), [])
  for (const at of [20, 70, 200, 16_000, whole.length - 90, whole.length - 70, whole.length - 5]) {
    const bytes = bytesOf(io, path)
    bytes[at] = (bytes[at] ?? 0) ^ 4
    const [problem, ...others] = await problemsOf()
    t.deepEqual(others, [])
    t.true(problem?.startsWith(`${path}: ${path}: `), problem)
    bytes[at] = (bytes[at] ?? 0) ^ 4
  }
  // Everything agrees with its checksum in these; what they say is not so.
  const { tableId, databaseId } = decodeFileHeader(whole, path, FILE_KIND_INDEX)
  const columns = [{ path: ['order'], isDescending: false }]
  const definition = { id: 128, createdSeq: 2, name: 'Lines_order_idx', columns, isUnique: false, isPending: false }
  const files = new IndexFiles({ databaseId, tableId, table: 'Lines', directory: `${DIRECTORY}/tables/%4cines`, definition })
  const written = (rows: readonly (readonly [n: number, order: string])[], seq: number, events: number) => {
    const index = new TableIndex(NodeMemory.create(Arena.create({ bytes: 16 * 1024 * 1024 })), columns)
    for (const [ordinal, [n, order]] of rows.entries()) {
      const key = keyBytes(n)
      const source = encodeDocument({ n, order }, 'document').slice()
      index.take({ event: EVENT_INSERT, seq: 5 + ordinal, ordinal, key, keyBytes: key.length, source, from: 0 })
    }
    writeIndexFile(io, files, index.tree, index.locations, { seq, events })
    io.rename(files.unfinished, files.index)
  }
  const lies: readonly [() => void, RegExp][] = [
    [
      () =>
        written(
          [
            [1, 'o2'],
            [2, 'o7']
          ],
          6,
          2
        ),
      /row 1 has another entry than its events say \(IDX-1\)$/
    ],
    [() => written([[1, 'o2']], 6, 2), /\(IDX-1\)$/],
    [
      () =>
        written(
          [
            [1, 'o2'],
            [2, 'o2']
          ],
          9,
          2
        ),
      /event 2 has seq \d+, not 9 \(IDX-5\)$/
    ],
    [
      () =>
        written(
          [
            [1, 'o2'],
            [2, 'o2']
          ],
          6,
          99
        ),
      /it has 99 events, the segments have \d \(IDX-5\)$/
    ],
    [
      () =>
        written(
          [
            [1, 'o2'],
            [2, 'o2']
          ],
          999,
          2
        ),
      /it goes up to event 999, the segments up to \d+ \(IDX-5\)$/
    ]
  ]
  for (const [lie, says] of lies) {
    lie()
    const found = await problemsOf()
    t.regex(found[found.length - 1] ?? '', says)
    t.true(
      found.every((problem) => problem.startsWith(path)),
      found.join()
    )
  }
  replace(io, path, whole)
  replace(io, files.unfinished, whole)
  replace(io, `${files.folder}/gone.idx`, whole)
  const { problems, notes } = await verify(io, DIRECTORY)
  t.deepEqual(problems, [])
  t.deepEqual(notes.map(({ file }) => file).sort(), [`${files.folder}/gone.idx`, files.unfinished])
  await (await openFilled(io)).close()
  t.deepEqual(io.list(files.folder), ['order.idx'])
})
