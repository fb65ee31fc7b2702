/** Statistics of columns: kept in a file of their own, made again where it is damaged, fresh by themselves; and what drift.plans knows. */
import test, { type ExecutionContext } from 'ava'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { DriftError, open, type Database } from '../../src/index.js'
import { MemoryBytes, MemoryIo } from '../../src/io/memory-io.js'
import { verify } from '../../src/operations/verify.js'
import { openSimulated } from '../coordinator/_database.js'

const FILE = '/data/tables/orders/statistics.bin'
const PAID = "EXPLAIN SELECT * FROM orders WHERE status = 'paid'"

async function fill(db: Database, rows: number): Promise<void> {
  await db.createTable('orders', { primaryKey: 'id' })
  await insert(db, 0, rows)
}

/** Every fourth is paid. */
async function insert(db: Database, from: number, to: number): Promise<void> {
  const ids = Array.from({ length: to - from }, (_, index) => from + index)
  await db.batch(ids.map((id) => ({ insert: 'orders', document: { id, status: id % 4 === 0 ? 'paid' : 'open', amount: (id * 37) % 100 } })))
}

/** What EXPLAIN expects of its first step. */
async function expected(db: Database, text = PAID): Promise<number> {
  const line = String(await db.query(text).value())
  return Number(/\(about (\d+) rows?\)/.exec(line)?.[1])
}

test('statistics are there at the next opening, and of the past they are the same shares of other rows', async (t) => {
  const io = new MemoryIo()
  const first = await openSimulated(io)
  await fill(first.db, 400)
  t.is(await expected(first.db), 2, 'nobody looked: 0.5 % of the rows')
  const rows = await first.db.query('ANALYZE TABLE orders').all()
  t.deepEqual(rows[1], {
    table: 'orders',
    column: 'status',
    rows: 400,
    nulls: 0,
    distinct: 2,
    min: 'open',
    max: 'paid',
    top: [
      { value: 'open', share: 0.75 },
      { value: 'paid', share: 0.25 }
    ]
  })
  t.is(await expected(first.db), 100)
  await first.db.close()

  const second = await openSimulated(io)
  t.is(await expected(second.db), 100)
  await insert(second.db, 400, 800)
  t.is(await expected(second.db), 200, 'rows are those of now')
  t.is(await expected(second.db, `${PAID} AS OF @seq:401`), 100)
  await second.db.close()
  t.true((await verify(io, '/data')).ok)
})

test('a column in which nobody saw a value is expected to have none, whatever is asked of it', async (t) => {
  await using db = await open(':memory:')
  await db.createTable('t', { primaryKey: 'id' })
  await db.query('ANALYZE TABLE t').all()
  await db.table('t').insertMany([0, 1, 2].map((id) => ({ id, a: null })))
  const values = [true, 1, 'x', new Date(0), new Uint8Array(1), [1], { b: 1 }]
  const all = async (): Promise<void> => {
    for (const value of values)
      for (const condition of ['a = $1', 'a < $1', 'a >= $1', 'a BETWEEN $1 AND $1', 'a IN ($1, 1)', 'id > $1', 'id <= $1', 'id = $1'])
        t.deepEqual((await db.query(`EXPLAIN SELECT a FROM t WHERE ${condition}`, [value]).all()).length, 2)
  }
  await all()
  await db.query('ANALYZE TABLE t').all()
  await all()
})

test('a table of many pages and one of few rows are counted the same way', async (t) => {
  for (const pageRows of [16, 16_384]) {
    const { db } = await openSimulated(new MemoryIo(), { pageRows })
    await fill(db, 500)
    await db.query('UPDATE orders SET amount = NULL WHERE id < 50')
    await db.query('DELETE FROM orders WHERE id >= 450')
    const rows = await db.query<{ column: string }>('ANALYZE').all()
    t.deepEqual(
      rows.map(({ column, rows: count, nulls, distinct, min, max }: { [name: string]: unknown }) => [
        column,
        count,
        nulls,
        distinct,
        min,
        max
      ]),
      [
        ['id', 450, 0, 450, 0, 449],
        ['status', 450, 0, 2, 'open', 'paid'],
        ['amount', 450, 50, 100, 0, 99]
      ]
    )
    await db.close()
  }
})

