/** DriftDB through its public API, with its defaults. */
import { readFileSync, writeFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { open, type BatchOperation, type Database } from 'driftdb'
import { bihStatement } from '../questions/bih-statements.js'
import { NotExpressible, type Question } from '../questions/question.js'
import type { Change, Commit, Document, TableShape, Value, Workload } from '../workloads/workload.js'
import type { OpenOptions, Peer, PeerKind } from './peer.js'

/** Commits that are under way at once: a call gets its place when it is made, and its promise resolves when it is durable. */
const IN_FLIGHT = 8
/** Between two looks at the pages, and how long they must have been the same: at least, and where scans are no quicker than the first. */
const LOOK_MS = 20
const STILL_MS = { least: 200, pages: 2000, none: 5000 }
const QUICKER = 8

export const driftdb: PeerKind = {
  name: 'driftdb',
  title: 'DriftDB',
  missing: () => undefined,
  setup: async () => 'defaults: durability full; reads by key on the caller, statements prepared',
  open: async (options) => DriftPeer.open(options)
}

/** The same after COMPACT of every table. */
export const driftdbCompacted: PeerKind = {
  ...driftdb,
  name: 'driftdb-compacted',
  title: 'DriftDB after COMPACT',
  setup: async () => 'the same files after COMPACT and SNAPSHOT of every table'
}

/** Questions that are not one statement of their own kind's text. */
type Prepared = 'get' | 'history' | 'series' | 'changes' | 'change-counts'

type HistoryEntry = { readonly seq: number; readonly event: string; readonly document: unknown }

class DriftPeer implements Peer {
  readonly #db: Database
  readonly #shapes: readonly TableShape[]
  readonly #pointsPath: string
  /** Seq of the last event of each commit; the seq before the first one at 0. */
  readonly #points: number[]

  private constructor(db: Database, shapes: readonly TableShape[], pointsPath: string, points: number[]) {
    this.#db = db
    this.#shapes = shapes
    this.#pointsPath = pointsPath
    this.#points = points
  }

  static async open({ directory, tables }: OpenOptions): Promise<DriftPeer> {
    const path = `${directory}/points.json`
    const db = await open(`${directory}/db`)
    const points = db.lastSeq === 0 ? [] : (JSON.parse(readFileSync(path, 'utf8')) as number[])
    return new DriftPeer(db, tables, path, points)
  }

  async create(tables: readonly TableShape[]): Promise<void> {
    for (const { name, key } of tables) await this.#db.createTable(name, { primaryKey: key })
    this.#points.push(this.#db.lastSeq)
    this.#savePoints()
  }

  async ingest(commits: Iterable<Commit>): Promise<void> {
    const inFlight: Promise<unknown>[] = []
    let last = this.#points.at(-1) ?? 0
    for (const commit of commits) {
      inFlight.push(this.#db.batch(commit.map(operationOf)))
      last += commit.length
      this.#points.push(last)
      if (inFlight.length === IN_FLIGHT) await inFlight.shift()
    }
    await Promise.all(inFlight)
    if (this.#db.lastSeq !== last) throw new Error(`expected seq ${last}, found ${this.#db.lastSeq}`)
    this.#savePoints()
  }

  async load(workload: Workload): Promise<void> {
    await this.ingest(workload.commits())
  }

  /** As the others make theirs: behind the load. */
  async upkeep(): Promise<void> {
    await this.#makeIndexes()
  }

  /** Where they are made already, they are made again behind an opening: this waits for them. */
  async #makeIndexes(): Promise<void> {
    for (const { name, indexes } of this.#shapes)
      for (const column of indexes) await this.#db.createIndex(name, column, { ifNotExists: true })
  }

  async compact(): Promise<void> {
    await this.#db.compact()
  }

  async snapshot(): Promise<void> {
    await this.#db.snapshot()
  }

  /**
   * The first scan of a table begins to make its version pages, and reads documents meanwhile: until pages take no more room, and scans
   * got quicker or a while is over.
   */
  async settle(): Promise<number> {
    await this.#makeIndexes()
    const scans = this.#shapes.map(({ name, columns }) => this.#db.prepare(`SELECT COUNT(${columns.at(-1)?.name ?? ''}) AS n FROM ${name}`))
    const round = async () => {
      const began = performance.now()
      for (const scan of scans) await scan.all([])
      return performance.now() - began
    }
    const first = await round()
    let bytes = this.#db.stats().pageBytes
    let changed = performance.now()
    for (;;) {
      // Scans would keep a core from what is waited for.
      await setTimeout(LOOK_MS)
      const { pageBytes } = this.#db.stats()
      const now = performance.now()
      if (pageBytes !== bytes) changed = now
      bytes = pageBytes
      if (now - changed < STILL_MS.least) continue
      const enough = bytes > 0 ? STILL_MS.pages : STILL_MS.none
      if (now - changed >= enough || (await round()) < first / QUICKER) return changed
    }
  }

  prepare(question: Question): () => unknown {
    switch (question.kind) {
      case 'get':
        return this.#preparedGet(question)
      case 'history':
        return this.#preparedHistory(question)
      case 'series':
        return this.#preparedSeries(question)
      case 'changes':
      case 'change-counts':
        return this.#preparedChanges(question)
      default:
        return this.#preparedQuery(question)
    }
  }

  #preparedGet({ table, key, at }: Question & { kind: 'get' }): () => unknown {
    if (at === undefined) {
      const rows = this.#db.table(table)
      return () => rows.get(key)
    }
    const seq = this.#seq(at)
    return () => {
      using view = this.#db.asOf({ seq })
      return view.table(table).get(key)
    }
  }

  #preparedHistory({ table, key, last, from = 0, to = Infinity }: Question & { kind: 'history' }): () => unknown {
    const rows = this.#db.table(table)
    // One event more: it says when the oldest of them began, or that a row was deleted.
    const options = last === undefined ? {} : { reverse: true, limit: last }
    const first = this.#seq(from)
    const end = to === Infinity ? Infinity : this.#seq(to)
    return () => {
      const entries: HistoryEntry[] = []
      for (const { seq, event, document } of rows.history(key, options)) {
        if (seq <= end) entries.push({ seq, event, document })
      }
      if (last !== undefined) return entries.toReversed()
      // What was there at the beginning of the window is in it.
      const begun = entries.findLastIndex(({ seq }) => seq <= first)
      return entries.slice(Math.max(0, begun))
    }
  }

  /** Points that lie evenly in seqs are one statement, others one each. */
  #preparedSeries({ table, by, column, points }: Question & { kind: 'series' }): () => unknown {
    const list = by.join(', ')
    const seqs = points.map((at) => this.#seq(at))
    const [first = 0, second = first] = seqs
    const last = seqs.at(-1) ?? first
    const step = second - first
    if (step > 0 && seqs.every((seq, index) => seq === first + index * step)) {
      const span = `EACH ${step} SEQ BETWEEN @seq:${first} AND @seq:${last}`
      const statement = this.#db.prepare<unknown[], Document>(
        `SELECT _at, ${list}, COUNT(*) AS count, SUM(${column}) AS sum FROM ${table} FOR SYSTEM_TIME ${span} GROUP BY _at, ${list}`
      )
      return async () => statement.all([])
    }
    const statement = this.#db.prepare<[string], Document>(
      `SELECT ${list}, COUNT(*) AS count, SUM(${column}) AS sum FROM ${table} AS OF $1 GROUP BY ${list}`
    )
    return async () => {
      const rows: unknown[] = []
      for (const at of points) for (const row of await statement.all([this.#point(at)])) rows.push({ point: at, ...row })
      return rows
    }
  }

  #preparedChanges({ kind, table, from, to }: Question & { kind: 'changes' | 'change-counts' }): () => unknown {
    const diff = `FROM DIFF(${table}, $1, $2)`
    const statement = this.#db.prepare<unknown[], Document>(
      kind === 'changes' ? `SELECT _key, _change ${diff}` : `SELECT _change AS change, COUNT(*) AS count ${diff} GROUP BY _change`
    )
    const points = [this.#point(from), this.#point(to)]
    return async () => statement.all(points)
  }

  #preparedQuery(question: Exclude<Question, { kind: Prepared }>): () => unknown {
    const { text, parameters } = this.#text(question)
    const statement = this.#db.prepare<unknown[], Document>(text)
    return async () => statement.all(parameters)
  }

  #text(question: Exclude<Question, { kind: Prepared }>): { text: string; parameters: unknown[] } {
    if (question.kind === 'statement') {
      const statement = bihStatement(question)
      if (statement.driftQL === undefined) throw new NotExpressible(statement.notInDriftQL)
      const relation = (table: string, at: number | undefined) => (at === undefined ? table : `${table} AS OF @seq:${this.#seq(at)}`)
      return { text: statement.driftQL(relation, (commit) => this.#seq(commit)), parameters: [] }
    }
    const { table, at } = question
    const parameters: unknown[] = []
    const parameter = (value: unknown) => `$${parameters.push(value)}`
    const from = at === undefined ? table : `${table} AS OF ${parameter(this.#point(at))}`
    switch (question.kind) {
      case 'sum':
        return { text: `SELECT COUNT(*) AS count, SUM(${question.column}) AS sum FROM ${from}`, parameters }
      case 'group': {
        const by = question.by.join(', ')
        return { text: `SELECT ${by}, COUNT(*) AS count, SUM(${question.column}) AS sum FROM ${from} GROUP BY ${by}`, parameters }
      }
      case 'filter': {
        const least = question.from === undefined ? '' : `${question.column} >= ${parameter(question.from)} AND `
        return { text: `SELECT * FROM ${from} WHERE ${least}${question.column} < ${parameter(question.below)}`, parameters }
      }
      case 'lookup':
        return { text: `SELECT * FROM ${from} WHERE ${question.column} = ${parameter(question.value)}`, parameters }
      case 'top': {
        const key = this.#db.tables().find(({ name }) => name === table)?.primaryKey ?? ''
        const ties = question.distinct === true ? '' : `, ${key}`
        const order = `ORDER BY ${question.column} DESC${ties} LIMIT ${question.count}`
        return { text: `SELECT ${key} AS key, ${question.column} AS value FROM ${from} ${order}`, parameters }
      }
    }
  }

  answer(question: Question, result: unknown): unknown {
    if (question.kind === 'sum') return (result as unknown[])[0]
    if (question.kind === 'changes') return (result as Document[]).map(({ _key, _change }) => [_key, _change])
    // What the others call by the number of the commit.
    if (question.kind === 'series') {
      return (result as Document[]).map(({ _at: seq, ...row }) =>
        seq === undefined ? row : { ...row, point: this.#commitOf(Number(seq)) }
      )
    }
    if (question.kind === 'statement') {
      return (result as Document[]).map((row) =>
        row['began'] === undefined ? row : { ...row, began: this.#commitOf(Number(row['began'])) }
      )
    }
    if (question.kind === 'history') return this.#versions(result as HistoryEntry[], question)
    return result
  }

  /** Entries of a history as versions: an event ends the version before it. */
  #versions(entries: readonly HistoryEntry[], { key, table, to = Infinity }: Question & { kind: 'history' }): unknown {
    return entries.flatMap(({ seq, event, document }, index) => {
      if (event === 'SOFT_DELETE') return []
      const next = entries[index + 1]?.seq ?? (to === Infinity ? undefined : this.#nextEvent(table, key, seq))
      return [[this.#commitOf(seq), next === undefined ? null : this.#commitOf(next), document]]
    })
  }

  #nextEvent(table: string, key: Value, after: number): number | undefined {
    for (const { seq } of this.#db.table(table).history(key)) if (seq > after) return seq
    return undefined
  }

  async insert(table: string, document: Document): Promise<void> {
    await this.#db.table(table).insert(document)
  }

  async patch(table: string, key: Value, set: Document): Promise<void> {
    await this.#db.table(table).patch(key, set)
  }

  async close(): Promise<void> {
    await this.#db.close()
  }

  #point(commit: number): string {
    return `@seq:${this.#seq(commit)}`
  }

  #seq(commit: number): number {
    return this.#points[commit] ?? this.#points.at(-1) ?? 0
  }

  #commitOf(seq: number): number {
    let low = 0
    let high = this.#points.length - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#points[middle] ?? 0) < seq) low = middle + 1
      else high = middle
    }
    return low
  }

  #savePoints(): void {
    writeFileSync(this.#pointsPath, JSON.stringify(this.#points))
  }
}

export function operationOf(change: Change): BatchOperation {
  switch (change.kind) {
    case 'insert':
      return { insert: change.table, document: change.document }
    case 'patch':
      return { patch: change.table, key: change.key, set: change.set }
    case 'upsert':
      return { upsert: change.table, document: change.document }
    case 'delete':
      return { softDelete: change.table, key: change.key }
  }
}
