/** What every command is given. */
import type { Terminal } from './terminal.js'

export type CommandContext = {
  readonly terminal: Terminal
  /** The exit code of a command that ends without an error. */
  exitCode: number
}
