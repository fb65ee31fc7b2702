/**
 * LMDB in this process, by lmdb-js: the present under the key, every version under (key, commit) in a second database, so that a past
 * read is one backward step of a cursor; an index of duplicates for a lookup. No query language: the rest is cursors and JavaScript.
 */
import { NotExpressible, type Question } from '../questions/question.js'
import { keyOfChange, type Change, type Commit, type Document, type TableShape, type Value, type Workload } from '../workloads/workload.js'
import { hasPackage, packageVersion, peerPackage } from './peer-package.js'
import { commitsFromNow, type OpenOptions, type Peer, type PeerKind } from './peer.js'

type PastKey = readonly [key: Value, from: number]
type Entry<K, V> = { readonly key: K; readonly value: V }
type Range = { readonly start?: unknown; readonly end?: unknown; readonly reverse?: boolean; readonly limit?: number }
type Store<K, V> = {
  readonly get: (key: K) => V | undefined
  readonly put: (key: K, value: V) => unknown
  readonly remove: (key: K) => unknown
  readonly getRange: (range: Range) => Iterable<Entry<K, V>>
  readonly getKeys: (range: Range) => Iterable<K>
  readonly getValues: (key: K) => Iterable<V>
}
type Environment = {
  readonly openDB: <K, V>(options: object) => Store<K, V>
  readonly transaction: <T>(work: () => T) => Promise<T>
  readonly transactionSync: <T>(work: () => T) => T
  readonly flushed: Promise<unknown>
  readonly close: () => Promise<void>
}
type LmdbModule = { readonly open: (options: object) => Environment }

type Current = { readonly from: number; readonly document: Document }
type Table = {
  readonly shape: TableShape
  readonly present: Store<Value, Current>
  /** `null` from a deletion on. */
  readonly past: Store<PastKey, Document | null>
  readonly byColumn: ReadonlyMap<string, Store<Value, Value>>
}

const IN_FLIGHT = 8
const LOAD_ROWS = 10_000

export const lmdb: PeerKind = {
  name: 'lmdb',
  title: 'LMDB',
  missing: () => (hasPackage('lmdb') ? undefined : 'lmdb is not installed; `make bench` installs it'),
  setup: async () => `lmdb ${packageVersion('lmdb')}: msgpack values, present by key, versions by (key, commit), synced commits`,
  open: async (options) => LmdbPeer.open(options)
}

class LmdbPeer implements Peer {
  readonly #environment: Environment
  readonly #tables: ReadonlyMap<string, Table>
  #commit = commitsFromNow()

  private constructor(environment: Environment, tables: ReadonlyMap<string, Table>) {
    this.#environment = environment
    this.#tables = tables
  }

  static async open({ directory, tables: shapes }: OpenOptions): Promise<LmdbPeer> {
    const { open } = await peerPackage<LmdbModule>('lmdb')
    const environment = open({ path: `${directory}/lmdb`, maxDbs: 64, sharedStructuresKey: Symbol.for('structures') })
    const store = <K, V>(name: string, options: object = {}) =>
      environment.openDB<K, V>({ name, sharedStructuresKey: Symbol.for('structures'), ...options })
    const tables = shapes.map((shape): [string, Table] => [
      shape.name,
      {
        shape,
        present: store(`${shape.name}`),
        past: store(`${shape.name}_past`),
        byColumn: new Map(
          shape.indexes.map((column) => [
            column,
            store<Value, Value>(`${shape.name}_${column}`, { dupSort: true, encoding: 'ordered-binary', sharedStructuresKey: undefined })
          ])
        )
      }
    ])
    return new LmdbPeer(environment, new Map(tables))
  }

  async create(): Promise<void> {
    // Databases are made when they are opened.
  }

