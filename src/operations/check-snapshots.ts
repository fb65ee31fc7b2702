import { encodeDocument } from '../codec/document-codec.js'
import { compareKeys } from '../codec/key-codec.js'
import { restoreSnapshot } from '../compaction/restore-snapshot.js'
import { RowsBehind } from '../compaction/rows-behind.js'
import { replayTable, type TableReplay } from '../compaction/table-replay.js'
import { type Manifest, numberedFile } from '../format/manifest.js'
import { COLUMN_BEGIN, COLUMN_DOCUMENT, type SnapshotBlock } from '../format/snapshot-file.js'
import { KeyIndex } from '../index/key-index.js'
import type { Io } from '../io/io.js'
import { VersionFrames } from '../mvcc/version-frames.js'
import { VersionStore } from '../mvcc/version-store.js'
import { BlockCache } from '../segment/block-cache.js'
import { SegmentReader } from '../segment/segment-reader.js'
import { readPage, type PageVersion } from '../snapshot/read-page.js'
import { SnapshotReader } from '../snapshot/snapshot-reader.js'
import type { Findings } from './findings.js'

/** Blocks of segments that stay in memory while documents are compared. */
const CACHE_BYTES = 128 * 1024 * 1024

const none = new Uint8Array(0)

/**
 * Checks the snapshots that a manifest names: every block's sums, and row for row that they say what the segments say: keys, versions,
 * and of each page begin, end, shape and document. The segments were found whole before. Yields the bytes that it went through.
 */
export async function* checkSnapshots(io: Io, directory: string, manifest: Manifest, findings: Findings): AsyncGenerator<number, void> {
  const { snapshots = [], pages, segments, tableId, hashSeed } = manifest
  const pageFiles = (pages?.files ?? []).map((number) => numberedFile(number, 'pages'))
  noteStrangers(io, `${directory}/snapshots`, [...snapshots.map(({ file }) => file), ...pageFiles], findings)
  if (snapshots.length === 0) return
  const truth = yield* replayTable(io, { directory, tableId, hashSeed, segments }, [])
  const reader = new SegmentReader(io, `${directory}/segments`, new BlockCache(CACHE_BYTES), truth.summaries)
  const frames = new VersionFrames(truth.versions, reader, () => none)
  frames.flushThrough(truth.versions.count)
  const rows = new RowsBehind(truth.keys, truth.versions, 0)
  const keys = new KeyIndex(hashSeed)
  const versions = new VersionStore()
  let isChain = true
  let after = 0
  try {
    for (const snapshot of snapshots) {
      const path = `${directory}/snapshots/${snapshot.file}`
      if (snapshot.after !== after)
        findings.problem(path, 24, `it begins behind seq ${snapshot.after}, the one before it ends with ${after}`)
      after = snapshot.seq
      let file: SnapshotReader | undefined
      try {
        file = SnapshotReader.open(io, `${directory}/snapshots`, tableId, snapshot)
        const first = versions.count + 1
        if (isChain) {
          yield* restoreSnapshot(file, keys, versions)
          compareVersions(file, truth, keys, versions, first)
        }
        yield* comparePages(file, truth, rows, frames)
      } catch (error) {
        // What comes after a damaged one cannot be brought into the chain; its pages are checked all the same.
        isChain = false
        findings.thrown(error, path)
      } finally {
        file?.close()
      }
    }
  } finally {
    reader.close()
  }
}

function noteStrangers(io: Io, folder: string, named: readonly string[], findings: Findings): void {
  if (io.kind(folder) !== 'directory') return
  const known = new Set(named)
  for (const name of io.list(folder)) {
    if (!known.has(name)) findings.note(`${folder}/${name}`, 0, 'no manifest names this file; the next opening for writing removes it')
  }
}

