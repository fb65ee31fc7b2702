/** Pages answer as a naive table does, at every seq, whatever was applied and however small the pages are. */
import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import { crc32 } from '../../src/codec/checksum.js'
import { type RangeEntry } from '../../src/page/page-directory.js'
import { BEGIN_MAX } from '../../src/page/page-layout.js'
import { type PageView } from '../../src/page/page-view.js'
import { ModelTable } from './_model.js'
import { runStep, step } from './_steps.js'

function checkAll(t: ExecutionContext, model: ModelTable): void {
  model.checkPages(t)
  model.checkHistories(t)
  for (let S = 0; S <= model.seq; S++) model.check(t, S)
}

const runs = process.env['FULL'] === '1' ? 400 : 12

const ways = [
  { pageRows: 4, publishing: 'each' },
  { pageRows: 16, publishing: 'each' },
  { pageRows: 16, publishing: 'all' },
  { pageRows: 64, publishing: 'each' },
  { pageRows: 64, publishing: 'all' },
  { pageRows: 16_384, publishing: 'each' }
] as const

for (const { pageRows, publishing } of ways) {
  test(`VIS-6, VIS-7: every state of a random table is as it was, in pages of ${pageRows} rows, published ${publishing}`, (t) => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 150, size: 'max' }), (steps) => {
        const model = new ModelTable({ pageRows, publishing })
        for (const each of steps) runStep(model, each)
        checkAll(t, model)
      }),
      { numRuns: runs }
    )
  })
}

test('MEM-1: a row that was taken is counted when it is published, with all that was taken before it', (t) => {
  const model = new ModelTable({ publishing: 'all' })
  const insert = (id: string) => model.insert({ id, status: 'new', note: `a note of ${id}, long enough to lie in the heap` })
  insert('a')
  const { chunks } = model.pages.directory.ranges[0] as RangeEntry
  const [chunk] = chunks as [PageView]
  t.is(chunk.rowCount, 1)
  insert('b')
  insert('c')
  t.deepEqual([chunk.rowCount, chunk.i32[chunk.head + BEGIN_MAX]], [1, 0])
  model.pages.publish()
  t.deepEqual([chunk.rowCount, chunk.i32[chunk.head + BEGIN_MAX]], [3, 2])
  model.check(t, model.seq)
})

test('VIS-8: no byte of a sealed page changes, whatever is applied after it', (t) => {
  const model = new ModelTable({ pageRows: 16, frames: 'none' })
  const { arena } = model.pages
  const sums = new Map<number, number>()
  const sumOf = (address: number) => {
    const at = arena.offsetOf(address)
    return crc32(arena.viewsOf(address).u8.subarray(at, at + arena.bytesOf(address)))
  }
  for (const each of fc.sample(step, { numRuns: 800, seed: 11 })) {
    runStep(model, each)
    for (const { past } of model.pages.directory.ranges) {
      for (const { page } of past.slices) if (page !== undefined && !sums.has(page.address)) sums.set(page.address, sumOf(page.address))
    }
  }
  t.true(sums.size > 20)
  for (const [address, sum] of sums) t.is(sumOf(address), sum)
  checkAll(t, model)
})
