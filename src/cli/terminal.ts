/**
 * The three streams and the signals of the process. Results go to standard output, in pieces and with back-pressure; everything else goes
 * to standard error. A reader that goes away (EPIPE) is quiet: what would have been printed is dropped. The first Ctrl-C cancels, the
 * second leaves at once.
 */
import { styleText } from 'node:util'
import { DriftError } from '../base/errors.js'
import { EXIT_INTERRUPTED } from './exit-code.js'

export type Style = 'bold' | 'dim' | 'red' | 'yellow'

/** Text is collected up to here before it is written. */
const PIECE_CHARACTERS = 64 * 1024

export class Terminal {
  readonly #interrupt = new AbortController()
  #pieces: string[] = []
  #characters = 0
  #closed = false
  #failure: Error | undefined
  #color: boolean | undefined
  #quiet = false

  constructor() {
    process.stdout.on('error', (error: NodeJS.ErrnoException) => {
      this.#closed = true
      if (error.code !== 'EPIPE') this.#failure = error
    })
    // Whoever listens to messages has gone; there is nobody left to tell.
    process.stderr.on('error', () => {})
    for (const name of ['SIGINT', 'SIGTERM'] as const) {
      process.on(name, () => {
        if (this.#interrupt.signal.aborted) process.exit(EXIT_INTERRUPTED)
        this.#interrupt.abort()
      })
    }
  }

  /** `color` undefined: where the stream is a terminal and NO_COLOR is not set. `quiet` leaves only errors on standard error. */
  configure(options: { readonly color?: boolean | undefined; readonly quiet?: boolean | undefined }): void {
    this.#color = options.color
    this.#quiet = options.quiet ?? false
  }

  get isTty(): boolean {
    return process.stdout.isTTY === true
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
    // A terminal that does not know its width says 0.
    return this.isTty ? process.stdout.columns || 80 : Number.POSITIVE_INFINITY
  }

  /** Aborted by the first Ctrl-C. */
  get signal(): AbortSignal {
    return this.#interrupt.signal
  }

  /** Nobody reads standard output any more. */
  get isClosed(): boolean {
    return this.#closed
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
    if (text !== '' && !this.#closed) await new Promise<void>((resolve) => void process.stdout.write(text, () => resolve()))
    // A turn of the event loop, in which signals and the errors of streams arrive.
    await new Promise((resolve) => void setImmediate(resolve))
    if (this.#failure !== undefined) throw DriftError.from(this.#failure, 'standard output')
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

  #paint(style: Style, text: string, isTty: boolean | undefined): string {
    const wanted = this.#color ?? ((process.env['NO_COLOR'] ?? '') === '' && isTty === true)
    return wanted ? styleText(style, text, { validateStream: false }) : text
  }
}
