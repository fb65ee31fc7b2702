/**
 * A value as statistics keep it: what is long is cut, so that a few hundred values are a few kilobytes whatever the rows hold. A text that is
 * cut keeps its place in the order but for those that begin like it; a long list or object keeps its class alone.
 */
import { type Value } from '../codec/value.js'

const UNITS_MAX = 64
const BYTES_MAX = 128
/** Of a list or an object, roughly. */
const NESTED_BYTES_MAX = 256

export function shortValue(value: Value): Value {
  if (typeof value === 'string') return value.length <= UNITS_MAX ? value : cutText(value)
  if (value === null || typeof value !== 'object' || value instanceof Date) return value
  if (value instanceof Uint8Array) return value.length <= BYTES_MAX ? value : value.slice(0, BYTES_MAX)
  if (valueBytes(value) <= NESTED_BYTES_MAX) return value
  return Array.isArray(value) ? [] : {}
}

/** Not a part of the long text, which would keep all of it in memory. A half of a pair of surrogates is left out. */
function cutText(text: string): string {
  const last = text.charCodeAt(UNITS_MAX - 1)
  const units = last >= 0xd800 && last < 0xdc00 ? UNITS_MAX - 1 : UNITS_MAX
  return Buffer.from(text.slice(0, units), 'utf8').toString('utf8')
}

/** Bytes of a value in a document, as msgpack writes them, without looking at each character. */
export function valueBytes(value: unknown): number {
  switch (typeof value) {
    case 'string':
      return headBytes(value.length) + value.length
    case 'number':
      return Number.isInteger(value) ? integerBytes(Math.abs(value)) : 9
    case 'bigint':
      return 9
    case 'object':
      break
    default:
      return 1
  }
  if (value === null) return 1
  if (value instanceof Date) return 10
  if (value instanceof Uint8Array) return headBytes(value.length) + value.length
  if (Array.isArray(value)) return value.reduce<number>((sum, item) => sum + valueBytes(item), headBytes(value.length))
  const entries = Object.entries(value)
  return entries.reduce((sum, [name, item]) => sum + headBytes(name.length) + name.length + valueBytes(item), headBytes(entries.length))
}

function headBytes(length: number): number {
  return length < 32 ? 1 : length < 256 ? 2 : length < 65536 ? 3 : 5
}

function integerBytes(size: number): number {
  return size < 128 ? 1 : size < 256 ? 2 : size < 65536 ? 3 : size < 2 ** 32 ? 5 : 9
}
