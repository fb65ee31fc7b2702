import type { Probe } from '../questions/question.js'
import { historyTax } from '../workloads/history-tax.js'
import { randomNumbers } from '../workloads/random.js'
import type { History } from '../workloads/versions.js'
import { keysAt, POINT_QUESTIONS, quarters, tableOf } from './picks.js'
import type { Suite } from './suite.js'

const table = 'orders'
const column = 'amount_cents'
const LOOKUPS = 20

/** What each question costs as the rows get more versions. */
export function taxSuite(versions: number): Suite {
  const workload = historyTax(versions)
  return {
    name: `tax-${versions}`,
    title: `History tax: ${workload.title}`,
    workload,
    measures: [
      { name: 'bytes', title: 'bytes on disk a version, over an empty database' },
      { name: 'snapshot-bytes', title: 'bytes on disk a version after SNAPSHOT too' },
      { name: 'open', title: 'open, to the first answer' },
      { name: 'settle', title: 'open, until nothing more goes on behind the answers' },
      { name: 'patch', title: 'one durable update' }
    ],
    probes: taxProbes,
    made: 'load',
    patches: true,
    compacted: true,
    // As for scans; here it is 27 probes of eight peers, so not as long.
    patience: { warmUp: 1, warmUpMax: 20, measure: 1 }
  }
}

function taxProbes(history: History): readonly Probe[] {
  const random = randomNumbers(17)
  const orders = tableOf(history, table)
  const [middle = 1] = quarters(history)
  const keys = keysAt(orders, undefined, POINT_QUESTIONS, random)
  const customers = Array.from({ length: LOOKUPS }, () => `customer-${random(1000)}`)
  const { commitCount } = history
  return [
    { name: 'get', title: 'one row by key', questions: keys.map((key) => ({ kind: 'get', table, key })) },
    { name: 'get-as-of', title: 'one row by key, mid-history', questions: keys.map((key) => ({ kind: 'get', table, key, at: middle })) },
    { name: 'history', title: 'all versions of one row', questions: keys.map((key) => ({ kind: 'history', table, key })) },
    { name: 'sum', title: 'COUNT and SUM', questions: [{ kind: 'sum', table, column }] },
    { name: 'sum-as-of', title: 'COUNT and SUM, mid-history', questions: [{ kind: 'sum', table, column, at: middle }] },
    {
      name: 'lookup',
      title: '20 rows by another column',
      questions: customers.map((value) => ({ kind: 'lookup', table, column: 'customer_id', value }))
    },
    {
      name: 'lookup-as-of',
      title: '20 rows by another column, mid-history',
      questions: customers.map((value) => ({ kind: 'lookup', table, column: 'customer_id', value, at: middle }))
    },
    {
      name: 'changes-1',
      title: 'rows changed by one commit (1,000)',
      questions: [{ kind: 'changes', table, from: commitCount - 1, to: commitCount }]
    }
  ]
}
