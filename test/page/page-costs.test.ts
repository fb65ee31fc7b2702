/** What pages cost, whatever the workload: rows touched, rows copied, rows stored. FULL=1 runs it at full size. */
import test from 'ava'
import { findingsOf, runWorkload, touchedAt, workloads } from './_workload.js'

const sizes =
  process.env['FULL'] === '1'
    ? [
        { events: 200_000, pageRows: 16_384 },
        { events: 200_000, pageRows: 2048 }
      ]
    : [{ events: 20_000, pageRows: 256 }]

for (const { events, pageRows } of sizes) {
  for (const workload of workloads) {
    test(`VIS-9: ${events} events (${workload}) in pages of ${pageRows} rows touch, copy and store no more than they may`, (t) => {
      // Where only inserts come, pages fill and split at about the same time: what is stored swings about its mean.
      const stored: number[] = []
      const run = runWorkload(workload, events, pageRows, (pages, seq) => {
        if (seq > events / 4 && seq % 1000 === 0) stored.push(pages.rowsStored / seq)
      })
      t.deepEqual(findingsOf(run), [])
      for (let step = 0; step <= 100; step++) {
        const S = Math.floor((events * step) / 100)
        const { touched, visible } = touchedAt(run, S)
        t.is(visible, run.alive[S] ?? -1, `rows at ${S}`)
        t.is(run.reader.countAt(S), visible)
        t.true(touched <= 2.5 * visible + 2 * pageRows, `${touched} rows touched for ${visible} visible at ${S}`)
      }
      const { rowCopies } = run.pages.counters
      t.true(rowCopies <= 3.5 * events, `${rowCopies / events} row-copies an event`)
      const mean = stored.reduce((sum, each) => sum + each, 0) / stored.length
      t.true(mean <= 2.2, `${mean} rows stored a version`)
      t.true(Math.max(...stored) <= 2.75, `${Math.max(...stored)} rows stored a version at most`)
      if (workload === 'appends') t.is(rowCopies, 0)
    })
  }
}

for (const workload of workloads) {
  test(`after settling (${workload}) the present touches what is visible, and every past is as it was`, (t) => {
    const run = runWorkload(workload, 6000, 128)
    const points = Array.from({ length: 31 }, (_, step) => step * 200)
    const before = points.map((S) => run.reader.countAt(S))
    for (const rows of run.pages.settle()) t.true(rows >= 0)
    t.deepEqual(findingsOf(run), [])
    t.deepEqual(
      points.map((S) => run.reader.countAt(S)),
      before
    )
    const { touched, visible } = touchedAt(run, run.events)
    t.is(visible, run.alive[run.events] ?? -1)
    t.is(touched, visible)
    // Nothing is left to do.
    const { merges } = run.pages.counters
    for (const rows of run.pages.settle()) t.true(rows >= 0)
    t.is(run.pages.counters.merges, merges)
  })
}

for (const workload of workloads) {
  test(`VIS-9: settling by itself (${workload}), however often there is a rest, writes half a row an event and leaves every answer`, (t) => {
    const [events, pageRows] = [12_000, 256]
    const counts = new Map<number, number>()
    const run = runWorkload(workload, events, pageRows, (pages, seq) => {
      if (seq % 50 !== 0) return
      const { rowCopies } = pages.counters
      for (const _ of pages.settlePoor());
      counts.set(seq, pages.counters.rowCopies - rowCopies)
    })
    t.deepEqual(findingsOf(run), [])
    for (let S = 0; S <= events; S += 97) t.is(run.reader.countAt(S), run.alive[S] ?? -1, `rows at ${S}`)
    const settled = [...counts.values()].reduce((sum, rows) => sum + rows, 0)
    t.true(settled <= events / 2 + pageRows, `${settled} rows were written at rest`)
    t.true(run.pages.counters.rowCopies <= 3.5 * events, `${run.pages.counters.rowCopies / events} row-copies an event`)
    t.true(run.pages.rowsStored <= 2.5 * events, `${run.pages.rowsStored / events} rows stored a version`)
    if (workload === 'appends') t.is(settled, 0)
  })
}

test('a table at rest is left so that the present touches few rows that are gone', (t) => {
  const run = runWorkload('uniform', 20_000, 256)
  const touched = () => {
    const now = touchedAt(run, run.events)
    return now.touched / now.visible
  }
  t.true(touched() > 1.3)
  for (const _ of run.pages.settlePoor());
  t.true(touched() <= 1.13, `${touched()}`)
  t.deepEqual(findingsOf(run), [])
})
