import { DriftError } from '../base/errors.js'
import type { ColumnInfo, ColumnType } from '../catalog/seen-columns.js'
import { keyBytes, type Key } from '../codec/key-codec.js'
import type { Document, Value } from '../codec/value.js'
import type { Coordinator } from '../coordinator/coordinator.js'
import type { TableState } from '../coordinator/table-state.js'
import { EVENT_NAMES } from '../format/frame.js'
import type { KeyRange } from '../index/ordered-keys.js'
import { turn } from '../runtime/turn.js'
import { equals, TRUE } from '../codec/value-equality.js'
import type { Parameters } from '../expression/parameters.js'
import { rowCondition } from '../expression/row-condition.js'

export type { ColumnInfo, ColumnType }

/** A row with the event that made it what it is. `time` is unix ms. */
export type Entry<Row> = { readonly document: Row; readonly seq: number; readonly time: number; readonly metadata: Value }

/** One event of a key. `payload` is the document (INSERT), the patch (PATCH) or null (SOFT_DELETE). */
export type HistoryEntry<Row> = {
  readonly seq: number
  readonly time: number
  readonly event: 'INSERT' | 'PATCH' | 'SOFT_DELETE'
  readonly payload: Document | null
  /** The row after the event; null after a delete. */
  readonly document: Row | null
  /** Of its commit; null if none was given. */
  readonly metadata: Value
}

/** As a transaction sees it: its own events have no seq and no time before its commit. */
export type TransactionHistoryEntry<Row> = Omit<HistoryEntry<Row>, 'seq' | 'time'> & {
  readonly seq: number | null
  readonly time: number | null
}

export type HistoryOptions = { readonly reverse?: boolean; readonly limit?: number }

export type ScanOptions = {
  readonly gt?: Key
  readonly gte?: Key
  readonly lt?: Key
  readonly lte?: Key
  readonly reverse?: boolean
  readonly limit?: number
  /** Only rows whose fields equal these values, or for which a condition of DriftQL is true. */
  readonly where?: { readonly [field: string]: unknown } | { readonly text: string; readonly params: Parameters }
  /** Only these fields; null where a row has none. */
  readonly columns?: readonly string[]
  readonly signal?: AbortSignal
}

/** Rows between two turns of the event loop. */
const ROWS_PER_TURN = 1024

/**
 * One table at one point in time, read by key. All but `scan` and `keys` is synchronous: a point read never leaves the caller's thread.
 */
export class TableView<Row extends object = Document> {
  readonly name: string
  protected readonly coordinator: Coordinator
  readonly #at: () => number

  /** @internal */
  constructor(coordinator: Coordinator, name: string, at: () => number) {
    this.coordinator = coordinator
    this.name = name
    this.#at = at
    this.state()
  }

