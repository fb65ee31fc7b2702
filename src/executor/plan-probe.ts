/** Measures the steps of a query while it runs: for EXPLAIN ANALYZE. */
import { type Batches } from './operators.js'
import { type QueryMemory } from './query-memory.js'
import { type StepProbe } from './run-select.js'

/** `ms` of a step holds that of the steps below it. `memoryBytes`: the most that it took at a time. */
export type MeasuredStep = {
  readonly rows: number
  readonly ms: number
  readonly memoryBytes: number
  readonly spilledBytes: number
  readonly runs: number
  /** It was not asked for all of its rows: the step above needed no more, or found what it needed without them. */
  readonly isPartial?: boolean
}

export class PlanProbe {
  readonly #now: () => number
  readonly #memory: QueryMemory
  readonly #steps = new Map<string, { rows: number; ms: number; isPartial: boolean }>()

  /** `now` in ms; `memory` is that of the query, whose parts are named after the steps. */
  constructor(now: () => number, memory: QueryMemory) {
    this.#now = now
    this.#memory = memory
  }

  readonly probe: StepProbe = (step, batches) => {
    // Rows that are looked up come in several goes.
    const measured = this.#steps.get(step) ?? { rows: 0, ms: 0, isPartial: true }
    this.#steps.set(step, measured)
    return this.#measured(batches, measured)
  }

  of(step: string): MeasuredStep | undefined {
    const measured = this.#steps.get(step)
    if (measured === undefined) return undefined
    const part = this.#memory.partOf(step)
    return { ...measured, memoryBytes: part?.peakBytes ?? 0, spilledBytes: part?.spilledBytes ?? 0, runs: part?.runs ?? 0 }
  }

  *#measured(batches: Batches, measured: { rows: number; ms: number; isPartial: boolean }): Batches {
    try {
      for (;;) {
        const began = this.#now()
        const next = batches.next()
        measured.ms += this.#now() - began
        if (next.done === true) {
          measured.isPartial = false
          return
        }
        measured.rows += next.value.rowCount
        yield next.value
      }
    } finally {
      batches.return()
    }
  }
}
