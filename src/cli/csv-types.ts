/** What the columns of a CSV file hold, found in its first rows: numbers and booleans only where every cell is one. */
import { parseJson } from '../api/json.js'
import type { Value } from '../index.js'

export type CsvType = 'number' | 'boolean' | 'text'

/** As JSON has them, so `007` and `+1` are text: they would not come back as they were. */
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/
const BOOLEAN = /^(?:true|false)$/i

/** One type for each column; empty cells say nothing, a column without others is text. */
export function csvTypes(columnCount: number, records: readonly (readonly string[])[]): readonly CsvType[] {
  return Array.from({ length: columnCount }, (_, index) => {
    const cells = records.map((record) => record[index] ?? '').filter((cell) => cell !== '')
    if (cells.length === 0) return 'text'
    if (cells.every((cell) => cellValue(cell, 'number') !== undefined)) return 'number'
    return cells.every((cell) => BOOLEAN.test(cell)) ? 'boolean' : 'text'
  })
}

/** The value of a cell, undefined where it is none of this type. An empty cell is null, in a text column empty text. */
export function cellValue(cell: string, type: CsvType): Value | undefined {
  if (type === 'text') return cell
  if (cell === '') return null
  if (type === 'boolean') return BOOLEAN.test(cell) ? cell.length === 4 : undefined
  if (!NUMBER.test(cell)) return undefined
  if (cell.length < 16) return Number(cell)
  try {
    return parseJson(cell)
  } catch {
    // Out of range.
    return undefined
  }
}
