/** A table of pages goes to files and comes back: the same answers at every seq, and it takes the events that come next. */
import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import { DriftError } from '../../src/base/errors.js'
import { FaultyIo, type Loss, SimulatedCrash } from '../../src/io/faulty-io.js'
import { type Io, readWhole } from '../../src/io/io.js'
import { MemoryIo } from '../../src/io/memory-io.js'
import { type TablePages } from '../../src/page/table-pages.js'
import { type PageSnapshotInfo, PageSnapshots } from '../../src/snapshot/page-snapshots.js'
import { databaseId, FOLDER, type Kept, keptMemory } from '../page/_kept.js'
import { bytesOf, ModelTable } from '../page/_model.js'
import { runStep, step } from '../page/_steps.js'
import { numbers } from '../page/_workload.js'

const SLOT = 128 * 1024

function snapshotsOf({ io, arena, pageTable, keeper, cache, spill }: Kept): PageSnapshots {
  return new PageSnapshots({ io, folder: FOLDER, tableId: 16, primaryKey: 'id', databaseId, arena, pageTable, keeper, spill, pins: cache })
}

function written(snapshots: PageSnapshots, pages: TablePages, cuts = false): PageSnapshotInfo {
  const steps = snapshots.write(pages)
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
    if (cuts) compacted(pages)
  }
}

function compacted(pages: TablePages): void {
  for (const rows of pages.settle()) if (!(rows >= 0)) throw new Error(`${rows} rows`)
  for (const { done, total } of pages.recut()) if (done > total) throw new Error(`${done} of ${total}`)
  pages.releaseReplaced(pages.structureVersion)
}

/** Page memory and a table, which came from a file, or has no events. */
function opened(io: Io, pageRows: number, model?: ModelTable, file?: number) {
  const kept = keptMemory(200 * SLOT, SLOT, io)
  const snapshots = snapshotsOf(kept)
  const { arena, sealed, cache } = kept
  if (model === undefined || file === undefined) {
    const fresh = new ModelTable({ arena, pageRows, frames: 'keep', sealed, pins: cache })
    return { kept, snapshots, model: fresh }
  }
  model.goOnWith(snapshots.restore(file, { sealed, pins: cache }), cache)
  return { kept, snapshots, model }
}

function checkAll(t: ExecutionContext, model: ModelTable): void {
  model.checkPages(t)
  model.checkHistories(t)
  for (let S = 0; S <= model.seq; S += Math.max(1, Math.floor(model.seq / 40))) model.check(t, S)
}

const runs = process.env['FULL'] === '1' ? 100 : 8

for (const pageRows of [4, 16, 64]) {
  test(`FMT-6, VIS-6: a random table in pages of ${pageRows} rows is the same after each of several snapshots, and goes on`, (t) => {
    fc.assert(
      fc.property(fc.array(fc.array(step, { maxLength: 60, size: 'max' }), { minLength: 2, maxLength: 4 }), (rounds) => {
        const io = new MemoryIo()
        let { kept, snapshots, model } = opened(io, pageRows)
        for (const steps of rounds) {
          for (const each of steps) {
            runStep(model, each)
            if (model.seq % 11 === 0) while (kept.cache.evict());
          }
          // Pages are cut anew before the snapshot, and while it is written; what they replaced is given back meanwhile.
          if (model.seq % 2 === 0) compacted(model.pages)
          const info = written(snapshots, model.pages, model.seq % 3 === 0)
          t.is(info.seq, model.pages.appliedSeq)
          model.pages.release()
          t.is(kept.arena.claimedBytes, 0)
          ;({ kept, snapshots, model } = opened(io, pageRows, model, info.file))
          t.is(model.pages.appliedSeq, model.seq)
          checkAll(t, model)
        }
      }),
      { numRuns: runs }
    )
  })
}

