import { deflateRawSync, inflateRawSync } from 'node:zlib'

/** How the bytes of a block are stored. Numbers on disk; never change them. */
export const CODEC_PLAIN = 0
export const CODEC_DEFLATE = 1
export const CODEC_ZSTD = 2

/** The least that zlib takes. */
const CHUNK_BYTES_MIN = 64

export type StoredBytes = { readonly codec: number; readonly bytes: Uint8Array }

/**
 * Compresses with deflate-raw, level 1: the fastest that a read can undo in its own call (60 us a block of 32 KiB). What would not
 * become smaller is stored as it is.
 */
export function packBlock(bytes: Uint8Array): StoredBytes {
  const packed = deflateRawSync(bytes, { level: 1 })
  return packed.length < bytes.length ? { codec: CODEC_DEFLATE, bytes: packed } : { codec: CODEC_PLAIN, bytes }
}

/** The `size` bytes that were stored; undefined where they cannot be had: damage, or a codec that is not read in one call. */
export function unpackBlock(codec: number, stored: Uint8Array, size: number): Uint8Array | undefined {
  if (codec === CODEC_PLAIN) return stored.length === size ? stored : undefined
  if (codec !== CODEC_DEFLATE) return undefined
  try {
    // One piece as large as the bytes: with pieces of 16 KiB inflating takes a quarter longer.
    const bytes = inflateRawSync(stored, { maxOutputLength: Math.max(1, size), chunkSize: Math.max(CHUNK_BYTES_MIN, size) })
    return bytes.length === size ? bytes : undefined
  } catch {
    return undefined
  }
}

/** The same of any codec, zstd on another thread: older snapshots have such blocks. */
export async function unpackAnyBlock(codec: number, stored: Uint8Array, size: number): Promise<Uint8Array | undefined> {
  if (codec !== CODEC_ZSTD) return unpackBlock(codec, stored, size)
  const { decompress } = await import('@mongodb-js/zstd')
  try {
    const bytes = await decompress(Buffer.from(stored.buffer, stored.byteOffset, stored.length))
    return bytes.length === size ? bytes : undefined
  } catch {
    return undefined
  }
}
