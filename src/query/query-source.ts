/** What a query reads from. The floors above implement it; a query knows nothing of versions, pages or logs. */
import { type Key } from '../codec/key-codec.js'
import { type Document } from '../codec/value.js'
import { type PagesAtSeq } from '../scan/scan-table.js'

/** Bounds by key order; an absent bound is none. */
export type KeyRange = {
  readonly gt?: Key
  readonly gte?: Key
  readonly lt?: Key
  readonly lte?: Key
  readonly reverse?: boolean
}

export type ColumnType = 'int8' | 'float8' | 'bool' | 'text' | 'timestamptz' | 'bytea' | 'jsonb'

/** A column that a table has been seen to have. */
export type TableColumn = { readonly name: string; readonly type: ColumnType; readonly nullable: boolean }

/** The database at one read point: every call of one source sees the same state. */
export type QuerySource = {
  /** The last event that is seen. */
  readonly seq: number
  /**
   * The field that holds the key of `table`.
   * @throws DriftError UNKNOWN_TABLE.
   */
  primaryKey(table: string): string
  /** All that were seen at this point, in order of first appearance; the primary key is one of them. */
  columns(table: string): readonly TableColumn[]
  /** Live rows. */
  count(table: string): number
  /** The document of a legal key, or undefined. */
  get(table: string, key: Key): Document | undefined
  /** The seq of the last event of a legal key, deletes included; 0 if it has none. */
  lastSeqOf(table: string, key: Key): number
  /** In key order. An iteration that is left early is told so by `return`. */
  scan(table: string, range: KeyRange): Iterable<Document>
  /** The rows of {@link scan} as lines of JSON, in pieces. */
  jsonLines(table: string, range: KeyRange): Generator<{ readonly bytes: Uint8Array; readonly rows: number }, void>
  /** The keys that {@link scan} would go through. */
  keys(table: string, range: KeyRange): Iterable<Key>
  /** The table's version pages at this point, where it has some; whoever takes them releases them. Rows come from elsewhere without. */
  pages?(table: string): PagesAtSeq | undefined
}
