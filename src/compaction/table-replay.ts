import { frameBytes } from '../format/frame.js'
import type { ManifestSegment, ManifestSnapshot } from '../format/manifest.js'
import { KeyIndex } from '../index/key-index.js'
import type { Io } from '../io/io.js'
import { VersionMemory } from '../mvcc/version-memory.js'
import { VersionStore } from '../mvcc/version-store.js'
import type { SegmentSummary } from '../segment/block-builder.js'
import { describeSegment, loadSegment } from '../segment/load-segments.js'
import { SnapshotReader } from '../snapshot/snapshot-reader.js'
import { appendFrame } from './append-frame.js'
import { restoreSnapshot } from './restore-snapshot.js'

/** Of blocks of versions that a snapshot has; those that no file has stay in memory. */
const MEMORY_BYTES = 32 * 1024 * 1024

/** Keys and versions of a table as its files have them. Who takes it closes the versions. */
export type TableReplay = {
  readonly keys: KeyIndex
  readonly versions: VersionStore
  readonly summaries: readonly SegmentSummary[]
  /** Of the first frame behind all. */
  readonly place: number
  /** The snapshots that it began from. */
  readonly chain: readonly ManifestSnapshot[]
  /** Keys at the end of each of them. */
  readonly keysAt: ReadonlyMap<number, number>
}

/** The files of one table. */
export type ReplayedFiles = {
  /** The table's folder. */
  readonly directory: string
  readonly tableId: number
  readonly hashSeed: number
  readonly segments: readonly ManifestSegment[]
}

/** Reads the snapshots of `chain`, then the segments behind them. Yields bytes; throws CORRUPT with file and offset. */
export function* replayTable(
  io: Io,
  { directory, tableId, hashSeed, segments }: ReplayedFiles,
  chain: readonly ManifestSnapshot[]
): Generator<number, TableReplay> {
  const keys = new KeyIndex(hashSeed)
  const versions = new VersionStore({ memory: new VersionMemory(MEMORY_BYTES) })
  try {
    return yield* replayInto(io, { directory, tableId, hashSeed, segments }, chain, keys, versions)
  } catch (error) {
    versions.close()
    throw error
  }
}

function* replayInto(
  io: Io,
  { directory, tableId, segments }: ReplayedFiles,
  chain: readonly ManifestSnapshot[],
  keys: KeyIndex,
  versions: VersionStore
): Generator<number, TableReplay> {
  const keysAt = new Map<number, number>()
  for (const [index, snapshot] of chain.entries()) {
    const reader = SnapshotReader.open(io, `${directory}/snapshots`, tableId, snapshot)
    try {
      yield* restoreSnapshot(reader, keys, versions)
    } catch (error) {
      reader.close()
      throw error
    }
    keysAt.set(index, keys.count)
  }
  const known = chain.at(-1)?.place ?? 0
  const summaries: SegmentSummary[] = []
  let origin = 0
  for (const segment of segments) {
    const end = origin + segment.bytes
    const described = end <= known ? describeSegment(io, `${directory}/segments`, tableId, segment, origin) : undefined
    summaries.push(
      described ??
        (yield* loadSegment(io, `${directory}/segments`, tableId, segment, origin, (source, from, to, place) => {
          for (let at = from; at < to; at += frameBytes(source, at)) {
            if (place + at - from >= known) appendFrame(keys, versions, source, at, place + at - from)
          }
        }))
    )
    origin = end
  }
  return { keys, versions, summaries, place: origin, chain, keysAt }
}
