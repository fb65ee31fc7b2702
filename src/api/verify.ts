import { resolve } from 'node:path'
import { realIo } from '../io/real-io.js'
import type { Note, Problem } from '../operations/findings.js'
import { verify as verifyDirectory, type VerifiedTable, type VerifyReport } from '../operations/verify.js'
import { turn } from '../runtime/turn.js'
import type { Progress } from './table.js'

export type { Note, Problem, VerifiedTable, VerifyReport }

/**
 * Reads every byte of the database in `directory` and checks it; changes nothing, takes no lock, works beside a live writer. Damage is
 * listed in the report, with file and offset, and does not end the check.
 *
 * @throws INVALID_ARGUMENT where the directory is no database; IO from the file system.
 * @example
 * const report = await verify('./data')
 * for (const problem of report.problems) console.error(problem.file, problem.offset, problem.message)
 */
export function verify(directory: string, options: { readonly onProgress?: (progress: Progress) => void } = {}): Promise<VerifyReport> {
  const { onProgress } = options
  return verifyDirectory(realIo, resolve(directory), { onProgress, breathe: turn })
}
