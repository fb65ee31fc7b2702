/**
 * `=` with three values. NULL on either side is NULL; values of different classes are not equal; numbers are equal by value, whether they
 * are a number or a bigint. Inside arrays and objects null is a value like any other, and an absent field is not null.
 */
export type Truth = 0 | 1 | 2

export const FALSE: Truth = 0
export const TRUE: Truth = 1
export const UNKNOWN: Truth = 2

export function equals(left: unknown, right: unknown): Truth {
  if (left === null || left === undefined || right === null || right === undefined) return UNKNOWN
  return same(left, right) ? TRUE : FALSE
}

/** AND: false wins over NULL, NULL over true. */
export function and(left: Truth, right: Truth): Truth {
  if (left === FALSE || right === FALSE) return FALSE
  return left === UNKNOWN || right === UNKNOWN ? UNKNOWN : TRUE
}

function same(left: unknown, right: unknown): boolean {
  if (left === right) return true
  if (isNumber(left) && isNumber(right)) {
    // eslint-disable-next-line eqeqeq -- Loose equality of a bigint and a number is exact: no rounding of either.
    return left == right
  }
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return false
  if (left instanceof Date || right instanceof Date) {
    return left instanceof Date && right instanceof Date && left.getTime() === right.getTime()
  }
  if (left instanceof Uint8Array || right instanceof Uint8Array) {
    return left instanceof Uint8Array && right instanceof Uint8Array && Buffer.compare(left, right) === 0
  }
  if (Array.isArray(left) || Array.isArray(right)) {
    if (!Array.isArray(left) || !Array.isArray(right) || left.length !== right.length) return false
    return left.every((item, index) => same(item, right[index]))
  }
  return sameFields(left as Fields, right as Fields)
}

type Fields = { readonly [field: string]: unknown }

function sameFields(left: Fields, right: Fields): boolean {
  const names = Object.keys(left)
  return names.length === Object.keys(right).length && names.every((name) => Object.hasOwn(right, name) && same(left[name], right[name]))
}

function isNumber(value: unknown): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint'
}