/** Events over a table with long texts, many fields and deletes. */
function grow(model: ModelTable, events: number, seed: number): void {
  const random = numbers(seed)
  for (let round = 0; round < events; round++) {
    const id = Math.floor(random() * 60)
    const row = model.rowOf(id)
    if (model.documentOf(row) === undefined) model.insert({ id, a: `kind ${round % 5}`, b: round, note: `note ${round}`.repeat(6) })
    else if (random() < 0.05) model.delete(row)
    else model.patch(row, random() < 0.3 ? { a: `kind ${round % 7}`, note: `${round}`.repeat(9) } : { b: round / 2 })
  }
}

test('a snapshot writes what was sealed since, and names the rest where it is; files that hold too little are not named any more', (t) => {
  const io = new MemoryIo()
  const { kept, snapshots, model } = opened(io, 64)
  let most = 0
  let before = 0
  let copied = 0
  let files: readonly number[] = []
  for (let round = 0; round < 30; round++) {
    grow(model, 400, round)
    const info = written(snapshots, model.pages)
    t.is(info.file, round + 1)
    t.is(info.files.at(-1), info.file)
    copied += files.filter((file) => !info.files.includes(file)).length
    ;({ files } = info)
    for (const name of io.list(FOLDER)) if (!files.includes(Number.parseInt(name, 10))) io.remove(`${FOLDER}/${name}`)
    if (round > 10) most = Math.max(most, info.bytes)
    const total = io.list(FOLDER).reduce((sum, name) => sum + (io.files.get(`${FOLDER}/${name}`)?.length ?? 0), 0)
    before = total
  }
  const rows = model.pages.counters.sealedRows
  t.true(most < before / 3, `${most} bytes at most in one file of ${before} in all`)
  t.true(copied > 5 && files.length > 3, `${copied} files are not named any more, ${files.length} are`)
  t.true(before < rows * 80, `${before} bytes for ${rows} sealed rows`)
  // Nothing of the old process.
  kept.files.close()
  const again = opened(io, 64, model, files.at(-1))
  checkAll(t, model)
  t.true(again.kept.cache.counters.loads > 20)
  grow(model, 500, 99)
  checkAll(t, model)
})

test('only the directory, the heap, the keys and the open pages are read at a restore', (t) => {
  const io = new MemoryIo()
  const { snapshots, model } = opened(io, 64)
  grow(model, 5000, 1)
  const { file } = written(snapshots, model.pages)
  const { kept } = opened(io, 64, model, file)
  t.is(kept.cache.counters.loads, 0)
  t.true(kept.pageTable.count > 50)
  for (let number = 0; number < kept.pageTable.count; number++) t.is(kept.pageTable.addressOf(number), -1)
  model.check(t, model.seq)
  t.is(kept.cache.counters.loads, 0)
  model.check(t, Math.floor(model.seq / 2))
  t.true(kept.cache.counters.loads > 0)
})

test('events may come between the steps of a snapshot, and pages may leave memory: it has the state of one seq', (t) => {
  const io = new MemoryIo()
  const kept = keptMemory(16 * SLOT, SLOT, io)
  const { arena, sealed, cache, keeper } = kept
  const model = new ModelTable({ arena, pageRows: 16, frames: 'keep', sealed, pins: cache })
  const snapshots = snapshotsOf(kept)
  grow(model, 500, 5)
  for (let round = 0; round < 3; round++) {
    const begun = model.seq
    const steps = snapshots.write(model.pages)
    let info: PageSnapshotInfo | undefined
    for (let turn = 0; info === undefined; turn++) {
      const next = steps.next()
      if (next.done === true) info = next.value
      else if (turn % 3 === 0) {
        grow(model, 5, round * 1000 + turn)
        keeper.settle()
      }
    }
    t.true(info.seq >= begun && info.seq < model.seq)
    // The table that goes on still finds all of its pages.
    while (cache.evict());
    model.checkPages(t)
    model.checkHistories(t)
    const again = keptMemory(200 * SLOT, SLOT, io)
    const pages = snapshotsOf(again).restore(info.file, { sealed: again.sealed })
    t.is(pages.appliedSeq, info.seq)
    const reader = model.readerOf(pages, again.cache)
    for (let S = 0; S <= info.seq; S += 40) {
      t.is(reader.countAt(S), model.visibleAt(S).length)
      for (const row of model.rows) t.is(bytesOf(reader.versionAt(row.ordinal, S)), bytesOf(model.at(row, S)))
    }
  }
  t.true(keeper.counters.spilledPages > 20)
  t.true(io.list(FOLDER).filter((name) => name.startsWith('spill')).length <= 1)
})

