/**
 * Writes into two tables, compacts, and follows its own feed into a file until it is killed: a line for each commit, written in one call
 * before the next commit is asked for. Each life goes on behind the last whole line of the life before. Run as a child by
 * follow-kill-nine.test; the arguments are the directory, the file, and the number of this life.
 */
import { closeSync, existsSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { open, type CommitChanges, type Database } from 'driftdb'

/** What is kept of a commit. */
export function lineOf({ seq, firstSeq, metadata, events }: CommitChanges): string {
  return `${JSON.stringify({ seq, firstSeq, metadata, events })}\n`
}

/** Cuts a line that a kill left torn; the seq of the last whole one. */
export function takeUp(file: string): number {
  if (!existsSync(file)) return 0
  const text = readFileSync(file)
  const end = text.lastIndexOf('\n') + 1
  const descriptor = openSync(file, 'r+')
  ftruncateSync(descriptor, end)
  closeSync(descriptor)
  const last = text.subarray(0, end).toString().trimEnd().split('\n').at(-1) ?? ''
  return last === '' ? 0 : (JSON.parse(last) as { seq: number }).seq
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await live(process.argv[2] ?? '', process.argv[3] ?? '', process.argv[4] ?? '')

async function live(directory: string, file: string, life: string): Promise<void> {
  const db = await open(directory)
  await db.createTable('a', { primaryKey: 'id', ifNotExists: true })
  await db.createTable('b', { primaryKey: 'id', ifNotExists: true })
  writeSync(1, 'ready\n')
  await Promise.all([follow(db, file), write(db, `${life}-0`), write(db, `${life}-1`), maintain(db)])
}

async function follow(db: Database, file: string): Promise<void> {
  const from = takeUp(file) + 1
  const descriptor = openSync(file, 'a')
  for await (const commit of db.changes({ from, follow: true })) writeSync(descriptor, lineOf(commit))
}

async function write(db: Database, caller: string): Promise<void> {
  for (let index = 0; ; index++) {
    const id = `${caller}-${index}`
    await db.batch(
      [
        { insert: 'a', document: { id, text: id.repeat(index % 50) } },
        { upsert: 'b', document: { id: `${caller}-${index % 9}`, index } }
      ],
      { metadata: { caller, index } }
    )
    await db.table('a').patch(id, { index })
  }
}

async function maintain(db: Database): Promise<void> {
  for (;;) {
    await db.compact()
    await db.snapshot('a')
  }
}
