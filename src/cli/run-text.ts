/** Runs a text in a session and prints what each of its statements gives, before the next one begins. */
import { systemClock } from '../base/clock.js'
import type { PointInput } from '../index.js'
import type { KeptResult } from './kept-result.js'
import { printCommit, printRows, type PrintedRows } from './print-result.js'
import type { Mode } from './row-format.js'
import type { Outcome, Session } from './session.js'
import type { Terminal } from './terminal.js'

export type RunTextOptions = {
  readonly terminal: Terminal
  readonly mode: Mode
  /** The table that mode `insert` names. */
  readonly table: string
  readonly asOf?: PointInput | undefined
  /** Says on standard error how long each statement took, without the time in which the output was waited for. */
  readonly timer?: boolean
  /** Makes what keeps an outcome and the rows of it that are printed. */
  readonly keep?: (outcome: Outcome) => KeptResult
}

/** Throws what a statement throws; ABORTED after Ctrl-C. */
export async function runText(session: Session, text: string, options: RunTextOptions): Promise<void> {
  const { terminal, asOf, timer = false, keep } = options
  let begin = systemClock.monotonic()
  for await (const outcome of session.run(text, { asOf, signal: terminal.signal })) {
    for (const notice of outcome.notices) terminal.note(`note: ${notice}`)
    const waitedMs = await printOutcome(outcome, options, keep?.(outcome))
    // What was done is seen before the next statement, which may be long or fail.
    await terminal.flush()
    if (timer) terminal.note(`time: ${(systemClock.monotonic() - begin - waitedMs).toFixed(3)} ms`)
    terminal.check()
    begin = systemClock.monotonic()
  }
}

/** Milliseconds in which the reader of the output was waited for. */
async function printOutcome(
  { command, columns, rows, commit, writtenRows }: Outcome,
  { terminal, mode, table }: RunTextOptions,
  kept: KeptResult | undefined
): Promise<number> {
  let printed: PrintedRows = { waitedMs: 0, isWhole: true }
  if (rows === undefined) await printCommit(terminal, mode, command, commit, uncommitted(commit, writtenRows))
  else printed = await printRows(terminal, mode, { columns, rows, table, ...(kept && { onRow: (row) => kept.add(row) }) })
  if (kept !== undefined) kept.isComplete = printed.isWhole
  return printed.waitedMs
}

/** What a write in a transaction says instead of its commit. */
function uncommitted(commit: Outcome['commit'], writtenRows: number | undefined): { readonly rows?: number } {
  return commit === undefined && writtenRows !== undefined ? { rows: writtenRows } : {}
}
