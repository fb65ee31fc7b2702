import { DriftError } from '../base/errors.js'
import { SeenColumns, type ColumnInfo } from '../catalog/seen-columns.js'
import { compareKeys, encodeKey } from '../codec/key-codec.js'
import type { Document } from '../codec/value.js'
import type { KeyRange } from '../index/ordered-keys.js'
import type { OwnEvent, OwnWrites } from '../txn/own-writes.js'
import type { RangeRead, ReadKind, ReadSet } from '../txn/read-set.js'
import type { TableState } from './table-state.js'

export type ViewRow = { readonly key: Uint8Array; readonly document: () => Document | undefined }

const scratch = new Uint8Array(1100)

/**
 * The database as one statement of a transaction sees it: what is committed at `at`, and over it the transaction's own writes up to the
 * statement's begin. What it reads goes into the read set of a SERIALIZABLE transaction. Rows that the transaction wrote are merged with
 * those of the table in key order: the sorted own rows are few, and each takes the place of the row of its key.
 */
export class TransactionView {
  readonly at: number
  readonly #own: OwnWrites<TableState>
  readonly #through: number
  readonly #epoch: number
  readonly #reads: ReadSet<TableState> | undefined

  constructor(own: OwnWrites<TableState>, at: number, reads: ReadSet<TableState> | undefined) {
    this.at = at
    this.#own = own
    this.#through = own.number
    this.#epoch = own.epoch
    this.#reads = reads
  }

  hasOwn(table: TableState): boolean {
    return this.#own.hasAny(table, this.#through)
  }

  readRange(table: TableState, read: RangeRead): void {
    this.#reads?.readRange(table, read)
  }

  readKey(table: TableState, key: unknown, kind: ReadKind): void {
    this.#reads?.readKey(table, this.#keyBytes(key), kind)
  }

  /** @throws NOT_SUPPORTED where what it reads must still be so at its commit: every commit changes the log. */
  readLog(): void {
    if (this.#reads === undefined) return
    const message = 'drift.commits in a SERIALIZABLE transaction that may write: read it AS OF an earlier point, or outside'
    throw new DriftError('NOT_SUPPORTED', message, { table: 'drift.commits' })
  }

  get(table: TableState, key: unknown): Document | undefined {
    const event = this.#eventOf(table, key, 'row')
    return event === undefined ? table.get(key, this.at) : this.#rowAfter(table, key, event)
  }

  has(table: TableState, key: unknown): boolean {
    const event = this.#eventOf(table, key, 'presence')
    return event === undefined ? table.has(key, this.at) : this.#own.isLive(event, () => table.has(key, this.at))
  }

  /** The last own event of a key. */
  ownEvent(table: TableState, key: unknown): OwnEvent<TableState> | undefined {
    return this.#eventOf(table, key, 'row')
  }

  /** Of a key, oldest first. */
  ownEvents(table: TableState, key: unknown): readonly OwnEvent<TableState>[] {
    if (this.#eventOf(table, key, 'row') === undefined) return []
    return this.#own.eventsOf(table, this.#keyBytes(key), this.#through)
  }

  rowAfter(table: TableState, key: unknown, event: OwnEvent<TableState>): Document | undefined {
    this.#check()
    return this.#rowAfter(table, key, event)
  }

  payload(event: OwnEvent<TableState>): Document | null {
    this.#check()
    return this.#own.payload(event)
  }

  /** Live rows; `committed`: those at the point without the own writes. */
  count(table: TableState, committed: () => number): number {
    this.readRange(table, { range: {}, kind: 'presence', matches: undefined })
    this.#check()
    let count = committed()
    if (!this.hasOwn(table)) return count
    for (const { key, event } of this.#own.rows(table, {}, this.#through)) {
      const was = this.#isLive(table, key)
      count += Number(this.#own.isLive(event, () => was)) - Number(was)
    }
    return count
  }

  /** Those of the table, then what own documents and patches brought. */
  columns(table: TableState): readonly ColumnInfo[] {
    const columns = table.columnsAt(this.at)
    if (!this.hasOwn(table)) return columns
    this.#check()
    const { primaryKey, createdSeq } = table.definition
    const seq = Math.max(this.at, createdSeq)
    return this.#own.columns(table, seq, this.#through, () => {
      const seen = new SeenColumns(primaryKey, createdSeq)
      if (!seen.restore(table.columns.stored(seq), seq)) throw new DriftError('INVARIANT', 'CAT-2: columns of a table do not restore')
      return seen
    })
  }

  /** Live rows in key order. */
  *rows(table: TableState, range: KeyRange): Generator<ViewRow, void> {
    const { keys, frames } = table
    const direction = range.reverse === true ? -1 : 1
    const own = this.hasOwn(table) ? this.#own.rows(table, range, this.#through) : undefined
    let next = own?.next()
    for (const { ordinal, version } of table.scan(range, this.at)) {
      const key = keys.keyOf(ordinal)
      let isOwn = false
      for (; next !== undefined && next.done !== true; next = own?.next()) {
        const order = compareKeys(next.value.key, key) * direction
        if (order > 0) break
        isOwn ||= order === 0
        yield* this.#ownRow(table, next.value.key, next.value.event)
      }
      if (!isOwn) yield { key, document: () => frames.document(version) }
    }
    for (; next !== undefined && next.done !== true; next = own?.next()) yield* this.#ownRow(table, next.value.key, next.value.event)
  }

  *#ownRow(table: TableState, key: Uint8Array, event: OwnEvent<TableState>): Generator<ViewRow, void> {
    this.#check()
    if (!this.#own.isLive(event, () => this.#isLive(table, key))) return
    yield { key, document: () => this.#own.rowAfter(event, this.at, () => this.#committed(table, key)) }
  }

  #rowAfter(table: TableState, key: unknown, event: OwnEvent<TableState>): Document | undefined {
    return this.#own.rowAfter(event, this.at, () => table.get(key, this.at))
  }

  #eventOf(table: TableState, key: unknown, kind: ReadKind): OwnEvent<TableState> | undefined {
    this.#check()
    const bytes = this.#keyBytes(key)
    this.#reads?.readKey(table, bytes, kind)
    return this.hasOwn(table) ? this.#own.eventOf(table, bytes, this.#through) : undefined
  }

  #keyBytes(key: unknown): Uint8Array {
    return scratch.subarray(0, encodeKey(key, scratch))
  }

  #isLive(table: TableState, key: Uint8Array): boolean {
    return table.versions.isLive(this.#version(table, key))
  }

  #committed(table: TableState, key: Uint8Array): Document | undefined {
    const version = this.#version(table, key)
    return version === 0 ? undefined : table.frames.document(version)
  }

  #version(table: TableState, key: Uint8Array): number {
    const ordinal = table.keys.find(key, key.length)
    return ordinal < 0 ? 0 : table.versions.versionAt(ordinal, this.at)
  }

  /** What a ROLLBACK TO took back, a statement that began before it cannot go on reading. */
  #check(): void {
    if (this.#epoch === this.#own.epoch) return
    throw new DriftError('TXN_ABORTED', 'the rows of this statement were rolled back while it was read', {})
  }
}
