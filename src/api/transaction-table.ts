import { DriftError } from '../base/errors.js'
import { decodeKey, type Key } from '../codec/key-codec.js'
import type { Document } from '../codec/value.js'
import type { Coordinator } from '../coordinator/coordinator.js'
import type { TableState } from '../coordinator/table-state.js'
import type { TransactionView } from '../coordinator/transaction-view.js'
import type { OwnWrite } from '../coordinator/own-write.js'
import type { Transaction } from '../coordinator/transaction.js'
import { turn } from '../runtime/turn.js'
import { transactionHistory } from './transaction-history.js'
import {
  keyRange,
  project,
  whereMatcher,
  type ColumnInfo,
  type HistoryOptions,
  type ScanOptions,
  type TransactionHistoryEntry
} from './view.js'

export type TransactionWriteOptions = {
  /** Only if the key's last event has this seq (0: it has none), else WRITE_CONFLICT. */
  readonly ifSeq?: number
  /** A write that changes nothing makes no event. */
  readonly skipUnchanged?: boolean
}

const NO_CONDITIONS: TransactionWriteOptions = {}
/** Of every write that was taken: it is in the transaction when the call returns. */
const WRITTEN = Promise.resolve()

/** Rows between two turns of the event loop. */
const ROWS_PER_TURN = 1024

/**
 * A table in a transaction. Reads see the transaction's point and its own writes; those by key are synchronous. Writes take effect in the
 * transaction at once: awaiting one only says whether it was refused, and one that was refused fails the transaction whether it is awaited
 * or not.
 */
export class TransactionTable<Row extends object = Document> {
  readonly name: string
  readonly #coordinator: Coordinator
  readonly #transaction: Transaction
  #state: TableState | undefined

  /** @internal */
  constructor(coordinator: Coordinator, transaction: Transaction, name: string) {
    this.#coordinator = coordinator
    this.#transaction = transaction
    this.name = name
    this.#read(() => {})
  }

  get(key: Key): Row | undefined {
    // Without a closure: a read of what is in memory costs little more than that.
    const transaction = this.#transaction
    const view = transaction.view()
    try {
      return view.get(this.#table(), key) as Row | undefined
    } catch (thrown) {
      throw transaction.fail(thrown)
    }
  }

  /** Rows in the order of `keys`, undefined where there is none. */
  getMany(keys: Iterable<Key>): (Row | undefined)[] {
    return this.#read((state, view) => Array.from(keys, (key) => view.get(state, key) as Row | undefined))
  }

  has(key: Key): boolean {
    return this.#read((state, view) => view.has(state, key))
  }

  /** Live rows. */
  count(): number {
    return this.#read((state, view) =>
      view.count(state, () => (view.at === this.#coordinator.lastSeq ? state.presentCount() : state.countAt(view.at)))
    )
  }

  columns(): readonly ColumnInfo[] {
    return this.#read((state, view) => view.columns(state))
  }

  /** Every event of a key, oldest first; own ones come last and have no seq and no time yet. */
  *history(
    key: Key,
    { reverse = false, limit = Number.POSITIVE_INFINITY }: HistoryOptions = {}
  ): Generator<TransactionHistoryEntry<Row>, void> {
    const entries = this.#read((state, view) => [...transactionHistory<Row>(this.#coordinator, view, state, key)])
    if (reverse) entries.reverse()
    yield* entries.slice(0, limit)
  }

  /** Rows in key order, as they are when it begins. */
  async *scan(options: ScanOptions = {}): AsyncGenerator<Row, void> {
    const { where, columns } = options
    const matches = where === undefined ? undefined : this.#read(() => whereMatcher(where))
    for await (const { document } of this.#rows(options, matches, 'row')) {
      yield (columns === undefined ? document : project(document, columns)) as Row
    }
  }

  /** Keys of the rows that {@link scan} would give. */
  async *keys(options: Omit<ScanOptions, 'columns' | 'where'> = {}): AsyncGenerator<Key, void> {
    for await (const { key } of this.#rows(options, undefined, 'presence')) yield decodeKey(key)
  }

  /** @throws ALREADY_EXISTS, INVALID_DOCUMENT, LIMIT, WRITE_CONFLICT. */
  insert(document: Row, options: TransactionWriteOptions = NO_CONDITIONS): Promise<void> {
    return this.#write('insert', undefined, document, options)
  }

  /** Inserts, or replaces the row that is there. */
  upsert(document: Row, options: TransactionWriteOptions = NO_CONDITIONS): Promise<void> {
    return this.#write('upsert', undefined, document, options)
  }

  /** Sets some fields; null stores null. @throws KEY_NOT_FOUND where there is no row. */
  patch(key: Key, set: Partial<Row>, options: TransactionWriteOptions = NO_CONDITIONS): Promise<void> {
    return this.#write('patch', key, set, options)
  }

  /** Ends the row. @throws KEY_NOT_FOUND where there is no row. */
  softDelete(key: Key, options: TransactionWriteOptions = NO_CONDITIONS): Promise<void> {
    return this.#write('softDelete', key, undefined, options)
  }

  async *#rows(
    options: ScanOptions,
    matches: ((row: Document) => boolean) | undefined,
    kind: 'row' | 'presence'
  ): AsyncGenerator<{ readonly key: Uint8Array; readonly document: Document }, void> {
    const { limit = Number.POSITIVE_INFINITY, signal } = options
    const rows = this.#read((state, view) => {
      const range = keyRange(options)
      view.readRange(state, { range, kind, matches })
      return view.rows(state, range)
    })
    let left = limit
    let sinceTurn = 0
    while (left > 0) {
      if (++sinceTurn === ROWS_PER_TURN) {
        sinceTurn = 0
        await turn()
        this.#transaction.run(() => {
          if (signal?.aborted === true) throw new DriftError('ABORTED', 'the scan was cancelled', { table: this.name })
        })
      }
      const found = this.#transaction.run(() => {
        const next = rows.next()
        if (next.done === true) return undefined
        const document = kind === 'presence' ? {} : next.value.document()
        return { key: next.value.key, document: document !== undefined && matches?.(document) !== false ? document : undefined }
      })
      if (found === undefined) return
      if (found.document === undefined) continue
      yield { key: found.key, document: found.document }
      left--
    }
  }

  #read<Result>(read: (state: TableState, view: TransactionView) => Result): Result {
    return this.#transaction.run(() => read(this.#table(), this.#transaction.view()))
  }

  #write(kind: OwnWrite['kind'], key: Key | undefined, value: unknown, conditions: TransactionWriteOptions): Promise<void> {
    try {
      const table = this.#table()
      switch (kind) {
        case 'insert':
        case 'upsert':
          this.#transaction.writeOne({ kind, table, document: value, conditions })
          break
        case 'patch':
          this.#transaction.writeOne({ kind, table, key, set: value, conditions })
          break
        case 'softDelete':
          this.#transaction.writeOne({ kind, table, key, conditions })
      }
      return WRITTEN
    } catch (thrown) {
      const refused = Promise.reject(thrown as Error)
      // Who does not await it hears of it from every later call.
      refused.catch(() => {})
      return refused
    }
  }

  /** A table stays while the database is open; one that is only read is another one after each refresh. */
  #table(): TableState {
    if (this.#state !== undefined) return this.#state
    const state = this.#coordinator.table(this.name)
    if (!this.#coordinator.isReadOnly) this.#state = state
    return state
  }
}
