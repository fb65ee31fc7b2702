/** Verification of real files, beside a live writer in its thread. */
import test, { type ExecutionContext } from 'ava'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { verify } from '../../src/api/verify.js'
import { open } from '../../src/index.js'

const ROWS_PER_ROUND = 40

function temporaryDirectory(t: ExecutionContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'driftdb-verify-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

test('a database that is written to has no problem at any moment', async (t) => {
  const directory = temporaryDirectory(t)
  const db = await open(directory)
  await db.createTable('a', { primaryKey: 'id' })
  await db.createTable('b', { primaryKey: 'id' })
  let writing = true
  let rows = 0
  // Who writes faster than all of it is read would never let a look end.
  let allowed = 0
  let goOn = (): void => {}
  const writes = (async () => {
    for (; writing; rows++) {
      while (writing && rows >= allowed) await new Promise<void>((resolve) => (goOn = resolve))
      const filler = 'x'.repeat(400_000)
      const both = [
        { insert: 'a', document: { id: rows, filler } },
        { insert: 'b', document: { id: rows, filler } }
      ]
      const commit = db.batch(both, { metadata: { rows } })
      if (rows % 4 === 3 || !writing) await commit
    }
  })()
  const seen: number[] = []
  // Until checkpoints moved the files under it.
  for (let round = 0; round < 8 || (db.stats().checkpoints < 3 && round < 500); round++) {
    allowed += ROWS_PER_ROUND
    goOn()
    const report = await verify(directory)
    if (!report.moving) t.deepEqual(report.problems, [], `round ${round}`)
    if (!report.moving) seen.push(report.lastSeq)
  }
  t.true(db.stats().checkpoints >= 3)
  writing = false
  goOn()
  await writes
  const lastSeq = db.lastSeq
  await db.close()
  t.deepEqual(
    [...seen].sort((a, b) => a - b),
    seen
  )
  t.true((seen.at(-1) ?? 0) > (seen[0] ?? 0))
  const report = await verify(directory)
  t.deepEqual(report.problems, [])
  t.is(report.lastSeq, lastSeq)
  t.is(report.events, lastSeq)
  t.is(report.commits, 2 + rows)
})

test('a database that is compacted and snapshotted meanwhile has no problem at any moment', async (t) => {
  const directory = temporaryDirectory(t)
  const db = await open(directory)
  await db.createTable('a', { primaryKey: 'id' })
  let maintaining = true
  const maintenance = (async () => {
    for (let id = 0; maintaining; id++) {
      await db.table('a').upsert({ id: id % 7, id2: id })
      await db.compact()
      await db.snapshot()
    }
  })()
  for (let round = 0; round < 8; round++) {
    const report = await verify(directory)
    if (!report.moving) t.deepEqual(report.problems, [], `round ${round}`)
  }
  maintaining = false
  await maintenance
  t.true(db.stats().compactions > 0)
  await db.close()
  t.deepEqual((await verify(directory)).problems, [])
})

test('verify of a folder that is no database is refused, and makes nothing', async (t) => {
  const directory = join(temporaryDirectory(t), 'none')
  await t.throwsAsync(verify(directory), { code: 'DRIFT_INVALID_ARGUMENT' })
  await t.throwsAsync(verify(directory), { message: /no database/ })
})