  /** The row with this key, or undefined. Throws INVALID_DOCUMENT for what cannot be a key, CORRUPT for damaged files. */
  get(key: Key): Row | undefined {
    return this.state().get(key, this.#at()) as Row | undefined
  }

  /** Rows in the order of `keys`, undefined where there is none. */
  getMany(keys: Iterable<Key>): (Row | undefined)[] {
    const state = this.state()
    const at = this.#at()
    return Array.from(keys, (key) => state.get(key, at) as Row | undefined)
  }

  has(key: Key): boolean {
    return this.state().has(key, this.#at())
  }

  /** Live rows. At a past point every key is looked at once. */
  count(): number {
    const state = this.state()
    return this.#at() === this.coordinator.lastSeq ? state.presentCount() : state.countAt(this.#at())
  }

  /**
   * The columns: every name under which a document or patch up to this point had a field, in order of first appearance, the primary key
   * first. At most 10,000; rows keep fields beyond them. Without columns before the table's creation.
   */
  columns(): readonly ColumnInfo[] {
    return this.state().columnsAt(this.#at())
  }

  /** The row with the seq, time and metadata of its last event. */
  entry(key: Key): Entry<Row> | undefined {
    const state = this.state()
    const version = state.versionOf(key, this.#at())
    const document = version === 0 ? undefined : state.frames.document(version)
    if (document === undefined) return undefined
    const seq = state.versions.seqOf(version)
    return { document: document as Row, seq, time: state.frames.time(version), metadata: this.coordinator.commitOf(seq).metadata }
  }

  /** Every event of a key up to this point, oldest first; `document` and `metadata` are computed when they are read. */
  *history(key: Key, { reverse = false, limit = Number.POSITIVE_INFINITY }: HistoryOptions = {}): Generator<HistoryEntry<Row>, void> {
    let left = limit
    for (const entry of committedHistory<Row>(this.coordinator, this.state(), key, this.#at(), reverse)) {
      if (left-- <= 0) return
      yield entry
    }
  }

  /** Rows in key order. Consistent: it reads the point at which it began, whatever is written meanwhile. */
  async *scan(options: ScanOptions = {}): AsyncGenerator<Row, void> {
    const { where, columns } = options
    const matches = where === undefined ? undefined : whereMatcher(where)
    for await (const { document } of this.#rows(options, (row) => matches === undefined || matches(row))) {
      yield (columns === undefined ? document : project(document, columns)) as Row
    }
  }

  /** Keys of the rows that {@link scan} would give. */
  async *keys(options: Omit<ScanOptions, 'columns' | 'where'> = {}): AsyncGenerator<Key, void> {
    for await (const { key } of this.#rows(options, undefined)) yield key
  }

  protected state(): TableState {
    return this.coordinator.table(this.name)
  }

  async *#rows(
    options: ScanOptions,
    matches: ((row: Document) => boolean) | undefined
  ): AsyncGenerator<{ readonly key: Key; readonly document: Document }, void> {
    const { limit = Number.POSITIVE_INFINITY, signal } = options
    const state = this.state()
    const at = this.#at()
    let left = limit
    let sinceTurn = 0
    if (left <= 0) return
    for (const { ordinal, version } of state.scan(keyRange(options), at)) {
      if (++sinceTurn === ROWS_PER_TURN) {
        sinceTurn = 0
        await turn()
        // The database may have been closed, or moved to other files, meanwhile.
        this.state()
        if (signal?.aborted === true) throw new DriftError('ABORTED', 'the scan was cancelled', { table: this.name })
      }
      const document = matches === undefined ? {} : state.frames.document(version)
      if (document === undefined || matches?.(document) === false) continue
      yield { key: state.key(ordinal), document }
      if (--left <= 0) return
    }
  }
}

/** Events of a key with seq <= `at`, oldest first unless `reverse`. */
export function* committedHistory<Row>(
  coordinator: Coordinator,
  state: TableState,
  key: Key,
  at: number,
  reverse = false
): Generator<HistoryEntry<Row>, void> {
  for (const version of state.history(key, at, reverse)) yield new VersionEntry<Row>(coordinator, state, version)
}

class VersionEntry<Row> implements HistoryEntry<Row> {
  readonly #coordinator: Coordinator
  readonly #state: TableState
  readonly #version: number
  readonly seq: number
  readonly time: number
  readonly event: 'INSERT' | 'PATCH' | 'SOFT_DELETE'

  constructor(coordinator: Coordinator, state: TableState, version: number) {
    this.#coordinator = coordinator
    this.#state = state
    this.#version = version
    this.seq = state.versions.seqOf(version)
    this.time = state.frames.time(version)
    this.event = EVENT_NAMES[state.versions.eventOf(version)] as 'INSERT' | 'PATCH' | 'SOFT_DELETE'
  }

  get payload(): Document | null {
    return this.#state.frames.payload(this.#version)
  }

  get document(): Row | null {
    return (this.#state.frames.document(this.#version) as Row | undefined) ?? null
  }

  get metadata(): Value {
    return this.#coordinator.commitOf(this.seq).metadata
  }

  toJSON() {
    const { seq, time, event, payload, document, metadata } = this
    return { seq, time, event, payload, document, metadata }
  }
}

/** Bounds as canonical bytes; INVALID_ARGUMENT for two on one side. */
export function keyRange(options: Pick<ScanOptions, 'gt' | 'gte' | 'lt' | 'lte' | 'reverse'>): KeyRange {
  const lower = canonical(options.gte, options.gt, 'gte', 'gt')
  const upper = canonical(options.lte, options.lt, 'lte', 'lt')
  return {
    from: lower,
    fromInclusive: options.gt === undefined,
    to: upper,
    toInclusive: options.lt === undefined,
    reverse: options.reverse ?? false
  }
}

function canonical(inclusive: Key | undefined, exclusive: Key | undefined, a: string, b: string): Uint8Array | undefined {
  if (inclusive !== undefined && exclusive !== undefined) {
    throw new DriftError('INVALID_ARGUMENT', `${a} and ${b} are two bounds on one side; give one`, {})
  }
  const bound = inclusive ?? exclusive
  return bound === undefined ? undefined : keyBytes(bound)
}

export function project(document: Document, columns: readonly string[]): Document {
  return Object.fromEntries(columns.map((column) => [column, document[column] ?? null]))
}

/** Equality as DriftQL has it: null equals nothing, numbers by value, classes apart. */
export function whereMatcher(where: NonNullable<ScanOptions['where']>): (row: Document) => boolean {
  if (isCondition(where)) return rowCondition(where.text, where.params, 'drift')
  const wanted = Object.entries(where)
  return (row) => wanted.every(([field, value]) => equals(row[field], value) === TRUE)
}

/** `{ text, params }` and nothing else: a table may have a field named `text`. */
function isCondition(where: NonNullable<ScanOptions['where']>): where is { readonly text: string; readonly params: Parameters } {
  const { text, params } = where
  return typeof text === 'string' && typeof params === 'object' && params !== null && Object.keys(where).length === 2
}
