/** UPDATE and DELETE under READ COMMITTED: each row is taken in its newest state, so nothing that others wrote is overwritten unseen. */
import test from 'ava'
import type { Isolation, Transaction } from '../../src/index.js'
import { codeOf, hermitage, valuesOf } from './_sessions.js'

const READ_COMMITTED: { readonly isolation: Isolation } = { isolation: 'read committed' }
const SESSIONS = 24
const ROUNDS = 8

const update = async (tx: Transaction, text: string): Promise<number> => (await tx.query(text)).rowCount

test('TXN-6: no increment of many sessions is lost, beside single statements and other levels', async (t) => {
  const db = await hermitage()
  await Promise.all(
    Array.from({ length: SESSIONS }, async (_, session) => {
      for (let round = 0; round < ROUNDS; round++) {
        if (session % 6 === 4) await db.query('UPDATE test SET value = value + 1 WHERE id = 1')
        else if (session % 6 === 5) {
          await db.transaction((tx) => update(tx, 'UPDATE test SET value = value + 1 WHERE id = 1'), { retries: 1000 })
        } else await db.transaction((tx) => update(tx, 'UPDATE test SET value = value + 1 WHERE id = 1'), READ_COMMITTED)
      }
    })
  )
  t.deepEqual(await valuesOf(db), { 1: 10 + SESSIONS * ROUNDS, 2: 20 })
  t.like(db.stats(), { lockedRows: 0, lockWaiters: 0 })
  await db.close()
})

test('TXN-6: transfers of many sessions over all rows keep the sum, whichever deadlocks they meet', async (t) => {
  const db = await hermitage()
  await Promise.all(
    Array.from({ length: SESSIONS }, async (_, session) => {
      const [from, to] = session % 2 === 0 ? [1, 2] : [2, 1]
      for (let round = 0; round < ROUNDS; round++) {
        await db.transaction(
          async (tx) => {
            t.is(await update(tx, `UPDATE test SET value = value - 1 WHERE id = ${from}`), 1)
            t.is(await update(tx, `UPDATE test SET value = value + 1 WHERE id = ${to}`), 1)
          },
          { ...READ_COMMITTED, retries: 10_000 }
        )
      }
    })
  )
  t.deepEqual(await valuesOf(db), { 1: 10, 2: 20 })
  await db.close()
})

test('TXN-6: a condition is asked of the newest state of a row that was waited for', async (t) => {
  const db = await hermitage()
  const [one, two] = await Promise.all([db.begin(READ_COMMITTED), db.begin(READ_COMMITTED)])
  t.is(await update(one, 'UPDATE test SET value = value + 10'), 2)
  // Seen now: row 1 has 10, row 2 has 20. Once it may go on: row 1 has 20, row 2 has 30.
  const deleted = update(two, 'DELETE FROM test WHERE value = 20')
  await one.commit()
  t.is(await deleted, 1)
  await two.commit()
  t.deepEqual(await valuesOf(db), { 2: 30 })
  await db.close()
})

test('TXN-6: a row that went while it was waited for is not written, one whose writer rolled back is', async (t) => {
  const db = await hermitage()
  const [one, two, three] = await Promise.all([db.begin(READ_COMMITTED), db.begin(READ_COMMITTED), db.begin(READ_COMMITTED)])
  await update(one, 'DELETE FROM test WHERE id = 1')
  await update(three, 'DELETE FROM test WHERE id = 2')
  const written = update(two, 'UPDATE test SET value = value + 1')
  await one.commit()
  await three.rollback()
  t.is(await written, 1)
  await two.commit()
  t.deepEqual(await valuesOf(db), { 2: 21 })
  await db.close()
})

test('TXN-6: ON CONFLICT DO UPDATE waits for who makes the row, and counts on', async (t) => {
  const db = await hermitage()
  await Promise.all(
    Array.from({ length: SESSIONS }, () =>
      db.transaction(
        (tx) => update(tx, 'INSERT INTO test {"id": 3, "value": 1} ON CONFLICT (id) DO UPDATE SET value = test.value + 1'),
        READ_COMMITTED
      )
    )
  )
  t.deepEqual(await valuesOf(db), { 1: 10, 2: 20, 3: SESSIONS })
  await db.close()
})

test('an UPDATE that cannot wait for a row is LOCK_TIMEOUT, and its locks go with ROLLBACK TO', async (t) => {
  const db = await hermitage()
  const one = await db.begin(READ_COMMITTED)
  one.savepoint('before')
  await update(one, 'UPDATE test SET value = 11 WHERE id = 1')
  const two = await db.begin({ ...READ_COMMITTED, lockTimeoutMs: 1 })
  t.is(await codeOf(() => update(two, 'UPDATE test SET value = 12 WHERE id = 1')), 'LOCK_TIMEOUT')
  await two.rollback()
  one.rollbackTo('before')
  t.is(db.stats().lockedRows, 0)
  await db.query('UPDATE test SET value = 13 WHERE id = 1')
  await one.commit()
  t.deepEqual(await valuesOf(db), { 1: 13, 2: 20 })
  await db.close()
})
