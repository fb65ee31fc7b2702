/** A statement under way, as whoever reads its rows sees it, and how one is made of a query, of rows, or of nothing but its end. */
import type { Document } from '../codec/value.js'
import type { Commit } from '../coordinator/commit-pipeline.js'
import type { AskedPoint } from '../coordinator/read-points.js'
import type { Batch } from '../expression/batch.js'
import type { Parameters } from '../expression/parameters.js'
import { arraysOf, objectsOf, type ResultColumn } from '../executor/result-rows.js'
import type { SelectRun } from '../executor/run-select.js'
import type { Control, ControlOptions } from './control.js'
import type { SchemaCommand } from './schema-statements.js'
import type { TransactionCommand } from './transaction-statements.js'

export type CommandName =
  | 'SELECT'
  | 'EXPLAIN'
  | 'SHOW DRIFT'
  | 'INSERT'
  | 'UPSERT'
  | 'UPDATE'
  | 'DELETE'
  | 'PATCH'
  | 'SOFT DELETE'
  | SchemaCommand
  | 'SNAPSHOT'
  | 'COMPACT'
  | 'ANALYZE'
  | 'SET'
  | 'RESET'
  | TransactionCommand

export type StatementOptions = ControlOptions & {
  readonly parameters?: Parameters | undefined
  /** Where tables without their own AS OF are read; writes are READ_ONLY meanwhile. */
  readonly asOf?: AskedPoint | undefined
  readonly dialect?: 'drift' | 'sql' | undefined
  readonly strict?: boolean | undefined
}

/** A statement under way: what it is is known, its rows are made as they are pulled, once. */
export type RunningStatement = {
  readonly command: CommandName
  /** There before the first row. */
  readonly columns: readonly ResultColumn[]
  /** Of a statement that writes. */
  readonly commit: Commit | undefined
  /** Rows that were written; undefined for a statement that reads. */
  readonly writtenRows: number | undefined
  readonly notices: readonly string[]
  readonly rowsScanned: () => number
  readonly control: Control
  /** Before the first batch is pulled; undefined where nothing has to be waited for. */
  readonly begin?: (() => Promise<void> | undefined) | undefined
  /** After an empty batch: a promise to wait for before the next is pulled. */
  readonly until?: () => Promise<void> | undefined
  /** Told of what went wrong: throws what the reader gets. */
  readonly failed?: ((thrown: unknown) => never) | undefined
  /** When no more are pulled: lets go of what the statement held. */
  readonly end?: (() => void) | undefined
  /** Empty ones are a chance to look up. */
  readonly batches: Generator<Batch, void, void>
  readonly objects: (batch: Batch) => Document[]
  /** Instead of the batches, where it is faster. */
  readonly jsonLines?: (() => Generator<Uint8Array, void>) | undefined
  readonly arrays: (batch: Batch) => unknown[][]
}

export function noticesOf(run: SelectRun, notice: string | undefined): readonly string[] {
  return notice === undefined || run.notices.includes(notice) ? run.notices : [...run.notices, notice]
}

export function takeUntil({ stats }: SelectRun): Promise<void> | undefined {
  const { until } = stats
  stats.until = undefined
  return until
}

export function* given(batches: readonly Batch[]): Generator<Batch, void> {
  yield* batches
}

export function running(
  command: CommandName,
  run: SelectRun,
  control: Control,
  notice: string | undefined,
  { begin, end }: Pick<RunningStatement, 'begin' | 'end'> = {}
): RunningStatement {
  const { columns, batches, stats, jsonLines } = run
  return {
    command,
    columns,
    commit: undefined,
    writtenRows: undefined,
    notices: noticesOf(run, notice),
    rowsScanned: () => stats.rowsScanned,
    until: () => takeUntil(run),
    control,
    begin,
    end,
    batches,
    jsonLines,
    objects: (batch) => objectsOf(batch, run),
    arrays: (batch) => arraysOf(batch, run)
  }
}

/** Rows that are made outside the executor. */
export function rowsRun(
  command: CommandName,
  columns: readonly ResultColumn[],
  rows: Iterable<Document>,
  control: Control,
  notice: string | undefined
): RunningStatement {
  const batches = function* (): Generator<Batch, void> {
    for (const row of rows) yield { rowCount: 1, columns: [], documents: [row] }
  }
  return {
    command,
    columns,
    commit: undefined,
    writtenRows: undefined,
    notices: notice === undefined ? [] : [notice],
    rowsScanned: () => 0,
    control,
    batches: batches(),
    objects: ({ documents }) => [...(documents ?? [])],
    arrays: ({ documents }) => (documents ?? []).map((row) => columns.map(({ name }) => row[name] ?? null))
  }
}

export function done(
  command: CommandName,
  control: Control,
  commit: Commit | undefined,
  writtenRows: number | undefined,
  notice: string | undefined
): RunningStatement {
  return { ...rowsRun(command, [], [], control, notice), commit, writtenRows }
}
