import { DriftError } from '../base/errors.js'

/**
 * How integers come back. `auto`: a number while it is exact (±(2^53-1)), else a bigint; `number` throws OUT_OF_RANGE rather than round;
 * `bigint` and `string`: all of them, floats stay numbers.
 */
export type IntegerMode = 'auto' | 'number' | 'bigint' | 'string'

/** The value with every integer in it in this form. */
export function integersAs(value: unknown, mode: IntegerMode): unknown {
  return mode === 'auto' ? value : converted(value, mode)
}

function converted(value: unknown, mode: Exclude<IntegerMode, 'auto'>): unknown {
  switch (typeof value) {
    case 'bigint':
      if (mode === 'number') throw new DriftError('OUT_OF_RANGE', `${value} is no exact number; read it with integers: 'bigint'`, { value })
      return mode === 'bigint' ? value : String(value)
    case 'number':
      if (mode === 'number' || !Number.isSafeInteger(value)) return value
      return mode === 'bigint' ? BigInt(value) : String(value)
    case 'object':
      if (value === null || value instanceof Date || value instanceof Uint8Array) return value
      if (Array.isArray(value)) return value.map((item) => converted(item, mode))
      return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, converted(inner, mode)]))
    default:
      return value
  }
}

/** @throws DriftError INVALID_ARGUMENT */
export function integerMode(mode: unknown): IntegerMode {
  if (mode === undefined) return 'auto'
  if (mode === 'auto' || mode === 'number' || mode === 'bigint' || mode === 'string') return mode
  throw new DriftError('INVALID_ARGUMENT', `integers is 'auto', 'number', 'bigint' or 'string', not ${JSON.stringify(mode)}`, {
    found: mode
  })
}
