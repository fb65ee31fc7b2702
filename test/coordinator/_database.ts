/** A database over simulated files, in one thread: the writer runs in the caller's event loop, the clock is a counter. */
import type { Clock } from '../../src/base/clock.js'
import type { Durability } from '../../src/base/durability.js'
import { silentLog, type Log } from '../../src/base/log.js'
import { Coordinator } from '../../src/coordinator/coordinator.js'
import { Database } from '../../src/index.js'
import type { Io } from '../../src/io/io.js'

export type Opened = { readonly db: Database; readonly coordinator: Coordinator }

/** A clock that a test moves. */
export class ManualClock implements Clock {
  wall: number
  #steps = 0

  constructor(wall = 1_700_000_000_000) {
    this.wall = wall
  }

  now = (): number => this.wall

  monotonic = (): number => this.#steps++
}

export type SimulatedOptions = {
  readonly clock?: Clock
  readonly durability?: Durability
  readonly logBytes?: number
  readonly compactAtBytes?: number
  readonly snapshotEvents?: number
  readonly readOnly?: boolean
  readonly log?: Log
  readonly pageRows?: number
  readonly cacheBytes?: number
}

export async function openSimulated(io: Io, options: SimulatedOptions = {}): Promise<Opened> {
  const { clock = new ManualClock(), durability = 'full', logBytes = 2 * 1024 * 1024, readOnly = false, log = silentLog } = options
  let random = 7
  const coordinator = await Coordinator.open({
    io,
    directory: '/data',
    clock,
    random: (bytes) => Uint8Array.from({ length: bytes }, () => (random = (random * 48271) % 2147483647) & 255),
    log,
    durability,
    cacheBytes: options.cacheBytes ?? 8 * 1024 * 1024,
    readOnly,
    create: true,
    writer: 'in-process',
    logBytes,
    // So few that every table has pages, and pages have to be split.
    pageRows: options.pageRows ?? 16,
    pagesFromVersions: 0,
    snapshotEvents: options.snapshotEvents,
    ...(options.compactAtBytes === undefined ? {} : { compactAtBytes: options.compactAtBytes })
  })
  return { db: new Database(coordinator, {}), coordinator }
}

/** A generator with a seed: the same numbers every time (mulberry32). */
export class Dice {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** 0 <= x < 1 */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  /** A whole number, 0 … below - 1. */
  below(below: number): number {
    return Math.floor(this.next() * below)
  }

  of<Item>(items: readonly Item[]): Item {
    const item = items[this.below(items.length)]
    if (item === undefined) throw new Error('a dice needs faces')
    return item
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }
}
