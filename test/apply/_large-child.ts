/**
 * Fills a database several times larger than its memory, asks it about many points, writes on, and asks again; prints what it found. Run
 * as a child by memory-budget.test: arguments are the directory and `cacheBytes`. What a row is at a point follows from the point by
 * arithmetic, so the oracle keeps nothing.
 */
import { fileURLToPath } from 'node:url'
import { open, type Database } from 'driftdb'

export type Found = {
  readonly answers: number
  readonly wrong: readonly string[]
  readonly events: number
  readonly maxRssBytes: number
}

const KEYS = 2000
const BATCH = 500
const byNumber = (one: number, other: number): number => one - other
const NOTE = 'a text that no other row has, '.repeat(30)

/** The round in which `key` was written last when `seq` events were: rounds of all keys, one behind the other. */
function roundAt(key: number, seq: number): number {
  return Math.floor((seq - 1 - key) / KEYS)
}

function numberOf(key: number, round: number): number {
  return Math.imul(key + 1, 2654435761 + round * 40503) >>> 8
}

function rowAt(key: number, seq: number): object {
  const round = roundAt(key, seq)
  return { id: key, group: `group ${(key + round) % 7}`, n: numberOf(key, round), note: `${key} ${round} ${NOTE}` }
}

async function writeRounds(db: Database, from: number, to: number): Promise<void> {
  for (let round = from; round < to; round++) {
    for (let key = 0; key < KEYS; key += BATCH) {
      const rows = Array.from({ length: BATCH }, (_, index) => rowAt(key + index, round * KEYS + key + index + 1))
      await db.batch(rows.map((document) => ({ upsert: 't', document })))
    }
  }
}

/** Asks about `points` points up to `last`, which counts events; `schema` seqs stand before them. Returns how many answers were compared. */
async function ask(db: Database, points: number, last: number, schema: number, wrong: string[]): Promise<number> {
  let answers = 0
  const expect = (what: string, found: unknown, expected: unknown): void => {
    answers++
    if (JSON.stringify(found) !== JSON.stringify(expected)) wrong.push(`${what}: ${JSON.stringify(found)?.slice(0, 200)}`)
  }
  for (let point = 1; point <= points; point++) {
    // A point within a commit is the end of the one before.
    const at = Math.floor((((last - KEYS) * point) / points + KEYS) / BATCH) * BATCH
    const seq = at + schema
    let sum = 0
    const groups = new Map<string, number>()
    for (let key = 0; key < KEYS; key++) {
      const { group, n } = rowAt(key, at) as { group: string; n: number }
      sum += n
      groups.set(group, (groups.get(group) ?? 0) + n)
    }
    expect(`sum at ${at}`, await db.query(`SELECT COUNT(*) c, SUM(n) s FROM t AS OF @seq:${seq}`).all(), [{ c: KEYS, s: sum }])
    expect(
      `groups at ${at}`,
      await db.query(`SELECT "group" g, SUM(n) s FROM t AS OF @seq:${seq} GROUP BY "group" ORDER BY g`, { dialect: 'sql' }).all(),
      [...groups].sort(([one], [other]) => (one < other ? -1 : 1)).map(([g, s]) => ({ g, s }))
    )
    const past = db.asOf({ seq })
    for (let key = point; key < KEYS; key += 97) expect(`row ${key} at ${at}`, past.table('t').get(key), rowAt(key, at))
  }
  const versions = await db.query<{ n: number }>('SELECT n FROM t FOR SYSTEM_TIME ALL WHERE id = 7').all()
  const numbers = Array.from({ length: roundAt(7, last) + 1 }, (_, round) => numberOf(7, round))
  expect('versions of row 7', versions.map(({ n }) => n).sort(byNumber), numbers.sort(byNumber))
  return answers
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [, , directory = '', cacheBytes = '', rounds = ''] = process.argv
  const found = await fill(directory, Number(cacheBytes), Number(rounds))
  process.stdout.write(`${JSON.stringify(found)}\n`)
}

async function fill(directory: string, cacheBytes: number, rounds: number): Promise<Found> {
  const wrong: string[] = []
  const options = { cacheBytes, logBytes: 16 * 1024 * 1024, durability: 'none' as const }
  const db = await open(directory, options)
  await db.createTable('t', { primaryKey: 'id' })
  const schema = db.lastSeq
  await writeRounds(db, 0, rounds)
  let answers = await ask(db, 8, rounds * KEYS, schema, wrong)
  await db.compact('t')
  await db.snapshot('t')
  await writeRounds(db, rounds, rounds + 10)
  answers += await ask(db, 8, (rounds + 10) * KEYS, schema, wrong)
  await db.close()
  const again = await open(directory, options)
  answers += await ask(again, 8, (rounds + 10) * KEYS, schema, wrong)
  await writeRounds(again, rounds + 10, rounds + 12)
  answers += await ask(again, 3, (rounds + 12) * KEYS, schema, wrong)
  const events = again.lastSeq
  await again.close()
  return { answers, wrong: wrong.slice(0, 5), events, maxRssBytes: process.resourceUsage().maxRSS * 1024 }
}
