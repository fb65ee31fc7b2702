import type { Probe } from '../questions/question.js'
import { randomNumbers, shuffled } from '../workloads/random.js'
import { AMOUNT_BOUND, scansWorkload } from '../workloads/scans.js'
import type { History } from '../workloads/versions.js'
import { documentsAt } from '../questions/oracle.js'
import { tableOf } from './picks.js'
import type { Suite } from './suite.js'

const table = 'sales'
const column = 'amount'
const POINTS = 32
/** Of a range of amounts: 1 % of the rows. */
const RANGE = { from: 4_000_000, below: 4_000_000 + Math.round(AMOUNT_BOUND / 100) }
/** Keys of one probe, each once and in no order: more than the caches of a core hold of their rows. */
const COLD_KEYS = 5000
const COLD_PEERS = ['driftdb', 'driftdb-compacted', 'sqlite']
const TOP = 10
/** How many times better than DuckDB DriftDB is to be: the goals of the project, by probe. */
export const scanGoals: ReadonlyMap<string, number> = new Map([
  ['sum', 4],
  ['sum-as-of', 6],
  ['group-as-of', 8],
  ['series', 12],
  ['series-two', 12],
  ['series-differences', 12],
  ['filter', 5],
  ['filter-as-of', 5],
  ['top', 10],
  ['top-as-of', 10],
  ['diff-counts', 10],
  ['diff', 10]
])

/** An analyst's scans beside the two engines that are asked for such things in a process: DuckDB and SQLite. */
export function scansSuite(events: number): Suite {
  const workload = scansWorkload(events)
  return {
    name: workload.name,
    title: `Scans: ${workload.title}`,
    workload,
    measures: [
      { name: 'load', title: 'events a second, each by its quickest way (DriftDB: durable commits of 1,000)', comparable: false },
      { name: 'upkeep', title: 'upkeep after it (indexes, statistics, COMPACT)', comparable: false },
      { name: 'bytes', title: 'bytes on disk a version after upkeep, over an empty database' },
      { name: 'snapshot-bytes', title: 'bytes on disk a version after SNAPSHOT too' },
      { name: 'open', title: 'open, to the first answer (COUNT and SUM)' },
      { name: 'settle', title: 'open, until nothing more goes on behind the answers' },
      { name: 'open-memory', title: 'memory then' },
      { name: 'read-memory', title: 'memory of a reader at its peak' }
    ],
    probes: scansProbes,
    made: 'load',
    patches: false,
    compacted: true,
    peers: ['sqlite', 'duckdb'],
    // What runs in JavaScript is compiled over its first second: then sums take half of what they took at its beginning.
    patience: { warmUp: 3, warmUpMax: 100, measure: 3 }
  }
}

function scansProbes(history: History): readonly Probe[] {
  const { commitCount } = history
  const at = Math.floor(commitCount / 2)
  const step = Math.floor(commitCount / (POINTS + 1))
  const points = Array.from({ length: POINTS }, (_, index) => step * (index + 1))
  const window = { from: Math.floor(commitCount * 0.9), to: commitCount }
  const by = ['country', 'status']
  const random = randomNumbers(43)
  const sales = tableOf(history, table)
  const keys = (point: number | undefined) =>
    shuffled([...documentsAt(sales, point)], random)
      .slice(0, COLD_KEYS)
      .map((document) => document[sales.shape.key] ?? '')
  return [
    { name: 'sum', title: 'COUNT and SUM', questions: [{ kind: 'sum', table, column }] },
    { name: 'sum-as-of', title: 'COUNT and SUM, mid-history', questions: [{ kind: 'sum', table, column, at }] },
    { name: 'sum-float', title: 'COUNT and SUM of floats, mid-history', questions: [{ kind: 'sum', table, column: 'price', at }] },
    { name: 'group-as-of', title: 'GROUP BY two columns, mid-history', questions: [{ kind: 'group', table, by, column, at }] },
    {
      name: 'series',
      title: `GROUP BY one column at ${POINTS} points, one statement`,
      questions: [{ kind: 'series', table, by: ['status'], column, points }]
    },
    {
      name: 'series-two',
      title: `GROUP BY two columns at ${POINTS} points, one statement`,
      questions: [{ kind: 'series', table, by, column, points }]
    },
    {
      name: 'series-differences',
      title: `GROUP BY one column at ${POINTS} points; SQL adds up differences by hand`,
      questions: [{ kind: 'series', table, by: ['status'], column, points, differences: true }]
    },
    { name: 'filter', title: '1 % of the rows as objects', questions: [{ kind: 'filter', table, column, ...RANGE }] },
    {
      name: 'filter-as-of',
      title: '1 % of the rows as objects, mid-history',
      questions: [{ kind: 'filter', table, column, ...RANGE, at }]
    },
    { name: 'top', title: 'top 10', questions: [{ kind: 'top', table, column, count: TOP, distinct: true }] },
    { name: 'top-as-of', title: 'top 10, mid-history', questions: [{ kind: 'top', table, column, count: TOP, distinct: true, at }] },
    { name: 'diff-counts', title: 'DIFF of the last 10 %, changes by kind', questions: [{ kind: 'change-counts', table, ...window }] },
    { name: 'diff', title: 'DIFF of the last 10 %, the keys as rows', questions: [{ kind: 'changes', table, ...window }] },
    {
      name: 'get-cold',
      title: `one row by key, ${COLD_KEYS.toLocaleString('en-US')} keys in no order`,
      questions: keys(undefined).map((key) => ({ kind: 'get', table, key })),
      peers: COLD_PEERS
    },
    {
      name: 'get-as-of-cold',
      title: `one row by key, mid-history, ${COLD_KEYS.toLocaleString('en-US')} keys in no order`,
      questions: keys(at).map((key) => ({ kind: 'get', table, key, at })),
      peers: COLD_PEERS
    }
  ]
}
