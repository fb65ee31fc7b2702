/** `$PAGER` for one result: it is started when the text turns out longer or wider than the screen, and leaving it early is no error. */
import type { ChildProcess } from 'node:child_process'
import stringWidth from 'string-width'
import { canStart, endOf, startUserCommand } from './user-command.js'

/** Scrolls sideways, leaves colours and the screen as they are, and ends by itself where everything fits. */
const DEFAULT_PAGER = 'less -SRXF'
/** Exit codes with which the system's shell says that there is no such program. */
const NOT_STARTED = new Set([126, 127])
/** Lines below a result: its footer and the prompt. */
const LINES_BELOW = 2

export type PagerOptions = {
  readonly rows: number
  readonly columns: number
  readonly isSafe: boolean
  /** Runs something while the terminal is the pager's. */
  readonly lend: <T>(run: () => Promise<T>) => Promise<T>
}

/** Undefined where there is none: `PAGER=''` switches it off, and a terminal that cannot move its cursor cannot page. */
export function openPager(options: PagerOptions): Pager | undefined {
  const commandLine = process.env['PAGER'] ?? DEFAULT_PAGER
  if (commandLine.trim() === '' || process.env['TERM'] === 'dumb' || !canStart(commandLine)) return undefined
  return new Pager(commandLine, options)
}

export class Pager {
  readonly #commandLine: string
  readonly #options: PagerOptions
  /** Until it is known that it does not fit: less than a screen and one write. */
  #kept = ''
  #child: ChildProcess | undefined
  #ended: Promise<void> | undefined
  #isClosed = false
  #end: number | string | undefined

  constructor(commandLine: string, options: PagerOptions) {
    this.#commandLine = commandLine
    this.#options = options
  }

  get isShown(): boolean {
    return this.#child !== undefined
  }

  /** It was left before the end of the text. */
  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Resolves when the pager has taken it, which may be when somebody has scrolled. */
  async write(text: string): Promise<void> {
    this.#kept += text
    if (this.#child === undefined && this.#fits()) return
    const stdin = (this.#child ??= this.#start()).stdin
    // Where it could not be started there is nothing to write to, and the text is still to be printed.
    if (stdin === null || stdin === undefined) return
    const piece = this.#kept
    this.#kept = ''
    if (!this.#isClosed) await new Promise<void>((resolve) => void stdin.write(piece, () => resolve()))
  }

  /**
   * After the pager has ended, where there was one: what was never paged and is to be printed as it is, and what went wrong with the
   * pager.
   */
  async end(): Promise<{ readonly rest: string; readonly problem: string | undefined }> {
    this.#child?.stdin?.end()
    await this.#ended
    const isProblem = NOT_STARTED.has(Number(this.#end)) || (typeof this.#end === 'string' && !this.#end.startsWith('SIG'))
    return { rest: this.#kept, problem: isProblem ? `the pager ${this.#commandLine} could not be started: ${this.#end}` : undefined }
  }

  #start(): ChildProcess {
    const env = this.#options.isSafe ? { ...process.env, LESSSECURE: '1' } : process.env
    const child = startUserCommand(this.#commandLine, [], { stdin: 'pipe', env })
    const close = () => (this.#isClosed = true)
    child.stdin?.on('error', close)
    this.#ended = this.#options.lend(async () => {
      this.#end = await endOf(child)
      close()
    })
    return child
  }

  #fits(): boolean {
    const { rows, columns } = this.#options
    const lines = this.#kept.split('\n')
    return lines.length - 1 <= rows - LINES_BELOW && lines.every((line) => line.length <= columns || stringWidth(line) <= columns)
  }
}
