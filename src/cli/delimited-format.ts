/** CSV (RFC 4180, with a header) and TSV. Nothing is left out silently: a field that comes too late for the header is an error. */
import Papa from 'papaparse'
import type { Document } from '../index.js'
import { DriftError } from '../base/errors.js'
import { cellText } from './cell-text.js'
import { ColumnFinder } from './column-finder.js'

export class DelimitedFormat {
  readonly #finder: ColumnFinder
  readonly #delimiter: ',' | '\t'
  #known: ReadonlySet<string> = new Set()
  #printed = 0

  constructor(columns: readonly string[] | undefined, delimiter: ',' | '\t') {
    this.#finder = new ColumnFinder(columns, columns === undefined ? undefined : 1)
    this.#delimiter = delimiter
  }

  row(row: Document): string {
    return this.#text(this.#finder.add(row))
  }

  end(): string {
    return this.#text(this.#finder.end())
  }

  #text(found: { readonly rows: readonly Document[]; readonly isFirst: boolean } | undefined): string {
    if (found === undefined) return ''
    const { columns } = this.#finder
    let text = ''
    if (found.isFirst) {
      this.#known = new Set(columns)
      if (columns.length > 0) text = this.#line(columns)
    }
    for (const row of found.rows) {
      this.#printed++
      const unknown = Object.keys(row).find((name) => !this.#known.has(name))
      if (unknown !== undefined) throw this.#late(unknown)
      text += this.#line(columns.map((name) => cellText(row[name])))
    }
    return text
  }

  #line(cells: readonly string[]): string {
    // TSV has no quotes: what would break it is escaped with backslashes.
    if (this.#delimiter === '\t') return `${cells.map(tsvCell).join('\t')}\n`
    // An empty line would be no row at all.
    if (cells.length === 1 && cells[0] === '') return '""\n'
    return `${Papa.unparse([[...cells]], { newline: '\n' })}\n`
  }

  #late(field: string): DriftError {
    const name = JSON.stringify(field)
    const message = `row ${this.#printed} has a field ${name} that came too late for the header; name the columns, or use --mode ndjson`
    return new DriftError('INVALID_ARGUMENT', message, { row: this.#printed, columns: [field] })
  }
}

function tsvCell(text: string): string {
  return text.replace(/[\\\t\n\r]/g, (character) => ({ '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' })[character] ?? character)
}
