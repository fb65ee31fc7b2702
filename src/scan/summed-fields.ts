/** The fields that the kernels for groups and sweeps count and add up, and their cells in a slice. */
import { type KernelColumn } from '../kernel/kernels.js'
import * as layout from '../page/page-layout.js'
import { type AggregateQuery } from './aggregate-query.js'
import { FieldReader } from './field-reader.js'
import { keepOf, withOthers } from './group-codes.js'
import { CountStates, type GroupTable } from './group-table.js'
import { floatsIn, kernelColumn } from './kernel-column.js'
import { ALL } from './mask.js'
import { type PageSlice } from './page-slice.js'
import { type ScanTable } from './scan-table.js'
import { FLOATS_MAYBE, SumStates } from './sum-states.js'

/** A field that is counted or added up. */
export type SummedField = { readonly reader: FieldReader; readonly states: readonly (CountStates | SumStates)[]; readonly isSum: boolean }

/** A field's cells in a slice; without a column nothing of it counts. */
export type SliceValues = { readonly column: KernelColumn<'i32' | 'f64'> | undefined; readonly keep: number; readonly floats: number }

/** MIN and MAX are not among what kernels do for groups. */
export function isSummed({ aggregates }: AggregateQuery): boolean {
  return aggregates.every(({ name }) => name !== 'min' && name !== 'max')
}

/** Each field of COUNT, SUM and AVG once. */
export function summedFields(table: ScanTable, { aggregates }: AggregateQuery, groups: GroupTable): SummedField[] {
  const byField = new Map<string, (CountStates | SumStates)[]>()
  aggregates.forEach(({ field }, index) => {
    const states = groups.states[index]
    if (field === null || !(states instanceof CountStates || states instanceof SumStates)) return
    byField.set(field, [...(byField.get(field) ?? []), states])
  })
  return [...byField].map(([field, states]) => {
    return { reader: new FieldReader(table, field), states, isSum: states.some((state) => state instanceof SumStates) }
  })
}

export function rowCountsOf({ aggregates }: AggregateQuery, groups: GroupTable): CountStates[] {
  return aggregates.flatMap(({ field }, index) => {
    const states = groups.states[index]
    return field === null && states instanceof CountStates ? [states] : []
  })
}

/** A column of which no row has a value. */
export function noValues(slice: PageSlice): KernelColumn<'i32'> {
  const { rows, scratch, page } = slice
  const states = scratch.take(rows)
  page.u8.fill(layout.STATE_NULL, states, states + rows)
  return { encoding: 'i32', values: page.beginAt * 4, states }
}

/** Undefined where kernels do not serve them. `seen`: the rows of the slice that are asked for are those at its point, or any. */
export function valuesOf(slice: PageSlice, { reader, isSum }: SummedField, seen: 'at-point' | 'ever'): SliceValues | undefined {
  const { page, rows, scratch } = slice
  const column = page.columnNamed(reader.field)
  if (column === undefined) return reader.shapesWith(page) === undefined ? { column: undefined, keep: ALL, floats: 0 } : undefined
  const keep = keepOf(slice, column)
  if (keep === undefined) return undefined
  if (column.valueClass === layout.CLASS_UNTYPED) return { column: undefined, keep, floats: 0 }
  if (column.valueClass !== layout.CLASS_NUMBER) {
    // Texts and the like are only counted here. Keys may be numbers, too.
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
  const isKnown = seen === 'at-point' || (column.flags & layout.HAS_BOUNDS) !== 0
  return { column: cells, keep, floats: isKnown ? floatsIn(slice, column, slice.visible()) : FLOATS_MAYBE }
}
