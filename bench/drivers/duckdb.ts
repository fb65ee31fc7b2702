/** DuckDB in this process, two threads, one table a table with `valid_from` and `valid_to`: columns, zone maps, its appender for loads. */
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
import { answerOfRows, columnsOf, FOREVER, questionText, type VersionTables } from './sql-questions.js'

type Reader = { readonly getRowObjectsJS: () => { readonly [column: string]: unknown }[] }
type Prepared = {
  readonly bindVarchar: (index: number, value: string) => void
  readonly bindBigInt: (index: number, value: bigint) => void
  readonly bindDouble: (index: number, value: number) => void
  readonly runAndReadAll: () => Promise<Reader>
  readonly run: () => Promise<unknown>
}
type Appender = {
  readonly appendVarchar: (value: string) => void
  readonly appendBigInt: (value: bigint) => void
  readonly appendDouble: (value: number) => void
  readonly appendNull: () => void
  readonly endRow: () => void
  readonly flushSync: () => void
  readonly closeSync: () => void
}
type Connection = {
  readonly run: (text: string) => Promise<unknown>
  readonly prepare: (text: string) => Promise<Prepared>
  readonly createAppender: (table: string) => Promise<Appender>
  readonly closeSync: () => void
}
type Instance = { readonly connect: () => Promise<Connection>; readonly closeSync: () => void }
type DuckModule = { readonly DuckDBInstance: { readonly create: (path: string, options: object) => Promise<Instance> } }

export const duckdb: PeerKind = {
  name: 'duckdb',
  title: 'DuckDB',
  missing: () => (hasPackage('duckdb') ? undefined : '@duckdb/node-api is not installed; `make bench` installs it'),
  setup: async () =>
    `@duckdb/node-api ${packageVersion('duckdb')}: 2 threads, one table with valid_from and valid_to, commits from a staged batch; a load in the order of valid_to`,
  open: async (options) => DuckPeer.open(options)
}

const tables: VersionTables = {
  placeholder: (number) => `$${number}`,
  now: ({ name }, columns) => `(SELECT ${columns.join(', ')} FROM ${name} WHERE valid_to = ${FOREVER}) AS ${name}_now`,
  at: ({ name }, columns, point) =>
    `(SELECT ${columns.join(', ')} FROM ${name} WHERE valid_from <= ${point} AND valid_to > ${point}) AS ${name}_at`,
  all: ({ name }) => name,
  // The index on the key serves only a condition on the key alone.
  get: (shape, key) => `${versionsOf(shape, key)} WHERE valid_to = ${FOREVER}`,
  getAt: (shape, key, point) => `${versionsOf(shape, key)} WHERE valid_from <= ${point} AND valid_to > ${point}`,
  // The rows that were there and ended by `to`, the rows that began by then and are there: half of what both states would be.
  changed: ({ name, key }, from, to) => `(
    SELECT COALESCE(before, after) AS key, CASE WHEN before IS NULL THEN 0 ELSE 1 END AS existed,
      CASE WHEN after IS NULL THEN 0 ELSE 1 END AS present
    FROM (SELECT ${key} AS before FROM ${name} WHERE valid_from <= ${from} AND valid_to > ${from} AND valid_to <= ${to}) AS ended
      FULL JOIN (SELECT ${key} AS after FROM ${name} WHERE valid_from > ${from} AND valid_from <= ${to} AND valid_to > ${to}) AS begun
      ON before = after) AS changed`,
  // 32 points of a million versions: 108 ms; a join with the points 364.
  series: 'statements',
  division: '//'
}

function versionsOf(shape: TableShape, key: string): string {
  const columns = columnsOf(shape).join(', ')
  return `WITH versions AS MATERIALIZED (SELECT * FROM ${shape.name} WHERE ${shape.key} = ${key}) SELECT ${columns} FROM versions`
}

class DuckPeer implements Peer {
  readonly #instance: Instance
  readonly #connection: Connection
  readonly #writers: readonly Connection[]
  readonly #shapes: readonly TableShape[]
  readonly #prepared = new Map<string, Promise<Prepared>>()
  #commit = commitsFromNow()

