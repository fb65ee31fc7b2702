/** Every limit of the database, in one place; each is tested at n and n + 1. Sizes are in bytes unless the name says otherwise. */
export const limits = {
  documentBytesMax: 16 * 1024 * 1024,
  keyBytesMax: 1024,
  tableNameBytesMax: 128,
  fieldNameBytesMax: 1024,
  nestingMax: 100,
  expressionDepthMax: 500,
  metadataBytesMax: 64 * 1024,
  batchEventsMax: 1_000_000,
  batchBytesMax: 256 * 1024 * 1024,
  /** Rows that one transaction has locked. */
  locksPerTransactionMax: 100_000,
  /** Transactions and writes that wait for one row. */
  lockQueueMax: 10_000,
  statementBytesMax: 64 * 1024 * 1024,
  parametersMax: 65_535,
  /** Tables that one query joins. */
  joinTablesMax: 64,
  /** Points of one FOR SYSTEM_TIME EACH. */
  sweepPointsMax: 10_000,
  tablesMax: 4096,
  indexesPerTableMax: 64,
  indexColumnsMax: 32,
  /** Names that a table's list of columns has room for; rows keep fields beyond it all the same. */
  columnsPerTableMax: 10_000,
  seqMax: Number.MAX_SAFE_INTEGER,
  timeMax: 8.64e15,
  logBytesMin: 8 * 1024 * 1024,
  logBytesMax: 1024 * 1024 * 1024,
  cacheBytesMin: 8 * 1024 * 1024,
  cacheBytesMax: 2 * 1024 * 1024 * 1024,
  /** Calls that wait for room in the log keep their encoded rows in private memory, up to here. */
  pendingBytesMax: 512 * 1024 * 1024,
  /** Bytes of one frame: a PATCH may carry a patch and the document it made. */
  frameBytesMax: 2 * 16 * 1024 * 1024 + 64 * 1024,
  queryBytesMax: 512 * 1024 * 1024,
  /** Rows that do not fit in a query's memory, in temporary files: written by one query, all together. */
  querySpillBytesMax: 64 * 1024 * 1024 * 1024
} as const

/** A patch that finds this many patches since the last full document carries the resulting document too. */
export const PATCHES_PER_DOCUMENT = 4
