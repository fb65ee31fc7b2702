/** What EXPLAIN ANALYZE says of the steps of a query, as text and as a value. */
import test from 'ava'
import { explainDocument, explainLines, type ExplainNode } from '../../src/executor/explain-node.js'

const scan: ExplainNode = {
  step: 'scan',
  text: 'scan t at @seq:7',
  measured: { rows: 300, ms: 5, memoryBytes: 0, spilledBytes: 0, runs: 0 },
  scan: {
    pagesTouched: 2,
    rowsTouched: 500,
    rowsVisible: 300,
    waitForApplyMs: 0.25,
    workers: [
      { rows: 200, ms: 3 },
      { rows: 100, ms: 1.5 }
    ]
  },
  inputs: []
}
const other: ExplainNode = {
  ...scan,
  text: 'scan u at @seq:7',
  scan: undefined,
  measured: { rows: 20, ms: 1, memoryBytes: 0, spilledBytes: 0, runs: 0 }
}
const join: ExplainNode = {
  step: 'join',
  text: 'hash join on a = b',
  measured: { rows: 40, ms: 9, memoryBytes: 2048, spilledBytes: 3 * 1024 * 1024, runs: 4 },
  scan: undefined,
  inputs: [scan, other]
}

test('the lines are a tree, with what each step took, gave, kept and spilled, and what a scan counted', (t) => {
  t.deepEqual(explainLines(join), [
    'hash join on a = b  (40 of 320 rows, 9.00 ms, 2.0 KiB memory, spilled 3.0 MiB in 4 runs)',
    '  scan t at @seq:7  (300 rows, 5.00 ms, 2 pages touched, 500 rows touched, 300 rows visible, 0.25 ms wait for apply,' +
      ' worker 1: 200 rows in 3.00 ms, worker 2: 100 rows in 1.50 ms)',
    '  scan u at @seq:7  (20 rows, 1.00 ms)'
  ])
})

test('as a value a step has its own time beside that of all below it', (t) => {
  const { inputs, ...top } = explainDocument(join)
  t.deepEqual(top, {
    step: 'join',
    text: 'hash join on a = b',
    rowsIn: 320,
    rowsOut: 40,
    totalMs: 9,
    selfMs: 3,
    memoryBytes: 2048,
    spilledBytes: 3 * 1024 * 1024,
    runs: 4
  })
  const [first, second] = inputs as { scan?: unknown; rowsIn?: unknown }[]
  t.deepEqual(first?.scan, scan.scan)
  t.false('rowsIn' in (first ?? {}))
  t.false('scan' in (second ?? {}))
})

test('of a query that did not run there are the steps alone, and counters that are not known are left out', (t) => {
  const planned: ExplainNode = { ...scan, measured: undefined, scan: { pagesTouched: 3, rowsTouched: undefined } }
  t.deepEqual(explainLines({ ...planned, scan: undefined }), ['scan t at @seq:7'])
  t.deepEqual(explainDocument(planned), { step: 'scan', text: 'scan t at @seq:7', scan: { pagesTouched: 3 }, inputs: [] })
})

test('beside the rows that came stand those that were expected, and by which factor that was off', (t) => {
  const figures = (estimatedRows: number, rows: number, isPartial = false): string => {
    const measured = { rows, ms: 1, memoryBytes: 0, spilledBytes: 0, runs: 0, isPartial }
    return explainLines({ ...scan, scan: undefined, estimatedRows, measured })[0] ?? ''
  }
  t.is(figures(100, 300), 'scan t at @seq:7  (300 rows, about 100 expected, q-error 3.00, 1.00 ms)')
  t.is(figures(300, 100), 'scan t at @seq:7  (100 rows, about 300 expected, q-error 3.00, 1.00 ms)')
  t.is(figures(4, 0), 'scan t at @seq:7  (0 rows, about 4 expected, q-error 4.00, 1.00 ms)', 'less than a row counts as one')
  // Who stops early has not seen whether it was right, unless there were more already.
  t.is(figures(300, 100, true), 'scan t at @seq:7  (100 rows, about 300 expected, 1.00 ms)')
  t.is(figures(50, 100, true), 'scan t at @seq:7  (100 rows, about 50 expected, q-error 2.00, 1.00 ms)')
  const planned: ExplainNode = { ...scan, scan: undefined, measured: undefined }
  t.deepEqual(explainLines({ ...planned, estimatedRows: 1 }), ['scan t at @seq:7  (about 1 row)'])
  t.deepEqual(explainDocument({ ...planned, estimatedRows: 7 }), { step: 'scan', text: 'scan t at @seq:7', estimatedRows: 7, inputs: [] })
  const ran = explainDocument({ ...scan, estimatedRows: 600 })
  t.is(ran['estimatedRows'], 600)
  t.is(ran['qError'], 2)
})
