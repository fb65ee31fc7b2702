/** The rows of FOR SYSTEM_TIME EACH: those of many points, in one pass over the versions. */
import { DriftError } from '../base/errors.js'
import { seqOf, unixMsOf } from '../base/ids.js'
import { limits } from '../base/limits.js'
import { type Document, type Value } from '../codec/value.js'
import { type TimeStep } from '../parser/ast.js'
import { type PointInTime } from '../parser/point-in-time.js'
import { setField } from '../expression/batch.js'
import { valueOf, type Parameters } from '../expression/parameters.js'
import { type FoundPoint, type QuerySource, type TableColumn, type Version } from './query-source.js'
import { type WantedFields } from './wanted-fields.js'

/** `at` is what the rows show: the seq or the time that was asked for; `seq` the commit's end that it means. */
export type SweepPoint = { readonly at: number | Date; readonly seq: number }

export type Sweep = { readonly points: readonly SweepPoint[]; readonly notice: string | undefined }

export function sweepColumns(columns: readonly TableColumn[], { unitMs }: TimeStep): TableColumn[] {
  const at: TableColumn = { name: '_at', type: unitMs === null ? 'int8' : 'timestamptz', nullable: false }
  return [...columns.filter(({ name }) => name !== '_at'), at]
}

/**
 * The points a, a + step, … before b, or up to and with it. A reversed range has none.
 * @throws DriftError INVALID_ARGUMENT for a step that is no whole number from 1, a seq where the steps are of time, or a time where they
 * are of seqs; LIMIT for more than `sweepPointsMax`; SEQ_AHEAD where that is asked for.
 */
export function sweepPoints(
  source: QuerySource,
  step: TimeStep,
  range: { readonly from: PointInTime; readonly to: PointInTime; readonly includesEnd: boolean },
  parameters: Parameters
): Sweep {
  const { unitMs } = step
  const place = unitMs === null ? seqPlace : timePlace
  const from = place(range.from, source)
  const to = place(range.to, source)
  const width = stepCount(valueOf(step.count, parameters)) * (unitMs ?? 1)
  const count = from > to ? 0 : Math.floor((to - from) / width) + (range.includesEnd || (to - from) % width !== 0 ? 1 : 0)
  const limit = limits.sweepPointsMax
  if (count > limit) {
    const message = `EACH has at most ${limit} points, this range has ${count} of its steps; take longer ones`
    throw new DriftError('LIMIT', message, { name: 'sweepPointsMax', limit, seen: count })
  }
  const points: SweepPoint[] = []
  // Every point after one that is ahead reads the present too, and one notice is enough.
  let ahead: FoundPoint | undefined
  for (let index = 0; index < count; index++) {
    const at = from + index * width
    const isPresent = unitMs !== null && at === source.now && range.to.kind === 'now'
    const found = ahead ?? source.find(isPresent ? { kind: 'now' } : pointAt(at, unitMs))
    if (found.notice !== undefined) ahead = found
    points.push({ at: unitMs === null ? at : new Date(at), seq: found.seq })
  }
  return { points, notice: ahead?.notice }
}

function pointAt(at: number, unitMs: number | null): PointInTime {
  return unitMs === null ? { kind: 'seq', seq: seqOf(at) } : { kind: 'time', time: unixMsOf(at) }
}

/** By key, the rows of one key from point to point. `versions` are those that any of the points sees, and may be more. */
export function* sweepRows(
  versions: Iterable<Version | undefined>,
  points: readonly SweepPoint[],
  { all, names }: WantedFields
): Generator<Document | undefined, void> {
  const fields = [...names].filter((name) => name !== '_at')
  for (const version of versions) {
    if (version === undefined) {
      yield undefined
      continue
    }
    let index = firstAtOrBehind(points, version.seq)
    let point = points[index]
    if (point === undefined || point.seq >= version.endSeq) continue
    const document = all || fields.length > 0 ? version.document : {}
    for (; point !== undefined && point.seq < version.endSeq; point = points[++index]) {
      yield rowAt(document, point.at, all ? undefined : fields)
    }
  }
}

function rowAt(document: Document, at: number | Date, fields: readonly string[] | undefined): Document {
  const row: { [field: string]: Value } = {}
  for (const name of fields ?? Object.keys(document)) {
    if (name !== '_at' && Object.hasOwn(document, name)) setField(row, name, document[name] as Value)
  }
  row['_at'] = at
  return row
}

/** The first point that sees an event with this seq, or the number of points. */
function firstAtOrBehind(points: readonly SweepPoint[], seq: number): number {
  let low = 0
  let high = points.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((points[middle]?.seq ?? 0) < seq) low = middle + 1
    else high = middle
  }
  return low
}

function timePlace(point: PointInTime, source: QuerySource): number {
  if (point.kind === 'time') return point.time
  if (point.kind === 'now') return source.now + (point.offsetMs ?? 0)
  throw new DriftError('INVALID_ARGUMENT', `EACH goes by time here, so it has no end at @seq:${point.seq}; write EACH … SEQ`, {})
}

function seqPlace(point: PointInTime, source: QuerySource): number {
  if (point.kind === 'seq') return point.seq
  if (point.kind === 'now' && (point.offsetMs ?? 0) === 0) return source.find(point).seq
  throw new DriftError('INVALID_ARGUMENT', 'EACH … SEQ goes by seqs: its ends are written @seq:N, or @now', {})
}

function stepCount(value: Value): number {
  const count = typeof value === 'bigint' ? Number(value) : value
  if (typeof count === 'number' && Number.isSafeInteger(count) && count >= 1) return count
  throw new DriftError('INVALID_ARGUMENT', 'the step of EACH is a whole number from 1', {})
}
