/** DIFF and FOR SYSTEM_TIME over random histories, against a fold of all events. `FULL=1` runs long. */
import test from 'ava'
import fc from 'fast-check'
import { history, History, type ModelEvent, type Row } from './_history.js'
import { same } from '../same.js'

const RUNS = process.env['FULL'] === '1' ? 2000 : 60

/** Before the first event, at every one, ahead of the last. */
const place = fc.integer({ min: 0, max: 50 })

type Change = {
  readonly _key: number
  readonly _change: 'insert' | 'update' | 'delete'
  readonly before: Row | null
  readonly after: Row | null
  readonly changed: readonly string[]
  readonly _seq: number
}
type VersionRow = Row & {
  readonly _seq: number
  readonly _from: Date
  readonly _to: Date | null
  readonly _from_seq: number
  readonly _to_seq: number | null
  readonly _event: string
}

/** Values as they come back: a bigint at 2^53 equals the float. */
const plain = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? Number(inner) : inner)) ?? 'null')

function sameRow(left: Row | undefined, right: Row | undefined): boolean {
  const sorted = (row: Row | undefined) => row && Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1))
  return JSON.stringify(plain(sorted(left) ?? null)) === JSON.stringify(plain(sorted(right) ?? null))
}

const without = (row: VersionRow): Row => {
  const { _seq, _from, _to, _from_seq, _to_seq, _event, ...fields } = row
  return fields
}

test('TIM-9: DIFF is what a fold of all events says, AS OF a with DIFF(a, b) is AS OF b, and DIFF(b, a) is its inverse', async (t) => {
  await fc.assert(
    fc.asyncProperty(history, place, place, async (steps, a, b) => {
      await using past = await History.of(steps)
      const forth = (await past.rows('SELECT * FROM DIFF(t, $1, $2)', [a, b])) as unknown as Change[]
      const back = (await past.rows('SELECT * FROM DIFF(t, $1, $2)', [b, a])) as unknown as Change[]
      const rows = new Map(past.rowsAt(a).map((row) => [row.id, row]))
      const later = new Map(past.rowsAt(b).map((row) => [row.id, row]))
      const keys = [...new Set([...rows.keys(), ...later.keys()])].filter((key) => !sameRow(rows.get(key), later.get(key)))
      same(
        t,
        forth.map(({ _key }) => _key),
        keys.sort((left, right) => left - right)
      )
      for (const { _key, before, after, changed, _change, _seq } of forth) {
        t.true(sameRow(before ?? undefined, rows.get(_key)))
        t.true(sameRow(after ?? undefined, later.get(_key)))
        t.is(_change, before === null ? 'insert' : after === null ? 'delete' : 'update')
        const names = new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])
        const differs = [...names].filter((name) => {
          const [old, young] = [before, after].map((row) => (row !== null && Object.hasOwn(row, name) ? [plain(row[name])] : []))
          return JSON.stringify(old) !== JSON.stringify(young)
        })
        same(t, [...changed].sort(), differs.sort())
        const upTo = past.commits.filter(({ seq }) => seq <= Math.max(a, b)).flatMap(({ events }) => events)
        t.is(_seq, upTo.findLast(({ key }) => key === _key)?.seq ?? 0)
        if (after === null) rows.delete(_key)
        else rows.set(_key, after)
      }
      const inOrder = [...rows.values()].sort((left, right) => left.id - right.id)
      same(t, plain(inOrder), plain(await past.rows('SELECT * FROM t AS OF $1', [b])))
      const inverse = { insert: 'delete', update: 'update', delete: 'insert' } as const
      const turned = forth.map((change) => ({ ...change, _change: inverse[change._change], before: change.after, after: change.before }))
      same(t, plain(back), plain(turned))
      const counts = await past.rows('SELECT _change, count(*) AS n FROM DIFF(t, $1, $2) GROUP BY _change', [a, b])
      const ofKind = (kind: string): number => forth.filter(({ _change }) => _change === kind).length
      const kinds = ['delete', 'insert', 'update'].map((kind) => ({ _change: kind, n: ofKind(kind) }))
      same(
        t,
        counts,
        kinds.filter(({ n }) => n > 0)
      )
      const some = await past.rows('SELECT _seq, after.a, before.b, _key FROM DIFF(t, $1, $2) ORDER BY _key DESC', [a, b])
      const picked = forth.map(({ _seq, _key, before, after }) => ({ _seq, a: after?.['a'] ?? null, b: before?.['b'] ?? null, _key }))
      same(t, plain(some), plain(picked.reverse()))
    }),
    { numRuns: RUNS }
  )
})