  private constructor(instance: Instance, connections: readonly Connection[], shapes: readonly TableShape[]) {
    const [first] = connections
    if (first === undefined) throw new Error('no connection')
    this.#instance = instance
    this.#connection = first
    this.#writers = connections
    this.#shapes = shapes
  }

  static async open({ directory, tables: shapes, callers }: OpenOptions): Promise<DuckPeer> {
    const { DuckDBInstance } = await peerPackage<DuckModule>('duckdb')
    const instance = await DuckDBInstance.create(`${directory}/db.duckdb`, { threads: '2' })
    const connections: Connection[] = []
    for (let caller = 0; caller < callers; caller++) connections.push(await instance.connect())
    return new DuckPeer(instance, connections, shapes)
  }

  async create(): Promise<void> {
    for (const shape of this.#shapes) {
      const columns = shape.columns.map(({ name, type }) => `${name} ${typeOf(type)}`).join(', ')
      await this.#connection.run(`CREATE TABLE ${shape.name} (${columns}, valid_from BIGINT, valid_to BIGINT)`)
    }
  }

  async ingest(commits: Iterable<Commit>): Promise<void> {
    let number = 0
    for (const shape of this.#shapes) {
      const columns = shape.columns.map(({ name, type }) => `${name} ${typeOf(type)}`).join(', ')
      await this.#connection.run(`CREATE OR REPLACE TEMP TABLE ${shape.name}_staged (kind VARCHAR, ${columns})`)
    }
    for (const commit of commits) {
      number++
      await this.#connection.run('BEGIN')
      for (const shape of this.#shapes) {
        const changes = commit.filter(({ table }) => table === shape.name)
        if (changes.length > 0) await this.#apply(shape, changes, number)
      }
      await this.#connection.run('COMMIT')
    }
  }

