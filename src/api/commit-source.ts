import { CATALOG_TABLE_ID, COMMITS_TABLE_NAME } from '../base/ids.js'
import { formatJsonLines } from '../codec/json-codec.js'
import type { Key } from '../codec/key-codec.js'
import type { Document } from '../codec/value.js'
import type { Coordinator } from '../coordinator/coordinator.js'
import { metadataOf, type CommitRecord } from '../mvcc/commit-record.js'
import type { KeyRange, QuerySource, TableColumn } from '../relation/query-source.js'

/** Commits that are taken out of the log together: so few that LIMIT reads little, and nothing is held beside them. */
const COMMITS_PER_PIECE = 64
/** Lines that are formatted together. */
const LINES = 256

const COLUMNS: readonly TableColumn[] = [
  { name: 'seq', type: 'int8', nullable: false },
  { name: 'first_seq', type: 'int8', nullable: false },
  { name: 'count', type: 'int8', nullable: false },
  { name: 'time', type: 'timestamptz', nullable: false },
  { name: 'metadata', type: 'jsonb', nullable: true },
  { name: 'tables', type: 'jsonb', nullable: false }
]

/**
 * The same source with the table `drift.commits`: a row for each commit up to its point, with the last seq as its key. It is read from the
 * commit log, a piece at a time: a range of seqs or times is found by a binary search, and what lies outside is not read.
 */
export function withCommits(source: QuerySource, coordinator: Coordinator, at: number): QuerySource {
  const isLog = (table: string): boolean => table === COMMITS_TABLE_NAME
  const documents = function* (range: KeyRange): Generator<Document, void> {
    for (const commit of commitsIn(coordinator, range, at)) yield documentOf(coordinator, commit)
  }
  return {
    ...source,
    pages: (table) => (isLog(table) ? undefined : source.pages?.(table)),
    indexes: (table) => (isLog(table) ? [] : (source.indexes?.(table) ?? [])),
    scanCounters: (table) => (isLog(table) ? undefined : source.scanCounters?.(table)),
    hasOwn: (table) => !isLog(table) && source.hasOwn?.(table) === true,
    primaryKey: (table) => (isLog(table) ? 'seq' : source.primaryKey(table)),
    timeColumn: (table) => (isLog(table) ? 'time' : source.timeColumn?.(table)),
    columns: (table) => (isLog(table) ? COLUMNS : source.columns(table)),
    count: (table) => (isLog(table) ? coordinator.commitCount(at) : source.count(table)),
    statistics: (table) => (isLog(table) ? undefined : source.statistics?.(table)),
    get: (table, key) => (isLog(table) ? commitAt(coordinator, key, at) : source.get(table, key)),
    scan: (table, range) => (isLog(table) ? documents(range) : source.scan(table, range)),
    *jsonLines(table, range) {
      if (!isLog(table)) return yield* source.jsonLines(table, range)
      let rows: Document[] = []
      for (const document of documents(range)) {
        if (rows.push(document) < LINES) continue
        yield { bytes: Buffer.from(formatJsonLines(rows)), rows: rows.length }
        rows = []
      }
      if (rows.length > 0) yield { bytes: Buffer.from(formatJsonLines(rows)), rows: rows.length }
    },
    *keys(table, range) {
      if (!isLog(table)) return yield* source.keys(table, range)
      for (const { seq } of commitsIn(coordinator, range, at)) yield seq
    }
  }
}

/** The commits in a range, as of `at`. Bounds that are no numbers leave nothing out: the condition is asked of each row. */
function* commitsIn(coordinator: Coordinator, range: KeyRange, at: number): Generator<CommitRecord, void> {
  const { time = {} } = range
  const after = Math.max(
    0,
    ...numbers(range.gt, Math.floor),
    ...numbers(range.gte, (seq) => Math.ceil(seq) - 1),
    ...(time.from === undefined ? [] : [coordinator.lastSeqAtTime(time.from - 1)])
  )
  const through = Math.min(
    at,
    ...numbers(range.lte, Math.floor),
    ...numbers(range.lt, (seq) => Math.ceil(seq) - 1),
    ...(time.to === undefined ? [] : [coordinator.lastSeqAtTime(time.to)])
  )
  if (range.reverse === true) {
    for (let before = through + 1; before > after + 1;) {
      const piece = coordinator.commitsBefore(before, COMMITS_PER_PIECE)
      if (piece.length === 0) return
      for (const commit of piece) {
        if (commit.seq <= after) return
        yield commit
        before = commit.seq
      }
    }
    return
  }
  for (let last = after; last < through;) {
    const piece = coordinator.commitsAfter(last, through, COMMITS_PER_PIECE)
    if (piece.length === 0) return
    for (const commit of piece) {
      yield commit
      last = commit.seq
    }
  }
}

/** What of a read of the log a later commit would be found by. */
export type CommitsRead = {
  readonly keys: readonly Key[] | undefined
  readonly range: KeyRange | undefined
  readonly matches: ((document: Document) => boolean) | undefined
}

/** Whether the read would find a commit. */
export function findsCommit(coordinator: Coordinator, { keys, range, matches }: CommitsRead): (commit: CommitRecord) => boolean {
  return (commit) => {
    const { seq, time } = commit
    if (keys !== undefined && !keys.some((key) => Number(key) === seq)) return false
    if (range !== undefined && !isWithin(seq, time, range)) return false
    return matches === undefined || matches(documentOf(coordinator, commit))
  }
}

function isWithin(seq: number, unixMs: number, { gt, gte, lt, lte, time = {} }: KeyRange): boolean {
  if (numbers(gt, (bound) => bound).some((bound) => seq <= bound) || numbers(gte, (bound) => bound).some((bound) => seq < bound))
    return false
  if (numbers(lt, (bound) => bound).some((bound) => seq >= bound) || numbers(lte, (bound) => bound).some((bound) => seq > bound))
    return false
  return unixMs >= (time.from ?? Number.NEGATIVE_INFINITY) && unixMs <= (time.to ?? Number.POSITIVE_INFINITY)
}

function numbers(bound: Key | undefined, round: (seq: number) => number): number[] {
  return typeof bound === 'number' || typeof bound === 'bigint' ? [round(Number(bound))] : []
}

function commitAt(coordinator: Coordinator, key: Key, at: number): Document | undefined {
  if (typeof key !== 'number' || !Number.isInteger(key) || key < 1 || key > at) return undefined
  const [commit] = coordinator.commitsAfter(key - 1, key, 1)
  return commit === undefined ? undefined : documentOf(coordinator, commit)
}

function documentOf(coordinator: Coordinator, commit: CommitRecord): Document {
  const { seq, firstSeq, time } = commit
  return {
    seq,
    first_seq: firstSeq,
    count: seq - firstSeq + 1,
    time: new Date(time),
    metadata: metadataOf(commit),
    tables: tablesOf(coordinator, commit)
  }
}

/** In the order of their first events, each once; a table counts as one that its making is an event of. */
function tablesOf(coordinator: Coordinator, { firstSeq, runs }: CommitRecord): string[] {
  const names = runs.map(({ tableId }) =>
    tableId === CATALOG_TABLE_ID ? coordinator.schemaEventAt(firstSeq).table.name : coordinator.tableById(tableId).definition.name
  )
  return names.length === 1 ? names : [...new Set(names)]
}
