/** The two tables of an imported git repository: where the import goes on, and that nobody else changed them. */
import { DriftError } from '../base/errors.js'
import type { Database, Key, TableView } from '../index.js'

export const FILES = 'files'
export const COMMITS = 'commits'

/** An entry of the tree: a file, a symbolic link or a submodule. */
export type FileRow = {
  readonly path: string
  /** Six octal digits. */
  readonly mode: string
  readonly hash: string
  /** Bytes of the blob; null for a submodule. */
  readonly size: number | null
  /** Null for what is no file, not UTF-8 or too large. */
  readonly text: string | null
}

export type CommitRow = {
  readonly hash: string
  readonly author: string
  readonly email: string
  /** The commit's own date; null where it has none that can be read. */
  readonly time: Date | null
  readonly message: string
  readonly parents: readonly string[]
}

const KEYS = new Map([
  [FILES, 'path'],
  [COMMITS, 'hash']
])

export class GitTables {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  /**
   * Hash of the last imported commit; undefined if there is none. Throws INVALID_ARGUMENT if the tables are not those of an import, or
   * were changed since by someone else: deletes would meet rows that are not there.
   */
  async resume(): Promise<string | undefined> {
    const names = this.#knownTables()
    const last = names.has(COMMITS) ? await this.#lastCommit() : undefined
    if (!names.has(FILES)) return last?.hash
    const files = this.#db.table(FILES)
    if (last === undefined) {
      if (files.count() > 0) throw new DriftError('INVALID_ARGUMENT', `the table ${FILES} has rows that no import made`, { table: FILES })
      return undefined
    }
    using imported = this.#db.asOf({ seq: last.seq })
    let isSame = files.count() === imported.table(FILES).count()
    for await (const key of files.keys()) isSame &&= lastSeqOf(files, key) <= last.seq
    if (isSame) return last.hash
    const message = `the table ${FILES} was changed by something else since the last import, at @seq:${last.seq}; import into a new database`
    throw new DriftError('INVALID_ARGUMENT', message, { table: FILES, seq: last.seq })
  }

  /** Makes what is not there; `time` is unix ms. */
  async make(time: number): Promise<void> {
    for (const [table, primaryKey] of KEYS) await this.#db.createTable(table, { primaryKey, ifNotExists: true, time })
  }

  #knownTables(): ReadonlySet<string> {
    const known = new Set<string>()
    for (const { name, primaryKey } of this.#db.tables()) {
      const expected = KEYS.get(name)
      if (expected === undefined) continue
      if (primaryKey !== expected) {
        const message = `there is a table ${name} already, whose key is ${primaryKey}, not ${expected}; import into a new database`
        throw new DriftError('INVALID_ARGUMENT', message, { table: name, found: primaryKey })
      }
      known.add(name)
    }
    return known
  }

  async #lastCommit(): Promise<{ readonly hash: string; readonly seq: number } | undefined> {
    const commits = this.#db.table(COMMITS)
    let last: { readonly hash: string; readonly seq: number } | undefined
    for await (const key of commits.keys()) {
      const seq = lastSeqOf(commits, key)
      if (last === undefined || seq > last.seq) last = { hash: String(key), seq }
    }
    return last
  }
}

/** Seq of the last event of a key that has one; its document is not read. */
export function lastSeqOf(table: TableView, key: Key): number {
  for (const { seq } of table.history(key, { reverse: true, limit: 1 })) return seq
  return 0
}