  async ingest(commits: Iterable<Commit>): Promise<void> {
    const inFlight: Promise<unknown>[] = []
    let number = 0
    for (const commit of commits) {
      const at = ++number
      inFlight.push(this.#environment.transaction(() => this.#writeAll(commit, at)))
      if (inFlight.length === IN_FLIGHT) await inFlight.shift()
    }
    await Promise.all(inFlight)
    await this.#environment.flushed
  }

  async load(workload: Workload): Promise<void> {
    // One transaction for many commits: nobody waits for a sync.
    let number = 0
    let rows = 0
    let group: (readonly [Commit, number])[] = []
    const write = async () => {
      const commits = group
      group = []
      rows = 0
      await this.#environment.transaction(() => {
        for (const [commit, at] of commits) this.#writeAll(commit, at)
      })
    }
    for (const commit of workload.commits()) {
      group.push([commit, ++number])
      rows += commit.length
      if (rows >= LOAD_ROWS) await write()
    }
    await write()
    await this.#environment.flushed
  }

  async upkeep(): Promise<void> {
    // Nothing to do: its trees are as they are.
  }

  prepare(question: Question): () => unknown {
    if (question.kind === 'statement') throw new NotExpressible('no query language')
    const table = this.#table(question.table)
    switch (question.kind) {
      case 'get': {
        const { key, at } = question
        return at === undefined ? () => table.present.get(key)?.document : () => documentAt(table, key, at)
      }
      case 'history':
        return () => historyOf(table, question)
      case 'sum':
        return () => totals(scan(table, question.at), question.column)
      case 'lookup':
        return () => lookup(table, question)
      default:
        throw new NotExpressible('no query language')
    }
  }

  answer(_question: Question, result: unknown): unknown {
    return result
  }

  async insert(table: string, document: Document): Promise<void> {
    const at = ++this.#commit
    await this.#environment.transaction(() => this.#write({ kind: 'insert', table, document }, at))
    await this.#environment.flushed
  }

  async patch(table: string, key: Value, set: Document): Promise<void> {
    const at = ++this.#commit
    await this.#environment.transaction(() => this.#write({ kind: 'patch', table, key, set }, at))
    await this.#environment.flushed
  }

  async close(): Promise<void> {
    await this.#environment.close()
  }

  #table(name: string): Table {
    const table = this.#tables.get(name)
    if (table === undefined) throw new Error(`no table ${name}`)
    return table
  }

  #writeAll(commit: Commit, at: number): void {
    for (const change of commit) this.#write(change, at)
  }

  #write(change: Change, at: number): void {
    const { shape, present, past, byColumn } = this.#table(change.table)
    if (change.kind === 'delete') {
      present.remove(change.key)
      past.put([change.key, at], null)
      return
    }
    const key = keyOfChange(change, shape)
    const document = change.kind === 'patch' ? { ...present.get(key)?.document, ...change.set } : change.document
    present.put(key, { from: at, document })
    past.put([key, at], document)
    // The indexed columns never change in these workloads, so that one index serves every point.
    if (change.kind === 'insert') for (const [column, index] of byColumn) index.put(document[column] ?? '', key)
  }
}

function documentAt({ past }: Table, key: Value, at: number): Document | undefined {
  for (const { value } of past.getRange({ start: [key, at], end: [key, -1], reverse: true, limit: 1 })) return value ?? undefined
  return undefined
}

/** The documents at a point, by one walk through all versions, or of the present. */
function* scan({ present, past }: Table, at: number | undefined): Generator<Document, void> {
  if (at === undefined) {
    for (const { value } of present.getRange({})) yield value.document
    return
  }
  let key: Value | undefined
  let visible: Document | null = null
  for (const { key: place, value } of past.getRange({})) {
    if (place[0] !== key) {
      if (visible !== null) yield visible
      key = place[0]
      visible = null
    }
    if (place[1] <= at) visible = value
  }
  if (visible !== null) yield visible
}

function historyOf({ past }: Table, { key, last, from = 0, to = Infinity }: Question & { kind: 'history' }): unknown {
  const entries = [...past.getRange({ start: [key, -1], end: [key, Number.MAX_SAFE_INTEGER] })]
  const versions = entries.flatMap(({ key: place, value }, index) =>
    value === null ? [] : [[place[1], entries[index + 1]?.key[1] ?? null, value] as const]
  )
  const within = versions.filter(([began, ended]) => began <= to && (ended ?? Infinity) > from)
  return within.slice(last === undefined ? 0 : -last)
}

function totals(documents: Iterable<Document>, column: string): unknown {
  let count = 0
  let sum = 0
  for (const document of documents) {
    count++
    sum += Number(document[column])
  }
  return { count, sum }
}

function lookup(table: Table, { column, value, at }: Question & { kind: 'lookup' }): unknown {
  const index = table.byColumn.get(column)
  if (index === undefined) throw new NotExpressible(`no index on ${column}`)
  const rows: (Document | undefined)[] = []
  for (const key of index.getValues(value)) rows.push(at === undefined ? table.present.get(key)?.document : documentAt(table, key, at))
  return rows.filter((row) => row !== undefined)
}
