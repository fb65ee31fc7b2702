/**
 * What a transaction's commit checks before it is numbered: a function of the batch and the state alone, so that whoever takes the same
 * batches in the same order comes to the same answers. The state is everything numbered before, durable or not.
 *
 * REPEATABLE READ: no row that it writes has an event behind its read point (the first committer wins). SERIALIZABLE: also, what it read is
 * still what a read now would give: of a key its row, of a range the rows for which the condition is true, of the log its commits. So the transaction could
 * have run at the moment of its commit, and the order of commits is a serial one. READ COMMITTED has no basis: its writes are checked one
 * by one as those of any batch. Laws: TXN-1, TXN-2.
 */
import { DriftError } from '../base/errors.js'
import { COMMITS_TABLE_NAME } from '../base/ids.js'
import type { Document } from '../codec/value.js'
import { isWithin, type LogRead, type RangeRead, type ReadKind, type ReadSet } from '../txn/read-set.js'
import type { CommitLog } from '../mvcc/commit-log.js'
import type { WriteSet } from '../txn/write-set.js'
import type { TableState } from './table-state.js'

const COMMITS_PER_PIECE = 256

export type Basis = {
  /** The point that it read at. */
  readonly seq: number
  /** Of a SERIALIZABLE transaction. */
  readonly reads: ReadSet<TableState> | undefined
}

/** @throws DriftError WRITE_CONFLICT, SERIALIZATION. */
export function validate(set: WriteSet<TableState>, { seq, reads }: Basis, log: CommitLog): void {
  for (const { table, ordinal, keyAt, end } of set.operations) {
    if (table.versions.lastSeq <= seq) continue
    checkRow(table, ordinal < 0 ? table.keys.find(set.buffer.subarray(keyAt, end), end - keyAt) : ordinal, seq)
  }
  if (reads === undefined) return
  for (const { table, keys, unborn, ranges } of reads.tables) {
    if (table.versions.lastSeq <= seq) continue
    for (const [ordinal, kind] of keys) if (hasChanged(table, ordinal, seq, kind)) throw changed(table, ordinal, seq)
    for (const { key, kind } of unborn?.values() ?? []) {
      const ordinal = table.keys.find(key, key.length)
      if (ordinal >= 0 && hasChanged(table, ordinal, seq, kind)) throw changed(table, ordinal, seq)
    }
    if (ranges.length === 0) continue
    for (const ordinal of table.recent.ordinalsAfter(seq)) checkRanges(table, ordinal, seq, ranges)
  }
  if (reads.logReads.length > 0) checkLog(reads.logReads, seq, log)
}

/** What is in the log never changes, so only the commits since the read point are looked at. */
function checkLog(reads: readonly LogRead[], seq: number, log: CommitLog): void {
  for (let last = seq; ;) {
    const commits = log.after(last, Number.POSITIVE_INFINITY, COMMITS_PER_PIECE)
    if (commits.length === 0) return
    for (const commit of commits) {
      last = commit.seq
      if (!reads.some((found) => isTrue(found, commit))) continue
      const message = `${COMMITS_TABLE_NAME}: what this transaction read at seq ${seq} has changed: commit ${commit.seq} came`
      throw new DriftError('SERIALIZATION', message, { table: COMMITS_TABLE_NAME, key: commit.seq, readSeq: seq, seq: commit.seq })
    }
  }
}

/** @throws DriftError WRITE_CONFLICT where the row of a key with this ordinal, or -1, has an event behind `seq`. */
export function checkRow(table: TableState, ordinal: number, seq: number): void {
  const found = table.latestSeq(ordinal)
  if (found <= seq) return
  const key = table.key(ordinal)
  const message = `table ${table.definition.name}: another transaction wrote key ${String(key)} (seq ${found}) since ${seq}`
  throw new DriftError('WRITE_CONFLICT', message, { table: table.definition.name, key, readSeq: seq, seq: found })
}

function hasChanged(table: TableState, ordinal: number, seq: number, kind: ReadKind): boolean {
  const { versions } = table
  const latest = versions.latestOf(ordinal)
  if (latest === 0 || versions.seqOf(latest) <= seq) return false
  const [was, is] = [versions.isLive(versions.versionAt(ordinal, seq)), versions.isLive(latest)]
  return kind === 'row' ? was || is : was !== is
}

function checkRanges(table: TableState, ordinal: number, seq: number, ranges: readonly RangeRead[]): void {
  const key = table.keys.keyOf(ordinal)
  let documents: (Document | undefined)[] | undefined
  for (const { range, kind, matches } of ranges) {
    if (!isWithin(key, range) || !hasChanged(table, ordinal, seq, kind)) continue
    documents ??= [table.versions.versionAt(ordinal, seq), table.versions.latestOf(ordinal)].map((version) =>
      version === 0 ? undefined : table.frames.document(version)
    )
    if (documents.some((document) => document !== undefined && (matches === undefined || isTrue(matches, document))))
      throw changed(table, ordinal, seq)
  }
}

/** A condition that refuses a value would have refused the query too: running it again says so. */
function isTrue<Item>(condition: (item: Item) => boolean, item: Item): boolean {
  try {
    return condition(item)
  } catch (thrown) {
    if (thrown instanceof DriftError && thrown.kind === 'invalid') return true
    throw thrown
  }
}

function changed(table: TableState, ordinal: number, seq: number): DriftError {
  const key = table.key(ordinal)
  const found = table.versions.seqOf(table.versions.latestOf(ordinal))
  const message = `table ${table.definition.name}: what this transaction read at seq ${seq} has changed: key ${String(key)} (seq ${found})`
  return new DriftError('SERIALIZATION', message, { table: table.definition.name, key, readSeq: seq, seq: found })
}
