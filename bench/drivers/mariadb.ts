/**
 * MariaDB as a private server on a socket, with its own system versioning: the history in a partition of its own, as its manual advises,
 * and `FOR SYSTEM_TIME` in the questions. Commit n of a workload is made at second n of an epoch, so that a time finds a commit.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, renameSync } from 'node:fs'
import { userInfo } from 'node:os'
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
import type { OpenOptions, Peer, PeerKind } from './peer.js'
import { programPath, runToEnd, ServerProcess } from './server-process.js'
import { answerOfRows, columnsOf, FOREVER, questionText, type SqlText, type VersionTables } from './sql-questions.js'

type Row = { readonly [column: string]: unknown }
type Prepared = { readonly execute: (values: readonly Value[]) => Promise<readonly Row[]> }
type Connection = {
  readonly query: (text: string) => Promise<unknown>
  readonly batch: (text: string, rows: readonly (readonly Value[])[]) => Promise<unknown>
  readonly prepare: (text: string) => Promise<Prepared>
  readonly end: () => Promise<void>
}
type MariadbModule = {
  readonly createConnection: (options: {
    socketPath: string
    user: string
    bigIntAsNumber: boolean
    decimalAsNumber: boolean
    checkNumberRange: boolean
    prepareCacheLength: number
  }) => Promise<Connection>
}

/** Rows of one statement of a load. */
const LOAD_ROWS = 10_000
/** Unix second of commit 0; in the past, so that what is written without a time of its own comes after. */
const EPOCH = 1_000_000_000
/** What `row_end` is of a version that has not ended. */
const NEVER = '2038-01-19 03:14:07.999999'
const sbin = ['/usr/sbin', '/usr/local/sbin']

const tables: VersionTables = {
  // Its own is a question mark without a number: `positional` makes it so.
  placeholder: (number) => `?${number}`,
  series: 'join',
  division: 'DIV',
  now: ({ name }) => name,
  // The indexes of `upkeep` are for windows of changes. Its optimizer also takes them for half a table, at several times the cost of a scan.
  at: ({ name }, _columns, point) =>
    `${name} FOR SYSTEM_TIME AS OF ${timeOf(point)} AS ${name}_at IGNORE INDEX (${name}_row_start, ${name}_row_end)`,
  all: ({ name }, columns) => `(SELECT ${columns.join(', ')}, ${commitOf('row_start')} AS valid_from,
      CASE WHEN row_end = TIMESTAMP '${NEVER}' THEN ${FOREVER} ELSE ${commitOf('row_end')} END AS valid_to
    FROM ${name} FOR SYSTEM_TIME ALL) AS ${name}_all`,
  getAt: (shape, key, point) =>
    `SELECT ${columnsOf(shape).join(', ')} FROM ${shape.name} FOR SYSTEM_TIME AS OF ${timeOf(point)} WHERE ${shape.key} = ${key}`,
  changed: ({ name, key }, from, to) => {
    const [first, last] = [timeOf(from), timeOf(to)]
    const touched = (bound: string) => `SELECT ${key}, row_start <= ${first} AND row_end > ${first} AS existed,
        row_start <= ${last} AND row_end > ${last} AS present FROM ${name} FOR SYSTEM_TIME ALL WHERE ${bound} > ${first} AND ${bound} <= ${last}`
    return `(SELECT ${key} AS "key", MAX(existed) AS existed, MAX(present) AS present FROM (
        ${touched('row_start')} UNION ALL ${touched('row_end')}) AS touched GROUP BY ${key}) AS changed WHERE existed + present > 0`
  }
}

