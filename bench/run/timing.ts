import { median } from './statistics.js'

/** How the questions were answered before: the time of a call, and whether it gave a promise. */
export type Answered = { readonly us: number; readonly isAsync: boolean }

/** `warmUpMaxMs`: the warm-up goes on, up to so long, until the answers get no quicker; absent: it ends after `warmUpMs`. */
export type TimingBudget = { readonly warmUpMs: number; readonly measureMs: number; readonly warmUpMaxMs?: number }

/** A sample is at least this long, so that the timer's own cost and grain are below 1 %: quick calls are timed several at a time. */
const SAMPLE_US = 50
const SAMPLES_MIN = 3

/** Answers get no quicker where so many warm-ups, one behind the other, gained less than a part of the best one's time. */
const STEADY_WARM_UPS = 4
const GAIN = 0.03

/** From here on the time of the answers is enough to know: it is not noise of the timer, and a run has an end. */
export const SLOW_US = 300_000

/**
 * The median in microseconds a call. Asks the questions in turn until the time is up, after a warm-up that is not counted. The questions
 * have been answered once before, in `us` a call: where that was the length of the warm-up, it is one. What is synchronous is timed
 * without a promise.
 */
export async function timeCalls(
  calls: readonly (() => unknown)[],
  { warmUpMs, measureMs, warmUpMaxMs = warmUpMs }: TimingBudget,
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
  if (each < warmUpMaxMs * 1000) each = await warmUp(turn, warmUpMs, warmUpMaxMs)
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

/** The microseconds a call that it ended with. */
async function warmUp(turn: Turn, warmUpMs: number, warmUpMaxMs: number): Promise<number> {
  const began = performance.now()
  let best = Infinity
  for (let steady = 0; ;) {
    const from = performance.now()
    let done = 0
    do {
      await turn(1)
      done++
    } while (performance.now() - from < warmUpMs)
    const each = ((performance.now() - from) * 1000) / done
    steady = each < best * (1 - GAIN) ? 0 : steady + 1
    best = Math.min(best, each)
    if (steady === STEADY_WARM_UPS || performance.now() - began >= warmUpMaxMs) return each
  }
}

type Turn = (count: number) => Promise<void> | undefined

/** Asks so many questions, each in its turn. */
function turns(calls: readonly (() => unknown)[], isAsync: boolean): Turn {
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
