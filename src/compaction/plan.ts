import { isCompacted, type SegmentSummary } from '../segment/block-builder.js'

/** A merged file has at most this many bytes of frames; a segment that is larger by itself is compressed alone. */
export const MERGED_BYTES_MAX = 256 * 1024 * 1024
/** Compaction begins by itself when so many bytes of frames lie uncompressed in sealed segments of one table. */
export const WAITING_BYTES = 256 * 1024 * 1024
/** A neighbour is merged too if it is at most this many times as large as what is already to be written. */
const GROWTH = 2

/**
 * The runs of sealed neighbours that are worth one new file each, oldest first: whatever is not compressed, and small files that lie
 * together. A compressed file is taken up again only beside as much that is new (or half as much): each time it is at least one and a
 * half times as large, so a byte is rewritten at most log1.5(256 MiB / its first file) times, whatever is called how often; and of
 * itself, where only full segments are sealed, once or twice.
 */
export function runsToCompact(segments: readonly SegmentSummary[]): SegmentSummary[][] {
  const sealed = segments.filter((segment) => segment.sealed)
  const runs: SegmentSummary[][] = []
  let run: SegmentSummary[] = []
  let bytes = 0
  const close = () => {
    if (run.length > 1 || run.some((segment) => !isCompacted(segment))) runs.push(run)
    run = []
    bytes = 0
  }
  // From the youngest on: what is new decides how much of the old is taken along.
  for (const segment of sealed.toReversed()) {
    const isTooMuch = bytes + segment.bytes > MERGED_BYTES_MAX
    const isTooOld = isCompacted(segment) && segment.bytes > bytes * GROWTH
    if (run.length > 0 && (isTooMuch || isTooOld)) close()
    run.unshift(segment)
    bytes += segment.bytes
  }
  close()
  return runs.reverse()
}

/** The work that waits, as compaction that runs by itself counts it: bytes of frames in sealed segments that are not compressed. */
export function waitingBytes(segments: readonly SegmentSummary[]): number {
  return segments.reduce((sum, segment) => sum + (segment.sealed && !isCompacted(segment) ? segment.bytes : 0), 0)
}
