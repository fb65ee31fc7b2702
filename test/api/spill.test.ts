/** Queries that spill, through the front door: the same rows, no file left, whatever ends them. */
import test from 'ava'
import { existsSync, mkdirSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Value } from '../../src/codec/value.js'
import { open, type Database } from '../../src/index.js'
import type { File } from '../../src/io/io.js'
import { MemoryIo, systemError } from '../../src/io/memory-io.js'
import { openSimulated } from '../coordinator/_database.js'
import { refused, temporaryDirectory } from './_temporary.js'
import { same } from '../same.js'

const ROWS = 4000
const TINY = { memoryBytes: 64 * 1024 }
const QUERIES = [
  'SELECT id, a, b FROM t ORDER BY a DESC, b',
  'SELECT * FROM t ORDER BY b NULLS FIRST',
  'SELECT id, a FROM t ORDER BY a LIMIT 1500 OFFSET 700',
  'SELECT b, COUNT(*) AS n, SUM(f) AS s, MIN(a) AS low FROM t GROUP BY b',
  'SELECT a, b, AVG(f) AS mean FROM t GROUP BY a, b ORDER BY mean DESC',
  'SELECT DISTINCT a, b FROM t',
  'SELECT DISTINCT b FROM t ORDER BY b DESC LIMIT 2000'
]

async function fill(db: Database, count = ROWS): Promise<Database> {
  await db.createTable('t', { primaryKey: 'id' })
  const time = new Date(1_700_000_000_000)
  const of = (id: number): Value =>
    [id % 7, `text ${(id * 7919) % 3001}`, 2n ** 60n + BigInt(id % 5), time, new Uint8Array([id % 3])][id % 5] ?? null
  await db.table('t').insertMany(
    Array.from({ length: count }, (_, id) => ({
      id,
      a: of(id),
      b: (id * 7919) % 2503,
      f: id / 10,
      ...(id % 11 === 0 ? { c: [id] } : {})
    }))
  )
  return db
}

async function rowsOf(db: Database, text: string, options: object): Promise<unknown[]> {
  const rows: unknown[] = []
  for await (const row of db.query(text, [], options)) rows.push(row)
  return rows
}

/** Temporary files, by name or by an open descriptor without one. */
function filesOf(directory: string): string[] {
  const folder = join(directory, 'tmp')
  const named = existsSync(folder) ? readdirSync(folder) : []
  const held = readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)]
    } catch {
      return []
    }
  })
  return [...named, ...held.filter((path) => path.startsWith(directory) && path.includes('.spill'))]
}

async function toItsEnd(rows: AsyncIterator<unknown>): Promise<void> {
  while ((await rows.next()).done !== true);
}

const onLinux = existsSync('/proc/self/fd') ? test : test.skip

onLinux('with real files: a query that spills gives what one that does not gives, and leaves no file', async (t) => {
  const directory = temporaryDirectory(t)
  await using db = await fill(await open(directory, { durability: 'none' }))
  for (const text of QUERIES) {
    const rows = await rowsOf(db, text, {})
    same(t, await rowsOf(db, text, TINY), rows, text)
    same(t, filesOf(directory), [], text)
  }
  t.true(existsSync(join(directory, 'tmp')), 'something was spilled')
})

onLinux('a stream that is left, one that is cancelled, and one that nobody ends leave no file', async (t) => {
  const directory = temporaryDirectory(t)
  const db = await fill(await open(directory, { durability: 'none' }))
  for await (const _ of db.query(QUERIES[0] as string, [], TINY)) {
    t.true(filesOf(directory).length > 0)
    break
  }
  same(t, filesOf(directory), [])
  const controller = new AbortController()
  const rows = db.query(QUERIES[0] as string, [], { ...TINY, signal: controller.signal })[Symbol.asyncIterator]()
  await rows.next()
  controller.abort()
  await refused(t, () => toItsEnd(rows), 'DRIFT_ABORTED')
  same(t, filesOf(directory), [])
  const forgotten = db.query(QUERIES[0] as string, [], TINY)[Symbol.asyncIterator]()
  await forgotten.next()
  t.true(filesOf(directory).length > 0)
  await db.close()
  same(t, filesOf(directory), [])
  await refused(t, () => toItsEnd(forgotten), 'DRIFT_CLOSED')
})

