import type { Coordinator } from '../coordinator/coordinator.js'
import type { PointInTime } from '../parser/point-in-time.js'
import type { PlanCache } from '../planner/plan-cache.js'
import type { QuerySource } from '../relation/query-source.js'
import { resolved } from './point.js'
import type { StatementPages } from './statement-pages.js'
import { withSystemTables } from './system-tables.js'
import { versionsAt } from './version-source.js'
import { keyRange } from './view.js'

/** What one statement takes for the present, at each of the points that it reads. */
export type Moment = {
  /** Unix ms. */
  readonly now: number
  /** The last visible seq. */
  readonly present: number
  /** A point ahead of it is an error. */
  readonly strict: boolean
  /** The present of a transaction, own writes included. */
  readonly own?: QuerySource | undefined
  /** Of a statement that names `drift.plans`. */
  readonly plans?: PlanCache | undefined
  /** Of a statement that does not name `drift.commits`: every source would have to look for it. */
  readonly isWithoutLog?: boolean | undefined
}

/** Now itself, not a time before it. */
function isPresent(point: PointInTime): boolean {
  return point.kind === 'now' && (point.offsetMs === undefined || point.offsetMs === 0)
}

/** The database at one seq, as queries read it. */
export function sourceAt(coordinator: Coordinator, at: number, moment: Moment, pages?: StatementPages): QuerySource {
  let past: ReturnType<typeof versionsAt> | undefined
  let counts: Map<string, number> | undefined
  const source: QuerySource = {
    seq: at,
    now: moment.now,
    find: (point) => {
      if (moment.own !== undefined && isPresent(point)) return { seq: moment.present, notice: undefined, source: moment.own }
      const { seq, notice } = coordinator.readPoint(resolved(point, moment.now), moment.strict)
      // What became visible since the statement began is not seen by it.
      return { seq: Math.min(seq, moment.present), notice }
    },
    at: (seq) => sourceAt(coordinator, seq, moment, pages),
    pages: (table) => pages?.of(table, at),
    indexes: (table) => pages?.indexes.of(table, at) ?? [],
    indexDefinitions: (table) => pages?.indexes.definitions(table) ?? [],
    forced: pages?.indexes.joins,
    isIndexForced: pages?.indexes.isForced === true,
    documentAt: (table, ordinal) => coordinator.table(table).documentAt(ordinal, at),
    inKeyOrder: (table, ordinals, reverse) => coordinator.table(table).inKeyOrder(ordinals, reverse),
    scanCounters: (table) => pages?.counters(table, at),
    fragments: coordinator.fragments,
    primaryKey: (table) => coordinator.table(table).definition.primaryKey,
    columns: (table) => coordinator.table(table).columnsAt(at),
    count: (table) => {
      const state = coordinator.table(table)
      if (at === coordinator.lastSeq) return state.presentCount()
      // Plans ask again and again; in the past a part of a block of versions is gone through for it.
      let count = counts?.get(table)
      if (count === undefined) (counts ??= new Map()).set(table, (count = state.countAt(at)))
      return count
    },
    statistics: (table) => coordinator.statisticsOf(coordinator.table(table)),
    get: (table, key) => coordinator.table(table).get(key, at),
    lastSeqOf: (table, key) => {
      const state = coordinator.table(table)
      const version = state.versionOf(key, at)
      return version === 0 ? 0 : state.versions.seqOf(version)
    },
    scan: (table, range) => coordinator.table(table).documents(keyRange(range), at),
    jsonLines: (table, range) => coordinator.table(table).jsonLines(keyRange(range), at),
    *keys(table, range) {
      const state = coordinator.table(table)
      for (const { ordinal } of state.scan(keyRange(range), at)) yield state.key(ordinal)
    },
    versions: (table, range, window) => (past ??= versionsAt(coordinator, at)).versions(table, range, window),
    changes: (table, range, from, to) => (past ??= versionsAt(coordinator, at)).changes(table, range, from, to),
    commitEnd: (seq) => (past ??= versionsAt(coordinator, at)).commitEnd(seq)
  }
  return moment.isWithoutLog === true && moment.plans === undefined ? source : withSystemTables(source, coordinator, at, moment)
}
