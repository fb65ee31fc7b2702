/** The doctor looks through page snapshots: records, rectangles, what pages say about their rows. */
import test from 'ava'
import { type Io } from '../../src/io/io.js'
import { MemoryBytes, MemoryIo } from '../../src/io/memory-io.js'
import * as layout from '../../src/page/page-layout.js'
import { type PageView } from '../../src/page/page-view.js'
import { checkPages } from '../../src/operations/check-pages.js'
import { Findings } from '../../src/operations/findings.js'
import { verify } from '../../src/operations/verify.js'
import { PageSnapshots } from '../../src/snapshot/page-snapshots.js'
import { databaseId, FOLDER, keptMemory } from '../page/_kept.js'
import { ModelTable } from '../page/_model.js'
import { numbers } from '../page/_workload.js'
import { DIRECTORY, fill, openFilled } from './_filled-database.js'

type Plant = (pages: { readonly sealed: readonly PageView[]; readonly bases: readonly PageView[] }) => void

/** A table in a page file. What `plant` does to its pages has right checksums. */
function written(plant: Plant = () => {}, io: Io = new MemoryIo(), folder = FOLDER, table = 16) {
  const { arena, pageTable, keeper, cache, spill, sealed } = keptMemory(400 * 64 * 1024, 64 * 1024, io, table, folder)
  const model = new ModelTable({ arena, table, pageRows: 32, frames: 'none', sealed, pins: cache })
  const random = numbers(4)
  for (let round = 0; round < 600; round++) model.insert({ id: Math.floor(random() * 60), a: `text ${round}`, b: round })
  for (const _ of model.pages.settle());
  for (const _ of model.pages.recut());
  const { ranges } = model.pages.handleDirectory
  const handles = ranges.flatMap(({ past }) => past.slices.flatMap(({ page }) => (page === undefined || !('number' in page) ? [] : page)))
  plant({ sealed: handles.map((handle) => cache.pin(handle)), bases: ranges.flatMap(({ base }) => base ?? []) })
  const parts = { io, folder, tableId: table, primaryKey: 'id', databaseId, arena, pageTable, keeper, spill, pins: cache }
  for (const _ of new PageSnapshots(parts).write(model.pages));
  return { io, path: `${folder}/00000001.pages`, seq: model.seq }
}

function found(io: Io, seq = 600, files = [1]): { readonly file: string; readonly offset: number; readonly message: string }[] {
  const findings = new Findings()
  for (const bytes of checkPages(io, FOLDER, 16, { file: 1, seq, files }, findings)) if (!(bytes > 0)) throw new Error(`${bytes} bytes`)
  return findings.problems
}

test('VIS-7, VIS-12: pages that were cut anew and written have no problem', (t) => {
  t.deepEqual(found(written().io), [])
})

