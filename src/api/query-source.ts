import type { Coordinator } from '../coordinator/coordinator.js'
import type { QuerySource } from '../query/query-source.js'
import type { StatementPages } from './statement-pages.js'
import { keyRange } from './view.js'

/** The database at one seq, as the query room reads it. */
export function sourceAt(coordinator: Coordinator, at: number, pages?: StatementPages): QuerySource {
  return {
    seq: at,
    primaryKey: (table) => coordinator.table(table).definition.primaryKey,
    columns: (table) => coordinator.table(table).columnsAt(at),
    count: (table) => {
      const state = coordinator.table(table)
      return at === coordinator.lastSeq ? state.presentCount() : state.countAt(at)
    },
    get: (table, key) => coordinator.table(table).get(key, at),
    lastSeqOf: (table, key) => {
      const state = coordinator.table(table)
      const version = state.versionOf(key, at)
      return version === 0 ? 0 : state.versions.seqOf(version)
    },
    scan: (table, range) => coordinator.table(table).documents(keyRange(range), at),
    jsonLines: (table, range) => coordinator.table(table).jsonLines(keyRange(range), at),
    pages: (table) => pages?.of(table, at),
    *keys(table, range) {
      const state = coordinator.table(table)
      for (const { ordinal } of state.scan(keyRange(range), at)) yield state.key(ordinal)
    }
  }
}
