/** What Tab offers: dot commands, keywords that the grammar could read next, tables, and columns of the tables that the statement names. */
import { expectedAt } from '../api/unfinished-text.js'
import type { Database } from '../index.js'
import type { ColumnSource } from './column-source.js'
import { quotedName } from './row-format.js'

export type Completion = {
  /** Whole words that could stand in the place of `word`. */
  readonly candidates: readonly string[]
  /** What stands before the cursor and would be replaced. */
  readonly word: string
}

/** Of tables that no FROM has named yet, the columns of so many. */
const TABLES_GUESSED = 16
const PLAIN_NAME = /^[\p{L}_][\p{L}\p{M}\p{N}_$]*$/u

export class ShellCompletion {
  readonly #db: Database
  readonly #source: ColumnSource
  readonly #columns = new Map<string, readonly string[]>()

  constructor(db: Database, source: ColumnSource) {
    this.#db = db
    this.#source = source
  }

  /** After a statement, which may have changed what columns there are. */
  forget(): void {
    this.#columns.clear()
  }

  /** `text` is the whole statement so far, its lines before this one too; `cursor` is an offset in it. */
  async at(text: string, cursor: number): Promise<Completion> {
    const { from, keywords, table, column, tables } = expectedAt(text, cursor, 'drift')
    const word = text.slice(from, cursor)
    const names = [...(table ? this.#tableNames() : []), ...(column ? await this.#columnNames(tables) : [])]
    const isLower = word !== '' && word === word.toLowerCase() && word !== word.toUpperCase()
    const words = keywords.map((keyword) => (isLower ? keyword.toLowerCase() : keyword))
    const all = new Set([...names.map((name) => asWritten(name, word)), ...words])
    const candidates = Array.from(all).filter((candidate) => startsWith(candidate, word))
    // Those in other capitals only where there is no other: the line editor puts in what all of them begin with.
    const same = candidates.filter((candidate) => candidate.startsWith(word))
    return { candidates: same.length > 0 ? same : candidates, word }
  }

  #tableNames(): readonly string[] {
    return this.#db.tables().map(({ name }) => name)
  }

  async #columnNames(named: readonly string[]): Promise<readonly string[]> {
    const known = this.#tableNames()
    const tables = named.filter((name) => known.includes(name))
    const names: string[] = []
    for (const table of tables.length > 0 ? tables : known.slice(0, TABLES_GUESSED)) {
      let columns = this.#columns.get(table)
      if (columns === undefined) {
        columns = this.#source(this.#db, table).map(({ name }) => name)
        this.#columns.set(table, columns)
      }
      names.push(...columns)
    }
    return names
  }
}

/** Names that are no plain words, and all after an open backtick, stand in backticks. */
function asWritten(name: string, word: string): string {
  return word.startsWith('`') || !PLAIN_NAME.test(name) ? quotedName(name) : name
}

function startsWith(candidate: string, word: string): boolean {
  const bare = candidate.startsWith('`') && !word.startsWith('`') ? candidate.slice(1) : candidate
  return bare.toLowerCase().startsWith(word.toLowerCase())
}
