/** A git repository of many commits for benchmarks and the demo, made by one `git fast-import`. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'

const FILES = 200
const CHANGES_PER_COMMIT = 3
/** Of the first commit; each is an hour after the one before. Unix seconds. */
const FIRST_TIME = 1_600_000_000
const STEP_SECONDS = 3600
/** No setting of the user has a say. */
const env = { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' }

/** True if there is a git to run. */
export function hasGit(): boolean {
  return spawnSync('git', ['--version'], { stdio: 'ignore' }).status === 0
}

/** Makes a bare repository in `path`: source files of some KiB that grow, move and go. The same for the same count. */
export async function madeRepository(path: string, commits: number): Promise<void> {
  const init = spawnSync('git', ['init', '--quiet', '--bare', path], { env, stdio: ['ignore', 'inherit', 'inherit'] })
  if (init.status !== 0) throw new Error(`git init ended with ${init.status}`)
  const child = spawn('git', ['-C', path, 'fast-import', '--quiet'], { env, stdio: ['pipe', 'inherit', 'inherit'] })
  const ended = once(child, 'exit')
  for (let commit = 0; commit < commits; commit++) {
    if (!child.stdin.write(commitText(commit))) await once(child.stdin, 'drain')
  }
  child.stdin.end()
  const [status] = (await ended) as [number | null]
  if (status !== 0) throw new Error(`git fast-import ended with ${status}`)
  spawnSync('git', ['-C', path, 'symbolic-ref', 'HEAD', 'refs/heads/main'], { env, stdio: 'inherit' })
}

function commitText(commit: number): string {
  const time = `${FIRST_TIME + commit * STEP_SECONDS} +0000`
  const message = `Change ${commit}\n`
  const changes = Array.from({ length: CHANGES_PER_COMMIT }, (_, change) => {
    const file = (commit * 7 + change * 31) % FILES
    const path = `src/part-${file % 12}/file-${file}.ts`
    if (change === 0 && commit % 50 === 49) return `D ${path}\n`
    const text = Array.from(
      { length: 20 + (commit % 40) },
      (_, row) => `export const value${row} = ${(commit * row) % 997} // part ${file}\n`
    )
    return `M 644 inline ${path}\n${data(text.join(''))}`
  })
  return `commit refs/heads/main\ncommitter Ada Author <ada@example.com> ${time}\n${data(message)}${changes.join('')}\n`
}

function data(text: string): string {
  return `data ${Buffer.byteLength(text)}\n${text}\n`
}
