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
import { type PageView } from './page-view.js'

/**
 * How rows of one page are copied into a chunk. All of it is one short array, because there is one for each chunk and each page before it,
 * and a patch meets any of them: where each way's pairs end, a word each, then pairs of (index of row 0 there, index of row 0 here).
 */
export type CellCopies = {
  readonly pairs: Int32Array
  /** Columns that the page there does not have. */
  readonly missing: readonly number[]
  /** Shape codes here by shape codes there. */
  readonly codes: (number | undefined)[]
}

const F64 = 0
const I32_TO_F64 = 1
const I32 = 2
const U16_TO_I32 = 3
const U8_TO_I32 = 4
const U8 = 5
const STATES = 6
const WAYS = 7

/** How rows of `from` are copied into `to`, a chunk without rows of later pages. */
export function cellCopies(from: OpenPage, to: OpenPage, cells: ChunkCells): CellCopies {
  const ways: number[][] = Array.from({ length: WAYS }, () => [])
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
    if (way >= 0) (ways[way] as number[]).push(other.dataAt, column.dataAt)
    if (other.statesAt >= 0) (ways[STATES] as number[]).push(other.statesAt, column.statesAt)
    // What is all integers, or without rests, stays so only if it was there: the flags of any page but this one are final.
    if (other.valueClass === layout.CLASS_NUMBER && (other.flags & layout.ALL_INTEGERS) === 0) cells.setFlag(index, layout.ALL_INTEGERS, 0)
    if ((other.flags & layout.HAS_REST) !== 0) cells.setFlag(index, 0, layout.HAS_REST)
  })
  let end = WAYS
  const ends = ways.map(({ length }) => (end += length))
  return { pairs: Int32Array.from([...ends, ...ways.flat()]), missing, codes: [] }
}

/** Copies the values of a row; its states are {@link copyStates}' part. */
export function copyValues({ pairs }: CellCopies, from: PageView, fromRow: number, to: PageView, row: number): void {
  const { u8, i32, f64 } = to
  let at = WAYS
  let end = pairs[F64] as number
  if (at < end) {
    const source = from.f64
    for (; at < end; at += 2) f64[(pairs[at + 1] as number) + row] = source[(pairs[at] as number) + fromRow] as number
  }
  end = pairs[I32_TO_F64] as number
  if (at < end) {
    const source = from.i32
    for (; at < end; at += 2) f64[(pairs[at + 1] as number) + row] = source[(pairs[at] as number) + fromRow] as number
  }
  end = pairs[I32] as number
  if (at < end) {
    const source = from.i32
    for (; at < end; at += 2) i32[(pairs[at + 1] as number) + row] = source[(pairs[at] as number) + fromRow] as number
  }
  end = pairs[U16_TO_I32] as number
  if (at < end) {
    const source = from.u16
    for (; at < end; at += 2) i32[(pairs[at + 1] as number) + row] = source[(pairs[at] as number) + fromRow] as number
  }
  end = pairs[U8_TO_I32] as number
  if (at < end) {
    const source = from.u8
    for (; at < end; at += 2) i32[(pairs[at + 1] as number) + row] = source[(pairs[at] as number) + fromRow] as number
  }
  end = pairs[U8] as number
  for (; at < end; at += 2) u8[(pairs[at + 1] as number) + row] = from.u8[(pairs[at] as number) + fromRow] as number
}

export function copyStates({ pairs }: CellCopies, from: PageView, fromRow: number, to: PageView, row: number): void {
  const { u8 } = to
  for (let at = pairs[STATES - 1] as number; at < (pairs[STATES] as number); at += 2) {
    u8[(pairs[at + 1] as number) + row] = from.u8[(pairs[at] as number) + fromRow] as number
  }
}

/** -1: nothing is to be copied. */
function wayOf(valueClass: number, encoding: number): number {
  switch (valueClass) {
    case layout.CLASS_NUMBER:
    case layout.CLASS_TIME:
      return encoding === layout.ENCODED_F64 ? F64 : I32_TO_F64
    case layout.CLASS_BOOLEAN:
      return U8
    case layout.CLASS_TEXT:
      return encoding === layout.ENCODED_I32 ? I32 : encoding === layout.ENCODED_U16 ? U16_TO_I32 : U8_TO_I32
    default:
      return -1
  }
}

function copyFault(what: string): DriftError {
  return new DriftError('INVARIANT', `FMT-8: a chunk cannot take over rows of its rectangle: ${what}`, { law: 'FMT-8' })
}
