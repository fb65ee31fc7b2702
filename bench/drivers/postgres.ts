/** PostgreSQL as a private server on a socket: durable defaults, a history table, named prepared statements, set-based commits. */
import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, renameSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname } from 'node:path'
import type { Question } from '../questions/question.js'
import { foldedHistory, type Version } from '../workloads/versions.js'
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
import { programPath, runToEnd, ServerProcess, versionFolders } from './server-process.js'
import { answerOfRows, columnsOf, questionText } from './sql-questions.js'
import { indexStatements, twoTables } from './two-tables.js'

type Row = { readonly [column: string]: unknown }
type Parameter = Value | readonly Value[]
type Client = {
  readonly connect: () => Promise<unknown>
  readonly query: {
    (text: string): Promise<{ readonly rows: readonly Row[] }>
    (statement: { name?: string; text: string; values: readonly Parameter[] }): Promise<{ readonly rows: readonly Row[] }>
  }
  readonly end: () => Promise<void>
}
type TypeParser = (text: string) => unknown
type PgModule = {
  readonly Client: new (options: {
    host: string
    user: string
    database: string
    types: { getTypeParser: (oid: number, format?: string) => TypeParser }
  }) => Client
  readonly types: { readonly getTypeParser: (oid: number, format?: string) => TypeParser }
}

/** Rows of one statement of a load. */
const LOAD_ROWS = 10_000
const USER = 'postgres'
/** Types whose values the client would give as text, since they may be past 2^53; ours are not. */
const INT8 = 20
const NUMERIC = 1700
/** Questions about a share of a table; statements are of all sorts, and most gain by being planned once. */
const planned: readonly Question['kind'][] = ['sum', 'group', 'series', 'filter', 'top', 'changes']
const settings = {
  listen_addresses: '',
  shared_buffers: '1GB',
  work_mem: '256MB',
  max_connections: '100',
  jit: 'off',
  fsync: 'on',
  synchronous_commit: 'on',
  wal_compression: 'off'
}

const tables = twoTables((number) => `$${number}`)

export const postgres: PeerKind = {
  name: 'postgres',
  title: 'PostgreSQL',
  isServer: true,
  missing: () => {
    if (!hasPackage('pg')) return 'pg is not installed; `make bench` installs it'
    if (programOf('postgres') === undefined || programOf('initdb') === undefined) return 'no PostgreSQL; `apt-get install postgresql`'
    return programPath('setpriv', []) === undefined ? 'no setpriv; `apt-get install util-linux`' : undefined
  },
  setup: async () => {
    const version = execFileSync(programOf('postgres') ?? 'postgres', ['--version'], { encoding: 'utf8' })
    const number = /\d[\d.]*/.exec(version)?.[0] ?? version.trim()
    return `PostgreSQL ${number}, pg ${packageVersion('pg')}: own server, shared_buffers 1 GB, work_mem 256 MB, synchronous_commit; present and history table`
  },
  open: async (options) => PostgresPeer.open(options)
}

class PostgresPeer implements Peer {
  readonly servers: readonly number[]
  readonly #server: ServerProcess
  readonly #connection: Connection
  readonly #connections: readonly Connection[]
  readonly #shapes: readonly TableShape[]
  #commit = commitsFromNow()

  private constructor(server: ServerProcess, connections: readonly Connection[], shapes: readonly TableShape[]) {
    const [first] = connections
    if (first === undefined) throw new Error('no connection')
    this.servers = [server.pid]
    this.#server = server
    this.#connection = first
    this.#connections = connections
    this.#shapes = shapes
  }

  static async open({ directory, tables: shapes, callers }: OpenOptions): Promise<PostgresPeer> {
    const { Client, types } = await peerPackage<PgModule>('pg')
    const data = `${directory}/postgres`
    const server = await startedServer(data)
    const getTypeParser = (oid: number, format?: string): TypeParser =>
      oid === INT8 || oid === NUMERIC ? Number : types.getTypeParser(oid, format)
    const connections: Connection[] = []
    for (let caller = 0; caller < callers; caller++) {
      const client = new Client({ host: data, user: USER, database: 'postgres', types: { getTypeParser } })
      await client.connect()
      connections.push(new Connection(client))
    }
    return new PostgresPeer(server, connections, shapes)
  }

