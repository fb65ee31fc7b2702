/** A progress bar on standard error, where that is a terminal; silent elsewhere. */
import { SingleBar, Presets } from 'cli-progress'
import type { Terminal } from './terminal.js'

export class ProgressBar {
  readonly #bar: SingleBar | undefined
  #isStarted = false

  constructor(terminal: Terminal, what: string) {
    if (!terminal.showsProgress) return
    const format = `${what} [{bar}] {percentage}% {eta_formatted} {note}`
    this.#bar = new SingleBar({ format, stream: process.stderr, hideCursor: true, clearOnComplete: true, fps: 10 }, Presets.shades_classic)
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
