/** How a write of a row is refused, whether in a commit of its own or in a transaction. */
import { DriftError } from '../base/errors.js'
import { decodeKey } from '../codec/key-codec.js'
import type { TableState } from './table-state.js'

/** `latest`: the version that the key has; 0: none. @throws WRITE_CONFLICT. */
export function checkSeq(table: TableState, key: Uint8Array, expected: number, latest: number): void {
  const found = latest === 0 ? 0 : table.versions.seqOf(latest)
  if (found === expected) return
  throw new DriftError('WRITE_CONFLICT', `table ${table.definition.name}: the last event of this key is ${found}, not ${expected}`, {
    table: table.definition.name,
    key: decodeKey(key),
    expected,
    seq: found
  })
}

/** INSERT of a key that is live, PATCH or SOFT DELETE of one that is not. */
export function refusal(name: 'ALREADY_EXISTS' | 'KEY_NOT_FOUND', table: TableState, key: Uint8Array): DriftError {
  const found = decodeKey(key)
  const shown = typeof found === 'string' ? JSON.stringify(found) : String(found)
  return new DriftError(
    name,
    `table ${table.definition.name}: key ${shown} ${name === 'ALREADY_EXISTS' ? 'exists already; UPSERT replaces it' : 'has no row'}`,
    { table: table.definition.name, key: found }
  )
}
