/** Prints results: rows in the mode that was asked for, commits as one object. */
import type { Commit, Document, ResultColumn } from '../index.js'
import { rowFormat, type Mode } from './row-format.js'
import type { Terminal } from './terminal.js'

export type Rows = {
  readonly columns: readonly ResultColumn[]
  readonly rows: Iterable<Document> | AsyncIterable<Document>
  /** The table that mode `insert` names. */
  readonly table?: string
}

/** Rows between two looks at Ctrl-C. */
const ROWS_PER_TURN = 4096

/** Prints rows as they are pulled; ends early, without an error, where nobody reads any more. Throws ABORTED after Ctrl-C. */
export async function printRows(terminal: Terminal, mode: Mode, { columns, rows, table = 'rows' }: Rows): Promise<void> {
  const format = await rowFormat(mode, { columns, table, terminal })
  let sinceTurn = 0
  for await (const row of rows) {
    let wait = terminal.print(format.row(row))
    if (++sinceTurn === ROWS_PER_TURN) wait ??= terminal.flush()
    if (wait === undefined) continue
    sinceTurn = 0
    await wait
    terminal.check()
    if (terminal.isClosed) return
  }
  await terminal.print(format.end())
  const footer = format.footer?.()
  if (footer === undefined) return
  // The footer comes after the rows, although it goes another way.
  await terminal.flush()
  terminal.note(footer)
}

/** Prints what a write did. `commit` undefined: nothing had to be done. */
export async function printCommit(
  terminal: Terminal,
  mode: Mode,
  command: string,
  commit: Commit | undefined,
  more: Document = {}
): Promise<void> {
  if (mode === 'table' || mode === 'line' || mode === 'markdown') {
    await terminal.print(`${command}: ${commit === undefined ? 'nothing to do' : inWords(commit)}\n`)
    return
  }
  const fields =
    commit === undefined
      ? { ok: true }
      : { seq: commit.seq, time: new Date(commit.time), ...(commit.count > 1 ? { rows: commit.count } : {}) }
  const row: Document = { ...fields, ...more }
  // Text that is run again must not be more than it was.
  if (mode === 'insert') await terminal.print(`-- ${command}: ${commit === undefined ? 'nothing to do' : inWords(commit)}\n`)
  else await printRows(terminal, mode === 'json' ? 'ndjson' : mode, { columns: [], rows: [row] })
}

function inWords({ seq, count, time }: Commit): string {
  return `${count} ${count === 1 ? 'event' : 'events'}, @seq:${seq}, ${new Date(time).toISOString()}`
}
