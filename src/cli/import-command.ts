/** `driftdb import git`: a repository's history as the history of two tables. */
import { CommanderError, InvalidArgumentError, type Command } from 'commander'
import type { Database, Document } from '../index.js'
import type { CommandContext } from './command-context.js'
import { EXIT_DAMAGED } from './exit-code.js'
import { GitRepository } from './git-process.js'
import type { GitImport } from './git-import.js'
import { openDatabase } from './open-database.js'
import { addOutputOptions, modeOf, type OutputOptions } from './output-options.js'
import { printCommit } from './print-result.js'
import { ProgressBar } from './progress-bar.js'
import type { Terminal } from './terminal.js'

type ImportGitOptions = OutputOptions & {
  readonly directory: string
  readonly ref: string
  readonly verify?: true
  readonly textBytes: number
}

/** A document is at most 16 MiB; its other columns fit beside this. */
const TEXT_BYTES_MAX = 15 * 1024 * 1024
const TEXT_BYTES = 1024 * 1024

const EXAMPLES = `
The first-parent history becomes two tables, each commit one transaction at its date:
  files(path, mode, hash, size, text)                      what git ls-tree -r lists; text is null for what is no file, not UTF-8, too large
  commits(hash, author, email, time, message, parents)
Run again, it imports what is new.

Examples:
  driftdb init ./history
  driftdb import git -d ./history ~/src/project
  driftdb import git -d ./history --ref release-2 --verify ~/src/project`

export function importCommand(program: Command, context: CommandContext): void {
  const { terminal } = context
  const command = program
    .command('import')
    .description('import history that something else kept')
    .command('git')
    .description('import the history of a git repository')
    .argument('<repo>', 'the repository')
    .requiredOption('-d, --directory <dir>', 'the database')
    .option('--ref <ref>', 'the branch, tag or commit whose history it is', 'HEAD')
    .option('--verify', 'compare the database as of each commit with what git lists')
    .option('--text-bytes <bytes>', 'no text for larger files', textBytes, TEXT_BYTES)
  addOutputOptions(command)
    .addHelpText('after', EXAMPLES)
    .action(async (path: string, options: ImportGitOptions) => {
      terminal.configure(options)
      const { directory, ref } = options
      if (ref === '' || ref.startsWith('-')) throw new CommanderError(2, 'driftdb.usage', `--ref ${ref} is no name of a commit`)
      const repository = await GitRepository.open(path)
      const tip = await repository.commitOf(ref)
      await using db = await openDatabase(directory, terminal, {})
      const mode = modeOf(options, terminal)
      if (tip === undefined) {
        terminal.note(`${path} has no commits yet`)
        await printCommit(terminal, mode, 'IMPORT', undefined, { commits: 0 })
        return
      }
      const { last, events, commits, held, future } = await imported(terminal, db, repository, tip, options)
      const more = { commits, held, future, ...(options.verify === true ? await verified(context, db, repository, tip) : {}) }
      await printCommit(terminal, mode, 'IMPORT', last === undefined ? undefined : { ...last, count: events }, more)
    })
}

async function imported(
  terminal: Terminal,
  db: Database,
  repository: GitRepository,
  tip: string,
  options: ImportGitOptions
): Promise<GitImport> {
  const { GitImport } = await import('./git-import.js')
  const bar = await ProgressBar.make(terminal, 'import')
  const onProgress = (done: number, total: number) => bar.update(done, total, `${done} commits`)
  const run = new GitImport(db, repository, terminal, { tip, textBytesMax: options.textBytes, onProgress })
  try {
    await run.run()
  } catch (error) {
    bar.stop()
    noteStored(terminal, run)
    throw error
  }
  bar.stop()
  noteTimes(terminal, run)
  return run
}

/** What the result says of it. A difference is no error: what was imported is imported. */
async function verified(context: CommandContext, db: Database, repository: GitRepository, tip: string): Promise<Document> {
  const { terminal } = context
  const { verifyGit } = await import('./git-verify.js')
  const bar = await ProgressBar.make(terminal, 'verify')
  try {
    const onProgress = (done: number, total: number) => bar.update(done, total, `${done} commits`)
    const { commits, difference } = await verifyGit(db, repository, tip, { terminal, onProgress })
    bar.stop()
    if (difference === undefined) return { verified: commits }
    terminal.complain(`the database differs from git: ${difference}`)
    context.exitCode = EXIT_DAMAGED
    return { verified: commits, difference }
  } finally {
    bar.stop()
  }
}

function noteStored(terminal: Terminal, { commits, last }: GitImport): void {
  if (last === undefined) return
  const more = terminal.signal.aborted ? '; the same command goes on from there' : ''
  terminal.note(`${counted(commits)} ${commits === 1 ? 'is' : 'are'} imported, the last at @seq:${last.seq}${more}`)
}

function noteTimes(terminal: Terminal, { held, future }: GitImport): void {
  if (held > 0) terminal.note(`${counted(held)} dated before the one before: held at its time; the row has the date`)
  if (future > 0) terminal.note(`${counted(future)} dated in the future: stored at the present; the row has the date`)
}

function counted(commits: number): string {
  return `${commits} ${commits === 1 ? 'commit' : 'commits'}`
}

function textBytes(text: string): number {
  const bytes = Number(text)
  if (!/^\d+$/.test(text) || bytes > TEXT_BYTES_MAX) throw new InvalidArgumentError(`It is a whole number from 0 to ${TEXT_BYTES_MAX}.`)
  return bytes
}
