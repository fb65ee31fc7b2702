/**
 * Runs git over one repository, read-only. What a long child prints is pulled with back-pressure, so that its output is never whole in
 * memory; the child is killed when its reader lets go of it.
 */
import { spawn, type ChildProcessByStdio } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import { DriftError } from '../base/errors.js'

/** Variables that name a repository, as hooks have them: here the path alone does. */
const REPOSITORY_VARIABLES = [
  'GIT_ALTERNATE_OBJECT_DIRECTORIES',
  'GIT_COMMON_DIR',
  'GIT_DIR',
  'GIT_GRAFT_FILE',
  'GIT_IMPLICIT_WORK_TREE',
  'GIT_INDEX_FILE',
  'GIT_NAMESPACE',
  'GIT_OBJECT_DIRECTORY',
  'GIT_PREFIX',
  'GIT_SHALLOW_FILE',
  'GIT_WORK_TREE'
]
/** Settings of the user that would change what is printed. */
const SETTINGS = ['diff.relative=false', 'log.showSignature=false', 'log.diffMerges=separate'].flatMap((setting) => ['-c', setting])
/** Of what git says on standard error, so much is kept. */
const COMPLAINT_CHARACTERS = 4000

export class GitRepository {
  /** As the user wrote it. */
  readonly path: string

  private constructor(path: string) {
    this.path = path
  }

  /** Throws INVALID_ARGUMENT where `path` is no repository or only a folder in one, IO where there is no git. */
  static async open(path: string): Promise<GitRepository> {
    const repository = new GitRepository(path)
    let prefix: string
    try {
      prefix = await repository.ask(['rev-parse', '--show-prefix'])
    } catch (error) {
      const failed = DriftError.from(error, 'git')
      if (failed.code !== 'DRIFT_INVALID_ARGUMENT') throw failed
      throw new DriftError('INVALID_ARGUMENT', `${path} is no git repository: ${failed.message}`, { repository: path }, failed)
    }
    if (prefix === '') return repository
    const top = await repository.ask(['rev-parse', '--show-toplevel'])
    throw new DriftError('INVALID_ARGUMENT', `${path} is a folder of the repository ${top}; name that one`, { repository: path, top })
  }

  /** The commit that `ref` names; undefined if it is HEAD of a repository without commits. Throws INVALID_ARGUMENT for a name that is none. */
  async commitOf(ref: string): Promise<string | undefined> {
    const hash = await this.#answer(['rev-parse', '--verify', '--quiet', `${ref}^{commit}`])
    if (hash !== undefined) return hash
    const isUnborn = ref === 'HEAD' && (await this.#answer(['symbolic-ref', '--quiet', 'HEAD'])) !== undefined
    if (isUnborn) return undefined
    throw new DriftError('INVALID_ARGUMENT', `${this.path} has no commit ${JSON.stringify(ref)}`, { repository: this.path, ref })
  }

  /** What a short command prints, without the line feed at its end. Throws INVALID_ARGUMENT with git's words where it fails. */
  async ask(args: readonly string[]): Promise<string> {
    await using child = this.start(args)
    child.end()
    const pieces: Buffer[] = []
    for await (const piece of child.output()) pieces.push(piece)
    await child.succeeded()
    return Buffer.concat(pieces).toString('utf8').replace(/\n$/, '')
  }

  start(args: readonly string[]): GitChild {
    return new GitChild(this.path, args)
  }

  /** The same as {@link ask}; undefined where git says no. */
  async #answer(args: readonly string[]): Promise<string | undefined> {
    try {
      return await this.ask(args)
    } catch (error) {
      if (error instanceof DriftError && error.code === 'DRIFT_INVALID_ARGUMENT') return undefined
      throw error
    }
  }
}

/** One running git. Ends with its reader: `await using`. */
export class GitChild implements AsyncDisposable {
  readonly #name: string
  readonly #repository: string
  readonly #process: ChildProcessByStdio<Writable, Readable, Readable>
  /** Settles when the process has ended and everything it said was read. */
  readonly #ended: Promise<{ readonly code: number | null; readonly signal: string | null; readonly error?: NodeJS.ErrnoException }>
  #complaint = ''

  constructor(repository: string, args: readonly string[]) {
    this.#name = args.find((arg) => !arg.startsWith('-')) ?? ''
    this.#repository = repository
    const env: NodeJS.ProcessEnv = { ...process.env, LC_ALL: 'C', GIT_OPTIONAL_LOCKS: '0' }
    for (const name of REPOSITORY_VARIABLES) delete env[name]
    // In a process group of its own: Ctrl-C is for the importer, which ends its children when the commit in hand is done.
    this.#process = spawn('git', ['--no-pager', ...SETTINGS, '-C', repository, ...args], {
      env,
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe']
    })
    this.#process.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#complaint = (this.#complaint + text).slice(-COMPLAINT_CHARACTERS)
    })
    // A child that is gone says why when it ends.
    this.#process.stdin.on('error', () => {})
    this.#ended = new Promise((resolve) => {
      this.#process.on('error', (error: NodeJS.ErrnoException) => resolve({ code: null, signal: null, error }))
      this.#process.on('close', (code, signal) => resolve({ code, signal }))
    })
  }

  /** Its standard output, in pieces, to be read once. Throws as {@link succeeded} does where it breaks off. */
  async *output(): AsyncGenerator<Buffer, void> {
    try {
      for await (const piece of this.#process.stdout) yield piece as Buffer
    } catch (error) {
      throw (error as NodeJS.ErrnoException).code === 'ERR_STREAM_PREMATURE_CLOSE' ? await this.failure() : error
    }
  }

  /** Sends text; what the child does not read yet waits in memory. */
  write(text: string): void {
    this.#process.stdin.write(text)
  }

  /** Nothing more is sent. */
  end(): void {
    this.#process.stdin.end()
  }

  /** Resolves when the child has ended well. Throws INVALID_ARGUMENT with its words, IO where there is no git. */
  async succeeded(): Promise<void> {
    const { code, signal, error } = await this.#ended
    const details = { repository: this.#repository }
    if (error?.code === 'ENOENT') {
      throw new DriftError('IO', 'the program git was not found; install it, or put it on the PATH', details, error)
    }
    if (error !== undefined) throw DriftError.from(error, 'git')
    if (code === 0) return
    const said = this.#complaint.trim().replace(/^fatal: /, '')
    throw new DriftError('INVALID_ARGUMENT', said === '' ? `git ${this.#name} ended with ${code ?? signal}` : said, details)
  }

  /** The reason why the output ended too early. */
  async failure(): Promise<DriftError> {
    try {
      await this.succeeded()
    } catch (error) {
      return DriftError.from(error, 'git')
    }
    return new DriftError('INVALID_ARGUMENT', `git ${this.#name} ended too early`, { repository: this.#repository })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.stdout.destroy()
    this.#process.stdin.destroy()
    this.#process.kill()
    await this.#ended
  }
}
