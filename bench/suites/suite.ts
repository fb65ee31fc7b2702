/** A workload, what is asked of it, and which stages a peer goes through. */
import type { Probe } from '../questions/question.js'
import type { History } from '../workloads/versions.js'
import type { Workload } from '../workloads/workload.js'

/** Concurrent callers of the suite `commits`. */
export const CALLERS: readonly number[] = [1, 8, 64]

/** `comparable`: false where each peer does something else under the name, so that a ratio would say nothing. */
export type SuiteMeasure = { readonly name: string; readonly title: string; readonly comparable?: false }

export type Suite = {
  readonly name: string
  readonly title: string
  readonly workload: Workload
  /** What is measured beside the probes, in the order of the report. */
  readonly measures: readonly SuiteMeasure[]
  /** Questions with keys and points from the history, so that they find something. */
  readonly probes: (history: History) => readonly Probe[]
  /**
   * How the database comes to be: commits that are timed, a load that is not, or not at all: each try makes its own, or needs none
   * (`micro`: steps of DriftDB alone).
   */
  readonly made: 'ingest' | 'load' | 'by each try' | 'micro'
  /** Whether durable updates of one row are timed at the end. */
  readonly patches: boolean
  /** Whether DriftDB is measured again after COMPACT. */
  readonly compacted: boolean
  /** Names of the peers beside DriftDB; absent: all. */
  readonly peers?: readonly string[]
  /**
   * Warming up and measuring take so many times the budget; absent: once. `warmUpMax`: warming up goes on, up to so many times the budget,
   * until the answers get no quicker.
   */
  readonly patience?: { readonly warmUp: number; readonly warmUpMax?: number; readonly measure: number }
}
