import { LOG_CHUNK_BYTES, LOG_CONTROL_BYTES, type LogMemory } from './log-memory.js'

/**
 * The coordinator's end of the shared log: a chain of chunks that is at once the WAL's write buffer and the place from which events
 * are read until a checkpoint has moved them into segments. Records are contiguous and stand exactly as they will in the file.
 *
 * A record that does not fit into the rest of its run of chunks leaves a jump there (magic, address) and begins a new run: the free
 * chunks with the lowest numbers. Nobody resets anything: the follower knows only its own position and the published tail.
 */
const JUMP_BYTES = 8

/** `firstEnd`: last seq of its first record; 0 while it has none. */
type Run = { readonly first: number; readonly count: number; firstEnd: number; lastSeq: number }

export class SharedLog {
  readonly memory: LogMemory
  readonly #roomChunks: number
  readonly #jumpMagic: number
  readonly #used: boolean[]
  readonly #runs: Run[] = []
  #current: Run
  #position: number
  #runEnd: number

  constructor(memory: LogMemory, jumpMagic: number) {
    this.memory = memory
    this.#jumpMagic = jumpMagic
    this.#roomChunks = Math.floor((memory.bytes().length - LOG_CONTROL_BYTES) / LOG_CHUNK_BYTES)
    this.#used = new Array<boolean>(this.#roomChunks).fill(false)
    this.#used[0] = true
    this.#current = { first: 0, count: 1, firstEnd: 0, lastSeq: 0 }
    this.#runs.push(this.#current)
    this.#position = LOG_CONTROL_BYTES
    this.#runEnd = LOG_CONTROL_BYTES + LOG_CHUNK_BYTES
    memory.tail = this.#position
  }

  get roomBytes(): number {
    return this.#roomChunks * LOG_CHUNK_BYTES
  }

  get usedBytes(): number {
    return this.#runs.reduce((sum, run) => sum + run.count, 0) * LOG_CHUNK_BYTES
  }

  /** Address for a record of `bytes` (a multiple of 8), or undefined while there is no room. Not published until {@link publish}. */
  reserve(bytes: number): number | undefined {
    if (this.#position + bytes + JUMP_BYTES > this.#runEnd && !this.#beginRun(bytes + JUMP_BYTES)) return undefined
    return this.#position
  }

  /** The record that was reserved is complete: the writer may take it. */
  publish(bytes: number, lastSeq: number): void {
    this.#position += bytes
    if (this.#current.firstEnd === 0) this.#current.firstEnd = lastSeq
    this.#current.lastSeq = lastSeq
    this.memory.tail = this.#position
    this.memory.wakeWriter()
  }

  /**
   * Runs that every follower has left are free again, once all events up to `seq` were moved into segments. A follower has left a run
   * when it has taken the first record of the next one: before that it may still have to read the jump at the run's end (MEM-3).
   */
  freeThrough(seq: number): void {
    for (;;) {
      const [run, next] = this.#runs
      if (run === undefined || next === undefined || next.firstEnd === 0 || next.firstEnd > seq) return
      this.#used.fill(false, run.first, run.first + run.count)
      this.#runs.shift()
    }
  }

  #beginRun(bytes: number): boolean {
    const count = Math.ceil(bytes / LOG_CHUNK_BYTES)
    let first = this.#freeChunks(count)
    if (first === undefined) {
      // Only a batch so large that waiting for a free run might not end makes the memory grow.
      if (count * 4 <= this.#roomChunks || !this.memory.grow(count * LOG_CHUNK_BYTES)) return false
      first = this.#used.length
    }
    for (let chunk = first; chunk < first + count; chunk++) this.#used[chunk] = true
    const address = LOG_CONTROL_BYTES + first * LOG_CHUNK_BYTES
    const jump = new DataView(this.memory.handle.buffer, this.#position, JUMP_BYTES)
    jump.setUint32(0, this.#jumpMagic, true)
    jump.setUint32(4, address / 8, true)
    this.#current = { first, count, firstEnd: 0, lastSeq: 0 }
    this.#runs.push(this.#current)
    this.#position = address
    this.#runEnd = address + count * LOG_CHUNK_BYTES
    return true
  }

  #freeChunks(count: number): number | undefined {
    let free = 0
    for (let chunk = 0; chunk < this.#used.length; chunk++) {
      free = this.#used[chunk] === true ? 0 : free + 1
      if (free === count) return chunk - count + 1
    }
    return undefined
  }
}
