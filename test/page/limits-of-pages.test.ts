/** Where page memory ends, where offsets end, and what tables that share an arena have to do with each other: nothing. */
import test from 'ava'
import fc from 'fast-check'
import { type DriftError } from '../../src/base/errors.js'
import { type Document } from '../../src/codec/value.js'
import { CLAMPED_BEGIN } from '../../src/page/page-layout.js'
import { type PageView } from '../../src/page/page-view.js'
import { tilesAt } from '../../src/page/page-directory.js'
import { bytesOf, ModelTable, smallArena } from './_model.js'
import { runStep, step } from './_steps.js'
import { numbers } from './_workload.js'

function codeOf(work: () => unknown): string | undefined {
  try {
    work()
  } catch (error) {
    return (error as DriftError).code
  }
  return undefined
}

function pagesAt(model: ModelTable, S: number): PageView[] {
  return tilesAt(model.pages.directory, S).flatMap(({ page, chunks }) => (page === undefined ? chunks : [page, ...chunks]))
}

test('seqs far apart: a page is sealed before its offsets end, and a begin that lies too far back keeps its seq', (t) => {
  fc.assert(
    fc.property(fc.array(fc.tuple(step, fc.integer({ min: 1, max: 90 })), { maxLength: 80, size: 'max' }), (moves) => {
      const model = new ModelTable({ pageRows: 16, offsetMax: 200 })
      // The first event of the table may have any seq.
      model.seq = 1e15
      let clamped = 0
      for (const [each, seqs] of moves) {
        model.seq += seqs
        runStep(model, each)
      }
      model.insert({ id: 'old', a: 'as it was' })
      for (let round = 0; round < 40; round++) {
        model.seq += 50
        model.insert({ id: 'busy', b: round })
      }
      for (let S = 1e15; S <= model.seq; S += 37) {
        for (const page of pagesAt(model, S)) {
          for (let row = 0; row < page.rowCount; row++) if (page.i32[page.beginAt + row] === CLAMPED_BEGIN) clamped++
        }
      }
      t.true(clamped > 0)
      model.checkPages(t, 'any-share')
      model.checkHistories(t)
      for (let S = 1e15; S <= model.seq; S += 37) model.check(t, S)
      model.check(t, model.seq)
    }),
    { numRuns: 20 }
  )
})

test('MEM-5: without page memory an event is refused and nothing of it is taken; with memory again it goes on', (t) => {
  const arena = smallArena(64 * 1024, 64 * 1024 * 6)
  const model = new ModelTable({ arena, pageRows: 64 })
  const hogs: number[] = []
  const random = numbers(9)
  let refused = 0
  for (let round = 0; round < 1200; round++) {
    const id = Math.floor(random() * 60)
    const before = model.pages.appliedSeq
    const { seq, events } = model
    try {
      model.insert({ id, a: `text ${round}`, b: round })
    } catch (error) {
      t.is((error as DriftError).code, 'DRIFT_OVERLOADED')
      t.is(model.pages.appliedSeq, before)
      model.seq = seq
      model.events = events
      refused++
      for (const address of hogs.splice(0)) arena.release(address)
    }
    // Someone else takes all that is free.
    if (round % 100 === 50) while (codeOf(() => hogs.push(arena.claim(2048))) === undefined);
  }
  t.true(refused > 3)
  for (const address of hogs) arena.release(address)
  // Sealed pages fill the arena in the end: this table has no way to give them up yet.
  model.checkPages(t, 'any-share')
  for (let S = 0; S <= model.seq; S += 50) model.check(t, S)
})

test('tables share an arena and nothing else', (t) => {
  const arena = smallArena()
  const tables = [4, 16, 64].map((pageRows, index) => new ModelTable({ arena, pageRows, table: 16 + index }))
  fc.assert(
    fc.property(fc.array(fc.tuple(step, fc.nat(2)), { minLength: 60, maxLength: 100 }), (moves) => {
      let seq = Math.max(...tables.map((table) => table.seq))
      for (const [each, which] of moves) {
        const table = tables[which] as ModelTable
        table.seq = seq
        runStep(table, each)
        seq = Math.max(seq, table.seq)
      }
      for (const table of tables) {
        table.checkPages(t)
        for (let S = Math.max(0, table.pages.appliedSeq - 60); S <= table.pages.appliedSeq; S += 7) table.check(t, S)
      }
    }),
    { numRuns: 5 }
  )
  for (const { pages } of tables) pages.release()
  t.is(arena.claimedBytes, 0)
})

