/** The points in time of a statement, with the parameters of an execution. */
import { DriftError } from '../base/errors.js'
import { seqOf, unixMsOf } from '../base/ids.js'
import { type AsOf, type Literal, type ParameterReference } from '../parser/ast.js'
import { parsePoint, type PointInTime } from '../parser/point-in-time.js'
import { valueOf, type Parameters } from '../expression/parameters.js'

/**
 * A parameter may be a seq (number), a text or a Date.
 * @throws DriftError INVALID_ARGUMENT for a parameter that is missing or no point in time.
 */
export function pointOf(asOf: AsOf, parameters: Parameters): PointInTime {
  return asOf.kind === 'point' ? asOf.point : pointOfValue(asOf, parameters)
}

/** The same of a value anywhere. */
export function pointOfValue(value: Literal | ParameterReference, parameters: Parameters): PointInTime {
  const point = valueOf(value, parameters)
  if (typeof point === 'string') return parsePoint(point)
  if (point instanceof Date) return { kind: 'time', time: unixMsOf(point.getTime()) }
  if (typeof point === 'number' || typeof point === 'bigint') {
    const seq = Number(point)
    if (Number.isSafeInteger(seq) && seq >= 0) return { kind: 'seq', seq: seqOf(seq) }
  }
  const advice = "a seq (a whole number from 0), a Date or a text such as '@seq:100' or '2025-01-31T10:30:00Z'"
  const details = value.kind === 'parameter' ? { parameter: value.reference } : {}
  throw new DriftError('INVALID_ARGUMENT', `a point in time is ${advice}`, details)
}
