import { Worker } from 'node:worker_threads'
import { wrap, type Remote } from 'comlink'
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs'
import type { DirectoryAnswer } from '../apply/applier.js'
import type { SegmentPart } from '../apply/segment-part.js'
import { DriftError, type ErrorData } from '../base/errors.js'
import type { ApplyConfig, ApplyLink } from './apply-link.js'
import type { ApplyControl } from './apply-loop.js'
import type { Reply } from './writer-link.js'

type Running = {
  readonly worker: Worker
  readonly control: Remote<ApplyControl>
  readonly exited: Promise<void>
  readonly lost: Promise<never>
}

/**
 * The apply actor in a thread of its own. The thread comes up with the first commit or question: who only reads by key never has one. It
 * is ref'd exactly while a promise waits for it (THR-3).
 */
export class ThreadApplier implements ApplyLink {
  readonly #config: ApplyConfig
  #running: Running | undefined
  #holds = 0
  #isEnding = false
  #lost: DriftError | undefined
  #onLost: (reason: ErrorData) => void = () => {}

  constructor(config: ApplyConfig) {
    this.#config = config
  }

  stir(): void {
    if (this.#running === undefined) this.#run()
    else this.#config.apply.stirApply()
  }

  async untilApplied(seq: number): Promise<void> {
    if (this.#config.apply.appliedSeq >= seq) return
    await this.#wait(() => this.#config.apply.untilApplied(seq))
  }

  directory(tableId: number): Promise<DirectoryAnswer> {
    return this.#ask((control) => control.directory(tableId))
  }

  load(tableId: number, part: SegmentPart): Promise<void> {
    return this.#ask((control) => control.load(tableId, part))
  }

  attend(tableId: number): Promise<void> {
    return this.#ask((control) => control.attend(tableId))
  }

  goLive(tableId: number): Promise<boolean> {
    return this.#ask((control) => control.goLive(tableId))
  }

  settle(tableId: number): Promise<void> {
    return this.#ask((control) => control.settle(tableId))
  }

  forget(tableId: number): Promise<void> {
    return this.#ask((control) => control.forget(tableId))
  }

  async close(): Promise<void> {
    this.#isEnding = true
    if (this.#running === undefined) return
    const { worker, exited } = this.#running
    worker.ref()
    await worker.terminate()
    await exited
  }

  onLost(listener: (reason: ErrorData) => void): void {
    this.#onLost = listener
  }

  #run(): Running {
    if (this.#running !== undefined) return this.#running
    const { memory, apply, arena, ...config } = this.#config
    const worker = new Worker(new URL('../../workers/apply.js', import.meta.url), { name: 'driftdb-apply', execArgv: [] })
    const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()))
    let failure: unknown
    worker.on('error', (error) => (failure = error))
    const lost = exited.then((): Promise<never> => {
      if (this.#isEnding) throw closed()
      this.#lost = new DriftError('WORKER_LOST', 'the apply thread ended; tables are read without their pages', {}, failure)
      this.#onLost(this.#lost.toData())
      throw this.#lost
    })
    lost.catch(() => {})
    const control = wrap<ApplyControl>(nodeEndpoint(worker))
    this.#running = { worker, control, exited, lost }
    const start = { ...config, memory: memory.handle, apply: apply.handle, arena: arena.handle }
    this.#ask(() => control.start(start)).catch(() => worker.terminate())
    return this.#running
  }

  #ask<Value>(request: (control: Remote<ApplyControl>) => Promise<Reply<Value>>): Promise<Value> {
    return this.#wait(async ({ control }) => {
      const reply = await request(control)
      if ('error' in reply) throw DriftError.fromData(reply.error)
      return reply.value
    })
  }

  async #wait<Value>(work: (running: Running) => Promise<Value>): Promise<Value> {
    if (this.#lost !== undefined) throw this.#lost
    if (this.#isEnding) throw closed()
    const running = this.#run()
    if (this.#holds++ === 0) running.worker.ref()
    try {
      return await Promise.race([work(running), running.lost])
    } finally {
      // While it ends, the closing holds it.
      if (--this.#holds === 0 && !this.#isEnding) running.worker.unref()
    }
  }
}

function closed(): DriftError {
  return new DriftError('CLOSED', 'the database is closed; open it again', {})
}
