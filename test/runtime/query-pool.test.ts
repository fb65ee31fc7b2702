/** Fragments of queries on real threads, while the table is written to. */
import test from 'ava'
import { once } from 'node:events'
import { type Worker } from 'node:worker_threads'
import { QueryPool } from '../../src/runtime/query-pool.js'
import { type Tile } from '../../src/page/page-directory.js'
import { type PartialRun } from '../../src/scan/fragment.js'
import { byCity, expectedOf, kernels, Ledger, resultOf, totals } from './_ledger.js'

const poolOf = ({ arena }: Ledger, threads = 2) => QueryPool.onThreads({ arena, kernels: () => kernels, threads })

const turn = () => new Promise<void>((resolve) => void setImmediate(resolve))

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await turn()
}

async function finished(run: PartialRun<unknown>): Promise<void> {
  for (let result = run.step(); result !== 'done'; result = run.step()) if (result === 'waiting') await run.changed()
}

/** The same tiles again and again: work that lasts. */
const lasting = (tiles: readonly Tile[], times: number) => Array.from({ length: times }, () => tiles).flat()

/** The threads that are made from now on. */
function watched(t: { teardown(end: () => void): void }): Worker[] {
  const workers: Worker[] = []
  const add = (worker: Worker) => void workers.push(worker)
  process.on('worker', add)
  t.teardown(() => process.off('worker', add))
  return workers
}

test.serial('THR-2 counts, sums and groups of any seq are right while rows are written and pages merged', async (t) => {
  const ledger = new Ledger()
  ledger.write(20_000)
  const pool = poolOf(ledger)
  t.teardown(() => pool.close())
  const runs = 300
  let wrong = 0
  let partials = 0
  for (let run = 0; run < runs; run++) {
    const S = run % 3 === 0 ? ledger.seq : 1 + ((run * 7919) % ledger.seq)
    const fragment = run % 2 === 0 ? totals : byCity
    const pages = ledger.pagesAt(S)
    const tiles = pages.tiles()
    const answer = pool.run(pages, tiles, fragment, { here: run % 5 === 0 ? 'also-here' : 'only-there' })
    // Threads read while pages are merged.
    for (let part = 0; part < 4; part++) {
      ledger.write(50)
      await turn()
    }
    const found = await answer
    partials += found.length
    const expected = expectedOf(fragment, ledger.expectedAt(S))
    if (JSON.stringify(resultOf(fragment, found)) !== JSON.stringify(expected)) wrong++
    pages.release()
  }
  t.is(wrong, 0)
  t.true(ledger.pages.counters.merges > 50)
  t.true(partials > runs)
  t.is(pool.pinCount, 0)
})

test.serial('a pool without threads gives the same', async (t) => {
  const ledger = new Ledger()
  ledger.write(5000)
  const pool = QueryPool.inProcess()
  t.false(pool.worthwhile(1e9))
  for (const S of [0, 1, 2500, 5000]) {
    for (const fragment of [totals, byCity]) {
      const pages = ledger.pagesAt(S)
      t.deepEqual(resultOf(fragment, await pool.run(pages, pages.tiles(), fragment)), expectedOf(fragment, ledger.expectedAt(S)))
      pages.release()
    }
  }
  await pool.close()
})

test.serial('many queries at once are all right, also when nobody helps from here', async (t) => {
  const ledger = new Ledger()
  ledger.write(10_000)
  const pool = poolOf(ledger)
  t.teardown(() => pool.close())
  const answers = Array.from({ length: 60 }, async (_, query) => {
    const S = 1 + ((query * 7919) % ledger.seq)
    const fragment = query % 2 === 0 ? totals : byCity
    const pages = ledger.pagesAt(S)
    const partials = await pool.run(pages, pages.tiles(), fragment, { here: query % 3 === 0 ? 'also-here' : 'only-there' })
    pages.release()
    return [resultOf(fragment, partials), expectedOf(fragment, ledger.expectedAt(S))]
  })
  for (const [found, expected] of await Promise.all(answers)) t.deepEqual(found, expected)
})