onLinux('read-only it spills into the folder of the system, and what a crash left is removed by the next opening to write', async (t) => {
  const directory = temporaryDirectory(t)
  const db = await fill(await open(directory, { durability: 'none' }))
  const rows = await rowsOf(db, QUERIES[0] as string, {})
  await db.close()
  const reader = await open(directory, { readOnly: true })
  same(t, await rowsOf(reader, QUERIES[0] as string, TINY), rows)
  t.false(existsSync(join(directory, 'tmp')))
  await reader.close()
  mkdirSync(join(directory, 'tmp'))
  writeFileSync(join(directory, 'tmp/driftdb-0011223344556677.spill'), '')
  writeFileSync(join(directory, 'tmp/mine.txt'), 'not ours')
  await (await open(directory)).close()
  same(t, readdirSync(join(directory, 'tmp')), ['mine.txt'])
})

test('a signal ends a query at whatever look it is aborted, in memory, while spilling and while merging', async (t) => {
  const io = new SpillIo()
  const { db } = await openSimulated(io, { durability: 'none' })
  await fill(db)
  for (const text of QUERIES) {
    const seen = { looks: 0, phases: new Set<string>() }
    const all = await drained(db, text, Number.POSITIVE_INFINITY, io, seen)
    t.true(all > 0, text)
    same(t, [...seen.phases].sort(), ['keeping', 'reading', 'writing'], text)
    const step = Math.max(1, Math.floor(seen.looks / 40))
    for (let look = 1; look < seen.looks; look += step) {
      await refused(t, () => drained(db, text, look, io, { looks: 0, phases: new Set() }), 'DRIFT_ABORTED')
      t.is(io.openFiles, 0, `${text}: look ${look}`)
      same(t, io.list('/data/tmp'), [])
    }
  }
  await db.close()
})

test('an error of the file system at any operation on a spill ends the query with it, leaves no file, and the next one runs', async (t) => {
  const io = new SpillIo()
  const { db } = await openSimulated(io, { durability: 'none' })
  await fill(db, 2000)
  for (const text of [QUERIES[0], QUERIES[3], QUERIES[5]] as string[]) {
    const rows = await rowsOf(db, text, {})
    for (const [code, name] of [
      ['ENOSPC', 'DRIFT_NO_SPACE'],
      ['EIO', 'DRIFT_IO']
    ] as const) {
      io.operations = 0
      io.failAt = 0
      same(t, await rowsOf(db, text, TINY), rows)
      const { operations } = io
      t.true(operations > 10)
      const step = Math.max(1, Math.floor(operations / 60))
      // The first are the creation of a file and the removal of its name.
      for (let failAt = 1; failAt <= operations; failAt += failAt < 4 ? 1 : step) {
        io.operations = 0
        io.failAt = failAt
        io.failCode = code
        await refused(t, () => rowsOf(db, text, TINY), name)
        t.is(io.openFiles, 0, `${text}: operation ${failAt}`)
        same(t, io.list('/data/tmp'), [], `${text}: operation ${failAt}`)
      }
    }
    io.failAt = 0
    same(t, await rowsOf(db, text, TINY), rows)
  }
  await db.close()
})

test('what may be spilled has a bound, and 0 is none', async (t) => {
  await using db = await fill(await open(':memory:'))
  for (const text of QUERIES) {
    const none = await refused(t, () => rowsOf(db, text, { ...TINY, spillBytes: 0 }), 'DRIFT_LIMIT')
    t.is(none.details['name'], 'queryBytesMax')
    const few = await refused(t, () => rowsOf(db, text, { ...TINY, spillBytes: 1000 }), 'DRIFT_LIMIT')
    t.is(few.details['name'], 'querySpillBytesMax')
  }
  const { stats, rows } = await db.query('SELECT COUNT(*) AS n, SUM(id) AS s FROM t GROUP BY b LIMIT 10', [], { memoryBytes: 256 * 1024 })
  t.is(rows.length, 10)
  t.true(stats.spilledBytes > 0 && stats.memoryBytes <= 256 * 1024)
})

