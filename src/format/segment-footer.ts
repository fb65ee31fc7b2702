import { crc32 } from '../codec/checksum.js'
import { readU32, readU64, writeU32, writeU64 } from './bytes.js'

/**
 * What stands behind the last frame of a sealed segment: the blocks (sparse index), then 64 bytes that describe them.
 * A block is the frames that begin within one window of 64 KiB; frames never cross blocks.
 *
 * Block, 24 bytes: offset u32 (of its first frame in the file), crc32 u32 (of all its bytes), first seq u64, first time u64.
 *
 * In a compacted segment (magic `DRSC`) the blocks are stored by a codec, one behind the other, and their description goes on, 40
 * bytes in all: offset u32 where the stored bytes are, stored bytes u32, their crc32 u32, codec u8, three zeros. The first offset is
 * then what it would be if nothing were compressed: a place leads to the same block in both.
 *
 * | offset | bytes | field |
 * |---|---|---|
 * | 0 | 4 | magic `DRSF`, or `DRSC` |
 * | 4 | 4 | block count |
 * | 8 | 8 | frame bytes (without the file's header) |
 * | 16 | 8 | frame count |
 * | 24 | 8 | first seq |
 * | 32 | 8 | last seq |
 * | 40 | 8 | first time |
 * | 48 | 8 | last time |
 * | 56 | 4 | crc32 of the blocks |
 * | 60 | 4 | crc32 of bytes 0 to 59 |
 */
export type SegmentBlock = {
  readonly offset: number
  readonly crc: number
  readonly firstSeq: number
  readonly firstTime: number
  /** Set in a compacted segment. */
  readonly stored?: StoredBlock
}

/** Where a block's bytes are in the file, and how: `codec` as in `block-codec.ts`; `crc` is that of the stored bytes. */
export type StoredBlock = { readonly offset: number; readonly bytes: number; readonly crc: number; readonly codec: number }

export type SegmentFooter = {
  readonly blocks: readonly SegmentBlock[]
  readonly frameBytes: number
  readonly count: number
  readonly firstSeq: number
  readonly lastSeq: number
  readonly firstTime: number
  readonly lastTime: number
}

export const FOOTER_BYTES = 64
export const FOOTER_BLOCK_BYTES = 24
export const FOOTER_STORED_BLOCK_BYTES = 40
/** A block's window. */
export const BLOCK_BYTES = 64 * 1024
/** The same in a compacted segment: a read undoes a whole block. Half as much takes 3 % more bytes and a sixth less time. */
export const STORED_BLOCK_BYTES = 32 * 1024

const MAGIC = 0x46535244
const MAGIC_STORED = 0x43535244

export function encodeSegmentFooter(footer: SegmentFooter): Uint8Array {
  const isStored = footer.blocks.length > 0 && footer.blocks.every((block) => block.stored !== undefined)
  const blockBytes = isStored ? FOOTER_STORED_BLOCK_BYTES : FOOTER_BLOCK_BYTES
  const blocksBytes = footer.blocks.length * blockBytes
  const bytes = new Uint8Array(blocksBytes + FOOTER_BYTES)
  footer.blocks.forEach((block, index) => {
    const at = index * blockBytes
    writeU32(bytes, at, block.offset)
    writeU32(bytes, at + 4, block.crc)
    writeU64(bytes, at + 8, block.firstSeq)
    writeU64(bytes, at + 16, block.firstTime)
    if (!isStored || block.stored === undefined) return
    writeU32(bytes, at + 24, block.stored.offset)
    writeU32(bytes, at + 28, block.stored.bytes)
    writeU32(bytes, at + 32, block.stored.crc)
    writeU32(bytes, at + 36, block.stored.codec)
  })
  const at = blocksBytes
  writeU32(bytes, at, isStored ? MAGIC_STORED : MAGIC)
  writeU32(bytes, at + 4, footer.blocks.length)
  writeU64(bytes, at + 8, footer.frameBytes)
  writeU64(bytes, at + 16, footer.count)
  writeU64(bytes, at + 24, footer.firstSeq)
  writeU64(bytes, at + 32, footer.lastSeq)
  writeU64(bytes, at + 40, footer.firstTime)
  writeU64(bytes, at + 48, footer.lastTime)
  writeU32(bytes, at + 56, crc32(bytes.subarray(0, blocksBytes)))
  writeU32(bytes, at + 60, crc32(bytes.subarray(at, at + 60)))
  return bytes
}

/** Bytes of the whole footer, told by its last 64; undefined if those are not one. */
export function footerBytes(tail: Uint8Array): number | undefined {
  if (tail.length !== FOOTER_BYTES || readU32(tail, 60) !== crc32(tail.subarray(0, 60))) return undefined
  const magic = readU32(tail, 0)
  if (magic === MAGIC) return readU32(tail, 4) * FOOTER_BLOCK_BYTES + FOOTER_BYTES
  return magic === MAGIC_STORED ? readU32(tail, 4) * FOOTER_STORED_BLOCK_BYTES + FOOTER_BYTES : undefined
}

/** Undefined if the bytes are not a whole, undamaged footer. */
export function decodeSegmentFooter(bytes: Uint8Array): SegmentFooter | undefined {
  const at = bytes.length - FOOTER_BYTES
  if (at < 0 || footerBytes(bytes.subarray(at)) !== bytes.length) return undefined
  if (readU32(bytes, at + 56) !== crc32(bytes.subarray(0, at))) return undefined
  const isStored = readU32(bytes, at) === MAGIC_STORED
  const blocks: SegmentBlock[] = []
  for (let block = 0; block < at; block += isStored ? FOOTER_STORED_BLOCK_BYTES : FOOTER_BLOCK_BYTES) {
    const plain = {
      offset: readU32(bytes, block),
      crc: readU32(bytes, block + 4),
      firstSeq: readU64(bytes, block + 8),
      firstTime: readU64(bytes, block + 16)
    }
    blocks.push(isStored ? { ...plain, stored: storedBlock(bytes, block + 24) } : plain)
  }
  return {
    blocks,
    frameBytes: readU64(bytes, at + 8),
    count: readU64(bytes, at + 16),
    firstSeq: readU64(bytes, at + 24),
    lastSeq: readU64(bytes, at + 32),
    firstTime: readU64(bytes, at + 40),
    lastTime: readU64(bytes, at + 48)
  }
}

function storedBlock(bytes: Uint8Array, at: number): StoredBlock {
  return { offset: readU32(bytes, at), bytes: readU32(bytes, at + 4), crc: readU32(bytes, at + 8), codec: readU32(bytes, at + 12) }
}
