import { ordersTable } from '../workloads/orders.js'
import { CALLERS, type Suite } from './suite.js'

/** Durable commits of one row: each caller waits for its own before it makes the next. */
export const commitsSuite: Suite = {
  name: 'commits',
  title: 'Durable one-row commits by concurrent callers',
  workload: { name: 'commits', title: 'inserts', tables: [ordersTable], commits: () => [] },
  measures: CALLERS.flatMap((callers) => {
    const who = callers === 1 ? '1 caller' : `${callers} callers`
    return [
      { name: `commits-${callers}`, title: `${who}: commits a second` },
      { name: `commits-${callers}-p50`, title: `${who}: one commit, median` },
      { name: `commits-${callers}-p99`, title: `${who}: one commit, 99th percentile` }
    ]
  }),
  probes: () => [],
  made: 'by each try',
  patches: false,
  compacted: false,
  // In the first 300 ms of a process its code is compiled on the cores that the threads need.
  patience: { warmUp: 20, measure: 4 }
}
