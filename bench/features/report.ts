/** One line of a part's report: what, how much, against what, and the goal where there is one. */
export function line(what: string, found: string, goal = ''): void {
  process.stdout.write(`${what.padEnd(58)} ${found.padStart(24)}  ${goal}\n`)
}

export function heading(text: string): void {
  process.stdout.write(`\n${text}\n`)
}

export function perSecond(count: number, ms: number): string {
  return `${Math.round((count / ms) * 1000).toLocaleString('en-US')}/s`
}

export const events = Number(process.env['EVENTS'] ?? 1_000_000)
