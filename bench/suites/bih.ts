import { statementTitle } from '../questions/bih-statements.js'
import type { Probe, Question } from '../questions/question.js'
import { dayOf, bihWorkload } from '../workloads/bih.js'
import { randomNumbers, shuffled, type Random } from '../workloads/random.js'
import type { History, TableVersions } from '../workloads/versions.js'
import type { Value } from '../workloads/workload.js'
import { tableOf } from './picks.js'
import type { Suite } from './suite.js'

/** Keys of one probe. */
const KEYS = 40
const STATEMENT_KEYS = 20
const QUARTERS = 4
const HALVES = 2
const SERIES_POINTS = 16
const JOINED_POINTS = 4
/** Rows that K6 finds. */
const FOUND = 100

/** The query classes of TPC-BiH that ask for the time of the system, after a stream of so many transactions. */
export function bihSuite(transactions: number): Suite {
  const workload = bihWorkload(transactions)
  return {
    name: workload.name,
    title: `BiH-mini: ${workload.title}`,
    workload,
    measures: [
      { name: 'bytes', title: 'bytes on disk a version, over an empty database' },
      { name: 'open', title: 'open, to the first answer' }
    ],
    probes: (history) => [
      ...timeslices(history, history.commitCount - transactions),
      ...keysInTime(history, history.commitCount - transactions),
      // Without transactions there is no range of time in which anything happened.
      ...(transactions === 0 ? [] : ranges(history, history.commitCount - transactions))
    ],
    made: 'load',
    patches: false,
    compacted: false
  }
}

/** T: the state at a point: at quarters of the stream; where the largest table is read, at its half and its end. */
function timeslices(history: History, loaded: number): readonly Probe[] {
  const end = history.commitCount
  const sliced = (id: string, count: number, parameter?: (day: number) => number): Probe =>
    probe(
      id,
      pointsIn(loaded, end, count).map((at) => asked(id, [at], parameter === undefined ? [] : [parameter(dayOf(at - loaded))]))
    )
  return [
    sliced('T1', QUARTERS),
    sliced('T2', QUARTERS),
    probe('T5', [asked('T5', [], [])]),
    sliced('T6', HALVES),
    { ...probe('T7', [asked('T7', [], [])]), title: 'the present, asked without a time (orders by status)' },
    { name: 'T7-as-of', title: 'the present, asked as a point in time (orders by status)', questions: [asked('T7', [end], [])] },
    sliced('Q1', HALVES, (day) => day),
    sliced('Q3', HALVES, (day) => day - 30),
    sliced('Q5', HALVES, (day) => day - 365),
    sliced('Q6', HALVES, (day) => day - 365)
  ]
}

/** K: the versions of one key, most of customers that changed often. */
function keysInTime(history: History, loaded: number): readonly Probe[] {
  const random = randomNumbers(31)
  const customers = busyKeys(tableOf(history, 'customer'), KEYS, random)
  // Of orders any: the history of one that was cancelled has an end.
  const orders = shuffled([...tableOf(history, 'orders').keys.keys()], random).slice(0, KEYS)
  const [from = loaded, , to = history.commitCount] = pointsIn(loaded, history.commitCount, QUARTERS)
  const each = (id: string) =>
    probe(
      id,
      customers.slice(0, STATEMENT_KEYS).map((key) => asked(id, [], [key]))
    )
  return [
    {
      name: 'K1',
      title: 'all versions of a customer or an order',
      questions: [
        ...customers.map((key) => ({ kind: 'history' as const, table: 'customer', key })),
        ...orders.map((key) => ({ kind: 'history' as const, table: 'orders', key }))
      ]
    },
    {
      name: 'K2',
      title: 'versions of a customer within the middle half of the stream',
      questions: customers.map((key) => ({ kind: 'history', table: 'customer', key, from, to }))
    },
    each('K3'),
    {
      name: 'K4',
      title: 'the last 5 versions of a customer',
      questions: customers.map((key) => ({ kind: 'history', table: 'customer', key, last: 5 }))
    },
    each('K5'),
    probe('K6', [asked('K6', [], [sortedValues(tableOf(history, 'customer'), 'c_acctbal')[FOUND] ?? 0])])
  ]
}

/** R: questions over ranges of time. */
function ranges(history: History, loaded: number): readonly Probe[] {
  const end = history.commitCount
  const [, half = end, threeQuarters = end] = pointsIn(loaded, end, QUARTERS)
  const balances = sortedValues(tableOf(history, 'customer'), 'c_acctbal')
  const prices = sortedValues(tableOf(history, 'orders'), 'o_totalprice')
  return [
    probe('R1', [asked('R1', [half, threeQuarters], [])]),
    probe('R2', [asked('R2', [end], [])]),
    {
      name: 'R3',
      title: `temporal aggregation at ${SERIES_POINTS} points (value of orders by status)`,
      questions: [
        { kind: 'series', table: 'orders', by: ['o_orderstatus'], column: 'o_totalprice', points: pointsIn(loaded, end, SERIES_POINTS) }
      ]
    },
    probe('R3-changes', [asked('R3-changes', [loaded, end], [])]),
    probe('R4', [asked('R4', [], [])]),
    probe('R5', [asked('R5', [], [valueAt(balances, 0.1), valueAt(prices, 0.9)])]),
    probe('R6', [asked('R6', pointsIn(loaded, end, JOINED_POINTS), [])]),
    probe('R7', [asked('R7', [], [])])
  ]
}

function probe(id: string, questions: readonly Question[]): Probe {
  return { name: id, title: statementTitle(id), questions }
}

function asked(id: string, points: readonly number[], parameters: readonly Value[]): Question {
  return { kind: 'statement', id, points, parameters }
}

/** Evenly spread over the stream, the last one at its end; of a stream that is empty one point. */
function pointsIn(loaded: number, end: number, count: number): readonly number[] {
  return [...new Set(Array.from({ length: count }, (_, index) => loaded + Math.floor(((index + 1) * (end - loaded)) / count)))]
}

/** Keys from the tenth of them that has the most versions. */
function busyKeys({ keys }: TableVersions, count: number, random: Random): Value[] {
  const sorted = [...keys].toSorted(([, a], [, b]) => b.length - a.length).map(([key]) => key)
  return shuffled(sorted.slice(0, Math.ceil(sorted.length / 10)), random).slice(0, count)
}

/** Of all versions, the smallest first. */
function sortedValues({ keys }: TableVersions, column: string): readonly number[] {
  const values = [...keys.values()].flatMap((versions) => versions.map(({ document }) => Number(document[column])))
  return values.toSorted((a, b) => a - b)
}

function valueAt(sorted: readonly number[], share: number): number {
  return sorted[Math.floor(sorted.length * share)] ?? 0
}
