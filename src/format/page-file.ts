import { crc32 } from '../codec/checksum.js'
import { DriftError } from '../base/errors.js'
import { readU32, readU64, writeU32, writeU64 } from './bytes.js'

/**
 * A page file: a file header, then page records one behind the other, each by itself. A snapshot's file ends with a record that says
 * where all pages of the table are, and 32 bytes that lead to it; a spill file has no end. A record is the image of a piece of memory (a
 * version page, a block of the table's heap, numbers) cut into blocks, each a run of values of one width.
 *
 * Record: a head of 48 bytes, descriptions of 32 bytes a block, the blocks' stored bytes one behind the other.
 *
 * | offset | bytes | field of the head | |
 * |---|---|---|---|
 * | 0 | 4 | magic | `DRPG` |
 * | 4 | 1 | kind | 1 version page, 2 block of the heap, 3 keys, 4 directory |
 * | 5 | 1 | layout | of what the image holds: 1 |
 * | 6 | 2 | blocks | |
 * | 8 | 4 | bytes | of the whole record |
 * | 12 | 4 | image | bytes that the image takes in memory |
 * | 16 | 4 | table id | |
 * | 20 | 4 | rows | |
 * | 24 | 8 | number | of what it is: the heap's block, the seq of a directory; else zero |
 * | 32 | 12 | | zero |
 * | 44 | 4 | crc32 | of the head's bytes 0 to 43 and the descriptions |
 *
 * | offset | bytes | field of a description | |
 * |---|---|---|---|
 * | 0 | 1 | how | 0 bytes, 1 offsets from the base, 2 differences, 3 ends |
 * | 1 | 1 | codec | as in a segment's footer; one that can be undone in a single call |
 * | 2 | 1 | width | bytes of a packed number: 0 (all are the base), 1, 2, 3, 4 |
 * | 3 | 1 | element | bytes of a value in the image: 1, 2, 4 (i32), 8 (float64) |
 * | 4 | 4 | offset | in the image; a multiple of the element |
 * | 8 | 4 | values | |
 * | 12 | 4 | base | i32 |
 * | 16 | 4 | packed bytes | when decompressed |
 * | 20 | 4 | stored bytes | |
 * | 24 | 4 | crc32 | of the stored bytes |
 * | 28 | 4 | | zero |
 *
 * *Offsets*: value = base + packed. *Differences*: value = the one before it + zigzag(packed), the first counts from the base. *Ends*:
 * the column of ends behind the block of begins: 0 is the begin of the next row, 1 is open, n is the row's begin + n - 1.
 *
 * The end of a snapshot's file, 32 bytes: magic `DRPE`, bytes of the directory's record u32, its offset u64, zeros, crc32 of bytes 0 to 27.
 */
export type RecordHead = {
  readonly kind: number
  readonly bytes: number
  readonly imageBytes: number
  readonly tableId: number
  readonly rows: number
  readonly number: number
  /** Of head and descriptions: who names a record by it gets that one and no other. */
  readonly crc: number
}

export type RecordBlock = {
  readonly how: number
  readonly codec: number
  readonly width: number
  readonly element: number
  readonly offset: number
  readonly count: number
  readonly base: number
  readonly packedBytes: number
  readonly storedBytes: number
  readonly crc: number
}

/** Kinds of records. Numbers on disk; never change them. */
export const RECORD_PAGE = 1
export const RECORD_HEAP = 2
export const RECORD_KEYS = 3
export const RECORD_DIRECTORY = 4

/** How values became packed bytes. Numbers on disk; never change them. */
export const HOW_BYTES = 0
export const HOW_OFFSETS = 1
export const HOW_DIFFERENCES = 2
export const HOW_ENDS = 3

export const RECORD_HEAD_BYTES = 48
export const RECORD_BLOCK_BYTES = 32
export const PAGE_FILE_END_BYTES = 32
/** The layout of version pages and directories; what has another one is made anew from the segments. */
export const PAGE_LAYOUT = 1
/** A page has columns of up to 256 fields, with two blocks each. */
export const RECORD_BLOCKS_MAX = 1024

const MAGIC = 0x47505244
const END_MAGIC = 0x45505244

/** Head and descriptions; `head.crc` and `head.bytes` are worked out. */
export function encodeRecordHead(head: Omit<RecordHead, 'crc' | 'bytes'>, blocks: readonly RecordBlock[]): Uint8Array {
  const size = RECORD_HEAD_BYTES + blocks.length * RECORD_BLOCK_BYTES
  const bytes = new Uint8Array(size)
  writeU32(bytes, 0, MAGIC)
  writeU32(bytes, 4, head.kind | (PAGE_LAYOUT << 8) | (blocks.length << 16))
  writeU32(
    bytes,
    8,
    blocks.reduce((sum, { storedBytes }) => sum + storedBytes, size)
  )
  writeU32(bytes, 12, head.imageBytes)
  writeU32(bytes, 16, head.tableId)
  writeU32(bytes, 20, head.rows)
  writeU64(bytes, 24, head.number)
  blocks.forEach((block, index) => {
    const at = RECORD_HEAD_BYTES + index * RECORD_BLOCK_BYTES
    bytes[at] = block.how
    bytes[at + 1] = block.codec
    bytes[at + 2] = block.width
    bytes[at + 3] = block.element
    writeU32(bytes, at + 4, block.offset)
    writeU32(bytes, at + 8, block.count)
    writeU32(bytes, at + 12, block.base)
    writeU32(bytes, at + 16, block.packedBytes)
    writeU32(bytes, at + 20, block.storedBytes)
    writeU32(bytes, at + 24, block.crc)
  })
  writeU32(bytes, 44, headCrc(bytes, size))
  return bytes
}

