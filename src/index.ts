/** DriftDB: an append-only database that never forgets. */
export { AsOfView, Database, open } from './api/database.js'
export type {
  BatchOperation,
  BatchOptions,
  Commit,
  CompactedTable,
  CompactResult,
  CreateTableOptions,
  MaintenanceOptions,
  MaintenanceProgress,
  OpenOptions,
  Parameters,
  QueryOptions,
  ResultColumn,
  ScriptOptions,
  SqlTag,
  SnapshotResult,
  SnapshottedTable,
  StatementResult,
  TableInfo
} from './api/database.js'
export { ChangeFeed } from './api/change-feed.js'
export type { Change, ChangesOptions, CommitChanges } from './api/change-feed.js'
export type { CreateIndexOptions } from './api/create-index.js'
export type { IndexColumnOption, IndexOption, NamedIndex } from './api/index-options.js'
export type { IntegerMode } from './api/integers.js'
export type { PointInput } from './api/point.js'
export { PreparedQuery, Query } from './api/query.js'
export type { QueryResult } from './api/query.js'
export { SqlFragment, TaggedQuery } from './api/sql-tag.js'
export type { Attempt, TransactionOptions } from './api/run-transaction.js'
export { Session } from './api/session.js'
export { Table } from './api/table.js'
export type { InsertManyOptions, InsertManyResult, Progress, WriteOptions } from './api/table.js'
export { Transaction } from './api/transaction.js'
export type { LockOptions } from './api/transaction.js'
export type { BeginOptions, Isolation, IsolationName, LockedKey } from './api/transaction-options.js'
export { TransactionTable } from './api/transaction-table.js'
export type { TransactionWriteOptions } from './api/transaction-table.js'
export { verify } from './api/verify.js'
export type { Note, Problem, VerifiedTable, VerifyReport } from './api/verify.js'
export { TableView } from './api/view.js'
export type { ColumnInfo, ColumnType, Entry, HistoryEntry, HistoryOptions, ScanOptions, TransactionHistoryEntry } from './api/view.js'
export { DriftError } from './base/errors.js'
export type { ErrorCode, ErrorDetails, ErrorKind } from './base/errors.js'
export type { Durability } from './base/durability.js'
export type { Log } from './base/log.js'
export type { Key } from './codec/key-codec.js'
export type { Document, Value } from './codec/value.js'
