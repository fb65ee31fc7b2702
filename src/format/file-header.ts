import { crc32 } from '../codec/checksum.js'
import { DriftError } from '../base/errors.js'
import { readU32, readU64, writeU32, writeU64 } from './bytes.js'

/**
 * The first 64 bytes of every binary file.
 *
 * | offset | bytes | field | |
 * |---|---|---|---|
 * | 0 | 4 | magic | `DRFT` |
 * | 4 | 2 | format version | {@link FORMAT_VERSION} |
 * | 6 | 2 | kind | 1 WAL, 2 segment, 3 snapshot, 4 pages, 5 statistics, 6 index, 7 closed nodes of an index |
 * | 8 | 4 | flags | 1: blocks are stored by codec (segments that were compacted, snapshots, pages) |
 * | 12 | 4 | table id | 0 in a WAL file |
 * | 16 | 8 | number | of the file in its folder; only grows; a snapshot's or index's is the last seq that it has, statistics' the seq looked at, of closed nodes the index's id |
 * | 24 | 8 | origin | WAL: first seq that may stand in it; segment: place of its first frame; snapshot: the seq that it begins behind; index: events that it has |
 * | 32 | 4 | salt | seeds the crc of a WAL's records, so that no record of another file is taken for one of this |
 * | 36 | 16 | database id | |
 * | 52 | 8 | zeros | |
 * | 60 | 4 | crc32 | of bytes 0 to 59 |
 */
export type FileHeader = {
  readonly kind: number
  readonly flags: number
  readonly tableId: number
  readonly number: number
  readonly origin: number
  readonly salt: number
  readonly databaseId: Uint8Array
}

export const FILE_HEADER_BYTES = 64
/** The ladder of format versions: 1, the first. Files of every released version open forever. */
export const FORMAT_VERSION = 1
/** Never change these numbers. */
export const FILE_KIND_WAL = 1
export const FILE_KIND_SEGMENT = 2
export const FILE_KIND_SNAPSHOT = 3
export const FILE_KIND_PAGES = 4
export const FILE_KIND_STATISTICS = 5
export const FILE_KIND_INDEX = 6
export const FILE_KIND_INDEX_NODES = 7
/** Blocks of the file are stored by a codec that their description names. */
export const FILE_FLAG_BLOCKS = 1

const MAGIC = 0x54465244

export function encodeFileHeader(header: FileHeader): Uint8Array {
  const bytes = new Uint8Array(FILE_HEADER_BYTES)
  writeU32(bytes, 0, MAGIC)
  writeU32(bytes, 4, FORMAT_VERSION | (header.kind << 16))
  writeU32(bytes, 8, header.flags)
  writeU32(bytes, 12, header.tableId)
  writeU64(bytes, 16, header.number)
  writeU64(bytes, 24, header.origin)
  writeU32(bytes, 32, header.salt)
  bytes.set(header.databaseId, 36)
  writeU32(bytes, 60, crc32(bytes.subarray(0, 60)))
  return bytes
}

/** Throws CORRUPT or UNSUPPORTED_VERSION with the file's name. */
export function decodeFileHeader(bytes: Uint8Array, file: string, kind: number): FileHeader {
  const corrupt = (what: string, expected: unknown, found: unknown) =>
    new DriftError('CORRUPT', `${file}: ${what} in the file's header; run driftdb doctor`, { file, offset: 0, expected, found })
  if (bytes.length < FILE_HEADER_BYTES) throw corrupt('not all of 64 bytes', FILE_HEADER_BYTES, bytes.length)
  if (readU32(bytes, 0) !== MAGIC) throw corrupt('wrong magic', MAGIC, readU32(bytes, 0))
  const sum = crc32(bytes.subarray(0, 60))
  if (readU32(bytes, 60) !== sum) throw corrupt('wrong checksum', sum, readU32(bytes, 60))
  const version = readU32(bytes, 4) & 0xffff
  if (version !== FORMAT_VERSION) {
    throw new DriftError('UNSUPPORTED_VERSION', `${file} has format version ${version}; this release reads ${FORMAT_VERSION}`, {
      file,
      found: version,
      expected: FORMAT_VERSION
    })
  }
  const foundKind = readU32(bytes, 4) >>> 16
  if (foundKind !== kind) throw corrupt('wrong kind of file', kind, foundKind)
  const flags = readU32(bytes, 8)
  if ((flags & ~FILE_FLAG_BLOCKS) !== 0) {
    throw new DriftError('UNSUPPORTED_VERSION', `${file} has flags ${flags}, which this release does not know`, {
      file,
      found: flags,
      expected: FILE_FLAG_BLOCKS
    })
  }
  return {
    kind,
    flags,
    tableId: readU32(bytes, 12),
    number: readU64(bytes, 16),
    origin: readU64(bytes, 24),
    salt: readU32(bytes, 32),
    databaseId: bytes.slice(36, 52)
  }
}
