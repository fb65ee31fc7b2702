import { randomNumbers } from '../workloads/random.js'

const RESAMPLES = 5000

export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN
}

/** `[low, high]`: where the ratio of two medians lies with 95 %, by a seeded bootstrap of both samples. */
export function ratioInterval(before: readonly number[], after: readonly number[]): readonly [number, number] {
  const random = randomNumbers(23)
  const resampled = (values: readonly number[]) => median(values.map(() => values[random(values.length)] ?? Number.NaN))
  const ratios = Array.from({ length: RESAMPLES }, () => resampled(after) / resampled(before))
  return [quantile(ratios, 0.025), quantile(ratios, 0.975)]
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}
