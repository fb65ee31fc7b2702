/** The rules at the edges of time, through the public interface: one test for each, with its law. */
import test from 'ava'
import { open, type Database } from '../../src/index.js'
import { MemoryIo } from '../../src/io/memory-io.js'
import { ManualClock, openSimulated } from '../coordinator/_database.js'
import { collect } from '../coordinator/_oracle.js'
import { refused, temporaryDirectory } from './_temporary.js'

const START = 1_700_000_000_000

async function memory(clock = new ManualClock(START)): Promise<{ db: Database; clock: ManualClock }> {
  const db = await open(':memory:', { clock })
  await db.createTable('t', { primaryKey: 'id' })
  return { db, clock }
}

const idsAt = (db: Database, point: Parameters<Database['asOf']>[0]) => {
  using view = db.asOf(point)
  return [1, 2, 3, 4, 5].filter((id) => view.table('t').has(id))
}

test('TIM-1: a clock that steps back is held', async (t) => {
  const { db, clock } = await memory()
  clock.wall = START + 5000
  const first = await db.table('t').insert({ id: 1 })
  clock.wall = START + 1000
  const second = await db.table('t').insert({ id: 2 })
  t.is(first.time, START + 5000)
  t.is(second.time, START + 5000)
  clock.wall = START + 6000
  t.is((await db.table('t').insert({ id: 3 })).time, START + 6000)
})

test('TIM-1: a point that was ahead holds the clock too, so that what was settled stays settled', async (t) => {
  const { db, clock } = await memory()
  clock.wall = START + 9000
  using view = db.asOf({ time: START + 8999 })
  t.deepEqual(view.notices, [])
  clock.wall = START
  const { time } = await db.table('t').insert({ id: 1 })
  t.true(time >= START + 9000)
  t.deepEqual(idsAt(db, { time: START + 8999 }), [])
})

test('TIM-1: a clock held for more than a second is a warning in the log', async (t) => {
  const clock = new ManualClock(START)
  const warnings: object[] = []
  const log = { debug() {}, info() {}, error() {}, warn: (fields: object) => void warnings.push(fields) }
  const db = await open(':memory:', { clock, log })
  await db.createTable('t', { primaryKey: 'id' })
  clock.wall = START - 500
  await db.table('t').insert({ id: 1 })
  t.is(warnings.length, 0)
  clock.wall = START - 1500
  await db.table('t').insert({ id: 2 })
  t.is(warnings.length, 1)
})

test('TIM-1: a clock that stands before the last commit at the next opening is held there', async (t) => {
  const io = new MemoryIo()
  io.makeDirectory('/data')
  const clock = new ManualClock(START)
  const first = await openSimulated(io, { clock })
  await first.db.createTable('t', { primaryKey: 'id' })
  clock.wall = START + 1000
  await first.db.table('t').insert({ id: 1 })
  clock.wall = START + 2000
  await first.db.table('t').insert({ id: 2 })
  await first.db.close()
  clock.wall = START - 50_000
  const { db } = await openSimulated(io, { clock })
  t.deepEqual(idsAt(db, { time: START + 1500 }), [1], 'TIM-6: between the two commits is the first one, as before')
  t.is((await db.table('t').insert({ id: 3 })).time, START + 2000)
  t.deepEqual(idsAt(db, { time: START + 1500 }), [1])
  await db.close()
})

test('TIM-4: a time is inclusive, and two commits in one millisecond are both seen', async (t) => {
  const { db, clock } = await memory()
  clock.wall = START + 10
  const [first, second] = await Promise.all([db.table('t').insert({ id: 1 }), db.table('t').insert({ id: 2 })])
  t.is(first.time, second.time)
  clock.wall = START + 20
  await db.table('t').insert({ id: 3 })
  clock.wall = START + 30
  t.deepEqual(idsAt(db, { time: START + 9 }), [])
  t.deepEqual(idsAt(db, { time: START + 10 }), [1, 2])
  t.deepEqual(idsAt(db, { time: START + 11 }), [1, 2])
  t.deepEqual(idsAt(db, { time: START + 19 }), [1, 2])
  t.deepEqual(idsAt(db, { time: START + 20 }), [1, 2, 3])
  t.deepEqual(idsAt(db, new Date(START + 10)), [1, 2])
  t.deepEqual(idsAt(db, new Date(START + 10).toISOString()), [1, 2])
  t.deepEqual(idsAt(db, '@now - 15 ms'), [1, 2])
})

