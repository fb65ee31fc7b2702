#!/usr/bin/env node
/** The `driftdb` command. What a call does not need is not loaded: the version alone takes no more than Node itself. */
import { packageVersion } from './package-version.js'

const args = process.argv.slice(2)
const isVersion = args.length === 1 && (args[0] === '--version' || args[0] === '-V')
if (isVersion) {
  // Whoever has gone needs no version.
  process.stdout.on('error', () => {})
  process.stdout.write(`${packageVersion()}\n`)
} else {
  const { runCommand } = await import('./run-command.js')
  // Everything is printed and closed by now; what may still wait (an unread standard input) must not hold the process.
  process.exit(await runCommand(args))
}
