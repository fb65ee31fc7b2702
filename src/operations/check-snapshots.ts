import { compareKeys } from '../codec/key-codec.js'
import { restoreSnapshot } from '../compaction/restore-snapshot.js'
import { replayTable, type TableReplay } from '../compaction/table-replay.js'
import { type Manifest, numberedFile } from '../format/manifest.js'
import { NODE_BLOCK_BITS } from '../format/version-node.js'
import { KeyIndex } from '../index/key-index.js'
import type { Io } from '../io/io.js'
import { VersionStore } from '../mvcc/version-store.js'
import { SnapshotReader } from '../snapshot/snapshot-reader.js'
import type { Findings } from './findings.js'

/**
 * Checks the snapshots that a manifest names: every block's sums, and one by one that keys, versions and the newest version of each key
 * are what the segments say. The segments were found whole before. Yields the bytes that it went through.
 */
export async function* checkSnapshots(io: Io, directory: string, manifest: Manifest, findings: Findings): AsyncGenerator<number, void> {
  const { snapshots = [], pages, segments, tableId, hashSeed } = manifest
  const pageFiles = (pages?.files ?? []).map((number) => numberedFile(number, 'pages'))
  noteStrangers(io, `${directory}/snapshots`, [...snapshots.map(({ file }) => file), ...pageFiles], findings)
  if (snapshots.length === 0) return
  const truth = yield* replayTable(io, { directory, tableId, hashSeed, segments }, [])
  const keys = new KeyIndex(hashSeed)
  const versions = new VersionStore()
  const newest = new Newest()
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
        for (const block of file.blocks) yield (await file.anyBytes(block)).length
        if (!isChain) continue
        const first = versions.count + 1
        yield* restoreSnapshot(file, keys, versions)
        compareVersions(file, truth, keys, versions, first)
        newest.compare(file, keys, versions, first)
      } catch (error) {
        // What comes after a damaged one cannot be brought into the chain; its sums are checked all the same.
        isChain = false
        findings.thrown(error, path)
        file?.close()
      }
    }
  } finally {
    versions.close()
    truth.versions.close()
  }
}

function noteStrangers(io: Io, folder: string, named: readonly string[], findings: Findings): void {
  if (io.kind(folder) !== 'directory') return
  const known = new Set(named)
  for (const name of io.list(folder)) {
    if (!known.has(name)) findings.note(`${folder}/${name}`, 0, 'no manifest names this file; the next opening for writing removes it')
  }
}

/** Keys and versions, against the segments. */
function compareVersions(file: SnapshotReader, truth: TableReplay, keys: KeyIndex, versions: VersionStore, first: number): void {
  const at = file.blocks[0]?.offset ?? 0
  const { end } = file
  if (versions.count > truth.versions.count) throw file.damaged(at, `${versions.count} events, the segments have ${truth.versions.count}`)
  // Its first block begins with versions of the snapshot before.
  const begin = Math.max(1, (first >>> NODE_BLOCK_BITS) << NODE_BLOCK_BITS)
  for (let version = begin; version <= versions.count; version++) {
    if (!versions.isSame(version, truth.versions))
      throw file.damaged(at, `event ${versions.seqOf(version)} is not what the segments say: event ${truth.versions.seqOf(version)}`)
  }
  for (let ordinal = end.keysBefore; ordinal < keys.count; ordinal++) {
    const key = keys.keyOf(ordinal)
    if (compareKeys(key, truth.keys.keyOf(ordinal)) !== 0) throw file.damaged(at, `key ${ordinal} is not that of the segments`)
    if (keys.find(key, key.length) !== ordinal) throw file.damaged(at, `key ${ordinal} has a wrong hash`)
  }
}

/** The newest version of each key by the versions themselves, against what a snapshot keeps of it. */
class Newest {
  readonly #versions: number[] = []
  readonly #depths: number[] = []

  compare(file: SnapshotReader, keys: KeyIndex, versions: VersionStore, first: number): void {
    for (let version = first; version <= versions.count; version++) {
      const ordinal = versions.ordinalOf(version)
      this.#versions[ordinal] = version
      this.#depths[ordinal] = (this.#depths[ordinal] ?? 0) + 1
    }
    for (let ordinal = 0; ordinal < keys.count; ordinal++) {
      const head = versions.headOf(ordinal)
      const { info, jump } = versions.nodeOf(head.version)
      const isSame = head.version === this.#versions[ordinal] && head.depth === this.#depths[ordinal]
      if (isSame && head.info === info && head.jump === jump) continue
      throw file.damaged(file.blocks[0]?.offset ?? 0, `the newest version of key ${ordinal} is another one`)
    }
  }
}
