/**
 * Aggregates by groups: what a slice adds to them. One or two columns that can be codes go through the group kernel, with COUNT, SUM and
 * AVG; all else, and rows that have a value elsewhere than in its column, row by row.
 */
import { type CodeColumn, type KernelColumn } from '../kernel/kernels.js'
import * as layout from '../page/page-layout.js'
import { type AggregateQuery } from './aggregate-query.js'
import { FieldReader } from './field-reader.js'
import { GroupCells } from './group-cells.js'
import { GroupCodes, keepOf, withOthers, type SliceCodes } from './group-codes.js'
import { GroupedRows } from './grouped-rows.js'
import { CountStates, type GroupTable } from './group-table.js'
import { floatsIn, kernelColumn } from './kernel-column.js'
import { ALL } from './mask.js'
import { type PageSlice } from './page-slice.js'
import { type ScanTable } from './scan-table.js'
import { selectedRows } from './selected-rows.js'
import { SumStates } from './sum-states.js'

/** A field that is counted or added up. */
type ValueField = { readonly reader: FieldReader; readonly states: readonly (CountStates | SumStates)[]; readonly isSum: boolean }

/** A field's cells in a slice; without a column nothing of it counts. */
type SliceValues = { readonly column: KernelColumn<'i32' | 'f64'> | undefined; readonly keep: number; readonly floats: number }

export class GroupAggregates {
  readonly #groups: GroupTable
  readonly #rows: GroupedRows
  readonly #codes: readonly GroupCodes[]
  readonly #fields: readonly ValueField[]
  readonly #rowCounts: readonly CountStates[]
  readonly #cells = new GroupCells()
  /** The kernel serves these columns and aggregates, where pages are as it needs them. */
  readonly #isServed: boolean

  constructor(table: ScanTable, query: AggregateQuery, groups: GroupTable) {
    const readers = query.groupBy.map((field) => new FieldReader(table, field))
    this.#groups = groups
    this.#rows = new GroupedRows(readers, query, groups)
    this.#codes = readers.map((reader) => new GroupCodes(reader))
    this.#isServed = readers.length <= 2 && query.aggregates.every(({ name }) => name !== 'min' && name !== 'max')
    const byField = new Map<string, (CountStates | SumStates)[]>()
    const rowCounts: CountStates[] = []
    query.aggregates.forEach(({ field }, index) => {
      const states = groups.states[index]
      if (field === null && states instanceof CountStates) rowCounts.push(states)
      else if (field !== null && (states instanceof CountStates || states instanceof SumStates)) {
        byField.set(field, [...(byField.get(field) ?? []), states])
      }
    })
    this.#rowCounts = rowCounts
    this.#fields = [...byField].map(([field, states]) => ({
      reader: new FieldReader(table, field),
      states,
      isSum: states.some((state) => state instanceof SumStates)
    }))
  }

  add(slice: PageSlice, mask: number): void {
    if (!this.#isServed || !this.#addByCodes(slice, mask)) this.#rows.add(slice.page, selectedRows(slice, mask))
  }

  finish(): void {
    this.#cells.flush(this.#groups, (field) => (field < 0 ? this.#rowCounts : (this.#fields[field]?.states ?? [])))
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
      const found = valuesOf(slice, field)
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
      const [stride, otherStride] = block.strides
      kernels.group(visible, {
        codes: codeColumn(first, stride),
        others: second === undefined ? undefined : codeColumn(second, otherStride),
        value: value === undefined ? undefined : (value.column ?? nothing(slice)),
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

/** A column of which no row has a value. */
function nothing(slice: PageSlice): KernelColumn<'i32'> {
  const { rows, scratch, page } = slice
  const states = scratch.take(rows)
  page.u8.fill(layout.STATE_NULL, states, states + rows)
  return { encoding: 'i32', values: page.beginAt * 4, states }
}

function valuesOf(slice: PageSlice, { reader, isSum }: ValueField): SliceValues | undefined {
  const { page, rows, scratch } = slice
  const column = page.columnNamed(reader.field)
  if (column === undefined) return reader.shapesWith(page) === undefined ? { column: undefined, keep: ALL, floats: 0 } : undefined
  const keep = keepOf(slice, column)
  if (keep === undefined) return undefined
  if (column.valueClass === layout.CLASS_UNTYPED) return { column: undefined, keep, floats: 0 }
  if (column.valueClass !== layout.CLASS_NUMBER) {
    // Only keys can be numbers, too.
    if (isSum && column.valueClass === layout.CLASS_KEY) return undefined
    // Texts and the like are counted; as no number is among them, SUM has nothing to say of them.
    if (isSum) return undefined
    const states = slice.statesAt(column)
    return { column: withOthers(slice, { encoding: 'i32', values: page.beginAt * 4, states }), keep, floats: 0 }
  }
  const cells = withOthers(slice, kernelColumn(slice, column)) as KernelColumn<'i32' | 'f64'>
  if (cells.encoding === 'i32') return { column: cells, keep, floats: 0 }
  if ((column.flags & layout.ALL_INTEGERS) !== 0) {
    const out = scratch.take(rows * 4)
    if (scratch.kernels.toIntegers(rows, cells as KernelColumn<'f64'>, out)) {
      return { column: { encoding: 'i32', values: out, states: cells.states }, keep, floats: 0 }
    }
  }
  return { column: cells, keep, floats: floatsIn(slice, column, slice.visible()) }
}
