import type { Key } from '../codec/key-codec.js'
import type { Document, Value } from '../codec/value.js'
import type { Coordinator } from '../coordinator/coordinator.js'
import type { TableState } from '../coordinator/table-state.js'
import type { TransactionView } from '../coordinator/transaction-view.js'
import { committedHistory, type TransactionHistoryEntry } from './view.js'

/**
 * Every event of a key that a transaction sees, oldest first: those of the commits up to its read point, then its own, which have no seq, no
 * time and no metadata before its commit.
 */
export function* transactionHistory<Row>(
  coordinator: Coordinator,
  view: TransactionView,
  table: TableState,
  key: Key
): Generator<TransactionHistoryEntry<Row>, void> {
  const own = view.ownEvents(table, key)
  yield* committedHistory<Row>(coordinator, table, key, view.at)
  for (const event of own) {
    const { kind } = event.operation
    const metadata: Value = null
    const name = kind === 'patch' ? 'PATCH' : kind === 'softDelete' ? 'SOFT_DELETE' : 'INSERT'
    const document = (view.rowAfter(table, key, event) as Row | undefined) ?? null
    const payload: Document | null = view.payload(event)
    yield { seq: null, time: null, event: name, payload, document, metadata }
  }
}
