/**
 * Statements by text and dialect, so that a query that is asked again is not parsed again (30 us for a short SELECT). One for each
 * database; bounded by entries and by an estimate of bytes; what was used longest ago goes first. Errors are not kept.
 */
import { type Dialect } from '../../grammar/lexer.js'
import { type Statement } from '../parser/ast.js'
import { parse } from '../parser/parse.js'

const ENTRIES_MAX = 1000
const BYTES_MAX = 16 * 1024 * 1024
/** A text that would push out a good part of all others is used once and not kept. */
const ENTRY_BYTES_MAX = BYTES_MAX / 16
/** Measured roughly: the statement of a text takes a few hundred bytes, and several times the text. */
const OVERHEAD_BYTES = 512
const BYTES_PER_UNIT = 10

type Entry = { readonly statements: readonly Statement[]; readonly bytes: number }

export class PlanCache {
  /** In order of last use, the oldest first: a Map keeps the order of insertion. */
  readonly #entries = new Map<string, Entry>()
  #bytes = 0

  get entryCount(): number {
    return this.#entries.size
  }

  /** An estimate of the memory that is held, in bytes. */
  get bytes(): number {
    return this.#bytes
  }

  /**
   * The statements of `text`, which may be shared with other callers: they are frozen.
   * @throws DriftError as {@link parse}.
   */
  statements(text: string, dialect: Dialect): readonly Statement[] {
    const name = `${dialect}:${text}`
    const known = this.#entries.get(name)
    if (known !== undefined) {
      this.#entries.delete(name)
      this.#entries.set(name, known)
      return known.statements
    }
    const statements = parse(text, dialect)
    const bytes = OVERHEAD_BYTES + text.length * BYTES_PER_UNIT
    if (bytes <= ENTRY_BYTES_MAX) this.#keep(name, { statements, bytes })
    return statements
  }

  #keep(name: string, entry: Entry): void {
    this.#entries.set(name, entry)
    this.#bytes += entry.bytes
    for (const [oldest, { bytes }] of this.#entries) {
      if (this.#entries.size <= ENTRIES_MAX && this.#bytes <= BYTES_MAX) return
      this.#entries.delete(oldest)
      this.#bytes -= bytes
    }
  }
}
