/**
 * The lines of the interactive shell: Node's line editor, kept open while statements run so that what is typed ahead is not lost and
 * Ctrl-C is heard. The editor's own history of lines is replaced by one of whole statements.
 */
import { createInterface, type Interface } from 'node:readline'
import type { Completion } from './shell-completion.js'
import type { Keyboard } from './terminal.js'

export type ShellInputOptions = {
  /** Whole statements, the newest first; read again after each line. */
  readonly history: readonly string[]
  /** `line` is the one that is being typed. */
  readonly complete: (line: string, cursor: number) => Promise<Completion>
  /** Ctrl-C. */
  readonly onInterrupt: () => void
}

type GiveCompletion = (error: null, result: [string[], string]) => void

/** Lines that wait for their statement's turn; after so many the keyboard waits too. */
const LINES_MAX = 1000

export class ShellInput implements Keyboard, Disposable {
  readonly #editor: Interface
  readonly #options: ShellInputOptions
  readonly #lines: string[] = []
  /** The editor's own history, which is changed in place. */
  #editorHistory: string[]
  #waiting: ((line: string | undefined) => void) | undefined
  #isEnded = false
  /** Another program has the terminal. */
  #isLent = false
  /** A terminal that cannot move its cursor gives whole lines, and Ctrl-C as a signal. */
  readonly #canEdit = process.env['TERM'] !== 'dumb'

  constructor(options: ShellInputOptions) {
    this.#options = options
    this.#editorHistory = [...options.history]
    this.#editor = createInterface({
      input: process.stdin,
      output: process.stdout,
      terminal: this.#canEdit,
      history: this.#editorHistory,
      historySize: Number.MAX_SAFE_INTEGER,
      completer: (line: string, give: GiveCompletion) => this.#complete(line, give)
    })
    this.#editor.on('history', (history: string[]) => {
      this.#editorHistory = history
      this.#restoreHistory()
    })
    this.#editor.on('line', (line) => this.#take(line))
    this.#editor.on('SIGINT', () => options.onInterrupt())
    this.#editor.on('close', () => this.end())
  }

  /** The next line, or undefined when there are no more. What was typed ahead is taken first. */
  next(prompt: string): Promise<string | undefined> {
    this.#restoreHistory()
    const line = this.#lines.shift()
    if (line !== undefined) {
      if (this.#lines.length < LINES_MAX && !this.#isEnded) this.#editor.resume()
      return Promise.resolve(line)
    }
    if (this.#isEnded) return Promise.resolve(undefined)
    return new Promise((resolve) => {
      this.#waiting = resolve
      this.#editor.setPrompt(prompt)
      this.#editor.prompt(true)
    })
  }

  /** Something stands in the line. */
  get hasText(): boolean {
    return this.#editor.line !== ''
  }

  /** Forgets what stands in the line and what was typed ahead, and begins again below with `prompt`. */
  clear(prompt: string): void {
    this.#lines.length = 0
    if (this.#isEnded) return
    if (this.hasText) {
      // To the end of the line, and everything before that away.
      this.#editor.write(null, { ctrl: true, name: 'e' })
      this.#editor.write(null, { ctrl: true, name: 'u' })
    }
    if (this.#waiting === undefined) return
    this.#editor.setPrompt(prompt)
    process.stdout.write('^C\n')
    this.#editor.prompt()
  }

  /** A line below the prompt, and the prompt again. */
  say(text: string): void {
    process.stdout.write(`${text}\n`)
    if (!this.#isEnded) this.#editor.prompt()
  }

  /** There are no more lines than those that were typed ahead. */
  end(): void {
    this.#isEnded = true
    this.#settle(undefined)
  }

  pause(): void {
    this.#isLent = true
    if (this.#isEnded) return
    this.#editor.pause()
    if (this.#canEdit) process.stdin.setRawMode(false)
  }

  resume(): void {
    this.#isLent = false
    if (this.#isEnded) return
    if (this.#canEdit) process.stdin.setRawMode(true)
    this.#editor.resume()
  }

  [Symbol.dispose](): void {
    this.#editor.close()
  }

  #take(line: string): void {
    if (this.#isEnded) return
    if (this.#waiting !== undefined) {
      this.#settle(line)
      return
    }
    this.#lines.push(line)
    if (this.#lines.length >= LINES_MAX && !this.#isLent) this.#editor.pause()
  }

  #settle(line: string | undefined): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.(line)
  }

  #restoreHistory(): void {
    this.#editorHistory.splice(0, this.#editorHistory.length, ...this.#options.history)
  }

  #complete(before: string, give: GiveCompletion): void {
    // Indentation, pasted too, is no question.
    if (before.trim() === '') {
      give(null, [['  '], ''])
      return
    }
    this.#options.complete(this.#editor.line, before.length).then(
      ({ candidates, word }) => give(null, [[...candidates], word]),
      // What cannot be looked up is not offered; the statement that needs it will say why.
      () => give(null, [[], ''])
    )
  }
}
