/** COMPACT cuts sealed pages anew: every state is as it was, few rows are touched, and what was replaced goes back when nobody reads it. */
import test from 'ava'
import fc from 'fast-check'
import { DriftError } from '../../src/base/errors.js'
import { Arena } from '../../src/memory/arena.js'
import { type PageDirectory } from '../../src/page/page-directory.js'
import { isHandle } from '../../src/page/page-handle.js'
import { PageReader } from './_page-reader.js'
import { type TablePages } from '../../src/page/table-pages.js'
import { keptMemory } from './_kept.js'
import { ModelTable } from './_model.js'
import { runStep, type Step, step } from './_steps.js'
import { findingsOf, numbers, runWorkload, touchedAt, workloads } from './_workload.js'

const isFull = process.env['FULL'] === '1'

/** One step or a few of a compaction, which goes on over events; a new one begins where it has ended. */
class Compaction {
  readonly #model: ModelTable
  #steps: Generator<unknown, void> | undefined
  ended = 0

  constructor(model: ModelTable) {
    this.#model = model
  }

  go(steps: number): void {
    for (let left = steps; left > 0; left--) {
      this.#steps ??= this.#all()
      if (this.#steps.next().done === true) {
        this.#steps = undefined
        this.ended++
      }
    }
  }

  finish(): void {
    const before = this.ended
    while (this.ended === before) this.go(1)
  }

  *#all(): Generator<unknown, void> {
    const { pages } = this.#model
    yield* pages.settle()
    yield* pages.recut()
    pages.releaseReplaced(pages.structureVersion)
  }
}

const steps = fc.array(fc.record({ step, compact: fc.constantFrom(0, 0, 0, 1, 3) }), { maxLength: 150, size: 'max' })

function runAll(model: ModelTable, all: readonly { readonly step: Step; readonly compact: number }[], watch: () => void): void {
  const compaction = new Compaction(model)
  for (const each of all) {
    runStep(model, each.step)
    compaction.go(each.compact)
    watch()
  }
  compaction.finish()
  compaction.finish()
}

for (const pageRows of [4, 16, 64]) {
  test(`VIS-6, VIS-7: every state of a random table is as it was, compacted in steps between events, in pages of ${pageRows} rows`, (t) => {
    fc.assert(
      fc.property(steps, (all) => {
        const model = new ModelTable({ pageRows })
        runAll(model, all, () => {})
        t.deepEqual(model.pages.replaced, [])
        model.checkPages(t)
        model.checkHistories(t)
        for (let S = 0; S <= model.seq; S++) model.check(t, S)
        model.pages.release()
        t.is(model.pages.arena.claimedBytes, 0)
      }),
      { numRuns: isFull ? 400 : 10 }
    )
  })
}

test('VIS-6, MEM-7: the same where sealed pages leave memory and are read back to be cut', (t) => {
  fc.assert(
    fc.property(steps, fc.constantFrom(24, 400), (all, slots) => {
      const { arena, cache, keeper, sealed, pageTable } = keptMemory(slots * 128 * 1024, 128 * 1024)
      const model = new ModelTable({ arena, pageRows: 8, sealed, pins: cache })
      runAll(model, all, () => {
        keeper.settle()
        if (model.seq % 7 === 0) while (cache.evict());
      })
      model.checkPages(t)
      model.checkHistories(t)
      for (let S = 0; S <= model.seq; S += 3) model.check(t, S)
      const counted = new Set(model.pages.handleDirectory.ranges.flatMap(({ past }) => past.slices.map(({ page }) => page)))
      t.true(counted.size <= pageTable.count + 1)
      model.pages.release()
      t.is(arena.claimedBytes, 0)
    }),
    { numRuns: isFull ? 100 : 8 }
  )
})

for (const workload of workloads) {
  const [events, pageRows] = isFull ? [200_000, 2048] : [12_000, 128]
  test(`VIS-12: behind COMPACT (${workload}) a scan at any S touches at most 1.6 times what is visible, beyond two pages`, (t) => {
    const run = runWorkload(workload, events, pageRows)
    const { pages } = run
    const { merges } = pages.counters
    for (const rows of pages.settle()) t.true(rows >= 0)
    let last = 0
    for (const { done, total } of pages.recut()) {
      if (done < last || done > total) t.fail(`${done} of ${total} behind ${last}`)
      last = done
    }
    pages.releaseReplaced(pages.structureVersion)
    t.true(pages.counters.merges >= merges)
    t.deepEqual(findingsOf(run), [])
    for (let number = 0; number <= 300; number++) {
      const S = Math.floor((events * number) / 300)
      const { touched, visible } = touchedAt(run, S)
      t.is(visible, run.alive[S] ?? -1, `rows at ${S}`)
      t.true(touched <= 1.6 * visible + 2 * pageRows, `${touched} rows touched for ${visible} visible at ${S}`)
    }
    // Each row was written once or twice.
    const written = pages.recutRows
    t.true(written <= 3.5 * events, `${written / events} rows written an event`)
    t.true(pages.rowsStored <= 4.2 * events, `${pages.rowsStored / events} rows stored a version`)
    // Nothing is left to do, or nearly: what the last pages of a strip had room for.
    for (const _ of pages.recut());
    t.true(pages.recutRows - written <= written / 20, `${pages.recutRows - written} rows were cut again`)
    if (workload === 'appends') t.is(pages.recutRows, 0)
  })
}

