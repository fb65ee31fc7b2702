/**
 * Aggregates by groups: what a slice adds to them. One or two columns that can be codes go through the group kernel, with COUNT, SUM and
 * AVG; all else, and rows that have a value elsewhere than in its column, row by row.
 */
import { type CodeColumn } from '../kernel/kernels.js'
import { type AggregateQuery } from './aggregate-query.js'
import { CodeNumbers } from './code-numbers.js'
import { FieldReader } from './field-reader.js'
import { addCells, filledCells, GroupCells } from './group-cells.js'
import { GroupCodes, type SliceCodes } from './group-codes.js'
import { GroupedRows } from './grouped-rows.js'
import { type CountStates, type GroupTable } from './group-table.js'
import { ALL } from './mask.js'
import { type PageSlice } from './page-slice.js'
import { type ScanTable } from './scan-table.js'
import { packable, packInto } from './packed-cells.js'
import { selectedRows } from './selected-rows.js'
import { isSummed, noValues, rowCountsOf, type SliceValues, type SummedField, summedFields, valuesOf } from './summed-fields.js'

/** A block of more cells is not worth it: many of them would be for groups that are not there. */
const CELLS_BYTES_MAX = 128 * 1024

export class GroupAggregates {
  readonly #groups: GroupTable
  readonly #rows: GroupedRows
  readonly #codes: readonly GroupCodes[]
  readonly #fields: readonly SummedField[]
  readonly #rowCounts: readonly CountStates[]
  readonly #cells = new GroupCells(CELLS_BYTES_MAX)
  /** The kernel serves these columns and aggregates, where pages are as it needs them. */
  readonly #isServed: boolean

  constructor(table: ScanTable, query: AggregateQuery, groups: GroupTable) {
    const readers = query.groupBy.map((field) => new FieldReader(table, field))
    this.#groups = groups
    this.#rows = new GroupedRows(readers, query, groups)
    this.#codes = readers.map((reader) => new GroupCodes(reader))
    this.#isServed = readers.length <= 2 && isSummed(query)
    this.#rowCounts = rowCountsOf(query, groups)
    this.#fields = summedFields(table, query, groups)
  }

  add(slice: PageSlice, mask: number): void {
    if (!this.#isServed || !this.#addByCodes(slice, mask)) this.#rows.add(slice.page, selectedRows(slice, mask))
  }

  endTile(): void {}

  finish(): void {
    this.#cells.unpack()
    const numbersOf = this.#codes.map((_, column) => new CodeNumbers(this.#groups, column))
    for (const block of this.#cells.blocks) {
      const { codes, others, words } = filledCells(block)
      const numbers = block.spaces.map((space, column) => (numbersOf[column] as CodeNumbers).of(space, column === 0 ? codes : others))
      this.#groups.reserve(words.length)
      const groups = this.#groups.groupsOf(numbers, words.length)
      addCells(block, words, groups, block.field === 0 ? this.#rowCounts : [], this.#fields[block.field]?.states ?? [])
    }
  }

  release(): void {
    this.#cells.release()
  }

  #addByCodes(slice: PageSlice, mask: number): boolean {
    const codes: SliceCodes[] = []
    for (const column of this.#codes) {
      const found = column.of(slice)
      if (found === undefined) return false
      codes.push(found)
    }
    const values: SliceValues[] = []
    for (const field of this.#fields) {
      const found = valuesOf(slice, field, 'at-point')
      if (found === undefined) return false
      values.push(found)
    }
    const { rows, scratch } = slice
    const { kernels } = scratch
    // Rows that every column speaks for; the others come after.
    let kept = ALL
    for (const { keep } of [...codes, ...values]) {
      if (keep === ALL) continue
      if (kept === ALL) kept = keep
      else kernels.and(rows, kept, keep, kept)
    }
    const spaces = codes.map(({ space }) => space)
    const blocks = (values.length === 0 ? [undefined] : values).map((value, field) =>
      this.#cells.of(scratch, spaces, field, value?.column?.encoding ?? 'i32')
    )
    if (!blocks.every((block) => block !== undefined)) return false
    let wanted = mask
    if (kept !== ALL) {
      wanted = kept
      if (mask !== ALL) {
        wanted = scratch.take(rows)
        kernels.and(rows, mask, kept, wanted)
      }
      const left = scratch.take(rows)
      kernels.not(rows, kept, left)
      if (mask !== ALL) kernels.and(rows, mask, left, left)
      this.#rows.add(slice.page, selectedRows(slice, left))
    }
    const visible = slice.visible(wanted)
    const [first, second] = codes as [SliceCodes, SliceCodes | undefined]
    blocks.forEach((block, field) => {
      const value = values[field]
      if (value !== undefined && value.floats > block.floats) block.floats = value.floats
      const packed = packable(rows, codes, value) ? this.#cells.packedOf(block, 0) : undefined
      if (packed !== undefined) {
        packed.begin(rows)
        kernels.packGroup(visible, packInto(packed, scratch, [first, second], value?.column?.values))
        return
      }
      const [stride, otherStride] = block.strides
      kernels.group(visible, {
        codes: codeColumn(first, stride),
        others: second === undefined ? undefined : codeColumn(second, otherStride),
        value: value === undefined ? undefined : (value.column ?? noValues(slice)),
        cells: block.at
      })
    })
    return true
  }
}

/** Field by field: to spread objects of several shapes costs more than the rows of a small page. */
function codeColumn({ column: { encoding, values, states }, space: { nullCode } }: SliceCodes, stride: number): CodeColumn {
  return { encoding, values, states, stride, nullCode }
}
