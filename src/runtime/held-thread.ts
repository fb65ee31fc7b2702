import { Worker } from 'node:worker_threads'
import { wrap, type Remote } from 'comlink'
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs'
import { DriftError } from '../base/errors.js'
import type { Reply } from './writer-link.js'

/**
 * A thread of one actor, spoken to over comlink.
 *
 * THR-3: the thread is ref'd exactly while a promise waits for it: an idle open database never holds the process, a pending write
 * always does (a pending `waitAsync` alone would let Node exit with the promise lost).
 */
export class HeldThread<Control> {
  readonly #worker: Worker
  readonly #control: Remote<Control>
  readonly #exited: Promise<void>
  readonly #lostSignal: Promise<never>
  #holds = 0
  #isEnding = false
  #lost: DriftError | undefined

  /** The thread begins to come up at once. `onLost` is called if it ends unasked; what waits for it is told the same. */
  constructor(entry: URL, name: string, lostMessage: string, onLost: (lost: DriftError) => void) {
    // The thread is a file of ours whatever the main program is: of its flags some are refused here (--expose-gc, --input-type).
    const worker = new Worker(entry, { name, execArgv: [] })
    this.#worker = worker
    this.#control = wrap<Control>(nodeEndpoint(worker))
    this.#exited = new Promise((resolve) => worker.once('exit', () => resolve()))
    let failure: unknown
    worker.on('error', (error) => (failure = error))
    this.#lostSignal = this.#exited.then(() => {
      if (this.#isEnding) throw closed()
      this.#lost = new DriftError('WORKER_LOST', lostMessage, {}, failure)
      onLost(this.#lost)
      throw this.#lost
    })
    this.#lostSignal.catch(() => {})
  }

  get lost(): DriftError | undefined {
    return this.#lost
  }

  /** What the actor answers. `asked` is called when the request was posted. */
  ask<Value>(request: (control: Remote<Control>) => Promise<Reply<Value>>, asked?: () => void): Promise<Value> {
    return this.wait(async () => {
      const answer = request(this.#control)
      asked?.()
      const reply = await answer
      if ('error' in reply) throw DriftError.fromData(reply.error)
      return reply.value
    })
  }

  /** What `work` gives, unless the thread ends before. */
  async wait<Value>(work: () => Promise<Value>): Promise<Value> {
    if (this.#lost !== undefined) throw this.#lost
    if (this.#isEnding) throw closed()
    this.hold()
    try {
      return await Promise.race([work(), this.#lostSignal])
    } finally {
      this.release()
    }
  }

  hold(): void {
    if (this.#holds++ === 0) this.#worker.ref()
  }

  release(): void {
    // While it ends, the ending holds it.
    if (--this.#holds === 0 && !this.#isEnding) this.#worker.unref()
  }

  /** For a thread that is of no use: it ends as one that ends unasked. */
  giveUp(): void {
    void this.#worker.terminate()
  }

  async end(): Promise<void> {
    this.#isEnding = true
    this.#worker.ref()
    await this.#worker.terminate()
    await this.#exited
  }
}

/** What is asked of a thread that was ended. */
export function closed(): DriftError {
  return new DriftError('CLOSED', 'the database is closed; open it again', {})
}
