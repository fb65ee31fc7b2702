import type { Worker } from 'node:worker_threads'
import type { Piscina } from 'piscina'
import { DriftError } from '../base/errors.js'
import type { Arena } from '../memory/arena.js'
import { PageTable } from '../memory/page-table.js'
import { ReaderSlots } from '../memory/reader-slots.js'
import { ScanMemory } from '../scan/scan-memory.js'
import type { QueryReply, QueryTask, QueryThreadStart } from './query-task.js'

export type QueryThreadsOptions = {
  readonly arena: Arena
  /** Absent where all pages stay in memory. */
  readonly pageTable?: PageTable
  readonly kernels: () => WebAssembly.Module
  readonly threads: number
  /** Another entry of the threads, in tests. */
  readonly entry?: URL | undefined
}

export type SubmittedTask = {
  readonly reply: Promise<QueryReply>
  /** Takes it back if no thread has it yet; its reply never comes then. */
  withdraw(): void
}

type Entry = { readonly task: QueryTask; readonly settle: (reply: Promise<QueryReply>) => void }

/** A thread that is being replaced has its place until it is gone. */
const SPARE_SLOTS = 1

/**
 * The threads of the query pool. They come up with the first task and stay; they hold the process only while a task is with them. Tasks
 * are given to them in the order they came, one at a time each.
 */
export class QueryThreads {
  readonly #options: QueryThreadsOptions
  readonly #slots: ReaderSlots
  readonly #scratches: readonly (readonly number[])[]
  readonly #waiting: Entry[] = []
  readonly #watched = new WeakSet<Worker>()
  /** Ids of threads that are up. */
  readonly #up = new Set<number>()
  #onUpOrGone: () => void = () => {}
  readonly #running = new Set<Promise<QueryReply>>()
  #pool: Promise<Piscina<QueryTask, QueryReply>> | undefined
  /** The same, once it is there: a task is given to a thread before whoever submits it goes on, and works while he does. */
  #ready: Piscina<QueryTask, QueryReply> | undefined
  #isClosed = false

