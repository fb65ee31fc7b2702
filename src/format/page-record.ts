/** Records of a page file as a whole: parts of an image to bytes, and bytes to the image. */
import { type BlockPart, type ImageMemory, type Keeping, keptPart, type PackedPart, packPart, unpackPart } from './packed-block.js'
import { crc32 } from '../codec/checksum.js'
import {
  damagedRecord,
  decodeRecordHead,
  encodeRecordHead,
  HOW_ENDS,
  RECORD_BLOCK_BYTES,
  RECORD_HEAD_BYTES,
  type RecordBlock,
  type RecordHead,
  type RecordPlace
} from './page-file.js'

/** Parts to be written one behind the other. */
export function encodeRecord(
  head: Omit<RecordHead, 'crc' | 'bytes'>,
  parts: readonly BlockPart[],
  keeping: Keeping = 'keeping'
): Uint8Array[] {
  return recordOf(
    head,
    parts.map((part) => packPart(part, keeping))
  )
}

/**
 * A record as it is to be kept: of one that was written to be read again soon the blocks are compressed.
 * @throws DriftError CORRUPT with file, offset, expected, found.
 */
export function keptRecord(bytes: Uint8Array, place: RecordPlace): Uint8Array[] {
  proveRecord(bytes, place)
  const { head, blocks } = decodeRecordHead(bytes, place)
  let at = RECORD_HEAD_BYTES + blocks.length * RECORD_BLOCK_BYTES
  const parts = blocks.map((block) => keptPart(block, bytes.subarray(at, (at += block.storedBytes))))
  return recordOf(head, parts)
}

function recordOf(head: Omit<RecordHead, 'crc' | 'bytes'>, packed: readonly PackedPart[]): Uint8Array[] {
  return [
    encodeRecordHead(
      head,
      packed.map(({ block }) => block)
    ),
    ...packed.map(({ stored }) => stored).filter((stored) => stored.length > 0)
  ]
}

/** The blocks' stored bytes. */
export function recordBody(bytes: Uint8Array, blocks: readonly RecordBlock[]): Uint8Array {
  return bytes.subarray(RECORD_HEAD_BYTES + blocks.length * RECORD_BLOCK_BYTES)
}

/**
 * Puts the image behind `imageAt`, a multiple of 8; what no block has becomes zero.
 * @throws DriftError CORRUPT with file, offset, expected, found.
 */
export function unpackRecord(
  memory: ImageMemory,
  imageAt: number,
  { imageBytes }: RecordHead,
  blocks: readonly RecordBlock[],
  body: Uint8Array,
  place: RecordPlace
): void {
  let from = 0
  let begins = -1
  // Only a chunk with room left has more than the gaps of alignment between its blocks.
  for (const [start, end] of gaps(blocks, imageBytes)) memory.u8.fill(0, imageAt + start, imageAt + end)
  const bodyAt = RECORD_HEAD_BYTES + blocks.length * RECORD_BLOCK_BYTES
  for (const block of blocks) {
    const isEnds = block.how === HOW_ENDS
    unpackPart(memory, imageAt, block, body.subarray(from, from + block.storedBytes), place, bodyAt + from, isEnds ? begins : -1)
    from += block.storedBytes
    begins = block.element === 4 ? (imageAt + block.offset) >>> 2 : -1
  }
}

/** Proves a record that is copied as it is. @throws DriftError CORRUPT */
export function proveRecord(bytes: Uint8Array, place: RecordPlace): RecordHead {
  const { head, blocks } = decodeRecordHead(bytes, place)
  let at = RECORD_HEAD_BYTES + blocks.length * RECORD_BLOCK_BYTES
  for (const { storedBytes, crc } of blocks) {
    const sum = crc32(bytes.subarray(at, at + storedBytes))
    if (sum !== crc) throw damagedRecord(place, at, 'wrong checksum of a block', crc, sum)
    at += storedBytes
  }
  return head
}

function gaps(blocks: readonly RecordBlock[], imageBytes: number): [number, number][] {
  const sorted = blocks.map(({ offset, count, element }): [number, number] => [offset, offset + count * element]).sort(([a], [b]) => a - b)
  const found: [number, number][] = []
  let at = 0
  for (const [start, end] of sorted) {
    if (start > at) found.push([at, start])
    at = Math.max(at, end)
  }
  if (at < imageBytes) found.push([at, imageBytes])
  return found
}
