#!/usr/bin/env node
/** The `driftdb` command: reads the arguments, runs one command, says errors in words and leaves with a code. */
import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { DriftError } from '../base/errors.js'
import type { CommandContext } from './command-context.js'
import { doctorCommand } from './doctor-command.js'
import { driftCommand } from './drift-command.js'
import { errorText } from './error-text.js'
import { EXIT_DONE, EXIT_INTERRUPTED, EXIT_USAGE, exitCodeOf } from './exit-code.js'
import { ingestCommand } from './ingest-command.js'
import { importCommand } from './import-command.js'
import { initCommand } from './init-command.js'
import { selectCommand } from './select-command.js'
import { sqlCommand } from './sql-command.js'
import { statsCommand } from './stats-command.js'
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
async function runCommand(args: readonly string[]): Promise<number> {
  const terminal = new Terminal()
  const context: CommandContext = { terminal, exitCode: EXIT_DONE }
  try {
    await commandLine(context).parseAsync(args, { from: 'user' })
    await terminal.flush()
    return terminal.signal.aborted ? EXIT_INTERRUPTED : context.exitCode
  } catch (thrown) {
    // What was printed before the error is a result.
    await terminal.flush().catch(() => {})
    return failed(thrown, terminal)
  }
}

function commandLine(context: CommandContext): Command {
  const program = new Command('driftdb')
    .description(DESCRIPTION)
    .version(packageVersion(), '-V, --version', 'print the version')
    .addHelpText('after', EXAMPLES)
    .showHelpAfterError('(driftdb --help shows what there is)')
    // Commander's own exit code for wrong usage is 1.
    .exitOverride()
  for (const add of [initCommand, sqlCommand, selectCommand, driftCommand, ingestCommand, importCommand, statsCommand, doctorCommand])
    add(program, context)
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

function packageVersion(): string {
  const manifest = JSON.parse(readFileSync(new URL(import.meta.resolve('driftdb/package.json')), 'utf8')) as { readonly version: string }
  return manifest.version
}

// Everything is printed and closed by now; what may still wait (an unread standard input) must not hold the process.
process.exit(await runCommand(process.argv.slice(2)))
