/**
 * The naive twin of the database: all commits in a plain array, every question answered by folding them. It shares no code with the
 * engine, and is slow on purpose.
 */
import { isDeepStrictEqual } from 'node:util'
import type { ColumnInfo, Commit, Database, Document, Key, TableView, Value } from '../../src/index.js'
import { naiveColumns } from '../catalog/_naive-columns.js'

export type OracleEvent = {
  readonly seq: number
  readonly table: string
  readonly key: Key
  readonly event: 'INSERT' | 'PATCH' | 'SOFT_DELETE'
  readonly payload: Document | null
}

export type OracleCommit = {
  readonly firstSeq: number
  readonly seq: number
  readonly time: number
  readonly metadata: Value
  /** Empty for the making of a table. */
  readonly events: readonly OracleEvent[]
}

export type RowWrite = { readonly table: string; readonly ifSeq?: number; readonly skipUnchanged?: boolean } & (
  | { readonly kind: 'insert' | 'upsert'; readonly document: Document }
  | { readonly kind: 'patch'; readonly key: Key; readonly set: Document }
  | { readonly kind: 'softDelete'; readonly key: Key }
)

/** One commit in the making: the creation of a table, or one or several writes. The key of every table is the field `id`. */
export type Write = { readonly create: string } | { readonly rows: readonly RowWrite[]; readonly metadata?: Value }

/** What must become of a write: the commit it makes, or the code of its refusal. */
export type Expected =
  | { readonly code: undefined; readonly commit: Omit<Commit, 'time'>; readonly events: readonly OracleEvent[] }
  | { readonly code: string; readonly index: number }

/** Gives a write to the database: one of one row by the methods of its table, others as a batch. */
export async function issue(db: Database, write: Write): Promise<Commit | undefined> {
  if ('create' in write) return db.createTable(write.create, { primaryKey: 'id' })
  const { rows, metadata } = write
  const [row] = rows
  if (rows.length === 1 && row !== undefined) {
    const { ifSeq, skipUnchanged } = row
    const options = { ...(ifSeq === undefined ? {} : { ifSeq }), ...(skipUnchanged === undefined ? {} : { skipUnchanged }), metadata }
    const table = db.table(row.table)
    if (row.kind === 'patch') return table.patch(row.key, row.set, options)
    if (row.kind === 'softDelete') return table.softDelete(row.key, options)
    return row.kind === 'insert' ? table.insert(row.document, options) : table.upsert(row.document, options)
  }
  const operations = rows.map((write) => {
    const { table, ifSeq, skipUnchanged } = write
    const conditions = { ...(ifSeq === undefined ? {} : { ifSeq }), ...(skipUnchanged === undefined ? {} : { skipUnchanged }) }
    if (write.kind === 'patch') return { patch: table, key: write.key, set: write.set, ...conditions }
    if (write.kind === 'softDelete') return { softDelete: table, key: write.key, ...conditions }
    return write.kind === 'insert'
      ? { insert: table, document: write.document, ...conditions }
      : { upsert: table, document: write.document, ...conditions }
  })
  return db.batch(operations, { metadata })
}

/** Rows of one table by identity of their key. */
export type Rows = Map<string, { readonly key: Key; readonly document: Document; readonly seq: number }>
export type ReadonlyRows = ReadonlyMap<string, { readonly key: Key; readonly document: Document; readonly seq: number }>

/** Equal keys have one name: `1` and `1n` are one key, `1` and `"1"` are two. */
export function keyName(key: Key): string {
  return `${typeof key === 'bigint' ? 'number' : typeof key}:${String(key)}`
}

export class Oracle {
  readonly commits: OracleCommit[] = []
  readonly tables: string[] = []
  readonly #present = new Map<string, Rows>()
  readonly #lastSeqs = new Map<string, number>()
  /** Answers of {@link once}: what was up to a seq that is taken never changes. */
  readonly #answers = new Map<string, unknown>()

