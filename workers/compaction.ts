/** A thread of the compaction pool: jobs of `src/compaction` over the real file system, as piscina tasks. No logic here. */
import { setPriority } from 'node:os'
import { DriftError } from '../src/base/errors.js'
import { runJob, type CompactionJob, type CompactionResult } from '../src/compaction/run-job.js'
import { realIo } from '../src/io/real-io.js'
import type { Reply } from '../src/runtime/writer-link.js'

// On Linux a priority is that of the thread: commits and reads go first where cores are few. Elsewhere it would be the whole process's.
if (process.platform === 'linux') setPriority(0, 10)

export async function run({ job, words }: { readonly job: CompactionJob; readonly words: Int32Array }): Promise<Reply<CompactionResult>> {
  try {
    return { value: await runJob(realIo, job, words) }
  } catch (error) {
    return { error: DriftError.from(error, 'compaction').toData() }
  }
}
