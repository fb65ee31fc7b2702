/** A power cut at every operation of the disk around commits of transactions with rows in two tables: all of each, or nothing of it. */
import test from 'ava'
import type { Database } from '../../src/index.js'
import { FaultyIo, type Loss } from '../../src/io/faulty-io.js'
import { openSimulated } from '../coordinator/_database.js'

const losses: readonly Loss[] = ['lose-unsynced', 'keep-unsynced', 'tear-last-write']
/** All operations with FULL=1; else those from the second transaction to the third, and every ninth. */
const FULL = process.env['FULL'] === '1'
const TRANSACTIONS = 4
const ROWS = 5

/** Makes the tables and the transactions; says how many were acknowledged when the disk was gone, and when each began. */
async function run(
  io: FaultyIo
): Promise<{ readonly acknowledged: number; readonly isWhole: boolean; readonly begins: readonly number[] }> {
  let acknowledged = -1
  const begins: number[] = []
  try {
    const { db, coordinator } = await openSimulated(io)
    await db.createTable('a', { primaryKey: 'id' })
    await db.createTable('b', { primaryKey: 'id' })
    await db.table('a').insert({ id: 'last', n: 0 })
    acknowledged = 0
    for (let n = 1; n <= TRANSACTIONS; n++) {
      begins.push(io.operations)
      const rolledBack = await db.begin()
      await rolledBack.table('a').insert({ id: `never ${n}` })
      await db.transaction(
        async (tx) => {
          await tx.table('a').patch('last', { n })
          for (let row = 0; row < ROWS; row++) {
            await tx.query('INSERT INTO a $1', [{ id: `${n} ${row}`, n }])
            await tx.table('b').insert({ id: `${n} ${row}`, text: 'x'.repeat(200) })
            await tx.table('b').patch(`${n} ${row}`, { n })
          }
        },
        { isolation: 'serializable', metadata: { n } }
      )
      await rolledBack.rollback()
      acknowledged = n
      if (n === 2) await coordinator.checkpoint()
    }
    await db.close()
    return { acknowledged, isWhole: true, begins }
  } catch {
    return { acknowledged, isWhole: false, begins }
  }
}

/** What of the transactions is there; a text says what is wrong with it. */
function found(db: Database): number | string {
  const names = new Set(db.tables().map(({ name }) => name))
  if (!names.has('a') || !names.has('b')) return -1
  const last = db.table('a').get('last') as { n: number } | undefined
  if (last === undefined) return db.table('a').count() + db.table('b').count() === 0 ? -1 : 'rows without the first one'
  for (let n = 1; n <= TRANSACTIONS; n++) {
    for (let row = 0; row < ROWS; row++) {
      const inA = db.table('a').get(`${n} ${row}`) as { n: number } | undefined
      const entry = db.table('b').entry(`${n} ${row}`)
      const isThere = n <= last.n
      if (inA?.n !== (isThere ? n : undefined)) return `row ${row} of ${n} in a, after ${last.n}`
      if ((entry?.document as { n?: number } | undefined)?.n !== (isThere ? n : undefined))
        return `row ${row} of ${n} in b, after ${last.n}`
      if (isThere && JSON.stringify(entry?.metadata) !== JSON.stringify({ n })) return `metadata of ${n}`
      if ([...db.table('b').history(`${n} ${row}`)].length !== (isThere ? 2 : 0)) return `history of row ${row} of ${n}`
    }
    if (db.table('a').has(`never ${n}`)) return `a row of the transaction that was rolled back, ${n}`
  }
  return last.n
}

test('ATM-1: a power cut at every write of a commit of rows in two tables leaves all of it or nothing', async (t) => {
  t.timeout(10 * 60_000)
  const everySeen = new Set<number>()
  let crashes = 0
  const [, second = 0, , fourth = 0] = (await run(new FaultyIo())).begins
  for (let crashAt = 1; ; crashAt++) {
    if (!FULL && crashAt % 9 !== 0 && (crashAt <= second || crashAt > fourth)) continue
    const io = new FaultyIo()
    io.crashAt = crashAt
    const { acknowledged, isWhole } = await run(io)
    if (isWhole) break
    crashes++
    for (const loss of losses) {
      const { db } = await openSimulated(io.afterCrash(loss))
      const seen = found(db)
      if (typeof seen === 'string') t.fail(`crash at ${crashAt}, ${loss}: ${seen}`)
      else if (seen < acknowledged) t.fail(`crash at ${crashAt}, ${loss}: ${acknowledged} was acknowledged, ${seen} is there`)
      else everySeen.add(seen)
      await db.close()
    }
  }
  t.true(crashes > 20)
  // No count of transactions was left out.
  for (const count of [-1, 0, 1, 2, 3]) t.true(everySeen.has(count), `${count}`)
})