  /** @throws DriftError OVERLOADED where page memory has no room for what each thread works with. */
  constructor(options: QueryThreadsOptions) {
    this.#options = options
    const { arena, threads } = options
    this.#slots = ReaderSlots.create(threads + SPARE_SLOTS)
    const scratches: number[][] = []
    try {
      while (scratches.length < this.#slots.count) scratches.push(ScanMemory.claim(arena))
    } catch (error) {
      for (const address of scratches.flat()) arena.release(address)
      throw error
    }
    this.#scratches = scratches
  }

  get count(): number {
    return this.#options.threads
  }

  /** Threads that are up. */
  get upCount(): number {
    return this.#up.size
  }

  /** No thread is known to be free: one may have answered, and nobody has turned to its message yet. */
  get isBusy(): boolean {
    return this.#running.size >= this.#options.threads
  }

  /** Pages that threads hold at the moment. */
  get pinCount(): number {
    return Array.from({ length: this.#slots.count }, (_, slot) => this.#slots.pinsOf(slot)).reduce((sum, pins) => sum + pins, 0)
  }

  /** Page memory that the threads work with. */
  get workingBytes(): number {
    return this.#scratches.flat().reduce((sum, address) => sum + this.#options.arena.bytesOf(address), 0)
  }

  submit(task: QueryTask): SubmittedTask {
    let withdraw = (): void => {}
    const reply = new Promise<QueryReply>((settle) => {
      if (this.#isClosed) return settle(Promise.reject(closed()))
      const entry: Entry = { task, settle }
      this.#waiting.push(entry)
      withdraw = () => {
        const index = this.#waiting.indexOf(entry)
        if (index >= 0) this.#waiting.splice(index, 1)
      }
    })
    this.#next()
    return { reply, withdraw }
  }

  /** Resolves when the tasks that threads have now are done: then none of them is in a page of a run that was ended before. */
  async untilLeft(): Promise<void> {
    await Promise.allSettled(this.#running)
  }

  /** What waits is refused; resolves when the threads are gone. Whoever has runs stops them first. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    for (const { settle } of this.#waiting.splice(0)) settle(Promise.reject(closed()))
    // What threads have is over at their next look: its run was stopped.
    await this.untilLeft()
    const pool = await this.#pool
    // Node 20 ends the process with it where a thread is ended while it loads its modules.
    for (;;) {
      const coming = pool?.threads.filter(({ threadId }) => !this.#up.has(threadId)) ?? []
      if (coming.length === 0) break
      // One that has answered a task may still have to say that it is up, and would not hold the process for that.
      for (const thread of coming) thread.ref()
      await new Promise<void>((resolve) => (this.#onUpOrGone = resolve))
    }
    await pool?.destroy()
    for (const address of this.#scratches.flat()) this.#options.arena.release(address)
  }

  #next(): void {
    while (this.#running.size < this.#options.threads) {
      const entry = this.#waiting.shift()
      if (entry === undefined) return
      const reply = this.#run(entry.task).finally(() => {
        this.#running.delete(reply)
        this.#next()
      })
      this.#running.add(reply)
      entry.settle(reply)
    }
  }

  async #run(task: QueryTask): Promise<QueryReply> {
    try {
      const pool = this.#ready ?? (await (this.#pool ??= this.#startPool()))
      if (this.#isClosed) throw closed()
      const reply = pool.run(task)
      this.#watch(pool)
      return await reply
    } catch (error) {
      if (error instanceof DriftError) throw error
      if (this.#isClosed) throw closed()
      // What cannot be sent is no plain data.
      if (error instanceof Error && error.name === 'DataCloneError') throw DriftError.from(error, 'query task')
      throw new DriftError('WORKER_LOST', 'a query thread ended; another one takes its place, run the query again', {}, error)
    }
  }

  /** The package is loaded by the first task: an opening does not wait for it. */
  async #startPool(): Promise<Piscina<QueryTask, QueryReply>> {
    const { Piscina } = await import('piscina')
    const {
      arena,
      pageTable = PageTable.create(),
      kernels,
      threads,
      entry = new URL('../../workers/query.js', import.meta.url)
    } = this.#options
    const start: QueryThreadStart = {
      arena: arena.handle,
      pageTable: pageTable.handle,
      kernels: kernels(),
      slots: this.#slots.words,
      scratches: this.#scratches
    }
    const pool = new Piscina<QueryTask, QueryReply>({
      filename: entry.href,
      name: 'run',
      // With a least number they would count as up before they are.
      minThreads: 0,
      maxThreads: threads,
      idleTimeout: Infinity,
      workerData: start,
      // Of the flags of the main program some are refused here.
      execArgv: []
    })
    this.#ready = pool
    pool.on('workerCreate', ({ id }: { readonly id: number }) => {
      this.#watch(pool)
      this.#up.add(id)
      this.#onUpOrGone()
    })
    // Tasks hear of it by themselves.
    pool.on('error', () => {})
    pool.on('workerDestroy', () =>
      queueMicrotask(() => {
        this.#onUpOrGone()
        this.#giveUpIfEmpty(pool)
      })
    )
    return pool
  }

  /** What a thread held is let go of, not before it is gone: one that was told to end may still be reading. */
  #watch(pool: Piscina<QueryTask, QueryReply>): void {
    for (const thread of pool.threads) {
      if (this.#watched.has(thread)) continue
      this.#watched.add(thread)
      const { threadId } = thread
      thread.once('exit', () => {
        this.#up.delete(threadId)
        this.#slots.release(threadId, this.#options.arena)
      })
    }
  }

  /** No thread is left, and none comes by itself: what waits in the pool would wait for ever. The next task starts another one. */
  #giveUpIfEmpty(pool: Piscina<QueryTask, QueryReply>): void {
    if (this.#isClosed || pool.threads.length > 0) return
    this.#pool = undefined
    this.#ready = undefined
    void pool.destroy()
  }
}

function closed(): DriftError {
  return new DriftError('CLOSED', 'the database is closed; open it again', {})
}
