/** Sealed pages leave memory and come back: every answer is as before, and the budget is kept. */
import test from 'ava'
import fc from 'fast-check'
import { DriftError } from '../../src/base/errors.js'
import { PageTable } from '../../src/memory/page-table.js'
import { PageCache } from '../../src/page/page-cache.js'
import { type PageHandle } from '../../src/page/page-handle.js'
import { ModelTable } from './_model.js'
import { keptMemory } from './_kept.js'
import { runStep, step } from './_steps.js'
import { numbers } from './_workload.js'

const SLOT = 64 * 1024

/** A table whose history is many times what it has memory for. */
function grow(model: ModelTable, events: number, watch: () => void): void {
  const random = numbers(7)
  for (let round = 0; round < events; round++) {
    const id = Math.floor(random() * 80)
    const row = model.rowOf(id)
    const document = model.documentOf(row)
    if (document === undefined) model.insert({ id, a: `text ${round}`, b: round, note: 'n'.repeat(40 + (round % 50)) })
    else if (random() < 0.05) model.delete(row)
    else model.patch(row, random() < 0.3 ? { a: `patched ${round}`, note: `${round}`.repeat(9) } : { b: round })
    watch()
  }
}

test('MEM-5, VIS-6: a table of many times the budget takes writes and answers every read right', (t) => {
  const budget = 12 * SLOT
  const kept = keptMemory(budget)
  const { arena, keeper, cache, sealed } = kept
  const model = new ModelTable({ arena, pageRows: 64, frames: 'none', sealed, pins: cache })
  const events = process.env['FULL'] === '1' ? 40_000 : 6000
  let most = 0
  grow(model, events, () => {
    most = Math.max(most, arena.claimedBytes)
    keeper.settle()
  })
  t.true(most <= budget)
  t.true(kept.spill.bytes > 0 && keeper.counters.spilledPages > 40)
  const pagesBytes = model.pages.counters.sealedPages * 8192
  t.true(pagesBytes > 2 * budget, `${pagesBytes} bytes of sealed pages`)
  t.true(cache.counters.evictions > 40)
  model.checkPages(t)
  model.checkHistories(t)
  const random = numbers(3)
  for (let round = 0; round < 60; round++) model.check(t, Math.floor(random() * (model.seq + 1)))
  t.true(cache.counters.loads > 40)
  t.true(arena.claimedBytes <= budget)
  model.pages.release()
  t.is(arena.claimedBytes, 0)
})

test('VIS-6: random tables answer the same with memory for few pages and for all', (t) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 150, size: 'max' }), fc.constantFrom(24, 400), (steps, slots) => {
      const { arena, cache, keeper, sealed } = keptMemory(slots * 2 * SLOT, 2 * SLOT)
      const model = new ModelTable({ arena, pageRows: 8, frames: 'keep', sealed, pins: cache })
      for (const each of steps) {
        runStep(model, each)
        keeper.settle()
        // Whatever can go goes, now and then.
        if (model.seq % 7 === 0) while (cache.evict());
      }
      model.checkPages(t)
      model.checkHistories(t)
      for (let S = 0; S <= model.seq; S += 3) model.check(t, S)
      model.pages.release()
      t.is(arena.claimedBytes, 0)
    }),
    { numRuns: 8 }
  )
})

function handlesOf(model: ModelTable): PageHandle[] {
  const handles = new Map<number, PageHandle>()
  for (const { past } of model.pages.handleDirectory.ranges) {
    for (const { page } of past.slices) if (page !== undefined && 'number' in page) handles.set(page.number, page)
  }
  return [...handles.values()]
}

