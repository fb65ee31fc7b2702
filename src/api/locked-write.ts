/**
 * UPDATE, DELETE and INSERT … ON CONFLICT in a READ COMMITTED transaction: each row that they write is locked, and is read in its newest
 * state. A row that was written since it was read is another one once it is locked: then the statement is planned again at a new point,
 * with the locks that it has. What it has locked cannot change any more, so that ends, and no write of others is overwritten unseen.
 */
import { keyBytes } from '../codec/key-codec.js'
import type { Coordinator } from '../coordinator/coordinator.js'
import type { LockWish, Transaction } from '../coordinator/transaction.js'
import type { Write } from '../executor/collect-writes.js'
import type { Control } from './control.js'

/** Resolves to true where all rows are locked and as they were at the point `at`; else the statement must be planned again. */
export async function lockWritten(
  writes: readonly Write[],
  at: number,
  transaction: Transaction,
  coordinator: Coordinator,
  control: Control
): Promise<boolean> {
  const wish: LockWish = { whenLocked: 'wait', ...control.waiting, timeoutMs: transaction.lockTimeoutMs }
  let isAsRead = true
  for (const write of writes) {
    // One that names its key, and nothing of the row, was not read.
    if (write.ifSeq === undefined) continue
    const { name, key } = rowOf(write, coordinator)
    const table = coordinator.table(name)
    const bytes = keyBytes(key)
    const held = transaction.lock(table, bytes, wish)
    if (held !== true) await held
    if (table.latestSeq(table.keys.find(bytes, bytes.length)) > at) isAsRead = false
    if (control.isTurnDue) await control.turn()
  }
  return isAsRead
}

function rowOf(write: Write, coordinator: Coordinator): { readonly name: string; readonly key: unknown } {
  if ('patch' in write) return { name: write.patch, key: write.key }
  if ('softDelete' in write) return { name: write.softDelete, key: write.key }
  const name = 'insert' in write ? write.insert : write.upsert
  return { name, key: write.document[coordinator.table(name).definition.primaryKey] }
}