const damages: Readonly<Record<string, { readonly says: RegExp; readonly plant: Plant }>> = {
  'a sealed page with a count of live rows that is wrong': {
    says: /^sealed page \d+: \d+ rows are alive, not \d+ \(VIS-10\)$/,
    plant: ({ sealed: [page] }) => page?.setWord(layout.ALIVE_COUNT, page.aliveCount + 1)
  },
  'a sealed page of which too little is alive': {
    says: /^sealed page \d+: (0 of \d+ rows were alive when it was sealed \(VIS-9\)|\d+ rows are alive, not 0 \(VIS-10\))$/,
    plant: ({ sealed }) => sealed.find(({ rowCount }) => rowCount > 12)?.setWord(layout.ALIVE_COUNT, 0)
  },
  'rows out of order': {
    says: /^(sealed page \d+|page at \d+): row \d+ .*\((VIS-7|VIS-3)\)$/,
    plant: ({ sealed: [page] }) => {
      const { i32, ordinalAt, rowCount } = page as PageView
      const [first, last] = [i32[ordinalAt] as number, i32[ordinalAt + rowCount - 1] as number]
      i32[ordinalAt] = last
      i32[ordinalAt + rowCount - 1] = first
    }
  },
  'a page with the seqs of another rectangle': {
    says: /^sealed page \d+: \[1, \d+\) is not \[\d+, \d+\) \(VIS-8\)$|outside of \[/,
    plant: ({ sealed }) => {
      const page = sealed.find(({ t0 }) => t0 > 1) as PageView
      page.f64[(page.head + layout.T0_F64) / 2] = 1
    }
  },
  'a base with a bound that is wrong': {
    says: /^page at \d+: row \d+ is outside of the bounds of begin and end \(VIS-10\)$/,
    plant: ({ bases: [page] }) => page?.setWord(layout.BEGIN_MAX, page.word(layout.BEGIN_MIN) - 1)
  }
}

for (const [what, { says, plant }] of Object.entries(damages)) {
  test(`doctor finds in a page snapshot: ${what}`, (t) => {
    const { io, path } = written(plant)
    const problems = found(io)
    t.true(problems.length > 0)
    for (const { file, offset, message } of problems) {
      t.is(file, path)
      t.true(offset > 0)
      t.regex(message, says)
    }
  })
}

function flip(io: MemoryIo, path: string, at: number): void {
  const bytes = (io.files.get(path)?.view ?? new Uint8Array(0)).slice()
  bytes[at] = (bytes[at] as number) ^ 0x10
  const file = new MemoryBytes()
  file.write(bytes, 0)
  io.files.set(path, file)
}

function sizeOf(io: MemoryIo, path: string): number {
  return io.files.get(path)?.view.length ?? 0
}

test('FMT-6: a byte that is another one is found, wherever it stands', (t) => {
  const random = numbers(8)
  for (let round = 0; round < 60; round++) {
    const io = new MemoryIo()
    const { path } = written(() => {}, io)
    const at = Math.floor(random() * sizeOf(io, path))
    flip(io, path, at)
    const problems = found(io)
    // The identity of the database and the zeros of the header are checked elsewhere.
    if (at >= 64) t.true(problems.length > 0, `byte ${at}`)
    for (const { file, message } of problems) t.true(file.startsWith(FOLDER) && message.length > 10, message)
  }
})

test('each damaged record is named by its file and offset', (t) => {
  const io = new MemoryIo()
  const { path } = written(() => {}, io)
  for (const at of [300, 20_000]) flip(io, path, at)
  const problems = found(io)
  t.is(problems.length, 2)
  for (const { file, message } of problems) {
    t.is(file, path)
    t.regex(
      message,
      /wrong checksum of a (block|record's head), at offset \d+; run driftdb doctor$|^.*: (another page than the directory names|not all of a record), at offset/
    )
  }
})

test('CMP-5: pages that the manifest says less of than they hold are a problem', (t) => {
  const { io, path } = written()
  t.like(found(io, 599), [{ file: path, message: 'its pages hold event 600, the manifest says seq 599' }])
  t.like(found(io, 600, [2]), [{ file: path, message: 'it names a page in 00000001.pages, which the manifest does not name (CMP-5)' }])
})

async function databaseWith(change: (bytes: Uint8Array) => void): Promise<{ readonly io: MemoryIo; readonly path: string }> {
  const io = new MemoryIo()
  const db = await openFilled(io)
  await fill(db, 300)
  for (let turn = 0; turn < 300; turn++) await db.table('orders').patch(`row ${turn}`, { turn, note: 'n'.repeat(turn) })
  await db.compact('orders')
  await db.snapshot('orders')
  await db.close()
  const path = `${DIRECTORY}/tables/orders/snapshots/00000001.pages`
  const bytes = (io.files.get(path)?.view ?? new Uint8Array(0)).slice()
  change(bytes)
  const file = new MemoryBytes()
  file.write(bytes, 0)
  io.files.set(path, file)
  return { io, path }
}

test('verify goes through the page snapshot of a table, and finds what is wrong with it', async (t) => {
  const sound = await databaseWith(() => {})
  const report = await verify(sound.io, DIRECTORY)
  t.deepEqual(report.problems, [])
  t.true((sound.io.files.get(sound.path)?.view.length ?? 0) > 1000)
  const { io, path } = await databaseWith((bytes) => (bytes[700] = (bytes[700] as number) ^ 1))
  const { ok, problems } = await verify(io, DIRECTORY)
  t.false(ok)
  t.true(problems.length > 0 && problems.every(({ file, code }) => file === path && code === 'DRIFT_CORRUPT'))
})