test.serial('who asks one question after the other lets in what threads have answered before he works alone', async (t) => {
  const ledger = new Ledger()
  ledger.write(5000)
  const pool = poolOf(ledger, 1)
  t.teardown(() => pool.close())
  const pages = ledger.pagesAt(ledger.seq)
  const tiles = pages.tiles()
  // The thread is up.
  await pool.run(pages, tiles, totals, { here: 'only-there' })
  await turn()
  const first = pool.begin(pages, tiles, totals)
  while (first.step() === 'worked');
  const second = pool.begin(pages, tiles, totals)
  t.is(second.step(), 'waiting')
  await second.changed()
  t.not(second.step(), 'waiting')
  await finished(second)
  await finished(first)
  t.deepEqual(resultOf(totals, second.partials), expectedOf(totals, ledger.expectedAt(ledger.seq)))
  await pool.untilLeft()
  pages.release()
})

test.serial('a signal ends a run in its middle: no thread takes another morsel, and no page stays pinned', async (t) => {
  const ledger = new Ledger()
  ledger.write(20_000)
  const pool = poolOf(ledger)
  t.teardown(() => pool.close())
  const pages = ledger.pagesAt(ledger.seq)
  const tiles = lasting(pages.tiles(), 20_000)
  for (const here of ['only-there', 'also-here'] as const) {
    const abort = new AbortController()
    const run = pool.begin(pages, tiles, byCity, { signal: abort.signal, here })
    await until(() => {
      if (here === 'also-here') run.step()
      return run.rowsLooked > 0
    })
    abort.abort(new Error('enough'))
    const atOnce = run.morselsTaken
    const error = t.throws(() => run.step(), { code: 'DRIFT_ABORTED' })
    t.is((error?.cause as Error | undefined)?.message, 'enough')
    await until(() => pool.pinCount === 0)
    // A thread may have been taking one at that moment.
    t.true(run.morselsTaken <= atOnce + 2)
    t.true(atOnce + 2 < tiles.length)
  }
  await t.throwsAsync(pool.run(pages, tiles, totals, { signal: AbortSignal.abort() }), { code: 'DRIFT_ABORTED' })
  // The threads are there for the next one.
  const partials = await pool.run(pages, pages.tiles(), totals, { here: 'only-there' })
  t.deepEqual(resultOf(totals, partials), expectedOf(totals, ledger.expectedAt(ledger.seq)))
  pages.release()
})

test.serial('a run that is left gives its pages back at once; they are freed when the last thread is out of them', async (t) => {
  const ledger = new Ledger()
  ledger.write(20_000)
  const pool = poolOf(ledger)
  t.teardown(() => pool.close())
  for (let round = 0; round < 20; round++) {
    const pages = ledger.pagesAt(ledger.seq)
    const run = pool.begin(pages, lasting(pages.tiles(), 1000), byCity, { here: 'only-there' })
    await until(() => run.rowsLooked > 0)
    run.stop()
    pages.release()
    // Its pages are merged, and their memory is claimed again.
    ledger.write(1000)
    await until(() => pool.pinCount === 0)
  }
  const pages = ledger.pagesAt(ledger.seq)
  t.deepEqual(resultOf(totals, await pool.run(pages, pages.tiles(), totals)), expectedOf(totals, ledger.expectedAt(ledger.seq)))
  pages.release()
})

