import { crc32 } from '../codec/checksum.js'
import { readU32, readU64, writeU32, writeU64 } from './bytes.js'

/**
 * A snapshot: a file header (number: the last seq that it has; origin: the seq that it begins behind), blocks one behind the other,
 * their descriptions, and 64 bytes at the end. A block is one column of some rows. An opening reads keys and the newest version of each;
 * blocks of versions are read when one of them is asked for. Columns 3 to 6 and 16 to 21 stand in older files.
 *
 * Description of a block, 40 bytes:
 *
 * | offset | bytes | field | |
 * |---|---|---|---|
 * | 0 | 1 | column | |
 * | 1 | 1 | codec | as in a segment's footer |
 * | 2 | 2 | | zero |
 * | 4 | 4 | rows | |
 * | 8 | 8 | offset | in the file |
 * | 16 | 4 | stored bytes | |
 * | 20 | 4 | bytes | when decompressed |
 * | 24 | 4 | crc32 | of the stored bytes |
 * | 28 | 4 | group | rows of one group belong together: keys, versions, a page |
 * | 32 | 8 | base | what the first row counts from |
 *
 * The end, 64 bytes:
 *
 * | offset | bytes | field | |
 * |---|---|---|---|
 * | 0 | 4 | magic | `DRSN` |
 * | 4 | 4 | blocks | |
 * | 8 | 8 | events before | of the table, in the snapshots before this one |
 * | 16 | 8 | events | in this one |
 * | 24 | 8 | keys before | |
 * | 32 | 8 | keys | that came up here |
 * | 40 | 8 | live rows | at the last seq |
 * | 48 | 8 | place | of the first frame behind the last event |
 * | 56 | 4 | crc32 of the descriptions | |
 * | 60 | 4 | crc32 of bytes 0 to 59 | |
 */
export type SnapshotBlock = {
  readonly column: number
  readonly codec: number
  readonly rows: number
  readonly offset: number
  readonly storedBytes: number
  readonly bytes: number
  readonly crc: number
  readonly group: number
  readonly base: number
}

export type SnapshotEnd = {
  readonly eventsBefore: number
  readonly events: number
  readonly keysBefore: number
  readonly keys: number
  readonly live: number
  readonly place: number
}

/** Columns. Numbers on disk; never change them. */
/** `[u16 length][canonical bytes]` of each key, in order of first appearance. */
export const COLUMN_KEY = 1
/** Hash of each key under the database's seed, u32. */
export const COLUMN_KEY_HASH = 2
/** Numbers: seq of each event, less that of the one before it (of the base, for the first). */
export const COLUMN_SEQ = 3
/** Numbers: keys that had come up before the event, less the ordinal of its key; 0: a new key. The base is the keys before the first. */
export const COLUMN_ORDINAL = 4
/** Numbers: bytes of each frame. The base is the place of the first. */
export const COLUMN_FRAME_BYTES = 5
/** Numbers: bits 0-1 event, 2-3 patches since the last whole document, 4 the frame has a whole document, from 8 on KiB of its frames. */
export const COLUMN_INFO = 6
/** Nodes of a block of versions (`version-node.ts`); the group is the block's number, the base the seq of its first version. */
export const COLUMN_NODES = 7
/** Numbers: place of the first version of each block. */
export const COLUMN_BLOCK_PLACE = 8
/** Numbers: live rows before the first version of each block. */
export const COLUMN_BLOCK_LIVE = 9
/** Numbers: ordinal of each key that has an event in the snapshot, less that of the key before (of the base, for the first). */
export const COLUMN_HEAD_KEY = 10
/** Numbers: its newest version. */
export const COLUMN_HEAD_VERSION = 11
/** Numbers: info of that version, and where it jumps to. */
export const COLUMN_HEAD_INFO = 12
export const COLUMN_HEAD_JUMP = 13
/** Numbers: versions of the key. */
export const COLUMN_HEAD_DEPTH = 14

export const SNAPSHOT_BLOCK_BYTES = 40
export const SNAPSHOT_END_BYTES = 64

const MAGIC = 0x4e535244

export function encodeSnapshotEnd(blocks: readonly SnapshotBlock[], end: SnapshotEnd): Uint8Array {
  const at = blocks.length * SNAPSHOT_BLOCK_BYTES
  const bytes = new Uint8Array(at + SNAPSHOT_END_BYTES)
  for (const [index, block] of blocks.entries()) {
    const from = index * SNAPSHOT_BLOCK_BYTES
    bytes[from] = block.column
    bytes[from + 1] = block.codec
    writeU32(bytes, from + 4, block.rows)
    writeU64(bytes, from + 8, block.offset)
    writeU32(bytes, from + 16, block.storedBytes)
    writeU32(bytes, from + 20, block.bytes)
    writeU32(bytes, from + 24, block.crc)
    writeU32(bytes, from + 28, block.group)
    writeU64(bytes, from + 32, block.base)
  }
  writeU32(bytes, at, MAGIC)
  writeU32(bytes, at + 4, blocks.length)
  writeU64(bytes, at + 8, end.eventsBefore)
  writeU64(bytes, at + 16, end.events)
  writeU64(bytes, at + 24, end.keysBefore)
  writeU64(bytes, at + 32, end.keys)
  writeU64(bytes, at + 40, end.live)
  writeU64(bytes, at + 48, end.place)
  writeU32(bytes, at + 56, crc32(bytes.subarray(0, at)))
  writeU32(bytes, at + 60, crc32(bytes.subarray(at, at + 60)))
  return bytes
}

/** Bytes of descriptions and end together, told by the last 64 of the file; undefined if those are not an end. */
export function snapshotEndBytes(tail: Uint8Array): number | undefined {
  if (tail.length !== SNAPSHOT_END_BYTES || readU32(tail, 0) !== MAGIC) return undefined
  if (readU32(tail, 60) !== crc32(tail.subarray(0, 60))) return undefined
  return readU32(tail, 4) * SNAPSHOT_BLOCK_BYTES + SNAPSHOT_END_BYTES
}

/** Undefined if the bytes are not whole, undamaged descriptions and end. */
export function decodeSnapshotEnd(bytes: Uint8Array): { readonly blocks: readonly SnapshotBlock[]; readonly end: SnapshotEnd } | undefined {
  const at = bytes.length - SNAPSHOT_END_BYTES
  if (at < 0 || snapshotEndBytes(bytes.subarray(at)) !== bytes.length) return undefined
  if (readU32(bytes, at + 56) !== crc32(bytes.subarray(0, at))) return undefined
  const blocks: SnapshotBlock[] = []
  for (let from = 0; from < at; from += SNAPSHOT_BLOCK_BYTES) {
    blocks.push({
      column: bytes[from] ?? 0,
      codec: bytes[from + 1] ?? 0,
      rows: readU32(bytes, from + 4),
      offset: readU64(bytes, from + 8),
      storedBytes: readU32(bytes, from + 16),
      bytes: readU32(bytes, from + 20),
      crc: readU32(bytes, from + 24),
      group: readU32(bytes, from + 28),
      base: readU64(bytes, from + 32)
    })
  }
  const end = {
    eventsBefore: readU64(bytes, at + 8),
    events: readU64(bytes, at + 16),
    keysBefore: readU64(bytes, at + 24),
    keys: readU64(bytes, at + 32),
    live: readU64(bytes, at + 40),
    place: readU64(bytes, at + 48)
  }
  return { blocks, end }
}
