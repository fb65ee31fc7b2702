import { DriftError } from '../base/errors.js'
import type { Clock } from '../base/clock.js'
import type { Io } from '../io/io.js'
import { LogMemory, type LogMemoryHandle } from '../memory/log-memory.js'
import type { SegmentSummary } from '../segment/block-builder.js'
import type { CheckpointResult, TableColumns, TableFiles } from '../writer/checkpoint.js'
import { Writer, type MaintenanceRequest, type WriterConfig } from '../writer/writer.js'
import { turn } from './turn.js'
import type { Reply } from './writer-link.js'
import type { ErrorData } from '../base/errors.js'

/** What the writer's thread answers over comlink. Nothing here is on a hot path. */
export type WriterControl = {
  start(handle: LogMemoryHandle, config: WriterConfig): Promise<Reply<void>>
  addTable(files: TableFiles, schemaYaml: string): Promise<Reply<void>>
  writeSchema(directory: string, schemaYaml: string): Promise<Reply<void>>
  checkpoint(upTo: number, columns: readonly TableColumns[]): Promise<Reply<CheckpointResult>>
  maintain(request: MaintenanceRequest): Promise<Reply<readonly SegmentSummary[]>>
  close(): Promise<Reply<void>>
  fault(): Promise<Reply<ErrorData | undefined>>
}

/**
 * Group commit is adaptive in two ways (one caller: 43 us less to wake this thread; 64 callers: groups of 64, not of 1 and 63):
 * the thread stays awake for this long after a group while that has paid lately, and collects a burst before it closes a group.
 */
const SPIN_MS = 0.1
const SPINS = 4
const GATHER_RECORDS_MIN = 8
const GATHER_PAUSE_MS = 0.015
const GATHER_MS = 0.25

/**
 * The life of the writer's thread: steps while there is work, sleep while there is none.
 *
 * It sleeps in `Atomics.wait` on one word, where it hears no message; a control request is posted first, then counted in shared memory
 * and the word changed. A writer that finds such a question goes back to its event loop until it has been answered. While a checkpoint's
 * sync runs on another thread it waits in the event loop, so that it hears both.
 */
export class WriterLoop implements WriterControl {
  readonly #io: Io
  readonly #clock: Clock
  #memory: LogMemory | undefined
  #writer: Writer | undefined
  #closed = false
  #hasReplies = false
  #spinsLeft = 0

  constructor(io: Io, clock: Clock) {
    this.#io = io
    this.#clock = clock
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

  writeSchema(directory: string, schemaYaml: string): Promise<Reply<void>> {
    return this.#answer(() => this.#started().writeSchema(directory, schemaYaml))
  }

  addTable(files: TableFiles, schemaYaml: string): Promise<Reply<void>> {
    return this.#answer(() => this.#started().addTable(files, schemaYaml))
  }

  checkpoint(upTo: number, columns: readonly TableColumns[]): Promise<Reply<CheckpointResult>> {
    return this.#answer(() => this.#started().checkpoint(upTo, columns))
  }

  maintain(request: MaintenanceRequest): Promise<Reply<readonly SegmentSummary[]>> {
    return this.#answer(() => this.#started().maintain(request))
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
      this.#gather(memory, writer.lastGroupRecords)
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
      } else if (outcome === 'idle' && !this.#spin(memory, seen)) {
        const began = this.#clock.monotonic()
        memory.sleep(seen)
        // Who came back this soon will do so again: staying awake would have cost less than being woken.
        if (this.#clock.monotonic() - began < 2 * SPIN_MS) this.#spinsLeft = SPINS
      }
    }
  }

  /** Waits awake, for a moment, for the caller whose commit was just acknowledged. True if something came. */
  #spin(memory: LogMemory, seen: number): boolean {
    if (this.#spinsLeft === 0 || !memory.writerStaysAwake) return false
    const until = this.#clock.monotonic() + SPIN_MS
    while (this.#clock.monotonic() < until) {
      if (memory.signal() !== seen) {
        this.#spinsLeft = SPINS
        return true
      }
    }
    this.#spinsLeft--
    return false
  }

  /**
   * Where many callers wait, their next commits come in one burst: the group is closed when it ends, where the coordinator says so, or
   * pauses, or after a moment. In its sleep this thread leaves its core to others; awake it would be in the way of what it waits for.
   */
  #gather(memory: LogMemory, lastRecords: number): void {
    if (lastRecords < GATHER_RECORDS_MIN) return
    if (memory.sleepThroughBurst(GATHER_MS)) return
    const began = this.#clock.monotonic()
    let tail = memory.tail
    let changed = began
    for (let now = began; now - changed < GATHER_PAUSE_MS && now - began < GATHER_MS; now = this.#clock.monotonic()) {
      const next = memory.tail
      if (next !== tail) changed = now
      tail = next
    }
  }
}
