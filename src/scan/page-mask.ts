/**
 * A condition as masks of pages: a byte a row, true where the condition is. Zone maps decide what they can without looking at rows; what
 * columns hold goes through kernels or one loop; rows that have the field in their rest are asked one by one.
 */
import { unreachable } from '../base/errors.js'
import { MASK_FALSE, MASK_TRUE } from '../kernel/kernels.js'
import { positive, type PositiveCondition, type ScanCondition } from './condition.js'
import { FieldMask } from './field-mask.js'
import { ALL, NONE } from './mask.js'
import { type PageMask, type PageSlice } from './page-slice.js'
import { type ScanTable } from './scan-table.js'
import { rowsInRange, valueRange } from './value-range.js'

/** @throws DriftError INVALID_ARGUMENT for a LIKE pattern that ends in its escape character. */
export function pageMask(condition: ScanCondition, table: ScanTable): PageMask {
  const plain = positive(condition)
  const mask = compiled(plain, table)
  const range = valueRange(plain)
  return range === undefined ? mask : { of: (slice) => mask.of(slice), rows: (slice) => rowsInRange(slice, range) }
}

function compiled(condition: PositiveCondition, table: ScanTable): PageMask {
  switch (condition.kind) {
    case 'constant':
      return condition.value ? always(ALL) : always(NONE)
    case 'never':
      return always(NONE)
    case 'and':
      return new AllOf(condition.operands.map((operand) => compiled(operand, table)))
    case 'or':
      return new AnyOf(condition.operands.map((operand) => compiled(operand, table)))
    case 'compare':
    case 'in':
    case 'like':
    case 'is-null':
    case 'is':
      return new FieldMask(condition, table)
    default:
      return unreachable(condition)
  }
}

function always(mask: number): PageMask {
  return { of: () => mask }
}

class AllOf implements PageMask {
  readonly #operands: readonly PageMask[]

  constructor(operands: readonly PageMask[]) {
    this.#operands = operands
  }

  of(slice: PageSlice): number {
    const { rows, scratch } = slice
    let all = ALL
    for (const operand of this.#operands) {
      const mask = operand.of(slice)
      if (mask === NONE) return NONE
      if (mask === ALL) continue
      if (all === ALL) all = mask
      else scratch.kernels.and(rows, all, mask, all)
    }
    return all
  }
}

class AnyOf implements PageMask {
  readonly #operands: readonly PageMask[]

  constructor(operands: readonly PageMask[]) {
    this.#operands = operands
  }

  of(slice: PageSlice): number {
    const { rows, scratch } = slice
    let found = NONE
    for (const operand of this.#operands) {
      const mask = operand.of(slice)
      if (mask === ALL) return ALL
      if (mask === NONE) continue
      if (found === NONE) found = mask
      else scratch.kernels.or(rows, found, mask, found)
    }
    return found
  }
}

/** `mask` (of the slice's rows) without the rows whose keys are not of the slice's tile. */
export function withinKeys(slice: PageSlice, mask: number, { keys }: ScanTable): number {
  const { page, from, rows, keys: tile, scratch } = slice
  if (tile === undefined || mask === NONE) return mask
  const { u8 } = page
  const within = mask === ALL ? scratch.take(rows) : mask
  for (let row = 0; row < rows; row++) {
    if (mask !== ALL && u8[within + row] !== MASK_TRUE) continue
    const ordinal = page.ordinalOf(from + row)
    const isWithin = keys.compareTo(ordinal, tile.low) >= 0 && (tile.high === undefined || keys.compareTo(ordinal, tile.high) < 0)
    u8[within + row] = isWithin ? MASK_TRUE : MASK_FALSE
  }
  return within
}
