/** Pages answer as a naive table does, at every seq, whatever was applied and however small the pages are. */
import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import { crc32 } from '../../src/codec/checksum.js'
import { ModelTable } from './_model.js'
import { runStep, step } from './_steps.js'

function checkAll(t: ExecutionContext, model: ModelTable): void {
  model.checkPages(t)
  model.checkHistories(t)
  for (let S = 0; S <= model.seq; S++) model.check(t, S)
}

const runs = process.env['FULL'] === '1' ? 400 : 12

for (const pageRows of [4, 16, 64, 16_384]) {
  test(`VIS-6, VIS-7: every state of a random table is as it was, in pages of ${pageRows} rows`, (t) => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 150, size: 'max' }), (steps) => {
        const model = new ModelTable({ pageRows })
        for (const each of steps) runStep(model, each)
        checkAll(t, model)
      }),
      { numRuns: runs }
    )
  })
}

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
