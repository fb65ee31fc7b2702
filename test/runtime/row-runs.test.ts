/** Rows from query threads: which, in what order, and how far ahead. */
import test from 'ava'
import fc from 'fast-check'
import { type Document } from '../../src/codec/value.js'
import { QueryPool } from '../../src/runtime/query-pool.js'
import { type AggregateFragment, type RowsFragment } from '../../src/scan/fragment.js'
import { type RowBatch, scanRows } from '../../src/scan/scan-rows.js'
import { DirectoryPages, ScanTable } from '../../src/scan/scan-table.js'
import { ScanMemory } from '../../src/scan/scan-memory.js'
import { wasmKernels } from '../../src/kernel/wasm-kernels.js'
import { bytesOf, ModelTable } from '../page/_model.js'
import { runStep, step } from '../page/_steps.js'
import { arenaOf } from '../scan/_source.js'
import { kernels, Ledger, resultOf, rowsOf } from './_ledger.js'

const turn = () => new Promise<void>((resolve) => void setImmediate(resolve))

/** Plain rows, with whole documents as bytes. */
function plain(batches: readonly RowBatch[]): unknown[] {
  return batches.flatMap(({ rowCount, columns, documents }) =>
    Array.from({ length: rowCount }, (_, row) => [
      ...columns.map(({ values, nulls }) => (nulls[row] === 1 ? null : values[row])),
      ...(documents === undefined ? [] : [bytesOf(documents[row] as Document)])
    ])
  )
}

async function all(batches: AsyncIterable<RowBatch>): Promise<RowBatch[]> {
  const found: RowBatch[] = []
  for await (const batch of batches) found.push(batch)
  return found
}

const fragments: readonly RowsFragment[] = [
  rowsOf(),
  rowsOf({ reverse: true }),
  rowsOf({ documents: 'keep', fields: [] }),
  rowsOf({ documents: 'keep', reverse: true, where: { kind: 'compare', field: 'amount', operator: '<', value: 500 } }),
  rowsOf({ where: { kind: 'compare', field: 'amount', operator: '=', value: 7 } }),
  rowsOf({ where: { kind: 'never' } })
]

test.serial('rows come in key order whoever read them, while pages are merged', async (t) => {
  const ledger = new Ledger({ pageRows: 4096 })
  ledger.write(30_000)
  const pool = QueryPool.onThreads({ arena: ledger.arena, kernels: () => kernels, threads: 2 })
  t.teardown(() => pool.close())
  for (let round = 0; round < 8; round++) {
    for (const fragment of fragments) {
      for (const here of ['also-here', 'only-there'] as const) {
        const pages = ledger.pagesAt(round === 0 ? ledger.seq : 1 + ((round * 7919) % ledger.seq))
        const tiles = pages.tiles()
        const expected = plain([...scanRows(pages, tiles, fragment.query)])
        const found: RowBatch[] = []
        for await (const batch of pool.stream(pages, tiles, fragment, { here })) {
          found.push(batch)
          ledger.write(3)
        }
        const rows = plain(found)
        if (JSON.stringify(rows) !== JSON.stringify(expected)) t.fail(`${JSON.stringify(fragment.query)}: ${rows.length} rows`)
        pages.release()
      }
    }
  }
  t.is(pool.pinCount, 0)
  t.pass()
})

