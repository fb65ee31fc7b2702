/** Errors of the files that a user names: a name that leads nowhere is a mistake in the call, not trouble with the database. */
import { DriftError } from '../base/errors.js'

const MISTAKES = new Map([
  ['ENOENT', 'there is no such file'],
  ['EISDIR', 'it is a directory'],
  ['ENOTDIR', 'a part of the path is a file, not a directory'],
  ['EACCES', 'there is no permission to use it'],
  ['EPERM', 'there is no permission to use it'],
  ['EROFS', 'the file system is read-only'],
  ['ERR_FS_FILE_TOO_LARGE', 'it is too large']
])

/** INVALID_ARGUMENT for such a mistake, IO or NO_SPACE for the rest. */
export function inputError(thrown: unknown, file: string): DriftError {
  if (thrown instanceof DriftError) return thrown
  const mistake = MISTAKES.get(String((thrown as NodeJS.ErrnoException)?.code))
  if (mistake !== undefined) return new DriftError('INVALID_ARGUMENT', `cannot use ${file}: ${mistake}`, { file }, thrown)
  return DriftError.from(thrown, file)
}
