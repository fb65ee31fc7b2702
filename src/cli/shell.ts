/** The interactive shell of `driftdb sql`: reads lines until a statement is whole, runs it, and goes on whatever it gives. */
import { statementEnds } from '../api/unfinished-text.js'
import { DriftError } from '../base/errors.js'
import { limits } from '../base/limits.js'
import type { AsOfView, Database, Document } from '../index.js'
import { columnsOf, type ColumnSource } from './column-source.js'
import { editText } from './edit-text.js'
import { errorText } from './error-text.js'
import { EXIT_DONE, EXIT_INTERRUPTED } from './exit-code.js'
import { KeptResult } from './kept-result.js'
import { packageVersion } from './package-version.js'
import { printCommit, printRows } from './print-result.js'
import type { Mode } from './row-format.js'
import { runText } from './run-text.js'
import { Session, type Outcome } from './session.js'
import { commandCandidates, isShellCommand, runShellCommand, type CommandTarget } from './shell-commands.js'
import { ShellCompletion, type Completion } from './shell-completion.js'
import { ShellHistory } from './shell-history.js'
import { ShellInput } from './shell-input.js'
import type { Terminal } from './terminal.js'

export type ShellOptions = {
  readonly db: Database
  readonly terminal: Terminal
  readonly directory: string
  readonly mode: Mode
  /** The table that mode `insert` names. */
  readonly table: string
  readonly asOf?: string | undefined
  readonly safe: boolean
  readonly timer: boolean
  readonly columns?: ColumnSource
}

const CONTINUATION = '   ...> '

export class Shell implements CommandTarget {
  readonly #options: ShellOptions
  readonly #session: Session
  readonly #columns: ColumnSource
  readonly #completion: ShellCompletion
  mode: Mode
  timer: boolean
  /** Lines of a statement that is not whole yet. */
  #begun = ''
  /** Pinned while statements are read at it. */
  #view: AsOfView | undefined
  #lastStatement = ''
  #lastResult: KeptResult | undefined
  /** A text from the editor, to be run like a typed one. */
  #edited: string | undefined
  #isRunning = false
  #isAskedToLeave = false
  /** Ctrl-C came at an empty prompt: another one leaves. */
  #isWarned = false
  #exitCode = EXIT_DONE

  constructor(options: ShellOptions) {
    this.#options = options
    this.#session = new Session(options.db, { safe: options.safe })
    this.#columns = options.columns ?? columnsOf
    this.#completion = new ShellCompletion(options.db, this.#columns)
    this.mode = options.mode
    this.timer = options.timer
  }

