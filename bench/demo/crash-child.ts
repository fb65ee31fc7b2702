/** Ingests in a process of its own until it is killed; a line on standard output for each release that was acknowledged. */
import { writeSync } from 'node:fs'
import { open } from 'driftdb'
import { ingest, makeTables } from './ingest.js'
import { webHistory } from './web-history.js'

const [directory = '', before = '0'] = process.argv.slice(2)
const releases = webHistory(Number(before))
const db = await open(directory)
await makeTables(db, releases[0]?.time ?? 0)
await ingest(db, releases, 0, (release, commit) => {
  writeSync(1, `${JSON.stringify({ id: `${release.browser} ${release.version}`, seq: commit.seq, count: commit.count })}\n`)
})
await db.close()