test('a scan within bounds gives the keys within them, at any seq, across pages of several histories', (t) => {
  const model = new ModelTable({ pageRows: 16 })
  const random = numbers(4)
  for (let round = 0; round < 1500; round++) {
    const id = Math.floor(random() * (round < 700 ? 200 : 100)) * 2
    const row = model.rowOf(id)
    // The upper half is deleted in between: small ranges are merged with their neighbours.
    if (model.documentOf(row) === undefined) model.insert({ id, a: `n${round}`, note: 'ü'.repeat(200 + (round % 9)) })
    else if (round > 500 && id > 150) model.delete(row)
    else model.patch(row, { a: `p${round}` })
  }
  model.checkPages(t)
  t.true(model.pages.directory.ranges.some(({ past }) => past.parents.length > 0))
  for (let round = 0; round < 200; round++) {
    const S = Math.floor(random() * (model.seq + 1))
    const [from, to] = [0, 1].map(() => (random() < 0.2 ? undefined : model.rowOf(Math.floor(random() * 400)).key))
    const expected = model
      .visibleAt(S)
      .filter(({ key }) => (from === undefined || Buffer.compare(key, from) >= 0) && (to === undefined || Buffer.compare(key, to) < 0))
      .map(({ document }) => bytesOf(document))
    const scan = (order: 'key' | 'page'): readonly Document[] =>
      [...model.reader.scanAt(S, { fields: [], bounds: { from, to }, order, documents: 'keep' })].flatMap(({ documents = [] }) => documents)
    t.deepEqual(scan('key').map(bytesOf), expected)
    t.deepEqual(scan('page').map(bytesOf).sort(), [...expected].sort())
    t.is(model.reader.countAt(S, { from, to }), expected.length)
  }
  for (let S = 0; S <= model.seq; S += 100) model.check(t, S)
})

test('what is not applied yet cannot be read', (t) => {
  const model = new ModelTable({ pageRows: 16 })
  model.insert({ id: 1 })
  t.is(
    codeOf(() => model.reader.countAt(2)),
    'DRIFT_SEQ_AHEAD'
  )
  t.is(
    codeOf(() => model.reader.versionAt(0, 2)),
    'DRIFT_SEQ_AHEAD'
  )
  t.is(
    codeOf(() => [...model.reader.scanAt(2, { fields: [] })]),
    'DRIFT_SEQ_AHEAD'
  )
  t.is(model.reader.versionAt(7, 1), undefined)
})

test('keys that are inserted behind all others fill one page after the other and are not copied', (t) => {
  const model = new ModelTable({ pageRows: 64 })
  for (let id = 0; id < 1000; id++) model.insert({ id, a: 'in order' })
  t.is(model.pages.counters.rowCopies, 0)
  t.is(model.pages.directory.ranges.length, Math.ceil(1000 / 63))
  for (let id = 0; id < 1000; id += 3) model.patch(model.rowOf(id), { a: 'changed' })
  model.checkPages(t)
  for (let S = 0; S <= model.seq; S += 100) model.check(t, S)
  model.reader.counters.rowsTouched = 0
  t.is(
    [...model.reader.scanAt(100, { fields: [] })].reduce((sum, { rowCount }) => sum + rowCount, 0),
    100
  )
  t.true(model.reader.counters.rowsTouched <= 100 + 64)
})

test('FMT-8: what a chunk keeps of a row that it refuses lies within its heap', (t) => {
  const model = new ModelTable({ pageRows: 64 })
  model.insert({ id: 'a', number: 1 })
  // Its shape finds room, its text, which has no column, does not.
  model.insert({ id: 'b', number: 2, one: 'x'.repeat(4000), other: 'y'.repeat(4000) })
  const [refused, larger] = pagesAt(model, model.seq) as [PageView, PageView]
  t.deepEqual([refused.rowCount, refused.shapeCount, larger.rowCount], [1, 2, 1])
  for (let code = 0; code < refused.shapeCount; code++) {
    const record = refused.shapeRecordAt(code)
    const words = 1 + 2 * (refused.i32[record] as number)
    t.true((record + words) * 4 <= refused.at + refused.heapEnd, `shape ${code}`)
  }
  model.check(t, model.seq)
})
