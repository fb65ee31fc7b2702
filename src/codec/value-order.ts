/**
 * The order of values: boolean < number < time < string < bytes < array < object; strings by their UTF-8 bytes, numbers by value whether
 * they are a number or a bigint. NULL has its place from ORDER BY, not here; inside arrays and objects it comes last.
 */
import { unreachable } from '../base/errors.js'

export type ValueClass = 'boolean' | 'number' | 'time' | 'string' | 'bytes' | 'array' | 'object'

const RANKS: Readonly<Record<ValueClass, number>> = { boolean: 0, number: 1, time: 2, string: 3, bytes: 4, array: 5, object: 6 }

/** The class of a value that is not null. */
export function classOf(value: unknown): ValueClass {
  switch (typeof value) {
    case 'string':
      return 'string'
    case 'number':
    case 'bigint':
      return 'number'
    case 'boolean':
      return 'boolean'
    default:
      if (Array.isArray(value)) return 'array'
      if (value instanceof Date) return 'time'
      return value instanceof Uint8Array ? 'bytes' : 'object'
  }
}

/** Which class comes before which: the place of the class of a value that is not null. */
export function classRank(value: unknown): number {
  return RANKS[classOf(value)]
}

/** Negative, 0 or positive; of two values that are not null. */
export function compareValues(left: unknown, right: unknown): number {
  if (typeof left === 'number' && typeof right === 'number') return left - right
  if (typeof left === 'string' && typeof right === 'string') return compareTexts(left, right)
  const leftClass = classOf(left)
  const rightClass = classOf(right)
  return leftClass === rightClass ? compareWithin(leftClass, left, right) : RANKS[leftClass] - RANKS[rightClass]
}

/** {@link compareValues}, or undefined for values of different classes: `<` is NULL between them. */
export function compareInClass(left: unknown, right: unknown): number | undefined {
  if (typeof left === 'number' && typeof right === 'number') return left - right
  if (typeof left === 'string' && typeof right === 'string') return compareTexts(left, right)
  const leftClass = classOf(left)
  return leftClass === classOf(right) ? compareWithin(leftClass, left, right) : undefined
}

/** By UTF-8 bytes, which is by code points: a surrogate, though a smaller unit, is more than any unit from U+E000 on. */
export function compareTexts(left: string, right: string): number {
  if (left === right) return 0
  const shorter = Math.min(left.length, right.length)
  for (let at = 0; at < shorter; at++) {
    const a = left.charCodeAt(at)
    const b = right.charCodeAt(at)
    if (a !== b) return byCodePoint(a) - byCodePoint(b)
  }
  return left.length - right.length
}

function byCodePoint(unit: number): number {
  if (unit < 0xd800) return unit
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800
}

function compareWithin(valueClass: ValueClass, left: unknown, right: unknown): number {
  switch (valueClass) {
    case 'boolean':
      return Number(left) - Number(right)
    case 'number':
      return (left as number) < (right as number) ? -1 : (left as number) > (right as number) ? 1 : 0
    case 'time':
      return (left as Date).getTime() - (right as Date).getTime()
    case 'string':
      return compareTexts(left as string, right as string)
    case 'bytes':
      return Buffer.compare(left as Uint8Array, right as Uint8Array)
    case 'array':
      return compareItems(left as readonly unknown[], right as readonly unknown[])
    case 'object':
      return compareFields(left as Fields, right as Fields)
    default:
      return unreachable(valueClass)
  }
}

type Fields = { readonly [field: string]: unknown }

function compareItems(left: readonly unknown[], right: readonly unknown[]): number {
  const shorter = Math.min(left.length, right.length)
  for (let index = 0; index < shorter; index++) {
    const order = compareInside(left[index], right[index])
    if (order !== 0) return order
  }
  return left.length - right.length
}

/** As lists of fields in the order of their names. */
function compareFields(left: Fields, right: Fields): number {
  const leftNames = Object.keys(left).sort(compareTexts)
  const rightNames = Object.keys(right).sort(compareTexts)
  const shorter = Math.min(leftNames.length, rightNames.length)
  for (let index = 0; index < shorter; index++) {
    const leftName = leftNames[index] ?? ''
    const rightName = rightNames[index] ?? ''
    const order = compareTexts(leftName, rightName) || compareInside(left[leftName], right[rightName])
    if (order !== 0) return order
  }
  return leftNames.length - rightNames.length
}

function compareInside(left: unknown, right: unknown): number {
  if (left === null || left === undefined) return right === null || right === undefined ? 0 : 1
  return right === null || right === undefined ? -1 : compareValues(left, right)
}

/**
 * A text that two values share exactly if they are equal (NULL equals NULL here): what GROUP BY and DISTINCT put values together by.
 */
export function identityOf(value: unknown): string {
  if (value === null || value === undefined) return 'n'
  switch (typeof value) {
    case 'string':
      return `s${value.length}:${value}`
    case 'bigint':
      return `i${value}`
    case 'number':
      return Number.isInteger(value) ? `i${Number.isSafeInteger(value) ? value : BigInt(value)}` : `f${value}`
    case 'boolean':
      return value ? 't' : 'f'
    default:
      if (Array.isArray(value)) return `[${value.map(identityOf).join(',')}]`
      if (value instanceof Date) return `d${value.getTime()}`
      if (value instanceof Uint8Array) return `b${value.length}:${Buffer.from(value).toString('latin1')}`
      return `{${Object.keys(value)
        .sort(compareTexts)
        .map((name) => `${name.length}:${name}=${identityOf((value as Fields)[name])}`)
        .join(',')}}`
  }
}
