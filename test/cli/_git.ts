/** Git repositories for tests: made by `git fast-import`, with fixed names and dates, whatever the user's settings are. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { ended, start, type Run } from './_driftdb.js'

const env: NodeJS.ProcessEnv = {
  ...process.env,
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_AUTHOR_NAME: 'Test',
  GIT_AUTHOR_EMAIL: 'test@example.com',
  GIT_COMMITTER_NAME: 'Test',
  GIT_COMMITTER_EMAIL: 'test@example.com'
}

/** What git prints. A git that fails or is not there fails the test. */
export function git(repository: string, args: readonly string[], input: string | Uint8Array = ''): Buffer {
  const { status, stdout, stderr, error } = spawnSync('git', ['-C', repository, ...args], { env, input, maxBuffer: 2 ** 28 })
  if ((error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') throw new Error('these tests need the program git: install it')
  if (error !== undefined) throw error
  if (status !== 0) throw new Error(`git ${args.join(' ')} ended with ${status}: ${stderr.toString()}`)
  return stdout
}

/** An empty repository below `cwd`; its branch is main. */
export function makeRepository(cwd: string, name = 'repo', ...options: string[]): string {
  git(cwd, ['-c', 'init.defaultBranch=main', 'init', '--quiet', '--bare', ...options, name])
  return join(cwd, name)
}

/** 2020-09-13T12:26:40Z; {@link commit} `n` is so many minutes later, unless it says otherwise. Unix seconds. */
export const FIRST_SECONDS = 1_600_000_000

export type Commit = {
  /** Number of the commit; other commits name it by this. */
  readonly mark: number
  readonly changes?: readonly (string | Buffer)[]
  readonly branch?: string
  /** Marks. The branch's last commit unless given. */
  readonly from?: number
  readonly merge?: number
  readonly message?: string | Buffer
  readonly encoding?: string
  readonly author?: string | Buffer
  readonly seconds?: number
}

/** A commit as `git fast-import` reads it. */
export function commit({ mark, changes = [], branch = 'main', from, merge, message, encoding, author, seconds }: Commit): Buffer {
  const time = seconds ?? FIRST_SECONDS + mark * 60
  return Buffer.concat(
    [
      `commit refs/heads/${branch}\nmark :${mark}\n`,
      'author ',
      author ?? 'Ada Author <ada@example.com>',
      ` ${FIRST_SECONDS - 1000} +0200\ncommitter Carl Committer <carl@example.com> ${time} +0000\n`,
      encoding === undefined ? '' : `encoding ${encoding}\n`,
      data(message ?? `commit ${mark}\n`),
      from === undefined ? '' : `from :${from}\n`,
      merge === undefined ? '' : `merge :${merge}\n`,
      ...changes,
      '\n'
    ].map((part) => Buffer.from(part))
  )
}

/** A file of the tree. `path` as fast-import reads it: C-quoted where it must be. */
export function file(path: string, content: string | Buffer, mode = '100644'): Buffer {
  return Buffer.concat([Buffer.from(`M ${mode} inline ${path}\n`), data(content)])
}

export function gone(path: string): string {
  return `D ${path}\n`
}

export function submodule(path: string, hash: string): string {
  return `M 160000 ${hash} ${path}\n`
}

/** Adds commits to the repository. */
export function addCommits(repository: string, commits: readonly Buffer[]): void {
  git(repository, ['fast-import', '--quiet', '--force', '--import-marks-if-exists=marks', '--export-marks=marks'], Buffer.concat(commits))
}

/** Hashes of the first-parent history, oldest first. */
export function historyOf(repository: string, ref = 'HEAD'): string[] {
  const text = git(repository, ['rev-list', '--first-parent', '--reverse', ref]).toString()
  return text.split('\n').filter((hash) => hash !== '')
}

export type Listed = { readonly mode: string; readonly hash: string; readonly size: number | null; readonly path: Buffer }

/** `git ls-tree -r` of a commit, with sizes. */
export function listTree(repository: string, hash: string): Listed[] {
  const bytes = git(repository, ['ls-tree', '-r', '-z', '-l', '--full-tree', hash])
  const listed: Listed[] = []
  let from = 0
  for (let end = bytes.indexOf(0); end >= 0; end = bytes.indexOf(0, from)) {
    const tab = bytes.indexOf(9, from)
    const [mode = '', , object = '', size = ''] = bytes.toString('latin1', from, tab).split(/ +/)
    listed.push({ mode, hash: object, size: size === '-' ? null : Number(size), path: bytes.subarray(tab + 1, end) })
    from = end + 1
  }
  return listed
}

/** Runs `driftdb import git`. A stack trace anywhere fails the test. */
export async function importGit(t: ExecutionContext, cwd: string, args: readonly string[], more: NodeJS.ProcessEnv = {}): Promise<Run> {
  const run = await ended(start(t, cwd, ['import', 'git', '-d', 'data', '--json', ...args], more))
  t.notRegex(run.stdout + run.stderr, /^\s+at .*(?:\.js|node:)/m, `import git ${args.join(' ')}`)
  return run
}

function data(content: string | Buffer): Buffer {
  const bytes = Buffer.from(content)
  return Buffer.concat([Buffer.from(`data ${bytes.length}\n`), bytes, Buffer.from('\n')])
}