  async create(): Promise<void> {
    for (const shape of this.#shapes) {
      const columns = shape.columns.map(({ name, type }) => `${name} ${typeOf(type)} NOT NULL`).join(', ')
      await this.#connection.run(`CREATE TABLE ${shape.name} (${columns}, valid_from BIGINT NOT NULL, PRIMARY KEY (${shape.key}))`)
      await this.#connection.run(`CREATE TABLE ${shape.name}_history (${columns}, valid_from BIGINT NOT NULL, valid_to BIGINT NOT NULL,
        PRIMARY KEY (${shape.key}, valid_from))`)
    }
  }

  async ingest(commits: Iterable<Commit>): Promise<void> {
    let number = 0
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

  /** A statement for each kind of change, and one for each set of fields that are patched; a key is changed once at most. */
  async #apply(shape: TableShape, changes: readonly Change[], commit: number): Promise<void> {
    const { name, key } = shape
    const inserts: Document[] = []
    const deletes: Value[] = []
    const ended: Value[] = []
    const patches = new Map<string, (Change & { kind: 'patch' })[]>()
    for (const change of changes.map((one) => asPatch(one, shape))) {
      if (change.kind === 'insert') {
        inserts.push(change.document)
        continue
      }
      ended.push(change.key)
      if (change.kind === 'delete') {
        deletes.push(change.key)
        continue
      }
      const fields = Object.keys(change.set).join()
      const same = patches.get(fields)
      if (same === undefined) patches.set(fields, [change])
      else same.push(change)
    }
    const keys = `$1::${typeOf(shape.columns.find((column) => column.name === key)?.type)}[]`
    if (inserts.length > 0) {
      const text = `INSERT INTO ${name} SELECT *, $${shape.columns.length + 1}::bigint FROM ${unnested(shape, columnsOf(shape))}`
      await this.#connection.execute(text, [...columnsOf(shape).map((column) => inserts.map((row) => row[column] ?? '')), commit])
    }
    if (ended.length > 0) {
      const list = columnsOf(shape).join(', ')
      const text = `INSERT INTO ${name}_history SELECT ${list}, valid_from, $2::bigint FROM ${name} WHERE ${key} = ANY(${keys})`
      await this.#connection.execute(text, [ended, commit])
    }
    if (deletes.length > 0) await this.#connection.execute(`DELETE FROM ${name} WHERE ${key} = ANY(${keys})`, [deletes])
    for (const group of patches.values()) {
      const fields = Object.keys(group[0]?.set ?? {})
      const assignments = fields.map((field) => `${field} = patch.${field}`).join(', ')
      const text = `UPDATE ${name} SET ${assignments}, valid_from = $${fields.length + 2}::bigint
        FROM ${unnested(shape, [key, ...fields])} AS patch(${[key, ...fields].join(', ')}) WHERE ${name}.${key} = patch.${key}`
      const values = fields.map((field) => group.map(({ set }) => set[field] ?? ''))
      await this.#connection.execute(text, [group.map((patch) => patch.key), ...values, commit])
    }
  }

  async load(workload: Workload): Promise<void> {
    for (const { shape, keys } of foldedHistory(workload).tables.values()) {
      const sorted = [...keys.keys()].toSorted((a, b) => (a < b ? -1 : 1))
      const versions = sorted.flatMap((key) => keys.get(key) ?? [])
      const integers = ['valid_from', 'valid_to']
      await this.#connection.run('BEGIN')
      await this.#insertAll(
        shape,
        shape.name,
        ['valid_from'],
        versions.filter(({ to }) => to === Infinity)
      )
      await this.#insertAll(
        shape,
        `${shape.name}_history`,
        integers,
        versions.filter(({ to }) => to !== Infinity)
      )
      await this.#connection.run('COMMIT')
    }
  }

  async #insertAll(shape: TableShape, table: string, validity: readonly string[], versions: readonly Version[]): Promise<void> {
    const text = `INSERT INTO ${table} SELECT * FROM ${unnested(shape, [...columnsOf(shape), ...validity])}`
    for (let first = 0; first < versions.length; first += LOAD_ROWS) {
      const some = versions.slice(first, first + LOAD_ROWS)
      const columns = columnsOf(shape).map((name) => some.map(({ document }) => document[name] ?? ''))
      const bounds = [some.map(({ from }) => from), some.map(({ to }) => to)]
      await this.#connection.execute(text, [...columns, ...bounds.slice(0, validity.length)])
    }
  }

  async upkeep(): Promise<void> {
    for (const shape of this.#shapes) for (const text of indexStatements(shape)) await this.#connection.run(text)
    await this.#connection.run('VACUUM ANALYZE')
    await this.#connection.run('CHECKPOINT')
  }

  prepare(question: Question): () => unknown {
    const { text, parameters } = questionText(question, this.#shapes, tables)
    // The plan of a named statement is soon one for any values: right for a key, wrong for a share of a table.
    if (planned.includes(question.kind)) return async () => this.#connection.ask(text, parameters)
    return async () => this.#connection.execute(text, parameters)
  }

  answer(question: Question, result: unknown): unknown {
    return answerOfRows(question, result as readonly Row[])
  }

  async insert(table: string, document: Document, caller: number): Promise<void> {
    const columns = columnsOf(shapeNamed(this.#shapes, table))
    const places = [...columns, 'valid_from'].map((_, index) => `$${index + 1}`).join(', ')
    const connection = this.#connections[caller] ?? this.#connection
    await connection.execute(`INSERT INTO ${table} VALUES (${places})`, [...columns.map((name) => document[name] ?? ''), ++this.#commit])
  }

  /** One statement, and so one transaction: both parts of it see the row as it was. */
  async patch(table: string, key: Value, set: Document): Promise<void> {
    const shape = shapeNamed(this.#shapes, table)
    const assignments = Object.keys(set).map((name, index) => `${name} = $${index + 3}`)
    const text = `WITH past AS (
        INSERT INTO ${table}_history SELECT ${columnsOf(shape).join(', ')}, valid_from, $2::bigint FROM ${table} WHERE ${shape.key} = $1)
      UPDATE ${table} SET ${assignments.join(', ')}, valid_from = $2::bigint WHERE ${shape.key} = $1`
    await this.#connection.execute(text, [key, ++this.#commit, ...Object.values(set)])
  }

  async close(): Promise<void> {
    for (const connection of this.#connections) await connection.close()
    await this.#server.stop()
  }
}

/** A connection that prepares a statement when it first meets its text. */
class Connection {
  readonly #client: Client
  readonly #names = new Map<string, string>()

  constructor(client: Client) {
    this.#client = client
  }

  async run(text: string): Promise<void> {
    await this.#client.query(text)
  }

  /** Planned for these values. */
  async ask(text: string, values: readonly Parameter[]): Promise<readonly Row[]> {
    return (await this.#client.query({ text, values })).rows
  }

  async execute(text: string, values: readonly Parameter[]): Promise<readonly Row[]> {
    const name = this.#names.get(text) ?? `s${this.#names.size}`
    this.#names.set(text, name)
    return (await this.#client.query({ name, text, values })).rows
  }

  async close(): Promise<void> {
    await this.#client.end()
  }
}

/** Columns as arrays, one parameter each from `$1`; a column that the shape does not have is a number. */
function unnested(shape: TableShape, names: readonly string[]): string {
  const types = names.map((name) => typeOf(shape.columns.find((column) => column.name === name)?.type ?? 'integer'))
  return `unnest(${types.map((type, index) => `$${index + 1}::${type}[]`).join(', ')})`
}

function typeOf(type: 'text' | 'integer' | 'float' | undefined): string {
  return type === 'integer' ? 'bigint' : type === 'float' ? 'double precision' : 'text'
}

function programOf(name: string): string | undefined {
  return programPath(
    name,
    versionFolders('/usr/lib/postgresql').map((folder) => `${folder}/bin`)
  )
}

/** Started over the data in a folder, which is made if it is not there. */
async function startedServer(data: string): Promise<ServerProcess> {
  const initdb = programOf('initdb')
  const program = programOf('postgres')
  if (initdb === undefined || program === undefined) throw new Error('no PostgreSQL')
  // It refuses to run as root: Debian's own user for it must reach the folder, and nobody else.
  const user = process.getuid?.() === 0 ? USER : undefined
  if (user !== undefined) letThrough(dirname(data))
  if (!existsSync(data)) {
    const unfinished = `${data}-unfinished`
    mkdirSync(unfinished, { mode: 0o700 })
    if (user !== undefined) execFileSync('chown', [`${user}:`, unfinished])
    // Without a locale texts compare by their bytes.
    const parameters = ['-D', unfinished, '-U', USER, '-A', 'trust', '--locale=C', '--encoding=UTF8', '--no-instructions', '--no-sync']
    await runToEnd(initdb, parameters, user)
    renameSync(unfinished, data)
  }
  const options = Object.entries({ ...settings, unix_socket_directories: data }).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  return ServerProcess.start({
    ...(user === undefined ? {} : { user }),
    program,
    parameters: ['-D', data, ...options],
    ready: 'ready to accept connections',
    stopSignal: 'SIGINT',
    deathSignal: 'SIGQUIT'
  })
}

/** The folder and its parents below the folder of temporary files, which `mkdtemp` makes for the owner alone, can be gone through. */
function letThrough(directory: string): void {
  const roots = [tmpdir(), process.env['BENCH_DIRECTORY'] ?? tmpdir()]
  for (let folder = directory; !roots.includes(folder) && folder !== dirname(folder); folder = dirname(folder)) {
    const { mode } = statSync(folder)
    if (folder === directory || roots.some((root) => folder.startsWith(`${root}/`))) chmodSync(folder, mode | 0o001)
  }
}
