/**
 * The statements of earlier sessions, one on each line of a file of the user's: line feeds in them are `\n`, backslashes `\\`. Only what is
 * a regular file is read or written, so that `DRIFTDB_HISTORY=/dev/null` keeps none and harms nothing. A history that cannot be kept is
 * said once and ends no shell.
 */
import { appendFile, chmod, readFile, realpath, rename, rm, stat, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'

const ENTRIES_MAX = 1000
/** A longer statement is not kept: it is data rather than something to type again. */
const ENTRY_CHARACTERS_MAX = 64 * 1024
/** Statements may hold what is nobody else's business. */
const MODE = 0o600

export class ShellHistory {
  /** The newest first, as the line editor wants them. */
  readonly entries: string[]
  /** Undefined: nothing is kept. */
  #path: string | undefined
  #lines: number
  readonly #say: (text: string) => void

  private constructor(path: string | undefined, lines: readonly string[], say: (text: string) => void) {
    this.#path = path
    this.#lines = lines.length
    this.#say = say
    this.entries = lines.map(unescaped).reverse().slice(0, ENTRIES_MAX)
  }

  /** `path` undefined: `$DRIFTDB_HISTORY`, else `.driftdb_history` in the home directory; empty keeps none. `say` is told what fails. */
  static async open(say: (text: string) => void, path = process.env['DRIFTDB_HISTORY'] ?? join(homedir(), '.driftdb_history')) {
    if (path === '') return new ShellHistory(undefined, [], say)
    try {
      const there = await stat(path).catch(ifMissing)
      if (there === undefined) return new ShellHistory(path, [], say)
      if (!there.isFile()) return new ShellHistory(undefined, [], say)
      // A link stays a link when the file is made anew.
      const real = await realpath(path)
      if ((there.mode & 0o777) !== MODE) await chmod(real, MODE)
      return new ShellHistory(real, await linesOf(real), say)
    } catch (error) {
      say(`the history in ${path} cannot be read: ${(error as Error).message}`)
      return new ShellHistory(undefined, [], say)
    }
  }

  /** Keeps something for this session alone. */
  remember(text: string): void {
    if (text === this.entries[0]) return
    this.entries.unshift(text)
    this.entries.splice(ENTRIES_MAX)
  }

  /** Keeps a whole statement; not twice where it is the last one again. */
  async add(statement: string): Promise<void> {
    if (statement.trim() === '' || statement.length > ENTRY_CHARACTERS_MAX || statement === this.entries[0]) return
    this.remember(statement)
    const path = this.#path
    if (path === undefined) return
    try {
      await appendFile(path, `${escaped(statement)}\n`, { mode: MODE })
      if (++this.#lines > ENTRIES_MAX) await this.#trim(path)
    } catch (error) {
      this.#path = undefined
      this.#say(`the history in ${path} cannot be written: ${(error as Error).message}`)
    }
  }

  /** Keeps the newest, of other shells too. The new file takes the old one's place whole. */
  async #trim(path: string): Promise<void> {
    const lines = (await linesOf(path)).slice(-ENTRIES_MAX)
    const next = `${path}.${process.pid}`
    try {
      await writeFile(next, lines.map((line) => `${line}\n`).join(''), { mode: MODE })
      await rename(next, path)
    } catch (error) {
      await rm(next, { force: true })
      throw error
    }
    this.#lines = lines.length
  }
}

async function linesOf(path: string): Promise<readonly string[]> {
  return (await readFile(path, 'utf8')).split('\n').filter((line) => line !== '')
}

function ifMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT') return undefined
  throw error
}

function escaped(statement: string): string {
  return statement.replace(/[\\\n\r]/g, (character) => ({ '\\': '\\\\', '\n': '\\n', '\r': '\\r' })[character] ?? character)
}

function unescaped(line: string): string {
  return line.replace(/\\(.)/g, (_, character: string) => ({ n: '\n', r: '\r' })[character] ?? character)
}
