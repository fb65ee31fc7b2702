/** One field on each line, for rows that are wide. */
import stringWidth from 'string-width'
import type { Document } from '../index.js'
import { screenText } from './cell-text.js'
import type { Terminal } from './terminal.js'

export class LineFormat {
  readonly #terminal: Terminal
  #count = 0

  constructor(terminal: Terminal) {
    this.#terminal = terminal
  }

  row(row: Document): string {
    const names = Object.keys(row).map((name) => [name, screenText(name)] as const)
    const width = names.reduce((widest, [, shown]) => Math.max(widest, stringWidth(shown)), 0)
    const lines = names.map(([name, shown]) => {
      const pad = ' '.repeat(width - stringWidth(shown))
      return `${pad}${this.#terminal.styled('bold', shown)} = ${row[name] === null ? 'null' : screenText(row[name])}\n`
    })
    return (this.#count++ === 0 ? '' : '\n') + lines.join('')
  }

  end(): string {
    return ''
  }

  footer(): string {
    return `(${this.#count} ${this.#count === 1 ? 'row' : 'rows'})`
  }
}
