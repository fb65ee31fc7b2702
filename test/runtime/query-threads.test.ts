/** Threads of the query pool: whether they hold the process, and what becomes of those that do not work. */
import test from 'ava'
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { Arena } from '../../src/memory/arena.js'
import { QueryPool } from '../../src/runtime/query-pool.js'
import { expectedOf, kernels, Ledger, resultOf, rowsOf, totals } from './_ledger.js'

const entry = (name: string) => new URL(`./${name}.js`, import.meta.url)

test('THR-3 an idle pool lets the process end, a query under way does not', (t) => {
  const child = (mode: string) => spawnSync(process.execPath, [fileURLToPath(entry('_pool-child')), mode], { encoding: 'utf8' })
  const idle = child('idle')
  t.is(idle.status, 0, idle.stderr)
  t.is(idle.stdout, '')
  const running = child('running')
  t.is(running.status, 0, running.stderr)
  t.is(running.stdout, 'answered true')
})

test('an arena without room for the threads is refused, and keeps nothing', (t) => {
  const arena = Arena.create({ bytes: 1024 * 1024, slotBytes: 256 * 1024 })
  arena.claim(512 * 1024)
  const before = arena.claimedBytes
  t.throws(() => QueryPool.onThreads({ arena, kernels: () => kernels, threads: 2 }), { code: 'DRIFT_OVERLOADED' })
  t.is(arena.claimedBytes, before)
})

test('where no thread comes up the caller does all of it', async (t) => {
  const ledger = new Ledger()
  ledger.write(3000)
  const pool = QueryPool.onThreads({ arena: ledger.arena, kernels: () => kernels, threads: 2, entry: entry('_broken-thread') })
  t.teardown(() => pool.close())
  const pages = ledger.pagesAt(ledger.seq)
  const expected = expectedOf(totals, ledger.expectedAt(ledger.seq))
  for (const here of ['only-there', 'also-here', 'only-there'] as const) {
    t.deepEqual(resultOf(totals, await pool.run(pages, pages.tiles(), totals, { here })), expected)
    let rows = 0
    for await (const batch of pool.stream(pages, pages.tiles(), rowsOf(), { here })) rows += batch.rowCount
    t.is(rows, ledger.expectedAt(ledger.seq).rows)
  }
  pages.release()
})

test('THR-4 a thread that leaves in the midst of its task fails that run, and no other', async (t) => {
  const ledger = new Ledger()
  ledger.write(3000)
  const pool = QueryPool.onThreads({ arena: ledger.arena, kernels: () => kernels, threads: 1, entry: entry('_leaving-thread') })
  t.teardown(() => pool.close())
  const runs = Array.from({ length: 8 }, (_, run) => {
    const S = 2000 + run
    const pages = ledger.pagesAt(S)
    return pool.run(pages, pages.tiles(), totals, { here: 'only-there' }).finally(() => pages.release())
  })
  for (const [run, answer] of (await Promise.allSettled(runs)).entries()) {
    if (answer.status === 'rejected') t.is((answer.reason as { code?: string }).code, 'DRIFT_WORKER_LOST')
    else t.deepEqual(resultOf(totals, answer.value), expectedOf(totals, ledger.expectedAt(2000 + run)))
    t.is(answer.status, run % 2 === 1 ? 'rejected' : 'fulfilled')
  }
})