test.serial('THR-4 a thread that ends fails its query only: its pins are let go of, and another one takes its place', async (t) => {
  const ledger = new Ledger()
  ledger.write(20_000)
  const workers = watched(t)
  const pool = poolOf(ledger)
  t.teardown(() => pool.close())
  const pages = ledger.pagesAt(ledger.seq)
  const expected = expectedOf(totals, ledger.expectedAt(ledger.seq))
  for (let round = 1; round <= 3; round++) {
    const run = pool.begin(pages, lasting(pages.tiles(), 50_000), totals, { here: 'only-there' })
    await until(() => run.rowsLooked > 0 && pool.threadCount === 2)
    const others = pool.run(pages, pages.tiles(), totals)
    const victims = workers.slice(-2)
    await Promise.all(victims.map((worker) => worker.terminate()))
    await t.throwsAsync(finished(run), { code: 'DRIFT_WORKER_LOST' })
    t.deepEqual(resultOf(totals, await others), expected)
    t.deepEqual(resultOf(totals, await pool.run(pages, pages.tiles(), totals, { here: 'only-there' })), expected)
    await until(() => pool.pinCount === 0)
    t.true(workers.length >= 2 + 2 * round)
  }
  pages.release()
  // Nothing is pinned by who is gone.
  ledger.pages.release()
  t.is(ledger.arena.claimedBytes, ledger.workingBytes + pool.workingBytes)
})

test.serial('closing while queries run refuses them, and ends the threads', async (t) => {
  const ledger = new Ledger()
  ledger.write(20_000)
  const workers = watched(t)
  const pool = poolOf(ledger)
  const pages = ledger.pagesAt(ledger.seq)
  const tiles = lasting(pages.tiles(), 50_000)
  const running = [totals, byCity, totals].map((fragment) => pool.run(pages, tiles, fragment, { here: 'only-there' }))
  const here = pool.run(pages, tiles, byCity)
  const refused = Promise.all([...running, here].map((run) => t.throwsAsync(run, { code: 'DRIFT_CLOSED' })))
  await until(() => pool.pinCount > 0)
  const exits = workers.map((worker) => once(worker, 'exit'))
  await pool.close()
  await refused
  await Promise.all(exits)
  t.is(pool.pinCount, 0)
  t.is(pool.threadCount, 0)
  await t.throwsAsync(pool.run(pages, pages.tiles(), totals), { code: 'DRIFT_CLOSED' })
  pages.release()
  ledger.pages.release()
  t.is(ledger.arena.claimedBytes, ledger.workingBytes)
})

test.serial('a pool can be closed at any moment of its threads coming up', async (t) => {
  const ledger = new Ledger()
  ledger.write(500)
  const before = ledger.arena.claimedBytes
  for (let round = 0; round < 12; round++) {
    const pool = poolOf(ledger)
    const pages = ledger.pagesAt(ledger.seq)
    const outcome = pool.run(pages, pages.tiles(), totals, { here: 'only-there' }).then(
      () => 'answered',
      (error: { readonly code?: string }) => error.code
    )
    await new Promise((resolve) => void setTimeout(resolve, round * 3))
    await pool.close()
    t.true(['answered', 'DRIFT_CLOSED'].includes((await outcome) ?? ''))
    pages.release()
  }
  t.is(ledger.arena.claimedBytes, before)
})

test.serial('what a fragment throws comes back with its code', async (t) => {
  const ledger = new Ledger()
  ledger.write(2000)
  const pool = poolOf(ledger)
  t.teardown(() => pool.close())
  const pages = ledger.pagesAt(ledger.seq)
  const like = { kind: 'like', field: 'city', pattern: 'a\\', escape: '\\', ignoreCase: false, negated: false } as const
  const groups = { ...byCity, query: { ...byCity.query, groupBy: ['id'] }, groupBytesMax: 1000 }
  for (const here of ['only-there', 'also-here'] as const) {
    const wrongLike = { ...totals, query: { ...totals.query, where: like } }
    await t.throwsAsync(pool.run(pages, pages.tiles(), wrongLike, { here }), { code: 'DRIFT_INVALID_ARGUMENT' })
    const error = await t.throwsAsync(pool.run(pages, pages.tiles(), groups, { here }), { code: 'DRIFT_LIMIT' })
    t.is((error as { details?: { name?: string } }).details?.name, 'queryBytesMax')
  }
  pages.release()
})
