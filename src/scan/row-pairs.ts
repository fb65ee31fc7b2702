/**
 * Whether two rows of pages hold the same document, many pairs at once: column by column over those pairs that no column has told apart
 * yet. What cells cannot say (values in the rest, fields without a column) is asked of the documents.
 */
import { equals, TRUE } from '../codec/value-equality.js'
import * as layout from '../page/page-layout.js'
import { type ColumnView, nameAt, type PageView, textBytes, textFrom } from '../page/page-view.js'
import { stateOf } from '../page/row-reader.js'
import { dictionaryText } from '../page/text-dictionary.js'
import { CompiledLoops } from './compiled-loop.js'
import { keepUnlikely, type ListedPairs, type PairsOfTile, takePairs } from './likely-column.js'
import { type ScanTable } from './scan-table.js'

/** Pairs of rows of two pages, both of one key. */
export type RowPairs = {
  readonly page: PageView
  readonly other: PageView
  /** By pair. */
  readonly rows: Int32Array
  readonly otherRows: Int32Array
}

/** A smaller part of the pairs says nothing about a column. */
const FEW_PAIRS = 8

type Columns = { readonly name: string; readonly column: ColumnView; readonly other: ColumnView }

/** For two pages: the columns that both have, and of each page whether a shape's fields are all among them; found when it is asked. */
type PagePair = {
  readonly columns: readonly Columns[]
  readonly covered: (boolean | undefined)[]
  readonly otherCovered: (boolean | undefined)[]
}

const comparers = new WeakMap<ScanTable, RowPairComparer>()

/** The one of a table and thread: what it knows of pairs of pages serves the next difference too. */
export function comparerOf(table: ScanTable): RowPairComparer {
  let known = comparers.get(table)
  if (known === undefined) comparers.set(table, (known = new RowPairComparer(table)))
  return known
}

export class RowPairComparer {
  readonly #table: ScanTable
  readonly #pairs = new WeakMap<PageView, WeakMap<PageView, PagePair>>()
  /** The column that told the greatest part of its pairs apart is asked first. */
  #likely = ''
  #pending = new Int32Array(0)

  constructor(table: ScanTable) {
    this.#table = table
  }

