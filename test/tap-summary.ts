/**
 * Reads AVA's TAP from standard input: passes are a line each, failures come with all their diagnostics, skipped tests are named at the
 * end, and the last line is `N passed, N failed`. It counts the lines itself, because AVA's own `# fail` counts todos too. A run without
 * tests is a failure, and so is one that ends before its plan (`1..N`): AVA's reporter dies where a test process exits or times out.
 */
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'

export type TapSummary = { readonly lines: readonly string[]; readonly failed: boolean }

/** `print` gets every line as it comes; the result holds what to print at the end. */
export async function tapSummary(input: AsyncIterable<string>, print: (line: string) => void): Promise<TapSummary> {
  const skipped: string[] = []
  let passed = 0
  let failed = 0
  let planned = false
  for await (const line of input) {
    if (/^1\.\.\d+$/.test(line)) planned = true
    const result = /^(not )?ok \d+ - (.*)$/.exec(line)
    if (result === null) {
      if (line.trim() !== '' && !/^(TAP version|# |1\.\.)/.test(line)) print(line)
    } else if (/ # (SKIP|TODO)\b/.test(line)) skipped.push(result[2] ?? '')
    else {
      if (result[1] === undefined) passed++
      else failed++
      print(line)
    }
  }
  if (!planned || passed + failed === 0) {
    failed++
    print(`not ok - ${planned ? 'no test ran' : 'the run ended before its plan: a process exited, or a test timed out'}`)
  }
  const total = `${passed} passed, ${failed} failed${skipped.length > 0 ? `, ${skipped.length} skipped` : ''}`
  return { lines: [...(skipped.length > 0 ? [`skipped: ${skipped.join('; ')}`] : []), total], failed: failed > 0 }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const summary = await tapSummary(createInterface({ input: process.stdin }), (line) => console.log(line))
  for (const line of summary.lines) console.log(line)
  process.exitCode = summary.failed ? 1 : 0
}
