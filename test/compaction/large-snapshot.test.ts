/** An opening reads what it needs of a snapshot, and damage that is found later changes no answer. */
import test from 'ava'
import type { Database } from '../../src/index.js'
import type { File } from '../../src/io/io.js'
import { MemoryIo } from '../../src/io/memory-io.js'
import { verify } from '../../src/operations/verify.js'
import { openSimulated } from '../coordinator/_database.js'

const KEYS = 2000

/** Counts the bytes that are read of snapshots and segments. */
class CountingIo extends MemoryIo {
  readonly bytes = { snap: 0, seg: 0 }
  readonly #plain = new MemoryIo()

  override openRead = (path: string): File => {
    this.#plain.files.set(path, this.bytesOf(path))
    const file = this.#plain.openRead(path)
    const { bytes } = this
    return Object.assign(Object.create(file) as File, {
      path,
      read: (target: Uint8Array, position: number) => {
        const count = file.read(target, position)
        if (path.endsWith('.snap')) bytes.snap += count
        if (path.includes('/tables/t/segments/')) bytes.seg += count
        return count
      },
      write: (parts: readonly Uint8Array[], position: number) => file.write(parts, position),
      size: () => file.size(),
      truncate: (size: number) => file.truncate(size)
    })
  }
}

/** Every key gets one version a round. */
async function rounds(db: Database, from: number, to: number): Promise<void> {
  for (let round = from; round < to; round++) {
    await db.batch(Array.from({ length: KEYS }, (_, id) => ({ upsert: 't', document: { id, round } })))
  }
}

const roundAt = (db: Database, id: number, seq: number) => db.asOf({ seq }).table('t').get(id)?.['round']

/** What round each of some keys is in, at each of some commits. */
function answers(db: Database, seqs: readonly number[]): unknown[] {
  return seqs.flatMap((seq) => [1, 77, KEYS - 1].map((id) => roundAt(db, id, seq)))
}

test('opening a table of 200,000 versions from a snapshot reads fewer bytes than its versions take, and nothing of its segments', async (t) => {
  const io = new CountingIo()
  const { db } = await openSimulated(io)
  await db.createTable('t', { primaryKey: 'id' })
  await rounds(db, 0, 60)
  await db.snapshot('t')
  await rounds(db, 60, 70)
  await db.snapshot('t')
  await rounds(db, 70, 100)
  await db.compact('t')
  await db.snapshot('t')
  const seqs = Array.from({ length: 20 }, (_, index) => 1 + (index * 5 + 1) * KEYS)
  const expected = answers(db, seqs)
  t.deepEqual(
    expected,
    seqs.flatMap((seq) => Array.from({ length: 3 }, () => (seq - 1) / KEYS - 1))
  )
  await db.close()
  t.deepEqual((await verify(io, '/data')).problems, [])

  io.bytes.snap = io.bytes.seg = 0
  const { db: second } = await openSimulated(io)
  t.is(second.stats().recovery.eventsFromSnapshots, 100 * KEYS)
  t.is(second.stats().tables[0]?.rows, KEYS)
  const opened = { ...io.bytes }
  t.true(opened.snap < 100 * KEYS, `${opened.snap} bytes of a snapshot were read`)
  t.deepEqual(answers(second, seqs), expected)
  t.is(
    second
      .asOf({ seq: seqs[3] ?? 0 })
      .table('t')
      .count(),
    KEYS
  )
  t.true(io.bytes.snap > opened.snap, 'what is asked for is read then')
  await second.close()
})

test('CMP-5: damage in versions of a snapshot that is found after the opening changes no answer', async (t) => {
  const io = new MemoryIo()
  const { db } = await openSimulated(io)
  await db.createTable('t', { primaryKey: 'id' })
  await rounds(db, 0, 6)
  await rounds(db, 6, 8)
  const files = (await db.snapshot('t')).tables[0]?.files ?? []
  const seqs = [0, 1, 2, 3, 4, 5, 6, 7].map((round) => 1 + (round + 1) * KEYS)
  const expected = answers(db, seqs)
  await db.close()
  // The first block of versions that an opening does not read: behind the keys.
  const view = io.files.get(`/data/tables/t/snapshots/${files[0]}`)?.view ?? new Uint8Array(0)
  const at = Math.floor(view.length / 3)
  view[at] = (view[at] ?? 0) ^ 16
  const messages: string[] = []
  const log = { info: () => {}, error: () => {}, debug: () => {}, warn: (_: object, message: string) => messages.push(message) }
  const { db: second } = await openSimulated(io, { log: log as never })
  t.is(second.stats().recovery.eventsFromSnapshots, 8 * KEYS)
  t.deepEqual(answers(second, seqs), expected)
  t.deepEqual(messages, ['versions in a file are damaged; they are made anew from the segments'])
  await rounds(second, 8, 9)
  t.deepEqual(answers(second, seqs), expected)
  // The next snapshot is not built upon the damaged one.
  await second.snapshot('t')
  await second.close()
  t.deepEqual((await verify(io, '/data')).problems, [])
})
