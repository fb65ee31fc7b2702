/** A folder of its own for a test, removed when the test ends; and small helpers that several tests of the interface share. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { DriftError, type ErrorCode } from '../../src/index.js'

export function temporaryDirectory(t: ExecutionContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'driftdb-api-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

/** The error of a call that must be refused with this code. */
export async function refused(t: ExecutionContext, call: () => unknown, code: ErrorCode): Promise<DriftError> {
  const error = await t.throwsAsync(async () => await call(), { instanceOf: DriftError })
  if (error === undefined) throw new Error('nothing was thrown')
  t.is(error.code, code, error.message)
  return error
}

/** A program that runs as a child process: it has `open`, `args` and `say(line)`, and may await. */
export function startChild(
  program: string,
  ...args: string[]
): { child: ChildProcess; line: () => Promise<string>; exit: Promise<number | null> } {
  const library = new URL('../../bundle/front/index.js', import.meta.url).href
  const source = `const [library, ...args] = process.argv.slice(1)
    const say = (text) => process.stdout.write(text + '\\n')
    void import(library).then(async ({ open }) => { ${program} })`
  const child = spawn(process.execPath, ['-e', source, library, ...args], { stdio: ['pipe', 'pipe', 'inherit'] })
  // Not its exit: what it said last may be read after that.
  let hasEnded = false
  const exit = once(child, 'close').then(([code]) => {
    hasEnded = true
    return code as number | null
  })
  // Settles when the program says something or ends; then there is a next one.
  let text = ''
  let heard = () => {}
  let hearing = new Promise<void>((resolve) => (heard = resolve))
  const wake = () => {
    heard()
    hearing = new Promise((resolve) => (heard = resolve))
  }
  child.stdout.on('data', (data: Buffer) => {
    text += data.toString()
    wake()
  })
  child.stdout.on('end', wake)
  return {
    child,
    exit,
    async line() {
      while (!text.includes('\n')) {
        if (hasEnded) throw new Error(`the child ended with ${child.exitCode} and said ${text}`)
        await Promise.race([hearing, exit])
      }
      const end = text.indexOf('\n')
      const line = text.slice(0, end)
      text = text.slice(end + 1)
      return line
    }
  }
}
