/** `driftdb doctor`: reads every byte of a database, says what is damaged and changes nothing. */
import type { Command } from 'commander'
import type { Document } from '../index.js'
import type { CommandContext } from './command-context.js'
import { EXIT_DAMAGED } from './exit-code.js'
import { addOutputOptions, modeOf, type OutputOptions } from './output-options.js'
import { printRows } from './print-result.js'
import { ProgressBar } from './progress-bar.js'

export function doctorCommand(program: Command, context: CommandContext): void {
  const { terminal } = context
  const command = program
    .command('doctor')
    .description('check every file of a database; changes nothing, exits 3 where something is damaged')
    .requiredOption('-d, --directory <dir>', 'the database')
  addOutputOptions(command, { table: true })
    .addHelpText('after', '\nExample:\n  driftdb doctor -d ./mydata')
    .action(async (options: OutputOptions & { readonly directory: string }) => {
      terminal.configure(options)
      const mode = modeOf(options, terminal)
      const { verify } = await import('../api/verify.js')
      const bar = await ProgressBar.make(terminal, 'checking')
      const report = await verify(options.directory, { onProgress: ({ done, total }) => bar.update(done, total) }).finally(() => bar.stop())
      const { problems, notes, files, commits, events, bytes, lastSeq } = report
      for (const { file, offset, message } of notes) terminal.note(`note: ${file}, byte ${offset}: ${message}`)
      if (problems.length > 0) context.exitCode = EXIT_DAMAGED
      const rows = problems.map(({ file, offset, message }): Document => ({ file, offset, message }))
      const summary: Document = { ok: problems.length === 0, lastSeq, files, commits, events, bytes, problems: problems.length }
      if (mode === 'table' || mode === 'line') {
        if (rows.length > 0) await printRows(terminal, 'line', { columns: [], rows })
        const verdict =
          problems.length === 0 ? 'nothing is damaged' : `${problems.length} damaged ${problems.length === 1 ? 'place' : 'places'}`
        await terminal.print(
          `${verdict}: ${events} events in ${commits} commits up to @seq:${lastSeq}; ${files} files, ${bytes} bytes read\n`
        )
      } else if (mode === 'ndjson' || mode === 'json') {
        await printRows(terminal, mode, { columns: [], rows: [...rows, summary] })
      } else {
        await printRows(terminal, mode, { columns: [], rows, table: 'problems' })
      }
    })
}
