/** The points of a sweep, with an index over them: how many lie before each of some 4,096 equal parts of what they span. */
import { assertLaw } from '../base/errors.js'
import { type MemoryViews } from '../memory/arena.js'
import { type SweepInto, type SweepPlan } from './kernels.js'

const BUCKET_BITS = 12
/** Offsets in a plan are u32, and one past the last must still be one. */
export const SWEEP_SPAN_MAX = 0x7fff_fffe

/** Of {@link writeSweepPlan}. */
export function sweepPlanBytes(pointCount: number): number {
  return 4 * (pointCount + (1 << BUCKET_BITS) + 3)
}

/**
 * Writes the plan for these points to `at`, a multiple of 4; a plan that spans more than {@link SWEEP_SPAN_MAX} seqs is cut in two by the
 * caller.
 */
export function writeSweepPlan({ i32 }: MemoryViews, at: number, points: readonly number[]): SweepPlan {
  const first = points[0] as number
  const span = (points.at(-1) as number) - first
  assertLaw(points.length > 0 && span <= SWEEP_SPAN_MAX, 'VIS-1', `${points.length} points over ${span} seqs are no plan`)
  const shift = Math.max(0, 32 - Math.clz32(span + 1) - BUCKET_BITS)
  for (const [index, point] of points.entries()) i32[at / 4 + index] = point - first
  const startsAt = at + 4 * points.length
  let before = 0
  for (let bucket = 0; bucket <= ((span + 1) >>> shift) + 1; bucket++) {
    while (before < points.length && (points[before] as number) - first < bucket * 2 ** shift) before++
    i32[startsAt / 4 + bucket] = before
  }
  return { points, pointsAt: at, startsAt, shift }
}

/** The part of a plan that lies in a slice, in the page's offsets. */
export type SweepWindow = {
  /** The first point in it, and one past the last. */
  readonly low: number
  readonly high: number
  /** A page's offset less this is an offset in the plan. */
  readonly delta: number
}

/** Undefined where no point lies in the slice: it has nothing to add. */
export function sweepWindow({ points }: SweepPlan, { seqBase, t0, t1 }: SweepInto): SweepWindow | undefined {
  const from = countBelow(points, t0)
  const to = countBelow(points, t1)
  if (from === to) return undefined
  const low = (points[from] as number) - seqBase
  const high = (points[to - 1] as number) - seqBase + 1
  assertLaw(high <= 0x7fff_ffff && low > -0x7fff_ffff, 'VIS-1', 'the points of a slice lie within the offsets of its page')
  return { low, high, delta: (points[0] as number) - seqBase }
}

function countBelow(points: readonly number[], seq: number): number {
  let low = 0
  let high = points.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((points[middle] as number) < seq) low = middle + 1
    else high = middle
  }
  return low
}