  /** Resolves to the exit code when somebody leaves. Throws only what is wrong with `--as-of`, before anything is asked. */
  async run(): Promise<number> {
    const { terminal, db, directory, asOf } = this.#options
    if (asOf !== undefined) await this.asOf(asOf)
    const history = await ShellHistory.open((text) => terminal.note(`note: ${text}`))
    using input = new ShellInput({
      history: history.entries,
      complete: (line, cursor) => this.#complete(line, cursor),
      onInterrupt: () => this.#interrupted(input)
    })
    const terminate = () => {
      this.#leave(EXIT_INTERRUPTED)
      if (this.#isRunning && !terminal.signal.aborted) terminal.interrupt()
      input.end()
    }
    terminal.handOver({ interrupt: () => this.#interrupted(input), terminate }, input)
    terminal.note(
      `DriftDB ${packageVersion()}  ${directory}${db.readOnly ? ' (read-only)' : ''}\n.help lists the commands; a statement ends with ;`
    )
    while (!this.#isAskedToLeave) {
      const line = await input.next(this.#begun === '' ? this.#prompt : CONTINUATION)
      if (line === undefined) break
      this.#isWarned = false
      await this.#guarded(() => this.#take(line, history))
    }
    if (!this.#isAskedToLeave) {
      // Ctrl-D leaves the cursor behind the prompt.
      process.stdout.write('\n')
      if (this.#begun !== '') terminal.note('a statement without its ; was not run')
    }
    this.#view?.[Symbol.dispose]()
    if (this.#session.close()) terminal.note('note: the transaction that was still open was rolled back')
    return this.#exitCode
  }

  async print(columns: readonly string[], rows: readonly Document[]): Promise<void> {
    const { terminal } = this.#options
    // Without types: what these are is plain.
    await printRows(terminal, this.mode, { columns: columns.map((name) => ({ name, type: 'text', nullable: true })), rows })
    await terminal.flush()
  }

  async say(text: string): Promise<void> {
    const { terminal } = this.#options
    await terminal.print(`${text}\n`)
    await terminal.flush()
  }

  tables(): readonly Document[] {
    const at = this.#view?.seq ?? Number.POSITIVE_INFINITY
    return this.#options.db
      .tables()
      .filter(({ createdSeq }) => createdSeq <= at)
      .map(({ name, primaryKey, indexes, createdSeq }) => ({
        table: name,
        primary_key: primaryKey,
        indexes: [...indexes],
        created_seq: createdSeq
      }))
  }

  async schema(table: string): Promise<readonly Document[]> {
    const columns = this.#columns(this.#options.db, table)
    return columns.map(({ name, type, isKey }) => ({ column: name, type: type === '' ? null : type, primary_key: isKey }))
  }

  async showLast(): Promise<void> {
    const kept = this.#lastResult
    const { terminal, table } = this.#options
    if (kept === undefined) throw new DriftError('INVALID_ARGUMENT', 'nothing has been run yet', {})
    const { command, columns, rows, commit } = kept.outcome()
    if (rows === undefined) await printCommit(terminal, this.mode, command, commit)
    else await printRows(terminal, this.mode, { columns, rows, table })
    await terminal.flush()
    for (const notice of kept.notices()) terminal.note(`note: ${notice}`)
  }

  async edit(): Promise<void> {
    const { terminal, safe } = this.#options
    if (safe) throw new DriftError('NOT_SUPPORTED', '.edit writes a file, which --safe switches off', {})
    const text = await terminal.lend(() => editText(this.#lastStatement))
    // Ctrl-C in the editor was the editor's.
    terminal.renewSignal()
    if (text === '') return
    terminal.note(text)
    this.#edited = text
  }

  async asOf(point: string | undefined): Promise<void> {
    const { terminal, db } = this.#options
    if (point === undefined) return this.say(this.#view === undefined ? 'now' : pointText(this.#view))
    // Before the old one is let go of: a point that is none changes nothing.
    const view = point.toLowerCase() === 'now' ? undefined : db.asOf(point)
    this.#view?.[Symbol.dispose]()
    this.#view = view
    if (view === undefined) return
    for (const notice of view.notices) terminal.note(`note: ${notice}`)
    terminal.note(`reading at ${pointText(view)}; .asof now goes back to the present`)
  }

  leave(): void {
    this.#leave(EXIT_DONE)
  }

  get #prompt(): string {
    return this.#view === undefined ? 'drift> ' : `drift @seq:${this.#view.seq}> `
  }

  #leave(exitCode: number): void {
    this.#exitCode = exitCode
    this.#isAskedToLeave = true
  }

  async #take(line: string, history: ShellHistory): Promise<void> {
    if (this.#begun === '' && isShellCommand(line)) {
      history.remember(line)
      await runShellCommand(line, this)
      const edited = this.#edited
      this.#edited = undefined
      if (edited !== undefined) await this.#runWhole(edited, history)
      return
    }
    const text = this.#begun === '' ? line : `${this.#begun}\n${line}`
    const { ends, rest } = this.#mayEnd(line) ? statementEnds(text, 'drift') : { ends: [], rest: 'statement' }
    const end = ends.at(-1) ?? 0
    this.#begun = rest === 'nothing' ? '' : text.slice(end).trimStart()
    if (this.#begun.length > limits.statementBytesMax) {
      this.#begun = ''
      const limit = limits.statementBytesMax
      throw new DriftError('LIMIT', `a statement has at most ${limit} bytes; use ingest for data`, { name: 'statementBytesMax', limit })
    }
    let begin = 0
    for (const next of ends) {
      const statement = text.slice(begin, next).trim()
      begin = next
      if (statement === ';' || (await this.#runWhole(statement, history))) continue
      // What stands behind it was written for what it did not do.
      this.#begun = ''
      break
    }
  }

  /** A line without `;` ends no statement that has begun, and a long one need not be read again for it. */
  #mayEnd(line: string): boolean {
    return this.#begun === '' || line.includes(';') || line.includes('*/')
  }

  /** False where it failed: what stands behind it on the same line is not run. */
  async #runWhole(statement: string, history: ShellHistory): Promise<boolean> {
    const { terminal, db, table } = this.#options
    this.#lastStatement = statement
    await history.add(statement)
    return this.#guarded(async () => {
      // What a writer beside this process has done meanwhile is there to be seen.
      if (db.readOnly) await db.refresh()
      const asOf = this.#view === undefined ? undefined : { seq: this.#view.seq }
      const keep = (outcome: Outcome) => (this.#lastResult = new KeptResult(outcome))
      try {
        await runText(this.#session, statement, { terminal, mode: this.mode, table, asOf, timer: this.timer, keep })
      } finally {
        this.#completion.forget()
      }
    })
  }

  /** Runs something that Ctrl-C cancels; says what is wrong with it and stays. True where nothing was. */
  async #guarded(run: () => Promise<unknown>): Promise<boolean> {
    const { terminal } = this.#options
    const isOuter = !this.#isRunning
    this.#isRunning = true
    try {
      return (await run()) !== false
    } catch (thrown) {
      // What was printed before the error is a result.
      await terminal.flush()
      if (terminal.signal.aborted) terminal.note('interrupted')
      else terminal.complain(errorText(DriftError.from(thrown, 'driftdb')))
      return false
    } finally {
      if (isOuter) {
        this.#isRunning = false
        terminal.renewSignal()
      }
    }
  }

  #interrupted(input: ShellInput): void {
    const { terminal } = this.#options
    if (this.#isRunning) {
      input.clear(CONTINUATION)
      terminal.interrupt()
      return
    }
    if (input.hasText || this.#begun !== '') {
      this.#begun = ''
      this.#isWarned = false
      input.clear(this.#prompt)
      return
    }
    if (!this.#isWarned) {
      this.#isWarned = true
      input.say('^C\n(another Ctrl-C leaves, as Ctrl-D and .quit do)')
      return
    }
    this.#leave(EXIT_INTERRUPTED)
    process.stdout.write('\n')
    input.end()
  }

  async #complete(line: string, cursor: number): Promise<Completion> {
    if (this.#begun === '' && line.trimStart().startsWith('.')) {
      return commandCandidates(
        line.slice(0, cursor),
        this.#options.db.tables().map(({ name }) => name)
      )
    }
    const before = this.#begun === '' ? '' : `${this.#begun}\n`
    return this.#completion.at(before + line, before.length + cursor)
  }
}

function pointText(view: AsOfView): string {
  return view.seq === 0 ? '@seq:0' : `@seq:${view.seq}, ${new Date(view.time).toISOString()}`
}
