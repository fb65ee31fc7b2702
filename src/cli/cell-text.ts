/** A value as the text of one cell: strings as they are, nested values as JSON, null and absent as nothing. */
import { formatJson } from '../api/json.js'

/** For files: exact. */
export function cellText(value: unknown): string {
  if (value === undefined || value === null) return ''
  if (typeof value === 'string') return value
  const text = formatJson(value)
  // A time and bytes are JSON strings; in a cell their quotes are noise.
  return text.startsWith('"') ? text.slice(1, -1) : text
}

// oxlint-disable-next-line no-control-regex -- control characters are what this is about
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g

/** For a screen: on one line, and nothing in it can steer the terminal. */
export function screenText(value: unknown): string {
  return cellText(value).replace(CONTROL, escaped)
}

function escaped(character: string): string {
  if (character === '\n') return '\\n'
  if (character === '\t') return '\\t'
  if (character === '\r') return '\\r'
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}
