import type { Random } from '../workloads/random.js'
import { documentsAt } from '../questions/oracle.js'
import type { History, TableVersions } from '../workloads/versions.js'
import type { Value } from '../workloads/workload.js'

/** Questions of one probe: enough that a cache of one answer does not help, few enough to be checked one by one. */
export const POINT_QUESTIONS = 200

export function tableOf(history: History, name: string): TableVersions {
  const table = history.tables.get(name)
  if (table === undefined) throw new Error(`no table ${name}`)
  return table
}

/** Keys of rows that are there at a point, or now; some may come twice. */
export function keysAt(table: TableVersions, at: number | undefined, count: number, random: Random): Value[] {
  const keys = [...documentsAt(table, at)].map((document) => document[table.shape.key] ?? '')
  return Array.from({ length: count }, () => keys[random(keys.length)] ?? '')
}

/** Points at a quarter, half and three quarters of the history. */
export function quarters({ commitCount }: History): number[] {
  return [0.5, 0.25, 0.75].map((share) => Math.max(1, Math.floor(commitCount * share)))
}
