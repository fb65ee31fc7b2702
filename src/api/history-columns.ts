import type { ResultColumn } from '../query/result-rows.js'

/** What SHOW DRIFT and `driftdb drift` show of each event. */
export const HISTORY_COLUMNS: readonly ResultColumn[] = [
  { name: 'seq', type: 'int8', nullable: false },
  { name: 'time', type: 'timestamptz', nullable: false },
  { name: 'event', type: 'text', nullable: false },
  { name: 'payload', type: 'jsonb', nullable: true },
  { name: 'document', type: 'jsonb', nullable: true },
  { name: 'metadata', type: 'jsonb', nullable: true }
]
