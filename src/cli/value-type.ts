/** The name of a column's type, found in its values. */

/** `mixed` for values of several; empty where there is none. */
export function typeOf(values: Iterable<unknown>): string {
  let found = ''
  for (const value of values) {
    if (value === null || value === undefined) continue
    const type = nameOf(value)
    if (found !== '' && found !== type) return 'mixed'
    found = type
  }
  return found
}

function nameOf(value: unknown): string {
  if (typeof value === 'string') return 'text'
  if (typeof value === 'number' || typeof value === 'bigint') return 'number'
  if (typeof value === 'boolean') return 'boolean'
  if (value instanceof Date) return 'time'
  if (value instanceof Uint8Array) return 'bytes'
  return Array.isArray(value) ? 'array' : 'object'
}
