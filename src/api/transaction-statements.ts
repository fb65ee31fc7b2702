/** BEGIN, COMMIT, ROLLBACK and savepoints, as statements of a session. */
import { DriftError, unreachable } from '../base/errors.js'
import { parseJson } from '../codec/json-codec.js'
import type { Commit } from '../coordinator/commit-pipeline.js'
import type { Coordinator } from '../coordinator/coordinator.js'
import type { OwnWrite } from '../coordinator/own-write.js'
import type { Transaction } from '../coordinator/transaction.js'
import type { Begin, Statement, TransactionStatement } from '../parser/ast.js'
import { valueOf, type Parameters } from '../expression/parameters.js'
import type { Write } from '../executor/collect-writes.js'
import type { SessionState } from './session.js'
import { commitRequest } from './table.js'
import { transactionLimits } from './transaction-options.js'

export type TransactionCommand = 'BEGIN' | 'COMMIT' | 'ROLLBACK' | 'SAVEPOINT' | 'ROLLBACK TO' | 'RELEASE'

export function isTransactionStatement(statement: Statement): statement is TransactionStatement {
  return COMMANDS.has(statement.kind)
}

const COMMANDS: ReadonlyMap<string, TransactionCommand> = new Map([
  ['begin', 'BEGIN'],
  ['commit', 'COMMIT'],
  ['rollback', 'ROLLBACK'],
  ['savepoint', 'SAVEPOINT'],
  ['rollback-to', 'ROLLBACK TO'],
  ['release', 'RELEASE']
])

export function transactionCommand({ kind }: TransactionStatement): TransactionCommand {
  return COMMANDS.get(kind) ?? 'BEGIN'
}

/** Resolves to the commit of a COMMIT. */
export async function runTransactionStatement(
  statement: TransactionStatement,
  session: SessionState,
  coordinator: Coordinator,
  { parameters, signal, timeoutMs }: { parameters: Parameters; signal: AbortSignal | undefined; timeoutMs: number | undefined }
): Promise<Commit | undefined> {
  if (statement.kind === 'begin') {
    begin(statement, session, coordinator, parameters, timeoutMs)
    return undefined
  }
  const { transaction } = session
  const command = transactionCommand(statement)
  if (transaction === undefined) throw new DriftError('TXN_CLOSED', `${command}: no transaction is open here; BEGIN begins one`, {})
  switch (statement.kind) {
    case 'commit': {
      refuseInFunction(session, command)
      const commit = await transaction.commit({ ...session.commitRequest, signal })
      session.transaction = undefined
      return commit
    }
    case 'rollback':
      refuseInFunction(session, command)
      transaction.rollback()
      session.transaction = undefined
      return undefined
    case 'savepoint':
      transaction.savepoint(statement.name)
      return undefined
    case 'rollback-to':
      transaction.rollbackTo(statement.name)
      return undefined
    case 'release':
      transaction.release(statement.name)
      return undefined
    default:
      return unreachable(statement)
  }
}

function begin(
  { isolation, readOnly, metadata }: Begin,
  session: SessionState,
  coordinator: Coordinator,
  parameters: Parameters,
  timeoutMs: number | undefined
): void {
  if (session.transaction !== undefined) {
    const message = 'a transaction is open already; COMMIT or ROLLBACK ends it, SAVEPOINT marks a place in it'
    session.transaction.check()
    throw session.transaction.fail(new DriftError('INVALID_ARGUMENT', message, {}))
  }
  if (session.kind === 'statement') {
    const message = 'BEGIN alone has no statements that could belong to it: use db.transaction(), db.begin(), or a db.session()'
    throw new DriftError('INVALID_ARGUMENT', message, {})
  }
  const given = metadata === null ? undefined : metadata.kind === 'json' ? parseJson(metadata.text) : valueOf(metadata, parameters)
  const request = commitRequest({ metadata: given })
  session.transaction = coordinator.begin(
    transactionLimits({ isolation: isolation ?? undefined, readOnly, timeoutMs, lockTimeoutMs: session.lockTimeoutMs }, coordinator)
  )
  session.commitRequest = request
}

function refuseInFunction({ kind, transaction }: SessionState, command: string): void {
  if (kind !== 'transaction') return
  const message = `${command}: this transaction is an object; its methods commit() and rollback() end it`
  throw transaction?.fail(new DriftError('INVALID_ARGUMENT', message, {})) ?? new DriftError('INVALID_ARGUMENT', message, {})
}

/** The writes of a statement, planned at the point `at`, in a transaction: they have no conditions, its commit has them. */
export function writeInTransaction(coordinator: Coordinator, transaction: Transaction, writes: readonly Write[], at: number): void {
  const own = (write: Write): OwnWrite => {
    if ('insert' in write) return { kind: 'insert', table: coordinator.table(write.insert), document: write.document }
    if ('upsert' in write) return { kind: 'upsert', table: coordinator.table(write.upsert), document: write.document }
    if ('patch' in write) return { kind: 'patch', table: coordinator.table(write.patch), key: write.key, set: write.set }
    return { kind: 'softDelete', table: coordinator.table(write.softDelete), key: write.key }
  }
  transaction.write(writes.map(own), at)
}
