/**
 * The one place where the command line runs statements. One session is one call of `driftdb sql`: all its texts, in order.
 */
import { DriftError } from '../base/errors.js'
import type { Commit, Database, Document, PointInput, ResultColumn, Session as Settings } from '../index.js'

/** What one statement gave. */
export type Outcome = {
  readonly command: string
  readonly columns: readonly ResultColumn[]
  /** Made as they are pulled, once, in lists where they come from the database. Undefined for a statement that gives none. */
  readonly rows: Iterable<Document> | AsyncIterable<readonly Document[]> | undefined
  readonly commit: Commit | undefined
  /** Of a statement that writes; in a transaction there is no commit yet. */
  readonly writtenRows: number | undefined
  readonly notices: readonly string[]
}

export type RunOptions = {
  /** Where tables without their own AS OF are read; writes are READ_ONLY meanwhile. */
  readonly asOf?: PointInput | undefined
  readonly signal: AbortSignal
}

/** Statements that read or write files of the user's. */
const FILE_STATEMENTS = new Set(['BACKUP'])

export class Session {
  readonly #db: Database
  readonly #safe: boolean
  /** What SET changes, for the texts that follow. */
  readonly #settings: Settings

  /** `safe`: statements that use files are NOT_SUPPORTED. */
  constructor(db: Database, { safe = false }: { readonly safe?: boolean } = {}) {
    this.#db = db
    this.#settings = db.session()
    this.#safe = safe
  }

  /** Rolls back a transaction that is still open: true if there was one. */
  close(): boolean {
    return this.#settings.close()
  }

  /** Runs the statements of a text one by one; the first that fails ends it. Throws ABORTED between two of them. */
  async *run(text: string, { asOf, signal }: RunOptions): AsyncGenerator<Outcome, void> {
    if (this.#safe) await refuseFiles(text)
    const options = { session: this.#settings, signal, ...(asOf === undefined ? {} : { asOf }) }
    for await (const { command, columns, batches, commit, writtenRows, notices } of this.#db.statements(text, options)) {
      yield { command, columns, rows: columns.length > 0 ? batches : undefined, commit, writtenRows, notices }
      if (signal.aborted) throw new DriftError('ABORTED', 'interrupted', {})
    }
  }
}

/** Before the first of them runs. */
async function refuseFiles(text: string): Promise<void> {
  const { statementEnds } = await import('../api/unfinished-text.js')
  const statement = statementEnds(text, 'drift').firstWords.find((word) => FILE_STATEMENTS.has(word))
  if (statement !== undefined) throw new DriftError('NOT_SUPPORTED', `${statement} uses files, which --safe switches off`, { statement })
}
