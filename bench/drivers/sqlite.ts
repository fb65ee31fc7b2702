/** SQLite in this process: WAL, `synchronous = FULL`, a history table, prepared statements. */
import type { Question } from '../questions/question.js'
import { foldedHistory } from '../workloads/versions.js'
import {
  asPatch,
  shapeNamed,
  type Change,
  type Commit,
  type Document,
  type TableShape,
  type Value,
  type Workload
} from '../workloads/workload.js'
import { hasPackage, packageVersion, peerPackage } from './peer-package.js'
import { commitsFromNow, type OpenOptions, type Peer, type PeerKind } from './peer.js'
import { answerOfRows, columnsOf, questionText } from './sql-questions.js'
import { indexStatements, twoTables } from './two-tables.js'

type Statement = {
  readonly all: (parameters: { readonly [number: string]: Value }) => { readonly [column: string]: unknown }[]
  readonly run: (...parameters: Value[]) => unknown
}
type Sqlite = {
  readonly exec: (text: string) => unknown
  readonly pragma: (text: string) => unknown
  readonly prepare: (text: string) => Statement
  readonly close: () => unknown
}
type SqliteModule = new (path: string) => Sqlite

export const sqlite: PeerKind = {
  name: 'sqlite',
  title: 'SQLite',
  missing: () => (hasPackage('better-sqlite3') ? undefined : 'better-sqlite3 is not installed; `make bench` installs it'),
  setup: async () =>
    `better-sqlite3 ${packageVersion('better-sqlite3')}: WAL, synchronous = FULL, 256 MiB cache, mmap; present and history table, WITHOUT ROWID`,
  open: async (options) => SqlitePeer.open(options)
}

const tables = twoTables((number) => `?${number}`)

class SqlitePeer implements Peer {
  readonly #db: Sqlite
  readonly #shapes: readonly TableShape[]
  readonly #statements = new Map<string, Statement>()
  #commit = commitsFromNow()

  private constructor(db: Sqlite, shapes: readonly TableShape[]) {
    this.#db = db
    this.#shapes = shapes
  }

  static async open({ directory, tables: shapes }: OpenOptions): Promise<SqlitePeer> {
    const Database = await peerPackage<SqliteModule>('better-sqlite3')
    const db = new Database(`${directory}/db.sqlite`)
    for (const pragma of ['journal_mode = WAL', 'synchronous = FULL', 'cache_size = -262144', 'mmap_size = 4294967296']) db.pragma(pragma)
    db.pragma('temp_store = MEMORY')
    return new SqlitePeer(db, shapes)
  }

