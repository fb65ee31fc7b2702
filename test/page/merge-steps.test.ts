/** Merges that are frozen, run and installed at any later moment change no answer; readers that are inside meanwhile neither. */
import test from 'ava'
import fc from 'fast-check'
import { type MergedPages } from '../../src/page/merge-pages.js'
import { type PageBatch } from './_page-reader.js'
import { type PendingMerge } from '../../src/page/time-splits.js'
import { bytesOf, change, ModelTable, smallArena } from './_model.js'
import { runStep, step } from './_steps.js'

type Job = { readonly pending: PendingMerge; merged: MergedPages | undefined }
type Reading = { readonly S: number; readonly scan: Iterator<PageBatch, void>; readonly documents: string[] }

/** After each event: what happens to merges and readers. */
const move = fc.constantFrom('nothing', 'nothing', 'take', 'merge', 'install', 'read', 'look', 'check')
const runs = process.env['FULL'] === '1' ? 400 : 12

for (const pageRows of [4, 16, 64]) {
  test(`VIS-5, VIS-7: freeze, merge and install between any events, with readers inside, in pages of ${pageRows} rows`, (t) => {
    fc.assert(
      fc.property(fc.array(fc.tuple(step, move, fc.nat(1000)), { maxLength: 120, size: 'max' }), (moves) => {
        const model = new ModelTable({ pageRows, merging: 'by-steps' })
        const jobs: Job[] = []
        const readings: Reading[] = []
        const finish = ({ S, scan, documents }: Reading): void => {
          for (let next = scan.next(); next.done !== true; next = scan.next()) documents.push(...(next.value.documents ?? []).map(bytesOf))
          t.deepEqual(
            documents,
            model.visibleAt(S).map(({ document }) => bytesOf(document))
          )
        }
        for (const [each, what, pick] of moves) {
          runStep(model, each)
          const S = pick % (model.seq + 1)
          if (what === 'take') {
            const pending = model.pages.takeJob()
            if (pending !== undefined) jobs.push({ pending, merged: undefined })
          } else if (what === 'merge') {
            const job = jobs.find(({ merged }) => merged === undefined)
            if (job !== undefined) job.merged = model.pages.merge(job.pending)
          } else if (what === 'install') {
            const [job] = jobs
            if (job?.merged !== undefined) {
              model.pages.install(job.pending, job.merged)
              jobs.shift()
            }
          } else if (what === 'read') {
            const scan = model.reader.scanAt(S, { fields: [], documents: 'keep' })
            const first = scan.next()
            const documents = first.done === true ? [] : (first.value.documents ?? []).map(bytesOf)
            readings.push({ S, scan, documents })
          } else if (what === 'look') {
            const reading = readings.shift()
            if (reading !== undefined) finish(reading)
          } else if (what === 'check') {
            model.check(t, S)
            model.check(t, model.seq)
          }
          model.checkPages(t, 'any-share')
        }
        for (const reading of readings) finish(reading)
        for (let S = 0; S <= model.seq; S++) model.check(t, S)
        for (const { pending, merged } of jobs) model.pages.install(pending, merged ?? model.pages.merge(pending))
        for (let pending = model.pages.takeJob(); pending !== undefined; pending = model.pages.takeJob()) {
          model.pages.install(pending, model.pages.merge(pending))
        }
        model.checkPages(t, 'any-share')
        model.checkHistories(t)
        for (let S = 0; S <= model.seq; S++) model.check(t, S)
        // Whatever was retired is free again: what is claimed is what the table has.
        model.pages.release()
        t.is(model.pages.arena.claimedBytes, 0)
      }),
      { numRuns: runs }
    )
  })
}

test('MEM-5: a page that a reader is inside of is not given away by an install; it is free when the reader leaves', (t) => {
  const model = new ModelTable({ pageRows: 64, merging: 'by-steps' })
  for (let key = 0; key < 40; key++) model.insert({ id: key, a: 'first' })
  const S = model.seq
  const before = model.visibleAt(S).map(({ document }) => bytesOf(document))
  const scan = model.reader.scanAt(S, { fields: [], documents: 'keep' })
  // A generator reads nothing before it is asked: the first batch makes it pin.
  const first = scan.next()
  for (let round = 0; round < 10; round++) {
    for (const row of model.rows) model.patch(row, { a: `round ${round}` })
    for (let pending = model.pages.takeJob(); pending !== undefined; pending = model.pages.takeJob()) {
      model.pages.install(pending, model.pages.merge(pending))
    }
  }
  const claimed = model.pages.arena.claimedBytes
  const documents = first.done === true ? [] : (first.value.documents ?? []).map(bytesOf)
  for (const batch of scan) documents.push(...(batch.documents ?? []).map(bytesOf))
  t.deepEqual(documents, before)
  t.true(model.pages.arena.claimedBytes < claimed)
  t.true(model.pages.counters.merges > 5)
})

test('an iteration that is left early lets its pages go', (t) => {
  const model = new ModelTable({ pageRows: 16 })
  fc.assert(
    fc.property(fc.array(change, { minLength: 20, maxLength: 20 }), (changes) => {
      changes.forEach((each, index) => model.insert({ id: `left ${index}`, ...each }))
      for (const batch of model.reader.scanAt(model.seq, { fields: ['a'] })) if (batch.rowCount > 0) break
    }),
    { numRuns: 3 }
  )
  t.notThrows(() => model.pages.release())
  t.is(model.pages.arena.claimedBytes, 0)
})

test('an install that finds no page memory changes nothing and can be tried again', (t) => {
  const model = new ModelTable({ pageRows: 64, merging: 'by-steps', arena: smallArena(64 * 1024, 64 * 1024 * 40) })
  const { arena } = model.pages
  for (let round = 0; round < 3; round++) for (let id = 0; id < 40; id++) model.insert({ id, a: `r${round}`, b: id })
  const pending = model.pages.takeJob()
  if (pending === undefined) return t.fail('nothing to merge')
  for (let id = 0; id < 60; id += 2) model.insert({ id, a: 'meanwhile' })
  model.delete(model.rowOf(4))
  model.delete(model.rowOf(5))
  const merged = model.pages.merge(pending)
  const hogs: number[] = []
  const take = (): boolean => {
    try {
      return hogs.push(arena.claim(2048)) > 0
    } catch {
      return false
    }
  }
  while (take());
  t.throws(() => model.pages.install(pending, merged), { message: /page memory/ })
  model.checkPages(t, 'any-share')
  model.check(t, model.seq)
  for (const address of hogs) arena.release(address)
  model.pages.install(pending, merged)
  model.checkPages(t, 'any-share')
  model.checkHistories(t)
  for (let S = 0; S <= model.seq; S += 5) model.check(t, S)
  model.check(t, model.seq)
  model.pages.release()
  t.is(arena.claimedBytes, 0)
})
