/** `driftdb select`: a SELECT made of options. */
import { InvalidArgumentError, type Command } from 'commander'
import type { CommandContext } from './command-context.js'
import { openDatabase } from './open-database.js'
import { addOutputOptions, modeOf, type OutputOptions } from './output-options.js'
import { quotedName } from './row-format.js'
import { runText } from './run-text.js'
import { Session } from './session.js'

type SelectOptions = OutputOptions & {
  readonly directory: string
  readonly table: string
  readonly where?: string
  readonly asOf?: string
  readonly columns?: string
  readonly limit?: number
  readonly strict?: true
}

const EXAMPLES = `
Examples:
  driftdb select -d ./mydata --table users --where 'status="active"'
  driftdb select -d ./mydata --table users --as-of "@seq:100" --columns id,email --limit 10 --csv`

export function selectCommand(program: Command, { terminal }: CommandContext): void {
  const command = program
    .command('select')
    .description('print rows of a table, now or at a past point')
    .requiredOption('-d, --directory <dir>', 'the database')
    .requiredOption('--table <name>', 'the table')
    .option('--where <condition>', 'a condition of DriftQL')
    .option('--as-of <point>', 'read at this point: @seq:N, a time, @now - 1 hour')
    .option('--columns <names>', 'only these, separated by commas; a.b is a field in a field')
    .option('--limit <count>', 'at most so many rows', wholeNumber)
    .option('--strict', 'a point ahead of the last event is an error')
  addOutputOptions(command)
    .addHelpText('after', EXAMPLES)
    .action(async (options: SelectOptions) => {
      terminal.configure(options)
      const { asOf, strict = false, table } = options
      await using db = await openDatabase(options.directory, terminal, { readOnly: true, strict })
      await runText(new Session(db), selectText(options), { terminal, mode: modeOf(options, terminal), table, asOf })
    })
}

function selectText({ table, where, columns, limit }: SelectOptions): string {
  const list = columns === undefined || columns.trim() === '*' ? '*' : columns.split(',').map(columnText).join(', ')
  const condition = where === undefined ? '' : ` WHERE ${where}`
  // On a line of its own, where no comment in the condition reaches it.
  const end = limit === undefined ? '' : `\nLIMIT ${limit}`
  return `SELECT ${list} FROM ${quotedName(table)}${condition}${end}`
}

/** A path of names; what is quoted already stays as it is. */
function columnText(text: string): string {
  const name = text.trim()
  return name.includes('`') ? name : name.split('.').map(quotedName).join('.')
}

function wholeNumber(text: string): number {
  const count = Number(text)
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(count)) throw new InvalidArgumentError('It is a whole number.')
  return count
}
