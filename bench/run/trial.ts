/** One try of one peer: what the parent asks for, and what the child answers. Plain data, one JSON file each. */
import type { Probe } from '../questions/question.js'
import type { TimingBudget } from './timing.js'

/**
 * `ingest`: a new database, its commits timed. `load`: a new database by the quickest way, not timed. `upkeep`: what is done once after a
 * load. `compact`: DriftDB's COMPACT. `read`: opens what is there and asks the questions. `patch`: durable updates of one row.
 * `commits`: a new database and durable one-row commits of concurrent callers. `micro`: no database, steps of DriftDB.
 */
export type Stage = 'ingest' | 'load' | 'upkeep' | 'compact' | 'read' | 'patch' | 'commits' | 'micro'

export type TrialSpec = {
  readonly peer: string
  readonly suite: string
  readonly stage: Stage
  readonly directory: string
  /** File of `Expected`. */
  readonly expected: string
  readonly budget: TimingBudget
}

/** The questions of a suite, and what the oracle answers to each probe. */
export type Expected = {
  readonly probes: readonly Probe[]
  readonly answers: { readonly [probe: string]: string }
  readonly commitCount: number
  readonly eventCount: number
  /** Versions of rows that were made: what bytes on disk are divided by. */
  readonly versionCount: number
  /** Rows that are there at the end. */
  readonly visibleCount: number
}

export type Unit = 'us' | '/s' | 'MiB' | 'bytes' | 's'

export type Measure = { readonly probe: string; readonly value: number; readonly unit: Unit }

export type TrialResult = {
  readonly measures: readonly Measure[]
  /** Of each probe, in the form that `Expected` has. */
  readonly answers: { readonly [probe: string]: string }
  /** Why a probe was not asked. */
  readonly notExpressible: { readonly [probe: string]: string }
}
