/** Row locks as a caller sees them: FOR UPDATE, tx.lock, and the writes of others that wait. */
import test from 'ava'
import { DriftError, type Database, type Transaction } from '../../src/index.js'
import { MemoryIo } from '../../src/io/memory-io.js'
import { Dice, openSimulated } from '../coordinator/_database.js'
import { codeOf, hermitage, LEVELS } from './_sessions.js'

/** What became of a promise once everything that can go on has gone on. */
async function stateOf(promise: Promise<unknown>): Promise<string> {
  let state = 'waits'
  promise.then(
    () => (state = 'done'),
    (thrown: unknown) => (state = thrown instanceof DriftError ? thrown.code.slice(6) : String(thrown))
  )
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => void setImmediate(resolve))
  return state
}

const run = async (tx: Transaction, text: string): Promise<readonly unknown[]> => tx.query(text).all()

for (const level of LEVELS) {
  test(`a locked row is written by nobody else until the end, at ${level}`, async (t) => {
    const db = await hermitage()
    const holder = await db.begin({ isolation: level })
    t.deepEqual(await holder.lock('test', 1), { id: 1, value: 10 })
    const single = db.table('test').patch(1, { value: 11 })
    const other = await db.begin({ isolation: level })
    await other.table('test').patch(1, { by: 'other' })
    const commit = other.commit()
    const batch = db.batch([{ patch: 'test', key: 2, set: { value: 21 } }])
    t.deepEqual(await Promise.all([single, commit, batch].map(stateOf)), ['waits', 'waits', 'done'])
    t.like(db.stats(), { lockedRows: 1, lockWaiters: 2 })
    await holder.table('test').patch(1, { value: 12 })
    await holder.commit()
    await single
    t.is(await stateOf(commit), level === 'read committed' ? 'done' : 'WRITE_CONFLICT')
    t.like(db.table('test').get(1), level === 'read committed' ? { value: 11, by: 'other' } : { value: 11 })
    await other.rollback()
    t.like(db.stats(), { lockedRows: 0, lockWaiters: 0 })
    await db.close()
  })

  test(`who waited for a row sees its newest state, or conflicts with it, at ${level}`, async (t) => {
    const db = await hermitage()
    const holder = await db.begin()
    await holder.lock('test', 1)
    const waiter = await db.begin({ isolation: level })
    const turn = waiter.lock('test', 1)
    const idle = await db.begin({ isolation: level })
    const rows = run(idle, 'SELECT value FROM test WHERE id = 1 FOR UPDATE')
    t.deepEqual([await stateOf(turn), await stateOf(rows)], ['waits', 'waits'])
    await holder.table('test').patch(1, { value: 99 })
    await holder.commit()
    if (level === 'read committed') {
      t.deepEqual(await turn, { id: 1, value: 99 })
      await waiter.table('test').patch(1, { value: 100 })
      await waiter.commit()
      t.deepEqual(await rows, [{ value: 100 }])
    } else {
      t.deepEqual([await stateOf(turn), await stateOf(rows)], ['WRITE_CONFLICT', 'WRITE_CONFLICT'])
      t.is(await codeOf(() => waiter.table('test').get(2)), 'WRITE_CONFLICT')
    }
    await db.close()
  })

  test(`a rollback gives the row on as it was, at ${level}`, async (t) => {
    const db = await hermitage()
    const holder = await db.begin({ isolation: level })
    await holder.lock('test', 1)
    await holder.table('test').patch(1, { value: 99 })
    const waiter = await db.begin({ isolation: level })
    const turn = waiter.lock('test', 1)
    t.is(await stateOf(turn), 'waits')
    await holder.rollback()
    t.deepEqual(await turn, { id: 1, value: 10 })
    await waiter.table('test').patch(1, { value: 11 })
    await waiter.commit()
    await db.close()
  })

  test(`counters that are locked before they are read lose nothing and retry nothing, at ${level}`, async (t) => {
    const db = await hermitage()
    let runs = 0
    const add = (): Promise<void> =>
      db.transaction(
        async (tx) => {
          runs++
          const row = tx.table<{ id: number; value: number }>('test').get(1)
          await new Promise((resolve) => void setImmediate(resolve))
          await tx.table('test').patch(1, { value: (row?.value ?? 0) + 1 })
        },
        { isolation: level, lock: [{ table: 'test', key: 1 }], retries: 0 }
      )
    await Promise.all(Array.from({ length: 50 }, add))
    t.like(db.table('test').get(1), { value: 60 })
    t.is(runs, 50)
    await db.close()
  })
}

