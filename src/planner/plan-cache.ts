/**
 * Statements by text and dialect, so that a query that is asked again is not parsed again (30 us for a short SELECT), and what became of
 * them: how often they ran, for how long, by which access. One for each database; bounded by entries and by an estimate of bytes; what was
 * used longest ago goes first. Errors are not kept.
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

/** A text that is kept. Times are those of whole executions, in milliseconds, with whatever its reader did between two rows. */
export type CachedPlan = {
  /** In the order in which texts came; never given twice. */
  readonly id: number
  readonly text: string
  readonly dialect: Dialect
  /** How often it was found here. */
  readonly hits: number
  /** Executions of its statements that have ended. */
  readonly uses: number
  readonly totalMs: number
  readonly lastMs: number
  /** How the last SELECT that it was planned for finds its rows; undefined where it has planned none. */
  readonly access: string | undefined
  /** Seq of the last schema event when it was planned last. */
  readonly catalogSeq: number
}

type Entry = { -readonly [Name in keyof CachedPlan]: CachedPlan[Name] } & {
  readonly statements: readonly Statement[]
  readonly bytes: number
  /** That {@link access} is of. */
  plan: object | undefined
}

export class PlanCache {
  /** In order of last use, the oldest first: a Map keeps the order of insertion. */
  readonly #entries = new Map<string, Entry>()
  /** Statements outlive their entries: whoever prepared one has it. */
  readonly #entryOf = new WeakMap<Statement, Entry>()
  readonly #catalogSeq: () => number
  #bytes = 0
  #nextId = 1

  constructor(catalogSeq: () => number = () => 0) {
    this.#catalogSeq = catalogSeq
  }

  get entryCount(): number {
    return this.#entries.size
  }

  /** An estimate of the memory that is held, in bytes. */
  get bytes(): number {
    return this.#bytes
  }

  /** What is kept now, by id. */
  list(): readonly CachedPlan[] {
    return [...this.#entries.values()].sort((left, right) => left.id - right.id)
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
      known.hits++
      return known.statements
    }
    const statements = parse(text, dialect)
    const bytes = OVERHEAD_BYTES + text.length * BYTES_PER_UNIT
    if (bytes <= ENTRY_BYTES_MAX) this.#keep(name, this.#entry(text, dialect, statements, bytes))
    return statements
  }

  /** The statements of a text, where they are kept; this does not count as finding them. */
  kept(text: string, dialect: Dialect): readonly Statement[] | undefined {
    return this.#entries.get(`${dialect}:${text}`)?.statements
  }

  /** {@link planned} would tell nothing of what is kept, or has been told before. */
  isPlanned(statement: Statement): boolean {
    const entry = this.#entryOf.get(statement)
    return entry === undefined || entry.plan !== undefined
  }

  /** A statement was planned: `plan` is the same object for the same plan, and then nothing is described again. */
  planned(statement: Statement, plan: object, describe: () => string): void {
    const entry = this.#entryOf.get(statement)
    if (entry === undefined || entry.plan === plan) return
    entry.plan = plan
    entry.access = describe()
    entry.catalogSeq = this.#catalogSeq()
  }

  /** An execution of a statement has ended, however it ended. */
  ran(statement: Statement, ms: number): void {
    const entry = this.#entryOf.get(statement)
    if (entry === undefined) return
    entry.uses++
    entry.totalMs += ms
    entry.lastMs = ms
  }

  #entry(text: string, dialect: Dialect, statements: readonly Statement[], bytes: number): Entry {
    const counts = { hits: 0, uses: 0, totalMs: 0, lastMs: 0 }
    const catalogSeq = this.#catalogSeq()
    const entry = { id: this.#nextId++, text, dialect, statements, bytes, ...counts, access: undefined, catalogSeq, plan: undefined }
    for (const statement of statements) this.#entryOf.set(statement, entry)
    return entry
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
