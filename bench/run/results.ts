/** The JSON of a run: `bench/results/*.json`. A later version of it must still read an older one. */
import type { Machine } from './machine.js'
import type { Unit } from './trial.js'

export const RESULTS_VERSION = 1

/** A value of each try, each in a process of its own; the median stands in reports, the spread beside it. */
export type Found = { readonly kind: 'found'; readonly values: readonly number[] }
export type Cell =
  | Found
  /** Its language cannot say it, or the probe is not for it. */
  | { readonly kind: 'not expressible'; readonly why: string }
  | { readonly kind: 'wrong answer'; readonly expected: string; readonly found: string }
  | { readonly kind: 'failed'; readonly why: string }

export type Row = {
  readonly suite: string
  readonly probe: string
  readonly title: string
  readonly unit: Unit
  readonly better: 'lower' | 'higher'
  /** False where each peer does something else under this title: no ratio. */
  readonly comparable: boolean
  /** True if each peer's answers were compared with the oracle's. */
  readonly checked: boolean
  /** By name of the peer. */
  readonly cells: { readonly [peer: string]: Cell }
}

export type PeerInfo = { readonly name: string; readonly title: string; readonly setup: string; readonly missing?: string }

export type Results = {
  readonly version: typeof RESULTS_VERSION
  readonly at: string
  readonly commit: string
  readonly quick: boolean
  readonly seconds: number
  readonly machine: Machine
  /** The same limits again at the end: how still the machine was. */
  readonly machineAfter: Machine
  readonly peers: readonly PeerInfo[]
  readonly suites: readonly { readonly name: string; readonly title: string; readonly versions: number; readonly visible: number }[]
  readonly rows: readonly Row[]
}
