/** What a query reads from. The floors above implement it; a query knows nothing of versions, pages or logs. */
import { type Key } from '../codec/key-codec.js'
import { type Document } from '../codec/value.js'
import { type PointInTime } from './point-in-time.js'

/** Bounds by key order; an absent bound is none. */
export type KeyRange = { readonly gt?: Key; readonly gte?: Key; readonly lt?: Key; readonly lte?: Key }

/** The database at one read point: every call of one source sees the same state. */
export type QuerySource = {
  /**
   * The field that holds the key of `table`.
   * @throws DriftError UNKNOWN_TABLE.
   */
  primaryKey(table: string): string
  /** The document of a legal key, or undefined. */
  get(table: string, key: Key): Document | undefined
  /** In key order. An iteration that is left early is told so by `return`. */
  scan(table: string, range: KeyRange): Iterable<Document>
}

/** The source at a point; without one, at the statement's own read point. */
export type SourceAt = (point: PointInTime | undefined) => QuerySource
