/**
 * Makes `driftql.generated.ts` of `driftql.ne`, unless it is newer than everything it is made of.
 * nearley's compiler exits 0 on an undefined symbol and only says so on standard error: that text is a failure here.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, renameSync, rmSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

const source = fileURLToPath(new URL('driftql.ne', import.meta.url))
const target = fileURLToPath(new URL('driftql.generated.ts', import.meta.url))
const compiler = createRequire(import.meta.url).resolve('nearley/bin/nearleyc.js')

const changed = Math.max(...[source, fileURLToPath(import.meta.url), compiler].map((file) => statSync(file).mtimeMs))
if (!existsSync(target) || statSync(target).mtimeMs <= changed) compile()

function compile() {
  // A name of its own: two builds at once, or one that fails, never leave half a parser.
  const made = `${target}.${process.pid}.tmp`
  const run = spawnSync(process.execPath, [compiler, source, '-o', made], { encoding: 'utf8' })
  const output = `${run.stdout ?? ''}${run.stderr ?? ''}${run.error ? String(run.error) : ''}`
  if (run.status !== 0 || output.includes('Undefined symbol') || !existsSync(made) || statSync(made).size === 0) {
    rmSync(made, { force: true })
    process.stderr.write(`grammar/driftql.ne does not compile (status ${run.status})\n${output}`)
    process.exit(1)
  }
  renameSync(made, target)
}
