/**
 * The cells of a row of one page of a rectangle into a chunk of the same: how a PATCH begins. Texts and rests are referred to, not copied.
 *
 * The target of a number is always f64, of a text always i32, so there are six ways to copy a cell. One short loop for each: the cells of
 * a row lie in as many lines of the cache, and the processor waits for all of them at once only where little stands between (measured:
 * half the time of one loop that branches).
 */
import { DriftError } from '../base/errors.js'
import { type ChunkCells } from './chunk-cells.js'
import { type OpenPage } from './open-page.js'
import * as layout from './page-layout.js'

/** Pairs of (index of row 0 there, index of row 0 here) for each way to copy a cell. */
export type CellCopies = {
  readonly f64: Int32Array
  readonly i32ToF64: Int32Array
  readonly u8: Int32Array
  readonly i32: Int32Array
  readonly u16ToI32: Int32Array
  readonly u8ToI32: Int32Array
  readonly states: Int32Array
  /** Columns that the page there does not have. */
  readonly missing: readonly number[]
  /** Shape codes here by shape codes there. */
  readonly codes: (number | undefined)[]
}

type Way = 'f64' | 'i32ToF64' | 'u8' | 'i32' | 'u16ToI32' | 'u8ToI32'

/** How rows of `from` are copied into `to`, a chunk without rows of later pages. */
export function cellCopies(from: OpenPage, to: OpenPage, cells: ChunkCells): CellCopies {
  const ways: Record<Way | 'states', number[]> = { f64: [], i32ToF64: [], u8: [], i32: [], u16ToI32: [], u8ToI32: [], states: [] }
  const missing: number[] = []
  for (const { index } of from.view.columns) {
    if (to.columnOf(from.fieldOfColumn(index)) < 0) throw copyFault('a column is missing')
  }
  to.view.columns.forEach((column, index) => {
    const other = from.view.columns[from.columnOf(to.fieldOfColumn(index))]
    if (other === undefined) {
      missing.push(index)
      return
    }
    if (other.valueClass !== column.valueClass && other.valueClass !== layout.CLASS_UNTYPED) throw copyFault('a column changed its class')
    const way = wayOf(other.valueClass, other.encoding)
    if (way !== undefined) ways[way].push(other.dataAt, column.dataAt)
    if (other.statesAt >= 0) ways.states.push(other.statesAt, column.statesAt)
    // What is all integers, or without rests, stays so only if it was there: the flags of any page but this one are final.
    if (other.valueClass === layout.CLASS_NUMBER && (other.flags & layout.ALL_INTEGERS) === 0) cells.setFlag(index, layout.ALL_INTEGERS, 0)
    if ((other.flags & layout.HAS_REST) !== 0) cells.setFlag(index, 0, layout.HAS_REST)
  })
  return {
    f64: Int32Array.from(ways.f64),
    i32ToF64: Int32Array.from(ways.i32ToF64),
    u8: Int32Array.from(ways.u8),
    i32: Int32Array.from(ways.i32),
    u16ToI32: Int32Array.from(ways.u16ToI32),
    u8ToI32: Int32Array.from(ways.u8ToI32),
    states: Int32Array.from(ways.states),
    missing,
    codes: []
  }
}

/** Copies the values of a row; its states are {@link copyStates}' part. */
export function copyValues(copies: CellCopies, from: OpenPage, fromRow: number, to: OpenPage, row: number): void {
  const source = from.view
  const { u8, i32, f64 } = to.view
  let pairs = copies.i32
  if (pairs.length > 0) {
    const { i32: words } = source
    for (let at = 0; at < pairs.length; at += 2) i32[(pairs[at + 1] as number) + row] = words[(pairs[at] as number) + fromRow] as number
  }
  pairs = copies.f64
  if (pairs.length > 0) {
    const { f64: floats } = source
    for (let at = 0; at < pairs.length; at += 2) f64[(pairs[at + 1] as number) + row] = floats[(pairs[at] as number) + fromRow] as number
  }
  pairs = copies.i32ToF64
  if (pairs.length > 0) {
    const { i32: words } = source
    for (let at = 0; at < pairs.length; at += 2) f64[(pairs[at + 1] as number) + row] = words[(pairs[at] as number) + fromRow] as number
  }
  pairs = copies.u8ToI32
  if (pairs.length > 0) {
    const { u8: bytes } = source
    for (let at = 0; at < pairs.length; at += 2) i32[(pairs[at + 1] as number) + row] = bytes[(pairs[at] as number) + fromRow] as number
  }
  pairs = copies.u16ToI32
  if (pairs.length > 0) {
    const { u16 } = source
    for (let at = 0; at < pairs.length; at += 2) i32[(pairs[at + 1] as number) + row] = u16[(pairs[at] as number) + fromRow] as number
  }
  pairs = copies.u8
  if (pairs.length > 0) {
    const { u8: bytes } = source
    for (let at = 0; at < pairs.length; at += 2) u8[(pairs[at + 1] as number) + row] = bytes[(pairs[at] as number) + fromRow] as number
  }
}

export function copyStates({ states }: CellCopies, from: OpenPage, fromRow: number, to: OpenPage, row: number): void {
  to.hasStates = true
  const source = from.view.u8
  const { u8 } = to.view
  for (let at = 0; at < states.length; at += 2) u8[(states[at + 1] as number) + row] = source[(states[at] as number) + fromRow] as number
}

function wayOf(valueClass: number, encoding: number): Way | undefined {
  switch (valueClass) {
    case layout.CLASS_NUMBER:
    case layout.CLASS_TIME:
      return encoding === layout.ENCODED_F64 ? 'f64' : 'i32ToF64'
    case layout.CLASS_BOOLEAN:
      return 'u8'
    case layout.CLASS_TEXT:
      return encoding === layout.ENCODED_I32 ? 'i32' : encoding === layout.ENCODED_U16 ? 'u16ToI32' : 'u8ToI32'
    default:
      return undefined
  }
}

function copyFault(what: string): DriftError {
  return new DriftError('INVARIANT', `FMT-8: a chunk cannot take over rows of its rectangle: ${what}`, { law: 'FMT-8' })
}
