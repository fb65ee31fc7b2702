/** `driftdb sql`: runs statements, one session a call; the first that fails ends it. */
import { CommanderError, type Command } from 'commander'
import type { CommandContext } from './command-context.js'
import { openDatabase } from './open-database.js'
import { addOutputOptions, modeOf, type OutputOptions } from './output-options.js'
import { printCommit, printRows } from './print-result.js'
import { readScript } from './read-script.js'

type SqlOptions = OutputOptions & {
  readonly directory: string
  readonly execute?: readonly string[]
  readonly command?: readonly string[]
  readonly asOf?: string
  readonly readOnly?: true
  readonly strict?: true
  readonly table?: true
  readonly into: string
}

const EXAMPLES = `
Examples:
  driftdb sql -d ./mydata -e 'CREATE TABLE users (pk=id, INDEX(email, status))'
  driftdb sql -d ./mydata -e 'INSERT INTO users {"id": "user1", "status": "active"}'
  driftdb sql -d ./mydata --json -e 'SELECT * FROM users AS OF @seq:2'
  driftdb sql -d ./mydata script.sql
  echo 'SHOW DRIFT users KEY "user1"' | driftdb sql -d ./mydata --read-only`

export function sqlCommand(program: Command, { terminal }: CommandContext): void {
  const command = program.command('sql').description('run DriftQL statements').argument('[file]', 'a script; - or none is standard input')
  const collect = (text: string, before: readonly string[] = []): readonly string[] => [...before, text]
  command
    .requiredOption('-d, --directory <dir>', 'the database')
    .option('-e, --execute <text>', 'statements to run; may be given several times', collect)
    .option('-c, --command <text>', 'the same as -e', collect)
    .option('--as-of <point>', 'read at this point: @seq:N, a time, @now - 1 hour')
    .option('--read-only', 'beside a writer; statements that write are refused')
    .option('--strict', 'a point ahead of the last event is an error')
    .option('--table', 'aligned tables: --mode table')
    .option('--into <name>', 'the table that --mode insert names', 'rows')
  addOutputOptions(command)
    .addHelpText('after', EXAMPLES)
    .action(async (file: string | undefined, options: SqlOptions) => {
      terminal.configure(options)
      const texts = [...(options.execute ?? []), ...(options.command ?? [])]
      if (texts.length > 0 && file !== undefined) {
        throw new CommanderError(2, 'driftdb.usage', 'give -e or a file, not both')
      }
      if (texts.length === 0) {
        if (file === undefined && process.stdin.isTTY) terminal.note('reading statements from the terminal; Ctrl-D ends them')
        texts.push(await readScript(file, terminal.signal))
      }
      await run(texts, options)
    })

  async function run(texts: readonly string[], options: SqlOptions): Promise<void> {
    const { asOf, strict = false, readOnly = false } = options
    const mode = options.table === true ? 'table' : modeOf(options, terminal)
    await using db = await openDatabase(options.directory, terminal, { readOnly, strict })
    for (const text of texts) {
      for await (const result of db.statements(text, asOf === undefined ? {} : { asOf })) {
        for (const notice of result.notices) terminal.note(`note: ${notice}`)
        const isRead = result.command === 'SELECT' || result.command === 'SHOW DRIFT'
        if (isRead) await printRows(terminal, mode, { columns: result.columns, rows: result.rows, table: options.into })
        else await printCommit(terminal, mode, result.command, result.commit)
        // What was done is seen before the next statement, which may be long or fail.
        await terminal.flush()
        terminal.check()
      }
    }
  }
}
