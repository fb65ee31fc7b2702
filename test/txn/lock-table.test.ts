/** The lock table alone: random transactions against a naive twin that keeps whole graphs, and its bounds. */
import test from 'ava'
import { DriftError } from '../../src/index.js'
import { LockTable, type WaitEdge } from '../../src/txn/lock-table.js'
import { keyBytes } from '../../src/codec/key-codec.js'
import { Dice } from '../coordinator/_database.js'

const SEEDS = process.env['FULL'] === '1' ? 3000 : 300
const STEPS = 200
const KEYS = 6

type Row = { holder: number; readonly queue: number[] }

/** Rows with holder and queue; who waits for whom is found by looking at everything. */
class Twin {
  readonly rows = new Map<number, Row>()

  waitsAt(id: number): number | undefined {
    for (const [key, { queue }] of this.rows) if (queue.includes(id)) return key
    return undefined
  }

  /** Everybody that `id` waits for in the end, over any number of steps: those ahead in the queue too. */
  circle(id: number): boolean {
    const seen = new Set<number>()
    const look = (at: number): void => {
      const key = this.waitsAt(at)
      const row = key === undefined ? undefined : this.rows.get(key)
      if (row === undefined) return
      for (const next of [row.holder, ...row.queue.slice(0, row.queue.indexOf(at))]) {
        if (seen.has(next)) continue
        seen.add(next)
        look(next)
      }
    }
    look(id)
    return seen.has(id)
  }

  /** Who gets a row by it. */
  end(id: number): Map<number, number> {
    const granted = new Map<number, number>()
    for (const { queue } of this.rows.values()) if (queue.includes(id)) queue.splice(queue.indexOf(id), 1)
    for (const [key, row] of this.rows) {
      if (row.holder !== id) continue
      const next = row.queue.shift()
      if (next === undefined) this.rows.delete(key)
      else {
        row.holder = next
        granted.set(next, key)
      }
    }
    return granted
  }
}

type Waiting = { readonly key: number; outcome: 'waits' | 'granted' | 'deadlock' | 'ended'; error: DriftError | undefined }

