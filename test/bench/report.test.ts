import test from 'ava'
import { rowsOf } from '../../bench/run/run-suite.js'
import { compared, comparisonText } from '../../bench/report/compare.js'
import { markdownReport } from '../../bench/report/markdown.js'
import { driftdb } from '../../bench/drivers/driftdb.js'
import { sqlite } from '../../bench/drivers/sqlite.js'
import type { Results, Row } from '../../bench/run/results.js'
import type { Expected, TrialResult } from '../../bench/run/trial.js'
import { suiteNamed } from '../../bench/suites/suites.js'

const machine = {
  cpu: 'a processor',
  cores: 2,
  memoryGiB: 8,
  kernel: '6',
  node: 'v20',
  appendSyncUs: 200,
  overwriteSyncUs: 100,
  sequentialWriteMiBPerSecond: 500,
  memoryReadGiBPerSecond: 10
}

function results(rows: readonly Row[]): Results {
  return {
    version: 1,
    at: '2026-01-01T00:00:00.000Z',
    commit: 'abc',
    quick: true,
    seconds: 60,
    machine,
    machineAfter: machine,
    peers: [
      { name: 'driftdb', title: 'DriftDB', setup: 'defaults' },
      { name: 'sqlite', title: 'SQLite', setup: 'WAL' },
      { name: 'duckdb', title: 'DuckDB', setup: '', missing: 'not installed' }
    ],
    suites: [{ name: 'tax-1', title: 'The tax', versions: 20_000, visible: 20_000 }],
    rows
  }
}

function row(probe: string, ours: readonly number[], theirs: readonly number[], unit: 'us' | '/s' = 'us'): Row {
  const cells = { driftdb: { kind: 'found', values: ours }, sqlite: { kind: 'found', values: theirs } } as const
  return {
    suite: 'tax-1',
    probe,
    title: `title of ${probe}`,
    unit,
    better: unit === '/s' ? 'higher' : 'lower',
    comparable: true,
    checked: true,
    cells
  }
}