  /** What a write must do next; nothing changes yet. */
  expect(write: Write): Expected {
    const firstSeq = this.lastSeq + 1
    if ('create' in write) {
      if (this.tables.includes(write.create)) return { code: 'DRIFT_ALREADY_EXISTS', index: 0 }
      return { code: undefined, commit: { firstSeq, seq: firstSeq, count: 1 }, events: [] }
    }
    // Names are looked up while the write is encoded, before anything is validated.
    const unknown = write.rows.findIndex((row) => !this.tables.includes(row.table))
    if (unknown >= 0) return { code: 'DRIFT_UNKNOWN_TABLE', index: unknown }
    // Rows that this very write changes; null: deleted.
    const changed = new Map<string, { seq: number; document: Document | null }>()
    const events: OracleEvent[] = []
    for (const [index, row] of write.rows.entries()) {
      const { table, kind } = row
      const key = 'key' in row ? row.key : (row.document['id'] as Key)
      const name = `${table}/${keyName(key)}`
      const before =
        changed.get(name)?.document ?? (changed.has(name) ? null : (this.#present.get(table)?.get(keyName(key))?.document ?? null))
      const lastSeq = changed.get(name)?.seq ?? this.#lastSeqs.get(name) ?? 0
      if (row.ifSeq !== undefined && row.ifSeq !== lastSeq) return { code: 'DRIFT_WRITE_CONFLICT', index }
      if (kind === 'insert' && before !== null) return { code: 'DRIFT_ALREADY_EXISTS', index }
      if ((kind === 'patch' || kind === 'softDelete') && before === null) return { code: 'DRIFT_KEY_NOT_FOUND', index }
      const seq = firstSeq + events.length
      const after = kind === 'softDelete' ? null : kind === 'patch' ? { ...before, ...row.set } : row.document
      if (row.skipUnchanged === true && kind !== 'softDelete' && before !== null && isDeepStrictEqual(before, after)) continue
      const payload = kind === 'softDelete' ? null : kind === 'patch' ? row.set : row.document
      events.push({ seq, table, key, event: kind === 'softDelete' ? 'SOFT_DELETE' : kind === 'patch' ? 'PATCH' : 'INSERT', payload })
      changed.set(name, { seq, document: after })
    }
    return { code: undefined, commit: { firstSeq, seq: firstSeq + events.length - 1, count: events.length }, events }
  }

  /** Takes a write that the database took; `time` is its commit's. */
  take(write: Write, time: number): void {
    const expected = this.expect(write)
    if (expected.code !== undefined) throw new Error(`the oracle refuses this: ${expected.code}`)
    if ('create' in write) this.tables.push(write.create)
    const { firstSeq, seq, count } = expected.commit
    if (count === 0) return
    const metadata = 'create' in write ? null : (write.metadata ?? null)
    this.commits.push({ firstSeq, seq, time, metadata, events: expected.events })
    for (const event of expected.events) {
      const rows = this.#present.get(event.table) ?? new Map()
      this.#present.set(event.table, rows)
      apply(rows, event)
      this.#lastSeqs.set(`${event.table}/${keyName(event.key)}`, event.seq)
    }
  }

  /** A new oracle with the commits up to `seq`; `writes` are those that made this one, in order, with their times. */
  static of(writes: readonly { readonly write: Write; readonly time: number }[], seq: number): Oracle {
    const oracle = new Oracle()
    for (const { write, time } of writes) {
      const expected = oracle.expect(write)
      if (expected.code === undefined && expected.commit.seq <= seq) oracle.take(write, time)
      else if (expected.code === undefined) break
    }
    return oracle
  }

  get lastSeq(): number {
    return this.commits.at(-1)?.seq ?? 0
  }

  /** The last commit's end at or before `seq`. */
  pointAt(seq: number): { seq: number; time: number } {
    const commit = this.commits.findLast((candidate) => candidate.seq <= seq)
    return { seq: commit?.seq ?? 0, time: commit?.time ?? 0 }
  }

  /** The last commit's end at or before `time`. */
  pointAtTime(time: number): number {
    return this.commits.findLast((candidate) => candidate.time <= time)?.seq ?? 0
  }

  /** The events of each key up to `seq`, by its name. */
  eventsOf(table: string, seq: number): Map<string, (OracleEvent & { commit: OracleCommit })[]> {
    const events = new Map<string, (OracleEvent & { commit: OracleCommit })[]>()
    for (const commit of this.commits) {
      if (commit.seq > seq) break
      for (const event of commit.events) {
        if (event.table !== table) continue
        const name = keyName(event.key)
        const known = events.get(name)
        if (known === undefined) events.set(name, [{ ...event, commit }])
        else known.push({ ...event, commit })
      }
    }
    return events
  }

  keysOf(table: string): readonly Key[] {
    return this.#once(`keys of ${table}`, this.lastSeq, () => {
      const keys = new Map<string, Key>()
      for (const { events } of this.commits) {
        for (const event of events) if (event.table === table) keys.set(keyName(event.key), event.key)
      }
      return [...keys.values()]
    })
  }

