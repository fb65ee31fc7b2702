import { DriftError } from '../base/errors.js'
import { encodeValue } from '../codec/document-codec.js'
import type { Key } from '../codec/key-codec.js'
import type { Document } from '../codec/value.js'
import { limits } from '../base/limits.js'
import type { Commit, CommitRequest } from '../coordinator/commit-pipeline.js'
import type { Coordinator } from '../coordinator/coordinator.js'
import { TableView } from './view.js'

export type WriteOptions = {
  /** Who, why: any value, up to 64 KiB encoded; kept with the commit. */
  readonly metadata?: unknown
  /** Only if the key's last event has this seq (0: it has none), else WRITE_CONFLICT. */
  readonly ifSeq?: number
  /** A write that changes nothing makes no event: count 0. */
  readonly skipUnchanged?: boolean
  /** Cancels a write that waits for room; one that is numbered goes on. */
  readonly signal?: AbortSignal
}

export type Progress = { readonly phase: string; readonly done: number; readonly total: number | undefined; readonly unit: string }

export type InsertManyOptions = {
  /** Rows of one commit; 1,000 unless given. */
  readonly batchRows?: number
  /** `upsert` replaces rows that are there. */
  readonly mode?: 'insert' | 'upsert'
  readonly metadata?: unknown
  readonly onProgress?: (progress: Progress) => void
  readonly signal?: AbortSignal
}

/** What `insertMany` wrote: the seqs of all its commits together. */
export type InsertManyResult = Commit & { readonly commits: number }

const noMetadata = new Uint8Array(0)
/** Commits on their way at once: enough to keep the disk busy, few enough to bound what is lost by an error. */
const COMMITS_IN_FLIGHT = 8
const PROGRESS_EVERY_MS = 100

/**
 * A table: rows by key, now and, through {@link TableView}, at any past point. Writes are validated, numbered and encoded before they
 * return their promise, in the order of the calls; the promise resolves when the commit is as durable as the database promises.
 *
 * @example
 * const orders = db.table<Order>('orders')
 * await orders.insert({ id: 'o1', status: 'pending' })
 * await orders.patch('o1', { status: 'paid' })
 */
export class Table<Row extends object = Document> extends TableView<Row> {
  /** @throws ALREADY_EXISTS, INVALID_DOCUMENT, LIMIT, WRITE_CONFLICT; POISONED after a failed write to the disk. */
  async insert(document: Row, options: WriteOptions = {}): Promise<Commit> {
    const set = this.coordinator.writeSet()
    set.document('insert', this.state(), document, options)
    return this.coordinator.commit(set, commitRequest(options))
  }

  /** Inserts, or replaces the row that is there. */
  async upsert(document: Row, options: WriteOptions = {}): Promise<Commit> {
    const set = this.coordinator.writeSet()
    set.document('upsert', this.state(), document, options)
    return this.coordinator.commit(set, commitRequest(options))
  }

  /** Sets some fields; null stores null. @throws KEY_NOT_FOUND where there is no row. */
  async patch(key: Key, set: Partial<Row>, options: WriteOptions = {}): Promise<Commit> {
    const writes = this.coordinator.writeSet()
    writes.patch(this.state(), key, set, options)
    return this.coordinator.commit(writes, commitRequest(options))
  }

  /** Ends the row; its history stays. @throws KEY_NOT_FOUND where there is no row. */
  async softDelete(key: Key, options: WriteOptions = {}): Promise<Commit> {
    const set = this.coordinator.writeSet()
    set.softDelete(this.state(), key, options)
    return this.coordinator.commit(set, commitRequest(options))
  }

  /**
   * Inserts many documents in commits of `batchRows`, with back-pressure: at most eight commits are on their way. A document that is
   * refused ends it: what was acknowledged stays, and the error has `details.index` (of the document) and `details.committed` (rows).
   */
  async insertMany(documents: Iterable<Row> | AsyncIterable<Row>, options: InsertManyOptions = {}): Promise<InsertManyResult> {
    return new BulkInsert<Row>(this.coordinator, this.name, options).run(documents)
  }
}

class BulkInsert<Row extends object> {
  readonly #coordinator: Coordinator
  readonly #table: string
  readonly #options: InsertManyOptions
  readonly #request: CommitRequest
  readonly #batchRows: number
  readonly #inFlight: Promise<Commit>[] = []
  #committed = 0
  #commits = 0
  #firstSeq = 0
  #last: Commit | undefined
  #lastReport = 0

