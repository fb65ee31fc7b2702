/** `driftdb sql`: runs statements, one session a call; in a script the first that fails ends it, in the shell none does. */
import { CommanderError, type Command } from 'commander'
import type { CommandContext } from './command-context.js'
import { openDatabase } from './open-database.js'
import { addOutputOptions, modeOf, type OutputOptions } from './output-options.js'
import { readScript } from './read-script.js'
import { runText } from './run-text.js'
import { Session } from './session.js'

type SqlOptions = OutputOptions & {
  readonly directory: string
  readonly execute?: readonly string[]
  readonly command?: readonly string[]
  readonly asOf?: string
  readonly readOnly?: true
  readonly safe?: true
  readonly strict?: true
  readonly timer?: true
  readonly table?: true
  readonly into: string
}

const EXAMPLES = `
Examples:
  driftdb sql -d ./mydata                                  # the interactive shell; .help says what it knows
  driftdb sql -d ./mydata -e 'CREATE TABLE users (pk=id, INDEX(email, status))'
  driftdb sql -d ./mydata -e 'INSERT INTO users {"id": "user1", "status": "active"}'
  driftdb sql -d ./mydata --json -e 'SELECT * FROM users AS OF @seq:2'
  driftdb sql -d ./mydata script.sql
  echo 'SHOW DRIFT users KEY "user1"' | driftdb sql -d ./mydata --read-only`

export function sqlCommand(program: Command, context: CommandContext): void {
  const { terminal } = context
  const command = program
    .command('sql')
    .description('run DriftQL statements; on a terminal, without -e and a file, in an interactive shell')
    .argument('[file]', 'a script; - or none is standard input')
  const collect = (text: string, before: readonly string[] = []): readonly string[] => [...before, text]
  command
    .requiredOption('-d, --directory <dir>', 'the database')
    .option('-e, --execute <text>', 'statements to run; may be given several times', collect)
    .option('-c, --command <text>', 'the same as -e', collect)
    .option('--as-of <point>', 'read at this point: @seq:N, a time, @now - 1 hour')
    .option('--read-only', 'beside a writer; statements that write are refused')
    .option('--safe', 'no files from statements, no .edit')
    .option('--strict', 'a point ahead of the last event is an error')
    .option('--timer', 'say how long each statement took')
    .option('--into <name>', 'the table that --mode insert names', 'rows')
  addOutputOptions(command, { table: true })
    .addHelpText('after', EXAMPLES)
    .action(async (file: string | undefined, options: SqlOptions) => {
      terminal.configure(options)
      const texts = [...(options.execute ?? []), ...(options.command ?? [])]
      if (texts.length > 0 && file !== undefined) {
        throw new CommanderError(2, 'driftdb.usage', 'give -e or a file, not both')
      }
      if (texts.length === 0 && file === undefined && terminal.isInteractive) {
        context.exitCode = await runInShell(options)
        return
      }
      if (texts.length === 0) {
        if (file === undefined && process.stdin.isTTY) terminal.note('reading statements from the terminal; Ctrl-D ends them')
        texts.push(await readScript(file, terminal.signal))
      }
      await runScript(texts, options)
    })

  async function runScript(texts: readonly string[], options: SqlOptions): Promise<void> {
    const { asOf, safe = false, timer = false, strict = false, readOnly = false, into } = options
    const mode = modeOf(options, terminal)
    await using db = await openDatabase(options.directory, terminal, { readOnly, strict })
    const session = new Session(db, { safe })
    try {
      for (const text of texts) await runText(session, text, { terminal, mode, table: into, asOf, timer })
    } finally {
      if (session.close()) terminal.note('note: the transaction that was still open was rolled back')
    }
  }

  async function runInShell(options: SqlOptions): Promise<number> {
    const { directory, asOf, safe = false, timer = false, strict = false, readOnly = false, into } = options
    const mode = modeOf(options, terminal)
    await using db = await openDatabase(directory, terminal, { readOnly, strict })
    const { Shell } = await import('./shell.js')
    return await new Shell({ db, terminal, directory, mode, table: into, asOf, safe, timer }).run()
  }
}