  /** Takes up pairs of versions of one page; see {@link takePairs}. */
  takePairs(page: PageView, listed: ListedPairs): number {
    return takePairs(page, this.#likely, listed)
  }

  /** Leaves those of the first `count` pairs that may be alike; returns how many. The others are not. */
  keepUnlikely(pairs: PairsOfTile, of: Int32Array, count: number): number {
    return this.#likely === '' ? count : keepUnlikely(pairs, this.#likely, of, count)
  }

  /** For the pairs with numbers `of[from, to)`: writes 1 to `same[number]` where the documents are equal. */
  compare(pairs: RowPairs, of: Int32Array, from: number, to: number, same: Uint8Array): void {
    const { page, other, rows, otherRows } = pairs
    const count = to - from
    if (this.#pending.length < count) this.#pending = new Int32Array(count * 2)
    const pending = this.#pending
    for (let index = 0; index < count; index++) pending[index] = of[from + index] as number
    const pagePair = this.#pagePair(page, other)
    const { columns } = pagePair
    const likely = columns.findIndex(({ name }) => name === this.#likely)
    let left = count
    let most = 0
    const withRest: Columns[] = []
    for (let index = 0; index < columns.length && left > 0; index++) {
      // The likely one changes places with the first.
      const both = columns[index === 0 ? Math.max(likely, 0) : index === likely ? 0 : index] as Columns
      const { name, column, other: otherColumn } = both
      const before = left
      if (((column.flags | otherColumn.flags) & layout.HAS_REST) !== 0) withRest.push(both)
      left = this.#keepAlike(pairs, column, otherColumn, pending, left)
      if (before * FEW_PAIRS >= count && (before - left) / before > most) {
        most = (before - left) / before
        this.#likely = name
      }
    }
    for (let index = 0; index < left; index++) {
      const pair = pending[index] as number
      const [row, otherRow] = [rows[pair] as number, otherRows[pair] as number]
      const isCovered =
        !withRest.some((both) => hasRest(both, page, row, other, otherRow)) && this.#isCovered(pagePair, page, row, other, otherRow)
      if (isCovered || equals(this.#table.rows.documentOf(page, row), this.#table.rows.documentOf(other, otherRow)) === TRUE) same[pair] = 1
    }
  }

  #pagePair(page: PageView, other: PageView): PagePair {
    let known = this.#pairs.get(page)
    if (known === undefined) this.#pairs.set(page, (known = new WeakMap<PageView, PagePair>()))
    let found = known.get(other)
    if (found === undefined) {
      const columns = page.columns.flatMap((column): Columns[] => {
        const name = nameAt(page.u8, column.nameAt, column.nameBytes)
        const otherColumn = other.columnNamed(name)
        const isKey = column.valueClass === layout.CLASS_KEY
        return otherColumn === undefined || isKey !== (otherColumn.valueClass === layout.CLASS_KEY)
          ? []
          : [{ name, column, other: otherColumn }]
      })
      known.set(other, (found = { columns, covered: [], otherCovered: [] }))
    }
    return found
  }

  #isCovered(pair: PagePair, page: PageView, row: number, other: PageView, otherRow: number): boolean {
    const code = page.shapeCodeOf(row)
    const isCovered = (pair.covered[code] ??= isCoveredShape(page, code, new Set(pair.columns.map(({ column }) => column.index))))
    if (!isCovered) return false
    const otherCode = other.shapeCodeOf(otherRow)
    const of = () => new Set(pair.columns.map(({ other: column }) => column.index))
    return (pair.otherCovered[otherCode] ??= isCoveredShape(other, otherCode, of()))
  }

  /** Leaves those of the first `count` numbers in `pending` that the column does not tell apart; returns how many. */
  #keepAlike(pairs: RowPairs, column: ColumnView, other: ColumnView, pending: Int32Array, count: number): number {
    const { page, other: otherPage } = pairs
    const cells = cellsOf(page, column)
    const others = cellsOf(otherPage, other)
    const isText = column.valueClass === layout.CLASS_TEXT
    // What stands in the cells says whether values are the same.
    const isPlain =
      column.valueClass === other.valueClass && (!isText || (column.dictionary === other.dictionary && isCodes(column, other)))
    if (column.valueClass === layout.CLASS_KEY || cells === undefined || others === undefined || !isPlain) {
      return this.#keepOneByOne(pairs, column, other, pending, count)
    }
    const isStated = column.statesAt >= 0 || other.statesAt >= 0
    const plain = isStated ? this.#plainFirst(pairs, column, other, pending, count) : count
    let kept = keepLoops.for(cells, others)(cells, column.dataAt, others, other.dataAt, pairs, pending, plain)
    for (let index = plain; index < count; index++) {
      const pair = pending[index] as number
      if (this.#isAlike(pairs, pair, column, other)) pending[kept++] = pair
    }
    return kept
  }

  /** Puts those pairs whose values are both plain before the others; returns how many they are. */
  #plainFirst(
    { page, other: otherPage, rows, otherRows }: RowPairs,
    column: ColumnView,
    other: ColumnView,
    pending: Int32Array,
    count: number
  ) {
    const { u8 } = page
    const { u8: otherU8 } = otherPage
    // A byte that is 0 where there are no states: those of the other one are looked at twice.
    const [at, of] = column.statesAt < 0 ? [other.statesAt, false] : [column.statesAt, true]
    const [otherAt, ofOther] = other.statesAt < 0 ? [column.statesAt, false] : [other.statesAt, true]
    let plain = 0
    for (let index = 0; index < count; index++) {
      const pair = pending[index] as number
      const row = rows[pair] as number
      const otherRow = otherRows[pair] as number
      const state = of ? (u8[at + row] as number) : (otherU8[at + otherRow] as number)
      const otherState = ofOther ? (otherU8[otherAt + otherRow] as number) : (u8[otherAt + row] as number)
      if ((state | otherState) !== 0) continue
      pending[index] = pending[plain] as number
      pending[plain++] = pair
    }
    return plain
  }

  #keepOneByOne(pairs: RowPairs, column: ColumnView, other: ColumnView, pending: Int32Array, count: number): number {
    // Both are the key of the row.
    if (column.valueClass === layout.CLASS_KEY && column.statesAt < 0 && other.statesAt < 0) return count
    let kept = 0
    for (let index = 0; index < count; index++) {
      const pair = pending[index] as number
      if (this.#isAlike(pairs, pair, column, other)) pending[kept++] = pair
    }
    return kept
  }

  /** True also where only the documents can say it. */
  #isAlike({ page, other: otherPage, rows, otherRows }: RowPairs, pair: number, column: ColumnView, other: ColumnView): boolean {
    const row = rows[pair] as number
    const otherRow = otherRows[pair] as number
    const state = stateOf(page, row, column)
    const otherState = stateOf(otherPage, otherRow, other)
    // A value in the rest may be equal to one of another class: 2^53 is.
    if (state === layout.STATE_REST || otherState === layout.STATE_REST) return true
    if (state !== otherState) return false
    return state !== layout.STATE_VALUE || this.#isSamePlain(page, row, column, otherPage, otherRow, other)
  }

  #isSamePlain(page: PageView, row: number, column: ColumnView, otherPage: PageView, otherRow: number, other: ColumnView): boolean {
    if (column.valueClass !== other.valueClass) return false
    if (column.valueClass === layout.CLASS_KEY) return true
    const cell = plainCell(page, row, column)
    const otherCell = plainCell(otherPage, otherRow, other)
    if (column.valueClass !== layout.CLASS_TEXT) return cell === otherCell
    const isCode = cell >>> 0 < layout.DICTIONARY_CODES_MAX
    const isOtherCode = otherCell >>> 0 < layout.DICTIONARY_CODES_MAX
    if (isCode && isOtherCode && column.dictionary === other.dictionary) return cell === otherCell
    // A text may be a code in one page and not in the other.
    const { heap } = this.#table.keys
    const text = isCode ? dictionaryText(heap, column.dictionary, cell) : 0
    const otherText = isOtherCode ? dictionaryText(heap, other.dictionary, otherCell) : 0
    const home = page.homeOf(isCode ? 0 : cell)
    const otherHome = otherPage.homeOf(isOtherCode ? 0 : otherCell)
    const memory = isCode ? heap.memory(text) : home.u8
    const otherMemory = isOtherCode ? heap.memory(otherText) : otherHome.u8
    const at = isCode ? heap.index(text) : home.at + (cell & layout.OFFSET_MASK)
    const otherAt = isOtherCode ? heap.index(otherText) : otherHome.at + (otherCell & layout.OFFSET_MASK)
    return isSameText(memory, at, otherMemory, otherAt)
  }
}

