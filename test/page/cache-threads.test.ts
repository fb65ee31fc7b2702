/** Threads share the memory of sealed pages: each pins, reads in and gives up, while apply goes on, seals more and writes it to files. */
import test from 'ava'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { realIo } from '../../src/io/real-io.js'
import { directoryImage } from '../../src/page/directory-image.js'
import { tilesAt } from '../../src/page/page-directory.js'
import { isHandle } from '../../src/page/page-handle.js'
import { type CacheWorkerAnswer, type CacheWorkerData, sumAt } from './_cache-worker.js'
import { keptMemory } from './_kept.js'
import { ModelTable } from './_model.js'
import { numbers } from './_workload.js'

const SLOT = 64 * 1024

test('MEM-5, MEM-7: two readers and apply share a few slots, and every answer is as before', async (t) => {
  t.timeout(120_000)
  const folder = mkdtempSync(join(tmpdir(), 'drift-pages-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const { arena, pageTable, cache, keeper, sealed } = keptMemory(12 * SLOT, SLOT, realIo, 16, folder)
  const model = new ModelTable({ arena, pageRows: 64, frames: 'none', sealed, pins: cache })
  const random = numbers(1)
  let most = 0
  const grow = (events: number) => {
    for (let round = 0; round < events; round++) {
      const row = model.rowOf(Math.floor(random() * 60))
      if (model.documentOf(row) === undefined) model.insert({ id: row.ordinal, a: `text ${round}`, b: round })
      else model.patch(row, { b: round, note: `${round}`.repeat(8) })
      keeper.settle()
      most = Math.max(most, arena.claimedBytes)
    }
  }
  for (let id = 0; id < 60; id++) model.insert({ id, a: 'first', b: id })
  grow(3000)
  const directory = model.pages.handleDirectory
  // What is sealed stays as it is, whatever is applied.
  const isPast = (S: number) =>
    tilesAt(directory, S).every(({ page, chunks }) => chunks.length === 0 && (page === undefined || isHandle(page)))
  const seqs = Array.from({ length: 3000 }, (_, S) => S).filter((S) => S > 0 && isPast(S))
  t.true(seqs.length > 1000)
  const asked = [0, 1].map(() => Array.from({ length: 300 }, () => seqs[Math.floor(random() * seqs.length)] as number))
  const expected = asked.map((list) => list.map((S) => sumAt(model.reader, S)))
  const answers = asked.map(async (each) => {
    const workerData: CacheWorkerData = {
      arena: arena.handle,
      pageTable: pageTable.handle,
      image: directoryImage(directory, model.pages.keys.handle),
      folder,
      seqs: each
    }
    const worker = new Worker(new URL('./_cache-worker.js', import.meta.url), { workerData })
    t.teardown(() => worker.terminate())
    const [answer] = (await once(worker, 'message')) as [CacheWorkerAnswer]
    return answer
  })
  let isEnded = false
  const all = Promise.all(answers).finally(() => (isEnded = true))
  all.catch(() => {})
  for (let turns = 0; !isEnded; turns++) {
    // Apply may find everything pinned for a moment; it tries again.
    if (turns < 400) {
      const { seq, events } = model
      try {
        grow(10)
      } catch (error) {
        if ((error as { readonly code?: string }).code !== 'DRIFT_OVERLOADED') throw error
        model.seq = Math.max(seq, model.pages.appliedSeq)
        model.events = events
      }
    }
    await new Promise((resolve) => setImmediate(resolve))
  }
  const both = await all
  t.deepEqual(
    both.map(({ sums }) => sums),
    expected
  )
  for (const { loads, evictions } of both) t.true(loads > 20 && evictions > 20, `${loads} loads, ${evictions} evictions`)
  t.true(most <= arena.budgetBytes)
  for (let number = 0; number < pageTable.count; number++) {
    const address = pageTable.addressOf(number)
    if (address >= 0) t.false(arena.isPinned(address))
  }
})
