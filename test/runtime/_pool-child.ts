/** A program with a query pool that it does not close: `idle` has nothing to wait for, `running` has a query on a thread. */
import { QueryPool } from '../../src/runtime/query-pool.js'
import { kernels, Ledger, resultOf, totals } from './_ledger.js'

const [, , mode] = process.argv
const ledger = new Ledger()
ledger.write(5000)
const pool = QueryPool.onThreads({ arena: ledger.arena, kernels: () => kernels, threads: 2 })
const pages = ledger.pagesAt(ledger.seq)
const tiles = pages.tiles()
await pool.run(pages, tiles, totals, { here: 'only-there' })
if (mode === 'running') {
  const many = Array.from({ length: 5000 }, () => tiles).flat()
  void pool.run(pages, many, totals, { here: 'only-there' }).then((partials) => {
    process.stdout.write(`answered ${JSON.stringify(resultOf(totals, partials)).length > 5}`)
  })
}
