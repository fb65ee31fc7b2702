import type { Piscina } from 'piscina'
import { DriftError } from '../base/errors.js'
import { JOB_WORDS, PROGRESS_WORD, runJob, STOP_WORD, type CompactionJob, type CompactionResult } from '../compaction/run-job.js'
import type { Io } from '../io/io.js'
import { publishWord, readWord, sharedInt32 } from '../memory/shared-array.js'
import { turn } from './turn.js'
import type { Reply } from './writer-link.js'

/** Where the jobs of compaction are done: one at a time. */
export type CompactionPool = {
  /** `onBytes` hears now and then how many bytes the job went through. ABORTED after {@link stop}, or where `signal` says so. */
  run(
    job: CompactionJob,
    options?: { readonly signal?: AbortSignal | undefined; readonly onBytes?: ((bytes: number) => void) | undefined }
  ): Promise<CompactionResult>
  /** The job that runs ends at its next step, and no other begins. */
  stop(): void
  /** Resolves when its thread is gone. */
  close(): Promise<void>
}

/** How often progress is looked at while a job runs elsewhere. */
const PROGRESS_MS = 100
/** A thread that nobody needs goes away. */
const IDLE_MS = 5000

type Task = { readonly job: CompactionJob; readonly words: Int32Array }

/** The pool of one thread, which comes up with the first job. */
export class ThreadCompactionPool implements CompactionPool {
  #pool: Piscina<Task, Reply<CompactionResult>> | undefined
  readonly #words = sharedInt32(JOB_WORDS)
  #stopped = false

  async run(
    job: CompactionJob,
    { signal, onBytes }: { readonly signal?: AbortSignal | undefined; readonly onBytes?: ((bytes: number) => void) | undefined } = {}
  ): Promise<CompactionResult> {
    const words = this.#words
    publishWord(words, STOP_WORD, Number(this.#stopped || (signal?.aborted ?? false)))
    publishWord(words, PROGRESS_WORD, 0)
    const pool = (this.#pool ??= await startPool())
    const stop = () => publishWord(words, STOP_WORD, 1)
    signal?.addEventListener('abort', stop)
    const timer = onBytes === undefined ? undefined : setInterval(() => onBytes(readWord(words, PROGRESS_WORD) * 1024), PROGRESS_MS)
    try {
      const reply = await pool.run({ job, words })
      if ('error' in reply) throw DriftError.fromData(reply.error)
      return reply.value
    } catch (error) {
      if (error instanceof DriftError) throw error
      throw new DriftError('WORKER_LOST', 'a thread of the compaction pool ended; nothing was changed', {}, error)
    } finally {
      clearInterval(timer)
      signal?.removeEventListener('abort', stop)
    }
  }

  stop(): void {
    this.#stopped = true
    publishWord(this.#words, STOP_WORD, 1)
  }

  async close(): Promise<void> {
    this.stop()
    await this.#pool?.destroy()
  }
}

/** The package is loaded by the first job: an opening does not wait for it. */
async function startPool(): Promise<Piscina<Task, Reply<CompactionResult>>> {
  const { Piscina } = await import('piscina')
  return new Piscina({
    filename: new URL('../../workers/compaction.js', import.meta.url).href,
    name: 'run',
    minThreads: 0,
    maxThreads: 1,
    idleTimeout: IDLE_MS,
    atomics: 'disabled',
    // The thread is a file of ours whatever the main program is: of its flags some are refused here.
    execArgv: []
  })
}

/** The same in the caller's thread, in bounded steps: for `:memory:`, and for tests over simulated files. */
export class InProcessCompactionPool implements CompactionPool {
  readonly #io: Io
  readonly #words = sharedInt32(JOB_WORDS)
  #stopped = false

  constructor(io: Io) {
    this.#io = io
  }

  async run(
    job: CompactionJob,
    { signal, onBytes }: { readonly signal?: AbortSignal | undefined; readonly onBytes?: ((bytes: number) => void) | undefined } = {}
  ): Promise<CompactionResult> {
    const words = this.#words
    publishWord(words, STOP_WORD, Number(this.#stopped))
    publishWord(words, PROGRESS_WORD, 0)
    return runJob(this.#io, job, words, async () => {
      onBytes?.(readWord(words, PROGRESS_WORD) * 1024)
      if (signal?.aborted === true) publishWord(words, STOP_WORD, 1)
      await turn()
    })
  }

  stop(): void {
    this.#stopped = true
    publishWord(this.#words, STOP_WORD, 1)
  }

  async close(): Promise<void> {
    this.stop()
  }
}
