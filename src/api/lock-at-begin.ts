import { compareKeys, keyBytes } from '../codec/key-codec.js'
import type { Coordinator } from '../coordinator/coordinator.js'
import type { Transaction } from '../coordinator/transaction.js'
import type { LockedKey } from './transaction-options.js'

/**
 * Locks rows before the transaction reads, in one order for all, so that those who do so never wait in a circle. What waited has the state
 * after its wait for its read point: no work is thrown away where many change the same row.
 */
export async function lockAtBegin(coordinator: Coordinator, transaction: Transaction, wanted: readonly LockedKey[]): Promise<void> {
  try {
    const rows = wanted.map(({ table, key }) => ({ table: coordinator.table(table), key: keyBytes(key) }))
    rows.sort((a, b) => a.table.definition.id - b.table.definition.id || compareKeys(a.key, b.key))
    await transaction.lockFirst(rows)
  } catch (thrown) {
    transaction.rollback()
    throw thrown
  }
}
