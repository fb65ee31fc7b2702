/** A progress bar on standard error, where that is a terminal; silent elsewhere. */
import type { SingleBar } from 'cli-progress'
import type { Terminal } from './terminal.js'

export class ProgressBar {
  #bar: SingleBar | undefined
  #isStarted = false

  private constructor() {}

  static async make(terminal: Terminal, what: string): Promise<ProgressBar> {
    const made = new ProgressBar()
    if (!terminal.showsProgress) return made
    // Loaded only where it can be seen.
    const { SingleBar, Presets } = await import('cli-progress')
    const format = `${what} [{bar}] {percentage}% {eta_formatted} {note}`
    made.#bar = new SingleBar({ format, stream: process.stderr, hideCursor: true, clearOnComplete: true, fps: 10 }, Presets.shades_classic)
    return made
  }

  /** Without a total there is no bar. */
  update(done: number, total: number | undefined, note = ''): void {
    if (this.#bar === undefined || total === undefined || total <= 0) return
    if (!this.#isStarted) this.#bar.start(total, 0, { note })
    this.#isStarted = true
    this.#bar.update(Math.min(done, total), { note })
  }

  stop(): void {
    if (this.#isStarted) this.#bar?.stop()
  }
}
