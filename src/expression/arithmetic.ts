/**
 * Arithmetic of DriftQL: integers exact (bigint past 2^53), division always true, by zero NULL, another class NULL. A number past 2^53 is
 * a float; a bigint is an integer. A result too large for a float64 is OUT_OF_RANGE: never infinity, never NULL.
 */
import { DriftError } from '../base/errors.js'
import { settled } from '../codec/integer.js'
import { type ArithmeticOperator } from '../parser/ast.js'

export function arithmetic(operator: ArithmeticOperator, left: unknown, right: unknown): number | bigint | null {
  if (typeof left === 'number' && typeof right === 'number') {
    if (Number.isSafeInteger(left) && Number.isSafeInteger(right)) return ofSafeIntegers(operator, left, right)
    return finite(ofFloats(operator, left, right), operator)
  }
  if (!isNumber(left) || !isNumber(right)) return null
  if (operator !== '/' && isInteger(left) && isInteger(right)) return ofIntegers(operator, BigInt(left), BigInt(right))
  return finite(ofFloats(operator, Number(left), Number(right)), operator)
}

export function negate(value: unknown): number | bigint | null {
  return arithmetic('-', 0, value)
}

function ofSafeIntegers(operator: ArithmeticOperator, left: number, right: number): number | bigint | null {
  if (operator === '/' || operator === '%') {
    if (right === 0) return null
    // + 0: the remainder of -4 by 2 is 0, not -0.
    return (operator === '/' ? left / right : left % right) + 0
  }
  const result = operator === '+' ? left + right : operator === '-' ? left - right : left * right
  return Number.isSafeInteger(result) ? result + 0 : ofIntegers(operator, BigInt(left), BigInt(right))
}

function ofIntegers(operator: Exclude<ArithmeticOperator, '/'>, left: bigint, right: bigint): number | bigint | null {
  switch (operator) {
    case '+':
      return settled(left + right)
    case '-':
      return settled(left - right)
    case '*':
      return settled(left * right)
    default:
      return right === 0n ? null : settled(left % right)
  }
}

function ofFloats(operator: ArithmeticOperator, left: number, right: number): number | null {
  switch (operator) {
    case '+':
      return left + right
    case '-':
      return left - right
    case '*':
      return left * right
    case '/':
      return right === 0 ? null : left / right
    default:
      return right === 0 ? null : left % right
  }
}

function finite(value: number | null, operator: string): number | null {
  if (value === null || Number.isFinite(value)) return value === null ? null : value + 0
  throw new DriftError('OUT_OF_RANGE', `the result of ${operator} is too large for a float64`, { operator })
}

function isNumber(value: unknown): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint'
}

function isInteger(value: number | bigint): boolean {
  return typeof value === 'bigint' || Number.isSafeInteger(value)
}
