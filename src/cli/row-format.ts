/** How rows become text. A format is made for each result, takes its rows one by one and ends it. */
import type { Document, ResultColumn } from '../index.js'
import { formatJson, formatJsonLines } from '../api/json.js'
import { unreachable } from '../base/errors.js'
import type { Terminal } from './terminal.js'

export const MODES = ['table', 'line', 'csv', 'tsv', 'json', 'ndjson', 'markdown', 'insert'] as const
export type Mode = (typeof MODES)[number]

export type RowFormat = {
  /** Text to print; may be empty while rows are collected. Throws INVALID_ARGUMENT for a row that the format cannot hold. */
  row(row: Document): string
  /** The same of several rows at once, where that is faster. */
  rows?(rows: readonly Document[]): string
  /** What is left to print, after the last row. */
  end(): string
  /** One line for standard error when all is printed, for formats that people read. */
  footer?(): string
}

export type FormatOptions = {
  /** Empty: the fields of the rows, as they appear. */
  readonly columns: readonly ResultColumn[]
  /** The table that `insert` names. */
  readonly table: string
  readonly terminal: Terminal
}

/** Formats are loaded when they are asked for: a command starts in a fraction of a second, and most print NDJSON. */
export async function rowFormat(mode: Mode, { columns, table, terminal }: FormatOptions): Promise<RowFormat> {
  const names = columns.length === 0 ? undefined : columns.map((column) => column.name)
  switch (mode) {
    case 'table':
      return new (await import('./table-format.js')).TableFormat(columns, terminal)
    case 'line':
      return new (await import('./line-format.js')).LineFormat(terminal)
    case 'csv':
      return new (await import('./delimited-format.js')).DelimitedFormat(names, ',')
    case 'tsv':
      return new (await import('./delimited-format.js')).DelimitedFormat(names, '\t')
    case 'markdown':
      return new (await import('./markdown-format.js')).MarkdownFormat(names)
    case 'json':
      return jsonArray()
    case 'ndjson':
      return { row: (row) => `${formatJson(row)}\n`, rows: formatJsonLines, end: () => '' }
    case 'insert':
      return { row: (row) => `INSERT INTO ${quotedName(table)} ${formatJson(row)};\n`, end: () => '' }
    default:
      return unreachable(mode)
  }
}

/** A name as DriftQL takes it, whatever is in it. */
export function quotedName(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``
}

function jsonArray(): RowFormat {
  let before = '[\n '
  return {
    row(row) {
      const text = before + formatJson(row)
      before = ',\n '
      return text
    },
    end: () => (before === ',\n ' ? '\n]\n' : '[]\n')
  }
}
