/**
 * Rows of CSV with a header. Papa Parse reads the records, a mebibyte at a time: the last record of a piece may be unfinished and is read
 * again with the next one.
 */
import { isUtf8 } from 'node:buffer'
import Papa from 'papaparse'
import { DriftError } from '../base/errors.js'
import { limits } from '../base/limits.js'
import type { Document, Value } from '../index.js'
import { cellValue, csvTypes, type CsvType } from './csv-types.js'
import type { InputRow, InputRows } from './input-row.js'
import type { LineBlock } from './line-blocks.js'

type Parsed = {
  readonly data: readonly (readonly string[])[]
  readonly errors: readonly { readonly row?: number; readonly message: string }[]
  readonly meta: { readonly cursor: number }
}

type Columns = { readonly names: readonly string[]; readonly types: readonly CsvType[] }

export type CsvOptions = {
  /** Keep every cell as text. */
  readonly text: boolean
  /** Told once, before the first row; `header` is the line. */
  readonly onColumns: (names: readonly string[], types: readonly CsvType[], header: string) => void
}

/** Throws INVALID_ARGUMENT for a header that is none, INVALID_DOCUMENT for bytes that are no UTF-8, LIMIT for a record without end. */
export async function* csvRows(blocks: AsyncIterable<LineBlock>, options: CsvOptions): InputRows {
  const reader = new CsvReader(options)
  let bytesRead = 0
  for await (const block of blocks) {
    bytesRead = block.bytesRead
    yield { rows: reader.read(textOf(block), false), bytesRead }
  }
  yield { rows: reader.read('', true), bytesRead }
}

class CsvReader {
  readonly #options: CsvOptions
  #parser: Papa.Parser | undefined
  #delimiter = ','
  #columns: Columns | undefined
  #rest = ''
  #line = 1

  constructor(options: CsvOptions) {
    this.#options = options
  }

  read(piece: string, isLast: boolean): InputRow[] {
    const text = this.#rest + piece
    if (text === '') return []
    this.#parser ??= this.#parserFor(text)
    const { data, errors, meta } = this.#parser.parse(text, 0, !isLast) as Parsed
    this.#rest = isLast ? '' : text.slice(meta.cursor)
    if (this.#rest.length > limits.documentBytesMax) {
      const line = this.#line + data.length
      const message = `line ${line}: a record of more than ${limits.documentBytesMax} characters; is a quote missing?`
      throw new DriftError('LIMIT', message, { name: 'documentBytesMax', limit: limits.documentBytesMax, seen: this.#rest.length, line })
    }
    const reasons = new Map(errors.map((error) => [error.row ?? data.length - 1, error.message]))
    const records = data.map((cells, index) => ({ cells, reason: reasons.get(index), line: this.#lineOf(cells) }))
    const filled = records.filter(({ cells }) => cells.length > 1 || (cells[0] ?? '').trim() !== '')
    const header = this.#columns === undefined ? filled.shift() : undefined
    if (header !== undefined)
      this.#columns = this.#read(
        header,
        filled.map(({ cells }) => cells)
      )
    const columns = this.#columns
    return columns === undefined ? [] : filled.map((record) => this.#row(columns, record))
  }

  /** Delimiter and line ending are guessed once. */
  #parserFor(text: string): Papa.Parser {
    const { delimiter, linebreak } = Papa.parse<readonly string[]>(text.slice(0, 64 * 1024), { preview: 20, skipEmptyLines: true }).meta
    this.#delimiter = delimiter
    return new Papa.Parser({ delimiter, newline: linebreak as '\n' })
  }

  /** Records count lines; line feeds inside quotes count too. */
  #lineOf(cells: readonly string[]): number {
    const line = this.#line++
    for (const cell of cells) if (cell.includes('\n')) this.#line += cell.split('\n').length - 1
    return line
  }

  #read(
    { cells: names, line, reason }: { readonly cells: readonly string[]; readonly line: number; readonly reason: string | undefined },
    records: readonly (readonly string[])[]
  ): Columns {
    const bad = names.find((name, index) => name === '' || names.indexOf(name) !== index)
    if (reason !== undefined || bad !== undefined) {
      const why = reason ?? (bad === '' ? 'a column has no name' : `two columns are named ${JSON.stringify(bad)}`)
      throw new DriftError('INVALID_ARGUMENT', `line ${line}: the header cannot be used: ${why}`, { line, reason: why })
    }
    const types = this.#options.text ? names.map((): CsvType => 'text') : csvTypes(names.length, records.slice(0, 1000))
    this.#options.onColumns(names, types, this.#text(names))
    return { names, types }
  }

  #row(
    { names, types }: Columns,
    { cells, reason, line }: { readonly cells: readonly string[]; readonly reason: string | undefined; readonly line: number }
  ): InputRow {
    const raw = () => this.#text(cells)
    let characters = cells.length
    for (const cell of cells) characters += cell.length
    const refused = (why: string): InputRow => {
      return { line, characters, raw, error: new DriftError('INVALID_DOCUMENT', why, { line, reason: why }) }
    }
    if (reason !== undefined) return refused(reason)
    if (cells.length !== names.length) return refused(`${cells.length} cells, the header has ${names.length}`)
    const document: Record<string, Value> = {}
    for (const [index, name] of names.entries()) {
      const cell = cells[index] ?? ''
      const type = types[index] ?? 'text'
      const value = cellValue(cell, type)
      if (value === undefined) return refused(`column ${name}: ${JSON.stringify(cell)} is no ${type}; --text keeps all as text`)
      document[name] = value
    }
    return { line, characters, raw, document: document as Document }
  }

  #text(cells: readonly string[]): string {
    return Papa.unparse([[...cells]], { delimiter: this.#delimiter, newline: '\n' })
  }
}

function textOf({ bytes, firstLine }: LineBlock): string {
  if (isUtf8(bytes)) return bytes.toString('utf8')
  let line = firstLine
  for (const text of bytes.toString('latin1').split('\n')) {
    if (!isUtf8(Buffer.from(text, 'latin1'))) break
    line++
  }
  throw new DriftError('INVALID_DOCUMENT', `line ${line}: not valid UTF-8`, { line, reason: 'not valid UTF-8' })
}
