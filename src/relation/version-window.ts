/**
 * Which versions a range of time takes, as ends of commits. Law TIM-8: FROM a TO b has those with begin < b and end > a, BETWEEN those with
 * begin <= b and end > a; a reversed range is empty.
 */
import { seqOf, unixMsOf } from '../base/ids.js'
import { limits } from '../base/limits.js'
import { type TimeRange } from '../parser/ast.js'
import { type PointInTime } from '../parser/point-in-time.js'
import { type Parameters } from '../expression/parameters.js'
import { pointOf } from './point.js'
import { type FoundPoint, type QuerySource } from './query-source.js'

/** Versions that begin at or before `through` and end behind `after`. */
export type VersionWindow = { readonly after: number; readonly through: number; readonly found: readonly FoundPoint[] }

export const EVERYTHING: VersionWindow = { after: -1, through: Number.POSITIVE_INFINITY, found: [] }

/** Undefined: reversed. */
export function versionWindow(range: TimeRange, source: QuerySource, parameters: Parameters): VersionWindow | undefined {
  const from = pointOf(range.from, parameters)
  const to = pointOf(range.to, parameters)
  const found = [source.find(from), source.find(to)] as const
  if (isReversed(from, to, found, source)) return undefined
  return { after: found[0].seq, through: range.includesEnd ? found[1].seq : lastBefore(to, source), found }
}

/** The end of the last commit before a point. The present is behind all that is there. */
function lastBefore(point: PointInTime, source: QuerySource): number {
  if (point.kind === 'seq') return point.seq === 0 ? -1 : source.find({ kind: 'seq', seq: seqOf(point.seq - 1) }).seq
  if (isPresent(point)) return source.find(point).seq
  return source.find({ kind: 'time', time: unixMsOf(Math.max(-limits.timeMax, timeOf(point, source) - 1)) }).seq
}

function isReversed(from: PointInTime, to: PointInTime, found: readonly [FoundPoint, FoundPoint], source: QuerySource): boolean {
  if (from.kind === 'seq' && to.kind === 'seq') return from.seq > to.seq
  if (from.kind === 'seq' || to.kind === 'seq') return found[0].seq > found[1].seq
  return timeOf(from, source) > timeOf(to, source)
}

function isPresent(point: PointInTime): boolean {
  return point.kind === 'now' && (point.offsetMs ?? 0) === 0
}

function timeOf(point: Exclude<PointInTime, { readonly kind: 'seq' }>, source: QuerySource): number {
  return point.kind === 'time' ? point.time : source.now + (point.offsetMs ?? 0)
}
