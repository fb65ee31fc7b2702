/**
 * An aligned table. Columns are sized from the first rows, so that any number of rows can follow. On a terminal the types stand below the
 * names, and a cell that is wider than its column ends in `…`; elsewhere nothing is cut.
 */
import stringWidth from 'string-width'
import type { Document, ResultColumn } from '../index.js'
import { screenText } from './cell-text.js'
import { ColumnFinder } from './column-finder.js'
import type { Style, Terminal } from './terminal.js'
import { typeOf } from './value-type.js'

/** Enough to size columns by, and no more than a few screens. */
const SIZING_ROWS = 200
const CELL_WIDTH_MIN = 8
const SEPARATOR = ' │ '
/** Of fields that came too late for a column, the footer names so many. */
const LATE_FIELDS_NAMED = 20

export class TableFormat {
  readonly #finder: ColumnFinder
  readonly #terminal: Terminal
  readonly #types: ReadonlyMap<string, string | undefined>
  #widths: number[] = []
  /** Cells of the screen that no column has taken: later rows may have them. */
  #spare = 0
  /** Columns of numbers, which stand to the right. */
  #isRight: readonly boolean[] = []
  #cut = 0
  readonly #lateFields = new Set<string>()

  /** No columns: the fields of the first rows, as they appear. */
  constructor(columns: readonly ResultColumn[], terminal: Terminal) {
    this.#finder = new ColumnFinder(columns.length === 0 ? undefined : columns.map(({ name }) => name), SIZING_ROWS)
    this.#types = new Map(columns.map(({ name, type }) => [name, type]))
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
    if (this.#cut > 0) parts.push(`${this.#cut} ${this.#cut === 1 ? 'cell is' : 'cells are'} cut, mode line shows them whole`)
    if (this.#lateFields.size > 0) {
      const names = Array.from(this.#lateFields, (name, index) => (index < LATE_FIELDS_NAMED ? screenText(name) : '…'))
      parts.push(`later rows also have ${names.join(', ')}`)
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
      const types = columns.map((name) => this.#types.get(name) ?? typeOf(found.rows.map((row) => row[name])))
      const heads = this.#terminal.isTty && types.some((type) => type !== '') ? [names, types] : [names]
      const natural = names.map((_, index) =>
        [...heads, ...cells].reduce((widest, row) => Math.max(widest, stringWidth(row[index] ?? '')), 0)
      )
      this.#widths = fitted(natural, this.#terminal.columns)
      this.#spare = this.#terminal.columns - totalOf(this.#widths)
      this.#isRight = types.map((type) => type === 'number' || type === 'int8' || type === 'float8')
      if (columns.length > 0) {
        text = heads.map((line, index) => this.#line(line, index === 0 ? 'bold' : 'dim')).join('')
        text += `${this.#widths.map((width) => '─'.repeat(width)).join('─┼─')}\n`
      }
    } else {
      for (const name of Object.keys(found.rows[0] ?? {})) {
        if (!columns.includes(name) && this.#lateFields.size <= LATE_FIELDS_NAMED) this.#lateFields.add(name)
      }
    }
    for (const row of cells) text += this.#line(row)
    return columns.length === 0 ? '' : text
  }

  #line(cells: readonly string[], style?: Style): string {
    const padded = cells.map((cell, index) => {
      const width = this.#widthFor(cell, index)
      const fits = this.#fit(cell, width)
      const pad = ' '.repeat(Math.max(0, width - stringWidth(fits)))
      const shown = style === undefined ? fits : this.#terminal.styled(style, fits)
      if (this.#isRight[index] === true) return pad + shown
      return index === cells.length - 1 ? shown : shown + pad
    })
    return `${padded.join(SEPARATOR)}\n`
  }

  /** Of the column, which becomes wider for a cell as long as the screen has room; a pipe has all room, and columns stay as they are. */
  #widthFor(cell: string, index: number): number {
    const width = this.#widths[index] ?? 0
    const more = Math.min(stringWidth(cell) - width, this.#spare)
    if (more <= 0) return width
    if (!this.#terminal.isTty) return width + more
    this.#spare -= more
    return (this.#widths[index] = width + more)
  }

  #fit(cell: string, width: number): string {
    if (stringWidth(cell) <= width) return cell
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
function fitted(natural: readonly number[], total: number): number[] {
  const room = total - SEPARATOR.length * (natural.length - 1)
  const widths = [...natural]
  if (totalOf(natural) <= total) return widths
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

/** Cells of a line with columns of these widths. */
function totalOf(widths: readonly number[]): number {
  return widths.reduce((sum, width) => sum + width, SEPARATOR.length * Math.max(0, widths.length - 1))
}