test('TIM-8: ALL has one row for each event that made a version, and a point sees those that begin at or before it and end behind it', async (t) => {
  await fc.assert(
    fc.asyncProperty(history, async (steps) => {
      await using past = await History.of(steps)
      const all = (await past.rows('SELECT * FROM t FOR SYSTEM_TIME ALL')) as unknown as VersionRow[]
      const made = past.events
        .filter(({ event }) => event !== 'SOFT_DELETE')
        .sort((left, right) => left.key - right.key || left.seq - right.seq)
      same(
        t,
        all.map(({ id, _seq, _event }) => [id, _seq, _event]),
        made.map(({ key, seq, event }) => [key, seq, event])
      )
      for (const [index, version] of all.entries()) {
        const { row } = made[index] as ModelEvent
        t.true(sameRow(without(version), row))
        t.is(version._from_seq, past.commitOf(version._seq).seq)
        t.is(version._from.getTime(), past.commitOf(version._seq).time)
        const next = past.events.find(({ key, seq }) => key === version.id && seq > version._seq)
        t.is(version._to_seq, next === undefined ? null : past.commitOf(next.seq).seq)
        t.is(version._to?.getTime(), next === undefined ? undefined : past.commitOf(next.seq).time)
        // The intervals of one key are disjoint.
        const following = all[index + 1]
        if (following?.id === version.id) t.true(version._to_seq !== null && version._to_seq <= following._from_seq)
      }
      for (let at = 0; at <= past.lastSeq; at++) {
        const seen = all.filter(({ _from_seq, _to_seq }) => _from_seq <= at && (_to_seq === null || _to_seq > at)).map(without)
        same(t, plain(seen), plain(past.rowsAt(at)), `at ${at}`)
      }
      const short = await past.rows('SELECT count(*) AS n FROM t FOR SYSTEM_TIME ALL')
      t.is(short[0]?.['n'], made.length)
    }),
    { numRuns: RUNS }
  )
})

test('TIM-8: FROM … TO and BETWEEN have the versions of ALL whose begin and end are so, by seqs and by times, none where reversed', async (t) => {
  await fc.assert(
    fc.asyncProperty(history, place, place, fc.boolean(), fc.boolean(), async (steps, a, b, isClosed, byTime) => {
      await using past = await History.of(steps)
      const all = (await past.rows('SELECT * FROM t FOR SYSTEM_TIME ALL')) as unknown as VersionRow[]
      const timeOf = (n: number): number => (past.commits[0]?.time ?? 0) - 1 + n
      const [from, to] = byTime ? [timeOf(a), timeOf(b)] : [a, b]
      const range = isClosed ? 'BETWEEN $1 AND $2' : 'FROM $1 TO $2'
      const found = await past.rows(`SELECT * FROM t FOR SYSTEM_TIME ${range}`, byTime ? [new Date(from), new Date(to)] : [from, to])
      const expected = all.filter((version) => {
        const begin = byTime ? version._from.getTime() : version._from_seq
        const end = (byTime ? version._to?.getTime() : version._to_seq) ?? Number.POSITIVE_INFINITY
        return from <= to && (isClosed ? begin <= to : begin < to) && end > from
      })
      same(t, plain(found), plain(expected))
      // What names no event may come from pages.
      const parameters = byTime ? [new Date(from), new Date(to)] : [from, to]
      const told = await past.rows(`SELECT id, b, _seq, _from, _to, _from_seq, _to_seq FROM t FOR SYSTEM_TIME ${range}`, parameters)
      const picked = expected.map((row) => {
        const { id, _seq, _from, _to, _from_seq, _to_seq } = row
        return { id, b: row['b'] ?? null, _seq, _from, _to, _from_seq, _to_seq }
      })
      same(t, plain(told), plain(picked))
      const counted = await past.rows(`SELECT id, count(*) AS n, count(a) AS a FROM t FOR SYSTEM_TIME ${range} GROUP BY id`, parameters)
      const ids = [...new Set(expected.map(({ id }) => id))]
      const groups = ids.map((id) => {
        const rows = expected.filter((row) => row.id === id)
        return { id, n: rows.length, a: rows.filter((row) => (row['a'] ?? null) !== null).length }
      })
      same(t, counted, groups)
    }),
    { numRuns: RUNS * 3 }
  )
})

