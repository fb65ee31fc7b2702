import { DriftError } from '../base/errors.js'
import { limits } from '../base/limits.js'
import type { Key } from '../codec/key-codec.js'
import type { Coordinator } from '../coordinator/coordinator.js'
import type { TransactionLimits } from '../coordinator/transaction.js'
import { isolationOf, type Isolation, type IsolationName } from '../txn/isolation.js'

export type { Isolation, IsolationName }

export type LockedKey = { readonly table: string; readonly key: Key }

export type BeginOptions = {
  /** `repeatable read` unless given; `snapshot` is another name of it. */
  readonly isolation?: IsolationName | undefined
  /** Writes are READ_ONLY. */
  readonly readOnly?: boolean | undefined
  /** Who, why: any value, up to 64 KiB encoded; kept with the commit. */
  readonly metadata?: unknown
  /** For importers of existing history: unix ms, not before the last commit, not ahead of now. */
  readonly time?: number
  /** Its greatest age: after that it is rolled back, and every call gets TIMEOUT. That of the database unless given. */
  readonly timeoutMs?: number | undefined
  /** How long it waits for a row that another one has locked; that of the database unless given. After that LOCK_TIMEOUT. */
  readonly lockTimeoutMs?: number | undefined
  /** Rows, there or not, that it locks before it reads anything, in the order of their keys; its read point is the moment after. */
  readonly lock?: readonly LockedKey[] | undefined
  /** Bytes that its writes may take before its commit; 256 MiB unless given, and at most. */
  readonly writeBytes?: number | undefined
}

/** @throws DriftError INVALID_ARGUMENT, LIMIT. */
export function transactionLimits(
  { isolation, readOnly = false, timeoutMs, writeBytes, lockTimeoutMs }: BeginOptions,
  ofDatabase: Pick<Coordinator, 'transactionTimeoutMs' | 'lockTimeoutMs'>
): TransactionLimits {
  const limit = limits.batchBytesMax
  const writeBytesMax = writeBytes ?? limit
  if (!(writeBytesMax > 0 && writeBytesMax <= limit)) {
    throw new DriftError('LIMIT', `writeBytes is from 1 to ${limit}`, { name: 'writeBytes', limit, seen: writeBytesMax })
  }
  const endsAfter = timeoutMs ?? ofDatabase.transactionTimeoutMs
  if (!(endsAfter > 0)) throw new DriftError('INVALID_ARGUMENT', `timeoutMs of ${String(timeoutMs)}`, { found: timeoutMs })
  return {
    isolation: isolationOf(isolation),
    readOnly,
    timeoutMs: endsAfter,
    writeBytesMax,
    lockTimeoutMs: lockTimeoutOf(lockTimeoutMs) ?? ofDatabase.lockTimeoutMs
  }
}

/** @throws INVALID_ARGUMENT. */
export function lockTimeoutOf(asked: number | undefined): number | undefined {
  if (asked === undefined || asked > 0) return asked
  throw new DriftError('INVALID_ARGUMENT', `lockTimeoutMs is a number of milliseconds above 0, not ${String(asked)}`, { found: asked })
}
