import { DriftError } from '../base/errors.js'
import { decodeKey } from '../codec/key-codec.js'
import type { OwnWrites } from '../txn/own-writes.js'
import type { ReadSet } from '../txn/read-set.js'
import type { WriteConditions } from '../txn/write-set.js'
import { checkSeq, refusal } from './refusals.js'
import type { TableState } from './table-state.js'
import { checkRow } from './validation.js'

/** One write, as it is asked for. */
export type OwnWrite =
  | { readonly kind: 'insert' | 'upsert'; readonly table: TableState; readonly document: unknown; readonly conditions?: WriteConditions }
  | {
      readonly kind: 'patch'
      readonly table: TableState
      readonly key: unknown
      readonly set: unknown
      readonly conditions?: WriteConditions
    }
  | { readonly kind: 'softDelete'; readonly table: TableState; readonly key: unknown; readonly conditions?: WriteConditions }

/** What a write of a transaction is checked against. */
export type WriteBasis = {
  /** The point that its statement reads. */
  readonly at: number
  /** Of a SERIALIZABLE transaction. */
  readonly reads: ReadSet<TableState> | undefined
  /** The commit asks whether others wrote the row since. */
  readonly isRechecked: boolean
}

const NO_CONDITIONS: WriteConditions = {}

/**
 * Encodes a write and adds it to those of its transaction.
 * @throws WRITE_CONFLICT, ALREADY_EXISTS, KEY_NOT_FOUND, INVALID_DOCUMENT, LIMIT: the caller takes it back.
 */
export function addOwnWrite(write: OwnWrite, own: OwnWrites<TableState>, { at, reads, isRechecked }: WriteBasis): void {
  const { kind, table, conditions = NO_CONDITIONS } = write
  if (table.damage !== undefined) throw table.damage
  const event =
    kind === 'patch'
      ? own.patch(table, write.key, write.set, conditions)
      : kind === 'softDelete'
        ? own.softDelete(table, write.key, conditions)
        : own.document(kind, table, write.document, conditions)
  const { ordinal } = event.operation
  // What another commit took already will not be given: said now, not at the end.
  if (isRechecked) checkRow(table, ordinal, at)
  const { ifSeq } = conditions
  // That it was refused, or not, is a read, even where the write is taken back later.
  const kindOfRead = ifSeq === undefined && conditions.skipUnchanged !== true ? 'presence' : 'row'
  if (ordinal >= 0) reads?.readKey(table, ordinal, kindOfRead)
  else reads?.readUnborn(table, own.keyOf(event).slice(), kindOfRead)
  if (ifSeq !== undefined) {
    if (event.previous !== undefined) throw ownBefore(table, own.keyOf(event), ifSeq)
    checkSeq(table, own.keyOf(event), ifSeq, ordinal < 0 ? 0 : table.versions.versionAt(ordinal, at))
  }
  const isLive = event.previous === undefined ? table.hasAt(ordinal, at) : own.isLive(event.previous, () => table.hasAt(ordinal, at))
  if (kind === 'insert' && isLive) throw refusal('ALREADY_EXISTS', table, own.keyOf(event))
  if ((kind === 'patch' || kind === 'softDelete') && !isLive) throw refusal('KEY_NOT_FOUND', table, own.keyOf(event))
}

/** An own event has no seq yet, so no seq can be that of the last one. */
function ownBefore(table: TableState, key: Uint8Array, expected: number): DriftError {
  const message = `table ${table.definition.name}: this transaction wrote the key itself, so its last event is not ${expected}`
  return new DriftError('WRITE_CONFLICT', message, { table: table.definition.name, key: decodeKey(key), expected })
}
