/**
 * The three streams and the signals of the process. Results go to standard output, in pieces and with back-pressure; everything else goes
 * to standard error. A reader that goes away (EPIPE) is quiet: what would have been printed is dropped. The first Ctrl-C cancels, the
 * second leaves at once; the shell takes signals over. Between `openPage` and `closePage` a result that does not fit on the screen goes
 * through the pager.
 */
import { styleText } from 'node:util'
import { DriftError } from '../base/errors.js'
import { EXIT_INTERRUPTED } from './exit-code.js'
import type { Pager } from './pager.js'

export type Style = 'bold' | 'dim' | 'red' | 'yellow'
export type ColorChoice = 'auto' | 'always' | 'never'

export type TerminalOptions = {
  /** Auto, or undefined: where the stream is a terminal and NO_COLOR is not set. False is never. */
  readonly color?: ColorChoice | false | undefined
  /** Only errors on standard error. */
  readonly quiet?: boolean | undefined
  readonly pager?: boolean | undefined
  /** The pager starts no other programs. */
  readonly safe?: boolean | undefined
}

/** Who reads the keyboard: it lets go of it while another program has the terminal. */
export type Keyboard = { pause(): void; resume(): void }
export type SignalListener = { interrupt(): void; terminate(): void }

/** Text is collected up to here before it is written. */
const PIECE_CHARACTERS = 64 * 1024

export class Terminal {
  #interrupt = new AbortController()
  #listener: SignalListener | undefined
  #keyboard: Keyboard | undefined
  /** Another program has the terminal; Ctrl-C is its own too. */
  #isLent = false
  #page: Pager | undefined
  #pieces: string[] = []
  #characters = 0
  #closed = false
  #failure: Error | undefined
  #color: boolean | undefined
  #quiet = false
  #pages = true
  #safe = false

  constructor() {
    process.stdout.on('error', (error: NodeJS.ErrnoException) => {
      this.#closed = true
      if (error.code !== 'EPIPE') this.#failure = error
    })
    // Whoever listens to messages has gone; there is nobody left to tell.
    process.stderr.on('error', () => {})
    process.on('SIGINT', () => (this.#listener === undefined ? this.interrupt() : this.#listener.interrupt()))
    process.on('SIGTERM', () => (this.#listener === undefined ? this.interrupt() : this.#listener.terminate()))
  }

  configure({ color, quiet = false, pager = true, safe = false }: TerminalOptions): void {
    this.#color = color === 'always' ? true : color === 'never' || color === false ? false : undefined
    this.#quiet = quiet
    this.#pages = pager
    this.#safe = safe
  }

  get isTty(): boolean {
    return process.stdout.isTTY === true
  }

  /** Somebody sits at both ends. */
  get isInteractive(): boolean {
    return this.isTty && process.stdin.isTTY === true
  }

  get isQuiet(): boolean {
    return this.#quiet
  }

  /** True if a progress bar can be drawn. */
  get showsProgress(): boolean {
    return process.stderr.isTTY === true && !this.#quiet
  }

  /** Width in cells; Infinity where nothing must be cut. */
  get columns(): number {
    // A terminal that does not know its size says 0.
    return this.isTty ? process.stdout.columns || 80 : Number.POSITIVE_INFINITY
  }

  /** Aborted by the first Ctrl-C. */
  get signal(): AbortSignal {
    return this.#interrupt.signal
  }

  /** Nobody reads standard output any more, or nobody reads this result to its end. */
  get isClosed(): boolean {
    return this.#closed || this.#page?.isClosed === true
  }

  /** What is printed stands in the pager: what belongs to it must go there too. */
  get isPaging(): boolean {
    return this.#page?.isShown === true
  }

  /** Cancels what runs; leaves at once where that was asked before, but not from under a pager or an editor. */
  interrupt(): void {
    if (this.#interrupt.signal.aborted && !this.#isLent) process.exit(EXIT_INTERRUPTED)
    this.#interrupt.abort()
  }

  /** Of the shell, where a cancelled statement does not end the process: a signal for the next one. */
  renewSignal(): void {
    if (this.#interrupt.signal.aborted) this.#interrupt = new AbortController()
  }

  /** From now on signals are the listener's, and `keyboard` is paused while another program has the terminal. */
  handOver(listener: SignalListener, keyboard: Keyboard): void {
    this.#listener = listener
    this.#keyboard = keyboard
  }

  /** Runs another program in the terminal. */
  async lend<T>(run: () => Promise<T>): Promise<T> {
    this.#keyboard?.pause()
    this.#isLent = true
    try {
      return await run()
    } finally {
      this.#isLent = false
      this.#keyboard?.resume()
    }
  }

  /** For standard output. */
  styled(style: Style, text: string): string {
    return this.#paint(style, text, process.stdout.isTTY)
  }

  /** A result. What is returned, if anything, must be awaited before the next call. */
  print(text: string): Promise<void> | undefined {
    this.#pieces.push(text)
    this.#characters += text.length
    return this.#characters >= PIECE_CHARACTERS ? this.flush() : undefined
  }

  /** Resolves when everything printed is with the system. Throws IO, NO_SPACE where standard output cannot be written. */
  async flush(): Promise<void> {
    const text = this.#pieces.join('')
    this.#pieces = []
    this.#characters = 0
    if (text !== '') await (this.#page === undefined ? this.#write(text) : this.#page.write(text))
    // A turn of the event loop, in which signals and the errors of streams arrive.
    await new Promise((resolve) => void setImmediate(resolve))
    if (this.#failure !== undefined) throw DriftError.from(this.#failure, 'standard output')
  }

  /** Where there is a terminal and a pager, what is printed from here on may go through it. */
  async openPage(): Promise<void> {
    if (!this.isTty || !this.#pages) return
    await this.flush()
    // Loaded only where it can be seen.
    const { openPager } = await import('./pager.js')
    this.#page = openPager({ rows: process.stdout.rows || 24, columns: this.columns, isSafe: this.#safe, lend: (run) => this.lend(run) })
  }

  /** Prints what fits on the screen, or waits until the pager is left. */
  async closePage(): Promise<void> {
    const page = this.#page
    if (page === undefined) return
    try {
      await this.flush()
    } finally {
      this.#page = undefined
      const { rest, problem } = await page.end()
      if (rest !== '') await this.#write(rest)
      if (problem !== undefined) this.note(`note: ${problem}`)
    }
  }

  /** Throws ABORTED after Ctrl-C. */
  check(): void {
    if (this.signal.aborted) throw new DriftError('ABORTED', 'interrupted', {})
  }

  /** A line for people, not with --quiet. */
  note(text: string): void {
    if (!this.#quiet) process.stderr.write(`${text}\n`)
  }

  /** An error: always said. */
  complain(text: string): void {
    process.stderr.write(`${this.#paint('red', 'error', process.stderr.isTTY)}: ${text}\n`)
  }

  async #write(text: string): Promise<void> {
    if (!this.#closed) await new Promise<void>((resolve) => void process.stdout.write(text, () => resolve()))
  }

  #paint(style: Style, text: string, isTty: boolean | undefined): string {
    const wanted = this.#color ?? ((process.env['NO_COLOR'] ?? '') === '' && isTty === true)
    return wanted ? styleText(style, text, { validateStream: false }) : text
  }
}
