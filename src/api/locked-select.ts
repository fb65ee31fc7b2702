/**
 * SELECT … FOR UPDATE: the rows of a query, each locked before it is given. A row that another transaction has locked is waited for, is an
 * error, or is passed over, before LIMIT counts it; so LIMIT 1 … SKIP LOCKED is the next row that nobody works on.
 *
 * Under REPEATABLE READ and SERIALIZABLE a locked row is as it was at the read point, or the lock is refused (WRITE_CONFLICT). Under READ
 * COMMITTED a row may be another one once it is locked: then the query runs again at a new point, with the locks that it has. What it has
 * locked cannot change any more, so that ends.
 */
import { DriftError } from '../base/errors.js'
import { encodeKey } from '../codec/key-codec.js'
import type { Coordinator } from '../coordinator/coordinator.js'
import type { TableState } from '../coordinator/table-state.js'
import type { LockWish, Transaction } from '../coordinator/transaction.js'
import type { Select, WhenLocked } from '../parser/ast.js'
import { pick, type Batch } from '../expression/batch.js'
import type { Parameters } from '../expression/parameters.js'
import type { QuerySource } from '../relation/query-source.js'
import { rowCounts, runSelect, type SelectRun } from '../executor/run-select.js'
import type { Control } from './control.js'

export type LockedRows = { readonly run: SelectRun; readonly batches: readonly Batch[] }

/** `source`: what the transaction sees at the time of the call, with its own writes. `begin`: what a query waits for before its first row. */
export type LockedReading = {
  readonly source: () => QuerySource
  readonly begin: (run: SelectRun) => Promise<void> | undefined
}

/** Locks the rows of a query, in its order, and gives them as they are then. */
export async function selectAndLock(
  { select, whenLocked }: { readonly select: Select; readonly whenLocked: WhenLocked },
  transaction: Transaction,
  { source, begin }: LockedReading,
  coordinator: Coordinator,
  parameters: Parameters,
  control: Control
): Promise<LockedRows> {
  const name = lockableTable(select)
  const table = coordinator.table(name)
  const { count, offset } = rowCounts(select, parameters)
  const bytesBefore = control.memory.bytes
  for (;;) {
    control.memory.free(control.memory.bytes - bytesBefore)
    const seen = source()
    const run = runSelect(select, seen, parameters, control.memory)
    if (run.plan.group !== undefined) throw notLockable('GROUP BY and aggregates')
    const keyed = runSelect(withKey(select, table.definition.primaryKey), seen, parameters, control.memory)
    const waiting = begin(keyed)
    if (waiting !== undefined) await waiting
    const { timeoutMs, signal, endsAtMs } = { ...control.waiting, timeoutMs: transaction.lockTimeoutMs }
    const pass = new LockingPass(transaction, table, seen.seq, { whenLocked, timeoutMs, signal, endsAtMs })
    const batches = await pass.over(keyed, offset, count, control)
    if (!pass.isStale) return { run, batches }
  }
}

/** One run of the query, row by row. */
class LockingPass {
  /** A row that is locked now was written since it was read. */
  isStale = false
  readonly #transaction: Transaction
  readonly #table: TableState
  readonly #at: number
  readonly #wish: LockWish

  constructor(transaction: Transaction, table: TableState, at: number, wish: LockWish) {
    this.#transaction = transaction
    this.#table = table
    this.#at = at
    this.#wish = wish
  }

  /** Locks `offset + count` rows and gives those behind the offset. */
  async over({ batches, plan }: SelectRun, offset: number, count: number, control: Control): Promise<Batch[]> {
    const keyColumn = plan.outputs.filter(({ kind }) => kind === 'column').length - 1
    const found: Batch[] = []
    let locked = 0
    for (const batch of batches) {
      const rows: number[] = []
      const keys = batch.columns[keyColumn]?.values ?? []
      for (let row = 0; row < batch.rowCount && locked < offset + count; row++) {
        const held = this.#lock(keys[row])
        if (held !== true && !(await held)) continue
        if (++locked > offset) rows.push(row)
      }
      control.memory.take(rows.length * ROW_BYTES)
      if (rows.length > 0) found.push(rows.length === batch.rowCount ? batch : pick(batch, rows))
      if (locked >= offset + count) break
      control.check()
      if (control.isTurnDue) await control.turn()
    }
    batches.return()
    return found
  }

  #lock(key: unknown): true | Promise<boolean> | false {
    const bytes = scratch.subarray(0, encodeKey(key, scratch))
    const held = this.#transaction.lock(this.#table, bytes, this.#wish)
    if (held === false) return false
    if (held === true) return this.#look(bytes)
    const kept = bytes.slice()
    return held.then((isHeld) => isHeld && this.#look(kept))
  }

  #look(key: Uint8Array): true {
    const { keys, versions } = this.#table
    const ordinal = keys.find(key, key.length)
    const latest = ordinal < 0 ? 0 : versions.latestOf(ordinal)
    if (latest !== 0 && versions.seqOf(latest) > this.#at) this.isStale = true
    return true
  }
}

const scratch = new Uint8Array(1100)
/** What a kept row takes at least; its values are the table's documents, read once. */
const ROW_BYTES = 256

/** @throws NOT_SUPPORTED, READ_ONLY, INVALID_ARGUMENT for a query whose rows are no rows of one table at the present. */
function lockableTable({ from, distinct, groupBy, having, asOf }: Select): string {
  if (from === null) throw new DriftError('INVALID_ARGUMENT', 'FOR UPDATE locks rows of a table, and there is none', {})
  if (from.kind === 'join') throw notLockable('a join')
  if (from.kind !== 'table') throw new DriftError('READ_ONLY', 'rows of the past cannot be locked', {})
  if (asOf !== null || from.asOf !== null) throw new DriftError('READ_ONLY', 'what is read at a past point cannot be locked', {})
  if (distinct) throw notLockable('DISTINCT')
  if (groupBy.length > 0 || having !== null) throw notLockable('GROUP BY and aggregates')
  return from.table
}

function notLockable(what: string): DriftError {
  return new DriftError('NOT_SUPPORTED', `FOR UPDATE cannot tell which rows to lock of a query with ${what}`, { statement: 'FOR UPDATE' })
}

/** The query without its limits, and with each row's key as its last column. Kept, so that its plan is kept. */
const keyedSelects = new WeakMap<Select, Select>()

function withKey(select: Select, primaryKey: string): Select {
  const known = keyedSelects.get(select)
  if (known !== undefined) return known
  const expression = { kind: 'field', path: [primaryKey] } as const
  const items = [...select.items, { kind: 'item', expression, name: primaryKey, aliased: false } as const]
  const keyed: Select = { ...select, items, limit: null, offset: null }
  keyedSelects.set(select, keyed)
  return keyed
}
