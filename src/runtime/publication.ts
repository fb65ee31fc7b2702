import type { Clock } from '../base/clock.js'
import type { LogMemory } from '../memory/log-memory.js'

/**
 * The coordinator's wait for the writer, the other half of `WriterLoop`'s spinning. An event loop that has fallen asleep needs 45-60 us
 * to be woken by another thread, and so does the writer: half of a durable commit on a fast disk. So where few commits wait, both can
 * stay awake: the loop keeps turning (timers, sockets and files are served as always), the writer looks for the next commit.
 *
 * On a busy machine that can be the slower way: who stays awake keeps the core that the other is waiting for (seen: 0.8 ms a commit
 * instead of 0.2). No rule knows which machine this is, so both ways are tried, and the one whose median was smaller is taken; the other
 * is tried again more seldom while it keeps losing, yet soon enough that one unlucky trial makes no slow second (one caller, median of
 * runs: 7,184 -> 8,390 commits/s). On a disk so slow that the wake does not matter, sleeping wins.
 */
const POLL_MS = 0.5
/** No longer than so many usual waits: what takes longer is not about to come. */
const USUAL_WAITS = 2
const USUAL_EVERY = 16
/** Where more commits than this wait together, one wake is shared by all of them. */
const POLLING_COMMITS_MAX = 4
const TRIAL_COMMITS = 9
const TRIAL_EVERY_MIN = 64
const TRIAL_EVERY_MAX = 256
/** Staying awake must be so much quicker to be worth a busy core. */
const WORTH = 0.9

/** `waits`: the last ones in milliseconds, {@link TRIAL_COMMITS} at most. */
type Way = { readonly awake: boolean; readonly waits: number[] }

export class Publication {
  readonly #memory: LogMemory
  readonly #clock: Clock
  readonly #awake: Way = { awake: true, waits: [] }
  readonly #asleep: Way = { awake: false, waits: [] }
  #way = this.#awake
  #pollMs = POLL_MS
  #trialEvery = TRIAL_EVERY_MIN
  /** Commits to the next trial of the other way; below zero during one. */
  #untilTrial = TRIAL_EVERY_MIN

  constructor(memory: LogMemory, clock: Clock) {
    this.#memory = memory
    this.#clock = clock
    memory.writerStaysAwake = true
  }

  /** Resolves when something was published since `seen`, for which `commits` commits wait. */
  async next(seen: number, commits: number): Promise<void> {
    const memory = this.#memory
    if (commits > POLLING_COMMITS_MAX) {
      memory.writerStaysAwake = true
      if (memory.published() === seen) await memory.untilPublished(seen)
      return
    }
    const way = this.#untilTrial < 0 ? this.#other : this.#way
    memory.writerStaysAwake = way.awake
    const began = this.#clock.monotonic()
    // A writer that must be woken is woken on this very core as a rule: it runs when this thread sleeps.
    if (way.awake && !memory.writerIsAsleep) await this.#poll(seen, began + this.#pollMs)
    if (memory.published() === seen) await memory.untilPublished(seen)
    way.waits.push(this.#clock.monotonic() - began)
    if (way.waits.length > TRIAL_COMMITS) way.waits.shift()
    this.#untilTrial--
    if (this.#untilTrial % USUAL_EVERY === 0 && way.awake) this.#pollMs = Math.min(POLL_MS, USUAL_WAITS * median(way.waits))
    if (this.#untilTrial < -TRIAL_COMMITS) this.#decide()
  }

  get #other(): Way {
    return this.#way.awake ? this.#asleep : this.#awake
  }

  /** Lets the event loop turn until something is published or the time is over; a promise a turn would be garbage by the megabyte. */
  #poll(seen: number, until: number): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (this.#memory.published() !== seen || this.#clock.monotonic() >= until) resolve()
        else setImmediate(look)
      }
      setImmediate(look)
    })
  }

  /** At the end of a trial: the quicker way from here on. */
  #decide(): void {
    const best = median(this.#awake.waits) < median(this.#asleep.waits) * WORTH ? this.#awake : this.#asleep
    this.#trialEvery = best === this.#way ? Math.min(TRIAL_EVERY_MAX, this.#trialEvery * 2) : TRIAL_EVERY_MIN
    this.#way = best
    this.#untilTrial = this.#trialEvery
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0
}