test('TIM-2: all events of a commit have one time, that of its numbering', async (t) => {
  const { db, clock } = await memory()
  clock.wall = START + 100
  const pending = db.batch([
    { insert: 't', document: { id: 1 } },
    { insert: 't', document: { id: 2 } }
  ])
  clock.wall = START + 900
  const { time, firstSeq, seq } = await pending
  t.is(time, START + 100)
  t.is(db.table('t').entry(1)?.time, time)
  t.is(db.table('t').entry(2)?.time, time)
  t.deepEqual([db.table('t').entry(1)?.seq, db.table('t').entry(2)?.seq], [firstSeq, seq])
})

test('TIM-3, ATM-4: a seq inside a commit shows the state before it', async (t) => {
  const { db } = await memory()
  await db.table('t').insert({ id: 1 })
  const { firstSeq, seq } = await db.batch([2, 3, 4].map((id) => ({ insert: 't', document: { id } })))
  t.is(seq, firstSeq + 2)
  t.deepEqual(idsAt(db, { seq: firstSeq - 1 }), [1])
  for (let inside = firstSeq; inside < seq; inside++) {
    t.deepEqual(idsAt(db, { seq: inside }), [1])
    t.is(db.asOf({ seq: inside }).seq, firstSeq - 1)
    t.is(db.asOf(`@seq:${inside}`).table('t').count(), 1)
  }
  t.deepEqual(idsAt(db, { seq }), [1, 2, 3, 4])
})

test('TIM-3: @seq:0 is empty', async (t) => {
  const { db } = await memory()
  await db.table('t').insert({ id: 1 })
  using view = db.asOf('@seq:0')
  t.is(view.seq, 0)
  t.is(view.table('t').count(), 0)
  t.is(view.table('t').get(1), undefined)
  t.deepEqual([...view.table('t').history(1)], [])
  t.deepEqual(await collect(view.table('t').scan()), [])
})

test('a point ahead reads the present as it is now, with a notice', async (t) => {
  const { db, clock } = await memory()
  const { seq } = await db.table('t').insert({ id: 1 })
  for (const point of [{ seq: seq + 1 }, { time: clock.wall }, { time: clock.wall + 1 }, '@seq:1000000', '2200-01-01'] as const) {
    using view = db.asOf(point)
    t.is(view.seq, seq)
    t.is(view.notices.length, 1)
    await db.table('t').upsert({ id: 2, n: Math.floor(view.time) })
    t.is(view.table('t').count(), 1, 'VIS-5: the view stays where it was taken')
    await db.table('t').softDelete(2)
    await db.batch([{ softDelete: 't', key: 1 }])
    t.is(view.table('t').count(), 1)
    break
  }
  using now = db.asOf('@now')
  t.deepEqual(now.notices, [])
})

test('each form of a point ahead has the notice, and strict refuses it with SEQ_AHEAD', async (t) => {
  const { db, clock } = await memory()
  const { seq } = await db.table('t').insert({ id: 1 })
  for (const point of [{ seq: seq + 1 }, { time: clock.wall }, { time: clock.wall + 1 }, '@seq:1000000', '2200-01-01'] as const) {
    t.is(db.asOf(point).notices.length, 1)
    t.is(db.asOf(point).seq, seq)
    const error = await refused(t, () => db.asOf(point, { strict: true }), 'DRIFT_SEQ_AHEAD')
    t.is(error.details['lastSeq'], seq)
  }
  t.is(db.asOf({ seq }, { strict: true }).seq, seq)
  clock.wall += 1
  t.is(db.asOf({ time: START }, { strict: true }).seq, seq)
  const strict = await open(':memory:', { strict: true, clock })
  await refused(t, () => strict.asOf({ seq: 1 }), 'DRIFT_SEQ_AHEAD')
  t.is(strict.asOf({ seq: 1 }, { strict: false }).seq, 0)
  t.is(strict.asOf('@now').seq, 0)
})

