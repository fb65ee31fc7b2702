import type { BatchOperation, Commit, Database } from 'driftdb'
import type { Release } from './web-history.js'

/** Called with the number of a release's events when its commit is acknowledged: durable. */
export type Acknowledged = (release: Release, commit: Commit) => void

const COMMITS_IN_FLIGHT = 16

/** Makes the two tables at the time of the first release, if they are not there. */
export async function makeTables(db: Database, time: number): Promise<void> {
  await db.createTable('features', { primaryKey: 'id', ifNotExists: true, time })
  await db.createTable('releases', { primaryKey: 'id', indexes: ['browser'], ifNotExists: true, time })
}

/** Each release becomes one commit at its date, from `from` on; resolves to the number of events. */
export async function ingest(db: Database, releases: readonly Release[], from: number, acknowledged: Acknowledged): Promise<number> {
  const known = new Set<string>()
  for (const release of releases.slice(0, from)) for (const feature of release.added) known.add(feature)
  const inFlight: Promise<void>[] = []
  let events = 0
  for (const release of releases.slice(from)) {
    const operations = operationsOf(release, known)
    events += operations.length
    const { browser, version, time } = release
    inFlight.push(db.batch(operations, { time, metadata: { browser, version } }).then((commit) => acknowledged(release, commit)))
    if (inFlight.length === COMMITS_IN_FLIGHT) await inFlight.shift()
  }
  await Promise.all(inFlight)
  return events
}

function operationsOf(release: Release, known: Set<string>): BatchOperation[] {
  const { browser, version, time } = release
  const row = {
    id: `${browser} ${version}`,
    browser,
    version,
    date: new Date(time),
    added: release.added.length,
    removed: release.removed.length
  }
  const operations: BatchOperation[] = [{ insert: 'releases', document: row }]
  for (const id of release.added) {
    if (known.has(id)) operations.push({ patch: 'features', key: id, set: { [browser]: version } })
    else operations.push({ insert: 'features', document: { id, [browser]: version } })
    known.add(id)
  }
  for (const id of release.removed) if (known.has(id)) operations.push({ patch: 'features', key: id, set: { [browser]: null } })
  return operations
}