test('VIS-12: a table that is compacted after every few events stores and touches as little as one that is compacted once', (t) => {
  const random = numbers(5)
  const model = new ModelTable({ pageRows: 64, frames: 'none', arena: Arena.create({ bytes: 256 * 1024 * 1024, slotBytes: 64 * 1024 }) })
  const { pages } = model
  for (let round = 0; round < 4000; round++) {
    const row = model.rowOf(Math.floor(random() * 100))
    if (model.documentOf(row) === undefined) model.insert({ id: row.ordinal, a: 'x'.repeat(50), b: round })
    else model.patch(row, { b: round })
    if (round % 40 !== 0) continue
    for (const _ of pages.settle());
    for (const _ of pages.recut());
    pages.releaseReplaced(pages.structureVersion)
  }
  t.true(pages.rowsStored <= 3.2 * model.events, `${pages.rowsStored / model.events} rows stored a version`)
  model.checkPages(t)
  model.checkHistories(t)
  for (let S = 0; S <= model.seq; S += 37) model.check(t, S)
})

function filled(): ModelTable {
  const random = numbers(9)
  const model = new ModelTable({ pageRows: 64, frames: 'none' })
  for (let round = 0; round < 1500; round++) model.insert({ id: Math.floor(random() * 120), a: `text ${round}`, b: round })
  return model
}

test('VIS-5: who has a directory from before reads the old pages, until they are given back', (t) => {
  const model = filled()
  const { pages } = model
  for (const _ of pages.settle());
  const old = pages.directory
  const copy = structuredCloneOf(old)
  // Nearly all of it is sealed.
  const countsBefore = Array.from({ length: 1480 }, (_, S) => countIn(pages, old, S))
  for (const _ of pages.recut());
  t.true(pages.replaced.length > 0)
  t.not(pages.directory, old)
  t.true(pages.directory.version > old.version)
  // Events that come meanwhile go into other lists.
  for (let id = 0; id < 200; id++) model.insert({ id, a: 'later', b: id })
  t.deepEqual(structuredCloneOf(old), copy)
  t.deepEqual(
    Array.from({ length: 1480 }, (_, S) => countIn(pages, old, S)),
    countsBefore
  )
  const { claimedBytes } = pages.arena
  pages.releaseReplaced(old.version)
  t.is(pages.arena.claimedBytes, claimedBytes, 'somebody still has the directory from before')
  const letGo = pages.holdSealed()
  pages.releaseReplaced(pages.structureVersion)
  t.is(pages.arena.claimedBytes, claimedBytes, 'somebody holds what is sealed')
  letGo()
  letGo()
  t.true(pages.arena.claimedBytes < claimedBytes)
  t.deepEqual(pages.replaced, [])
  for (let S = 0; S <= model.seq; S += 50) model.check(t, S)
})

function structuredCloneOf({ ranges }: PageDirectory): unknown {
  return ranges.map(({ past }) =>
    past.slices.slice(0, past.sliceCount).map(({ t0, t1, page }) => [t0, t1, page?.address, page?.generation])
  )
}

function countIn(pages: TablePages, directory: PageDirectory, S: number): number {
  const { arena, keys } = pages
  return new PageReader({ arena, keys, directory, at: () => undefined }).countAt(S)
}

test('a recut that is left in the middle, or finds no memory, leaves every answer as it was and nothing claimed', (t) => {
  for (const stop of [0, 1, 5, 20, 30, 40, 60]) {
    const model = filled()
    const { pages } = model
    const steps = pages.recut()
    for (let left = stop; left > 0; left--) steps.next()
    if (stop > 0) t.throws(() => pages.recut().next(), { instanceOf: DriftError, message: /are being cut already/ })
    steps.return()
    model.checkPages(t)
    for (let S = 0; S <= model.seq; S += 50) model.check(t, S)
    pages.release()
    t.is(pages.arena.claimedBytes, 0)
  }
})

test('MEM-5: pages that cannot leave memory are not cut where apply needs the room', (t) => {
  const arena = Arena.create({ bytes: 3 * 1024 * 1024, slotBytes: 64 * 1024 })
  const model = new ModelTable({ pageRows: 64, frames: 'none', arena })
  const random = numbers(9)
  while (arena.claimedBytes < arena.budgetBytes * 0.8)
    model.insert({ id: Math.floor(random() * 120), a: `text ${model.seq}`, b: model.seq })
  const error = t.throws(() => [...model.pages.recut()], { instanceOf: DriftError })
  t.is(error?.code, 'DRIFT_OVERLOADED')
  t.is(model.pages.recutRows, 0)
  model.checkPages(t)
  for (let S = 0; S <= model.seq; S += 50) model.check(t, S)
})

test('a page of which a directory tells by a handle stays told by one', (t) => {
  const { arena, cache, keeper, sealed } = keptMemory(96 * 64 * 1024)
  const model = new ModelTable({ arena, pageRows: 64, frames: 'none', sealed, pins: cache })
  const random = numbers(9)
  for (let round = 0; round < 3000; round++) {
    model.insert({ id: Math.floor(random() * 250), a: `text ${round}`, b: round })
    keeper.settle()
  }
  for (const _ of model.pages.recut()) keeper.settle()
  t.true(model.pages.recutRows > 0, 'nothing was cut')
  const pages = model.pages.handleDirectory.ranges.flatMap(({ past }) => past.slices.flatMap(({ page }) => page ?? []))
  t.true(pages.length > 5, `${pages.length} pages`)
  t.true(pages.every(isHandle))
  model.pages.releaseReplaced(model.pages.structureVersion)
  model.checkPages(t)
  for (let S = 0; S <= model.seq; S += 50) model.check(t, S)
})
