/**
 * The first light's speeds, each beside what the disk does in the same run. `npm run bench`; `npm run bench -- callers reads` runs
 * some parts; EVENTS=1000000 is the size (the default). Each part runs in a fresh process, so that none warms another.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'

const parts = ['callers', 'bulk', 'reads', 'opening', 'queries', 'command-line', 'import-git']

const asked = process.argv.slice(2)
const unknown = asked.filter((name) => !parts.includes(name))
if (unknown.length > 0) {
  process.stderr.write(`no part ${unknown.join(', ')}; parts are ${parts.join(', ')}\n`)
  process.exit(2)
}
for (const part of asked.length === 0 ? parts : asked) {
  const directory = mkdtempSync(`${process.env['BENCH_DIRECTORY'] ?? tmpdir()}/driftdb-bench-`)
  try {
    const program = fileURLToPath(new URL(`./parts/${part}.js`, import.meta.url))
    const { status } = spawnSync(process.execPath, ['--expose-gc', program, directory], { stdio: 'inherit' })
    if (status !== 0) process.exitCode = 1
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
