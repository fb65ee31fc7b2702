/** `driftdb stats`: sizes and counts. */
import type { Command } from 'commander'
import type { Document } from '../index.js'
import type { CommandContext } from './command-context.js'
import { EXIT_DAMAGED } from './exit-code.js'
import { openDatabase } from './open-database.js'
import { addOutputOptions, modeOf, type OutputOptions } from './output-options.js'
import { printRows } from './print-result.js'

export function statsCommand(program: Command, context: CommandContext): void {
  const { terminal } = context
  const command = program
    .command('stats')
    .description('print sizes and counts; bytes unless the name says otherwise')
    .requiredOption('-d, --directory <dir>', 'the database')
  addOutputOptions(command, { table: true })
    .addHelpText('after', '\nExample:\n  driftdb stats -d ./mydata')
    .action(async (options: OutputOptions & { readonly directory: string }) => {
      terminal.configure(options)
      const mode = modeOf(options, terminal)
      await using db = await openDatabase(options.directory, terminal, { readOnly: true })
      const stats = db.stats()
      const { tables, recovery, ...whole } = stats
      for (const { name, damage } of tables) {
        if (damage === undefined) continue
        context.exitCode = EXIT_DAMAGED
        terminal.complain(`table ${name} is damaged: ${damage}`)
      }
      const rows = tables.map(withoutAbsent)
      if (mode === 'ndjson' || mode === 'json') {
        await printRows(terminal, mode, { columns: [], rows: [stats as unknown as Document] })
      } else if (mode === 'table' || mode === 'line') {
        await printRows(terminal, 'line', { columns: [], rows: [withoutAbsent({ ...whole, ...recovery })] })
        await terminal.print('\n')
        await printRows(terminal, mode, { columns: [], rows })
      } else {
        await printRows(terminal, mode, { columns: [], rows, table: 'tables' })
      }
    })
}

function withoutAbsent(fields: object): Document {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Document
}
