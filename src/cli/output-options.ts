/** The options that say how results look; every command has them. */
import { Option, type Command } from 'commander'
import { MODES, type Mode } from './row-format.js'
import type { Terminal } from './terminal.js'

export type OutputOptions = {
  readonly mode?: Mode | undefined
  readonly json?: true
  readonly csv?: true
  readonly quiet?: true
  readonly color?: boolean
}

/** Adds them to a command; without `--mode` to one that has another use for the word. */
export function addOutputOptions(command: Command, { mode = true }: { readonly mode?: boolean } = {}): Command {
  const modeOption = new Option('--mode <mode>', 'how results look; table on a terminal, ndjson elsewhere').choices(MODES)
  if (mode) command.addOption(modeOption.conflicts(['json', 'csv']))
  return command
    .addOption(new Option('--json', 'one JSON object on each line: --mode ndjson').conflicts('csv'))
    .option('--csv', 'CSV with a header: --mode csv')
    .option('--quiet', 'only errors on standard error')
    .option('--color', 'colours even where there is no terminal')
    .option('--no-color', 'no colours')
}

/** The mode that was asked for, or the one that fits standard output. */
export function modeOf(options: OutputOptions, terminal: Terminal): Mode {
  if (options.json === true) return 'ndjson'
  if (options.csv === true) return 'csv'
  return options.mode ?? (terminal.isTty ? 'table' : 'ndjson')
}
