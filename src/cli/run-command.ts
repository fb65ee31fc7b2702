/** Reads the arguments, runs one command, says errors in words. */
import { Command, CommanderError } from 'commander'
import { DriftError } from '../base/errors.js'
import type { CommandContext } from './command-context.js'
import { errorText } from './error-text.js'
import { EXIT_DONE, EXIT_INTERRUPTED, EXIT_USAGE, exitCodeOf } from './exit-code.js'
import { packageVersion } from './package-version.js'
import { Terminal } from './terminal.js'

const DESCRIPTION = `An append-only database that never forgets: every past state can be queried.

Results go to standard output, everything else to standard error. Exit codes: 0 done, 1 refused, 2 wrong usage, 3 damaged data,
4 locked or unavailable, 130 interrupted.`

const EXAMPLES = `
Example:
  driftdb init ./mydata
  driftdb sql -d ./mydata -e 'CREATE TABLE users (pk=id)'
  driftdb sql -d ./mydata -e 'INSERT INTO users {"id": "user1", "status": "active"}'
  driftdb select -d ./mydata --table users --as-of "@seq:2"`

/** Runs the command of these arguments (without node and script). Resolves to the exit code; never throws. */
export async function runCommand(args: readonly string[]): Promise<number> {
  const terminal = new Terminal()
  const context: CommandContext = { terminal, exitCode: EXIT_DONE }
  try {
    const program = await commandLine(context, args[0])
    await program.parseAsync(args, { from: 'user' })
    await terminal.flush()
    return terminal.signal.aborted ? EXIT_INTERRUPTED : context.exitCode
  } catch (thrown) {
    // What was printed before the error is a result.
    await terminal.flush().catch(() => {})
    return failed(thrown, terminal)
  }
}

type AddCommand = (program: Command, context: CommandContext) => void

/** In the order in which help lists them. */
const COMMANDS: ReadonlyMap<string, () => Promise<AddCommand>> = new Map([
  ['init', async () => (await import('./init-command.js')).initCommand],
  ['sql', async () => (await import('./sql-command.js')).sqlCommand],
  ['select', async () => (await import('./select-command.js')).selectCommand],
  ['drift', async () => (await import('./drift-command.js')).driftCommand],
  ['ingest', async () => (await import('./ingest-command.js')).ingestCommand],
  ['import', async () => (await import('./import-command.js')).importCommand],
  ['snapshot', async () => (await import('./maintenance-command.js')).snapshotCommand],
  ['compact', async () => (await import('./maintenance-command.js')).compactCommand],
  ['stats', async () => (await import('./stats-command.js')).statsCommand],
  ['doctor', async () => (await import('./doctor-command.js')).doctorCommand],
  ['bench', async () => (await import('./bench-command.js')).benchCommand]
])

/** With the command that `first` names, or with all of them where it names none: help and mistakes need them all. */
async function commandLine(context: CommandContext, first: string | undefined): Promise<Command> {
  const program = new Command('driftdb')
    .description(DESCRIPTION)
    .version(packageVersion(), '-V, --version', 'print the version')
    .addHelpText('after', EXAMPLES)
    .showHelpAfterError('(driftdb --help shows what there is)')
    // Commander's own exit code for wrong usage is 1.
    .exitOverride()
  const named = COMMANDS.get(first ?? '')
  for (const load of named === undefined ? COMMANDS.values() : [named]) (await load())(program, context)
  return program
}

function failed(thrown: unknown, terminal: Terminal): number {
  if (thrown instanceof CommanderError) {
    // Commander has said its own errors already.
    if (thrown.code === 'driftdb.usage') terminal.complain(thrown.message)
    return thrown.exitCode === 0 ? EXIT_DONE : EXIT_USAGE
  }
  if (terminal.signal.aborted) {
    terminal.note('interrupted')
    return EXIT_INTERRUPTED
  }
  const error = DriftError.from(unwrapped(thrown), 'driftdb')
  terminal.complain(errorText(error))
  return exitCodeOf(error)
}

/** Closing after an error can fail as well: the first one is the reason. */
function unwrapped(thrown: unknown): unknown {
  return thrown instanceof Error && 'suppressed' in thrown ? unwrapped(thrown.suppressed) : thrown
}
