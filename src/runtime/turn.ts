/** Lets the event loop turn once: timers, messages, files. */
export function turn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve))
}
