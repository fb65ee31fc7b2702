import { DriftError } from '../base/errors.js'
import type { Log } from '../base/log.js'
import type { Coordinator } from '../coordinator/coordinator.js'
import type { TableState } from '../coordinator/table-state.js'
import { idlePause } from '../runtime/turn.js'
import { analyzeTable } from './analyze-table.js'
import { Control } from './control.js'

/** No table has old statistics before so many events came. */
const CHECK_EVENTS = 500
/** A table that could not be read, or a full disk: tried again after so many events. */
const RETRY_EVENTS = 50_000
/** Between two steps it rests so many times as long as the step took: where writes wait, and where none do. */
const RESTS_BUSY = 24
const RESTS_IDLE = 9
const REST_MS_MAX = 200
/** Between two tables: it has a tenth of the time at most, however quickly rows change. */
const RESTS_BETWEEN = 9

/**
 * Keeps the statistics of tables fresh, one table at a time, on the coordinator's thread and in small steps: it begins when many events have
 * come, and looks for tables of whose rows a tenth and 500 have changed since. Nothing waits for it, nothing is held up by it: between steps
 * it rests, longer where commits are on their way. It begins with events, not with the opening: who only reads is left alone.
 */
export class BackgroundStatistics {
  readonly #coordinator: Coordinator
  readonly #log: Log
  readonly #stop = new AbortController()
  /** Tables whose statistics could not be made, and how many events they had then. */
  readonly #failed = new Map<TableState, number>()
  #running: Promise<void> | undefined

  constructor(coordinator: Coordinator, log: Log) {
    this.#coordinator = coordinator
    this.#log = log
    coordinator.onGrowth(CHECK_EVENTS, () => this.#start())
  }

  /** Ends what runs at its next step. */
  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  #start(): void {
    if (this.#running !== undefined || this.#stop.signal.aborted) return
    this.#running = this.#refresh().finally(() => (this.#running = undefined))
  }

  async #refresh(): Promise<void> {
    const { signal } = this.#stop
    // Who committed goes on first.
    await idlePause(0, signal)
    while (!signal.aborted) {
      const table = this.#oldest()
      if (table === undefined) return
      const began = this.#coordinator.monotonic()
      await this.#refreshTable(table)
      await idlePause(RESTS_BETWEEN * (this.#coordinator.monotonic() - began), signal)
    }
  }

  /** The first one whose statistics are old. */
  #oldest(): TableState | undefined {
    try {
      return this.#coordinator.tableStates().find((table) => {
        const failedAt = this.#failed.get(table) ?? Number.NEGATIVE_INFINITY
        return table.versions.count - failedAt > RETRY_EVENTS && this.#coordinator.hasOldStatistics(table)
      })
    } catch (thrown) {
      // Closed by whoever has the coordinator.
      if (thrown instanceof DriftError && thrown.kind === 'closed') return undefined
      throw thrown
    }
  }

  async #refreshTable(table: TableState): Promise<void> {
    const { signal } = this.#stop
    const coordinator = this.#coordinator
    const began = coordinator.monotonic()
    let rested: number | undefined
    const until = async (): Promise<void> => {
      const now = coordinator.monotonic()
      const rests = coordinator.pendingCount > 0 ? RESTS_BUSY : RESTS_IDLE
      // Before the first step it waited for pages, and took no time of anybody.
      await idlePause(Math.min(REST_MS_MAX, (now - (rested ?? now)) * rests), signal)
      rested = coordinator.monotonic()
    }
    try {
      const statistics = await analyzeTable(coordinator, table, { control: new Control(coordinator, { signal }), until })
      await coordinator.installStatistics(table, statistics)
      const ms = Math.round(coordinator.monotonic() - began)
      this.#log.info({ table: table.definition.name, rows: statistics.rows, ms }, 'statistics made')
    } catch (thrown) {
      if (signal.aborted) return
      this.#failed.set(table, table.versions.count)
      const { code } = DriftError.from(thrown, table.directory)
      this.#log.warn({ table: table.definition.name, code }, 'statistics cannot be made; ANALYZE tries again')
    }
  }
}
