/** Runs the compiled command as a process of its own, in a directory of its own that goes away with the test. */
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ExecutionContext } from 'ava'

export type Run = { readonly code: number | null; readonly signal: string | null; readonly stdout: string; readonly stderr: string }

export const command = fileURLToPath(new URL('../../src/cli/driftdb.js', import.meta.url))

/** A directory that is removed when the test ends. */
export async function workDirectory(t: ExecutionContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'driftdb-cli-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  return directory
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