test('the versions of a past read point are those that it would have been told then', async (t) => {
  await fc.assert(
    fc.asyncProperty(history, place, async (steps, at) => {
      await using past = await History.of(steps)
      const seq = past.seqAt(Number.POSITIVE_INFINITY) < at ? past.lastSeq : (past.commits.findLast((commit) => commit.seq <= at)?.seq ?? 0)
      const all = (await past.rows('SELECT * FROM t FOR SYSTEM_TIME ALL')) as unknown as VersionRow[]
      const then = all
        .filter(({ _from_seq }) => _from_seq <= seq)
        .map((row) => (row._to_seq !== null && row._to_seq > seq ? { ...row, _to: null, _to_seq: null } : row))
      same(t, plain(await past.rows('SELECT * FROM t FOR SYSTEM_TIME ALL AS v AS OF $1', [at])), plain(then))
    }),
    { numRuns: RUNS }
  )
})

test('TIM-9: EACH has at each of its points the rows that AS OF has there, by seqs and by times', async (t) => {
  const width = fc.integer({ min: 1, max: 9 })
  await fc.assert(
    fc.asyncProperty(history, place, place, width, fc.boolean(), fc.boolean(), async (steps, a, b, step, isClosed, byTime) => {
      await using past = await History.of(steps)
      const timeOf = (n: number): number => (past.commits[0]?.time ?? 0) - 1 + n
      const [from, to] = byTime ? [timeOf(a), timeOf(b)] : [a, b]
      const range = isClosed ? 'BETWEEN $1 AND $2' : 'FROM $1 TO $2'
      const asValue = (point: number): unknown => (byTime ? new Date(point) : point)
      const parameters = [asValue(from), asValue(to), step]
      const rows = await past.rows(`SELECT * FROM t FOR SYSTEM_TIME EACH $3 ${byTime ? 'ms' : 'SEQ'} ${range}`, parameters)
      const expected: { readonly [field: string]: unknown }[] = []
      const counts: unknown[] = []
      const byTwo: unknown[] = []
      const two = 'min(id) AS low, max(id) AS high, count(*) AS n'
      for (let point = from; isClosed ? point <= to : point < to; point += step) {
        const there = await past.rows('SELECT * FROM t AS OF $1', [asValue(point)])
        for (const row of there) expected.push({ ...row, _at: asValue(point) })
        if (there.length > 0) counts.push({ _at: asValue(point), n: there.length })
        const groups = await past.rows(`SELECT a, b, ${two} FROM t GROUP BY a, b AS OF $1`, [asValue(point)])
        byTwo.push(...groups.map((group) => ({ _at: asValue(point), ...group })))
      }
      // Each point's rows are in key order; rows of one key come from point to point.
      const key = (row: { readonly [field: string]: unknown }): number => Number(row['id'])
      expected.sort((left, right) => key(left) - key(right))
      same(t, plain(rows), plain(expected))
      const grouped = `SELECT _at, count(*) AS n FROM t FOR SYSTEM_TIME EACH $3 ${byTime ? 'ms' : 'SEQ'} ${range} GROUP BY _at`
      same(t, plain(await past.rows(grouped, parameters)), plain(counts))
      const groupedByTwo = `SELECT _at, a, b, ${two} FROM t FOR SYSTEM_TIME EACH $3 ${byTime ? 'ms' : 'SEQ'} ${range} GROUP BY _at, a, b`
      same(t, plain(await past.rows(groupedByTwo, parameters)), plain(byTwo))
      const filtered = `SELECT a, _at FROM t FOR SYSTEM_TIME EACH $3 ${byTime ? 'ms' : 'SEQ'} ${range} WHERE id IN (1, 3) ORDER BY id DESC`
      const wanted = [3, 1]
        .flatMap((id) => expected.filter((row) => row['id'] === id))
        .map((row) => ({ a: row['a'] ?? null, _at: row['_at'] }))
      same(t, plain(await past.rows(filtered, parameters)), plain(wanted))
    }),
    { numRuns: RUNS }
  )
})
