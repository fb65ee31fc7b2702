/** INSERT, UPSERT, PATCH, UPDATE, DELETE and SOFT DELETE: what they come to is read, then committed, or added to the open transaction. */
import { DriftError } from '../base/errors.js'
import { decodeDocument, encodeDocument } from '../codec/document-codec.js'
import type { Commit } from '../coordinator/commit-pipeline.js'
import type { Coordinator } from '../coordinator/coordinator.js'
import type { Transaction } from '../coordinator/transaction.js'
import type { Batch } from '../expression/batch.js'
import { beginsWith } from '../planner/index-candidate.js'
import type { Parameters } from '../expression/parameters.js'
import {
  collectWrites,
  readingOf,
  returningSelect,
  type CollectedWrites,
  type Write,
  type WriteContext,
  type WriteStatement
} from '../executor/collect-writes.js'
import type { Select } from '../parser/ast.js'
import type { QuerySource } from '../relation/query-source.js'
import { runSelect } from '../executor/run-select.js'
import type { Control } from './control.js'
import { lockWritten } from './locked-write.js'
import { sourceAt } from './query-source.js'
import { done, given, running, type CommandName, type RunningStatement, type StatementOptions } from './running-statement.js'
import type { SessionState } from './session.js'
import { StatementPages } from './statement-pages.js'
import { refuseAtPast, type StatementReading, wantIndexes } from './statement-reading.js'
import { transactionSource } from './transaction-source.js'
import { writeInTransaction } from './transaction-statements.js'

/** A statement that reads and then writes is run again where another commit came between, this often at most. */
const ATTEMPTS_MAX = 50

/** Runs statements that write. */
export class WriteStatements {
  readonly #coordinator: Coordinator
  readonly #reading: StatementReading
  /** Resolves when the statement that came last to be run again is done. */
  #lastRetry: Promise<void> = Promise.resolve()

  constructor(coordinator: Coordinator, reading: StatementReading) {
    this.#coordinator = coordinator
    this.#reading = reading
  }

