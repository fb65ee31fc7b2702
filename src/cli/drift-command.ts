/** `driftdb drift`: the history of one row. */
import { Option, type Command } from 'commander'
import { HISTORY_COLUMNS } from '../api/history-columns.js'
import { parseJson } from '../api/json.js'
import { DriftError } from '../base/errors.js'
import type { Database, Document, Key } from '../index.js'
import type { CommandContext } from './command-context.js'
import { openDatabase } from './open-database.js'
import { addOutputOptions, modeOf, type OutputOptions } from './output-options.js'
import { printRows } from './print-result.js'

type DriftOptions = OutputOptions & { readonly directory: string; readonly table: string; readonly key?: string; readonly keyJson?: string }

const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/

const EXAMPLES = `
Examples:
  driftdb drift -d ./mydata --table users --key user1
  driftdb drift -d ./mydata --table numbers --key-json 42`

export function driftCommand(program: Command, { terminal }: CommandContext): void {
  const command = program
    .command('drift')
    .description('print every event of a row, deletes too')
    .requiredOption('-d, --directory <dir>', 'the database')
    .requiredOption('--table <name>', 'the table')
    .option('--key <key>', 'the key: text, or a number where no row has the text')
    .addOption(new Option('--key-json <json>', 'the key as JSON: "text", 42 or true').conflicts('key'))
  addOutputOptions(command)
    .addHelpText('after', EXAMPLES)
    .action(async (options: DriftOptions) => {
      terminal.configure(options)
      const { directory, table, key, keyJson } = options
      if (key === undefined && keyJson === undefined) command.error("error: required option '--key <key>' not specified", { exitCode: 2 })
      await using db = await openDatabase(directory, terminal, { readOnly: true })
      const asked = keyJson === undefined ? keyOfText(db, table, key ?? '') : keyOfJson(keyJson)
      const view = db.table(table)
      if (view.history(asked, { limit: 1 }).next().done === true) terminal.note(`note: no event of ${table} has this key`)
      const rows = historyRows(view.history(asked))
      await printRows(terminal, modeOf(options, terminal), { columns: HISTORY_COLUMNS, rows, table })
    })
}

/** Text, unless only a number is in the table. */
function keyOfText(db: Database, table: string, text: string): Key {
  const hasText = db.table(table).history(text, { limit: 1 }).next().done !== true
  return hasText || !NUMBER.test(text) ? text : (parseJson(text) as Key)
}

function keyOfJson(text: string): Key {
  const key = parseJson(text)
  if (typeof key === 'string' || typeof key === 'number' || typeof key === 'bigint' || typeof key === 'boolean') return key
  throw new DriftError('INVALID_ARGUMENT', 'a key is a string, a number or a boolean', { found: text })
}

function* historyRows(history: ReturnType<ReturnType<Database['table']>['history']>): Generator<Document, void> {
  for (const { seq, time, event, payload, document, metadata } of history) {
    yield { seq, time: new Date(time), event, payload, document: document as Document | null, metadata }
  }
}
