import { DriftError } from '../base/errors.js'
import { readWhole, type Io } from '../io/io.js'
import { recover, type Recovered, type RecoveryOptions } from './recovery.js'

/** A writer that installs manifests faster than this many readings is no living one. */
const ATTEMPTS_MAX = 50

/**
 * A read-only opening beside a living writer, without a lock: read everything, then look whether the writer moved files meanwhile, and
 * start over if it did. What was read while nothing moved is one state; it is durable, because the reader syncs the WAL files itself
 * before it shows anything. Damage counts only if nothing moved while it was found.
 */
export async function recoverBeside(options: RecoveryOptions): Promise<Recovered> {
  const { io, directory, breathe } = options
  for (let attempt = 1; ; attempt++) {
    const before = fingerprint(io, directory)
    let failure: unknown
    try {
      const state = await recover(options)
      try {
        // Segments that are merged away later stay readable: their files are open.
        holdFiles(state)
        if (fingerprint(io, directory) === before) return state
        closeReaders(state)
      } catch (error) {
        closeReaders(state)
        throw error
      }
    } catch (error) {
      if (fingerprint(io, directory) === before) throw error
      failure = error
    }
    if (attempt === ATTEMPTS_MAX) {
      throw new DriftError(
        'IO',
        `${directory}: the writer moved its files during each of ${attempt} readings; try again`,
        { directory },
        failure
      )
    }
    await breathe()
  }
}

function holdFiles(state: Recovered): void {
  for (const table of state.tables.values()) table.segments.hold()
  state.commits.hold()
}

export function closeReaders(state: Recovered): void {
  for (const table of state.tables.values()) table.close()
  state.commits.close()
}

/** Changes whenever a file is rotated, installed or removed; not when records are appended. */
function fingerprint(io: Io, directory: string): string {
  const tables = io.list(`${directory}/tables`).map((folder) => {
    const path = `${directory}/tables/${folder}/meta.json`
    return io.kind(path) === 'file' ? Buffer.from(readWhole(io, path)).toString('latin1') : folder
  })
  return JSON.stringify([io.list(`${directory}/wal`), tables])
}
