/**
 * Brings the first-parent history of a git repository into the tables `files` and `commits`: each git commit is one commit of the
 * database, in order. Commits are made without waiting for the ones before, so that they share syncs of the disk; the row of `commits`
 * is the last event of each, so its seq is the point at which the database stands as that commit left it.
 *
 * A commit that is refused ends the import, and none behind it may be stored: a refusal is known one turn of the event loop after the
 * call, before the next call is made. What would be refused only later, while it waits for room, is a row that someone else changed:
 * {@link GitTables.resume} sees to that before the import begins.
 */
import { systemClock } from '../base/clock.js'
import { DriftError } from '../base/errors.js'
import { limits } from '../base/limits.js'
import type { BatchOperation, Commit, Database } from '../index.js'
import { GitBlobs } from './git-blobs.js'
import { gitHistory, type GitChange, type GitCommit } from './git-history.js'
import type { GitRepository } from './git-process.js'
import { COMMITS, FILES, GitTables, type CommitRow, type FileRow } from './git-tables.js'
import type { Terminal } from './terminal.js'

export type GitImportOptions = {
  /** A commit of the repository. */
  readonly tip: string
  /** Larger blobs have no text. */
  readonly textBytesMax: number
  readonly onProgress: (done: number, total: number) => void
}

/** Git's modes that are not a file with content of its own. */
const SUBMODULE = '160000'
const SYMBOLIC_LINK = '120000'

/** Commits whose blobs are asked for together. */
const SLICE_COMMITS = 64
const SLICE_CHANGES = 4096
/** Bytes of blobs that are in memory as texts, unless one commit alone has more. */
const TEXT_BYTES_AHEAD = 16 * 1024 * 1024
/** Room for everything of a commit that is not the text of a file. */
const CHANGE_BYTES = 2 * 1024
const COMMITS_IN_FLIGHT = 64
const BYTES_IN_FLIGHT = 32 * 1024 * 1024
/** What a commit keeps as metadata has its limit; the row has the whole message. */
const METADATA_MESSAGE_CHARACTERS = 16 * 1024
const METADATA_AUTHOR_CHARACTERS = 1024

export class GitImport {
  readonly #db: Database
  readonly #repository: GitRepository
  readonly #terminal: Terminal
  readonly #options: GitImportOptions
  readonly #inFlight: { readonly bytes: number; readonly outcome: Promise<Commit | undefined> }[] = []
  #bytesInFlight = 0
  #failure: DriftError | undefined
  #lastTime = 0
  #total = 0
  #commits = 0
  #events = 0
  #last: Commit | undefined
  #held = 0
  #future = 0

  constructor(db: Database, repository: GitRepository, terminal: Terminal, options: GitImportOptions) {
    this.#db = db
    this.#repository = repository
    this.#terminal = terminal
    this.#options = options
  }

  /** Git commits that are acknowledged. */
  get commits(): number {
    return this.#commits
  }

  /** Events that are acknowledged. */
  get events(): number {
    return this.#events
  }

  /** The last commit that is acknowledged. */
  get last(): Commit | undefined {
    return this.#last
  }

  /** Commits that stand at the time of the one before, because they are dated before it. */
  get held(): number {
    return this.#held
  }

  /** Commits that stand at the time of their import, because they are dated after it. */
  get future(): number {
    return this.#future
  }

