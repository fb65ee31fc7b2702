/** SNAPSHOT, COMPACT and ANALYZE: what is done to tables without an answer changing. */
import { DriftError } from '../base/errors.js'
import type { Document } from '../codec/value.js'
import type { Coordinator } from '../coordinator/coordinator.js'
import type { Analyze, Maintenance } from '../parser/ast.js'
import type { ResultColumn } from '../executor/result-rows.js'
import { analyzeTable } from './analyze-table.js'
import type { Control } from './control.js'
import { rowsRun, type RunningStatement, type StatementOptions } from './running-statement.js'
import type { SessionState } from './session.js'
import { refuseAtPast } from './statement-reading.js'
import { ANALYZE_COLUMNS, statisticsRows } from './statistics-rows.js'

const SNAPSHOT_COLUMNS: readonly ResultColumn[] = [
  { name: 'table', type: 'text', nullable: false },
  ...['seq', 'events', 'bytes'].map((name): ResultColumn => ({ name, type: 'int8', nullable: false })),
  { name: 'files', type: 'jsonb', nullable: false }
]
const COMPACT_COLUMNS: readonly ResultColumn[] = [
  { name: 'table', type: 'text', nullable: false },
  ...['events', 'segments_before', 'segments_after', 'bytes_before', 'bytes_after'].map((name): ResultColumn => ({
    name,
    type: 'int8',
    nullable: false
  }))
]
/** SNAPSHOT, COMPACT: one row for each table. */
export async function maintain(
  { kind, table }: Maintenance,
  options: StatementOptions,
  session: SessionState,
  coordinator: Coordinator,
  control: Control
): Promise<RunningStatement> {
  refuseInTransaction(session, kind.toUpperCase())
  refuseAtPast(options, session, kind)
  const { signal } = options
  if (kind === 'snapshot') {
    const rows = await coordinator.snapshot(table, { signal })
    return rowsRun(
      'SNAPSHOT',
      SNAPSHOT_COLUMNS,
      rows.map(({ seq, events, files, bytes, table: name }) => ({ table: name, seq, events, bytes, files })),
      control,
      undefined
    )
  }
  const rows = await coordinator.compact(table, { signal })
  return rowsRun(
    'COMPACT',
    COMPACT_COLUMNS,
    rows.map((row) => ({
      table: row.table,
      events: row.events,
      segments_before: row.segmentsBefore,
      segments_after: row.segmentsAfter,
      bytes_before: row.bytesBefore,
      bytes_after: row.bytesAfter
    })),
    control,
    undefined
  )
}

/** ANALYZE: one row for each column. */
export async function analyze(
  { table }: Analyze,
  options: StatementOptions,
  session: SessionState,
  coordinator: Coordinator,
  control: Control
): Promise<RunningStatement> {
  refuseInTransaction(session, 'ANALYZE')
  refuseAtPast(options, session, 'ANALYZE')
  coordinator.assertWritable()
  const rows: Document[] = []
  for (const state of coordinator.tableStates(table === null ? undefined : [table])) {
    const statistics = await analyzeTable(coordinator, state, { control })
    await coordinator.installStatistics(state, statistics)
    rows.push(...statisticsRows(state.definition.name, statistics))
  }
  return rowsRun('ANALYZE', ANALYZE_COLUMNS, rows, control, undefined)
}

/** @throws DriftError NOT_SUPPORTED where a transaction is open. */
export function refuseInTransaction({ transaction }: SessionState, statement: string): void {
  if (transaction === undefined) return
  throw new DriftError('NOT_SUPPORTED', `${statement} is a commit of its own; it cannot stand in a transaction`, { statement })
}
