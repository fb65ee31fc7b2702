/** The suites by name: a workload, what is asked of it, and which stages a peer goes through. */
import type { Probe } from '../questions/question.js'
import type { History } from '../workloads/versions.js'
import type { Workload } from '../workloads/workload.js'
import { bihSuite } from './bih.js'
import { commitsSuite } from './commits.js'
import { microSuite } from './micro.js'
import { ordersSuite } from './orders.js'
import { taxSuite } from './tax.js'

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
}

/** `orders-100000`, `reads-1000000` (the same without timing the ingest), `tax-50`, `bih-10000`, `commits`, `micro`. @throws Error for another name */
export function suiteNamed(name: string): Suite {
  const [kind, size = ''] = name.split('-')
  const count = Number(size)
  if (name === 'commits') return commitsSuite
  if (name === 'micro') return microSuite
  if (kind === 'orders' && Number.isSafeInteger(count) && count >= 1000) return ordersSuite(count, 'ingest')
  if (kind === 'reads' && Number.isSafeInteger(count) && count >= 1000) return ordersSuite(count, 'load')
  if (kind === 'tax' && Number.isSafeInteger(count) && count >= 1) return taxSuite(count)
  if (kind === 'bih' && size !== '' && Number.isSafeInteger(count) && count >= 0) return bihSuite(count)
  throw new Error(`no suite ${name}; suites are orders-EVENTS, reads-EVENTS, tax-VERSIONS, bih-TRANSACTIONS, commits, micro`)
}
