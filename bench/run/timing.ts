import { quantile } from './statistics.js'

/** Microseconds a call. */
export type Timing = { readonly p50: number; readonly p99: number; readonly calls: number }

export type TimingBudget = { readonly warmUpMs: number; readonly measureMs: number }

/** A sample is at least this long, so that the timer's own cost and grain are below 1 %: quick calls are timed several at a time. */
const SAMPLE_US = 50
const SAMPLES_MIN = 3

/** From here on the time of the answers is enough to know: it is not noise of the timer, and a run has an end. */
export const SLOW_US = 300_000

/**
 * Asks the questions in turn until the time is up, after a warm-up that is not counted. The questions have been answered once before, in
 * `answeredUs` a call: where that was the length of the warm-up, it is one. What is synchronous is timed without a promise.
 */
export async function timeCalls(
  calls: readonly (() => unknown)[],
  { warmUpMs, measureMs }: TimingBudget,
  answeredUs: number
): Promise<Timing> {
  if (answeredUs >= SLOW_US) return { p50: answeredUs, p99: answeredUs, calls: 1 }
  let each = answeredUs
  const turn = turns(calls)
  if (answeredUs < warmUpMs * 1000) {
    const began = performance.now()
    let done = 0
    do {
      await turn(1)
      done++
    } while (performance.now() - began < warmUpMs)
    each = ((performance.now() - began) * 1000) / done
  }
  const batch = each >= SAMPLE_US ? 1 : Math.ceil(SAMPLE_US / each)
  const samples: number[] = []
  const measured = performance.now()
  while (performance.now() - measured < measureMs || samples.length < SAMPLES_MIN) {
    const from = performance.now()
    const waiting = turn(batch)
    if (waiting !== undefined) await waiting
    samples.push(((performance.now() - from) * 1000) / batch)
  }
  return { p50: quantile(samples, 0.5), p99: quantile(samples, 0.99), calls: samples.length * batch }
}

/** Asks so many questions, each in its turn: at once if the first answer is no promise. */
function turns(calls: readonly (() => unknown)[]): (count: number) => Promise<void> | undefined {
  let next = 0
  const ask = () => calls[next++ % calls.length]?.()
  if (!(ask() instanceof Promise)) {
    return (count) => {
      for (let index = 0; index < count; index++) ask()
      return undefined
    }
  }
  return async (count) => {
    for (let index = 0; index < count; index++) await ask()
  }
}
