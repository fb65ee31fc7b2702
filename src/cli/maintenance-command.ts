/** `driftdb snapshot` and `driftdb compact`: what the statements of these names do, for one table or all, with progress. */
import type { Command } from 'commander'
import type { Database, Document, MaintenanceOptions } from '../index.js'
import type { CommandContext } from './command-context.js'
import { openDatabase } from './open-database.js'
import { addOutputOptions, modeOf, type OutputOptions } from './output-options.js'
import { printRows } from './print-result.js'
import { ProgressBar } from './progress-bar.js'

type MaintenanceCommandOptions = OutputOptions & { readonly directory: string; readonly table?: string }
type Work = (db: Database, table: string | undefined, options: MaintenanceOptions) => Promise<{ readonly tables: readonly object[] }>

export function snapshotCommand(program: Command, context: CommandContext): void {
  addCommand(
    program,
    context,
    'snapshot',
    'write a snapshot, from which the next opening begins; no answer changes',
    (db, table, options) => db.snapshot(table, options)
  )
}

export function compactCommand(program: Command, context: CommandContext): void {
  addCommand(program, context, 'compact', 'merge and compress segments; no answer changes, history stays', (db, table, options) =>
    db.compact(table, options)
  )
}

function addCommand(program: Command, { terminal }: CommandContext, name: string, description: string, work: Work): void {
  const command = program
    .command(name)
    .description(description)
    .requiredOption('-d, --directory <dir>', 'the database')
    .option('--table <name>', 'this table alone')
  addOutputOptions(command)
    .addHelpText('after', `\nExample:\n  driftdb ${name} -d ./mydata --table users`)
    .action(async (options: MaintenanceCommandOptions) => {
      terminal.configure(options)
      await using db = await openDatabase(options.directory, terminal, {})
      const bar = await ProgressBar.make(terminal, name)
      let tables: readonly object[]
      try {
        const { signal } = terminal
        const onProgress = ({ done, total }: { readonly done: number; readonly total: number }) => bar.update(done, total, '')
        tables = (await work(db, options.table, { signal, onProgress })).tables
      } finally {
        bar.stop()
      }
      await printRows(terminal, modeOf(options, terminal), { columns: [], rows: tables as readonly Document[], table: 'tables' })
    })
}
