/** Runs a text in a session and prints what each of its statements gives, before the next one begins. */
import { systemClock } from '../base/clock.js'
import type { Document, PointInput } from '../index.js'
import { printCommit, printRows } from './print-result.js'
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
  /** Called with each outcome; what it returns is called with its rows. */
  readonly onOutcome?: (outcome: Outcome) => (row: Document) => void
}

/** Throws what a statement throws; ABORTED after Ctrl-C. */
export async function runText(session: Session, text: string, options: RunTextOptions): Promise<void> {
  const { terminal, asOf, timer = false, onOutcome } = options
  let begin = systemClock.monotonic()
  for await (const outcome of session.run(text, { asOf, signal: terminal.signal })) {
    for (const notice of outcome.notices) terminal.note(`note: ${notice}`)
    const waitedMs = await printOutcome(outcome, options, onOutcome?.(outcome))
    // What was done is seen before the next statement, which may be long or fail.
    await terminal.flush()
    if (timer) terminal.note(`time: ${(systemClock.monotonic() - begin - waitedMs).toFixed(3)} ms`)
    terminal.check()
    begin = systemClock.monotonic()
  }
}

/** Milliseconds in which the reader of the output was waited for. */
async function printOutcome(
  { command, columns, rows, commit }: Outcome,
  { terminal, mode, table }: RunTextOptions,
  onRow: ((row: Document) => void) | undefined
): Promise<number> {
  if (rows !== undefined) {
    return (await printRows(terminal, mode, { columns, rows, table, ...(onRow === undefined ? {} : { onRow }) })).waitedMs
  }
  await printCommit(terminal, mode, command, commit)
  return 0
}
