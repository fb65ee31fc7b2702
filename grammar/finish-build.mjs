/** The end of the build: tsc writes no file modes, and the command must be executable when it is linked from a checkout. */
import { chmodSync, existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const command = fileURLToPath(new URL('../dist/src/cli/driftdb.js', import.meta.url))
if (existsSync(command)) chmodSync(command, 0o755)