  /**
   * Reads at the last visible seq, then commits under the condition that no row has changed since it was read; where one has, all of it is
   * done again at the state after that.
   */
  async run(statement: WriteStatement, options: StatementOptions, session: SessionState, control: Control): Promise<RunningStatement> {
    refuseAtPast(options, session, statement.kind)
    // Also where nothing would be found to be written.
    this.#coordinator.table(statement.table)
    if (session.transaction !== undefined) return this.#ownWrite(statement, options, session, control, session.transaction)
    let passOn = (): void => {}
    try {
      return await this.#attempts(statement, options, session, control, async () => {
        passOn = await this.#turnToRetry()
      })
    } finally {
      passOn()
    }
  }

  /** Statements that ran into each other are run again one by one: each time at least one of them is done. */
  async #turnToRetry(): Promise<() => void> {
    const before = this.#lastRetry
    let passOn = (): void => {}
    this.#lastRetry = new Promise((resolve) => (passOn = resolve))
    await before
    return passOn
  }

  async #attempts(
    statement: WriteStatement,
    options: StatementOptions,
    session: SessionState,
    control: Control,
    turnToRetry: () => Promise<void>
  ): Promise<RunningStatement> {
    const parameters = options.parameters ?? []
    const bytesBefore = control.memory.bytes
    for (let attempt = 1; ; attempt++) {
      control.memory.free(control.memory.bytes - bytesBefore)
      const moment = this.#reading.moment(statement, options, session)
      const pages = new StatementPages(this.#coordinator, session.forced)
      const source = sourceAt(this.#coordinator, moment.present, moment, pages)
      const querySource = (select: Select): QuerySource => this.#reading.readingAt(select, options, session, moment).source
      const collected = await collectedWrites(statement, { source, querySource, parameters, memory: control.memory }, pages, control)
      const set = this.#coordinator.writeSet()
      for (const write of collected.writes) addWrite(set, this.#coordinator, write)
      // Before the commit: what RETURNING is refused for refuses the statement.
      const returned = await returnedBatches(statement, collected, source, parameters, control)
      try {
        const commit = await this.#coordinator.commit(set, { metadata: new Uint8Array(0), signal: options.signal })
        const after = (): QuerySource => sourceAt(this.#coordinator, commit.seq, moment)
        return this.#returned(statement, collected, returned, commit, parameters, control, after)
      } catch (error) {
        if (attempt === ATTEMPTS_MAX || !hasChangedSince(error, collected)) throw error
        if (attempt === 1) await turnToRetry()
        // What came between may not be visible yet: a commit of nothing resolves when it is.
        await this.#coordinator.commit(this.#coordinator.writeSet(), { metadata: new Uint8Array(0) })
        control.check()
      }
    }
  }

  /** The writes that the statement comes to at what the transaction sees are added to the transaction's, all or none. */
  async #ownWrite(
    statement: WriteStatement,
    options: StatementOptions,
    session: SessionState,
    control: Control,
    transaction: Transaction
  ): Promise<RunningStatement> {
    const parameters = options.parameters ?? []
    const bytesBefore = control.memory.bytes
    for (;;) {
      control.memory.free(control.memory.bytes - bytesBefore)
      const view = transaction.view()
      const moment = this.#reading.momentOf(statement, view, options, session)
      const pages = new StatementPages(this.#coordinator, session.forced)
      const source = transactionSource(this.#coordinator, view, moment, pages)
      const own = { ...moment, own: source }
      const querySource = (select: Select): QuerySource => this.#reading.readingAt(select, options, session, own).source
      const collected = await collectedWrites(statement, { source, querySource, parameters, memory: control.memory }, pages, control)
      // From REPEATABLE READ on a row that was written since is refused; here it is waited for, and read again.
      if (transaction.isolation === 'read committed') {
        if (!(await lockWritten(collected.writes, view.at, transaction, this.#coordinator, control))) continue
      }
      const returned = await returnedBatches(statement, collected, source, parameters, control)
      writeInTransaction(this.#coordinator, transaction, collected.writes, view.at)
      const after = (): QuerySource => transactionSource(this.#coordinator, transaction.view(), moment)
      return this.#returned(statement, collected, returned, undefined, parameters, control, after)
    }
  }

  /** `after`: what is there after the write, so that * has the columns that it brought. */
  #returned(
    statement: WriteStatement,
    { rowCount }: CollectedWrites,
    returned: readonly Batch[],
    commit: Commit | undefined,
    parameters: Parameters,
    control: Control,
    after: () => QuerySource
  ): RunningStatement {
    const command = commandOf(statement)
    const returning = 'returning' in statement ? statement.returning : null
    if (returning === null) return done(command, control, commit, rowCount, undefined)
    const run = runSelect(returningSelect(statement.table, returning), after(), parameters, control.memory, { given: [] })
    const batches = given(returned)
    return { ...running(command, { ...run, batches }, control, undefined), commit, writtenRows: rowCount }
  }
}

/** What the statement comes to, once the indexes by which it may find its rows can be read. */
function collectedWrites(
  statement: WriteStatement,
  context: WriteContext,
  pages: StatementPages,
  control: Control
): Promise<CollectedWrites> {
  const collect = (): Promise<CollectedWrites> => control.finish(collectWrites(statement, context))
  const waiting = beginIndexes(statement, context, pages, control)
  return waiting === undefined ? collect() : waiting.then(collect)
}

/** Fewer rows are gone through before an index has caught up with the last commit. */
const INDEXED_FROM_ROWS = 500

/** The indexes by which UPDATE and DELETE may find their rows; undefined where nothing has to be waited for. */
function beginIndexes(
  statement: WriteStatement,
  { source, parameters, memory }: WriteContext,
  pages: StatementPages,
  control: Control
): Promise<void> | undefined {
  if (statement.kind !== 'update' && statement.kind !== 'delete') return undefined
  const definitions = source.indexDefinitions?.(statement.table) ?? []
  if (definitions.length === 0 || source.count(statement.table) < INDEXED_FROM_ROWS) return undefined
  const run = runSelect(readingOf(statement), source, parameters, memory)
  const paths = run.plan.asked?.conditions.map(({ path }) => path) ?? []
  if (!definitions.some((definition) => beginsWith(definition, paths))) return undefined
  wantIndexes(run, pages)
  return pages.indexes.begin(control)
}

type WriteSet = ReturnType<Coordinator['writeSet']>

function addWrite(set: WriteSet, coordinator: Coordinator, write: Write): void {
  if ('insert' in write) set.document('insert', coordinator.table(write.insert), write.document, write)
  else if ('upsert' in write) set.document('upsert', coordinator.table(write.upsert), write.document, write)
  else if ('patch' in write) set.patch(coordinator.table(write.patch), write.key, write.set, write)
  else set.softDelete(coordinator.table(write.softDelete), write.key, write)
}

/** What RETURNING shows of the rows, as they will be stored. */
async function returnedBatches(
  statement: WriteStatement,
  { returned }: CollectedWrites,
  source: QuerySource,
  parameters: Parameters,
  control: Control
): Promise<readonly Batch[]> {
  const items = 'returning' in statement ? statement.returning : null
  if (items === null) return []
  const stored = returned.map((document) => decodeDocument(encodeDocument(document, statement.table)))
  const { batches } = runSelect(returningSelect(statement.table, items), source, parameters, control.memory, { given: stored })
  const kept: Batch[] = []
  const collect = function* (): Generator<void, void> {
    for (const batch of batches) {
      kept.push(batch)
      yield
    }
  }
  await control.finish(collect())
  return kept
}

/** The statement read rows, and one of them is another by now. */
function hasChangedSince(error: unknown, { writes }: CollectedWrites): boolean {
  if (!(error instanceof DriftError) || !writes.some((write) => write.ifSeq !== undefined)) return false
  if (error.code === 'DRIFT_WRITE_CONFLICT') return true
  // A key that came or went meanwhile: its write had a condition.
  return error.code === 'DRIFT_KEY_NOT_FOUND' && writes.every((write) => write.ifSeq !== undefined)
}

function commandOf(statement: WriteStatement): CommandName {
  switch (statement.kind) {
    case 'insert':
      return statement.verb === 'upsert' ? 'UPSERT' : 'INSERT'
    case 'soft-delete':
      return 'SOFT DELETE'
    case 'patch':
      return 'PATCH'
    case 'update':
      return 'UPDATE'
    case 'delete':
      return 'DELETE'
  }
}
