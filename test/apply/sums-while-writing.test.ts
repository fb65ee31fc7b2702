/** A reader sums at random points while writes, apply, merges, checkpoints and compaction go on. FULL=1: 10,000 sums. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { Dice } from '../coordinator/_database.js'
import { openPaged } from './_open.js'

const SUMS = process.env['FULL'] === '1' ? 10_000 : 400
const ACCOUNTS = 3000
const START = 1000

test('VIS-5: whatever is written meanwhile, the sum over all accounts is the same at every point, and counts are those of the point', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'driftdb-sums-'))
  const { coordinator, db } = await openPaged(join(directory, 'data'), { pageRows: 512, durability: 'os', cacheBytes: 2 * 1024 ** 3 })
  await db.createTable('account', { primaryKey: 'id' })
  const account = db.table('account')
  await account.insertMany(Array.from({ length: ACCOUNTS }, (_, id) => ({ id, kind: `kind ${id % 7}`, balance: START, half: START / 2 })))
  const firstSeq = db.lastSeq
  let isDone = false
  let commits = 0

  // Each commit moves money between accounts; some accounts are deleted and come back within one commit.
  const write = async (seed: number): Promise<void> => {
    const dice = new Dice(seed)
    const balances = new Map<number, number>()
    // A writer has its own third of the accounts, so that it knows what they have.
    const own = () => dice.below(ACCOUNTS / 3) * 3 + seed
    while (!isDone) {
      const waiting: Promise<unknown>[] = []
      for (let commit = 0; commit < 20; commit++) {
        const from = own()
        const to = own()
        if (from === to) continue
        const amount = dice.below(100)
        const has = (id: number) => balances.get(id) ?? START
        balances.set(from, has(from) - amount)
        balances.set(to, has(to) + amount)
        const set = (id: number) => ({ balance: has(id), half: has(id) / 2 })
        waiting.push(
          db.batch([
            ...(dice.below(10) === 0
              ? ([
                  { softDelete: 'account', key: from },
                  { insert: 'account', document: { id: from, kind: `kind ${from % 7}`, ...set(from) } }
                ] as const)
              : ([{ patch: 'account', key: from, set: set(from) }] as const)),
            { patch: 'account', key: to, set: set(to) }
          ])
        )
        commits++
      }
      await Promise.all(waiting)
    }
  }
  const maintain = async (): Promise<void> => {
    while (!isDone) {
      await db.compact('account')
      await db.snapshot('account')
    }
  }
  const background = [write(0), write(1), write(2), maintain()]
  const dice = new Dice(99)
  try {
    for (let sum = 0; sum < SUMS; sum++) {
      const seq = dice.below(3) === 0 ? db.lastSeq : firstSeq + dice.below(db.lastSeq - firstSeq + 1)
      const [row] = await db.query('SELECT COUNT(*) AS n, SUM(balance) AS total, SUM(half) AS halves FROM account AS OF $1', [seq]).all()
      t.deepEqual(row, { n: ACCOUNTS, total: ACCOUNTS * START, halves: (ACCOUNTS * START) / 2 }, `at ${seq}`)
      if (sum % 10 !== 0) continue
      const groups = await db.query('SELECT kind, COUNT(*) AS n, SUM(balance) AS total FROM account GROUP BY kind AS OF $1', [seq]).all()
      t.is(groups.length, 7)
      t.is(
        groups.reduce((total, group) => total + Number(group['total']), 0),
        ACCOUNTS * START
      )
    }
  } finally {
    isDone = true
    await Promise.all(background)
  }
  t.true(commits > 100)
  const pages = await coordinator.pages(coordinator.table('account'), db.lastSeq)
  t.not(pages, undefined)
  pages?.release()
  await db.close()
  rmSync(directory, { recursive: true, force: true })
})
