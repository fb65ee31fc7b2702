import { DriftError } from '../base/errors.js'
import { unpackBlock } from '../codec/block-codec.js'
import { crc32 } from '../codec/checksum.js'
import type { SegmentBlock } from '../format/segment-footer.js'
import type { File } from '../io/io.js'

/**
 * The frames of a block of a compacted segment, `size` bytes of them: read, proved and decompressed in the call (any thread).
 * Both sums are held against the footer: that of the stored bytes names the damage, that of the frames proves the codec.
 *
 * @throws CORRUPT with file and offset of the stored bytes.
 */
export function readStoredBlock(file: File, block: SegmentBlock, size: number): Uint8Array {
  const { stored } = block
  if (stored === undefined) throw new DriftError('INVARIANT', `FMT-3: ${file.path} has no stored block at ${block.offset}`)
  // Checked before anything of that size is made (FMT-2).
  if (stored.offset + stored.bytes > file.size()) throw corrupt(file, stored.offset, 'the file ends inside a stored block')
  const bytes = new Uint8Array(stored.bytes)
  if (file.read(bytes, stored.offset) < bytes.length) throw corrupt(file, stored.offset, 'the file ends inside a stored block')
  if (crc32(bytes) !== stored.crc) throw corrupt(file, stored.offset, 'wrong checksum of a stored block')
  const frames = unpackBlock(stored.codec, bytes, size)
  if (frames === undefined || crc32(frames) !== block.crc) throw corrupt(file, stored.offset, 'a stored block does not hold its frames')
  return frames
}

function corrupt(file: File, offset: number, what: string): DriftError {
  return new DriftError('CORRUPT', `${file.path}: ${what} at offset ${offset}; run driftdb doctor`, {
    file: file.path,
    offset,
    found: what
  })
}
