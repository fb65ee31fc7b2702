import { ordersTable } from '../workloads/orders.js'
import type { Suite } from './suites.js'

/** Durable commits of one row: each caller waits for its own before it makes the next. */
export const commitsSuite: Suite = {
  name: 'commits',
  title: 'Durable one-row commits by concurrent callers',
  workload: { name: 'commits', title: 'inserts', tables: [ordersTable], commits: () => [] },
  probes: () => [],
  made: 'by each try',
  patches: false,
  compacted: false
}
