import { Worker } from 'node:worker_threads'
import { wrap, type Remote } from 'comlink'
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs'
import { DriftError, type ErrorData } from '../base/errors.js'
import type { LogMemory } from '../memory/log-memory.js'
import type { SegmentSummary } from '../segment/block-builder.js'
import type { CheckpointResult, TableColumns, TableFiles } from '../writer/checkpoint.js'
import type { MaintenanceRequest, WriterConfig } from '../writer/writer.js'
import type { WriterControl } from './writer-loop.js'
import type { Reply, WriterLink } from './writer-link.js'

/**
 * The writer actor in a thread of its own.
 *
 * THR-3: the thread is ref'd exactly while a promise waits for it: an idle open database never holds the process, a pending write
 * always does (a pending `waitAsync` alone would let Node exit with the promise lost).
 */
export class ThreadWriter implements WriterLink {
  readonly #memory: LogMemory
  readonly #worker: Worker
  readonly #control: Remote<WriterControl>
  readonly #exited: Promise<void>
  #holds = 0
  #ending = false
  #lost: DriftError | undefined
  #onLost: (reason: ErrorData) => void = () => {}
  readonly #lostSignal: Promise<never>

  /** The thread begins to come up at once; it has nothing to do until {@link start}. */
  constructor(memory: LogMemory) {
    this.#memory = memory
    this.#worker = new Worker(new URL('../../workers/writer.js', import.meta.url), {
      name: 'driftdb-writer',
      // The thread is a file of ours whatever the main program is: of its flags some are refused here (--expose-gc, --input-type).
      execArgv: []
    })
    this.#control = wrap<WriterControl>(nodeEndpoint(this.#worker))
    this.#exited = new Promise((resolve) => this.#worker.once('exit', () => resolve()))
    let failure: unknown
    this.#worker.on('error', (error) => (failure = error))
    this.#lostSignal = this.#exited.then(() => {
      if (this.#ending) return new Promise<never>(() => {})
      this.#lost = new DriftError('WORKER_LOST', 'the writer thread ended; open the database again', {}, failure)
      memory.poison()
      this.#onLost(this.#lost.toData())
      throw this.#lost
    })
    this.#lostSignal.catch(() => {})
  }

  /** Resolves when the writer's WAL file is there. */
  async start(config: WriterConfig): Promise<void> {
    await this.#ask(() => this.#control.start(this.#memory.handle, config))
    this.#worker.unref()
  }

  /** Ends a thread that is not to be started, or could not be. */
  async abandon(): Promise<void> {
    await this.#end()
  }

  poke(): void {}

  async addTable(files: TableFiles, schemaYaml: string): Promise<void> {
    await this.#ask(() => this.#control.addTable(files, schemaYaml))
  }

  checkpoint(upTo: number, columns: readonly TableColumns[]): Promise<CheckpointResult> {
    return this.#ask(() => this.#control.checkpoint(upTo, columns))
  }

  maintain(request: MaintenanceRequest): Promise<readonly SegmentSummary[]> {
    return this.#ask(() => this.#control.maintain(request))
  }

  async close(): Promise<void> {
    try {
      await this.#ask(() => this.#control.close())
    } finally {
      await this.#end()
    }
  }

  async fault(): Promise<ErrorData | undefined> {
    if (this.#lost !== undefined) return this.#lost.toData()
    return this.#ask(() => this.#control.fault())
  }

  hold(): void {
    if (this.#holds++ === 0) this.#worker.ref()
  }

  release(): void {
    if (--this.#holds === 0) this.#worker.unref()
  }

  onLost(listener: (reason: ErrorData) => void): void {
    this.#onLost = listener
  }

  /** Posts a request, then tells the writer in shared memory that one is on its way. */
  async #ask<Value>(request: () => Promise<Reply<Value>>): Promise<Value> {
    if (this.#lost !== undefined) throw this.#lost
    this.hold()
    try {
      const answer = request()
      this.#memory.askWriter()
      const reply = await Promise.race([answer, this.#lostSignal])
      if ('error' in reply) throw DriftError.fromData(reply.error)
      return reply.value
    } finally {
      this.release()
    }
  }

  async #end(): Promise<void> {
    this.#ending = true
    this.#worker.ref()
    await this.#worker.terminate()
    await this.#exited
  }
}
