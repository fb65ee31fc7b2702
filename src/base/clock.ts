/** Time and randomness are parameters: nothing else in the engine reads a clock (a lint rule). */
export type Clock = {
  /** Wall clock in unix milliseconds; may step back, callers hold it. */
  now(): number
  /** Monotonic milliseconds, for durations. */
  monotonic(): number
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now()
}
