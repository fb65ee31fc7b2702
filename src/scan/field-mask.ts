/** The mask of a condition on one field: see `page-mask.ts`. */
import { MASK_FALSE, MASK_TRUE } from '../kernel/kernels.js'
import * as layout from '../page/page-layout.js'
import { type ColumnView } from '../page/page-view.js'
import { type FieldCondition } from './condition.js'
import { FieldReader } from './field-reader.js'
import { kernelColumn } from './kernel-column.js'
import { type NumberCheck, numberChecks, pagesAnswer } from './number-check.js'
import { ALL, NONE } from './mask.js'
import { type PageMask, type PageSlice } from './page-slice.js'
import { type ScanTable } from './scan-table.js'
import { TextCheck } from './text-check.js'
import { type ValueTest, valueTest } from './value-test.js'

/** Bits of a set of states. */
const IS_PLAIN = 1 << layout.STATE_VALUE
const IS_NULL = (1 << layout.STATE_NULL) | (1 << layout.STATE_ABSENT)

export class FieldMask implements PageMask {
  readonly #condition: FieldCondition
  readonly #reader: FieldReader
  readonly #test: ValueTest
  readonly #onNumbers: NumberCheck
  readonly #onTimes: NumberCheck
  readonly #onBooleans: NumberCheck
  readonly #onTexts: TextCheck

  constructor(condition: FieldCondition, table: ScanTable) {
    this.#condition = condition
    this.#reader = new FieldReader(table, condition.field)
    this.#test = valueTest(condition)
    const checks = numberChecks(condition)
    this.#onNumbers = checks.numbers
    this.#onTimes = checks.times
    this.#onBooleans = checks.booleans
    this.#onTexts = new TextCheck(condition, this.#test, table.texts)
  }

  of(slice: PageSlice): number {
    const column = slice.page.columnNamed(this.#condition.field)
    if (column === undefined) return this.#withoutColumn(slice)
    const mask = this.#ofColumn(slice, column)
    // What is in a rest may be null, too.
    return (column.flags & layout.HAS_REST) === 0 ? mask : this.#withRest(slice, column, mask)
  }

  /** Of the plain values; rows with another state are not true in it, but where they are asked for. */
  #ofColumn(slice: PageSlice, column: ColumnView): number {
    if (this.#condition.kind === 'is-null') return statesIn(slice, column, this.#condition.negated ? IS_PLAIN : IS_NULL)
    switch (column.valueClass) {
      case layout.CLASS_NUMBER:
        return ofNumbers(slice, column, this.#onNumbers)
      case layout.CLASS_TIME:
        return ofNumbers(slice, column, this.#onTimes)
      case layout.CLASS_BOOLEAN:
        return ofNumbers(slice, column, this.#onBooleans)
      case layout.CLASS_TEXT: {
        const mask = this.#onTexts.of(slice, column)
        return mask === ALL ? statesIn(slice, column, IS_PLAIN) : mask
      }
      case layout.CLASS_KEY:
        return this.#ofKeys(slice, column)
      default:
        return NONE
    }
  }

  #ofKeys(slice: PageSlice, column: ColumnView): number {
    const { page, from, rows, scratch } = slice
    const states = slice.statesAt(column) ?? -1
    const mask = scratch.take(rows)
    const { u8 } = page
    for (let row = 0; row < rows; row++) {
      const isTrue = (states < 0 || u8[states + row] === layout.STATE_VALUE) && this.#test(this.#reader.plainOf(page, from + row, column))
      u8[mask + row] = isTrue ? MASK_TRUE : MASK_FALSE
    }
    return mask
  }

  /** Rows in the rest are asked for their values. */
  #withRest(slice: PageSlice, column: ColumnView, plain: number): number {
    const states = slice.statesAt(column)
    if (states === undefined) return plain
    const { page, from, rows, scratch } = slice
    const { u8 } = page
    let mask = plain
    for (let row = 0; row < rows; row++) {
      if (u8[states + row] !== layout.STATE_REST) continue
      if (mask < 0) {
        mask = scratch.take(rows)
        u8.fill(plain === ALL ? MASK_TRUE : MASK_FALSE, mask, mask + rows)
      }
      u8[mask + row] = this.#test(this.#reader.valueOf(page, from + row, column)) ? MASK_TRUE : MASK_FALSE
    }
    return mask
  }

  #withoutColumn(slice: PageSlice): number {
    const { page, from, rows, scratch } = slice
    const shapes = this.#reader.shapesWith(page)
    const ofAbsent = this.#test(null)
    if (shapes === undefined) return ofAbsent ? ALL : NONE
    const { u8 } = page
    const mask = scratch.take(rows)
    for (let row = 0; row < rows; row++) {
      const isTrue = shapes[page.shapeCodeOf(from + row)] === 1 ? this.#test(this.#reader.restOf(page, from + row)) : ofAbsent
      u8[mask + row] = isTrue ? MASK_TRUE : MASK_FALSE
    }
    return mask
  }
}

/** Rows whose state is in the set. */
function statesIn(slice: PageSlice, column: ColumnView, set: number): number {
  const states = slice.statesAt(column)
  if (states === undefined) return (set & IS_PLAIN) === 0 ? NONE : ALL
  const { rows, scratch } = slice
  const mask = scratch.take(rows)
  const setAt = scratch.take(1)
  slice.page.u8[setAt] = set
  scratch.kernels.codeIn(rows, { encoding: 'u8', values: states }, setAt, mask)
  return mask
}

function ofNumbers(slice: PageSlice, column: ColumnView, check: NumberCheck): number {
  const answer = pagesAnswer(check, column)
  if (answer === 'none') return NONE
  if (answer === 'all') return statesIn(slice, column, IS_PLAIN)
  const { rows, scratch } = slice
  const { kernels } = scratch
  const cells = kernelColumn(slice, column)
  let mask = NONE
  for (const { operator, constant } of check.any) {
    const one = scratch.take(rows)
    kernels.compare(rows, cells, operator, constant, one)
    if (mask === NONE) mask = one
    else kernels.or(rows, mask, one, mask)
  }
  // Where a row has no plain value it is NULL, and stays so.
  if (check.negated) kernels.not(rows, mask, mask)
  return mask
}
