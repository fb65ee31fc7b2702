/** Runs the compiled command as a process of its own, in a directory of its own that goes away with the test. */
import { spawn, type ChildProcess } from 'node:child_process'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'

export type Run = { readonly code: number | null; readonly signal: string | null; readonly stdout: string; readonly stderr: string }

/** What the package installs as `driftdb`. */
export const command = fileURLToPath(new URL('../../bundle/front/driftdb.js', import.meta.url))

/** Databases by the script that made them, which the tests of a file get copies of. */
const made = new Map<string, Promise<string>>()
test.after.always('what copies were made of is removed', async () => {
  for (const directory of made.values()) await rm(await directory, { recursive: true, force: true })
})

/** A directory that is removed when the test ends. */
export async function workDirectory(t: ExecutionContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'driftdb-cli-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  return directory
}

/** A directory with the database `data`, in which `script` has run: made by the command, once, and a copy for each test. */
export async function workDatabase(t: ExecutionContext, script = ''): Promise<string> {
  let template = made.get(script)
  if (template === undefined) made.set(script, (template = makeDatabase(t, script)))
  const cwd = await workDirectory(t)
  await cp(await template, cwd, { recursive: true })
  return cwd
}

async function makeDatabase(t: ExecutionContext, script: string): Promise<string> {
  const cwd = await mkdtemp(join(tmpdir(), 'driftdb-cli-'))
  t.is((await driftdb(t, cwd, ['init', 'data'])).code, 0)
  if (script !== '') t.is((await driftdb(t, cwd, ['sql', '-d', 'data'], script)).code, 0)
  return cwd
}

/** Starts the command; the test kills it if it is still there at the end. */
export function start(t: ExecutionContext, cwd: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
  const child = spawn(process.execPath, [command, ...args], { cwd, env: { ...process.env, NO_COLOR: '', ...env } })
  t.teardown(() => child.kill('SIGKILL'))
  return child
}

/** What a process said until it ended. */
export async function ended(child: ChildProcess): Promise<Run> {
  let stdout = ''
  let stderr = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }))
  })
}

/** Runs the command with `input` on standard input. A stack trace anywhere fails the test. */
export async function driftdb(t: ExecutionContext, cwd: string, args: readonly string[], input: string | Uint8Array = ''): Promise<Run> {
  const child = start(t, cwd, args)
  const running = ended(child)
  // The command may have left without reading all of it.
  child.stdin?.on('error', () => {})
  child.stdin?.end(input)
  const run = await running
  t.notRegex(run.stdout + run.stderr, /^\s+at .*(?:\.js|node:)/m, `driftdb ${args.join(' ')}`)
  return run
}

/** The objects of NDJSON text; throws for a line that is none. */
export function objects(text: string): Record<string, unknown>[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}
