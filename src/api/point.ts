import { DriftError } from '../base/errors.js'
import type { AskedPoint } from '../coordinator/read-points.js'
import { parsePoint, type PointInTime } from '../parser/point-in-time.js'

/** A point in time as a caller writes it: `{ seq }`, `{ time }` (Date, unix ms or text), or a text such as `'@seq:100'`. */
export type PointInput = string | Date | { readonly seq: number } | { readonly time: Date | number | string }

/** Throws INVALID_ARGUMENT for what is no point in time. */
export function askedPoint(input: PointInput, now: number): AskedPoint {
  if (typeof input === 'string') return resolved(parsePoint(input), now)
  if (input instanceof Date) return { kind: 'time', time: input.getTime() }
  if (typeof input === 'object' && input !== null) {
    if ('seq' in input && typeof input.seq === 'number') return { kind: 'seq', seq: input.seq }
    if ('time' in input) {
      const { time } = input
      if (typeof time === 'string') return resolved(parsePoint(time), now)
      if (time instanceof Date) return { kind: 'time', time: time.getTime() }
      if (typeof time === 'number') return { kind: 'time', time }
    }
  }
  throw new DriftError(
    'INVALID_ARGUMENT',
    "a point in time is { seq: 100 }, { time: new Date() }, or a text such as '@seq:100' or '2025-01-31'",
    {
      found: typeof input
    }
  )
}

export function resolved(point: PointInTime, now: number): AskedPoint {
  if (point.kind !== 'now') return point
  // Now itself is the present; a time before it is settled.
  return point.offsetMs === undefined || point.offsetMs === 0 ? { kind: 'now' } : { kind: 'time', time: now + point.offsetMs }
}