  /** The changes staged by the appender, then three statements over the whole batch. */
  async #apply(shape: TableShape, changes: readonly Change[], commit: number): Promise<void> {
    const { name, key } = shape
    const columns = columnsOf(shape)
    await this.#connection.run(`DELETE FROM ${name}_staged`)
    const appender = await this.#connection.createAppender(`${name}_staged`)
    for (const change of changes.map((one) => asPatch(one, shape))) {
      appender.appendVarchar(change.kind)
      const fields: Document =
        change.kind === 'insert' ? change.document : change.kind === 'patch' ? { ...change.set, [key]: change.key } : { [key]: change.key }
      for (const { name: column, type } of shape.columns) appendValue(appender, type, fields[column])
      appender.endRow()
    }
    appender.closeSync()
    const list = columns.join(', ')
    const merged = columns.map((column) => `COALESCE(s.${column}, o.${column})`).join(', ')
    await this.#connection.run(`INSERT INTO ${name} SELECT ${merged}, ${commit}, ${FOREVER} FROM ${name}_staged s
      JOIN ${name} o ON o.${key} = s.${key} AND o.valid_to = ${FOREVER} WHERE s.kind = 'patch'`)
    await this.#connection.run(`UPDATE ${name} SET valid_to = ${commit} FROM ${name}_staged s
      WHERE ${name}.${key} = s.${key} AND ${name}.valid_to = ${FOREVER} AND ${name}.valid_from < ${commit} AND s.kind <> 'insert'`)
    await this.#connection.run(`INSERT INTO ${name} SELECT ${list}, ${commit}, ${FOREVER} FROM ${name}_staged WHERE kind = 'insert'`)
  }

  async load(workload: Workload): Promise<void> {
    for (const { shape, keys } of foldedHistory(workload).tables.values()) {
      const appender = await this.#connection.createAppender(shape.name)
      // By their end: the zone maps then keep the present together, and skip what ended before a point. COUNT and SUM of the present of a
      // million versions take a sixth of what they take by the beginning, those of the middle the same.
      const versions = [...keys.values()].flat().toSorted((a, b) => (a.to === b.to ? a.from - b.from : a.to - b.to))
      for (const { from, to, document } of versions) {
        for (const { name, type } of shape.columns) appendValue(appender, type, document[name])
        appender.appendBigInt(BigInt(from))
        appender.appendBigInt(BigInt(to === Infinity ? FOREVER : to))
        appender.endRow()
      }
      appender.closeSync()
    }
  }

  async upkeep(): Promise<void> {
    // An ART index serves the lookups by value; its scans need none.
    for (const { name, key, indexes } of this.#shapes) {
      for (const column of [key, ...indexes]) await this.#connection.run(`CREATE INDEX ${name}_${column} ON ${name} (${column})`)
    }
    await this.#connection.run('ANALYZE')
    await this.#connection.run('CHECKPOINT')
  }

  prepare(question: Question): () => unknown {
    const { text, parameters } = questionText(question, this.#shapes, tables)
    return async () => {
      const statement = await this.#statement(this.#connection, 0, text)
      bindAll(statement, parameters)
      return (await statement.runAndReadAll()).getRowObjectsJS()
    }
  }

  answer(question: Question, result: unknown): unknown {
    return answerOfRows(question, result as { readonly [column: string]: unknown }[])
  }

  async insert(table: string, document: Document, caller: number): Promise<void> {
    const shape = shapeNamed(this.#shapes, table)
    const columns = columnsOf(shape)
    const connection = this.#writers[caller] ?? this.#connection
    const places = [...columns, 'valid_from', 'valid_to'].map((_, index) => `$${index + 1}`).join(', ')
    const statement = await this.#statement(connection, caller, `INSERT INTO ${table} VALUES (${places})`)
    bindAll(statement, [...columns.map((column) => document[column] ?? ''), ++this.#commit, FOREVER])
    await statement.run()
  }

  async patch(table: string, key: Value, set: Document): Promise<void> {
    const shape = shapeNamed(this.#shapes, table)
    const commit = ++this.#commit
    const fields = Object.keys(set)
    const columns = columnsOf(shape).map((column) => (fields.includes(column) ? `$${fields.indexOf(column) + 2}` : column))
    await this.#connection.run('BEGIN')
    const inserted = await this.#statement(
      this.#connection,
      0,
      `INSERT INTO ${table} SELECT ${columns.join(', ')}, $${fields.length + 2}, ${FOREVER} FROM ${table} WHERE ${shape.key} = $1 AND valid_to = ${FOREVER}`
    )
    bindAll(inserted, [key, ...Object.values(set), commit])
    await inserted.run()
    const ended = await this.#statement(
      this.#connection,
      0,
      `UPDATE ${table} SET valid_to = $2 WHERE ${shape.key} = $1 AND valid_to = ${FOREVER} AND valid_from < $2`
    )
    bindAll(ended, [key, commit])
    await ended.run()
    await this.#connection.run('COMMIT')
  }

  async close(): Promise<void> {
    for (const connection of this.#writers) connection.closeSync()
    this.#instance.closeSync()
  }

  #statement(connection: Connection, caller: number, text: string): Promise<Prepared> {
    const name = `${caller} ${text}`
    const known = this.#prepared.get(name)
    if (known !== undefined) return known
    const statement = connection.prepare(text)
    this.#prepared.set(name, statement)
    return statement
  }
}

type ColumnType = TableShape['columns'][number]['type']

function typeOf(type: ColumnType): string {
  return type === 'text' ? 'VARCHAR' : type === 'float' ? 'DOUBLE' : 'BIGINT'
}

function bindAll(statement: Prepared, parameters: readonly Value[]): void {
  for (const [index, value] of parameters.entries()) {
    if (typeof value === 'string') statement.bindVarchar(index + 1, value)
    else if (Number.isInteger(value)) statement.bindBigInt(index + 1, BigInt(value))
    else statement.bindDouble(index + 1, value)
  }
}

function appendValue(appender: Appender, type: ColumnType, value: Value | undefined): void {
  if (value === undefined) appender.appendNull()
  else if (typeof value === 'string') appender.appendVarchar(value)
  else if (type === 'float') appender.appendDouble(value)
  else appender.appendBigInt(BigInt(value))
}