/** Where a record stands, for the message of a fault. */
export type RecordPlace = { readonly file: string; readonly offset: number }

/**
 * Head and descriptions of the record that `bytes` are, proved: every length is checked before anything of that size is made (FMT-2).
 * @throws DriftError CORRUPT with file, offset, expected, found; UNSUPPORTED_VERSION for another layout.
 */
export function decodeRecordHead(
  bytes: Uint8Array,
  place: RecordPlace
): { readonly head: RecordHead; readonly blocks: readonly RecordBlock[] } {
  if (bytes.length < RECORD_HEAD_BYTES) throw damagedRecord(place, 0, 'not all of a record', RECORD_HEAD_BYTES, bytes.length)
  if (readU32(bytes, 0) !== MAGIC) throw damagedRecord(place, 0, 'no record begins here', MAGIC, readU32(bytes, 0))
  const kinds = readU32(bytes, 4)
  const count = kinds >>> 16
  const size = RECORD_HEAD_BYTES + count * RECORD_BLOCK_BYTES
  if (count > RECORD_BLOCKS_MAX || size > bytes.length) throw damagedRecord(place, 6, 'wrong number of blocks', bytes.length, size)
  const crc = readU32(bytes, 44)
  const sum = headCrc(bytes, size)
  if (crc !== sum) throw damagedRecord(place, 44, "wrong checksum of a record's head", sum, crc)
  if (((kinds >>> 8) & 0xff) !== PAGE_LAYOUT) {
    throw new DriftError(
      'UNSUPPORTED_VERSION',
      `${place.file} has pages of layout ${(kinds >>> 8) & 0xff}; this release reads ${PAGE_LAYOUT}`,
      {
        file: place.file,
        offset: place.offset,
        found: (kinds >>> 8) & 0xff,
        expected: PAGE_LAYOUT
      }
    )
  }
  const head: RecordHead = {
    kind: kinds & 0xff,
    bytes: readU32(bytes, 8),
    imageBytes: readU32(bytes, 12),
    tableId: readU32(bytes, 16),
    rows: readU32(bytes, 20),
    number: readU64(bytes, 24),
    crc
  }
  if (head.bytes !== bytes.length) throw damagedRecord(place, 8, 'wrong length of a record', bytes.length, head.bytes)
  const blocks: RecordBlock[] = []
  let end = size
  for (let at = RECORD_HEAD_BYTES; at < size; at += RECORD_BLOCK_BYTES) {
    const block: RecordBlock = {
      how: bytes[at] as number,
      codec: bytes[at + 1] as number,
      width: bytes[at + 2] as number,
      element: bytes[at + 3] as number,
      offset: readU32(bytes, at + 4),
      count: readU32(bytes, at + 8),
      base: readU32(bytes, at + 12) | 0,
      packedBytes: readU32(bytes, at + 16),
      storedBytes: readU32(bytes, at + 20),
      crc: readU32(bytes, at + 24)
    }
    const width = block.how === HOW_BYTES ? block.element : block.width
    const isEven = block.element >= 1 && block.element <= 8 && block.offset % block.element === 0
    const fits = isEven && block.offset + block.count * block.element <= head.imageBytes && block.packedBytes === block.count * width
    if (!fits)
      throw damagedRecord(place, at, 'a block that does not lie in its image', head.imageBytes, block.offset + block.count * block.element)
    blocks.push(block)
    end += block.storedBytes
  }
  if (end !== bytes.length) throw damagedRecord(place, size, 'blocks that are not all of the record', bytes.length, end)
  return { head, blocks }
}

/** `at` counts from the beginning of the record. */
export function damagedRecord({ file, offset }: RecordPlace, at: number, what: string, expected: unknown, found: unknown): DriftError {
  return new DriftError('CORRUPT', `${file}: ${what}, at offset ${offset + at}; run driftdb doctor`, {
    file,
    offset: offset + at,
    expected,
    found
  })
}

/** Where the directory's record is. */
export type PageFileEnd = { readonly offset: number; readonly bytes: number }

export function encodePageFileEnd({ offset, bytes }: PageFileEnd): Uint8Array {
  const end = new Uint8Array(PAGE_FILE_END_BYTES)
  writeU32(end, 0, END_MAGIC)
  writeU32(end, 4, bytes)
  writeU64(end, 8, offset)
  writeU32(end, 28, crc32(end.subarray(0, 28)))
  return end
}

/** @throws DriftError CORRUPT; `place.offset` is that of the end. */
export function decodePageFileEnd(end: Uint8Array, place: RecordPlace): PageFileEnd {
  const sum = crc32(end.subarray(0, 28))
  if (end.length !== PAGE_FILE_END_BYTES || readU32(end, 0) !== END_MAGIC || readU32(end, 28) !== sum) {
    throw damagedRecord(place, 0, 'its end is damaged', sum, end.length < PAGE_FILE_END_BYTES ? end.length : readU32(end, 28))
  }
  const found = { bytes: readU32(end, 4), offset: readU64(end, 8) }
  if (found.offset + found.bytes !== place.offset) {
    throw damagedRecord(place, 8, 'its directory does not end where its end begins', place.offset, found.offset + found.bytes)
  }
  return found
}

function headCrc(bytes: Uint8Array, size: number): number {
  return crc32(bytes.subarray(RECORD_HEAD_BYTES, size), crc32(bytes.subarray(0, 44)))
}
