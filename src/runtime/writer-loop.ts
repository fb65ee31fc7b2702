import { DriftError } from '../base/errors.js'
import type { Io } from '../io/io.js'
import { LogMemory, type LogMemoryHandle } from '../memory/log-memory.js'
import type { CheckpointResult, TableFiles } from '../writer/checkpoint.js'
import { Writer, type WriterConfig } from '../writer/writer.js'
import { turn } from './turn.js'
import type { Reply } from './writer-link.js'
import type { ErrorData } from '../base/errors.js'

/** What the writer's thread answers over comlink. Nothing here is on a hot path. */
export type WriterControl = {
  start(handle: LogMemoryHandle, config: WriterConfig): Promise<Reply<void>>
  addTable(files: TableFiles, schemaYaml: string): Promise<Reply<void>>
  checkpoint(upTo: number): Promise<Reply<CheckpointResult>>
  close(): Promise<Reply<void>>
  fault(): Promise<Reply<ErrorData | undefined>>
}

/**
 * The life of the writer's thread: steps while there is work, sleep while there is none.
 *
 * It sleeps in `Atomics.wait` on one word, where it hears no message; a control request is posted first, then counted in shared memory
 * and the word changed. A writer that finds such a question goes back to its event loop until it has been answered. While a checkpoint's
 * sync runs on another thread it waits in the event loop, so that it hears both.
 */
export class WriterLoop implements WriterControl {
  readonly #io: Io
  #memory: LogMemory | undefined
  #writer: Writer | undefined
  #closed = false
  #hasReplies = false

  constructor(io: Io) {
    this.#io = io
  }

  async start(handle: LogMemoryHandle, config: WriterConfig): Promise<Reply<void>> {
    const memory = LogMemory.attach(handle)
    this.#memory = memory
    const reply = await this.#answer(() => {
      this.#writer = new Writer(this.#io, memory, config)
      return undefined
    })
    if (this.#writer !== undefined) setImmediate(() => void this.#run(memory))
    return reply
  }

  addTable(files: TableFiles, schemaYaml: string): Promise<Reply<void>> {
    return this.#answer(() => this.#started().addTable(files, schemaYaml))
  }

  checkpoint(upTo: number): Promise<Reply<CheckpointResult>> {
    return this.#answer(() => this.#started().checkpoint(upTo))
  }

  close(): Promise<Reply<void>> {
    this.#closed = true
    return this.#answer(() => this.#started().close())
  }

  fault(): Promise<Reply<ErrorData | undefined>> {
    return this.#answer(() => this.#started().fault)
  }

  #started(): Writer {
    if (this.#writer === undefined) throw new DriftError('INVARIANT', 'the writer was not started')
    return this.#writer
  }

  /** The question is counted as answered when its work began: a checkpoint's own end is a message of the thread, not a question. */
  async #answer<Value>(work: () => Value | Promise<Value>): Promise<Reply<Awaited<Value>>> {
    let value: Value | Promise<Value> | undefined
    try {
      value = work()
    } catch (error) {
      value = Promise.reject(DriftError.from(error, 'writer'))
    }
    this.#memory?.answered()
    try {
      return { value: (await value) as Awaited<Value> }
    } catch (error) {
      return { error: DriftError.from(error, 'writer').toData() }
    } finally {
      this.#hasReplies = true
    }
  }

  async #run(memory: LogMemory): Promise<void> {
    const writer = this.#started()
    while (!this.#closed) {
      const seen = memory.signal()
      // A checkpoint that ends in this step answers its caller from the event loop.
      const hadCheckpoint = writer.isCheckpointing
      const outcome = writer.step()
      if (memory.hasQuestion() || hadCheckpoint || writer.isCheckpointing) {
        if (outcome === 'waiting' && !memory.hasQuestion()) await Promise.race([memory.sleepInEventLoop(seen), writer.waiting])
        else await turn()
      } else if (this.#hasReplies) {
        // A reply leaves a few microtasks after its work is done: asleep, this thread would keep it.
        this.#hasReplies = false
        await turn()
      } else if (outcome === 'idle') {
        memory.sleep(seen)
      }
    }
  }
}
