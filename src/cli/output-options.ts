/** The options that say how results look; every command has them. */
import { Option, type Command } from 'commander'
import { MODES, type Mode } from './row-format.js'
import type { ColorChoice, Terminal } from './terminal.js'

export type OutputOptions = {
  readonly mode?: Mode | undefined
  readonly json?: true
  readonly csv?: true
  readonly quiet?: true
  readonly color?: ColorChoice | false
  readonly pager?: boolean
}

/**
 * Adds them to a command; without `--mode` to one that has another use for the word, and without `--table` to one whose `--table` names a
 * table.
 */
export function addOutputOptions(
  command: Command,
  { mode = true, table = false }: { readonly mode?: boolean; readonly table?: boolean } = {}
): Command {
  const modeOption = new Option('--mode <mode>', 'how results look; table on a terminal, ndjson elsewhere').choices(MODES)
  if (mode) command.addOption(modeOption.conflicts(table ? ['json', 'csv', 'table'] : ['json', 'csv']))
  if (table) command.addOption(new Option('--table', 'aligned tables: --mode table').conflicts(['json', 'csv']))
  return command
    .addOption(new Option('--json', 'one JSON object on each line: --mode ndjson').conflicts('csv'))
    .option('--csv', 'CSV with a header: --mode csv')
    .option('--quiet', 'only errors on standard error')
    .addOption(new Option('--color [when]', 'colours').choices(['auto', 'always', 'never']).preset('always'))
    .option('--no-color', 'no colours: --color never')
    .option('--no-pager', 'no $PAGER for what is longer or wider than the screen')
}

/** The mode that was asked for, or the one that fits standard output. */
export function modeOf(options: OutputOptions & { readonly table?: unknown }, terminal: Terminal): Mode {
  if (options.json === true) return 'ndjson'
  if (options.csv === true) return 'csv'
  if (options.table === true) return 'table'
  return options.mode ?? (terminal.isTty ? 'table' : 'ndjson')
}
