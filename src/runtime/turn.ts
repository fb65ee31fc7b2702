/** Lets the event loop turn once: timers, messages, files. */
export function turn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve))
}

/** Calls once after so many milliseconds, or never where it is cancelled before by what it returns. Keeps no process alive. */
export function later(ms: number, call: () => void): () => void {
  const timer = setTimeout(call, Math.min(Math.max(0, ms) + 1, TIMER_MS_MAX))
  timer.unref()
  return () => clearTimeout(timer)
}

/** Resolves after so many milliseconds, or when the signal ends the wait. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  await untilOrCancelled(new Promise<void>(() => {}), signal, ms)
}

/** The same for work that nobody waits for: it does not keep the process alive. */
export async function idlePause(ms: number, signal: AbortSignal): Promise<void> {
  let wake = (): void => {}
  const woken = new Promise<void>((resolve) => (wake = resolve))
  const timer = setTimeout(wake, Math.min(TIMER_MS_MAX - 1, Math.ceil(ms))).unref()
  signal.addEventListener('abort', wake, { once: true })
  if (signal.aborted) wake()
  await woken
  clearTimeout(timer)
  signal.removeEventListener('abort', wake)
}

/** What `promise` gives; undefined where the signal or the time, in milliseconds, ended the wait before. */
export async function untilOrCancelled<Result>(
  promise: Promise<Result>,
  signal: AbortSignal | undefined,
  ms: number
): Promise<{ readonly value: Result } | undefined> {
  if (signal === undefined && ms === Number.POSITIVE_INFINITY) return { value: await promise }
  let cancel = (): void => {}
  const cancelled = new Promise<undefined>((resolve) => (cancel = () => resolve(undefined)))
  signal?.addEventListener('abort', cancel, { once: true })
  const timer = ms < TIMER_MS_MAX ? setTimeout(cancel, Math.max(0, ms) + 1) : undefined
  try {
    if (signal?.aborted === true) cancel()
    return await Promise.race([promise.then((value) => ({ value })), cancelled])
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', cancel)
  }
}

/** A longer timer fires at once. */
const TIMER_MS_MAX = 2 ** 31 - 1
