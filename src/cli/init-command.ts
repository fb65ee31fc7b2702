/** `driftdb init DIR`: makes an empty database. */
import type { Command } from 'commander'
import { DriftError } from '../base/errors.js'
import type { CommandContext } from './command-context.js'
import { openDatabase } from './open-database.js'
import { addOutputOptions, modeOf, type OutputOptions } from './output-options.js'
import { printRows } from './print-result.js'

export function initCommand(program: Command, { terminal }: CommandContext): void {
  const command = program.command('init').description('make an empty database').argument('<dir>', 'the directory; made if it is not there')
  addOutputOptions(command, { table: true })
    .addHelpText('after', '\nExample:\n  driftdb init ./mydata')
    .action(async (directory: string, options: OutputOptions) => {
      terminal.configure(options)
      await refuseDatabase(directory)
      await using made = await openDatabase(directory, terminal, { create: true })
      const mode = modeOf(options, terminal)
      if (mode === 'table' || mode === 'line') await terminal.print(`made an empty database in ${directory}\n`)
      else await printRows(terminal, mode, { columns: [], rows: [{ ok: true, directory, seq: made.lastSeq }] })
    })

  /** A database is never made over another one, and a second `init` is more likely a slip than a wish. */
  async function refuseDatabase(directory: string): Promise<void> {
    try {
      await using there = await openDatabase(directory, terminal, { readOnly: true })
      const found = { directory, lastSeq: there.lastSeq }
      throw new DriftError('ALREADY_EXISTS', `${directory} is a database already; nothing was changed`, found)
    } catch (error) {
      // There is none: opening says what else may be wrong with the directory.
      if (error instanceof DriftError && error.code === 'DRIFT_INVALID_ARGUMENT') return
      throw error
    }
  }
}
