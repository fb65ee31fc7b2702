/** What the sample of a column says: its most common values, a histogram of the others, and how long values are. */
import { compareValues } from '../codec/value-order.js'
import { type Value } from '../codec/value.js'
import { type ColumnStatistics, type CommonValue } from '../format/statistics-file.js'
import { valueBytes } from './short-value.js'
import { sortedSteps } from './sorted-steps.js'

export const COMMON_VALUES_MAX = 32
export const HISTOGRAM_BOUNDS_MAX = 64

type Run = { readonly value: Value; readonly count: number }

/** `sample`: a value a row, null among them. `isWhole`: those are all rows. Yields between two steps of some milliseconds. */
export function* sampleStatistics(
  sample: readonly Value[],
  isWhole: boolean
): Generator<void, Pick<ColumnStatistics, 'distinct' | 'bytes' | 'common' | 'histogram'>> {
  const notNull = sample.filter((value) => value !== null)
  const values = yield* sortedSteps<Value>(notNull, compareValues)
  const runs = runsOf(values)
  yield
  const chosen = new Set(commonRuns(runs, values.length, isWhole))
  const common = [...chosen].map(({ value, count }): CommonValue => ({ value, share: count / sample.length }))
  const bytes = values.reduce<number>((sum, value) => sum + valueBytes(value), 0) / Math.max(1, values.length)
  const rest = chosen.size === 0 ? values : runs.flatMap((run) => (chosen.has(run) ? [] : new Array<Value>(run.count).fill(run.value)))
  return { distinct: runs.length, bytes: Math.round(bytes * 10) / 10, common, histogram: boundsOf(rest) }
}

function runsOf(values: readonly Value[]): Run[] {
  const runs: Run[] = []
  for (let at = 0; at < values.length;) {
    const value = values[at] as Value
    let end = at + 1
    while (end < values.length && compareValues(value, values[end]) === 0) end++
    runs.push({ value, count: end - at })
    at = end
  }
  return runs
}

/**
 * All of them where they are few; else those that are more common than others, by more than what a sample makes of chance: two standard
 * deviations of the number of times that an average value is drawn.
 */
function commonRuns(runs: readonly Run[], count: number, isWhole: boolean): Run[] {
  const byCount = runs.toSorted((left, right) => right.count - left.count)
  if (runs.length <= COMMON_VALUES_MAX && (isWhole || (byCount.at(-1)?.count ?? 0) > 1)) return byCount
  const average = count / Math.max(1, runs.length)
  const least = Math.max(1.25 * average, average + 2 * Math.sqrt(average))
  return byCount.slice(0, COMMON_VALUES_MAX).filter((run) => run.count > least)
}

/** As many values between each two of them. */
function boundsOf(values: readonly Value[]): Value[] {
  const bounds = Math.min(HISTOGRAM_BOUNDS_MAX, values.length)
  if (bounds === 1) return [...values]
  return Array.from({ length: bounds }, (_, index) => values[Math.round((index * (values.length - 1)) / (bounds - 1))] as Value)
}
