import { keyOfChange, type Document, type TableShape, type Value, type Workload } from './workload.js'

/** A state of a row: it was made by commit `from` and ended by commit `to` (Infinity: it has not ended). */
export type Version = { readonly from: number; to: number; readonly document: Document }

/** Every version of every key of a table, oldest first, and what the workload did in all. */
export type TableVersions = { readonly shape: TableShape; readonly keys: Map<Value, Version[]> }
export type History = { readonly tables: ReadonlyMap<string, TableVersions>; readonly commitCount: number; readonly eventCount: number }

/** The naive fold of all events: what the oracle answers from, and what peers load that are not measured while they write. */
export function foldedHistory(workload: Workload): History {
  const tables = new Map<string, TableVersions>(workload.tables.map((shape) => [shape.name, { shape, keys: new Map<Value, Version[]>() }]))
  let commitCount = 0
  let eventCount = 0
  for (const commit of workload.commits()) {
    commitCount++
    for (const change of commit) {
      eventCount++
      const table = tables.get(change.table)
      if (table === undefined) throw new Error(`the workload has no table ${change.table}`)
      const key = keyOfChange(change, table.shape)
      const versions = table.keys.get(key) ?? []
      const last = versions.at(-1)
      const live = last !== undefined && last.to === Infinity ? last : undefined
      if ((live === undefined) !== (change.kind === 'insert')) throw new Error(`commit ${commitCount} cannot ${change.kind} ${key}`)
      if (live?.from === commitCount || last?.to === commitCount) throw new Error(`commit ${commitCount} changes ${key} twice`)
      if (live !== undefined) live.to = commitCount
      if (change.kind === 'insert' || change.kind === 'upsert')
        versions.push({ from: commitCount, to: Infinity, document: change.document })
      if (change.kind === 'patch') versions.push({ from: commitCount, to: Infinity, document: { ...live?.document, ...change.set } })
      table.keys.set(key, versions)
    }
  }
  return { tables, commitCount, eventCount }
}

/** The version of a key that commit `at` left; undefined if there was no row. */
export function versionAt(versions: readonly Version[] | undefined, at: number): Version | undefined {
  return versions?.find((version) => version.from <= at && at < version.to)
}
