import { hostname } from 'node:os'
import { DriftError } from '../base/errors.js'
import { readWhole, type FileLock, type Io } from '../io/io.js'

/**
 * One writer a directory: an operating-system lock on `LOCK`, which is free when its process ends, however it ends. What stands in
 * the file only says who holds it.
 */
export function lockDirectory(io: Io, directory: string, now: number): FileLock {
  const path = `${directory}/LOCK`
  const lock = io.lock(path)
  if (lock === undefined) throw locked(io, path, directory)
  try {
    const file = io.openWrite(path)
    try {
      file.truncate(0)
      file.write([Buffer.from(`${JSON.stringify({ pid: process.pid, hostname: hostname(), since: now })}\n`)], 0)
    } finally {
      file.close()
    }
  } catch (error) {
    lock.release()
    throw error
  }
  return lock
}

function locked(io: Io, path: string, directory: string): DriftError {
  let holder: { pid?: number; hostname?: string; since?: number } = {}
  try {
    holder = JSON.parse(Buffer.from(readWhole(io, path)).toString()) as typeof holder
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
  }
  const since = holder.since === undefined ? 'an unknown time' : new Date(holder.since).toISOString()
  return new DriftError(
    'LOCKED',
    `${directory} is open for writing in process ${holder.pid ?? '?'} on ${holder.hostname ?? '?'} since ${since}; open it read-only, or wait`,
    { directory, pid: holder.pid, hostname: holder.hostname, since: holder.since }
  )
}
