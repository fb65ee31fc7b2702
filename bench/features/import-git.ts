/** `driftdb import git` of a repository made for it, start of the process included; then the same with `--verify`. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { open } from 'driftdb'
import { madeRepository } from '../workloads/git-repository.js'
import { heading, line, perSecond } from './report.js'

const COMMITS = 3000

const [, , directory = ''] = process.argv
heading(`driftdb import git of ${COMMITS.toLocaleString('en-US')} commits`)
const repository = `${directory}/repository`
await madeRepository(repository, COMMITS)

const program = fileURLToPath(new URL('../../src/cli/driftdb.js', import.meta.url))
const run = (...args: string[]) => {
  const { status, stdout } = spawnSync(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8' })
  if (status !== 0) throw new Error(`driftdb ${args[0]} ended with ${status}`)
  return JSON.parse(stdout) as { readonly commits?: number; readonly verified?: number }
}
for (const verify of [[], ['--verify']]) {
  const db = `${directory}/db${verify.length}`
  run('init', db)
  const began = performance.now()
  const { commits, verified } = run('import', 'git', '-d', db, '--json', ...verify, repository)
  const ms = performance.now() - began
  if (commits !== COMMITS || (verify.length > 0 && verified !== COMMITS))
    throw new Error(`wrong: ${commits} imported, ${verified} verified`)
  line(verify.length === 0 ? 'imported' : 'imported, and each commit compared with git', perSecond(COMMITS, ms), 'goal >= 300/s')
}
await using db = await open(`${directory}/db0`)
line('events', db.lastSeq.toLocaleString('en-US'))
line('files at the end', db.table('files').count().toLocaleString('en-US'))