/** The columns of an opening, against the segments. */
function compareVersions(file: SnapshotReader, truth: TableReplay, keys: KeyIndex, versions: VersionStore, first: number): void {
  const at = file.blocks[0]?.offset ?? 0
  const { end } = file
  if (versions.count > truth.versions.count) throw file.damaged(at, `${versions.count} events, the segments have ${truth.versions.count}`)
  for (let version = first; version <= versions.count; version++) {
    const isEqual =
      versions.seqOf(version) === truth.versions.seqOf(version) &&
      versions.placeOf(version) === truth.versions.placeOf(version) &&
      versions.previousOf(version) === truth.versions.previousOf(version) &&
      versions.infoOf(version) === truth.versions.infoOf(version)
    if (!isEqual)
      throw file.damaged(at, `event ${versions.seqOf(version)} is not what the segments say: event ${truth.versions.seqOf(version)}`)
  }
  for (let ordinal = end.keysBefore; ordinal < keys.count; ordinal++) {
    const key = keys.keyOf(ordinal)
    if (compareKeys(key, truth.keys.keyOf(ordinal)) !== 0) throw file.damaged(at, `key ${ordinal} is not that of the segments`)
    if (keys.find(key, key.length) !== ordinal) throw file.damaged(at, `key ${ordinal} has a wrong hash`)
  }
  let live = 0
  for (let ordinal = 0; ordinal < keys.count; ordinal++) if (versions.isLive(versions.latestOf(ordinal))) live++
  if (live !== end.live) throw file.damaged(at, `${end.live} live rows, the segments have ${live}`)
}

/** The pages: each version of the snapshot once, as the segments have it. */
async function* comparePages(
  file: SnapshotReader,
  truth: TableReplay,
  rows: RowsBehind,
  frames: VersionFrames
): AsyncGenerator<number, void> {
  const { eventsBefore, events } = file.end
  const seen = new Uint8Array(events)
  const lastSeq = truth.versions.seqOf(Math.min(truth.versions.count, eventsBefore + events))
  let count = 0
  for (const group of file.groups(COLUMN_BEGIN, COLUMN_DOCUMENT)) {
    const at = group[0]?.offset ?? 0
    let before: PageVersion | undefined
    for (const row of await readPage(file, group)) {
      const fault = rowFault(row, before, truth, rows, frames, lastSeq)
      if (fault !== undefined) throw file.damaged(at, `the version of seq ${row.begin}: ${fault}`)
      const index = versionOf(row, truth) - eventsBefore - 1
      if (!(index >= 0 && index < events) || seen[index] === 1)
        throw file.damaged(at, `the version of seq ${row.begin} does not belong here`)
      seen[index] = 1
      before = row
      count++
    }
    yield bytesOf(group)
  }
  if (count !== events) throw file.damaged(file.blocks.at(-1)?.offset ?? 0, `${count} versions in pages, ${events} events`)
}

function bytesOf(group: readonly SnapshotBlock[]): number {
  return group.reduce((sum, block) => sum + block.storedBytes, 0)
}

function versionOf(row: PageVersion, { keys, versions }: TableReplay): number {
  const ordinal = keys.find(row.key, row.key.length)
  return ordinal < 0 ? 0 : versions.versionAt(ordinal, row.begin)
}

function rowFault(
  row: PageVersion,
  before: PageVersion | undefined,
  truth: TableReplay,
  rows: RowsBehind,
  frames: VersionFrames,
  lastSeq: number
): string | undefined {
  const { versions } = truth
  const version = versionOf(row, truth)
  if (version === 0 || versions.seqOf(version) !== row.begin) return 'the segments have none of its key'
  if (before !== undefined && (compareKeys(before.key, row.key) || before.begin - row.begin) >= 0) return 'it is not in order'
  // The next version of the key, as far as the snapshot can know of it.
  const next = rows.nextOf(version)
  const ends = next === 0 ? 0 : versions.seqOf(next)
  if (row.end !== (ends <= lastSeq ? ends : 0)) return `it ends at ${row.end}, the segments say ${ends}`
  const document = frames.document(version)
  if (document === undefined) return row.document.length === 0 && row.shape === undefined ? undefined : 'it is a delete'
  if (Buffer.compare(encodeDocument(document, 'document'), row.document) !== 0) return 'its document is another one'
  return JSON.stringify(Object.keys(document)) === JSON.stringify(row.shape) ? undefined : 'its shape is another one'
}