test('CAT-2: before its creation a table is empty, and a name that never was is UNKNOWN_TABLE at any point', async (t) => {
  const { db } = await memory()
  const { seq } = await db.table('t').insert({ id: 1 })
  await db.createTable('later', { primaryKey: 'id' })
  await db.table('later').insert({ id: 1 })
  using view = db.asOf({ seq })
  t.is(view.table('later').count(), 0)
  t.is(view.table('later').get(1), undefined)
  t.deepEqual(await collect(view.table('later').scan()), [])
  const error = await refused(t, () => view.table('never'), 'DRIFT_UNKNOWN_TABLE')
  t.is(error.details['table'], 'never')
  await refused(t, () => db.table('never'), 'DRIFT_UNKNOWN_TABLE')
  await refused(t, () => db.asOf('@seq:0').table('never'), 'DRIFT_UNKNOWN_TABLE')
})

test("an importer's time lies between the last commit's and now", async (t) => {
  const { db, clock } = await memory()
  const insert = (id: number, time: number) => db.batch([{ insert: 't', document: { id } }], { time })
  clock.wall = START + 1000
  t.is((await insert(1, START + 100)).time, START + 100)
  t.is((await insert(2, START + 100)).time, START + 100, 'not before the last commit: the same time is allowed')
  t.is((await insert(3, START + 1000)).time, START + 1000, 'now itself is not ahead')
  const { seq } = await db.table('t').insert({ id: 4 })
  for (const time of [START + 999, START + 1001, -1, 1.5, Number.NaN, 9e15])
    await refused(t, () => insert(5, time), 'DRIFT_INVALID_ARGUMENT')
  t.is(db.lastSeq, seq, 'SEQ-1: what is refused takes no seq')
  t.deepEqual(idsAt(db, { time: START + 500 }), [1, 2])
  t.is((await db.createTable('u', { primaryKey: 'id', time: START + 1000 }))?.time, START + 1000)
  await refused(t, () => db.createTable('v', { primaryKey: 'id', time: START }), 'DRIFT_INVALID_ARGUMENT')
  t.false(db.tables().some(({ name }) => name === 'v'))
  await db.createTable('v', { primaryKey: 'id' })
})

test('TIM-5: a view is resolved once, and all its tables are read at that point', async (t) => {
  const { db } = await memory()
  await db.createTable('u', { primaryKey: 'id' })
  await db.batch([
    { insert: 't', document: { id: 1, n: 1 } },
    { insert: 'u', document: { id: 1, n: 1 } }
  ])
  using view = db.asOf('@now')
  await db.batch([
    { patch: 't', key: 1, set: { n: 2 } },
    { patch: 'u', key: 1, set: { n: 2 } }
  ])
  t.is(view.table('t').get(1)?.['n'], 1)
  t.is(view.table('u').get(1)?.['n'], 1)
  view[Symbol.dispose]()
  await refused(t, () => view.table('t').get(1), 'DRIFT_CLOSED')
})