test('a damaged file of statistics is none: doctor names it, the opening removes it, ANALYZE makes it again', async (t) => {
  const io = new MemoryIo()
  const first = await openSimulated(io)
  await fill(first.db, 100)
  await first.db.query('ANALYZE')
  await first.db.close()
  const whole = io.files.get(FILE)?.view.slice() ?? new Uint8Array(0)
  t.true(whole.length > 72)

  for (const at of [3, 20, 40, 65, 70, 90, whole.length - 1]) {
    const bytes = whole.slice()
    bytes[at] = (bytes[at] ?? 0) ^ 0x10
    place(io, bytes)
    const { problems } = await verify(io, '/data')
    t.deepEqual(
      problems.map(({ file }) => file),
      [FILE],
      `byte ${at}`
    )
    const { db } = await openSimulated(io)
    t.is(await expected(db), 1, `byte ${at}`)
    await db.close()
    t.false(io.files.has(FILE), `byte ${at}`)
  }
  place(io, whole.slice(0, 80))
  t.false((await verify(io, '/data')).ok)
  const { db } = await openSimulated(io)
  await db.query('ANALYZE')
  t.is(await expected(db), 25)
  await db.close()
  t.true((await verify(io, '/data')).ok)
})

function place(io: MemoryIo, bytes: Uint8Array): void {
  const file = new MemoryBytes()
  file.write(bytes, 0)
  io.files.set(FILE, file)
}

test('statistics of a future that a crash took back are removed', async (t) => {
  const [long, short] = [new MemoryIo(), new MemoryIo()]
  for (const [io, rows] of [
    [long, 200],
    [short, 100]
  ] as const) {
    const { db } = await openSimulated(io)
    await fill(db, rows)
    if (io === long) await db.query('ANALYZE')
    await db.close()
  }
  place(short, long.files.get(FILE)?.view ?? new Uint8Array(0))
  const { ok, notes } = await verify(short, '/data')
  t.true(ok)
  t.regex(notes.map(({ message }) => message).join(), /statistics of seq 201, but the last event is 101/)
  const { db } = await openSimulated(short)
  t.is(await expected(db), 1)
  await db.close()
  t.false(short.files.has(FILE))
})

test('who only reads uses statistics, makes none and removes none', async (t) => {
  const io = new MemoryIo()
  const { db } = await openSimulated(io)
  await fill(db, 100)
  await db.query('ANALYZE')
  const reader = await openSimulated(io, { readOnly: true })
  t.is(await expected(reader.db), 25)
  await t.throwsAsync(reader.db.query('ANALYZE').all(), { code: 'DRIFT_READ_ONLY' })
  place(io, new Uint8Array(10))
  await reader.db.refresh()
  t.is(await expected(reader.db), 1)
  t.true(io.files.has(FILE))
  await reader.db.close()
  await db.close()
})

test('ANALYZE that is cancelled changes nothing', async (t) => {
  const { db } = await openSimulated(new MemoryIo())
  await fill(db, 400)
  await db.query('ANALYZE')
  await insert(db, 400, 3000)
  const controller = new AbortController()
  const cancelled = db.query('ANALYZE', [], { signal: controller.signal }).all()
  controller.abort()
  await t.throwsAsync(cancelled, { code: 'DRIFT_ABORTED' })
  await t.throwsAsync(db.query('ANALYZE', [], { timeoutMs: 1e-9 }).all(), { code: 'DRIFT_TIMEOUT' })
  t.is(await expected(db, "EXPLAIN SELECT * FROM orders WHERE id >= 0 AND status = 'paid'"), 750)
  t.true((await expected(db, 'EXPLAIN SELECT * FROM orders WHERE id >= 400')) <= 10, 'those of before count')
  await db.close()
})

