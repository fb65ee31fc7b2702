/** DriftDB through its public API, with its defaults. */
import { readFileSync, writeFileSync } from 'node:fs'
import { open, type BatchOperation, type Database } from 'driftdb'
import { bihStatement } from '../questions/bih-statements.js'
import { NotExpressible, type Question } from '../questions/question.js'
import type { Change, Commit, Document, TableShape, Value, Workload } from '../workloads/workload.js'
import type { OpenOptions, Peer, PeerKind } from './peer.js'

/** Commits that are under way at once: a call gets its place when it is made, and its promise resolves when it is durable. */
const IN_FLIGHT = 8

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
  setup: async () => 'the same files after COMPACT of every table'
}

type HistoryEntry = { readonly seq: number; readonly event: string; readonly document: unknown }

class DriftPeer implements Peer {
  readonly #db: Database
  readonly #pointsPath: string
  /** Seq of the last event of each commit; the seq before the first one at 0. */
  readonly #points: number[]

  private constructor(db: Database, pointsPath: string, points: number[]) {
    this.#db = db
    this.#pointsPath = pointsPath
    this.#points = points
  }

  static async open({ directory }: OpenOptions): Promise<DriftPeer> {
    const path = `${directory}/points.json`
    const db = await open(`${directory}/db`)
    const points = db.lastSeq === 0 ? [] : (JSON.parse(readFileSync(path, 'utf8')) as number[])
    return new DriftPeer(db, path, points)
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

  async upkeep(): Promise<void> {
    // Nothing is needed: the defaults must do.
  }

  async compact(): Promise<void> {
    await this.#db.compact()
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

  #preparedSeries({ table, by, column, points }: Question & { kind: 'series' }): () => unknown {
    const list = by.join(', ')
    const statement = this.#db.prepare<[string], Document>(
      `SELECT ${list}, COUNT(*) AS count, SUM(${column}) AS sum FROM ${table} AS OF $1 GROUP BY ${list}`
    )
    return async () => {
      const rows: unknown[] = []
      for (const at of points) for (const row of await statement.all([this.#point(at)])) rows.push({ point: at, ...row })
      return rows
    }
  }

  #preparedChanges({ table, from, to }: Question & { kind: 'changes' }): () => unknown {
    const statement = this.#db.prepare<unknown[], { readonly _key: Value; readonly _change: string }>(
      `SELECT _key, _change FROM DIFF(${table}, $1, $2)`
    )
    const points = [this.#point(from), this.#point(to)]
    return async () => statement.all(points)
  }

  #preparedQuery(question: Exclude<Question, { kind: 'get' | 'history' | 'series' | 'changes' }>): () => unknown {
    const { text, parameters } = this.#text(question)
    const statement = this.#db.prepare<unknown[], Document>(text)
    return async () => statement.all(parameters)
  }

  #text(question: Exclude<Question, { kind: 'get' | 'history' | 'series' | 'changes' }>): { text: string; parameters: unknown[] } {
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
      case 'filter':
        return { text: `SELECT * FROM ${from} WHERE ${question.column} < ${parameter(question.below)}`, parameters }
      case 'lookup':
        return { text: `SELECT * FROM ${from} WHERE ${question.column} = ${parameter(question.value)}`, parameters }
      case 'top': {
        const key = this.#db.tables().find(({ name }) => name === table)?.primaryKey ?? ''
        const order = `ORDER BY ${question.column} DESC, ${key} LIMIT ${question.count}`
        return { text: `SELECT ${key} AS key, ${question.column} AS value FROM ${from} ${order}`, parameters }
      }
    }
  }

  answer(question: Question, result: unknown): unknown {
    if (question.kind === 'sum') return (result as unknown[])[0]
    if (question.kind === 'changes') return (result as Document[]).map(({ _key, _change }) => [_key, _change])
    // What the others call by the number of the commit.
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

function operationOf(change: Change): BatchOperation {
  switch (change.kind) {
    case 'insert':
      return { insert: change.table, document: change.document }
    case 'patch':
      return { patch: change.table, key: change.key, set: change.set }
    case 'delete':
      return { softDelete: change.table, key: change.key }
  }
}
