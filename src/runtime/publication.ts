import type { Clock } from '../base/clock.js'
import type { LogMemory } from '../memory/log-memory.js'
import { turn } from './turn.js'

/**
 * The coordinator's wait for the writer, the other half of `WriterLoop`'s spinning: an event loop that has fallen asleep needs
 * 45-60 us to be woken by another thread, a quarter of a durable commit on a fast disk. Where few commits wait and the last ones were
 * that fast, the loop keeps turning instead (timers, sockets and files are served as always), for half a millisecond at most.
 */
const POLL_MS = 0.5
const POLLS = 4
/** Where more commits than this wait together, one wake is shared by all of them. */
const POLLING_COMMITS_MAX = 4

export class Publication {
  readonly #memory: LogMemory
  readonly #clock: Clock
  #pollsLeft = 0

  constructor(memory: LogMemory, clock: Clock) {
    this.#memory = memory
    this.#clock = clock
  }

  /** Resolves when something was published since `seen`, for which `commits` commits wait. */
  async next(seen: number, commits: number): Promise<void> {
    const memory = this.#memory
    const began = this.#clock.monotonic()
    if (commits <= POLLING_COMMITS_MAX && this.#pollsLeft > 0) {
      this.#pollsLeft--
      while (memory.published() === seen && this.#clock.monotonic() - began < POLL_MS) await turn()
    }
    if (memory.published() === seen) await memory.untilPublished(seen)
    // A disk that is this fast will be so again.
    if (this.#clock.monotonic() - began < POLL_MS) this.#pollsLeft = POLLS
  }
}
