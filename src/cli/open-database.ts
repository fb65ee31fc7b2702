/** Opens a database for a command: it must be there, and what the engine warns of goes to standard error. */
import { open, type Database, type OpenOptions } from '../index.js'
import { stderrLog } from '../base/log.js'
import type { Terminal } from './terminal.js'

export function openDatabase(directory: string, terminal: Terminal, options: OpenOptions): Promise<Database> {
  return open(directory, { log: stderrLog(terminal.isQuiet ? 'error' : 'warn'), create: false, ...options })
}
