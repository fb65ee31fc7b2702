/**
 * The points of a sweep, with an index over them: how many lie before each of some 4,096 equal parts ("buckets") of what they span. A
 * kernel looks for a point in one bucket; nearly all are empty, and then it has its answer without a branch that could go either way.
 */
import { assertLaw } from '../base/errors.js'
import { type MemoryViews } from '../memory/arena.js'
import { type SweepInto, type SweepPlan } from './kernels.js'

const BUCKET_BITS = 12
/** Offsets in a plan are below 2^31, with an empty bucket before and behind the points. */
export const SWEEP_SPAN_MAX = 2 ** 31 - 2 ** 21
const OFFSET_MAX = 0x7fff_ffff

/** Of {@link writeSweepPlan}. */
export function sweepPlanBytes(pointCount: number): number {
  return 4 * (pointCount + (1 << BUCKET_BITS) + 5)
}

/**
 * Writes the plan for these points to `at`, a multiple of 4. Points that span more than {@link SWEEP_SPAN_MAX} seqs are given to several
 * plans by the caller.
 */
export function writeSweepPlan({ i32 }: MemoryViews, at: number, points: readonly number[]): SweepPlan {
  const first = points[0] as number
  const span = (points.at(-1) as number) - first
  assertLaw(points.length > 0 && span <= SWEEP_SPAN_MAX, 'VIS-1', `${points.length} points over ${span} seqs are no plan`)
  const shift = Math.max(0, 32 - Math.clz32(span + 1) - BUCKET_BITS)
  const width = 2 ** shift
  const origin = first - width
  for (const [index, point] of points.entries()) i32[at / 4 + index] = point - origin
  const startsAt = at + 4 * points.length
  const bucketCount = (span >>> shift) + 2 + 1
  let before = 0
  for (let bucket = 0; bucket <= bucketCount; bucket++) {
    while (before < points.length && (points[before] as number) - origin < bucket * width) before++
    i32[startsAt / 4 + bucket] = before
  }
  return { points, origin, pointsAt: at, startsAt, shift }
}

/** The part of a plan that lies in a slice, in the page's offsets: a version is clipped to [low, high]. */
export type SweepWindow = {
  readonly low: number
  readonly high: number
  /** A page's offset less this is an offset in the plan. */
  readonly delta: number
}

/** Undefined where no point lies in the slice: it has nothing to add. */
export function sweepWindow(plan: SweepPlan, { seqBase, t0, t1 }: SweepInto): SweepWindow | undefined {
  const { points, origin } = plan
  const from = countBelow(points, t0)
  const to = countBelow(points, t1)
  if (from === to) return undefined
  const first = (points[from] as number) - seqBase
  const last = (points[to - 1] as number) - seqBase
  assertLaw(last < OFFSET_MAX && first > -OFFSET_MAX, 'VIS-1', 'the points of a slice lie within the offsets of its page')
  const delta = origin - seqBase
  const low = quietOffset(plan, from) + delta
  const high = quietOffset(plan, to) + delta
  return { low: low > -OFFSET_MAX ? low : first, high: high < OFFSET_MAX ? high : last + 1, delta }
}

/**
 * An offset in the plan with exactly `index` points below it, in an empty bucket if it can be. Most versions of a page begin before its
 * slice or end behind it and are clipped to the same offset: one in a bucket with points made a sweep twice as slow.
 */
function quietOffset({ points, origin, shift }: SweepPlan, index: number): number {
  const before = index === 0 ? -1 : Math.floor(((points[index - 1] as number) - origin) / 2 ** shift)
  const next = index === points.length ? Infinity : (points[index] as number) - origin
  return (before + 2) * 2 ** shift <= next ? (before + 1) * 2 ** shift : next
}

/** How many of ascending points lie before a seq. */
export function countBelow(points: readonly number[], seq: number): number {
  let low = 0
  let high = points.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((points[middle] as number) < seq) low = middle + 1
    else high = middle
  }
  return low
}
