/** A table of GitHub's Markdown. */
import type { Document } from '../index.js'
import { screenText } from './cell-text.js'
import { ColumnFinder } from './column-finder.js'

export class MarkdownFormat {
  readonly #finder: ColumnFinder

  constructor(columns: readonly string[] | undefined) {
    this.#finder = new ColumnFinder(columns)
  }

  row(row: Document): string {
    return this.#text(this.#finder.add(row))
  }

  end(): string {
    return this.#text(this.#finder.end())
  }

  #text(found: { readonly rows: readonly Document[]; readonly isFirst: boolean } | undefined): string {
    const { columns } = this.#finder
    if (found === undefined || columns.length === 0) return ''
    const head = found.isFirst ? line(columns) + line(columns.map(() => '---')) : ''
    return head + found.rows.map((row) => line(columns.map((name) => row[name]))).join('')
  }
}

function line(cells: readonly unknown[]): string {
  return `| ${cells.map((cell) => screenText(cell).replaceAll('|', '\\|')).join(' | ')} |\n`
}
