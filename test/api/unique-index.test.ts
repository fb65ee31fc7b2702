import test from 'ava'
import { type Database, type DriftError, open } from '../../src/index.js'
import { Dice } from '../coordinator/_database.js'
import { refused, startChild, temporaryDirectory } from './_temporary.js'

const people = { primaryKey: 'id', indexes: [{ columns: ['email', 'team.name'], unique: true }] }

async function withPeople(directory: string): Promise<Database> {
  const db = await open(directory, { create: true })
  await db.createTable('people', people)
  return db
}

test('CAT-6: a row with the values of another is refused, by every way of writing, and nothing of the commit is there', async (t) => {
  const db = await withPeople(temporaryDirectory(t))
  const table = db.table('people')
  await table.insert({ id: 1, email: 'a@x', team: { name: 'red' } })
  await table.insert({ id: 2, email: 'a@x', team: { name: 'blue' } })
  const error = await refused(t, () => table.insert({ id: 3, email: 'a@x', team: { name: 'red' } }), 'DRIFT_ALREADY_EXISTS')
  t.deepEqual(error.details, {
    table: 'people',
    index: 'people_email_team_name_idx',
    key: 3,
    other: 1,
    values: { email: 'a@x', 'team.name': 'red' }
  })
  await refused(t, () => table.patch(2, { team: { name: 'red' } }), 'DRIFT_ALREADY_EXISTS')
  await refused(t, () => table.upsert({ id: 2, email: 'a@x', team: { name: 'red' } }), 'DRIFT_ALREADY_EXISTS')
  await refused(t, () => db.query(`UPDATE people SET team.name = 'red'`), 'DRIFT_ALREADY_EXISTS')
  await refused(
    t,
    () =>
      db.batch([
        { insert: 'people', document: { id: 4, email: 'b@x', team: { name: 'red' } } },
        { insert: 'people', document: { id: 5, email: 'b@x', team: { name: 'red' } } }
      ]),
    'DRIFT_ALREADY_EXISTS'
  )
  t.is(db.lastSeq, 3)
  await db.close()
})

test('CAT-6: NULL is like nothing, a deleted row leaves its values, and two rows may change places in a commit', async (t) => {
  const db = await withPeople(temporaryDirectory(t))
  const table = db.table('people')
  await table.insert({ id: 1, email: 'a', team: { name: null } })
  await table.insert({ id: 2, email: 'a' })
  await table.insert({ id: 3, email: 'c', team: { name: 'x' } })
  await table.insert({ id: 4, email: 'd', team: { name: 'x' } })
  await db.batch([
    { patch: 'people', key: 3, set: { email: 'd' } },
    { patch: 'people', key: 4, set: { email: 'c' } }
  ])
  await db.batch([
    { patch: 'people', key: 3, set: { email: 'e' } },
    { patch: 'people', key: 3, set: { n: 1 } }
  ])
  await refused(
    t,
    () =>
      db.batch([
        { patch: 'people', key: 4, set: { email: 'e' } },
        { patch: 'people', key: 4, set: { n: 1 } }
      ]),
    'DRIFT_ALREADY_EXISTS'
  )
  await table.softDelete(3)
  await table.patch(4, { email: 'e' })
  await table.patch(4, { email: 'e', n: 2 })
  await refused(t, () => table.insert({ id: 3, email: 'e', team: { name: 'x' } }), 'DRIFT_ALREADY_EXISTS')
  await db.close()
})

test('CAT-6: values that are cut in the index are compared whole', async (t) => {
  const db = await withPeople(temporaryDirectory(t))
  const table = db.table('people')
  const long = 'x'.repeat(400)
  await table.insert({ id: 1, email: `${long}a`, team: { name: 'x' } })
  await table.insert({ id: 2, email: `${long}b`, team: { name: 'x' } })
  await refused(t, () => table.insert({ id: 3, email: `${long}a`, team: { name: 'x' } }), 'DRIFT_ALREADY_EXISTS')
  await db.close()
})

test('CAT-6: of many writers that want the same values at once one gets them, transactions and single writes alike', async (t) => {
  const db = await withPeople(temporaryDirectory(t))
  for (let round = 0; round < 30; round++) {
    const document = (id: number) => ({ id: round * 100 + id, email: `e${round}`, team: { name: 'x' } })
    const results = await Promise.allSettled([
      ...Array.from({ length: 5 }, (_, id) => db.table('people').insert(document(id))),
      ...Array.from({ length: 5 }, (_, id) =>
        db.transaction(async (tx) => {
          await tx.table('people').insert(document(10 + id))
        })
      )
    ])
    t.is(results.filter(({ status }) => status === 'fulfilled').length, 1)
    for (const result of results) if (result.status === 'rejected') t.is((result.reason as DriftError).code, 'DRIFT_ALREADY_EXISTS')
  }
  const { rows } = await db.query<{ n: number }>('SELECT COUNT(*) AS n FROM people')
  t.is(rows[0]?.n, 30)
  await db.close()
})

test('CAT-6: CREATE UNIQUE INDEX beside writers ends with rows that differ, or is refused and gone', async (t) => {
  const db = await open(temporaryDirectory(t), { create: true })
  const dice = new Dice(3)
  for (let round = 0; round < 6; round++) {
    const name = `t${round}`
    await db.createTable(name, { primaryKey: 'id' })
    await db.table(name).insertMany(Array.from({ length: 500 }, (_, id) => ({ id, n: id })))
    if (round % 3 === 2) await db.table(name).insert({ id: 'twin', n: 7 })
    let isOver = false
    const writing = (async () => {
      for (let id = 1000; !isOver; id++) {
        await db
          .table(name)
          .insert({ id, n: dice.below(round % 3 === 1 ? 600 : 10_000_000) })
          .catch((error: unknown) => {
            if ((error as DriftError).code !== 'DRIFT_ALREADY_EXISTS') throw error
          })
      }
    })()
    const made = await db.query(`CREATE UNIQUE INDEX u${round} ON ${name} (n)`).then(
      () => true,
      (error: unknown) => {
        t.is((error as DriftError).code, 'DRIFT_ALREADY_EXISTS')
        return false
      }
    )
    for (let more = 0; more < 20; more++) await new Promise((resolve) => setTimeout(resolve, 1))
    isOver = true
    await writing
    const { rows } = await db.query<{ twins: number }>(`SELECT COUNT(*) - COUNT(DISTINCT n) AS twins FROM ${name}`)
    if (made) t.is(rows[0]?.twins, 0)
    t.is(db.tables().find((table) => table.name === name)?.indexes.length, made ? 1 : 0)
    if (round % 3 === 2) t.false(made)
    if (round % 3 === 0) t.true(made)
  }
  await db.close()
})

test('CAT-6: it holds behind an opening, after a kill too', async (t) => {
  const directory = temporaryDirectory(t)
  const db = await withPeople(directory)
  await db.table('people').insert({ id: 1, email: 'a', team: { name: 'x' } })
  await db.close()
  const { child, line, exit } = startChild(
    `const db = await open(args[0])
     await db.table('people').insert({ id: 2, email: 'b', team: { name: 'x' } })
     say('done')
     await new Promise((resolve) => setTimeout(resolve, 60000))`,
    directory
  )
  t.is(await line(), 'done')
  child.kill('SIGKILL')
  await exit
  const again = await open(directory)
  for (const email of ['a', 'b']) {
    await refused(t, () => again.table('people').insert({ id: 9, email, team: { name: 'x' } }), 'DRIFT_ALREADY_EXISTS')
  }
  await again.table('people').insert({ id: 9, email: 'c', team: { name: 'x' } })
  await again.close()
})
