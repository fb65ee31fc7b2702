import { quantile } from './statistics.js'

/** Microseconds a call. */
export type Timing = { readonly p50: number; readonly p99: number; readonly calls: number }

export type TimingBudget = { readonly warmUpMs: number; readonly measureMs: number }

/** A sample is at least this long, so that the timer's own cost and grain are below 1 %: quick calls are timed several at a time. */
const SAMPLE_US = 50
const SAMPLES_MIN = 5

/** Asks the questions in turn until the time is up, after a warm-up that is not counted; what is synchronous is timed without a promise. */
export async function timeCalls(calls: readonly (() => unknown)[], { warmUpMs, measureMs }: TimingBudget): Promise<Timing> {
  const first = calls[0]
  if (first === undefined) throw new Error('nothing to time')
  const isAsync = first() instanceof Promise
  const turn = isAsync ? asyncTurn(calls) : async (count: number) => syncTurn(calls, count)
  const began = performance.now()
  let done = 0
  do {
    done += await turn(1)
  } while (performance.now() - began < warmUpMs)
  const each = ((performance.now() - began) * 1000) / done
  const batch = each >= SAMPLE_US ? 1 : Math.ceil(SAMPLE_US / each)
  const samples: number[] = []
  const measured = performance.now()
  while (performance.now() - measured < measureMs || samples.length < SAMPLES_MIN) {
    const from = performance.now()
    await turn(batch)
    samples.push(((performance.now() - from) * 1000) / batch)
  }
  return { p50: quantile(samples, 0.5), p99: quantile(samples, 0.99), calls: samples.length * batch }
}

let next = 0

function syncTurn(calls: readonly (() => unknown)[], count: number): number {
  for (let index = 0; index < count; index++) calls[next++ % calls.length]?.()
  return count
}

function asyncTurn(calls: readonly (() => unknown)[]): (count: number) => Promise<number> {
  return async (count) => {
    for (let index = 0; index < count; index++) await calls[next++ % calls.length]?.()
    return count
  }
}
