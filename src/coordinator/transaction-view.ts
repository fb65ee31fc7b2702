import { DriftError } from '../base/errors.js'
import { SeenColumns, type ColumnInfo } from '../catalog/seen-columns.js'
import { compareKeys, keyBytes } from '../codec/key-codec.js'
import type { Document } from '../codec/value.js'
import type { KeyRange } from '../index/ordered-keys.js'
import type { OwnEvent, OwnWrites } from '../txn/own-writes.js'
import type { LogRead, RangeRead, ReadKind, ReadSet } from '../txn/read-set.js'
import type { TableState } from './table-state.js'

export type ViewRow = { readonly key: Uint8Array; readonly document: () => Document | undefined }

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

  /** A statement that begins now, at the same point, sees the same. */
  isAsNow(at: number): boolean {
    return this.at === at && this.#through === this.#own.number && this.#epoch === this.#own.epoch
  }

  hasOwn(table: TableState): boolean {
    return this.#own.hasAny(table, this.#through)
  }

  readRange(table: TableState, read: RangeRead): void {
    this.#reads?.readRange(table, read)
  }

  readKey(table: TableState, key: unknown, kind: ReadKind): void {
    if (this.#reads !== undefined) noteRead(this.#reads, table, table.ordinalOf(key), key, kind)
  }

  /** `found`: whether the read would find a commit that comes behind its point. */
  readLog(found: LogRead): void {
    this.#reads?.readLog(found)
  }

  get(table: TableState, key: unknown): Document | undefined {
    const ordinal = this.#ordinalRead(table, key, 'row')
    const event = this.#eventOf(table, ordinal, key)
    return event === undefined ? table.documentOf(ordinal, this.at) : this.#rowAfter(table, key, event)
  }

  has(table: TableState, key: unknown): boolean {
    const ordinal = this.#ordinalRead(table, key, 'presence')
    const event = this.#eventOf(table, ordinal, key)
    return event === undefined ? table.hasAt(ordinal, this.at) : this.#own.isLive(event, () => table.hasAt(ordinal, this.at))
  }

  /** Of a key, oldest first. */
  ownEvents(table: TableState, key: unknown): readonly OwnEvent<TableState>[] {
    this.#ordinalRead(table, key, 'row')
    return this.hasOwn(table) ? this.#own.eventsOf(table, key, this.#through) : []
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

  /** Of a key that is read, or -1. */
  #ordinalRead(table: TableState, key: unknown, kind: ReadKind): number {
    this.#check()
    const ordinal = table.ordinalOf(key)
    if (this.#reads !== undefined) noteRead(this.#reads, table, ordinal, key, kind)
    return ordinal
  }

  #eventOf(table: TableState, ordinal: number, key: unknown): OwnEvent<TableState> | undefined {
    return this.hasOwn(table) ? this.#own.eventOf(table, ordinal, key, this.#through) : undefined
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

function noteRead(reads: ReadSet<TableState>, table: TableState, ordinal: number, key: unknown, kind: ReadKind): void {
  if (ordinal >= 0) reads.readKey(table, ordinal, kind)
  else reads.readUnborn(table, keyBytes(key), kind)
}