  /**
   * Imports what is new; resolves when it is acknowledged. Throws INVALID_ARGUMENT where the history does not go on from the last import,
   * ABORTED after Ctrl-C, LIMIT for a commit that cannot be stored, with commit and path. Whole commits before that stay.
   */
  async run(): Promise<void> {
    const { tip, onProgress } = this.#options
    const tables = new GitTables(this.#db)
    const after = await tables.resume()
    this.#total = await newCommits(this.#repository, tip, after)
    if (this.#total === 0) return
    this.#lastTime = lastTimeOf(this.#db)
    onProgress(0, this.#total)
    await using blobs = new GitBlobs(this.#repository)
    try {
      let isFirst = true
      for await (const slice of slices(gitHistory(this.#repository, tip, after))) {
        if (isFirst) await this.#begin(tables, slice[0] as GitCommit, after)
        isFirst = false
        await this.#importSlice(slice, blobs)
      }
    } finally {
      await this.#settle(0, 0)
    }
    if (this.#failure !== undefined) throw this.#failure
  }

  /** Only the first commit can stand elsewhere than behind the last import: git finds the others by going from child to parent. */
  async #begin(tables: GitTables, first: GitCommit, after: string | undefined): Promise<void> {
    if (after === undefined) await tables.make(this.#timeOf(first).time)
    else if (first.parents[0] !== after) throw rewritten(this.#repository, after)
  }

  async #importSlice(slice: readonly GitCommit[], blobs: GitBlobs): Promise<void> {
    const { textBytesMax } = this.#options
    const hashes = new Set<string>()
    for (const { changes } of slice) for (const change of changes) if (isBlob(change)) hashes.add(change.hash)
    const sizes = await blobs.sizes(hashes)
    const isRead = (change: GitChange) =>
      isBlob(change) && change.mode !== SYMBOLIC_LINK && (sizes.get(change.hash) ?? Number.POSITIVE_INFINITY) <= textBytesMax
    let from = 0
    while (from < slice.length) {
      const wanted = new Set<string>()
      let bytes = 0
      let to = from
      for (; to < slice.length; to++) {
        const commit = slice[to] as GitCommit
        const read = commit.changes.filter(isRead)
        const size = read.reduce((sum, { hash }) => sum + (sizes.get(hash) ?? 0), 0)
        if (to > from && bytes + size > TEXT_BYTES_AHEAD) break
        refuseTooLarge(commit, size)
        bytes += size
        for (const { hash } of read) wanted.add(hash)
      }
      const texts = await blobs.texts(wanted)
      for (const commit of slice.slice(from, to)) {
        const rows = commit.changes.map((change) => ({
          change,
          size: sizes.get(change.hash),
          text: isRead(change) ? texts.get(change.hash) : null
        }))
        await this.#send(commit, rows)
      }
      from = to
    }
  }

  /** Resolves when the commit is numbered and there is room for more. */
  async #send(
    commit: GitCommit,
    rows: readonly { readonly change: GitChange; readonly size: number | undefined; readonly text: string | null | undefined }[]
  ): Promise<void> {
    this.#terminal.check()
    const operations: BatchOperation[] = rows.map(({ change: { path, mode, hash }, size = null, text = null }) => {
      if (mode === undefined) return { softDelete: FILES, key: path }
      const document: FileRow = { path, mode, hash, size, text }
      return { upsert: FILES, document }
    })
    operations.push({ upsert: COMMITS, document: commitRow(commit) })
    const { time, isHeld, isFuture } = this.#timeOf(commit)
    const bytes = rows.reduce((sum, { text }) => sum + (text?.length ?? 0) + CHANGE_BYTES, 0)
    const metadata = {
      hash: commit.hash,
      author: cut(commit.author, METADATA_AUTHOR_CHARACTERS),
      message: cut(commit.message, METADATA_MESSAGE_CHARACTERS)
    }
    const outcome = this.#db.batch(operations, { time, metadata }).catch((error: unknown) => {
      this.#failure ??= named(DriftError.from(error, 'import git'), commit)
      return undefined
    })
    this.#inFlight.push({ bytes, outcome })
    this.#bytesInFlight += bytes
    this.#lastTime = time
    await new Promise((resolve) => void setImmediate(resolve))
    if (this.#failure !== undefined) throw this.#failure
    if (isHeld) this.#held++
    if (isFuture) this.#future++
    await this.#settle(COMMITS_IN_FLIGHT, BYTES_IN_FLIGHT)
  }

  /** Resolves when at most so many commits and bytes are on their way. */
  async #settle(commits: number, bytes: number): Promise<void> {
    while (this.#inFlight.length > commits || this.#bytesInFlight > bytes) {
      const first = this.#inFlight.shift()
      if (first === undefined) return
      const commit = await first.outcome
      this.#bytesInFlight -= first.bytes
      if (commit === undefined) continue
      this.#commits++
      this.#events += commit.count
      this.#last = commit
      this.#options.onProgress(this.#commits, this.#total)
    }
  }

  /** Its own date, but never before the commit before it, and never ahead of now. */
  #timeOf({ time: own = this.#lastTime }: GitCommit): { readonly time: number; readonly isHeld: boolean; readonly isFuture: boolean } {
    const now = Math.max(systemClock.now(), this.#lastTime)
    return { time: Math.min(now, Math.max(this.#lastTime, own)), isHeld: own < this.#lastTime, isFuture: own > now }
  }
}

/** How many commits there are to import. Throws INVALID_ARGUMENT if the last imported one is not in the history of `tip`. */
async function newCommits(repository: GitRepository, tip: string, after: string | undefined): Promise<number> {
  if (after === tip) return 0
  if (after !== undefined) {
    const isKnown = await repository.ask(['cat-file', '-e', `${after}^{commit}`]).then(
      () => true,
      () => false
    )
    if (!isKnown) throw rewritten(repository, after)
  }
  const count = Number(
    await repository.ask(['rev-list', '--count', '--first-parent', after === undefined ? tip : `${after}..${tip}`, '--'])
  )
  // Its history ends before the last imported commit.
  if (count === 0 && after !== undefined) throw rewritten(repository, after)
  return count
}

function rewritten(repository: GitRepository, after: string): DriftError {
  return new DriftError(
    'INVALID_ARGUMENT',
    `the last imported commit, ${after}, is not in the first-parent history that is to be imported from ${repository.path}: ` +
      'it was rewritten, or is another one; nothing was imported. Import it into a new database',
    { repository: repository.path, commit: after }
  )
}

/** Throws LIMIT for a commit whose texts do not fit into one commit of the database. */
function refuseTooLarge({ hash, changes }: GitCommit, textBytes: number): void {
  const seen = textBytes + changes.length * CHANGE_BYTES
  if (seen <= limits.batchBytesMax) return
  const message = `commit ${hash}: ${changes.length} changed files with ${textBytes} bytes of text are more than one commit holds; a smaller --text-bytes leaves texts out`
  throw new DriftError('LIMIT', message, { commit: hash, name: 'batchBytesMax', limit: limits.batchBytesMax, seen })
}

/** The refusal of a batch, with the commit, and the path where one row is the reason. */
function named(error: DriftError, { hash, changes }: GitCommit): DriftError {
  const { index } = error.details
  const path = typeof index === 'number' ? changes[index]?.path : undefined
  const reason = error.cause instanceof DriftError && typeof index === 'number' ? error.cause.message : error.message
  const place = path === undefined ? '' : `, path ${JSON.stringify(path)}`
  const details = { ...error.details, commit: hash, ...(path === undefined ? {} : { path }) }
  return new DriftError(error.code.slice(6) as 'LIMIT', `commit ${hash}${place}: ${reason}`, details, error)
}

function commitRow({ hash, author, email, time, message, parents }: GitCommit): CommitRow {
  return { hash, author, email, time: time === undefined ? null : new Date(time), message, parents }
}

function isBlob({ mode }: GitChange): boolean {
  return mode !== undefined && mode !== SUBMODULE
}

/** Never in the middle of a surrogate pair. */
function cut(text: string, characters: number): string {
  return text.length <= characters ? text : `${text.slice(0, characters).replace(/[\ud800-\udbff]$/, '')}…`
}

/** Commit time of the last event, unix ms; 0 in an empty database. */
function lastTimeOf(db: Database): number {
  using present = db.asOf({ seq: db.lastSeq })
  return present.time
}

/** Runs of commits that are imported together: bounded, unless one commit alone has more changes. */
async function* slices(history: AsyncIterable<GitCommit>): AsyncGenerator<GitCommit[], void> {
  let slice: GitCommit[] = []
  let changes = 0
  for await (const commit of history) {
    if (slice.length === SLICE_COMMITS || (slice.length > 0 && changes + commit.changes.length > SLICE_CHANGES)) {
      yield slice
      slice = []
      changes = 0
    }
    slice.push(commit)
    changes += commit.changes.length
  }
  if (slice.length > 0) yield slice
}
