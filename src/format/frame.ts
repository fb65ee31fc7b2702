import { crc32Range, crc32Word } from '../codec/checksum.js'
import { readU32, readU64, readVarint, varintBytes, writeU32, writeU64, writeVarint } from './bytes.js'

/**
 * One event on disk, in segments and in WAL records alike:
 *
 * `[u32 length][u32 crc32][varint seq][u64 unix_ms][u8 event_type][msgpack payload]`
 *
 * `length` counts the bytes behind the crc field; the crc covers the length field and everything behind the crc field.
 */
export const FRAME_PREFIX_BYTES = 8

/** Numbers on disk; never change them. */
export const EVENT_INSERT = 1
export const EVENT_PATCH = 2
export const EVENT_SOFT_DELETE = 3
export const EVENT_COMMIT = 16
export const EVENT_SCHEMA = 17
export const EVENT_ERASE = 18
export const EVENT_CODE_MASK = 0x3f
/** More events of this commit follow, in whatever table. A cross-check, never the rule. */
export const EVENT_MORE = 0x80

export const EVENT_NAMES: Readonly<Record<number, string>> = {
  [EVENT_INSERT]: 'INSERT',
  [EVENT_PATCH]: 'PATCH',
  [EVENT_SOFT_DELETE]: 'SOFT_DELETE',
  [EVENT_COMMIT]: 'COMMIT',
  [EVENT_SCHEMA]: 'SCHEMA',
  [EVENT_ERASE]: 'ERASE'
}

/** Bytes of a frame's head: everything in front of the payload. */
export function frameHeadBytes(seq: number): number {
  return FRAME_PREFIX_BYTES + varintBytes(seq) + 9
}

/** Writes everything but the crc (the writer thread adds that, {@link sealFrame}) and returns where the payload belongs. */
export function writeFrameHead(target: Uint8Array, offset: number, seq: number, time: number, event: number, payloadBytes: number): number {
  const at = writeVarint(target, offset + FRAME_PREFIX_BYTES, seq)
  writeU64(target, at, time)
  target[at + 8] = event
  writeU32(target, offset, at + 9 - offset - FRAME_PREFIX_BYTES + payloadBytes)
  return at + 9
}

/** All bytes of the frame at `offset`, its prefix included. */
export function frameBytes(source: Uint8Array, offset: number): number {
  return readU32(source, offset) + FRAME_PREFIX_BYTES
}

export function frameChecksum(source: Uint8Array, offset: number): number {
  const end = offset + frameBytes(source, offset)
  return crc32Range(source, offset + FRAME_PREFIX_BYTES, end, crc32Word(readU32(source, offset)))
}

/** Fills in the crc of a frame whose other bytes are complete. */
export function sealFrame(target: Uint8Array, offset: number): void {
  writeU32(target, offset + 4, frameChecksum(target, offset))
}

export function frameSeq(source: Uint8Array, offset: number): number {
  return readVarint(source, offset + FRAME_PREFIX_BYTES)
}

export type Frame = {
  readonly seq: number
  readonly time: number
  /** Event code without flags. */
  readonly event: number
  readonly more: boolean
  /** A view on the source. */
  readonly payload: Uint8Array
}

/** Reads the frame at `offset`; its crc is the caller's business. */
export function readFrame(source: Uint8Array, offset: number): Frame {
  const seq = frameSeq(source, offset)
  const at = offset + FRAME_PREFIX_BYTES + varintBytes(seq)
  const type = source[at + 8] ?? 0
  return {
    seq,
    time: readU64(source, at),
    event: type & EVENT_CODE_MASK,
    more: (type & EVENT_MORE) !== 0,
    payload: source.subarray(at + 9, offset + frameBytes(source, offset))
  }
}

/**
 * Why the bytes at `offset` are not a whole, undamaged frame that ends at or before `end`; undefined if they are one.
 * Every length is checked before anything of that length is touched.
 */
export function frameFault(source: Uint8Array, offset: number, end: number, frameBytesMax: number): string | undefined {
  if (offset + FRAME_PREFIX_BYTES > end) return 'the frame is cut in its head'
  const length = readU32(source, offset)
  if (length < 11 || length + FRAME_PREFIX_BYTES > frameBytesMax) return `a frame of ${length} bytes cannot be`
  if (offset + FRAME_PREFIX_BYTES + length > end) return 'the frame is cut'
  const found = readU32(source, offset + 4)
  if (frameChecksum(source, offset) !== found) return 'wrong checksum of a frame'
  return undefined
}
