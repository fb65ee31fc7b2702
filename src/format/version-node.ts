/**
 * A version as it stands in blocks of versions, in memory and in snapshots: six words of 32 bits, little-endian. Versions of a table are
 * numbered from 1 in seq order; block `n` has the numbers from `n * 2048` on (number 0 is none: zeros).
 *
 * | word | field | |
 * |---|---|---|
 * | 0 | seq | less that of the block's first version; what does not fit stands in info |
 * | 1 | place | of its frame, less that of the block's first version; the same |
 * | 2 | previous | number of the key's version before; 0: none |
 * | 3 | jump | number of one further back: any version of a key is found in about 2 log2(versions) steps |
 * | 4 | ordinal | of its key |
 * | 5 | info | |
 *
 * Info: bits 0-1 event, 2-3 patches since the last whole document, 4 the frame has one, 5 the version before is live, 6-20 KiB of the
 * frames to fold, 21-24 place / 2^32, 25-31 seq / 2^32. A block has at most 2,048 x 32 MiB of frames, so a place fits in 36 bits.
 */
export const NODE_WORDS = 6
export const NODE_BYTES = NODE_WORDS * 4
/** Law of the format: versions in one block. */
export const NODE_BLOCK_BITS = 11

export const NODE_SEQ = 0
export const NODE_PLACE = 1
export const NODE_PREVIOUS = 2
export const NODE_JUMP = 3
export const NODE_ORDINAL = 4
export const NODE_INFO = 5

export const INFO_EVENT_MASK = 3
export const INFO_DEPTH_SHIFT = 2
export const INFO_HAS_DOCUMENT = 1 << 4
export const INFO_WAS_LIVE = 1 << 5
export const INFO_KIB_SHIFT = 6
/** More is said to be this much: it is past every limit of a document. */
export const INFO_KIB_MAX = 0x7fff
export const INFO_PLACE_SHIFT = 21
export const INFO_PLACE_MAX = 0xf
export const INFO_SEQ_SHIFT = 25
/** A block of versions spans less than 2^39 seqs. */
export const INFO_SEQ_MAX = 0x7f