test('a loss and a win stand in their own sections, a rate the right way round', (t) => {
  const text = markdownReport(results([row('slow', [30], [10]), row('quick', [10], [40]), row('rate', [1000], [4000], '/s')]), [])
  const [, loses = '', wins = ''] = text.split(/## Where DriftDB (?:loses|wins)/)
  t.true(loses.includes('| tax-1 | title of slow | SQLite | 0.33 × |'), loses)
  t.true(loses.includes('| tax-1 | title of rate | SQLite | 0.25 × |'), loses)
  t.true(wins.includes('| tax-1 | title of quick | SQLite | 4.0 × |'), wins)
  t.false(wins.split('## The machine')[0]?.includes('slow'))
  t.true(text.includes('skipped: not installed'))
})

test('one wrong answer among the tries leaves no number of that peer', (t) => {
  const suite = suiteNamed('tax-1')
  const expected: Expected = {
    probes: [{ name: 'sum', title: 'a sum', questions: [] }],
    answers: { sum: '{count:1,sum:2}' },
    commitCount: 1,
    eventCount: 1,
    versionCount: 1,
    visibleCount: 1
  }
  const tried = (answer: string): TrialResult => ({
    measures: [{ probe: 'sum', value: 5, unit: 'us' }],
    answers: { sum: answer },
    notExpressible: {}
  })
  const rows = rowsOf(suite, expected, [
    { kind: driftdb, results: [tried('{count:1,sum:2}'), tried('{count:1,sum:3}')] },
    { kind: sqlite, results: [tried('{count:1,sum:2}')] }
  ])
  const cells = rows.find(({ probe }) => probe === 'sum')?.cells
  t.deepEqual(cells?.['driftdb'], { kind: 'wrong answer', expected: '{count:1,sum:2}', found: '{count:1,sum:3}' })
  t.deepEqual(cells?.['sqlite'], { kind: 'found', values: [5] })
  t.true(markdownReport(results(rows), []).includes('**wrong answer**'))
})

test('compare calls a change only what the spread of the tries cannot explain', (t) => {
  const before = results([
    row('still', [10, 11, 12, 10, 11], [10, 10, 10, 10, 10]),
    row('slower', [10, 11, 10, 11, 10], [10, 10, 10, 10, 10]),
    row('faster', [100, 101, 102, 99, 100], [10, 10, 10, 10, 10], '/s')
  ])
  const after = results([
    row('still', [11, 10, 12, 11, 12], [10, 10, 10, 10, 10]),
    row('slower', [20, 21, 20, 22, 20], [10, 10, 10, 10, 10]),
    row('faster', [200, 202, 199, 201, 200], [10, 10, 10, 10, 10], '/s')
  ])
  const verdicts = compared(before, after)
    .filter(({ peer }) => peer === 'DriftDB')
    .map(({ title, verdict }) => [title, verdict])
  t.deepEqual(verdicts, [
    ['title of still', 'the same within the noise'],
    ['title of slower', 'slower'],
    ['title of faster', 'faster']
  ])
  const text = comparisonText(compared(before, after))
  t.true(text.includes('6 measured in both runs, 4 the same within the noise'), text)
})

test('goals are reached from their ratio on, and what was not measured is not reached', (t) => {
  const asked = (probe: string, ours: number | undefined, theirs: number): Row => ({
    ...row(probe, [], []),
    suite: 'scans-100000',
    cells: {
      driftdb: ours === undefined ? { kind: 'not expressible', why: 'DIFF' } : { kind: 'found', values: [ours] },
      duckdb: { kind: 'found', values: [theirs] }
    }
  })
  const rows = [asked('sum', 10, 40), asked('sum-as-of', 10, 59.9), asked('diff', undefined, 100), asked('get-cold', 1, 1)]
  const base = results(rows)
  const peers = [
    { name: 'driftdb', title: 'DriftDB', setup: '' },
    { name: 'duckdb', title: 'DuckDB', setup: '' }
  ]
  const suites = [{ name: 'scans-100000', title: 'Scans', versions: 1, visible: 1 }]
  const [, goals = ''] = markdownReport({ ...base, peers, suites }, []).split('## Goals beside DuckDB: Scans')
  const section = goals.split('## ')[0] ?? ''
  t.true(section.includes('Reached: 1 of 3 as ingested.'), section)
  t.true(section.includes('| title of sum | 4 × | 10.0 µs · 4.0 × | reached | 40.0 µs |'), section)
  t.true(section.includes('| title of sum-as-of | 6 × | 10.0 µs · 5.990 × | **missed** | 59.9 µs |'), section)
  t.true(section.includes('| title of diff | 10 × | not expressible: DIFF | not measured | 100 µs |'), section)
  t.false(section.includes('get-cold'))
  t.false(markdownReport({ ...base, suites }, []).includes('## Goals beside'))
})

test('the history tax stands in one table, with what grows by how much', (t) => {
  const at = (versions: number, probe: string, us: number): Row => ({ ...row(probe, [us], [us * 3]), suite: `tax-${versions}` })
  const rows = [
    ...[at(1, 'sum', 100), at(1, 'sum-as-of', 90), at(1, 'history', 5), at(1, 'patch', 100)],
    ...[at(10, 'sum', 110), at(10, 'sum-as-of', 151), at(10, 'history', 45), at(10, 'patch', 120)],
    ...[at(10, 'lookup', 60), at(10, 'lookup-as-of', 70)]
  ]
  const [, tax = ''] = markdownReport(results(rows), []).split('## What history costs')
  const section = tax.split('## ')[0] ?? ''
  t.true(section.includes('| title of history | DriftDB | 5.00 µs | 45.0 µs | 9.0 × |'), section)
  t.true(section.includes('| title of history | SQLite | 15.0 µs | 135 µs | 9.0 × |'), section)
  t.regex(section, /COUNT and SUM mid-history .* \| 1\.5 × \| 1\.5 × \| \*\*missed\*\* \|/)
  t.regex(section, /20 rows by another column, against SQLite mid-history \| 1\.0 × \| 0\.29 × \| reached \|/)
  t.regex(section, /20 rows by another column mid-history, against SQLite \| 1\.0 × \| 0\.33 × \| reached \|/)
  t.regex(section, /20 rows by another column, as objects \| 60\.0 µs \| 60\.0 µs \| reached \|/)
  t.regex(section, /20 rows by another column mid-history, as objects \| 60\.0 µs \| 70\.0 µs \| \*\*missed\*\* \|/)
  t.regex(section, /all versions of one row.* \| 10 × \| 9\.0 × \| reached \|/)
  t.regex(section, /one durable update: flat \| 1\.5 × \| 1\.2 × \| reached \|/)
  t.regex(section, /rows changed by one commit: flat \| 1\.5 × \| \| not measured \|/)
  t.false(markdownReport(results(rows.slice(0, 4)), []).includes('## What history costs'))
})
