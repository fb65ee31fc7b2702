import { driftdb, driftdbCompacted } from './driftdb.js'
import { duckdb } from './duckdb.js'
import { lmdb } from './lmdb.js'
import { mariadb } from './mariadb.js'
import type { PeerKind } from './peer.js'
import { postgres } from './postgres.js'
import { sqlite } from './sqlite.js'

/** In the order of the report's columns. */
export const peerKinds: readonly PeerKind[] = [driftdb, driftdbCompacted, sqlite, lmdb, duckdb, postgres, mariadb]

/** @throws Error for a name that no peer has */
export function peerKind(name: string): PeerKind {
  const kind = peerKinds.find((one) => one.name === name)
  if (kind === undefined) throw new Error(`no peer ${name}; peers are ${peerKinds.map((one) => one.name).join(', ')}`)
  return kind
}
