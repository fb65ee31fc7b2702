import { DriftError } from '../base/errors.js'
import { limits } from '../base/limits.js'
import type { TransactionLimits } from '../coordinator/transaction.js'
import { isolationOf, type Isolation, type IsolationName } from '../txn/isolation.js'

export type { Isolation, IsolationName }

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
  /** Bytes that its writes may take before its commit; 256 MiB unless given, and at most. */
  readonly writeBytes?: number | undefined
}

/** @throws DriftError INVALID_ARGUMENT, LIMIT. */
export function transactionLimits({ isolation, readOnly = false, timeoutMs, writeBytes }: BeginOptions, age: number): TransactionLimits {
  const limit = limits.batchBytesMax
  const writeBytesMax = writeBytes ?? limit
  if (!(writeBytesMax > 0 && writeBytesMax <= limit)) {
    throw new DriftError('LIMIT', `writeBytes is from 1 to ${limit}`, { name: 'writeBytes', limit, seen: writeBytesMax })
  }
  const endsAfter = timeoutMs ?? age
  if (!(endsAfter > 0)) throw new DriftError('INVALID_ARGUMENT', `timeoutMs of ${String(timeoutMs)}`, { found: timeoutMs })
  return { isolation: isolationOf(isolation), readOnly, timeoutMs: endsAfter, writeBytesMax }
}
