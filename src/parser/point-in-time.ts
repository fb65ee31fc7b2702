/**
 * A point in time as text. It is not looked up in a database here: a time or `now` becomes a seq where the commits are known.
 *
 * Law TIM-7: a time without a zone is UTC; milliseconds are kept, finer digits cut off (commits have none, and the last commit at or before
 * the asked time stays the same); only RFC 3339 and the SQL date and timestamp forms are taken.
 */
import { DriftError } from '../base/errors.js'
import { seqOf, unixMsOf, type Seq, type UnixMs } from '../base/ids.js'
import { limits } from '../base/limits.js'

export type PointInTime =
  | { readonly kind: 'seq'; readonly seq: Seq }
  | { readonly kind: 'time'; readonly time: UnixMs }
  /** `offsetMs` is added to now; `@now - 1 hour` has -3,600,000, `@now` has none. */
  | { readonly kind: 'now'; readonly offsetMs?: number }

const SEQ = /^@seq:(\d+)$/i
const NOW = /^@now(?:\s*-\s*(\d+)\s*([a-z]+))?$/i
const TIME = /^(\d{4})-(\d{2})-(\d{2})(?:[Tt ](\d{2}):(\d{2}):(\d{2})(?:\.(\d+))?(?:([Zz])|([+-])(\d{2}):(\d{2}))?)?$/

const SECOND_MS = 1000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS
/** Months and years have no fixed length, so they are no units. */
const UNITS_MS = new Map([
  ['ms', 1],
  ['millisecond', 1],
  ['second', SECOND_MS],
  ['minute', MINUTE_MS],
  ['hour', HOUR_MS],
  ['day', 24 * HOUR_MS],
  ['week', 7 * 24 * HOUR_MS]
])

const EXAMPLES = "'@seq:100', '2025-01-31T10:30:00Z', '2025-01-31 10:30:00', '2025-01-31', '@now', '@now - 1 hour'"

/**
 * The point that `text` names: `@seq:N`, `@now`, `@now - 1 hour` (ms, seconds, minutes, hours, days, weeks), RFC 3339 with any offset,
 * `2025-01-31 10:30:00` or `2025-01-31` (UTC).
 * @throws DriftError INVALID_ARGUMENT (`text`, `reason`) for anything else and for dates that do not exist; the message has examples.
 */
export function parsePoint(text: string): PointInTime {
  const trimmed = text.trim()
  const seq = SEQ.exec(trimmed)
  if (seq !== null) return seqPoint(text, Number(seq[1]))
  const now = NOW.exec(trimmed)
  if (now !== null) return nowPoint(text, now[1], now[2])
  const time = TIME.exec(trimmed)
  if (time !== null) return Object.freeze({ kind: 'time', time: timeOf(text, time) })
  throw refused(text, 'it is none of the known forms')
}

/** Of `ms`, `second`, `minute`, `hour`, `day` or `week`, with an s at the end or not; undefined for anything else. */
export function unitMsOf(unit: string): number | undefined {
  const word = unit.toLowerCase()
  return UNITS_MS.get(word) ?? UNITS_MS.get(word.replace(/s$/, ''))
}

function seqPoint(text: string, seq: number): PointInTime {
  if (seq > limits.seqMax) throw refused(text, `the highest seq is ${limits.seqMax}`)
  return Object.freeze({ kind: 'seq', seq: seqOf(seq) })
}

function nowPoint(text: string, count: string | undefined, unit: string | undefined): PointInTime {
  if (count === undefined || unit === undefined) return Object.freeze({ kind: 'now' })
  const unitMs = unitMsOf(unit)
  if (unitMs === undefined) throw refused(text, `the unit ${JSON.stringify(unit)} is not one of ms, second, minute, hour, day, week`)
  const backMs = Number(count) * unitMs
  if (backMs > limits.timeMax) throw refused(text, 'it is too long ago')
  return Object.freeze({ kind: 'now', offsetMs: backMs === 0 ? 0 : -backMs })
}

function timeOf(text: string, match: RegExpExecArray): UnixMs {
  const part = (index: number): number => Number(match[index] ?? 0)
  const [year, month, day, hour, minute, second] = [part(1), part(2), part(3), part(4), part(5), part(6)]
  if (hour > 23 || minute > 59 || second > 59) throw refused(text, 'there is no such time of day')
  const [offsetHours, offsetMinutes] = [part(10), part(11)]
  if (offsetHours > 23 || offsetMinutes > 59) throw refused(text, 'there is no such offset')
  const date = new Date(0)
  // Not Date.UTC, which takes the years 0 to 99 for 1900 to 1999.
  date.setUTCFullYear(year, month - 1, day)
  if (date.getUTCFullYear() !== year || date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) {
    throw refused(text, 'there is no such date')
  }
  const ms = Number((match[7] ?? '').slice(0, 3).padEnd(3, '0'))
  const offsetMs = (match[9] === '-' ? -1 : 1) * (offsetHours * HOUR_MS + offsetMinutes * MINUTE_MS)
  return unixMsOf(date.getTime() + hour * HOUR_MS + minute * MINUTE_MS + second * SECOND_MS + ms - offsetMs)
}

function refused(text: string, reason: string): DriftError {
  const shown = JSON.stringify(text.length <= 60 ? text : `${text.slice(0, 59)}…`)
  return new DriftError('INVALID_ARGUMENT', `${shown} is not a point in time: ${reason}. Write for example ${EXAMPLES}`, { text, reason })
}
