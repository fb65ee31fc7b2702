import { DriftError } from '../base/errors.js'
import type { Io } from '../io/io.js'
import { publishWord, readWord } from '../memory/shared-array.js'
import type { SegmentSummary } from '../segment/block-builder.js'
import { compactSegments, type CompactJob } from './compact-segments.js'
import { writeSnapshot, type SnapshotJob, type SnapshotResult } from './write-snapshot.js'

/** One piece of work of the compaction pool. Plain data, crosses threads. */
export type CompactionJob =
  | { readonly kind: 'compact'; readonly job: CompactJob }
  | { readonly kind: 'snapshot'; readonly job: SnapshotJob }
/** Of a `compact`: the merged segment; of a `snapshot`: the chain. */
export type CompactionResult = { readonly merged?: SegmentSummary; readonly snapshot?: SnapshotResult }

/** Shared words between a job and who waits for it: set to 1, the job ends at its next step; KiB that it went through. */
export const STOP_WORD = 0
export const PROGRESS_WORD = 1
export const JOB_WORDS = 2

/**
 * Does one job, step by step, wherever it is called (a thread of the pool, or the caller's with `breathe` between steps).
 *
 * @throws ABORTED if it was stopped: it leaves no file; CORRUPT for damage in what it reads; IO, NO_SPACE.
 */
export async function runJob(io: Io, job: CompactionJob, words: Int32Array, breathe?: () => Promise<void>): Promise<CompactionResult> {
  const work = job.kind === 'compact' ? compactSegments(io, job.job) : writeSnapshot(io, job.job)
  let bytes = 0
  for (;;) {
    if (readWord(words, STOP_WORD) !== 0) {
      work.return(undefined as never)
      throw new DriftError('ABORTED', 'the work was cancelled; nothing was changed', {})
    }
    const step = work.next()
    if (step.done === true) return 'snapshots' in step.value ? { snapshot: step.value } : { merged: step.value }
    bytes += step.value
    publishWord(words, PROGRESS_WORD, Math.floor(bytes / 1024))
    await breathe?.()
  }
}