  /** Columns of a table after the commits up to `seq`. */
  columns(table: string, seq: number): readonly ColumnInfo[] {
    return this.#once(`columns of ${table}`, seq, () => {
      const made = this.commits.filter((commit) => commit.events.length === 0)[this.tables.indexOf(table)]
      const documents = this.commits.flatMap(({ events }) =>
        events.flatMap((event) => (event.table === table && event.payload !== null ? [{ seq: event.seq, document: event.payload }] : []))
      )
      return naiveColumns('id', made?.seq ?? Infinity, documents, seq)
    })
  }

  /** Rows of a table after the commits up to `seq`, in key order. */
  rows(table: string, seq: number): ReadonlyRows {
    return this.#once(`rows of ${table}`, seq, () => {
      const rows: Rows = new Map()
      for (const commit of this.commits) {
        if (commit.seq > seq) break
        for (const event of commit.events) if (event.table === table) apply(rows, event)
      }
      return new Map([...rows].sort(([, a], [, b]) => compareKeys(a.key, b.key)))
    })
  }

  /** Folds once for a seq that is taken: a database is compared at every seq again and again. */
  #once<Answer>(what: string, seq: number, fold: () => Answer): Answer {
    if (seq > this.lastSeq) return fold()
    const name = `${what} at ${seq}`
    if (!this.#answers.has(name)) this.#answers.set(name, fold())
    return this.#answers.get(name) as Answer
  }
}

export function apply(rows: Rows, { event, key, payload, seq }: OracleEvent): void {
  const name = keyName(key)
  if (event === 'SOFT_DELETE') rows.delete(name)
  else if (event === 'INSERT') rows.set(name, { key, document: payload ?? {}, seq })
  else rows.set(name, { key, document: { ...rows.get(name)?.document, ...payload }, seq })
}

/** boolean < number < string; strings by their UTF-8 bytes. */
export function compareKeys(a: Key, b: Key): number {
  const rank = (key: Key) => (typeof key === 'boolean' ? 0 : typeof key === 'string' ? 2 : 1)
  if (rank(a) !== rank(b)) return rank(a) - rank(b)
  if (typeof a === 'string' && typeof b === 'string') return Buffer.compare(Buffer.from(a), Buffer.from(b))
  return a < b ? -1 : a > b ? 1 : 0
}

/** What differs, or undefined. Said in words, so that thousands of comparisons cost no assertion each. */
export type Difference = string | undefined

/** Compares every row of every table, point reads and counts, at one seq. */
export function differenceAt(db: Database, oracle: Oracle, seq: number): Difference {
  using view = db.asOf({ seq })
  const point = oracle.pointAt(seq)
  if (view.seq !== point.seq) return `asOf(${seq}).seq is ${view.seq}, expected ${point.seq}`
  if (view.time !== point.time) return `asOf(${seq}).time is ${view.time}, expected ${point.time}`
  for (const table of oracle.tables) {
    const found = rowsDifference(view.table(table), oracle, table, point.seq, `asOf(${seq})`)
    if (found !== undefined) return found
  }
  return undefined
}

/** The same for the present. */
export function differenceNow(db: Database, oracle: Oracle): Difference {
  if (db.lastSeq !== oracle.lastSeq) return `lastSeq is ${db.lastSeq}, expected ${oracle.lastSeq}`
  for (const table of oracle.tables) {
    const found = rowsDifference(db.table(table), oracle, table, oracle.lastSeq, 'now')
    if (found !== undefined) return found
  }
  return undefined
}

