/** Opens a database for a command: it must be there, and what the engine warns of goes to standard error. */
import type { Database, OpenOptions } from '../index.js'
import type { Terminal } from './terminal.js'

/** The engine is loaded here and not before, so that help and wrong usage answer at once. Throws what `open` throws. */
export async function openDatabase(directory: string, terminal: Terminal, options: OpenOptions): Promise<Database> {
  const [{ open }, { stderrLog }] = await Promise.all([import('../index.js'), import('../base/log.js')])
  return open(directory, { log: stderrLog(terminal.isQuiet ? 'error' : 'warn'), create: false, ...options })
}
