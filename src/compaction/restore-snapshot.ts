import type { DriftError } from '../base/errors.js'
import {
  COLUMN_BLOCK_LIVE,
  COLUMN_BLOCK_PLACE,
  COLUMN_FRAME_BYTES,
  COLUMN_HEAD_DEPTH,
  COLUMN_HEAD_INFO,
  COLUMN_HEAD_JUMP,
  COLUMN_HEAD_KEY,
  COLUMN_HEAD_VERSION,
  COLUMN_INFO,
  COLUMN_KEY,
  COLUMN_KEY_HASH,
  COLUMN_NODES,
  COLUMN_ORDINAL,
  COLUMN_SEQ
} from '../format/snapshot-file.js'
import type { KeyIndex } from '../index/key-index.js'
import type { VersionStore } from '../mvcc/version-store.js'
import { SnapshotBlocks } from '../snapshot/snapshot-blocks.js'
import type { SnapshotReader } from '../snapshot/snapshot-reader.js'

/**
 * Brings keys and versions to the state that a snapshot was made of; those of the snapshots before it are there already. Reads keys and
 * the newest version of each; blocks of versions are read when one of them is asked for, so the reader is the versions' from then on,
 * which close it. Yields after each group.
 *
 * @throws CORRUPT with file and offset: keys and versions are then of no use, and the reader is still the caller's.
 */
export function* restoreSnapshot(reader: SnapshotReader, keys: KeyIndex, versions: VersionStore): Generator<number, void> {
  const { end } = reader
  if (end.keysBefore !== keys.count || end.eventsBefore !== versions.count)
    throw wrong(reader, 'it does not go on where the one before it ends')
  for (const group of reader.groups(COLUMN_KEY, COLUMN_KEY_HASH)) {
    const block = reader.column(group, COLUMN_KEY)
    const hashes = reader.numbers(reader.column(group, COLUMN_KEY_HASH))
    if (!keys.restore(reader.bytes(block), Uint32Array.from(hashes), end.keysBefore + end.keys)) {
      throw reader.damaged(block.offset, 'keys and their hashes do not agree')
    }
    yield block.bytes
  }
  const blocks = new SnapshotBlocks(reader)
  // Older files have every version one by one.
  if (blocks.blocks.length === 0) yield* restoreVersions(reader, keys, versions)
  else {
    attachBlocks(reader, blocks, versions)
    yield* restoreHeads(reader, keys, versions)
  }
  const isWhole = keys.count === end.keysBefore + end.keys && versions.count === end.eventsBefore + end.events
  if (!isWhole || versions.liveCount !== end.live) throw wrong(reader, 'it has not as many keys, events and rows as its end says')
  // The last block is in memory: it takes what comes next.
  if (blocks.blocks.length <= 1) reader.close()
}

function attachBlocks(reader: SnapshotReader, blocks: SnapshotBlocks, versions: VersionStore): void {
  const [bases = []] = reader.groups(COLUMN_BLOCK_PLACE, COLUMN_BLOCK_LIVE)
  const places = reader.numbers(reader.column(bases, COLUMN_BLOCK_PLACE))
  const lives = reader.numbers(reader.column(bases, COLUMN_BLOCK_LIVE))
  const seqs = Float64Array.from(blocks.blocks, ({ base }) => base)
  const isOrdered = blocks.blocks.every(({ group, column }, index) => column === COLUMN_NODES && group === blocks.first + index)
  const count = reader.end.eventsBefore + reader.end.events
  const areSame = places.length === seqs.length && lives.length === seqs.length
  if (!isOrdered || !areSame || !versions.attach(blocks, count, { seqs, places, lives })) {
    throw wrong(reader, 'its blocks of versions do not go on where those before them end')
  }
}

function* restoreHeads(reader: SnapshotReader, keys: KeyIndex, versions: VersionStore): Generator<number, void> {
  for (const group of reader.groups(COLUMN_HEAD_KEY, COLUMN_HEAD_DEPTH)) {
    const first = reader.column(group, COLUMN_HEAD_KEY)
    const steps = reader.numbers(first)
    const ofHeads = (column: number) => reader.numbers(reader.column(group, column))
    const newest = ofHeads(COLUMN_HEAD_VERSION)
    const infos = ofHeads(COLUMN_HEAD_INFO)
    const jumps = ofHeads(COLUMN_HEAD_JUMP)
    const depths = ofHeads(COLUMN_HEAD_DEPTH)
    let ordinal = first.base
    for (let row = 0; row < steps.length; row++) {
      ordinal += steps[row] ?? 0
      const version = newest[row] ?? 0
      if (ordinal >= keys.count || !versions.setHead(ordinal, version, infos[row] ?? 0, jumps[row] ?? 0, depths[row] ?? 0)) {
        throw reader.damaged(first.offset, 'the newest version of a key cannot be')
      }
    }
    yield steps.length * 16
  }
}

/** Files from before blocks of versions. */
function* restoreVersions(reader: SnapshotReader, keys: KeyIndex, versions: VersionStore): Generator<number, void> {
  let place = -1
  for (const group of reader.groups(COLUMN_SEQ, COLUMN_INFO)) {
    const seqs = reader.column(group, COLUMN_SEQ)
    const ordinals = reader.column(group, COLUMN_ORDINAL)
    const bytes = reader.column(group, COLUMN_FRAME_BYTES)
    const sizes = reader.numbers(bytes)
    if (seqs.base !== (versions.count === 0 ? 0 : versions.seqOf(versions.count)) || (place >= 0 && bytes.base !== place)) {
      throw reader.damaged(seqs.offset, 'a group does not go on where the one before it ends')
    }
    const base = { seq: seqs.base, place: bytes.base, keys: ordinals.base }
    const infos = reader.numbers(reader.column(group, COLUMN_INFO))
    const known = versions.restore(reader.numbers(seqs), reader.numbers(ordinals), sizes, infos, base)
    if (known === undefined || known > keys.count) throw reader.damaged(seqs.offset, 'a version of no key, or out of order')
    place = sizes.reduce((sum, size) => sum + size, bytes.base)
    yield seqs.bytes + ordinals.bytes + bytes.bytes
  }
  if (place >= 0 && place !== reader.end.place) throw wrong(reader, 'its frames do not end where its end says')
}

function wrong(reader: SnapshotReader, what: string): DriftError {
  const last = reader.blocks.at(-1)
  return reader.damaged(last === undefined ? 0 : last.offset + last.storedBytes, what)
}
