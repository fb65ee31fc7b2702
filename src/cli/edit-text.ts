/** A text in the user's editor. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DriftError } from '../base/errors.js'
import { limits } from '../base/limits.js'
import { inputError } from './input-error.js'
import { endOf, startUserCommand } from './user-command.js'

/** `$VISUAL`, else `$EDITOR`, else vi. Throws INVALID_ARGUMENT where the editor fails or cannot be started, LIMIT for a text too long. */
export async function editText(text: string): Promise<string> {
  const commandLine = process.env['VISUAL'] || process.env['EDITOR'] || 'vi'
  // A directory that nobody else can look into.
  const directory = await mkdtemp(join(tmpdir(), 'driftdb-edit-'))
  try {
    const file = join(directory, 'statement.sql')
    await writeFile(file, text === '' || text.endsWith('\n') ? text : `${text}\n`, { mode: 0o600 })
    const end = await endOf(startUserCommand(commandLine, [file], { stdin: 'inherit' }))
    if (end !== 0) {
      throw new DriftError('INVALID_ARGUMENT', `the editor ${commandLine} ended with ${end}; nothing is run`, { found: commandLine })
    }
    const bytes = await readFile(file)
    const limit = limits.statementBytesMax
    const seen = bytes.length
    if (seen > limit) throw new DriftError('LIMIT', `a text has at most ${limit} bytes`, { name: 'statementBytesMax', limit, seen })
    return bytes.toString('utf8').trim()
  } catch (error) {
    throw inputError(error, directory)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}
