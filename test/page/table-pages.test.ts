/** Pages answer as a naive table does, at every seq, whatever was applied and however small the pages are. */
import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import { ModelTable } from './_model.js'
import { runStep, step } from './_steps.js'

function checkAll(t: ExecutionContext, model: ModelTable): void {
  model.checkPages(t)
  model.checkHistories(t)
  for (let S = 0; S <= model.seq; S++) model.check(t, S)
}

const runs = process.env['FULL'] === '1' ? 400 : 40

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
