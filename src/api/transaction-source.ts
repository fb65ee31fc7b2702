import { formatJsonLines } from '../codec/json-codec.js'
import { COMMITS_TABLE_NAME, PLANS_TABLE_NAME } from '../base/ids.js'
import { decodeKey } from '../codec/key-codec.js'
import type { Document } from '../codec/value.js'
import type { Coordinator } from '../coordinator/coordinator.js'
import type { TransactionView } from '../coordinator/transaction-view.js'
import type { KeyRange, QuerySource } from '../relation/query-source.js'
import { findsCommit } from './commit-source.js'
import { sourceAt, type Moment } from './query-source.js'
import type { StatementPages } from './statement-pages.js'
import { withSystemTables } from './system-tables.js'
import { keyRange } from './view.js'

/** Lines that are formatted together. */
const LINES = 256

/**
 * The database as one statement of a transaction reads it. A table that the transaction wrote is read by its documents, with the own rows
 * among them; others as ever, by version pages too. Own writes stand at no point in time, so points, differences and versions are those of
 * the commits up to the read point.
 */
export function transactionSource(coordinator: Coordinator, view: TransactionView, given: Moment, pages?: StatementPages): QuerySource {
  const moment: { -readonly [Name in keyof Moment]: Moment[Name] } = { ...given }
  const committed = sourceAt(coordinator, view.at, moment, pages)
  const read: QuerySource['read'] = (table, { keys, range, keysOnly, matches }) => {
    if (table === COMMITS_TABLE_NAME)
      return view.readLog(findsCommit(coordinator, { keys: keys === undefined ? undefined : [...keys], range, matches }))
    if (table === PLANS_TABLE_NAME) return
    const state = coordinator.table(table)
    const kind = keysOnly ? 'presence' : 'row'
    if (range !== undefined) view.readRange(state, { range: keyRange(range), kind, matches })
    for (const key of keys ?? []) view.readKey(state, key, kind)
  }
  const hasOwn = (table: string): boolean => view.hasOwn(coordinator.table(table))
  const documents = function* (table: string, range: KeyRange): Generator<Document, void> {
    for (const row of view.rows(coordinator.table(table), keyRange(range))) {
      const document = row.document()
      if (document !== undefined) yield document
    }
  }
  const overlaid: QuerySource = {
    ...committed,
    read,
    hasOwn,
    at: (seq) => {
      const past = committed.at(seq)
      // At the read point itself what is found depends on what is there now.
      return seq >= view.at ? { ...past, read } : past
    },
    pages: (table) => (hasOwn(table) ? undefined : committed.pages?.(table)),
    indexes: (table) => (hasOwn(table) ? [] : (committed.indexes?.(table) ?? [])),
    indexDefinitions: (table) => (hasOwn(table) ? [] : (committed.indexDefinitions?.(table) ?? [])),
    columns: (table) => view.columns(coordinator.table(table)),
    count: (table) => view.count(coordinator.table(table), () => committed.count(table)),
    get: (table, key) => view.get(coordinator.table(table), key),
    scan: (table, range) => (hasOwn(table) ? documents(table, range) : committed.scan(table, range)),
    *jsonLines(table, range) {
      if (!hasOwn(table)) return yield* committed.jsonLines(table, range)
      let rows: Document[] = []
      for (const document of documents(table, range)) {
        if (rows.push(document) < LINES) continue
        yield { bytes: Buffer.from(formatJsonLines(rows)), rows: rows.length }
        rows = []
      }
      if (rows.length > 0) yield { bytes: Buffer.from(formatJsonLines(rows)), rows: rows.length }
    },
    *keys(table, range) {
      for (const { key } of view.rows(coordinator.table(table), keyRange(range))) yield decodeKey(key)
    }
  }
  const withSystem = withSystemTables(overlaid, coordinator, view.at, moment)
  const count: QuerySource['count'] = (table) => {
    // Of all commits, which every further one changes.
    if (table === COMMITS_TABLE_NAME) view.readLog(() => true)
    return withSystem.count(table)
  }
  const source: QuerySource = { ...withSystem, count }
  moment.own = source
  return source
}
