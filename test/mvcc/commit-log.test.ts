/** Points in time are found in the commit log: in its blocks on disk, in one that grows, and in the commits that no checkpoint has moved. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { open } from '../../src/index.js'

const PER_COMMIT = 3

test('TIM-1: a seq and a time are the last commit at or before them, in closed and growing blocks and in the tail', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'driftdb-commits-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const ends: { readonly seq: number; readonly time: number }[] = []
  const check = (db: Awaited<ReturnType<typeof open>>) => {
    const step = Math.max(1, Math.floor(ends.length / 500))
    for (let index = 0; index < ends.length; index += step) {
      const { seq, time } = ends[index] ?? { seq: 0, time: 0 }
      const before = ends[index - 1]?.seq ?? seq - PER_COMMIT
      for (const asked of [seq, seq - 1, seq - PER_COMMIT + 1, seq - PER_COMMIT]) {
        t.is(db.asOf({ seq: asked }).seq, asked === seq ? seq : before, `@seq:${asked}`)
      }
      t.is(db.asOf({ time }).seq, ends.findLast((one) => one.time <= time)?.seq ?? -1)
    }
  }
  const write = async (db: Awaited<ReturnType<typeof open>>, count: number) => {
    const from = ends.length
    const commits = Array.from({ length: count }, (_, commit) =>
      db.batch(Array.from({ length: PER_COMMIT }, (__, row) => ({ insert: 'rows', document: { id: (from + commit) * PER_COMMIT + row } })))
    )
    for (const { seq, time } of await Promise.all(commits)) ends.push({ seq, time })
  }
  {
    await using db = await open(directory)
    await db.createTable('rows', { primaryKey: 'id' })
    await write(db, 3000)
    check(db)
  }
  for (const more of [1, 500, 2500]) {
    await using db = await open(directory)
    check(db)
    await write(db, more)
    check(db)
  }
  await using db = await open(directory, { readOnly: true })
  check(db)
  t.is(ends.length, 6001)
})
