import { LOG_CONTROL_BYTES, type LogMemory } from './log-memory.js'

/** Walks the records of the shared log in order: the writer has one for the WAL and one for checkpoints. */
export class LogFollower {
  readonly #memory: LogMemory
  readonly #jumpMagic: number
  #position = LOG_CONTROL_BYTES

  constructor(memory: LogMemory, jumpMagic: number) {
    this.#memory = memory
    this.#jumpMagic = jumpMagic
  }

  /** Address of the next record, or undefined at `tail` (an address that was published). */
  next(tail: number): number | undefined {
    if (this.#position === tail) return undefined
    const words = new Uint32Array(this.#memory.handle.buffer, this.#position, 2)
    if (words[0] === this.#jumpMagic) this.#position = (words[1] ?? 0) * 8
    return this.#position === tail ? undefined : this.#position
  }

  /** Steps over the record that {@link next} gave; `bytes` is a multiple of 8. */
  advance(bytes: number): void {
    this.#position += bytes
  }
}
