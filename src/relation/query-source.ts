/** What a query reads from. The floors above implement it; a query knows nothing of versions, pages or logs. */
import { type IndexDefinition } from '../catalog/index-definition.js'
import { type Key } from '../codec/key-codec.js'
import { type Document, type Value } from '../codec/value.js'
import { type TableStatistics } from '../format/statistics-file.js'
import { type ReadableIndex } from '../index/readable-index.js'
import { type PointInTime } from '../parser/point-in-time.js'
import { type FragmentRunner } from '../scan/fragment.js'
import { type PagesAtSeq } from '../scan/scan-table.js'
import { type ScanCounters } from './scan-counters.js'

/** Bounds by key order; an absent bound is none. */
export type KeyRange = {
  readonly gt?: Key
  readonly gte?: Key
  readonly lt?: Key
  readonly lte?: Key
  readonly reverse?: boolean
  /** Only rows whose time lies between, ends included, unix ms: of a table that has a {@link QuerySource.timeColumn}. */
  readonly time?: { readonly from?: number | undefined; readonly to?: number | undefined }
}

/** Which rows of a table are asked for, with the values of one execution. */
export type FoundAccess = { readonly kind: 'keys'; readonly keys: readonly Key[] } | { readonly kind: 'range'; readonly range: KeyRange }

export type ColumnType = 'int8' | 'float8' | 'bool' | 'text' | 'timestamptz' | 'bytea' | 'jsonb'

/** A column that a table has been seen to have. `table`: in a join, the name that it has after FROM. */
export type TableColumn = { readonly name: string; readonly type: ColumnType; readonly nullable: boolean; readonly table?: string }

/**
 * Where a point in time came to lie: the end of a commit, and what to say if that can still change. `source`: what is read there, where
 * that is more than the commits: the present of a transaction.
 */
export type FoundPoint = { readonly seq: number; readonly notice: string | undefined; readonly source?: QuerySource | undefined }

/** What a query looks at in one table, told before it is read. */
export type SourceRead = {
  readonly keys: readonly Key[] | undefined
  /** Undefined where there are `keys`. */
  readonly range: KeyRange | undefined
  /** Nothing but whether there are rows, and their keys. */
  readonly keysOnly: boolean
  /** Only rows for which it is true matter. */
  readonly matches: ((document: Document) => boolean) | undefined
}

/** A commit's end; `time` is unix ms. */
export type CommitEnd = { readonly seq: number; readonly time: number }

/** A key whose document differs between two points; undefined where there is no row. `seq`: of its last event up to the later point. */
export type Change = {
  readonly key: Key
  readonly before: Document | undefined
  readonly after: Document | undefined
  readonly seq: number
}

/** What an INSERT or PATCH made of a row. It is seen at every commit's end from `seq` to before `endSeq`. */
export type Version = {
  readonly event: 'INSERT' | 'PATCH'
  readonly seq: number
  /** Seq of the next event of the key; Infinity where there is none up to the point that is read. */
  readonly endSeq: number
  /** Made anew each time it is read, as are the others below: the reader may change it. */
  readonly document: Document
  readonly from: CommitEnd
  readonly to: CommitEnd | undefined
  /** Of its commit. */
  readonly metadata: Value
}

/** `written`: tables are joined in the order of FROM. */
export type ForcedJoins = { readonly join?: 'hash' | 'lookup' | undefined; readonly order?: 'written' | undefined }

/** The database at one read point: every call of one source sees the same state. */
export type QuerySource = {
  /** The last event that is seen. */
  readonly seq: number
  /** Unix ms; the same for all sources of one statement, as is the present. */
  readonly now: number
  /** @throws DriftError SEQ_AHEAD where that is asked for. */
  find(point: PointInTime): FoundPoint
  /** The same database at the end of another commit. */
  at(seq: number): QuerySource
  /**
   * The field that holds the key of `table`.
   * @throws DriftError UNKNOWN_TABLE.
   */
  primaryKey(table: string): string
  /**
   * Of a log, whose rows come with time and never change: the column of their times, which never decrease along the keys. A range of it is
   * a range of keys. Such a table has no versions and no differences.
   */
  timeColumn?(table: string): string | undefined
  /** All that were seen at this point, in order of first appearance; the primary key is one of them. */
  columns(table: string): readonly TableColumn[]
  /** Live rows. */
  count(table: string): number
  /** What is known of its columns, of whatever point; undefined where nobody looked. An aid to plans: no answer may depend on it. */
  statistics?(table: string): TableStatistics | undefined
  /** The document of a legal key, or undefined. */
  get(table: string, key: Key): Document | undefined
  /** The seq of the last event of a legal key, deletes included; 0 if it has none. */
  lastSeqOf(table: string, key: Key): number
  /** In key order. An iteration that is left early is told so by `return`. */
  scan(table: string, range: KeyRange): Iterable<Document>
  /** The rows of {@link scan} as lines of JSON, in pieces. */
  jsonLines(table: string, range: KeyRange): Generator<{ readonly bytes: Uint8Array; readonly rows: number }, void>
  /** What the scans of the table did so far, where that is counted. */
  scanCounters?(table: string): ScanCounters | undefined
  /** The keys that {@link scan} would go through. */
  keys(table: string, range: KeyRange): Iterable<Key>
  /** The table's version pages at this point, where it has some; whoever takes them releases them. Rows come from elsewhere without. */
  pages?(table: string): PagesAtSeq | undefined
  /** Indexes of the table that answer at this point; rows are found without them too. */
  indexes?(table: string): readonly ReadableIndex[]
  /** Of {@link indexes}, also before they can be read. */
  indexDefinitions?(table: string): readonly IndexDefinition[]
  /** An index is used also where a scan would cost less. */
  readonly isIndexForced?: boolean | undefined
  /** How joins are made, whatever it costs. */
  readonly forced?: ForcedJoins | undefined
  /** Of what an index finds: the row with an ordinal. */
  documentAt?(table: string, ordinal: number): Document | undefined
  /** Ordinals in the order of their keys. */
  inKeyOrder?(table: string, ordinals: number[], reverse: boolean): readonly number[]
  /** Other threads that take part in large scans, where there are some. */
  readonly fragments?: FragmentRunner | undefined
  /** A transaction wrote the table: it has no pages here. */
  hasOwn?(table: string): boolean
  /** Told of everything that is read here, where somebody wants to know. */
  read?(table: string, read: SourceRead): void
  /** Of the commit that an event belongs to. */
  commitEnd(seq: number): CommitEnd
  /**
   * The versions up to this point that begin at or before `through` and end behind `after`, both ends of commits: by key, those of one key
   * in the order of their events, which `reverse` does not turn round. Undefined: nothing was found in a stretch of work.
   */
  versions(table: string, range: KeyRange, window: { readonly after: number; readonly through: number }): Iterable<Version | undefined>
  /** The keys whose documents differ between the ends of two commits, whichever is the earlier, in key order. Undefined as above. */
  changes(table: string, range: KeyRange, from: number, to: number): Iterable<Change | undefined>
}
