/** Fragments of queries on real threads, while the table is written to. */
import test from 'ava'
import { QueryPool } from '../../src/runtime/query-pool.js'
import { byCity, expectedOf, kernels, Ledger, resultOf, totals } from './_ledger.js'

const poolOf = ({ arena }: Ledger, threads = 2) => QueryPool.onThreads({ arena, kernels: () => kernels, threads })

test('THR-2 counts, sums and groups of any seq are right while rows are written and pages merged', async (t) => {
  const ledger = new Ledger()
  ledger.write(20_000)
  const pool = poolOf(ledger)
  t.teardown(() => pool.close())
  let wrong = 0
  for (let run = 0; run < 300; run++) {
    const S = run % 3 === 0 ? ledger.seq : 1 + ((run * 7919) % ledger.seq)
    const fragment = run % 2 === 0 ? totals : byCity
    const pages = ledger.pagesAt(S)
    const tiles = pages.tiles()
    const answer = pool.run(pages, tiles, fragment, { here: run % 5 === 0 ? 'only-there' : 'also-here' })
    // Threads read while the pages are merged.
    ledger.write(100)
    await new Promise((resolve) => void setImmediate(resolve))
    ledger.write(100)
    const found = resultOf(fragment, await answer)
    pages.release()
    if (JSON.stringify(found) !== JSON.stringify(expectedOf(fragment, ledger.expectedAt(S)))) wrong++
  }
  t.is(wrong, 0)
  t.true(ledger.pages.counters.merges > 50)
  t.is(pool.pinCount, 0)
})
