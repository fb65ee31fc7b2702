import { decodeValue } from '../codec/document-codec.js'
import { skipValue } from '../codec/key-codec.js'
import type { Value } from '../codec/value.js'
import { readFrame } from '../format/frame.js'

/** Events of one commit that stand together in one table. */
export type CommitRun = { readonly tableId: number; readonly count: number }

/** A commit as the log has it: its events are firstSeq … seq, in the order of its runs. `metadata` is msgpack; empty: none was given. */
export type CommitRecord = {
  readonly seq: number
  readonly firstSeq: number
  readonly time: number
  readonly runs: readonly CommitRun[]
  readonly metadata: Uint8Array
}

/** The commit whose frame begins at `offset`; its metadata is a view on the source. */
export function readCommit(source: Uint8Array, offset: number): CommitRecord {
  const { seq, time, payload } = readFrame(source, offset)
  const firstSeqAt = 1
  const runsAt = skipValue(payload, firstSeqAt)
  const metadataAt = skipValue(payload, runsAt)
  const runs = decodeValue(payload.subarray(runsAt, metadataAt)) as [number, number][]
  return {
    seq,
    firstSeq: Number(decodeValue(payload.subarray(firstSeqAt, runsAt))),
    time,
    runs: runs.map(([tableId, count]) => ({ tableId, count })),
    metadata: payload.subarray(metadataAt, skipValue(payload, metadataAt))
  }
}

/** As it was given; null where none was. */
export function metadataOf({ metadata }: Pick<CommitRecord, 'metadata'>): Value {
  return metadata.length === 0 ? null : decodeValue(metadata)
}