async function inDirectory(t: ExecutionContext, run: (directory: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'driftdb-statistics-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  await run(directory)
}

test('after many changes statistics are made in the background, and again after a tenth more', async (t) => {
  await inDirectory(t, async (directory) => {
    const db = await open(directory)
    await fill(db, 1000)
    while ((await expected(db)) !== 250) await pause(5)
    // 4 of 10 of all rows from now on are paid.
    await db.query("UPDATE orders SET status = 'paid' WHERE id % 5 = 1")
    await insert(db, 1000, 1900)
    const paid = Number(await db.query("SELECT count(*) FROM orders WHERE status = 'paid'").value())
    while ((await expected(db)) !== paid) await pause(5)
    await db.close()
    const again = await open(directory, { readOnly: true })
    t.is(await expected(again), paid)
    await again.close()
  })
})

test('writes and queries go on while statistics are made, and closing ends it', async (t) => {
  await inDirectory(t, async (directory) => {
    const db = await open(directory)
    await fill(db, 5000)
    for (let from = 5000; from < 12_000; from += 500) {
      await insert(db, from, from + 500)
      t.is(await db.query('SELECT count(*) FROM orders').value(), from + 500)
    }
    await db.close()
    t.true(
      (await open(directory, { readOnly: true }).then(async (reader) => {
        const found = await reader.query('SELECT count(*) FROM orders').value()
        await reader.close()
        return found
      })) === 12_000
    )
  })
})

test('they are left to ANALYZE where that is asked for', async (t) => {
  await inDirectory(t, async (directory) => {
    const db = await open(directory, { autoAnalyze: false })
    await fill(db, 2000)
    for (let turn = 0; turn < 20; turn++) await pause(1)
    t.is(await expected(db), 10)
    await db.close()
    t.false(existsSync(join(directory, 'tables/orders/statistics.bin')))
  })
})

test('drift.plans counts how often a text came and ran, and says how it finds its rows', async (t) => {
  const { db } = await openSimulated(new MemoryIo())
  await fill(db, 10)
  const text = 'SELECT status FROM orders WHERE id = $1'
  for (const id of [1, 2, 3]) await db.query(text, [id]).all()
  const prepared = db.prepare(text)
  await prepared.all([4])
  await prepared.all([5])
  await t.throwsAsync(db.query("SELECT 'x'::int8").all())
  const join = 'SELECT a.id FROM orders a JOIN orders b ON a.id = b.amount WHERE a.id > 3'
  await db.query(join).all()
  const rows = await db.query('SELECT * FROM drift.plans ORDER BY id').all()
  const [first, second, third, own] = rows
  t.like(first, { text, dialect: 'drift', hits: 3, uses: 5, access: 'get orders by id (1 key)', catalog_version: 1 })
  t.true(Number(first?.['mean_us']) > 0 && Number(first?.['last_us']) > 0)
  t.like(second, { text: "SELECT 'x'::int8", hits: 0, uses: 1, access: 'one row' })
  t.like(third, { text: join, access: 'scan orders by id range (>); scan orders' })
  t.like(own, { text: 'SELECT * FROM drift.plans ORDER BY id', hits: 0, uses: 0, mean_us: null, access: 'scan drift.plans' })
  t.is(await db.query("SELECT uses FROM drift.plans WHERE text LIKE 'SELECT status%'").value(), 5)
  t.is(await db.query('SELECT count(*) FROM drift.plans WHERE id > 1 AND id <= 3').value(), 2)
  t.is(await db.query('SELECT access FROM drift.plans WHERE id = $1', [first?.['id']]).value(), 'get orders by id (1 key)')
  let json = ''
  for await (const piece of db.query('SELECT * FROM drift.plans').json()) json += Buffer.from(piece).toString()
  t.is(json.split('\n').length - 1, 8)
  await db.close()
})

test('an index that was chosen is the access of its statement, and what it has is counted in it', async (t) => {
  const db = await open(':memory:', { autoAnalyze: false })
  await db.createTable('orders', { primaryKey: 'id', indexes: ['customer'] })
  await db.batch(
    Array.from({ length: 1000 }, (_, id) => ({ insert: 'orders', document: { id, customer: `c${id % 200}`, place: { city: id % 3 } } }))
  )
  await db.query('CREATE INDEX by_city ON orders(place.city)')
  const columns = (await db.query<{ column: string; distinct: number }>('ANALYZE TABLE orders').all()).map(({ column, distinct }) => [
    column,
    distinct
  ])
  t.deepEqual(columns, [
    ['id', 1000],
    ['customer', 200],
    ['place', 3],
    ['place.city', 3]
  ])
  t.is(await expected(db, 'EXPLAIN SELECT * FROM orders WHERE place.city = 1'), 333)
  const text = "SELECT id FROM orders WHERE customer = 'c7'"
  t.is((await db.query(text).all()).length, 5)
  const lines = (await db.query(`EXPLAIN ANALYZE ${text}`).all()).map(({ plan }) => String(plan))
  t.regex(lines[1] ?? '', /^ {2}lookup orders by orders_customer_idx .*5 rows, about 5 expected, q-error 1\.00/)
  t.is(
    await db.query('SELECT access FROM drift.plans WHERE text = $1', [text]).value(),
    'lookup orders by orders_customer_idx (customer =)'
  )
  await db.close()
})

test('a disk that takes no statistics refuses ANALYZE alone: the old ones count, and writes go on', async (t) => {
  const io = new MemoryIo()
  let isFull = false
  const create = io.create.bind(io)
  const limited = Object.assign(Object.create(io) as MemoryIo, {
    create: (path: string) => {
      if (isFull && path.includes('statistics')) throw new DriftError('NO_SPACE', `${path}: no space is left`, { file: path })
      return create(path)
    }
  })
  const { db } = await openSimulated(limited)
  await fill(db, 100)
  await db.query('ANALYZE')
  await db.query("UPDATE orders SET status = 'paid'")
  isFull = true
  await t.throwsAsync(db.query('ANALYZE').all(), { code: 'DRIFT_NO_SPACE' })
  t.is(await expected(db), 25)
  await insert(db, 100, 101)
  isFull = false
  await db.query('ANALYZE')
  t.is(await expected(db), 101)
  await db.close()
  t.true((await verify(io, '/data')).ok)
})
