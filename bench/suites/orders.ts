import type { Probe } from '../questions/question.js'
import { ordersWorkload } from '../workloads/orders.js'
import { randomNumbers } from '../workloads/random.js'
import type { History } from '../workloads/versions.js'
import { keysAt, POINT_QUESTIONS, quarters, tableOf } from './picks.js'
import type { Suite } from './suite.js'

const table = 'orders'
const column = 'amount_cents'
/** About 1 % of the rows. */
const BELOW = 10_000
const SERIES_POINTS = 32
/** From so many commits on fewer points are asked for: they are not what makes a history long, and a run has an end. */
const LONG_COMMITS = 500
const LONG_SERIES_POINTS = 4

/** The order desk: reads by key and the questions of an analyst, now and in the past; `ingest`: how it got there is timed too. */
export function ordersSuite(events: number, made: 'ingest' | 'load'): Suite {
  const workload = ordersWorkload(events)
  return {
    name: `${made === 'ingest' ? 'orders' : 'reads'}-${events}`,
    title: `Orders: ${workload.title}${made === 'ingest' ? '' : ', loaded'}`,
    workload,
    measures: [
      { name: 'ingest', title: 'ingest, 1,000 events a durable commit' },
      { name: 'ingest-cpu', title: 'ingest: CPU an event' },
      { name: 'ingest-memory', title: 'ingest: memory at its peak' },
      { name: 'ingest-bytes', title: 'bytes on disk a version, as ingested, over an empty database' },
      { name: 'upkeep', title: 'upkeep after it (indexes, statistics, COMPACT)', comparable: false },
      { name: 'bytes', title: 'bytes on disk a version after upkeep, over an empty database' },
      { name: 'open', title: 'open, to the first answer' },
      { name: 'read-memory', title: 'memory of a reader at its peak' }
    ],
    probes: ordersProbes,
    made,
    patches: false,
    compacted: false
  }
}

function ordersProbes(history: History): readonly Probe[] {
  const random = randomNumbers(13)
  const orders = tableOf(history, table)
  const { commitCount } = history
  const isLong = commitCount >= LONG_COMMITS
  const past = quarters(history).slice(0, isLong ? 1 : undefined)
  const count = isLong ? LONG_SERIES_POINTS : SERIES_POINTS
  const evenly = Array.from({ length: count }, (_, index) => Math.ceil(((index + 1) * commitCount) / (count + 1)))
  const series = [...new Set(evenly)]
  return [
    {
      name: 'get',
      title: 'one row by key',
      questions: keysAt(orders, undefined, POINT_QUESTIONS, random).map((key) => ({ kind: 'get', table, key }))
    },
    {
      name: 'get-as-of',
      title: 'one row by key, at a past point',
      questions: past.flatMap((at) =>
        keysAt(orders, at, Math.ceil(POINT_QUESTIONS / past.length), random).map((key) => ({ kind: 'get', table, key, at }))
      )
    },
    {
      name: 'history',
      title: 'all versions of one row',
      questions: keysAt(orders, undefined, POINT_QUESTIONS, random).map((key) => ({ kind: 'history', table, key }))
    },
    { name: 'sum', title: 'COUNT and SUM', questions: [{ kind: 'sum', table, column }] },
    { name: 'sum-as-of', title: 'COUNT and SUM, as of', questions: past.map((at) => ({ kind: 'sum', table, column, at })) },
    {
      name: 'group-as-of',
      title: 'GROUP BY two columns, as of',
      questions: past.map((at) => ({ kind: 'group', table, by: ['region', 'status'], column, at }))
    },
    {
      name: 'series',
      title: `GROUP BY status at ${series.length} points`,
      questions: [{ kind: 'series', table, by: ['status'], column, points: series }]
    },
    {
      name: 'filter-as-of',
      title: '1 % of the rows as objects, as of',
      questions: past.map((at) => ({ kind: 'filter', table, column, below: BELOW, at }))
    },
    { name: 'top-as-of', title: 'top 10, as of', questions: past.map((at) => ({ kind: 'top', table, column, count: 10, at })) },
    {
      name: 'changes-1',
      title: 'rows changed by the last commit',
      questions: [{ kind: 'changes', table, from: commitCount - 1, to: commitCount }]
    },
    {
      name: 'changes-10',
      title: 'rows changed by the last 10 % of commits',
      questions: [{ kind: 'changes', table, from: Math.floor(commitCount * 0.9), to: commitCount }]
    }
  ]
}
