/** The kinds of fragments: on threads they say what they say on one. */
import test from 'ava'
import { QueryPool } from '../../src/runtime/query-pool.js'
import { changedTiles } from '../../src/scan/changed-tiles.js'
import { changesFragment, countChanges, sumOfChanges } from '../../src/scan/diff-pages.js'
import { type SweepFragment } from '../../src/scan/fragment.js'
import { rowsAtPoint } from '../scan/_groups.js'
import { sweepTiles } from '../../src/scan/sweep-pages.js'
import { byCity, expectedOf, kernels, Ledger, totals } from './_ledger.js'

const turn = () => new Promise<void>((resolve) => void setImmediate(resolve))

function poolsOf(t: { teardown(end: () => Promise<void>): void }, { arena }: Ledger): readonly QueryPool[] {
  const pools = [QueryPool.inProcess(), QueryPool.onThreads({ arena, kernels: () => kernels, threads: 2 })]
  t.teardown(async () => void (await Promise.all(pools.map((pool) => pool.close()))))
  return pools
}

test.serial('a sweep says at each point what was there, while the table is written to', async (t) => {
  const ledger = new Ledger()
  ledger.write(20_000)
  const pools = poolsOf(t, ledger)
  for (let round = 0; round < 20; round++) {
    const points = Array.from({ length: 1 + ((round * 5) % 32) }, (_, point) => 1 + Math.floor(((point + 1) * ledger.seq) / 40))
    const { query } = round % 2 === 0 ? totals : byCity
    const fragment: SweepFragment = { kind: 'sweep', query, points }
    for (const pool of pools) {
      for (const here of ['only-there', 'also-here'] as const) {
        const pages = ledger.pagesAt(ledger.seq)
        const tiles = sweepTiles(ledger.pages.directory, points)
        const held = tiles.flatMap(({ page, chunks }) => (page === undefined ? chunks : [page, ...chunks]))
        for (const { address, generation } of held) ledger.arena.pin(address, generation)
        const answer = pool.run(pages, tiles, fragment, { here })
        ledger.write(30)
        await turn()
        const partials = await answer
        points.forEach((S) => {
          const some = partials.filter((each) => each !== undefined)
          const rows = rowsAtPoint(query, some, S)
          const found = rows?.map(({ keys, values }) => [...keys, ...values])
          t.deepEqual(found, expectedOf(round % 2 === 0 ? totals : byCity, ledger.expectedAt(S)))
        })
        t.true(partials.length > 0 && partials.every((each) => each !== undefined))
        for (const { address } of held) ledger.arena.unpin(address)
        pages.release()
      }
    }
  }
})

test.serial('a sweep that the kernel does not serve says so', async (t) => {
  const ledger = new Ledger()
  ledger.write(5000)
  const points = [10, 4000]
  const query = { groupBy: [], aggregates: [{ name: 'max', field: 'amount' }] } as const
  for (const pool of poolsOf(t, ledger)) {
    const pages = ledger.pagesAt(ledger.seq)
    const partials = await pool.run(pages, sweepTiles(ledger.pages.directory, points), { kind: 'sweep', query, points })
    t.true(partials.includes(undefined))
    await pool.untilLeft()
    pages.release()
  }
})

test.serial('changes between two points are counted by all threads, while the table is written to', async (t) => {
  const ledger = new Ledger()
  ledger.write(20_000)
  const pools = poolsOf(t, ledger)
  const kinds = new Set<boolean>()
  for (let round = 0; round < 20; round++) {
    // Open rectangles with live rows only, and sealed ones before them.
    if (round === 8) for (const _ of ledger.pages.settle());
    const S = round % 3 === 0 ? ledger.seq : Math.floor(ledger.seq * (0.5 + round / 40))
    const window = { S, earlier: Math.floor((S * round) / 20), isBounded: false }
    const pages = ledger.pagesAt(S)
    const changed = changedTiles(pages, window.earlier)
    for (const { isChain } of changed) kinds.add(isChain)
    const counting = countChanges(ledger.scan, changed, window)
    let step = counting.next()
    while (step.done !== true) step = counting.next()
    const expected = step.value
    t.is(expected.inserts - expected.deletes, ledger.expectedAt(S).rows - ledger.expectedAt(window.earlier).rows)
    const { fragment, tiles } = changesFragment(changed, window)
    for (const pool of pools) {
      for (const here of ['only-there', 'also-here'] as const) {
        const answer = pool.run(pages, tiles, fragment, { here })
        ledger.write(30)
        await turn()
        t.deepEqual(sumOfChanges(await answer), expected)
      }
    }
    pages.release()
  }
  t.is(kinds.size, 2)
})