function hasRest({ column, other: otherColumn }: Columns, page: PageView, row: number, other: PageView, otherRow: number): boolean {
  return stateOf(page, row, column) === layout.STATE_REST || stateOf(other, otherRow, otherColumn) === layout.STATE_REST
}

function isSameText(memory: Uint8Array, at: number, otherMemory: Uint8Array, otherAt: number): boolean {
  const bytes = textBytes(memory, at)
  if (textBytes(otherMemory, otherAt) !== bytes) return false
  const from = textFrom(memory, at)
  const otherFrom = textFrom(otherMemory, otherAt)
  for (let index = 0; index < bytes; index++) if (memory[from + index] !== otherMemory[otherFrom + index]) return false
  return true
}

/** The number in a cell, or what stands for its text. */
function plainCell(page: PageView, row: number, { encoding, dataAt }: ColumnView): number {
  switch (encoding) {
    case layout.ENCODED_F64:
      return page.f64[dataAt + row] as number
    case layout.ENCODED_I32:
      return page.i32[dataAt + row] as number
    case layout.ENCODED_U16:
      return page.u16[dataAt + row] as number
    default:
      return page.u8[dataAt + row] as number
  }
}

function isCoveredShape(page: PageView, code: number, columns: ReadonlySet<number>): boolean {
  const record = page.shapeRecordAt(code)
  for (let position = 0; position < (page.i32[record] as number); position++) {
    if (!columns.has(((page.i32[record + 2 + position * 2] as number) & 0xffff) - 1)) return false
  }
  return true
}

type Cells = Uint8Array | Uint16Array | Int32Array | Float64Array

function cellsOf(page: PageView, { encoding }: ColumnView): Cells | undefined {
  switch (encoding) {
    case layout.ENCODED_F64:
      return page.f64
    case layout.ENCODED_I32:
      return page.i32
    case layout.ENCODED_U16:
      return page.u16
    case layout.ENCODED_U8:
      return page.u8
    default:
      return undefined
  }
}

/** No cell is a reference. */
function isCodes(column: ColumnView, other: ColumnView): boolean {
  return column.encoding !== layout.ENCODED_I32 && other.encoding !== layout.ENCODED_I32
}

type KeepLoop = (a: Cells, at: number, b: Cells, bt: number, pairs: RowPairs, pending: Int32Array, count: number) => number

const keepLoops = new CompiledLoops<KeepLoop>(['a', 'at', 'b', 'bt', 'pairs', 'pending', 'count'], () => KEEP_EQUAL)

const KEEP_EQUAL = `
  const { rows, otherRows } = pairs
  let kept = 0
  for (let index = 0; index < count; index++) {
    const pair = pending[index]
    pending[kept] = pair
    kept += a[at + rows[pair]] === b[bt + otherRows[pair]] ? 1 : 0
  }
  return kept`
