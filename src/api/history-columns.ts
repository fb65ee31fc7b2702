import type { ResultColumn } from '../executor/result-rows.js'

/** What SHOW DRIFT and `driftdb drift` show of each event. */
export const HISTORY_COLUMNS: readonly ResultColumn[] = [
  { name: 'seq', type: 'int8', nullable: false },
  { name: 'time', type: 'timestamptz', nullable: false },
  { name: 'event', type: 'text', nullable: false },
  { name: 'payload', type: 'jsonb', nullable: true },
  { name: 'document', type: 'jsonb', nullable: true },
  { name: 'metadata', type: 'jsonb', nullable: true }
]

/** In a transaction, whose own events have no seq and no time yet. */
export const OWN_HISTORY_COLUMNS: readonly ResultColumn[] = HISTORY_COLUMNS.map((column) => {
  return column.name === 'seq' || column.name === 'time' ? { ...column, nullable: true } : column
})
