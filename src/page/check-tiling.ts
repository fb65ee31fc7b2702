/**
 * Looks through all pages of a table and says what does not hold: rectangles that do not tile the plane, rows outside of their rectangle,
 * versions that overlap, counts, zone maps and flags that are not true, pages of which too little is visible. It reads what any reader
 * reads, so that the doctor can run it too; an answer of nothing means that all of it holds.
 */
import { compareKeys } from '../codec/key-codec.js'
import { type KeyTable } from './key-table.js'
import { type PageDirectory, type Past, type RangeEntry, tilesAt } from './page-directory.js'
import { isHandle, type PageHandle, type PagePins, type SealedPage } from './page-handle.js'
import * as layout from './page-layout.js'
import { type ColumnView, type PageView } from './page-view.js'
import { cellOf, numberOf, RestCursor, stateOf } from './row-reader.js'

export type TilingFinding = {
  readonly law: string
  readonly message: string
  /** Of which it is said, where it may leave memory. */
  readonly page?: PageHandle
}

export type TilingOptions = {
  /** Rows of a full page: with it the live share of sealed pages is checked. */
  readonly pageRows?: number
  /** At so many seqs, evenly, the tiling is checked; by default at each seq at which it changes. */
  readonly pointsMax?: number
  /** Where sealed pages may be gone from memory. */
  readonly pins?: PagePins
}

/** Rows per live row of a sealed page: the split happens at the event that reaches 2, and a delete takes one live row. */
const ROWS_PER_ALIVE = 2
const ROWS_OVER = 3

export function checkTiling(
  source: { readonly directory: PageDirectory<SealedPage>; readonly keys: KeyTable },
  options: TilingOptions = {}
): TilingFinding[] {
  const check = new TilingCheck(source.directory, source.keys, options)
  check.run()
  return check.findings
}

class TilingCheck {
  readonly findings: TilingFinding[] = []
  readonly #directory: PageDirectory<SealedPage>
  readonly #keys: KeyTable
  readonly #options: TilingOptions
  /** The sealed page that is looked at, where it is told by a handle. */
  #handle: PageHandle | undefined

  constructor(directory: PageDirectory<SealedPage>, keys: KeyTable, options: TilingOptions) {
    this.#directory = directory
    this.#keys = keys
    this.#options = options
  }

  run(): void {
    const { ranges } = this.#directory
    const edges = new Set<number>([0])
    const sealed = new Map<SealedPage, { readonly t0: number; readonly t1: number }>()
    ranges.forEach((range, index) => {
      edges.add(range.t0)
      collect(range.past, edges, sealed)
      this.#checkOpen(range, ranges[index + 1]?.low)
    })
    for (const [each, { t0, t1 }] of sealed) this.#checkSealed(each, t0, t1)
    this.#checkPlane([...edges].sort((one, other) => one - other))
  }