test('transactions get a row in the order in which they asked for it', async (t) => {
  const db = await hermitage()
  const holder = await db.begin({ isolation: 'read committed' })
  await holder.lock('test', 1)
  const order: number[] = []
  const waiters: Promise<void>[] = []
  const wait = async (index: number): Promise<void> => {
    if (index % 3 === 2) await db.table('test').patch(1, { value: index })
    const tx = await db.begin({ isolation: 'read committed' })
    if (index % 3 === 0) await tx.lock('test', 1)
    if (index % 3 === 1) await tx.query('SELECT * FROM test WHERE id = 1 FOR UPDATE')
    order.push(index)
    await tx.commit()
  }
  for (let index = 0; index < 10; index++) {
    const waiter = wait(index)
    waiters.push(waiter)
    t.is(await stateOf(waiter), 'waits')
  }
  await holder.commit()
  await Promise.all(waiters)
  t.deepEqual(order, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  await db.close()
})

test('a key without a row is locked against an INSERT', async (t) => {
  const db = await hermitage()
  const holder = await db.begin()
  t.is(await holder.lock('test', 7), undefined)
  const insert = db.table('test').insert({ id: 7, value: 1 })
  t.is(await stateOf(insert), 'waits')
  await holder.table('test').insert({ id: 7, value: 2 })
  await holder.commit()
  t.is(await stateOf(insert), 'ALREADY_EXISTS')
  await db.close()
})

test('NOWAIT is LOCK_TIMEOUT at once, for FOR UPDATE and tx.lock, and fails the transaction', async (t) => {
  const db = await hermitage()
  const holder = await db.begin()
  await holder.lock('test', 1)
  const tx = await db.begin()
  tx.savepoint('s')
  const error = await t.throwsAsync(run(tx, 'SELECT * FROM test FOR UPDATE NOWAIT'), { instanceOf: DriftError })
  t.like(error, { code: 'DRIFT_LOCK_TIMEOUT', kind: 'unavailable', sqlState: '55P03' })
  t.deepEqual(error?.details, { table: 'test', key: 1, holder: holder.id, timeoutMs: 0 })
  t.is(await codeOf(() => tx.lock('test', 2)), 'TXN_ABORTED')
  tx.rollbackTo('s')
  t.is(await codeOf(() => tx.lock('test', 1, { nowait: true })), 'LOCK_TIMEOUT')
  tx.rollbackTo('s')
  t.deepEqual(await tx.lock('test', 2, { nowait: true }), { id: 2, value: 20 })
  await db.close()
})

test('LIMIT … SKIP LOCKED gives each worker another row of a queue', async (t) => {
  const { db } = await openSimulated(new MemoryIo())
  await db.createTable('jobs', { primaryKey: 'id' })
  await db.table('jobs').insertMany(Array.from({ length: 9 }, (_, id) => ({ id, state: 'waiting' })))
  const text = "SELECT id FROM jobs WHERE state = 'waiting' ORDER BY id DESC LIMIT 2 FOR UPDATE SKIP LOCKED"
  const taken: unknown[] = []
  const workers = await Promise.all(
    [0, 1, 2, 3, 4].map(async (worker) => {
      const tx = await db.begin()
      taken[worker] = (await run(tx, text)).map((row) => (row as { id: number }).id)
      return tx
    })
  )
  t.deepEqual(taken, [[8, 7], [6, 5], [4, 3], [2, 1], [0]])
  await workers[1]?.rollback()
  const late = await db.begin()
  t.deepEqual(await run(late, text.replace('LIMIT 2', 'LIMIT 5 OFFSET 1')), [{ id: 5 }])
  t.is(db.stats().lockedRows, 9)
  for (const tx of [...workers, late]) await tx.rollback()
  t.is(db.stats().lockedRows, 0)
  await db.close()
})

test('FOR UPDATE under READ COMMITTED gives the rows that fulfil the condition once they are locked', async (t) => {
  const db = await hermitage()
  const holder = await db.begin({ isolation: 'read committed' })
  await holder.lock('test', 1)
  await holder.lock('test', 2)
  const tx = await db.begin({ isolation: 'read committed' })
  const rows = run(tx, 'SELECT id, value FROM test WHERE value >= 20 FOR UPDATE')
  t.is(await stateOf(rows), 'waits')
  await db.table('test').insert({ id: 3, value: 30 })
  await holder.table('test').patch(2, { value: 5 })
  await holder.table('test').patch(1, { value: 21 })
  await holder.commit()
  t.deepEqual(await rows, [
    { id: 1, value: 21 },
    { id: 3, value: 30 }
  ])
  await db.close()
})

test('rows come as the query says: star, columns in order, expressions, an order, limits, own writes', async (t) => {
  const db = await hermitage()
  const tx = await db.begin()
  await tx.table('test').insert({ id: 3, value: 5 })
  await tx.table('test').patch(1, { value: 50 })
  t.deepEqual(await run(tx, 'SELECT * FROM test ORDER BY value FOR UPDATE'), [
    { id: 3, value: 5 },
    { id: 2, value: 20 },
    { id: 1, value: 50 }
  ])
  const query = tx.query('SELECT value * 2 AS twice, t.* FROM test t WHERE value > 5 ORDER BY twice DESC LIMIT 1 OFFSET 1 FOR UPDATE')
  t.deepEqual(
    (await query.columns).map(({ name }) => name),
    ['twice', 'id', 'value']
  )
  t.deepEqual(await query.arrays(), [[40, 2, 20]])
  const lines: string[] = []
  for await (const piece of tx.query('SELECT * FROM test WHERE id = 1 FOR UPDATE').json()) lines.push(Buffer.from(piece).toString())
  t.deepEqual(lines, ['{"id":1,"value":50}\n'])
  t.is(db.stats().lockedRows, 3)
  await db.close()
})

for (const [text, code] of [
  ['SELECT count(*) FROM test FOR UPDATE', 'NOT_SUPPORTED'],
  ['SELECT value FROM test GROUP BY value FOR UPDATE', 'NOT_SUPPORTED'],
  ['SELECT DISTINCT value FROM test FOR UPDATE', 'NOT_SUPPORTED'],
  ['SELECT a.id FROM test a JOIN test b ON a.id = b.id FOR UPDATE', 'NOT_SUPPORTED'],
  ['SELECT * FROM test AS OF @seq:1 FOR UPDATE', 'READ_ONLY'],
  ['SELECT * FROM DIFF(test, @seq:1, @now) FOR UPDATE', 'READ_ONLY'],
  ['SELECT 1 FOR UPDATE', 'INVALID_ARGUMENT'],
  ['SELECT * FROM nobody FOR UPDATE', 'UNKNOWN_TABLE'],
  ['SELECT * FROM test LIMIT $1 FOR UPDATE', 'INVALID_ARGUMENT']
] as const) {
  test(`${text} is ${code}`, async (t) => {
    const db = await hermitage()
    const tx = await db.begin()
    t.is(await codeOf(() => run(tx, text)), code)
    t.is(await codeOf(() => tx.table('test').get(1)), 'TXN_ABORTED')
    t.is(db.stats().lockedRows, 0)
    await db.close()
  })
}

test('FOR UPDATE without a transaction is refused, READ ONLY ones lock nothing', async (t) => {
  const db = await hermitage()
  t.is(await codeOf(() => db.query('SELECT * FROM test FOR UPDATE')), 'INVALID_ARGUMENT')
  const tx = await db.begin({ readOnly: true })
  t.is(await codeOf(() => tx.lock('test', 1)), 'READ_ONLY')
  await db.close()
})

test('the youngest of a deadlock gets it when it closes, with the cycle, for ever; the others go on', async (t) => {
  const db = await hermitage()
  await db.table('test').insert({ id: 3, value: 30 })
  const txs = await Promise.all([1, 2, 3].map(() => db.begin({ isolation: 'read committed' })))
  const [one, two, three] = txs as [Transaction, Transaction, Transaction]
  for (const [index, tx] of txs.entries()) await tx.lock('test', index + 1)
  const twoWaits = two.lock('test', 1)
  const threeWaits = three.lock('test', 2)
  t.is(await stateOf(threeWaits), 'waits')
  t.is(db.stats().transactions[2]?.waitsFor, two.id)
  // The third is neither the one who closes the circle nor the first: it is the youngest.
  const oneWaits = one.lock('test', 3)
  const error = await t.throwsAsync(threeWaits, { instanceOf: DriftError })
  t.like(error, { code: 'DRIFT_DEADLOCK', kind: 'conflict', sqlState: '40P01' })
  t.deepEqual(error?.details['cycle'], [
    { transaction: one.id, waitsFor: three.id, table: 'test', key: 3 },
    { transaction: three.id, waitsFor: two.id, table: 'test', key: 2 },
    { transaction: two.id, waitsFor: one.id, table: 'test', key: 1 }
  ])
  t.is(await codeOf(() => three.table('test').get(1)), 'DEADLOCK')
  t.is(await codeOf(() => three.commit()), 'DEADLOCK')
  t.like(await oneWaits, { id: 3 })
  t.is(await stateOf(twoWaits), 'waits')
  await one.commit()
  await twoWaits
  await two.commit()
  await three.rollback()
  t.is(db.stats().lockedRows, 0)
  await db.close()
})

test('a commit that must wait closes a circle like any other wait', async (t) => {
  const db = await hermitage()
  const old = await db.begin({ isolation: 'read committed' })
  const young = await db.begin({ isolation: 'read committed' })
  await old.lock('test', 1)
  await young.lock('test', 2)
  await young.table('test').patch(1, { value: 11 })
  const commit = young.commit()
  t.is(await stateOf(commit), 'waits')
  await old.table('test').patch(2, { value: 21 })
  const wins = old.commit()
  t.deepEqual([await stateOf(commit), await stateOf(wins)], ['DEADLOCK', 'done'])
  t.like(db.table('test').get(1), { value: 10 })
  t.like(db.table('test').get(2), { value: 21 })
  await db.close()
})

test('db.transaction runs the victim of a deadlock again', async (t) => {
  const db = await hermitage()
  const attempts: number[] = []
  const both = (first: number, second: number): Promise<void> =>
    db.transaction(
      async (tx, { attempt }) => {
        attempts.push(attempt)
        await tx.lock('test', first)
        await new Promise((resolve) => void setImmediate(resolve))
        const row = await tx.lock<{ id: number; value: number }>('test', second)
        await tx.table('test').patch(second, { value: (row?.value ?? 0) + 1 })
      },
      { isolation: 'read committed' }
    )
  await Promise.all([both(1, 2), both(2, 1)])
  t.deepEqual(
    attempts.toSorted((a, b) => a - b),
    [1, 1, 2]
  )
  t.like(db.table('test').get(1), { value: 11 })
  t.like(db.table('test').get(2), { value: 21 })
  await db.close()
})

test('a wait ends with its time, that of the statement, its signal, the end of its transaction, or close', async (t) => {
  const db = await hermitage()
  const holder = await db.begin()
  await holder.lock('test', 1)
  const attempt = async (wait: (tx: Transaction) => Promise<unknown>): Promise<string | undefined> => {
    const tx = await db.begin({ lockTimeoutMs: 100_000 })
    const code = await codeOf(() => wait(tx))
    await tx.rollback()
    return code
  }
  const lock = (tx: Transaction): Promise<unknown> => tx.lock('test', 1)
  t.is(await attempt((tx) => tx.lock('test', 1, { timeoutMs: 5 })), 'LOCK_TIMEOUT')
  t.is(
    await attempt(async (tx) => {
      await tx.query('SET drift.lock_timeout = 5')
      return run(tx, 'SELECT * FROM test FOR UPDATE')
    }),
    'LOCK_TIMEOUT'
  )
  t.is(await attempt((tx) => tx.query('SELECT * FROM test FOR UPDATE', [], { timeoutMs: 30 }).all() as Promise<unknown>), 'TIMEOUT')
  const controller = new AbortController()
  setImmediate(() => controller.abort())
  t.is(await attempt((tx) => tx.lock('test', 1, { signal: controller.signal })), 'ABORTED')
  t.is(
    await attempt((tx) => {
      setImmediate(() => void tx.rollback())
      return lock(tx)
    }),
    'TXN_CLOSED'
  )
  const old = await db.begin({ timeoutMs: 20, lockTimeoutMs: 100_000 })
  t.is(await codeOf(() => old.lock('test', 1)), 'TIMEOUT')
  t.is(db.stats().lockWaiters, 0)
  const waits = db.table('test').patch(1, { value: 1 })
  const tx = await db.begin()
  const turn = tx.lock('test', 1)
  t.is(await stateOf(turn), 'waits')
  await db.close()
  t.deepEqual([await stateOf(waits), await stateOf(turn)], ['CLOSED', 'CLOSED'])
})

test('a transaction over its age loses its locks to who waits for them', async (t) => {
  const db = await hermitage()
  const holder = await db.begin({ timeoutMs: 60 })
  await holder.lock('test', 1)
  const waiter = await db.begin({ lockTimeoutMs: 100_000 })
  t.deepEqual(await waiter.lock('test', 1), { id: 1, value: 10 })
  t.is(await codeOf(() => holder.commit()), 'TIMEOUT')
  await db.close()
})

test('ROLLBACK TO lets go of the locks taken since the savepoint, and keeps those from before', async (t) => {
  const db = await hermitage()
  using session = db.session()
  await session.exec('BEGIN; SELECT * FROM test WHERE id = 1 FOR UPDATE; SAVEPOINT s; SELECT * FROM test FOR UPDATE')
  t.is(db.stats().lockedRows, 2)
  const waits = db.table('test').patch(2, { value: 21 })
  t.is(await stateOf(waits), 'waits')
  await session.exec('ROLLBACK TO s')
  await waits
  t.is(db.stats().lockedRows, 1)
  await session.exec('COMMIT')
  t.is(db.stats().lockedRows, 0)
  await db.close()
})

test('a lock waits for what is numbered and not visible yet, so what it reads is the newest', async (t) => {
  const db = await hermitage()
  const tx = await db.begin({ isolation: 'read committed' })
  const single = db.table('test').patch(1, { value: 77 })
  t.like(await tx.lock('test', 1), { value: 77 })
  await single
  await db.close()
})

test('settings and options of lock timeouts are positive numbers', async (t) => {
  const db = await hermitage()
  t.is(await codeOf(() => db.exec('SET drift.lock_timeout = 0')), 'INVALID_ARGUMENT')
  t.is(await codeOf(() => db.begin({ lockTimeoutMs: -1 })), 'INVALID_ARGUMENT')
  const tx = await db.begin()
  t.is(await codeOf(() => tx.lock('test', 1, { timeoutMs: Number.NaN })), 'INVALID_ARGUMENT')
  await db.close()
})

/** Transfers between accounts by locks, plain transactions and single writes; some give up in the middle. */
test('TXN-5: random transactions with locks keep the sum, and leave nothing locked', async (t) => {
  t.timeout(5 * 60_000)
  const codes = new Map<string, number>()
  for (let seed = 1; seed <= (process.env['FULL'] === '1' ? 100 : 8); seed++) {
    const { db } = await openSimulated(new MemoryIo())
    await db.createTable('accounts', { primaryKey: 'id' })
    await db.table('accounts').insertMany(Array.from({ length: 5 }, (_, id) => ({ id, n: 100, writes: 0 })))
    const dice = new Dice(seed)
    let written = 0
    const worker = async (): Promise<void> => {
      for (let round = 0; round < 12; round++) {
        try {
          const rows = await transfer(db, dice)
          written += rows
        } catch (thrown) {
          if (!(thrown instanceof DriftError)) throw thrown
          codes.set(thrown.code, (codes.get(thrown.code) ?? 0) + 1)
        }
      }
    }
    await Promise.all(Array.from({ length: 8 }, worker))
    const rows = await db.query<{ n: number; writes: number }>('SELECT n, writes FROM accounts').all()
    t.is(
      rows.reduce((sum, { n }) => sum + n, 0),
      500,
      `seed ${seed}`
    )
    t.is(
      rows.reduce((sum, { writes }) => sum + writes, 0),
      written,
      `seed ${seed}: a write was lost`
    )
    t.like(db.stats(), { lockedRows: 0, lockWaiters: 0, transactions: [] }, `seed ${seed}`)
    await db.close()
  }
  // Without retries some must have been refused, or nothing met.
  t.true((codes.get('DRIFT_DEADLOCK') ?? 0) > 10, JSON.stringify([...codes]))
  t.deepEqual([...codes.keys()].toSorted(), ['DRIFT_DEADLOCK', 'DRIFT_LOCK_TIMEOUT', 'DRIFT_WRITE_CONFLICT'])
})

type Account = { readonly id: number; readonly n: number; readonly writes: number }

/** How many rows it changed. */
async function transfer(db: Database, dice: Dice): Promise<number> {
  const isolation = dice.of(LEVELS)
  const [from, to] = [dice.below(5), dice.below(5)]
  if (from === to) return 0
  const tx = await db.begin({ isolation, timeoutMs: 100_000 })
  try {
    for (const [id, change] of [
      [from, -1],
      [to, 1]
    ] as const) {
      let row: Account | undefined
      if (dice.chance(0.5)) row = await tx.lock<Account>('accounts', id, { nowait: dice.chance(0.1) })
      else row = await tx.query<Account>('SELECT * FROM accounts WHERE id = $1 FOR UPDATE', [id]).first()
      for (let turns = dice.below(3); turns > 0; turns--) await new Promise((resolve) => void setImmediate(resolve))
      await tx.table('accounts').patch(id, { n: (row?.n ?? 0) + change, writes: (row?.writes ?? 0) + 1 })
    }
    if (dice.chance(0.2)) return 0
    await tx.commit()
    return 2
  } finally {
    if (!tx.isEnded) await tx.rollback()
  }
}
