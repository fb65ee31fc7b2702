/** CAST and `::`. NULL stays NULL; a value that has no counterpart in the type is an error that names both. */
import { DriftError, unreachable } from '../base/errors.js'
import { settled } from '../codec/integer.js'
import { formatJson, parseJson } from '../codec/json-codec.js'
import { type CastType } from '../parser/ast.js'
import { parsePoint } from '../parser/point-in-time.js'

const INTEGER = /^\s*[+-]?\d+\s*$/
const FLOAT = /^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\s*$/
const TRUE_WORDS = new Set(['t', 'true', 'y', 'yes', 'on', '1'])
const FALSE_WORDS = new Set(['f', 'false', 'n', 'no', 'off', '0'])
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/
const INTEGER_MIN = -(2n ** 63n)
const INTEGER_MAX = 2n ** 64n - 1n

/** @throws DriftError INVALID_ARGUMENT; OUT_OF_RANGE for a number that the type has not. */
export function castTo(type: CastType, value: unknown): unknown {
  if (value === null || value === undefined) return null
  switch (type) {
    case 'int8':
      return toInteger(value)
    case 'float8':
      return toFloat(value)
    case 'text':
      return toText(value)
    case 'bool':
      return toBoolean(value)
    case 'timestamptz':
      return toTime(value)
    case 'bytea':
      return toBytes(value)
    case 'jsonb':
      return typeof value === 'string' ? parseJson(value) : value
    default:
      return unreachable(type)
  }
}

function toInteger(value: unknown): number | bigint {
  if (typeof value === 'bigint') return value
  if (typeof value === 'boolean') return value ? 1 : 0
  if (typeof value === 'string' && INTEGER.test(value)) return inRange(BigInt(value.trim().replace(/^\+/, '')), value)
  if (typeof value === 'number') {
    const rounded = halfToEven(value)
    return Number.isSafeInteger(rounded) ? rounded : inRange(BigInt(rounded), value)
  }
  throw refused(value, 'int8')
}

function inRange(integer: bigint, value: unknown): number | bigint {
  if (integer >= INTEGER_MIN && integer <= INTEGER_MAX) return settled(integer)
  throw new DriftError('OUT_OF_RANGE', `${shown(value)} is outside -2^63 … 2^64-1`, { type: 'int8' })
}

function halfToEven(value: number): number {
  const floor = Math.floor(value)
  const rest = value - floor
  if (rest < 0.5) return floor + 0
  if (rest > 0.5) return floor + 1
  return floor % 2 === 0 ? floor + 0 : floor + 1
}

function toFloat(value: unknown): number {
  if (typeof value === 'number') return value
  if (typeof value === 'bigint') return Number(value)
  if (typeof value === 'boolean') return value ? 1 : 0
  if (typeof value === 'string' && FLOAT.test(value)) {
    const number = Number(value)
    if (Number.isFinite(number)) return number + 0
    throw new DriftError('OUT_OF_RANGE', `${shown(value)} is too large for a float64`, { type: 'float8' })
  }
  throw refused(value, 'float8')
}

function toText(value: unknown): string {
  if (typeof value === 'string') return value
  if (value instanceof Date) return value.toISOString()
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  return formatJson(value as Parameters<typeof formatJson>[0])
}

function toBoolean(value: unknown): boolean {
  if (typeof value === 'boolean') return value
  // eslint-disable-next-line eqeqeq -- a bigint and a number alike
  if (typeof value === 'number' || typeof value === 'bigint') return value != 0
  const word = typeof value === 'string' ? value.trim().toLowerCase() : ''
  if (TRUE_WORDS.has(word)) return true
  if (FALSE_WORDS.has(word)) return false
  throw refused(value, 'bool')
}

function toTime(value: unknown): Date {
  if (value instanceof Date) return value
  if (typeof value === 'string') {
    const point = parsePoint(value)
    if (point.kind === 'time') return new Date(point.time)
  }
  throw refused(value, 'timestamptz')
}

function toBytes(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value
  if (typeof value === 'string' && BASE64.test(value)) return new Uint8Array(Buffer.from(value, 'base64'))
  throw refused(value, 'bytea')
}

function refused(value: unknown, type: CastType): DriftError {
  return new DriftError('INVALID_ARGUMENT', `${shown(value)} cannot become ${type}`, { type })
}

function shown(value: unknown): string {
  const text = formatJson(value as Parameters<typeof formatJson>[0])
  return text.length <= 60 ? text : `${text.slice(0, 59)}…`
}
