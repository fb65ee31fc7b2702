/** What history costs: each question of the history tax by the number of versions, and the goals that it is flat. */
import type { Results, Row } from '../run/results.js'
import { foundMedian, ratioText, timeText } from './cell-text.js'

type Depth = { readonly versions: number; readonly rows: readonly Row[] }
type Goal = {
  readonly title: string
  readonly limit: (deepest: number) => number
  /** What is compared with the limit: a ratio, or microseconds. */
  readonly found: (depths: Ends, peer: string) => number | undefined
  readonly text: (value: number) => string
}
type Ends = { readonly first: Depth; readonly last: Depth }

const own = [
  { name: 'driftdb', title: 'as ingested' },
  { name: 'driftdb-compacted', title: 'after COMPACT' }
]
/** A question of which the time is to stay the same: the noise of two suites. */
const FLAT = 1.5
/** A point read of the past may take so long, however quick the present is. */
const POINT_READ_US = 3
/** Twenty rows by an index, as objects. */
const LOOKUP_US = 60
const EXPERT = 'sqlite'

const goals: readonly Goal[] = [
  {
    title: 'COUNT and SUM mid-history at the most versions, against the present at the fewest',
    limit: () => 1.5,
    text: ratioText,
    found: ({ first, last }, peer) => quotient(usOf(last, 'sum-as-of', peer), usOf(first, 'sum', peer))
  },
  {
    title: '20 rows by another column mid-history, against the present',
    limit: () => 2,
    text: ratioText,
    found: ({ last }, peer) => quotient(usOf(last, 'lookup-as-of', peer), usOf(last, 'lookup', peer))
  },
  {
    title: 'one row by key mid-history, against the present (or 3 µs)',
    limit: () => 2,
    text: ratioText,
    found: ({ last }, peer) => {
      const [past, present] = [usOf(last, 'get-as-of', peer), usOf(last, 'get', peer)]
      return past === undefined || present === undefined ? undefined : past / Math.max(present, POINT_READ_US / 2)
    }
  },
  {
    title: 'all versions of one row: at most in proportion to them',
    limit: (times) => times,
    text: ratioText,
    found: ({ first, last }, peer) => quotient(usOf(last, 'history', peer), usOf(first, 'history', peer))
  },
  besideExpert('lookup', '20 rows by another column, against SQLite mid-history'),
  besideExpert('lookup-as-of', '20 rows by another column mid-history, against SQLite'),
  ...['lookup', 'lookup-as-of'].map((probe): Goal => ({
    title: `20 rows by another column${probe === 'lookup' ? '' : ' mid-history'}, as objects`,
    limit: () => LOOKUP_US,
    text: timeText,
    found: ({ last }, peer) => usOf(last, probe, peer)
  })),
  flat('changes-1', 'rows changed by one commit: flat'),
  flat('patch', 'one durable update: flat')
]

/** Quicker than its history table, asked for the same rows at a past point. */
function besideExpert(probe: string, title: string): Goal {
  return {
    title,
    limit: () => 1,
    text: ratioText,
    found: ({ last }, peer) => quotient(usOf(last, probe, peer), usOf(last, 'lookup-as-of', EXPERT))
  }
}

function flat(probe: string, title: string): Goal {
  return {
    title,
    limit: () => FLAT,
    text: ratioText,
    found: ({ first, last }, peer) => quotient(usOf(last, probe, peer), usOf(first, probe, peer))
  }
}

/** Nothing for a run with one depth only. */
export function taxSection({ rows, peers }: Results): readonly string[] {
  const depths = depthsOf(rows)
  const [first] = depths
  const last = depths.at(-1)
  if (first === undefined || last === undefined || first === last) return []
  const probes = first.rows.filter(({ unit, cells }) => unit === 'us' && cells['driftdb'] !== undefined)
  const asked = peers.filter(({ name }) => probes.some(({ cells }) => cells[name] !== undefined))
  const there = own.filter(({ name }) => asked.some((peer) => peer.name === name))
  const times = last.versions / first.versions
  return [
    '## What history costs',
    '',
    `The same rows with ${depths.map(({ versions }) => versions).join(', ')} versions each; the last column is how many times as long it takes with the most.`,
    '',
    `| goal | at most | ${there.map(({ title }) => `${title} | |`).join(' ')}`,
    `| --- | ---: |${there.map(() => ' ---: | --- |').join('')}`,
    ...goals.map(({ title, limit, found, text }) => {
      const cells = there.map(({ name }) => {
        const value = found({ first, last }, name)
        return value === undefined ? '| not measured' : `${text(value)} | ${value <= limit(times) ? 'reached' : '**missed**'}`
      })
      return `| ${title} | ${text(limit(times))} | ${cells.join(' | ')} |`
    }),
    '',
    `| what | peer | ${depths.map(({ versions }) => `${versions}`).join(' | ')} | times |`,
    `| --- | --- |${depths.map(() => ' ---: |').join('')} ---: |`,
    ...probes.flatMap(({ probe, title }) =>
      asked.flatMap((peer) => {
        const values = depths.map((depth) => usOf(depth, probe, peer.name))
        if (values.every((value) => value === undefined)) return []
        const growth = quotient(values.at(-1), values[0])
        const texts = values.map((value) => (value === undefined ? '' : timeText(value)))
        return [`| ${title} | ${peer.title} | ${texts.join(' | ')} | ${growth === undefined ? '' : ratioText(growth)} |`]
      })
    ),
    ''
  ]
}

function depthsOf(rows: readonly Row[]): readonly Depth[] {
  const tax = rows.filter(({ suite }) => suite.startsWith('tax-'))
  const versions = [...new Set(tax.map(({ suite }) => Number(suite.slice('tax-'.length))))].toSorted((a, b) => a - b)
  return versions.map((count) => ({ versions: count, rows: tax.filter(({ suite }) => suite === `tax-${count}`) }))
}

function usOf({ rows }: Depth, probe: string, peer: string): number | undefined {
  return foundMedian(rows.find((row) => row.probe === probe)?.cells[peer])
}

function quotient(of: number | undefined, by: number | undefined): number | undefined {
  return of === undefined || by === undefined || by === 0 ? undefined : of / by
}