test('MEM-7: what is pinned stays, what is pinned everywhere is OVERLOADED, and what is let go makes room', (t) => {
  const kept = keptMemory(10 * SLOT)
  const { arena, cache, keeper, sealed } = kept
  const model = new ModelTable({ arena, pageRows: 64, frames: 'none', sealed, pins: cache })
  grow(model, 3000, () => keeper.settle())
  const handles = handlesOf(model)
  const pinned = []
  let refused: unknown
  for (const handle of handles) {
    try {
      pinned.push(cache.pin(handle))
    } catch (error) {
      refused = error
      break
    }
  }
  t.is((refused as DriftError | undefined)?.code, 'DRIFT_OVERLOADED')
  t.true(pinned.length >= 3 && pinned.length < handles.length)
  const sums = pinned.map((view) => [view.rowCount, view.beginOf(0), view.ordinalOf(view.rowCount - 1)])
  t.false(cache.evict())
  t.deepEqual(
    pinned.map((view) => [view.rowCount, view.beginOf(0), view.ordinalOf(view.rowCount - 1)]),
    sums
  )
  for (const view of pinned) cache.unpin(view)
  for (const handle of handles) cache.unpin(cache.pin(handle))
  t.pass()
})

test('MEM-7: a page that was used is left once by the clock, and another cache sees the same page at the same place', (t) => {
  const kept = keptMemory(64 * SLOT)
  const { arena, cache, keeper, sealed, pageTable, files } = kept
  const model = new ModelTable({ arena, pageRows: 64, frames: 'none', sealed, pins: cache })
  grow(model, 1500, () => {})
  // As if memory were short: all of them are written.
  const held = arena.claim(arena.slotBytes)
  const hogs = [held]
  for (;;) {
    try {
      hogs.push(arena.claim(arena.slotBytes))
    } catch {
      break
    }
  }
  t.is(pageTable.count, keeper.counters.spilledPages)
  for (const address of hogs) arena.release(address)
  const [one, other] = handlesOf(model) as [PageHandle, PageHandle]
  const view = cache.pin(one)
  const second = new PageCache(arena, pageTable, files)
  const again = second.pin(one)
  t.is(again.address, view.address)
  t.is(cache.counters.loads, 1)
  t.is(second.counters.loads, 0)
  cache.unpin(view)
  second.unpin(again)
  cache.unpin(cache.pin(other))
  t.true(cache.evict() && cache.evict())
  t.is(pageTable.addressOf(one.number), -1)
  t.false(cache.evict())
})

test('FMT-1: a damaged page that is read in is CORRUPT, and the others are read', (t) => {
  const kept = keptMemory(8 * SLOT)
  const { arena, cache, keeper, sealed, pageTable } = kept
  const model = new ModelTable({ arena, pageRows: 64, frames: 'none', sealed, pins: cache })
  grow(model, 2000, () => keeper.settle())
  while (cache.evict());
  const handles = handlesOf(model).filter(({ number }) => pageTable.addressOf(number) < 0)
  const [bad, good] = handles as [PageHandle, PageHandle]
  const place = pageTable.placeOf(bad.number)
  const file = kept.io.openWrite('/data/tables/t/snapshots/spill-1.pages.tmp')
  const byte = new Uint8Array(1)
  const at = (place?.offset ?? 0) + (place?.bytes ?? 0) - 1
  file.read(byte, at)
  file.write([Uint8Array.of((byte[0] as number) ^ 1)], at)
  const before = arena.claimedBytes
  const error = t.throws(() => cache.pin(bad), { instanceOf: DriftError })
  t.is(error?.code, 'DRIFT_CORRUPT')
  t.is(arena.claimedBytes, before)
  cache.unpin(cache.pin(good))
})

test('MEM-7: a page table that was attached before it grew says where the pages behind are', (t) => {
  const table = PageTable.create()
  const other = () => PageTable.attach(table.handle)
  const reads: ((seen: PageTable, number: number) => unknown)[] = [
    (seen, number) => seen.addressOf(number),
    (seen, number) => seen.generationOf(number),
    (seen, number) => seen.placeOf(number)?.offset,
    (seen, number) => seen.isPlaced(number),
    (seen, number) => seen.tableOf(number)
  ]
  const attached = reads.map(other)
  const last = { withdraw: other(), publish: other() }
  let number = 0
  while (table.handle.memory.buffer.byteLength === 64 * 1024) number = table.addPlaced(7, { file: 1, offset: 4096, bytes: 10, crc: 5 })
  t.deepEqual(
    reads.map((read, index) => read(attached[index] as PageTable, number)),
    [-1, 0, 4096, true, 7]
  )
  t.true(last.publish.publish(number, 64, 3))
  t.true(last.withdraw.withdraw(number, 64))
})
