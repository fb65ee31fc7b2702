/** Prints results: rows in the mode that was asked for, commits as one object. */
import { systemClock } from '../base/clock.js'
import type { Commit, Document, ResultColumn } from '../index.js'
import { rowFormat, type Mode } from './row-format.js'
import type { Terminal } from './terminal.js'

export type Rows = {
  readonly columns: readonly ResultColumn[]
  /** Those of the database come in lists. */
  readonly rows: Iterable<Document> | AsyncIterable<readonly Document[]>
  /** The table that mode `insert` names. */
  readonly table?: string
  /** Called with each row that is printed. */
  readonly onRow?: (row: Document) => void
}

export type PrintedRows = {
  /** Milliseconds in which the reader of the output was waited for, the pager's too. */
  readonly waitedMs: number
  /** False where nobody read them to their end. */
  readonly isWhole: boolean
}

/** Rows between two looks at the clock, and milliseconds between two looks at Ctrl-C. */
const ROWS_PER_LOOK = 64
const TURN_MS = 20

/** Prints rows as they are pulled; ends early, without an error, where nobody reads any more. Throws ABORTED after Ctrl-C. */
export async function printRows(terminal: Terminal, mode: Mode, { columns, rows, table = 'rows', onRow }: Rows): Promise<PrintedRows> {
  const format = await rowFormat(mode, { columns, table, terminal })
  let waitedMs = 0
  const waitFor = async (wait: Promise<void> | undefined) => {
    if (wait === undefined) return
    const begin = systemClock.monotonic()
    await wait
    waitedMs += systemClock.monotonic() - begin
  }
  await terminal.openPage()
  let footer: string | undefined
  let isWhole = false
  try {
    const printed = await printAll()
    const { count } = printed
    isWhole = printed.isWhole
    await waitFor(terminal.flush())
    if (isWhole) footer = format.footer?.()
    else if (terminal.isPaging) footer = `(${count} ${count === 1 ? 'row was' : 'rows were'} read when the pager was left)`
    if (isWhole && footer !== undefined && terminal.isPaging) {
      await waitFor(terminal.print(`${footer}\n`))
      footer = undefined
    }
  } finally {
    await waitFor(terminal.closePage())
  }
  // Not in the pager, it comes after the rows although it goes another way.
  if (footer !== undefined) terminal.note(footer)
  return { waitedMs, isWhole }

  async function printAll(): Promise<{ readonly isWhole: boolean; readonly count: number }> {
    let count = 0
    let turned = systemClock.monotonic()
    for await (const list of Symbol.asyncIterator in rows ? rows : listsOf(rows)) {
      if (format.rows !== undefined && onRow === undefined) {
        count += list.length
        await waitFor(terminal.print(format.rows(list)))
        terminal.check()
        if (terminal.isClosed) return { isWhole: false, count }
        continue
      }
      for (const row of list) {
        onRow?.(row)
        let wait = terminal.print(format.row(row))
        if (++count % ROWS_PER_LOOK === 0 && systemClock.monotonic() - turned >= TURN_MS) wait ??= terminal.flush()
        if (wait === undefined) continue
        await waitFor(wait)
        turned = systemClock.monotonic()
        terminal.check()
        if (terminal.isClosed) return { isWhole: false, count }
      }
    }
    await waitFor(terminal.print(format.end()))
    return { isWhole: true, count }
  }
}

function* listsOf(rows: Iterable<Document>): Generator<readonly Document[], void> {
  for (const row of rows) yield [row]
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
    await terminal.print(`${wordsOf(command, commit, more)}\n`)
    return
  }
  const fields =
    commit === undefined
      ? { ok: true }
      : { seq: commit.seq, time: new Date(commit.time), ...(commit.count > 1 ? { rows: commit.count } : {}) }
  const row: Document = { ...fields, ...more }
  // Text that is run again must not be more than it was.
  if (mode === 'insert') await terminal.print(`-- ${wordsOf(command, commit, more)}\n`)
  else await printRows(terminal, mode === 'json' ? 'ndjson' : mode, { columns: [], rows: [row] })
}

const TRANSACTION_COMMANDS = new Set(['BEGIN', 'ROLLBACK', 'SAVEPOINT', 'ROLLBACK TO', 'RELEASE'])

function wordsOf(command: string, commit: Commit | undefined, { rows }: Document): string {
  if (commit !== undefined) return `${command}: ${inWords(commit)}`
  if (TRANSACTION_COMMANDS.has(command)) return command
  return typeof rows === 'number' ? `${command}: ${rows} ${rows === 1 ? 'row' : 'rows'}, not committed yet` : `${command}: nothing to do`
}

function inWords({ seq, count, time }: Commit): string {
  return `${count} ${count === 1 ? 'event' : 'events'}, @seq:${seq}, ${new Date(time).toISOString()}`
}