test('a merge that is under way is not in a snapshot, and its rectangles come to their limit again', (t) => {
  const io = new MemoryIo()
  const kept = keptMemory(200 * SLOT, SLOT, io)
  const { arena, sealed, cache } = kept
  const model = new ModelTable({ arena, pageRows: 16, frames: 'keep', sealed, pins: cache, merging: 'by-steps' })
  grow(model, 60, 2)
  const job = model.pages.takeJob()
  t.not(job, undefined)
  grow(model, 10, 3)
  const { file } = written(snapshotsOf(kept), model.pages)
  opened(io, 16, model, file)
  grow(model, 600, 4)
  checkAll(t, model)
  t.true(model.pages.counters.merges > 10)
})

test('FMT-1, FMT-9: any byte of a page file damaged is CORRUPT with file, offset, expected and found, at the restore or when its page is read', (t) => {
  const io = new MemoryIo()
  const { snapshots, model } = opened(io, 8)
  grow(model, 60, 8)
  const { file } = written(snapshots, model.pages)
  const path = `${FOLDER}/0000000${file}.pages`
  const whole = readWhole(io, path)
  const isFound = (): DriftError | undefined => {
    const kept = keptMemory(100 * SLOT, SLOT, io)
    try {
      const pages = snapshotsOf(kept).restore(file, { sealed: kept.sealed })
      for (const { past } of pages.handleDirectory.ranges) {
        for (const { page } of past.slices) if (page !== undefined && 'number' in page) kept.cache.unpin(kept.cache.pin(page))
      }
      return undefined
    } catch (error) {
      if (kept.cache.counters.loads === 0 && kept.pageTable.count === 0) t.is(kept.arena.claimedBytes, 0)
      return error as DriftError
    }
  }
  t.is(isFound(), undefined)
  let versions = 0
  const stride = process.env['FULL'] === '1' ? 1 : 3
  for (let at = 0; at < whole.length; at += stride) {
    const bytes = whole.slice()
    bytes[at] = (bytes[at] as number) ^ (1 << (at % 8))
    const damaged = io.openWrite(path)
    damaged.write([bytes], 0)
    const error = isFound()
    // The database's id is the manifest's to compare; the header's checksum covers it.
    if (error?.code !== 'DRIFT_CORRUPT') t.fail(`byte ${at} of ${whole.length}: ${error?.code ?? 'a page'} ${error?.message ?? ''}`)
    else if (error.details['file'] !== path || typeof error.details['offset'] !== 'number') t.fail(`byte ${at}: ${error.message}`)
    else if (!('expected' in error.details && 'found' in error.details)) t.fail(`byte ${at}: ${error.message}`)
    versions++
  }
  t.true(versions > 1000)
  for (const length of [0, 10, 64, 100, whole.length - 1]) {
    io.openWrite(path).truncate(length)
    const error = isFound()
    t.is(error?.code, 'DRIFT_CORRUPT', `${length} bytes`)
    io.openWrite(path).write([whole], 0)
  }
  t.is(isFound(), undefined)
})

