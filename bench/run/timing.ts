import { median } from './statistics.js'

/** How the questions were answered before: the time of a call, and whether it gave a promise. */
export type Answered = { readonly us: number; readonly isAsync: boolean }

export type TimingBudget = { readonly warmUpMs: number; readonly measureMs: number }

/** A sample is at least this long, so that the timer's own cost and grain are below 1 %: quick calls are timed several at a time. */
const SAMPLE_US = 50
const SAMPLES_MIN = 3

/** From here on the time of the answers is enough to know: it is not noise of the timer, and a run has an end. */
export const SLOW_US = 300_000

/**
 * The median in microseconds a call. Asks the questions in turn until the time is up, after a warm-up that is not counted. The questions
 * have been answered once before, in `us` a call: where that was the length of the warm-up, it is one. What is synchronous is timed
 * without a promise.
 */
export async function timeCalls(
  calls: readonly (() => unknown)[],
  { warmUpMs, measureMs }: TimingBudget,
  answered: Answered
): Promise<number> {
  let each = answered.us
  const turn = turns(calls, answered.isAsync)
  if (each >= SLOW_US) {
    // The first answer may have read files that the second one need not read.
    const began = performance.now()
    await turn(calls.length)
    each = ((performance.now() - began) * 1000) / calls.length
    if (each >= SLOW_US) return each
  }
  if (each < warmUpMs * 1000) {
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
  return median(samples)
}

/** Asks so many questions, each in its turn. */
function turns(calls: readonly (() => unknown)[], isAsync: boolean): (count: number) => Promise<void> | undefined {
  let next = 0
  const ask = () => calls[next++ % calls.length]?.()
  if (!isAsync) {
    return (count) => {
      for (let index = 0; index < count; index++) ask()
      return undefined
    }
  }
  return async (count) => {
    for (let index = 0; index < count; index++) await ask()
  }
}