test('EXPLAIN ANALYZE says what was kept, spilled and written in runs', async (t) => {
  await using db = await fill(await open(':memory:'))
  const [row] = await db.query<{ plan: Step }>('EXPLAIN (ANALYZE, FORMAT JSON) SELECT id, a FROM t ORDER BY b', [], TINY).all()
  const sort = row?.plan
  t.is(sort?.step, 'sort')
  t.is(sort?.rowsIn, ROWS)
  t.is(sort?.rowsOut, ROWS)
  t.true((sort?.spilledBytes ?? 0) > 0 && (sort?.runs ?? 0) > 1 && (sort?.memoryBytes ?? 0) > 0)
  t.true((sort?.memoryBytes ?? 0) <= TINY.memoryBytes)
  t.is(sort?.inputs[0]?.step, 'scan')
})

type Step = {
  readonly step: string
  readonly rowsIn?: number
  readonly rowsOut: number
  readonly memoryBytes: number
  readonly spilledBytes: number
  readonly runs: number
  readonly inputs: readonly Step[]
}

/** Rows of a query that is aborted when it looks at its signal for the n-th time. */
async function drained(
  db: Database,
  text: string,
  abortAt: number,
  io: SpillIo,
  seen: { looks: number; phases: Set<string> }
): Promise<number> {
  io.writes = 0
  io.reads = 0
  const signal = {
    get aborted(): boolean {
      seen.phases.add(io.reads > 0 ? 'reading' : io.writes > 0 ? 'writing' : 'keeping')
      return ++seen.looks >= abortAt
    },
    addEventListener() {},
    removeEventListener() {}
  }
  let rows = 0
  for await (const _ of db.query(text, [], { ...TINY, signal: signal as unknown as AbortSignal })) rows++
  return rows
}

/** Files in memory; operations on those of queries are counted, and one of them fails. */
class SpillIo extends MemoryIo {
  operations = 0
  failAt = 0
  failCode = 'EIO'
  openFiles = 0
  writes = 0
  reads = 0

  constructor() {
    super()
    const { create, remove } = this
    this.create = (path) => (path.endsWith('.spill') ? this.#counted(path, create) : create(path))
    this.remove = (path) => {
      if (path.endsWith('.spill')) this.#operation('unlink', path)
      remove(path)
    }
  }

  #counted(path: string, create: (path: string) => File): File {
    this.#operation('open', path)
    const file = create(path)
    this.openFiles++
    return {
      path,
      read: (target, position) => {
        this.#operation('read', path)
        this.reads++
        return file.read(target, position)
      },
      write: (parts, position) => {
        this.#operation('write', path)
        this.writes++
        file.write(parts, position)
      },
      sync: () => file.sync(),
      syncAsync: () => file.syncAsync(),
      size: () => file.size(),
      truncate: (bytes) => file.truncate(bytes),
      close: () => {
        this.openFiles--
        file.close()
      }
    }
  }

  #operation(syscall: string, path: string): void {
    if (++this.operations === this.failAt) throw systemError(this.failCode, syscall, path)
  }
}

test('groups of versions, and of points, that pages have no room for are made of rows, and spilled', async (t) => {
  await using db = await open(':memory:')
  await db.createTable('t', { primaryKey: 'id' })
  await db.table('t').insertMany(Array.from({ length: 6000 }, (_, id) => ({ id, text: `a text ${id}`, n: id % 3 })))
  const last = db.lastSeq
  const texts = [
    'SELECT text, COUNT(*) AS c, MIN(n) AS m FROM t FOR SYSTEM_TIME ALL GROUP BY text',
    `SELECT _at, text, MIN(n) AS m FROM t FOR SYSTEM_TIME EACH 1 SEQ BETWEEN @seq:${last} AND @seq:${last} GROUP BY _at, text`
  ]
  for (const text of texts) {
    const { rows } = await db.query(text)
    t.is(rows.length, 6000)
    const streamed: unknown[] = []
    for await (const row of db.query(text, [], { memoryBytes: 400_000 })) streamed.push(row)
    same(t, streamed, rows)
  }
})