test.serial('documents of any form cross threads as they are; values that lie in their frames are read here', async (t) => {
  const arena = arenaOf()
  const memory = new ScanMemory(arena, (one) => wasmKernels(kernels, one))
  const pool = QueryPool.onThreads({ arena, kernels: () => kernels, threads: 2 })
  t.teardown(() => pool.close())
  const alone = QueryPool.inProcess()
  const longest: AggregateFragment = {
    kind: 'aggregate',
    query: { groupBy: [], aggregates: [{ name: 'max', field: 'a' }] },
    isBounded: false,
    groupBytesMax: 1e6
  }
  for (const seed of [1, 2, 3]) {
    const model = new ModelTable({ arena, pageRows: 64 })
    for (const each of fc.sample(step, { numRuns: 500, seed })) runStep(model, each)
    model.insert({ id: 'a long one', a: `\u{10ffff}${'x'.repeat(5000)}` })
    const { keys, directory } = model.pages
    const table = new ScanTable({ arena, keys, memory, readPlace: (place) => model.read(place) })
    for (const S of [model.seq]) {
      const pages = new DirectoryPages(table, directory, S)
      for (const here of ['also-here', 'only-there'] as const) {
        const fragment = rowsOf({ fields: ['id', 'a', 'b', 'nothing'], documents: 'keep' })
        const found = plain(await all(pool.stream(pages, pages.tiles(), fragment, { here })))
        const expected = model
          .visibleAt(S)
          .map(({ document }) => [...['id', 'a', 'b', 'nothing'].map((field) => document[field] ?? null), bytesOf(document)])
        t.deepEqual(found, expected)
        const partials = await pool.run(pages, pages.tiles(), longest, { here })
        t.deepEqual(resultOf(longest, partials), resultOf(longest, await alone.run(pages, pages.tiles(), longest)))
        // Only the coordinator can read what lies in a frame: a thread that meets it leaves all of it to the caller. Where the caller takes
        // part, that page may be his from the beginning, and the shares of the threads count.
        if (here === 'only-there') t.is(partials.length, 1)
        else t.true(partials.length >= 1)
      }
      pages.release()
    }
    await pool.untilLeft()
    model.pages.release()
  }
})

test.serial('threads read no more than a bounded number of rows ahead of the consumer', async (t) => {
  const ledger = new Ledger({ pageRows: 4096 })
  ledger.fill(60_000)
  const pool = QueryPool.onThreads({ arena: ledger.arena, kernels: () => kernels, threads: 2 })
  t.teardown(() => pool.close())
  const pages = ledger.pagesAt(ledger.seq)
  const tiles = Array.from({ length: 10 }, () => pages.tiles()).flat()
  const run = pool.rows(pages, tiles, rowsOf(), { here: 'only-there' })
  let rows = 0
  for (let batch = run.take(); !run.isDone; batch = run.take()) {
    if (batch === undefined) await run.changed()
    else rows += batch.rowCount
    // Beyond the credits: two tasks by less than a batch each, and one for what is due, by less than two.
    t.true(run.rowsAhead < 20 * 1024)
    if (rows > 50_000 && rows < 52_000) {
      // A consumer that stops until nobody reads on: threads that would not stop read all of it, far ahead of the bound.
      for (let looked = -1; looked !== run.rowsLooked;) {
        looked = run.rowsLooked
        for (let pause = 0; pause < 50; pause++) await turn()
      }
      t.true(run.rowsAhead < 20 * 1024)
      // Another query finds the threads free.
      const other = await pool.run(pages, pages.tiles(), { ...totalsOfAll, isBounded: false }, { here: 'only-there' })
      t.is(other.length > 0, true)
    }
  }
  t.is(rows, 600_000)
  pages.release()
})

const totalsOfAll = {
  kind: 'aggregate',
  query: { groupBy: [], aggregates: [{ name: 'count', field: null }] },
  groupBytesMax: 1e6
} as const

test.serial('a consumer that leaves stops the threads; a limit does too', async (t) => {
  const ledger = new Ledger({ pageRows: 4096 })
  ledger.fill(60_000)
  const pool = QueryPool.onThreads({ arena: ledger.arena, kernels: () => kernels, threads: 2 })
  t.teardown(() => pool.close())
  const pages = ledger.pagesAt(ledger.seq)
  const tiles = Array.from({ length: 50 }, () => pages.tiles()).flat()
  let rows = 0
  for await (const batch of pool.stream(pages, tiles, rowsOf())) {
    rows += batch.rowCount
    if (rows > 5000) break
  }
  t.true(rows < 8000)
  const limited = pool.rows(pages, tiles, { ...rowsOf(), rowsMax: 2500 }, { here: 'only-there' })
  let found = 0
  for (let batch = limited.take(); !limited.isDone; batch = limited.take()) {
    if (batch === undefined) await limited.changed()
    else found += batch.rowCount
  }
  t.true(found >= 2500 && found < 2500 + 1024)
  t.true(limited.rowsLooked < 60_000 * 5)
  const aborted = new AbortController()
  const cancelled = pool.rows(pages, tiles, rowsOf({ where: { kind: 'never' } }), { signal: aborted.signal, here: 'only-there' })
  while (cancelled.rowsLooked === 0) await turn()
  aborted.abort()
  t.throws(() => cancelled.take(), { code: 'DRIFT_ABORTED' })
  while (pool.pinCount > 0) await turn()
  pages.release()
})