  constructor(coordinator: Coordinator, table: string, options: InsertManyOptions) {
    this.#coordinator = coordinator
    this.#table = table
    this.#options = options
    this.#request = commitRequest(options)
    this.#batchRows = options.batchRows ?? 1000
    if (!Number.isInteger(this.#batchRows) || this.#batchRows < 1 || this.#batchRows > limits.batchEventsMax) {
      throw new DriftError('INVALID_ARGUMENT', `batchRows is a whole number from 1 to ${limits.batchEventsMax}`, { found: this.#batchRows })
    }
  }

  async run(documents: Iterable<Row> | AsyncIterable<Row>): Promise<InsertManyResult> {
    const total = Array.isArray(documents) ? documents.length : undefined
    let index = 0
    let batchStart = 0
    try {
      const { mode = 'insert' } = this.#options
      const table = this.#coordinator.table(this.#table)
      let set = this.#coordinator.writeSet()
      const add = (document: Row): boolean => {
        set.document(mode, table, document)
        index++
        return index - batchStart >= this.#batchRows || set.bytes > BATCH_BYTES
      }
      const send = async (): Promise<void> => {
        if (index === batchStart) return
        const start = batchStart
        batchStart = index
        const sent = this.#send(set, start)
        // Heard when its turn comes; until then a refusal is not one that nobody handles.
        sent.catch(() => {})
        this.#inFlight.push(sent)
        set = this.#coordinator.writeSet()
        if (this.#inFlight.length >= COMMITS_IN_FLIGHT) await this.#settleOne(total)
        if (this.#options.signal?.aborted === true) throw new DriftError('ABORTED', 'the ingest was cancelled', {})
      }
      if (Symbol.asyncIterator in documents) {
        for await (const document of documents) if (add(document)) await send()
      } else {
        for (const document of documents) if (add(document)) await send()
      }
      await send()
      while (this.#inFlight.length > 0) await this.#settleOne(total)
    } catch (error) {
      // What is on its way is acknowledged or not before the caller hears how far it came.
      const rest = await Promise.allSettled(this.#inFlight)
      for (const outcome of rest) if (outcome.status === 'fulfilled') this.#take(outcome.value)
      const cause = DriftError.from(error, this.#table)
      const details = { index, ...cause.details, committed: this.#committed }
      throw new DriftError(cause.code.slice(6) as 'IO', `row ${details.index}: ${cause.message}`, details, cause)
    }
    this.#report(total, true)
    const last = this.#last ?? { seq: this.#coordinator.lastSeq, firstSeq: this.#coordinator.lastSeq + 1, count: 0, time: 0 }
    return { seq: last.seq, firstSeq: this.#firstSeq || last.firstSeq, count: this.#committed, time: last.time, commits: this.#commits }
  }

  /** A refusal inside a batch names the operation; the caller counts rows. */
  async #send(set: Parameters<Coordinator['commit']>[0], start: number): Promise<Commit> {
    try {
      return await this.#coordinator.commit(set, this.#request)
    } catch (error) {
      const cause = DriftError.from(error, this.#table)
      const at = typeof cause.details['index'] === 'number' ? cause.details['index'] : 0
      throw new DriftError(cause.code.slice(6) as 'IO', cause.message, { ...cause.details, index: start + at }, cause)
    }
  }

  async #settleOne(total: number | undefined): Promise<void> {
    const commit = await this.#inFlight[0]
    void this.#inFlight.shift()
    if (commit !== undefined) this.#take(commit)
    this.#report(total, false)
  }

  #take(commit: Commit): void {
    this.#committed += commit.count
    this.#commits++
    this.#firstSeq ||= commit.firstSeq
    this.#last = commit
  }

  #report(total: number | undefined, isLast: boolean): void {
    const { onProgress } = this.#options
    if (onProgress === undefined) return
    const now = this.#coordinator.monotonic()
    if (!isLast && now - this.#lastReport < PROGRESS_EVERY_MS) return
    this.#lastReport = now
    onProgress({ phase: 'insert', done: this.#committed, total: isLast ? this.#committed : total, unit: 'rows' })
  }
}

/** A commit of large documents ends early, so that its bytes stay far below the limit. */
const BATCH_BYTES = 8 * 1024 * 1024

/** Throws INVALID_DOCUMENT or LIMIT for metadata that cannot be stored. */
export function commitRequest(options: {
  readonly metadata?: unknown
  readonly time?: number
  readonly signal?: AbortSignal
}): CommitRequest {
  const { metadata, time, signal } = options
  if (metadata === undefined || metadata === null) return { metadata: noMetadata, time, signal }
  const bytes = encodeValue(metadata, 'metadata').slice()
  if (bytes.length > limits.metadataBytesMax) {
    throw new DriftError('LIMIT', `metadata of ${bytes.length} bytes is over ${limits.metadataBytesMax}`, {
      name: 'metadataBytesMax',
      limit: limits.metadataBytesMax,
      seen: bytes.length
    })
  }
  return { metadata: bytes, time, signal }
}
