/**
 * An aligned table. Columns are sized from the first rows, so that any number of rows can follow; on a terminal a cell that is wider than
 * its column ends in `…`, elsewhere nothing is cut.
 */
import stringWidth from 'string-width'
import type { Document } from '../index.js'
import { screenText } from './cell-text.js'
import { ColumnFinder } from './column-finder.js'
import type { Terminal } from './terminal.js'

/** Enough to size columns by, and no more than a few screens. */
const SIZING_ROWS = 200
const CELL_WIDTH_MIN = 8
const SEPARATOR = ' │ '

export class TableFormat {
  readonly #finder: ColumnFinder
  readonly #terminal: Terminal
  #widths: readonly number[] = []
  #cut = 0
  readonly #lateFields = new Set<string>()

  constructor(columns: readonly string[] | undefined, terminal: Terminal) {
    this.#finder = new ColumnFinder(columns, SIZING_ROWS)
    this.#terminal = terminal
  }

  row(row: Document): string {
    return this.#text(this.#finder.add(row))
  }

  end(): string {
    return this.#text(this.#finder.end())
  }

  footer(): string {
    const { count } = this.#finder
    const parts = [`${count} ${count === 1 ? 'row' : 'rows'}`]
    if (this.#cut > 0) parts.push(`${this.#cut} ${this.#cut === 1 ? 'cell is' : 'cells are'} cut, --mode line shows them whole`)
    if (this.#lateFields.size > 0) {
      parts.push(`later rows also have ${[...this.#lateFields].map((name) => screenText(name)).join(', ')}`)
    }
    return `(${parts.join('; ')})`
  }

  #text(found: { readonly rows: readonly Document[]; readonly isFirst: boolean } | undefined): string {
    if (found === undefined) return ''
    const { columns } = this.#finder
    const cells = found.rows.map((row) => columns.map((name) => shown(row[name])))
    let text = ''
    if (found.isFirst) {
      const names = columns.map((name) => screenText(name))
      const natural = names.map((name, index) =>
        cells.reduce((widest, row) => Math.max(widest, stringWidth(row[index] ?? '')), stringWidth(name))
      )
      this.#widths = fitted(natural, this.#terminal.columns)
      if (columns.length > 0) text = this.#line(names, 'bold') + `${this.#widths.map((width) => '─'.repeat(width)).join('─┼─')}\n`
    } else {
      for (const name of Object.keys(found.rows[0] ?? {})) if (!columns.includes(name)) this.#lateFields.add(name)
    }
    for (const row of cells) text += this.#line(row)
    return columns.length === 0 ? '' : text
  }

  #line(cells: readonly string[], style?: 'bold'): string {
    const padded = cells.map((cell, index) => {
      const width = this.#widths[index] ?? 0
      const fits = this.#fit(cell, width)
      const pad = index === cells.length - 1 ? '' : ' '.repeat(Math.max(0, width - stringWidth(fits)))
      return (style === undefined ? fits : this.#terminal.styled(style, fits)) + pad
    })
    return `${padded.join(SEPARATOR)}\n`
  }

  /** On a terminal a cell keeps to its column; elsewhere a later cell that is wider is printed whole. */
  #fit(cell: string, width: number): string {
    if (!this.#terminal.isTty || stringWidth(cell) <= width) return cell
    this.#cut++
    let kept = ''
    let keptWidth = 0
    for (const { segment } of new Intl.Segmenter().segment(cell)) {
      const segmentWidth = stringWidth(segment)
      if (keptWidth + segmentWidth > width - 1) break
      kept += segment
      keptWidth += segmentWidth
    }
    return `${kept}…`
  }
}

function shown(value: unknown): string {
  return value === null ? 'null' : screenText(value)
}

/** Widths that fit into `total` cells: what is narrow stays, the widest columns share the rest. */
function fitted(natural: readonly number[], total: number): readonly number[] {
  const room = total - SEPARATOR.length * (natural.length - 1)
  if (natural.reduce((sum, width) => sum + width, 0) <= room) return natural
  const widths = [...natural]
  let left = room
  let wide = natural.length
  // From the narrowest column on: each takes what it needs, if that is not more than an equal share of what is left.
  const order = natural.map((_, index) => index).sort((a, b) => (natural[a] ?? 0) - (natural[b] ?? 0))
  for (const index of order) {
    const share = Math.max(CELL_WIDTH_MIN, Math.floor(left / wide--))
    const width = Math.min(natural[index] ?? 0, share)
    widths[index] = width
    left -= width
  }
  return widths
}
