/** All that a reader needs lies in shared memory: another thread reads pages by their addresses. */
import test from 'ava'
import fc from 'fast-check'
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { tilesAt } from '../../src/page/page-directory.js'
import { decodeDocument } from '../../src/codec/document-codec.js'
import { type ReadData } from './_read-worker.js'
import { bytesOf, ModelTable } from './_model.js'
import { runStep, step } from './_steps.js'

test('a thread that has only the arena, the keys and addresses reads the documents of any seq', async (t) => {
  const model = new ModelTable({ pageRows: 64, frames: 'none' })
  for (const each of fc.sample(step, { numRuns: 600, seed: 5 })) runStep(model, each)
  t.true(model.pages.counters.merges > 3)
  const { arena, keys, directory } = model.pages
  for (const S of [Math.floor(model.seq / 3), model.seq]) {
    const tiles = tilesAt(directory, S).map(({ page, chunks }) => [page?.address ?? -1, ...chunks.map(({ address }) => address)])
    const workerData: ReadData = { arena: arena.handle, keys: keys.handle, S, tiles }
    const worker = new Worker(new URL('./_read-worker.js', import.meta.url), { workerData })
    t.teardown(() => worker.terminate())
    const [found] = (await once(worker, 'message')) as [string[]]
    const documents = found.map((hex) => bytesOf(decodeDocument(new Uint8Array(Buffer.from(hex, 'hex')))))
    t.deepEqual(
      documents.sort(),
      model
        .visibleAt(S)
        .map(({ document }) => bytesOf(document))
        .sort()
    )
  }
})