export const mariadb: PeerKind = {
  name: 'mariadb',
  title: 'MariaDB',
  isServer: true,
  missing: () => {
    if (!hasPackage('mariadb')) return 'mariadb is not installed; `make bench` installs it'
    if (programPath('mariadbd', sbin) === undefined || programPath('mariadb-install-db', []) === undefined)
      return 'no MariaDB; `apt-get install mariadb-server`'
    return programPath('setpriv', []) === undefined ? 'no setpriv; `apt-get install util-linux`' : undefined
  },
  setup: async () => {
    const version = execFileSync(programPath('mariadbd', sbin) ?? 'mariadbd', ['--version'], { encoding: 'utf8' })
    const number = /Ver (\d[\d.]*)/.exec(version)?.[1] ?? version.trim()
    return `MariaDB ${number}, mariadb ${packageVersion('mariadb')}: own server, buffer pool 1 GB, flush_log_at_trx_commit = 1; system versioning, partitioned by it`
  },
  open: async (options) => MariadbPeer.open(options)
}

class MariadbPeer implements Peer {
  readonly servers: readonly number[]
  readonly #server: ServerProcess
  readonly #connection: Connection
  readonly #connections: readonly Connection[]
  readonly #shapes: readonly TableShape[]
  readonly #prepared = new Map<Connection, Map<string, Promise<Prepared>>>()

  private constructor(server: ServerProcess, connections: readonly Connection[], shapes: readonly TableShape[]) {
    const [first] = connections
    if (first === undefined) throw new Error('no connection')
    this.servers = [server.pid]
    this.#server = server
    this.#connection = first
    this.#connections = connections
    this.#shapes = shapes
  }

  static async open({ directory, tables: shapes, callers }: OpenOptions): Promise<MariadbPeer> {
    const { createConnection } = await peerPackage<MariadbModule>('mariadb')
    const data = `${directory}/mariadb`
    const server = await startedServer(data)
    const numbers = { bigIntAsNumber: true, decimalAsNumber: true, checkNumberRange: true }
    const connections: Connection[] = []
    for (let caller = 0; caller < callers; caller++) {
      const connection = await createConnection({ socketPath: `${data}/socket`, user: 'root', ...numbers, prepareCacheLength: 0 })
      await connection.query('CREATE DATABASE IF NOT EXISTS bench')
      await connection.query('USE bench')
      connections.push(connection)
    }
    return new MariadbPeer(server, connections, shapes)
  }