test('TXN-5: random transactions: no lock is lost, no circle stays, the order is that of coming, and everything is free at the end', async (t) => {
  const table = { definition: { name: 't' } }
  let deadlocks = 0
  let longest = 0
  for (let seed = 1; seed <= SEEDS; seed++) {
    const dice = new Dice(seed)
    const locks = new LockTable<typeof table>()
    const twin = new Twin()
    const waits = new Map<number, Waiting>()
    let nextId = 1
    const open: number[] = []
    const wrong = (what: string): void => t.fail(`seed ${seed}: ${what}`)
    const end = async (id: number): Promise<void> => {
      open.splice(open.indexOf(id), 1)
      const granted = twin.end(id)
      locks.end(id, new DriftError('TXN_CLOSED', 'ended', {}))
      await settle()
      for (const [next, key] of granted) {
        const waiting = waits.get(next)
        if (waiting?.outcome !== 'granted' || waiting.key !== key) wrong(`${next} did not get ${key} when its turn had come`)
        waits.delete(next)
      }
      waits.delete(id)
    }
    for (let step = 0; step < STEPS; step++) {
      if (open.length < 8 && dice.chance(0.3)) open.push(nextId++)
      const able = open.filter((id) => twin.waitsAt(id) === undefined)
      // Somebody can always go on, or there is a circle.
      if (able.length === 0) {
        if (open.length > 0) wrong('everybody waits')
        continue
      }
      const id = dice.of(dice.chance(0.05) ? open : able)
      if (dice.chance(0.15) || twin.waitsAt(id) !== undefined) {
        await end(id)
        continue
      }
      const key = dice.below(KEYS)
      const row = twin.rows.get(key)
      const turn = locks.acquire(id, table, keyBytes(key))
      if (row === undefined) twin.rows.set(key, { holder: id, queue: [] })
      const isFree = row === undefined || row.holder === id
      if ((turn === undefined) !== isFree) wrong(`${id} asks for ${key}: ${turn === undefined ? 'granted' : 'waits'}`)
      if (turn === undefined) continue
      row?.queue.push(id)
      const waiting: Waiting = { key, outcome: 'waits', error: undefined }
      waits.set(id, waiting)
      turn.then(
        () => void (waiting.outcome = 'granted'),
        (error: DriftError) => {
          waiting.error = error
          waiting.outcome = error.code === 'DRIFT_DEADLOCK' ? 'deadlock' : 'ended'
        }
      )
      const isCircle = twin.circle(id)
      await settle()
      const victims = [...waits].filter(([, { outcome }]) => outcome === 'deadlock')
      if (victims.length !== Number(isCircle)) wrong(`${victims.length} victims, ${isCircle ? 'a circle' : 'no circle'}`)
      for (const [victim, { error }] of victims) {
        deadlocks++
        const cycle = error?.details['cycle'] as readonly WaitEdge[]
        longest = Math.max(longest, cycle.length)
        if (victim !== Math.max(...cycle.map(({ transaction }) => transaction))) wrong('the victim is not the youngest')
        cycle.forEach(({ transaction, waitsFor, key: at }, index) => {
          if (waitsFor !== cycle[(index + 1) % cycle.length]?.transaction) wrong('the cycle is none')
          if (twin.rows.get(at as number)?.holder !== waitsFor) wrong(`${transaction} does not wait for ${waitsFor}`)
        })
        await end(victim)
        if (open.some((other) => twin.circle(other))) wrong('a circle is left')
      }
    }
    for (const id of [...open]) await end(id)
    if (!locks.isEmpty || locks.rows !== 0 || locks.waiters !== 0 || twin.rows.size > 0)
      wrong('something is locked after everybody has ended')
  }
  t.true(deadlocks > SEEDS, `${deadlocks} deadlocks`)
  t.true(longest > 2, `the longest circle had ${longest}`)
})

/** Promises that are settled have told so. */
function settle(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve))
}

test('a transaction locks so many rows, one more is LIMIT; so many wait for a row, one more is OVERLOADED', async (t) => {
  const table = { definition: { name: 't' } }
  const locks = new LockTable<typeof table>({ rowsMax: 3, queueMax: 2 })
  const key = keyBytes('a')
  for (const name of ['a', 'b', 'c']) t.is(locks.acquire(1, table, keyBytes(name)), undefined)
  t.is(locks.acquire(1, table, key), undefined, 'a row that it has is no row more')
  t.like(
    t.throws(() => locks.acquire(1, table, keyBytes('d'))),
    { code: 'DRIFT_LIMIT' }
  )
  const turns = [locks.acquire(2, table, key), locks.acquire(3, table, key)]
  t.like(
    t.throws(() => locks.acquire(4, table, key)),
    { code: 'DRIFT_OVERLOADED', details: { limit: 2, seen: 3, name: 'lockQueueMax', table: 't' } }
  )
  locks.end(1, new DriftError('TXN_CLOSED', 'ended', {}))
  await turns[0]
  t.is(locks.holderOf(table, key), 2)
  t.is(locks.waitsFor(3), 2)
  locks.clear(new DriftError('CLOSED', 'closed', {}))
  await t.throwsAsync(async () => turns[1], { code: 'DRIFT_CLOSED' })
  t.true(locks.isEmpty)
})

test('rows taken behind a mark go to who waits for them, those from before stay', async (t) => {
  const table = { definition: { name: 't' } }
  const locks = new LockTable<typeof table>()
  t.is(locks.acquire(1, table, keyBytes('before')), undefined)
  const mark = locks.countOf(1)
  t.is(locks.acquire(1, table, keyBytes('after')), undefined)
  const turn = locks.acquire(2, table, keyBytes('after'))
  locks.release(1, mark)
  await turn
  t.is(locks.holderOf(table, keyBytes('after')), 2)
  t.is(locks.holderOf(table, keyBytes('before')), 1)
})