  async create(): Promise<void> {
    for (const shape of this.#shapes) {
      const columns = shape.columns.map(({ name, type }) => `${name} ${type === 'float' ? 'REAL' : type.toUpperCase()} NOT NULL`).join(', ')
      this.#db.exec(`CREATE TABLE ${shape.name} (${columns}, valid_from INTEGER NOT NULL, PRIMARY KEY (${shape.key})) WITHOUT ROWID`)
      this.#db.exec(`CREATE TABLE ${shape.name}_history (${columns}, valid_from INTEGER NOT NULL, valid_to INTEGER NOT NULL,
        PRIMARY KEY (${shape.key}, valid_from)) WITHOUT ROWID`)
    }
  }

  async ingest(commits: Iterable<Commit>): Promise<void> {
    let number = 0
    for (const commit of commits) {
      number++
      this.#transaction(() => {
        for (const change of commit) this.#write(change, number)
      })
    }
  }

  async load(workload: Workload): Promise<void> {
    const { tables: versions } = foldedHistory(workload)
    this.#transaction(() => {
      for (const { shape, keys } of versions.values()) {
        const places = shape.columns.map(() => '?').join(', ')
        const present = this.#statement(`INSERT INTO ${shape.name} VALUES (${places}, ?)`)
        const past = this.#statement(`INSERT INTO ${shape.name}_history VALUES (${places}, ?, ?)`)
        for (const key of [...keys.keys()].toSorted((a, b) => (a < b ? -1 : 1))) {
          for (const { from, to, document } of keys.get(key) ?? []) {
            const row = columnsOf(shape).map((name) => document[name] ?? '')
            if (to === Infinity) present.run(...row, from)
            else past.run(...row, from, to)
          }
        }
      }
    })
  }

  async upkeep(): Promise<void> {
    for (const shape of this.#shapes) for (const text of indexStatements(shape)) this.#db.exec(text)
    this.#db.exec('ANALYZE')
    this.#db.pragma('wal_checkpoint(TRUNCATE)')
  }

  prepare(question: Question): () => unknown {
    if (question.kind === 'get' && question.at !== undefined) return this.#preparedPastGet(question.table, question.key, question.at)
    const { text, parameters } = questionText(question, this.#shapes, tables)
    const statement = this.#statement(text)
    // A numbered parameter is a named one to this driver.
    const named = Object.fromEntries(parameters.map((value, index) => [index + 1, value]))
    return () => statement.all(named)
  }

  /** In this process a second statement costs less than a UNION: the present, and only where it is younger, the history. */
  #preparedPastGet(table: string, key: Value, at: number): () => unknown {
    const shape = shapeNamed(this.#shapes, table)
    const list = columnsOf(shape).join(', ')
    const present = this.#statement(`SELECT ${list} FROM ${table} WHERE ${shape.key} = ?1 AND valid_from <= ?2`)
    const past = this.#statement(
      `SELECT ${list} FROM ${table}_history WHERE ${shape.key} = ?1 AND valid_from <= ?2 AND valid_to > ?2 ORDER BY valid_from DESC LIMIT 1`
    )
    const parameters = { 1: key, 2: at }
    return () => {
      const rows = present.all(parameters)
      return rows.length > 0 ? rows : past.all(parameters)
    }
  }

  answer(question: Question, result: unknown): unknown {
    return answerOfRows(question, result as { readonly [column: string]: unknown }[])
  }

  async insert(table: string, document: Document): Promise<void> {
    this.#write({ kind: 'insert', table, document }, ++this.#commit)
  }

  async patch(table: string, key: Value, set: Document): Promise<void> {
    this.#transaction(() => this.#write({ kind: 'patch', table, key, set }, ++this.#commit))
  }

  async close(): Promise<void> {
    this.#db.close()
  }

  #write(given: Change, commit: number): void {
    const shape = shapeNamed(this.#shapes, given.table)
    const change = asPatch(given, shape)
    const columns = columnsOf(shape)
    if (change.kind === 'insert') {
      const row = columns.map((name) => change.document[name] ?? '')
      this.#statement(`INSERT INTO ${shape.name} VALUES (${columns.map(() => '?').join(', ')}, ?)`).run(...row, commit)
      return
    }
    const list = columns.join(', ')
    this.#statement(`INSERT INTO ${shape.name}_history SELECT ${list}, valid_from, ? FROM ${shape.name} WHERE ${shape.key} = ?`).run(
      commit,
      change.key
    )
    if (change.kind === 'delete') {
      this.#statement(`DELETE FROM ${shape.name} WHERE ${shape.key} = ?`).run(change.key)
      return
    }
    const assignments = Object.keys(change.set)
      .map((name) => `${name} = ?`)
      .join(', ')
    this.#statement(`UPDATE ${shape.name} SET ${assignments}, valid_from = ? WHERE ${shape.key} = ?`).run(
      ...Object.values(change.set),
      commit,
      change.key
    )
  }

  #transaction(work: () => void): void {
    this.#statement('BEGIN IMMEDIATE').run()
    try {
      work()
      this.#statement('COMMIT').run()
    } catch (error) {
      this.#statement('ROLLBACK').run()
      throw error
    }
  }

  #statement(text: string): Statement {
    const known = this.#statements.get(text)
    if (known !== undefined) return known
    const statement = this.#db.prepare(text)
    this.#statements.set(text, statement)
    return statement
  }
}