  #checkSealed(sealed: SealedPage, t0: number, t1: number): void {
    const { pins } = this.#options
    const page = isHandle(sealed) ? pins?.pin(sealed) : sealed
    if (page === undefined) {
      this.#say('MEM-7', undefined, 'a page is told by a handle, and nothing is there to pin it')
      return
    }
    this.#handle = isHandle(sealed) ? sealed : undefined
    try {
      if (page.kind !== layout.SEALED || page.t0 !== t0 || page.t1 !== t1)
        this.#say('VIS-8', page, `[${page.t0}, ${page.t1}) is not [${t0}, ${t1})`)
      this.#checkSorted(page, page.lowKey, page.highKey)
      this.#checkShare(page)
    } finally {
      this.#handle = undefined
      if (isHandle(sealed)) pins?.unpin(page)
    }
  }

  #say(law: string, page: SealedPage | undefined, message: string): void {
    const handle = this.#handle ?? (page !== undefined && isHandle(page) ? page : undefined)
    if (handle !== undefined) this.findings.push({ law, message: `sealed page ${handle.number}: ${message}`, page: handle })
    else this.findings.push({ law, message: page === undefined || isHandle(page) ? message : `page at ${page.address}: ${message}` })
  }

  /**
   * At each S the rectangles follow each other without a gap, from the first key to the last, and have S between their seqs; open ones
   * answer for the seq in front of theirs too.
   */
  #checkPlane(edges: readonly number[]): void {
    const step = Math.max(1, Math.ceil(edges.length / (this.#options.pointsMax ?? Infinity)))
    for (let index = 0; index < edges.length; index += step) {
      const S = edges[index] as number
      const tiles = tilesAt(this.#directory, S)
      let high: Uint8Array | undefined = new Uint8Array(0)
      for (const tile of tiles) {
        if (high === undefined || compareKeys(tile.low, high) !== 0)
          this.#say('VIS-7', tile.page, `at ${S} a rectangle does not begin where the one before ends`)
        const from = tile.t1 === Infinity ? tile.t0 - 1 : tile.t0
        if (S < from || S >= tile.t1) this.#say('VIS-7', tile.page, `[${tile.t0}, ${tile.t1}) stands for ${S}`)
        ;({ high } = tile)
      }
      if (tiles.length === 0 || high !== undefined) this.#say('VIS-7', undefined, `at ${S} no rectangle has the last keys`)
    }
  }

  #checkOpen({ low, t0, base, chunks }: RangeEntry<SealedPage>, high: Uint8Array | undefined): void {
    const alive = new Set<number>()
    for (const page of base === undefined ? chunks : [base, ...chunks]) {
      if (page.t1 !== Infinity) this.#say('VIS-7', page, 'an open page has an end')
      if (page === base) {
        if (page.kind !== layout.BASE || page.t0 !== t0) this.#say('VIS-7', page, 'the base is not of its rectangle')
        this.#checkSorted(page, low, high)
      } else this.#checkDelta(page, low, high)
      for (let row = 0; row < page.rowCount; row++) {
        if (page.endOf(row) !== Infinity) continue
        if (alive.has(page.ordinalOf(row))) this.#say('VIS-2', page, `ordinal ${page.ordinalOf(row)} has two current versions`)
        alive.add(page.ordinalOf(row))
      }
    }
  }

  #checkSorted(page: PageView, low: Uint8Array, high: Uint8Array | undefined): void {
    this.#checkPage(page, low, high)
    for (let row = 1; row < page.rowCount; row++) {
      const order = this.#keys.compare(page.ordinalOf(row - 1), page.ordinalOf(row))
      if (order > 0) this.#say('VIS-7', page, `row ${row} is not in key order`)
      if (order === 0 && page.endOf(row - 1) > page.beginOf(row))
        this.#say('VIS-3', page, `row ${row} begins before the version before it ends`)
    }
  }

  #checkDelta(page: PageView, low: Uint8Array, high: Uint8Array | undefined): void {
    if (page.kind !== layout.DELTA) this.#say('VIS-7', page, 'a chunk of a delta is none')
    this.#checkPage(page, low, high)
    for (let row = 1; row < page.rowCount; row++) {
      if (page.beginOf(row) <= page.beginOf(row - 1)) this.#say('VIS-7', page, `row ${row} is not in seq order`)
    }
  }

  #checkPage(page: PageView, low: Uint8Array, high: Uint8Array | undefined): void {
    let alive = 0
    for (let row = 0; row < page.rowCount; row++) {
      const ordinal = page.ordinalOf(row)
      const [begin, end] = [page.beginOf(row), page.endOf(row)]
      if (end === Infinity) alive++
      if (begin >= end) this.#say('VIS-1', page, `row ${row} lives [${begin}, ${end})`)
      // The first event of a rectangle may end what was copied into it: then the row is visible nowhere in it.
      if (begin >= page.t1 || end < page.t0 || (end !== Infinity && end >= page.t1)) {
        this.#say('VIS-7', page, `row ${row} lives [${begin}, ${end}), outside of [${page.t0}, ${page.t1})`)
      }
      if (this.#keys.compareTo(ordinal, low) < 0 || (high !== undefined && this.#keys.compareTo(ordinal, high) >= 0)) {
        this.#say('VIS-7', page, `row ${row} has a key outside of its range`)
      }
      this.#checkBounds(page, row)
      this.#checkShape(page, row)
    }
    if (alive !== page.aliveCount) this.#say('VIS-10', page, `${alive} rows are alive, not ${page.aliveCount}`)
    for (const column of page.columns) this.#checkColumn(page, column)
  }

  #checkBounds(page: PageView, row: number): void {
    const begin = page.i32[page.beginAt + row] as number
    const end = page.i32[page.endAt + row] as number
    const isWithin =
      begin >= page.word(layout.BEGIN_MIN) &&
      begin <= page.word(layout.BEGIN_MAX) &&
      end >= page.word(layout.END_MIN) &&
      end <= page.word(layout.END_MAX)
    if (!isWithin) this.#say('VIS-10', page, `row ${row} is outside of the bounds of begin and end`)
  }

  /** Every field of the row's shape stands in a column or in the rest, and no column says that it has another one. */
  #checkShape(page: PageView, row: number): void {
    if (page.shapeCodeOf(row) >= page.shapeCount) {
      this.#say('FMT-8', page, `row ${row} has no shape`)
      return
    }
    const record = page.shapeRecordAt(page.shapeCodeOf(row))
    const rest = new Set<number>()
    for (const cursor = new RestCursor(page, row); cursor.next();) rest.add(cursor.position)
    const there = new Set<number>()
    for (let position = 0; position < (page.i32[record] as number); position++) {
      const index = ((page.i32[record + 2 + position * 2] as number) & 0xffff) - 1
      const column = page.columns[index]
      there.add(index)
      const state = column === undefined ? layout.STATE_REST : stateOf(page, row, column)
      if (state === layout.STATE_ABSENT || (state === layout.STATE_REST && !rest.has(position))) {
        this.#say('FMT-8', page, `row ${row} does not have field ${position} of its shape`)
      }
    }
    for (const column of page.columns) {
      if (stateOf(page, row, column) !== layout.STATE_ABSENT && !there.has(column.index)) {
        this.#say('FMT-8', page, `row ${row} has a value for a field that its shape does not name`)
      }
    }
  }

  #checkColumn(page: PageView, column: ColumnView): void {
    const { flags, valueClass, min, max } = column
    const isNumeric = valueClass === layout.CLASS_NUMBER || valueClass === layout.CLASS_TIME || valueClass === layout.CLASS_BOOLEAN
    for (let row = 0; row < page.rowCount; row++) {
      const state = stateOf(page, row, column)
      if (state === layout.STATE_REST && (flags & layout.HAS_REST) === 0)
        this.#say('VIS-10', page, `column ${column.index} hides the rest of row ${row}`)
      if (state !== layout.STATE_VALUE) continue
      if (valueClass === layout.CLASS_TEXT) {
        const cell = cellOf(page, row, column) >>> 0
        if (cell >= layout.DICTIONARY_CODES_MAX && page.siblings[cell >>> layout.SIBLING_SHIFT] === undefined) {
          this.#say('FMT-8', page, `row ${row} refers to a page that is not there`)
        }
      }
      if (!isNumeric) continue
      const value = numberOf(page, row, column)
      if ((flags & layout.HAS_BOUNDS) !== 0 && (value < min || value > max)) {
        this.#say('VIS-10', page, `column ${column.index}: ${value} in row ${row} is outside of [${min}, ${max}]`)
      }
      if ((flags & layout.ALL_INTEGERS) !== 0 && !Number.isInteger(value))
        this.#say('VIS-10', page, `column ${column.index}: ${value} is no integer`)
    }
  }

  #checkShare(page: PageView): void {
    const { pageRows } = this.#options
    if (pageRows === undefined) return
    const rowsMax = ROWS_PER_ALIVE * Math.max(page.aliveCount, pageRows / 8) + ROWS_OVER
    if (page.rowCount > rowsMax) this.#say('VIS-9', page, `${page.aliveCount} of ${page.rowCount} rows were alive when it was sealed`)
  }
}

function collect(past: Past<SealedPage>, edges: Set<number>, sealed: Map<SealedPage, { readonly t0: number; readonly t1: number }>): void {
  edges.add(past.since)
  for (const { t0, t1, page } of past.slices.slice(0, past.sliceCount)) {
    edges.add(t0)
    if (page !== undefined) sealed.set(page, { t0, t1 })
  }
  for (const parent of past.parents) collect(parent, edges, sealed)
}
