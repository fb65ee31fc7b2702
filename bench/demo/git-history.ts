/** The demo's last chapter: the history of a git repository becomes the history of a table. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { open } from 'driftdb'
import { hasGit, madeRepository } from '../workloads/git-repository.js'

type File = { readonly path: string; readonly size: number | null }

/** Of a long history the first commits are taken, so that the demo stays short. */
const COMMITS_MAX = 500
const program = fileURLToPath(new URL('../../src/cli/driftdb.js', import.meta.url))
const project = fileURLToPath(new URL('../../..', import.meta.url))

/** Imports into `directory`/git and says what it found. */
export async function gitHistory(directory: string, say: (text: string) => void): Promise<void> {
  if (!hasGit()) return say('  the program git is not installed: this chapter is left out')
  let commits = ownCommits()
  let repository = project
  if (commits.length < 2) {
    repository = `${directory}/repository`
    await madeRepository(repository, COMMITS_MAX)
    commits = commitsOf(repository)
  }
  const tip = commits[Math.min(COMMITS_MAX, commits.length) - 1] ?? 'HEAD'
  const data = `${directory}/git`
  run('init', data)
  const began = performance.now()
  const { commits: imported, verified } = run('import', 'git', '-d', data, '--ref', tip, '--verify', '--json', repository)
  const seconds = (performance.now() - began) / 1000
  const what = repository === project ? "this project's own history" : 'a repository made for the demo'
  say(`  driftdb import git --verify: ${what}`)
  say(`  ${imported} commits imported, ${verified} compared with git, entry by entry: ${seconds.toFixed(2)} s`)
  await using db = await open(data)
  for (const commit of [0, Math.floor((imported - 1) / 2), imported - 1]) {
    const seq = db.table('commits').entry(commits[commit] ?? '')?.seq ?? 0
    using view = db.asOf({ seq })
    let bytes = 0
    for await (const { size } of view.table<File>('files').scan({ columns: ['size'] })) bytes += size ?? 0
    const kib = Math.round(bytes / 1024).toLocaleString('en-US')
    say(`  AS OF @seq:${seq} (${new Date(view.time).toISOString()}): ${view.table('files').count()} files, ${kib} KiB`)
  }
}

/** First-parent commits of the project's checkout, oldest first; none if it is no repository of its own. */
function ownCommits(): string[] {
  const { status, stdout } = spawnSync('git', ['-C', project, 'rev-parse', '--show-prefix'], { encoding: 'utf8' })
  return status === 0 && stdout.trim() === '' ? commitsOf(project) : []
}

function commitsOf(repository: string): string[] {
  const { stdout } = spawnSync('git', ['-C', repository, 'rev-list', '--first-parent', '--reverse', 'HEAD'], {
    encoding: 'utf8',
    maxBuffer: 2 ** 28
  })
  return stdout.split('\n').filter((hash) => hash !== '')
}

function run(...args: string[]): { readonly commits: number; readonly verified: number } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`driftdb ${args[0]} ended with ${status}: ${stderr}`)
  return JSON.parse(stdout) as { readonly commits: number; readonly verified: number }
}