test('FMT-9: a file that another one took the name of is CORRUPT, not another page', (t) => {
  const io = new MemoryIo()
  const { snapshots, model } = opened(io, 16)
  grow(model, 300, 1)
  written(snapshots, model.pages)
  grow(model, 100, 2)
  const second = written(snapshots, model.pages)
  t.deepEqual(second.files, [1, 2])
  const other = opened(new MemoryIo(), 16)
  grow(other.model, 400, 3)
  written(other.snapshots, other.model.pages)
  io.files.set(`${FOLDER}/00000001.pages`, (other.kept.io as MemoryIo).files.get(`${FOLDER}/00000001.pages`) as never)
  const { kept } = opened(io, 16)
  const error = t.throws(
    () => {
      const pages = snapshotsOf(kept).restore(2, { sealed: kept.sealed })
      for (const { past } of pages.handleDirectory.ranges) {
        for (const { page } of past.slices) if (page !== undefined && 'number' in page) kept.cache.unpin(kept.cache.pin(page))
      }
    },
    { instanceOf: DriftError }
  )
  t.is(error?.code, 'DRIFT_CORRUPT')
})

const losses: readonly Loss[] = ['lose-unsynced', 'keep-unsynced', 'tear-last-write']

test('DUR-3: a power cut at every operation of a snapshot leaves the one before as it was, or the new one whole', (t) => {
  const run = (io: FaultyIo) => {
    const table = opened(io, 16)
    grow(table.model, 150, 1)
    const first = written(table.snapshots, table.model.pages)
    io.syncDirectory(FOLDER)
    const seq = table.model.seq
    const from = io.operations
    grow(table.model, 150, 2)
    let second: PageSnapshotInfo | undefined
    try {
      second = written(table.snapshots, table.model.pages)
    } catch (error) {
      if (!(error instanceof SimulatedCrash)) throw error
    }
    return { ...table, first, second, from, seq }
  }
  const { from } = run(new FaultyIo())
  let crashes = 0
  for (let crashAt = from + 1; ; crashAt++) {
    const io = new FaultyIo()
    io.crashAt = crashAt
    const { model, first, second, seq } = run(io)
    if (second !== undefined) break
    crashes++
    for (const loss of losses) {
      const next = io.afterCrash(loss)
      // Whatever has its name is whole.
      const isThere = next.kind(`${FOLDER}/00000002.pages`) === 'file'
      const kept = keptMemory(100 * SLOT, SLOT, next)
      const pages = snapshotsOf(kept).restore(isThere ? 2 : first.file, { sealed: kept.sealed })
      t.is(pages.appliedSeq, isThere ? model.seq : seq)
      const reader = model.readerOf(pages, kept.cache)
      for (let S = 0; S <= pages.appliedSeq; S += 30) {
        t.is(reader.countAt(S), model.visibleAt(S).length)
        for (const row of model.rows) t.is(reader.versionAt(row.ordinal, S) === undefined, model.at(row, S) === undefined)
      }
    }
  }
  t.true(crashes > 10)
})

for (const failCode of ['EIO', 'ENOSPC']) {
  test(`a snapshot that fails with ${failCode} at any operation changes nothing, and the next one is whole`, (t) => {
    let failed = 0
    for (let failAt = 1; ; failAt++) {
      const io = new FaultyIo()
      const { snapshots, model, kept } = opened(io, 16)
      grow(model, 120, 1)
      io.failAt = io.operations + failAt
      io.failCode = failCode
      let error: unknown
      try {
        written(snapshots, model.pages)
      } catch (thrown) {
        error = thrown
      }
      if (io.operations < io.failAt) break
      // Once it has its name, what fails behind is that the name may be lost.
      failed++
      t.is((error as NodeJS.ErrnoException | undefined)?.code, failCode)
      io.failAt = 0
      grow(model, 30, 2)
      while (kept.cache.evict());
      const { file } = written(snapshots, model.pages)
      opened(io, 16, model, file)
      model.checkPages(t)
      model.check(t, model.seq)
      model.check(t, 60)
    }
    t.true(failed > 5)
  })
}
