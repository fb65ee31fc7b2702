/**
 * The scenarios of Hermitage (github.com/ept/hermitage), each at each level: what its interleaving of two or three transactions must give
 * there. From REPEATABLE READ on a transaction that loses here loses by an error and never waits: writes are not seen, and take nothing,
 * before the commit. Under READ COMMITTED an UPDATE waits for the other one of the row, as PostgreSQL's does, and none loses.
 */
import test from 'ava'
import type { Database, Isolation, Transaction } from '../../src/index.js'
import { codeOf, hermitage, LEVELS, valuesOf } from './_sessions.js'

const set = (tx: Transaction, id: number, value: number) => tx.query('UPDATE test SET value = $1 WHERE id = $2', [value, id])
const get = async (tx: Transaction, id: number): Promise<unknown> => tx.query('SELECT value FROM test WHERE id = $1', [id]).value()
const idsWhere = async (tx: Transaction, condition: string): Promise<unknown[]> =>
  (await tx.query(`SELECT id FROM test WHERE ${condition}`).all()).map(({ id }) => id)

async function begun(db: Database, isolation: Isolation, count: number): Promise<Transaction[]> {
  return Promise.all(Array.from({ length: count }, () => db.begin({ isolation })))
}

for (const level of LEVELS) {
  const isCommitted = level === 'read committed'
  const isSerializable = level === 'serializable'

  test(`G0, write cycles, at ${level}: the writes of two transactions do not mix`, async (t) => {
    const db = await hermitage()
    const [one, two] = (await begun(db, level, 2)) as [Transaction, Transaction]
    await set(one, 1, 11)
    const first = codeOf(() => set(two, 1, 12))
    if (!isCommitted) await first
    await set(one, 2, 21)
    t.is(await codeOf(() => one.commit()), undefined)
    t.deepEqual(await valuesOf(db), { 1: 11, 2: 21 })
    t.is(await first, undefined)
    const second = await codeOf(() => set(two, 2, 22))
    const commit = await codeOf(() => two.commit())
    t.deepEqual([second, commit], isCommitted ? [undefined, undefined] : ['WRITE_CONFLICT', 'WRITE_CONFLICT'])
    t.deepEqual(await valuesOf(db), isCommitted ? { 1: 12, 2: 22 } : { 1: 11, 2: 21 })
    await db.close()
  })

  test(`G1a, aborted reads, at ${level}: what is rolled back is never seen`, async (t) => {
    const db = await hermitage()
    const [one, two] = (await begun(db, level, 2)) as [Transaction, Transaction]
    await set(one, 1, 101)
    t.deepEqual(await valuesOf(two), { 1: 10, 2: 20 })
    await one.rollback()
    t.deepEqual(await valuesOf(two), { 1: 10, 2: 20 })
    await two.commit()
    t.is(db.lastSeq, 3)
    await db.close()
  })

  test(`G1b, intermediate reads, at ${level}: only the last write of a transaction is seen`, async (t) => {
    const db = await hermitage()
    const [one, two] = (await begun(db, level, 2)) as [Transaction, Transaction]
    await set(one, 1, 101)
    t.deepEqual(await valuesOf(two), { 1: 10, 2: 20 })
    await set(one, 1, 11)
    await one.commit()
    t.deepEqual(await valuesOf(two), isCommitted ? { 1: 11, 2: 20 } : { 1: 10, 2: 20 })
    t.is(await codeOf(() => two.commit()), undefined)
    await db.close()
  })

  test(`G1c, circular information flow, at ${level}: two transactions do not see each other`, async (t) => {
    const db = await hermitage()
    const [one, two] = (await begun(db, level, 2)) as [Transaction, Transaction]
    await set(one, 1, 11)
    await set(two, 2, 22)
    t.is(await get(one, 2), 20)
    t.is(await get(two, 1), 10)
    t.is(await codeOf(() => one.commit()), undefined)
    t.is(await codeOf(() => two.commit()), isSerializable ? 'SERIALIZATION' : undefined)
    t.deepEqual(await valuesOf(db), { 1: 11, 2: isSerializable ? 20 : 22 })
    await db.close()
  })

  test(`OTV, observed transaction vanishes, at ${level}: a commit is seen whole or not at all`, async (t) => {
    const db = await hermitage()
    const [one, two, three] = (await begun(db, level, 3)) as [Transaction, Transaction, Transaction]
    await set(one, 1, 11)
    await set(one, 2, 19)
    const first = codeOf(() => set(two, 1, 12))
    if (!isCommitted) await first
    await one.commit()
    t.deepEqual(await valuesOf(three), isCommitted ? { 1: 11, 2: 19 } : { 1: 10, 2: 20 })
    t.is(await first, undefined)
    await codeOf(() => set(two, 2, 18))
    t.is(await codeOf(() => two.commit()), isCommitted ? undefined : 'WRITE_CONFLICT')
    t.deepEqual(await valuesOf(three), isCommitted ? { 1: 12, 2: 18 } : { 1: 10, 2: 20 })
    await three.commit()
    await db.close()
  })

  test(`PMP, predicate-many-preceders, at ${level}: a condition gives the same rows again from repeatable read on`, async (t) => {
    const db = await hermitage()
    const [one, two] = (await begun(db, level, 2)) as [Transaction, Transaction]
    t.deepEqual(await idsWhere(one, 'value = 30'), [])
    await two.query('INSERT INTO test {"id": 3, "value": 30}')
    await two.commit()
    t.deepEqual(await idsWhere(one, 'value % 3 = 0'), isCommitted ? [3] : [])
    t.is(await codeOf(() => one.commit()), undefined)
    await db.close()
  })

  test(`PMP with a write by a condition, at ${level}: what a condition missed by then is not written twice`, async (t) => {
    const db = await hermitage()
    const [one, two] = (await begun(db, level, 2)) as [Transaction, Transaction]
    await one.query('UPDATE test SET value = value + 10')
    t.deepEqual(await idsWhere(two, 'value = 20'), [2])
    await one.commit()
    const written = await codeOf(() => two.query('DELETE FROM test WHERE value = 20'))
    t.is(written, isCommitted ? undefined : 'WRITE_CONFLICT')
    t.is(await codeOf(() => two.commit()), isCommitted ? undefined : 'WRITE_CONFLICT')
    t.deepEqual(await valuesOf(db), isCommitted ? { 2: 30 } : { 1: 20, 2: 30 })
    await db.close()
  })

  test(`P4, lost update, at ${level}: from repeatable read on the second of two updates of what both read is refused`, async (t) => {
    const db = await hermitage()
    const [one, two] = (await begun(db, level, 2)) as [Transaction, Transaction]
    t.deepEqual([await get(one, 1), await get(two, 1)], [10, 10])
    await set(one, 1, 11)
    const second = codeOf(() => set(two, 1, 11))
    if (!isCommitted) await second
    t.is(await codeOf(() => one.commit()), undefined)
    t.is(await second, undefined)
    t.is(await codeOf(() => two.commit()), isCommitted ? undefined : 'WRITE_CONFLICT')
    await db.close()
  })

  test(`G-single, read skew, at ${level}: from repeatable read on all reads are of one state`, async (t) => {
    const db = await hermitage()
    const [one, two] = (await begun(db, level, 2)) as [Transaction, Transaction]
    t.is(await get(one, 1), 10)
    t.deepEqual([await get(two, 1), await get(two, 2)], [10, 20])
    await set(two, 1, 12)
    await set(two, 2, 18)
    await two.commit()
    t.is(await get(one, 2), isCommitted ? 18 : 20)
    t.is(await codeOf(() => one.commit()), undefined)
    await db.close()
  })

  test(`G-single with a condition, at ${level}: from repeatable read on it is asked of one state`, async (t) => {
    const db = await hermitage()
    const [one, two] = (await begun(db, level, 2)) as [Transaction, Transaction]
    t.deepEqual(await idsWhere(one, 'value % 5 = 0'), [1, 2])
    await two.query('UPDATE test SET value = 12 WHERE value = 10')
    await two.commit()
    t.deepEqual(await idsWhere(one, 'value % 3 = 0'), isCommitted ? [1] : [])
    t.is(await codeOf(() => one.commit()), undefined)
    await db.close()
  })

  test(`G-single with a write by a condition, at ${level}: a row that changed meanwhile is not deleted unseen`, async (t) => {
    const db = await hermitage()
    const [one, two] = (await begun(db, level, 2)) as [Transaction, Transaction]
    t.is(await get(one, 1), 10)
    await set(two, 1, 12)
    await set(two, 2, 18)
    await two.commit()
    const written = await codeOf(() => one.query('DELETE FROM test WHERE value = 20'))
    t.is(written, isCommitted ? undefined : 'WRITE_CONFLICT')
    t.is(await codeOf(() => one.commit()), isCommitted ? undefined : 'WRITE_CONFLICT')
    t.deepEqual(await valuesOf(db), { 1: 12, 2: 18 })
    await db.close()
  })

  test(`G2-item, write skew, at ${level}: serializable refuses the second, as what it read was written`, async (t) => {
    const db = await hermitage()
    const [one, two] = (await begun(db, level, 2)) as [Transaction, Transaction]
    t.deepEqual(await idsWhere(one, 'id IN (1, 2)'), [1, 2])
    t.deepEqual(await idsWhere(two, 'id IN (1, 2)'), [1, 2])
    await set(one, 1, 11)
    await set(two, 2, 21)
    t.is(await codeOf(() => one.commit()), undefined)
    t.is(await codeOf(() => two.commit()), isSerializable ? 'SERIALIZATION' : undefined)
    t.deepEqual(await valuesOf(db), { 1: 11, 2: isSerializable ? 20 : 21 })
    await db.close()
  })

  test(`G2, anti-dependency cycles by conditions, at ${level}: serializable refuses the second, as a row came into what it read`, async (t) => {
    const db = await hermitage()
    const [one, two] = (await begun(db, level, 2)) as [Transaction, Transaction]
    t.deepEqual(await idsWhere(one, 'value % 3 = 0'), [])
    t.deepEqual(await idsWhere(two, 'value % 3 = 0'), [])
    await one.query('INSERT INTO test {"id": 3, "value": 30}')
    await two.query('INSERT INTO test {"id": 4, "value": 42}')
    t.is(await codeOf(() => one.commit()), undefined)
    t.is(await codeOf(() => two.commit()), isSerializable ? 'SERIALIZATION' : undefined)
    await db.close()
  })

  test(`G2 over three transactions, at ${level}: a reader between two writers sees a state that a serial order has`, async (t) => {
    const db = await hermitage()
    const one = await db.begin({ isolation: level })
    t.deepEqual(await valuesOf(one), { 1: 10, 2: 20 })
    const two = await db.begin({ isolation: level })
    await two.query('UPDATE test SET value = value + 5 WHERE id = 2')
    await two.commit()
    const three = await db.begin({ isolation: level })
    t.deepEqual(await valuesOf(three), { 1: 10, 2: 25 })
    await three.commit()
    await set(one, 1, 0)
    t.is(await codeOf(() => one.commit()), isSerializable ? 'SERIALIZATION' : undefined)
    await db.close()
  })
}