  async create(): Promise<void> {
    for (const { name, key, columns, indexes } of this.#shapes) {
      // A key is kept short; the primary key gets `row_end` of the server's own accord.
      const short = [key, ...indexes]
      const list = columns.map((column) => {
        return `${column.name} ${typeOf(column.type, short.includes(column.name) ? 64 : 255)} NOT NULL`
      })
      await this.#connection.query(`CREATE TABLE ${name} (${list.join(', ')},
          row_start TIMESTAMP(6) GENERATED ALWAYS AS ROW START INVISIBLE, row_end TIMESTAMP(6) GENERATED ALWAYS AS ROW END INVISIBLE,
          PERIOD FOR SYSTEM_TIME (row_start, row_end), PRIMARY KEY (${key}))
        ENGINE = InnoDB WITH SYSTEM VERSIONING PARTITION BY SYSTEM_TIME (PARTITION past HISTORY, PARTITION present CURRENT)`)
    }
  }

  async ingest(commits: Iterable<Commit>): Promise<void> {
    let number = 0
    for (const commit of commits) {
      number++
      await this.#connection.query(`SET @@timestamp = ${EPOCH + number}`)
      await this.#connection.query('BEGIN')
      for (const shape of this.#shapes) {
        const changes = commit.filter(({ table }) => table === shape.name)
        if (changes.length > 0) await this.#apply(shape, changes)
      }
      await this.#connection.query('COMMIT')
    }
    await this.#connection.query('SET @@timestamp = DEFAULT')
  }

  /** Inserts and deletes in bulk, one message each; the patches of the same fields as one statement over a table of JSON. */
  async #apply(shape: TableShape, changes: readonly Change[]): Promise<void> {
    const bulks = new Map<string, Value[][]>()
    const patches = new Map<string, Value[][]>()
    const add = (groups: Map<string, Value[][]>, text: string, row: readonly Value[]): void => {
      const rows = groups.get(text)
      if (rows === undefined) groups.set(text, [[...row]])
      else rows.push([...row])
    }
    for (const change of changes.map((one) => asPatch(one, shape))) {
      if (change.kind === 'patch') {
        add(patches, patchesText(shape, Object.keys(change.set)), [change.key, ...Object.values(change.set)])
        continue
      }
      const { text, parameters } = changeText(shape, change)
      add(bulks, text, parameters)
    }
    for (const [text, rows] of bulks) await this.#connection.batch(text, rows)
    for (const [text, rows] of patches) await this.#execute(this.#connection, text, [JSON.stringify(rows)])
  }

  async load(workload: Workload): Promise<void> {
    // The server's own way to restore a history: the times of a version are given.
    await this.#connection.query('SET system_versioning_insert_history = 1')
    for (const { shape, keys } of foldedHistory(workload).tables.values()) {
      const columns = columnsOf(shape)
      const places = columns.map(() => '?').join(', ')
      const text = `INSERT INTO ${shape.name} (${columns.join(', ')}, row_start, row_end) VALUES (${places}, ?, ?)`
      const rows = [...keys.keys()]
        .toSorted((a, b) => (a < b ? -1 : 1))
        .flatMap((key) => keys.get(key) ?? [])
        .map(({ from, to, document }) => [...columns.map((name) => document[name] ?? ''), timeText(from), timeText(to)])
      for (let first = 0; first < rows.length; first += LOAD_ROWS) {
        await this.#connection.query('BEGIN')
        await this.#connection.batch(text, rows.slice(first, first + LOAD_ROWS))
        await this.#connection.query('COMMIT')
      }
    }
    await this.#connection.query('SET system_versioning_insert_history = 0')
  }

  async upkeep(): Promise<void> {
    for (const { name, indexes } of this.#shapes) {
      for (const column of indexes)
        await this.#connection.query(`CREATE INDEX ${name}_${column} ON ${name} (${column}, row_end, row_start)`)
      for (const bound of ['row_start', 'row_end']) await this.#connection.query(`CREATE INDEX ${name}_${bound} ON ${name} (${bound})`)
      await this.#connection.query(`ANALYZE TABLE ${name}`)
    }
  }

  prepare(question: Question): () => unknown {
    const { text, parameters } = positional(questionText(question, this.#shapes, tables))
    return async () => this.#execute(this.#connection, text, parameters)
  }

  answer(question: Question, result: unknown): unknown {
    return answerOfRows(question, result as readonly Row[])
  }

  async insert(table: string, document: Document, caller: number): Promise<void> {
    const { text, parameters } = changeText(shapeNamed(this.#shapes, table), { kind: 'insert', table, document })
    await this.#execute(this.#connections[caller] ?? this.#connection, text, parameters)
  }

  /** An UPDATE is all: the server keeps the version that it ends. */
  async patch(table: string, key: Value, set: Document): Promise<void> {
    const { text, parameters } = changeText(shapeNamed(this.#shapes, table), { kind: 'patch', table, key, set })
    await this.#execute(this.#connection, text, parameters)
  }

  async close(): Promise<void> {
    for (const connection of this.#connections) await connection.end()
    await this.#server.stop()
  }

  async #execute(connection: Connection, text: string, parameters: readonly Value[]): Promise<readonly Row[]> {
    const statements = this.#prepared.get(connection) ?? new Map<string, Promise<Prepared>>()
    this.#prepared.set(connection, statements)
    const statement = statements.get(text) ?? connection.prepare(text)
    statements.set(text, statement)
    return (await statement).execute(parameters)
  }
}

function typeOf(type: 'text' | 'integer' | 'float', length = 255): string {
  return type === 'integer' ? 'BIGINT' : type === 'float' ? 'DOUBLE' : `VARCHAR(${length})`
}

function changeText({ name, key, columns }: TableShape, change: Exclude<Change, { kind: 'upsert' }>): SqlText {
  switch (change.kind) {
    case 'insert': {
      const names = columns.map((column) => column.name)
      const text = `INSERT INTO ${name} (${names.join(', ')}) VALUES (${names.map(() => '?').join(', ')})`
      return { text, parameters: names.map((column) => change.document[column] ?? '') }
    }
    case 'patch': {
      const assignments = Object.keys(change.set).map((column) => `${column} = ?`)
      return {
        text: `UPDATE ${name} SET ${assignments.join(', ')} WHERE ${key} = ?`,
        parameters: [...Object.values(change.set), change.key]
      }
    }
    case 'delete':
      return { text: `DELETE FROM ${name} WHERE ${key} = ?`, parameters: [change.key] }
  }
}

/** Patches of these fields, each of them an array: the key, then the fields. */
function patchesText({ name, key, columns }: TableShape, fields: readonly string[]): string {
  const list = [key, ...fields].map((field, index) => {
    const type = columns.find((column) => column.name === field)?.type ?? 'text'
    return `${field} ${typeOf(type)} PATH '$[${index}]'`
  })
  const assignments = fields.map((field) => `${name}.${field} = patch.${field}`).join(', ')
  return `UPDATE JSON_TABLE(?, '$[*]' COLUMNS (${list.join(', ')})) AS patch
    STRAIGHT_JOIN ${name} ON ${name}.${key} = patch.${key} SET ${assignments}`
}

/** Parameters in the order in which the text names them, each as often as it does. */
function positional({ text, parameters }: SqlText): SqlText {
  const ordered: Value[] = []
  const marks = text.replaceAll(/\?(\d+)/g, (_, number: string) => {
    const value = parameters[Number(number) - 1]
    if (value === undefined) throw new Error(`no parameter ${number}`)
    ordered.push(value)
    return '?'
  })
  return { text: marks, parameters: ordered }
}

/** The time of a commit, and back, in SQL. */
function timeOf(commit: string): string {
  return `FROM_UNIXTIME(${EPOCH} + ${commit})`
}

function commitOf(time: string): string {
  return `CAST(UNIX_TIMESTAMP(${time}) AS SIGNED) - ${EPOCH}`
}

function timeText(commit: number): string {
  if (commit === Infinity) return NEVER
  return new Date((EPOCH + commit) * 1000).toISOString().replace('T', ' ').replace('Z', '')
}

/** Started over the data in a folder, which is made if it is not there. */
async function startedServer(data: string): Promise<ServerProcess> {
  const program = programPath('mariadbd', sbin)
  const install = programPath('mariadb-install-db', [])
  if (program === undefined || install === undefined) throw new Error('no MariaDB')
  const account = `--user=${userInfo().username}`
  if (!existsSync(data)) {
    const unfinished = `${data}-unfinished`
    await runToEnd(install, [
      '--no-defaults',
      `--datadir=${unfinished}`,
      account,
      '--auth-root-authentication-method=normal',
      '--skip-test-db'
    ])
    renameSync(unfinished, data)
  }
  const temporary = `${data}-tmp`
  mkdirSync(temporary, { recursive: true })
  const settings = {
    socket: `${data}/socket`,
    // One server cleans what another has in a shared one.
    tmpdir: temporary,
    'tmp-table-size': '256M',
    'max-heap-table-size': '256M',
    // Hash joins.
    'join-cache-level': '4',
    'join-buffer-size': '64M',
    'join-buffer-space-limit': '256M',
    'innodb-flush-log-at-trx-commit': '1',
    'innodb-buffer-pool-size': '1G',
    'character-set-server': 'utf8mb4',
    // Texts compare by their bytes, ends of blanks too.
    'collation-server': 'utf8mb4_nopad_bin',
    'sql-mode': 'ANSI_QUOTES,PIPES_AS_CONCAT,STRICT_TRANS_TABLES',
    'default-time-zone': '+00:00'
  }
  const options = Object.entries(settings).map(([name, value]) => `--${name}=${value}`)
  return ServerProcess.start({
    program,
    parameters: ['--no-defaults', `--datadir=${data}`, account, '--skip-networking', ...options],
    ready: 'ready for connections',
    stopSignal: 'SIGTERM',
    deathSignal: 'SIGKILL'
  })
}