test('TIM-6: the same question about the past has the same answer after checkpoints, reopenings and later writes', async (t) => {
  const io = new MemoryIo()
  io.makeDirectory('/data')
  const clock = new ManualClock(START)
  let { db, coordinator } = await openSimulated(io, { clock })
  await db.createTable('t', { primaryKey: 'id' })
  for (let id = 1; id <= 5; id++) {
    clock.wall = START + id * 10
    await db.table('t').insert({ id, at: id })
    if (id === 3) await db.table('t').patch(1, { at: 30 })
  }
  clock.wall = START + 100
  const points = [
    ...Array.from({ length: db.lastSeq + 1 }, (_, seq) => ({ seq })),
    ...Array.from({ length: 60 }, (_, ms) => ({ time: START + ms }))
  ]
  const ask = () =>
    points.map((point) => {
      using view = db.asOf(point)
      return {
        seq: view.seq,
        time: view.time,
        notices: view.notices,
        rows: view.table('t').getMany([1, 2, 3, 4, 5]),
        count: view.table('t').count()
      }
    })
  const answers = ask()
  await coordinator.checkpoint()
  t.deepEqual(ask(), answers, 'after a checkpoint')
  for (let round = 0; round < 3; round++) {
    await db.table('t').upsert({ id: 1, at: 1000 + round })
    t.deepEqual(ask(), answers, 'after a later write')
    await coordinator.checkpoint()
    t.deepEqual(ask(), answers, 'after a later checkpoint')
    await db.close()
    ;({ db, coordinator } = await openSimulated(io, { clock }))
    t.deepEqual(ask(), answers, 'after a reopening')
    clock.wall += 10
  }
})

test('TIM-4, TIM-6: commits that a later checkpoint moves are found beside those that were read before', async (t) => {
  const io = new MemoryIo()
  io.makeDirectory('/data')
  const { db, coordinator } = await openSimulated(io)
  await db.createTable('t', { primaryKey: 'id' })
  for (let id = 1; id <= 5; id++) {
    const { seq, time } = await db.table('t').insert({ id })
    await coordinator.checkpoint()
    for (let asked = 0; asked <= seq; asked++) t.is(db.asOf({ seq: asked }).seq, asked)
    t.is(db.asOf({ time }).seq, seq)
    t.is(db.table('t').entry(id)?.time, time)
  }
  await db.close()
})

test('times without a zone are UTC, and what is no point in time is refused with an example', async (t) => {
  const clock = new ManualClock(Date.UTC(2025, 0, 1))
  const { db } = await memory(clock)
  clock.wall = Date.UTC(2025, 0, 1, 10, 30)
  const { seq } = await db.table('t').insert({ id: 1 })
  clock.wall = Date.UTC(2025, 0, 2)
  await db.table('t').insert({ id: 2 })
  clock.wall = Date.UTC(2025, 0, 3)
  t.is(db.asOf('2025-01-01 10:30:00').seq, seq)
  t.is(db.asOf('2025-01-01T10:29:59.999').seq, seq - 1)
  t.is(db.asOf('2025-01-01T12:30:00+02:00').seq, seq)
  for (const wrong of ['yesterday', '', '@seq:-1', '@seq:1.5', '2025-13-01']) {
    const error = await refused(t, () => db.asOf(wrong), 'DRIFT_INVALID_ARGUMENT')
    t.regex(error.message, /for example/)
  }
  for (const wrong of [
    { seq: -1 },
    { seq: 1.5 },
    { seq: Number.NaN },
    { time: Number.NaN },
    { time: new Date(Number.NaN) },
    { time: 9e15 }
  ]) {
    await refused(t, () => db.asOf(wrong), 'DRIFT_INVALID_ARGUMENT')
  }
})

test('a reader beside its writer settles no time past its last refresh', async (t) => {
  const directory = temporaryDirectory(t)
  const clock = new ManualClock(START)
  const writer = await open(directory, { clock })
  await writer.createTable('t', { primaryKey: 'id' })
  const reader = await open(directory, { readOnly: true, clock })
  clock.wall = START + 1000
  await writer.table('t').insert({ id: 1 })
  clock.wall = START + 2000
  using before = reader.asOf({ time: START + 1000 })
  t.is(before.notices.length, 1, 'the writer may have committed there since the last refresh')
  await reader.refresh()
  using after = reader.asOf({ time: START + 1000 })
  t.is(after.table('t').count(), 1)
  await reader.close()
  await writer.close()
})
