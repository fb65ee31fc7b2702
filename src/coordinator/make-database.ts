import { DriftError } from '../base/errors.js'
import { CATALOG_TABLE_ID, COMMITS_TABLE_ID } from '../base/ids.js'
import type { Random } from '../base/random.js'
import type { Io } from '../io/io.js'
import { TableWriter, type DatabaseIdentity } from '../writer/checkpoint.js'
import { makeTableFolder } from '../writer/writer.js'
import { CATALOG_FOLDER, COMMITS_FOLDER } from './recovery.js'
import { SPILL_FOLDER } from './spill-folder.js'

/** What a directory is to us. */
export type DirectoryKind = 'database' | 'empty' | 'absent' | 'half-made'

const OUR_NAMES = new Set(['LOCK', 'tables', 'migrations', 'backups', SPILL_FOLDER])

/** Throws INVALID_ARGUMENT for a file and for a directory with other things in it. */
export function directoryKind(io: Io, directory: string): DirectoryKind {
  const kind = io.kind(directory)
  if (kind === 'absent') return 'absent'
  if (kind === 'file') throw new DriftError('INVALID_ARGUMENT', `${directory} is a file, not a directory`, { directory })
  const names = io.list(directory)
  if (names.includes('wal') && io.kind(`${directory}/tables/${CATALOG_FOLDER}`) === 'directory') return 'database'
  if (names.length === 0) return 'empty'
  // `wal` is made last: what was cut short before it is made again.
  if (names.every((name) => OUR_NAMES.has(name))) {
    if (!hasSegments(io, directory)) return 'half-made'
    throw new DriftError('CORRUPT', `${directory}: tables with events, but no wal folder: it was lost; restore it`, {
      file: `${directory}/wal`,
      offset: 0
    })
  }
  throw new DriftError('INVALID_ARGUMENT', `${directory} is not empty and is no DriftDB database`, { directory, found: names.slice(0, 10) })
}

function hasSegments(io: Io, directory: string): boolean {
  if (io.kind(`${directory}/tables`) !== 'directory') return false
  return io.list(`${directory}/tables`).some((table) => {
    const segments = `${directory}/tables/${table}/segments`
    return io.kind(segments) === 'directory' && io.list(segments).length > 0
  })
}

/** Makes an empty database: the folders of the seed, the two system tables, `wal` last. Durable on return; no commit is written. */
export function makeDatabase(io: Io, directory: string, now: number, random: Random): void {
  const identity: DatabaseIdentity = { databaseId: random(16), hashSeed: new DataView(random(4).buffer).getUint32(0), created: now }
  for (const name of ['tables', 'migrations', 'backups']) io.makeDirectory(`${directory}/${name}`)
  for (const [folder, tableId] of [
    [COMMITS_FOLDER, COMMITS_TABLE_ID],
    [CATALOG_FOLDER, CATALOG_TABLE_ID]
  ] as const) {
    const table = new TableWriter(io, identity, { tableId, directory: `${directory}/tables/${folder}`, checkpointSeq: 0, segments: [] })
    makeTableFolder(io, table, identity, '')
  }
  io.makeDirectory(`${directory}/wal`)
  io.syncDirectory(directory)
  const parent = directory.slice(0, directory.lastIndexOf('/'))
  if (parent !== '') io.syncDirectory(parent)
}
