/** A database with history, and what it must answer for ever. */
import { differenceAt, differenceNow, historyDifference, issue, type Oracle, type Write } from '../coordinator/_oracle.js'
import type { Database } from '../../src/index.js'

export const START = 1_700_000_000_000

const text = (n: number) => `row ${n} `.repeat(1 + (n % 40))

/** Inserts, patches in chains, deletes and new lives over `keys` keys of the tables a and b: `count` commits. */
export function writesOf(count: number, keys: number, from = 0): Write[] {
  return Array.from({ length: count }, (_, index): Write => {
    const n = from + index
    const key = `k${(n * 7) % keys}`
    if (n % 11 === 10) return { rows: [{ kind: 'softDelete', table: 'a', key: `k${((n - 1) * 7) % keys}` }] }
    if (n % 3 === 0) return { rows: [{ kind: 'upsert', table: 'a', document: { id: key, n, text: text(n) } }], metadata: { n } }
    if (n % 3 === 1) {
      return {
        rows: [
          { kind: 'upsert', table: 'a', document: { id: key, n } },
          { kind: 'upsert', table: 'b', document: { id: n % 5, n, list: [n, { n }] } }
        ]
      }
    }
    return {
      rows: [
        { kind: 'upsert', table: 'a', document: { id: key, n: -n } },
        ...[1, 2, 3, 4, 5].map((field) => ({ kind: 'patch' as const, table: 'a', key, set: { [`f${field}`]: n + field } }))
      ]
    }
  })
}

/** Makes the writes and lets the oracle take each with the time it got. */
export async function write(db: Database, oracle: Oracle, writes: readonly Write[]): Promise<void> {
  for (const one of writes) {
    if (oracle.expect(one).code !== undefined) continue
    const commit = await issue(db, one)
    oracle.take(one, commit?.time ?? 0)
  }
}

export async function fill(db: Database, oracle: Oracle, count: number): Promise<void> {
  await write(db, oracle, [{ create: 'a' }, { create: 'b' }, ...writesOf(count, 23)])
}

/** What the database and the fold of all events disagree about, at any seq. */
export function difference(db: Database, oracle: Oracle): string | undefined {
  for (let seq = 0; seq <= oracle.lastSeq; seq++) {
    const found = differenceAt(db, oracle, seq)
    if (found !== undefined) return found
  }
  return differenceNow(db, oracle) ?? historyDifference(db, oracle, oracle.lastSeq)
}