function rowsDifference(view: TableView, oracle: Oracle, table: string, seq: number, where: string): Difference {
  const rows = oracle.rows(table, seq)
  const columns = view.columns()
  const expectedColumns = oracle.columns(table, seq)
  if (!isDeepStrictEqual(columns, expectedColumns))
    return `${where}: columns of ${table} are ${show(columns)}, expected ${show(expectedColumns)}`
  const count = view.count()
  if (count !== rows.size) return `${where}: count of ${table} is ${count}, expected ${rows.size}`
  for (const key of oracle.keysOf(table)) {
    const expected = rows.get(keyName(key))
    const found = view.get(key)
    if (!isDeepStrictEqual(found, expected?.document))
      return `${where}: ${table}[${String(key)}] is ${show(found)}, expected ${show(expected?.document)}`
    if (view.has(key) !== (expected !== undefined)) return `${where}: has ${table}[${String(key)}] is ${view.has(key)}`
  }
  return undefined
}

/** Every event of every key, with time, payload, document and metadata, and the entry of each. */
export function historyDifference(db: Database, oracle: Oracle, seq: number): Difference {
  using view = db.asOf({ seq })
  for (const table of oracle.tables) {
    const eventsByKey = oracle.eventsOf(table, oracle.pointAt(seq).seq)
    for (const key of oracle.keysOf(table)) {
      const where = `asOf(${seq}): history of ${table}[${String(key)}]`
      const events = eventsByKey.get(keyName(key)) ?? []
      const found = [...view.table(table).history(key)]
      if (found.length !== events.length) return `${where} has ${found.length} events, expected ${events.length}`
      const rows: Rows = new Map()
      for (const [index, event] of events.entries()) {
        apply(rows, event)
        const document = rows.get(keyName(key))?.document ?? null
        const { time, metadata } = event.commit
        const expected = { seq: event.seq, time, event: event.event, payload: event.payload, document, metadata }
        const entry = found[index]
        const plain = entry && { ...entry, payload: entry.payload, document: entry.document, metadata: entry.metadata }
        if (!isDeepStrictEqual(plain, expected)) return `${where}: event ${index} is ${show(plain)}, expected ${show(expected)}`
      }
      const reversed = [...view.table(table).history(key, { reverse: true, limit: 2 })].map((entry) => entry.seq)
      const expectedReversed = events
        .map((event) => event.seq)
        .reverse()
        .slice(0, 2)
      if (!isDeepStrictEqual(reversed, expectedReversed)) return `${where}, reversed: ${show(reversed)}, expected ${show(expectedReversed)}`
      const row = rows.get(keyName(key))
      const last = events.at(-1)
      const expectedEntry =
        row === undefined || last === undefined
          ? undefined
          : { document: row.document, seq: last.seq, time: last.commit.time, metadata: last.commit.metadata }
      const entry = view.table(table).entry(key)
      if (!isDeepStrictEqual(entry, expectedEntry)) return `${where}: entry is ${show(entry)}, expected ${show(expectedEntry)}`
    }
  }
  return undefined
}

export type Bounds = {
  readonly gt?: Key
  readonly gte?: Key
  readonly lt?: Key
  readonly lte?: Key
  readonly reverse?: boolean
  readonly limit?: number
}

export async function scanDifference(db: Database, oracle: Oracle, table: string, seq: number, bounds: Bounds): Promise<Difference> {
  using view = db.asOf({ seq })
  const { gt, gte, lt, lte, reverse = false, limit = Infinity } = bounds
  let expected = [...oracle.rows(table, oracle.pointAt(seq).seq).values()].filter(
    ({ key }) =>
      (gt === undefined || compareKeys(key, gt) > 0) &&
      (gte === undefined || compareKeys(key, gte) >= 0) &&
      (lt === undefined || compareKeys(key, lt) < 0) &&
      (lte === undefined || compareKeys(key, lte) <= 0)
  )
  if (reverse) expected = expected.reverse()
  expected = expected.slice(0, limit)
  const where = `asOf(${seq}): scan of ${table} ${show(bounds)}`
  const rows = await collect(view.table(table).scan(bounds))
  if (
    !isDeepStrictEqual(
      rows,
      expected.map(({ document }) => document)
    )
  )
    return `${where} is ${show(rows)}, expected ${show(expected)}`
  const keys = await collect(view.table(table).keys(bounds))
  if (
    !isDeepStrictEqual(
      keys.map(keyName),
      expected.map(({ key }) => keyName(key))
    )
  )
    return `${where}: keys are ${show(keys)}`
  return undefined
}

export function show(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? `${inner}n` : inner)) ?? 'undefined'
}

export async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = []
  for await (const item of items) all.push(item)
  return all
}
