import type { Key } from '../codec/key-codec.js'
import { DriftError } from '../base/errors.js'
import type { Document, Value } from '../codec/value.js'
import type { Commit } from '../coordinator/commit-pipeline.js'
import type { AskedPoint, Coordinator, ReadPoint } from '../coordinator/coordinator.js'
import type { Select, Statement } from '../query/ast.js'
import { commandsOf, type Command } from '../query/command.js'
import type { Parameters } from '../query/parameters.js'
import { PlanCache } from '../query/plan-cache.js'
import type { QuerySource } from '../query/query-source.js'
import { objectsOf, pointOf, runSelect, type ResultColumn } from '../query/run-statement.js'
import { resolved } from './point.js'
import { keyRange, TableView } from './view.js'

/** What one statement gave. Rows are made as they are pulled, once. */
export type StatementResult = {
  readonly command: 'SELECT' | 'SHOW DRIFT' | 'INSERT' | 'UPSERT' | 'PATCH' | 'SOFT DELETE' | 'CREATE TABLE'
  /** Empty for `SELECT *`: its rows are the documents as they are. */
  readonly columns: readonly ResultColumn[]
  readonly rows: Iterable<Document>
  /** Of a statement that writes. */
  readonly commit: Commit | undefined
  readonly notices: readonly string[]
}

export type ScriptOptions = {
  readonly parameters?: Parameters
  /** Where tables without their own AS OF are read; writes are READ_ONLY meanwhile. */
  readonly asOf?: AskedPoint
  readonly dialect?: 'drift' | 'sql'
  readonly strict?: boolean
}

const HISTORY_COLUMNS: readonly ResultColumn[] = ['seq', 'time', 'event', 'payload', 'document', 'metadata'].map((name) => ({
  name,
  nullable: name === 'payload' || name === 'document' || name === 'metadata'
}))

/** Runs the statements of a script one after the other; the first that fails ends it. One per database: it keeps the plans. */
export class ScriptRunner {
  readonly #coordinator: Coordinator
  readonly #plans = new PlanCache()

  constructor(coordinator: Coordinator) {
    this.#coordinator = coordinator
  }

  async *run(text: string, options: ScriptOptions = {}): AsyncGenerator<StatementResult, void> {
    for (const statement of this.#plans.statements(text, options.dialect ?? 'drift')) {
      yield statement.kind === 'select' ? this.#select(statement, options) : await this.#command(statement, options)
    }
  }

  #select(statement: Select, options: ScriptOptions): StatementResult {
    const parameters = options.parameters ?? []
    const asked = pointOf(statement, parameters)
    const point = this.#point(asked === undefined ? (options.asOf ?? { kind: 'now' }) : resolved(asked, this.#coordinator.now()), options)
    const result = runSelect(statement, sourceAt(this.#coordinator, point.seq), parameters)
    return {
      command: 'SELECT',
      columns: result.columns,
      rows: objectsOf(result),
      commit: undefined,
      notices: point.notice === undefined ? [] : [point.notice]
    }
  }

  #point(point: AskedPoint, options: ScriptOptions): ReadPoint {
    return this.#coordinator.readPoint(point, options.strict ?? false)
  }

  async #command(statement: Exclude<Statement, Select>, options: ScriptOptions): Promise<StatementResult> {
    const commands = commandsOf(statement, options.parameters ?? [])
    const first = commands[0]
    if (first !== undefined && 'showDrift' in first) return this.#history(first.showDrift, options)
    if (options.asOf !== undefined && options.asOf.kind !== 'now') {
      throw new DriftError('READ_ONLY', 'what is read at a past point cannot be written', { statement: statement.kind })
    }
    if (first !== undefined && 'createTable' in first) return this.#createTable(first.createTable)
    const set = this.#coordinator.writeSet()
    for (const command of commands) addWrite(set, this.#coordinator, command)
    const commit = await this.#coordinator.commit(set, { metadata: new Uint8Array(0) })
    return { command: commandName(statement), columns: [], rows: [], commit, notices: [] }
  }

  #history(asked: { readonly table: string; readonly key: Value }, options: ScriptOptions): StatementResult {
    const point = this.#point(options.asOf ?? { kind: 'now' }, options)
    const view = new TableView(this.#coordinator, asked.table, () => point.seq)
    const rows = function* (): Generator<Document, void> {
      for (const { seq, time, event, payload, document, metadata } of view.history(asked.key as Key)) {
        yield { seq, time: new Date(time), event, payload, document, metadata }
      }
    }
    const notices = point.notice === undefined ? [] : [point.notice]
    return { command: 'SHOW DRIFT', columns: HISTORY_COLUMNS, rows: rows(), commit: undefined, notices }
  }

  async #createTable(asked: Extract<Command, { createTable: unknown }>['createTable']): Promise<StatementResult> {
    const { name, primaryKey, ifNotExists } = asked
    const exists = ifNotExists && this.#coordinator.hasTable(name)
    const indexes = asked.indexes.map((columns) => ({ name: `${name}_${columns.join('_')}_idx`, columns }))
    if (exists) await this.#coordinator.untilVisible(name)
    const commit = exists ? undefined : await this.#coordinator.createTable(name, primaryKey, indexes)
    const notices = exists ? [`table ${JSON.stringify(name)} exists already`] : []
    return { command: 'CREATE TABLE', columns: [], rows: [], commit, notices }
  }
}

type WriteSet = ReturnType<Coordinator['writeSet']>

function addWrite(set: WriteSet, coordinator: Coordinator, command: Command): void {
  if ('insert' in command) set.document('insert', coordinator.table(command.insert), command.document)
  else if ('upsert' in command) set.document('upsert', coordinator.table(command.upsert), command.document)
  else if ('patch' in command) set.patch(coordinator.table(command.patch), command.key, command.set)
  else if ('softDelete' in command) set.softDelete(coordinator.table(command.softDelete), command.key)
}

function commandName(statement: Exclude<Statement, Select>): StatementResult['command'] {
  switch (statement.kind) {
    case 'insert':
      return 'INSERT'
    case 'upsert':
      return 'UPSERT'
    case 'patch':
      return 'PATCH'
    case 'soft-delete':
      return 'SOFT DELETE'
    case 'create-table':
      return 'CREATE TABLE'
    case 'show-drift':
      return 'SHOW DRIFT'
    case 'not-supported':
      throw new DriftError('NOT_SUPPORTED', `${statement.statement} is not executed yet`, { statement: statement.statement })
  }
}

/** The database at one seq, as the query room reads it. */
function sourceAt(coordinator: Coordinator, at: number): QuerySource {
  return {
    primaryKey: (table) => coordinator.table(table).definition.primaryKey,
    get: (table, key) => coordinator.table(table).get(key, at),
    *scan(table, range) {
      const state = coordinator.table(table)
      for (const { version } of state.scan(keyRange(range), at)) {
        const document = state.frames.document(version)
        if (document !== undefined) yield document
      }
    }
  }
}
