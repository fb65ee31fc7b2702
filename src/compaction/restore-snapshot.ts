import type { DriftError } from '../base/errors.js'
import { COLUMN_FRAME_BYTES, COLUMN_INFO, COLUMN_KEY, COLUMN_KEY_HASH, COLUMN_ORDINAL, COLUMN_SEQ } from '../format/snapshot-file.js'
import type { KeyIndex } from '../index/key-index.js'
import type { VersionStore } from '../mvcc/version-store.js'
import type { SnapshotReader } from '../snapshot/snapshot-reader.js'

/**
 * Brings keys and versions to the state that a snapshot was made of; those of the snapshots before it are there already. Reads only
 * the columns that stand in seq order, and proves every block of them; yields after each group.
 *
 * @throws CORRUPT with file and offset: keys and versions are then of no use.
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
  const isWhole = keys.count === end.keysBefore + end.keys && versions.count === end.eventsBefore + end.events
  if (!isWhole || (place >= 0 && place !== end.place)) throw wrong(reader, 'it has not as many keys and events as its end says')
}

function wrong(reader: SnapshotReader, what: string): DriftError {
  const last = reader.blocks.at(-1)
  return reader.damaged(last === undefined ? 0 : last.offset + last.storedBytes, what)
}
