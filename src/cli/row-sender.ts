/**
 * Sends rows to a table in commits, several on their way at once. A commit is numbered in the call, so a refused row is known one turn of
 * the event loop later, before the next commit is made: rows before it are sent again without it, and order is kept.
 */
import { DriftError } from '../base/errors.js'
import type { Commit, Document, Table } from '../index.js'
import type { InputRow } from './input-row.js'

export type SentRow = InputRow & { readonly document: Document }

const COMMITS_IN_FLIGHT = 16

/** A batch in which rows are refused is tried again in pieces of a quarter, so that a file of bad rows costs a few tries for each. */
const SHRINK = 4

export class RowSender {
  readonly #table: Table
  readonly #mode: 'insert' | 'upsert'
  readonly #onRefused: (row: InputRow, error: DriftError) => Promise<void>
  readonly #inFlight: Promise<Commit | DriftError>[] = []
  #rows = 0
  #last: Commit | undefined

  /** `onRefused` throws to stop, or takes note of the row. */
  constructor(table: Table, mode: 'insert' | 'upsert', onRefused: (row: InputRow, error: DriftError) => Promise<void>) {
    this.#table = table
    this.#mode = mode
    this.#onRefused = onRefused
  }

  /** Rows that are acknowledged. */
  get rows(): number {
    return this.#rows
  }

  /** The last commit that is acknowledged. */
  get last(): Commit | undefined {
    return this.#last
  }

  /** Resolves when the rows are numbered and there is room for more. Throws what `onRefused` throws, and errors of the database. */
  async send(rows: readonly SentRow[]): Promise<void> {
    let from = 0
    let size = rows.length
    while (from < rows.length) {
      const piece = rows.slice(from, from + size)
      const refused = await this.#commit(piece)
      if (refused === undefined) {
        from += piece.length
        size *= 2
        continue
      }
      const before = await this.#commit(piece.slice(0, refused.index))
      if (before !== undefined) throw before.error
      const row = piece[refused.index]
      if (row !== undefined) await this.#onRefused(row, refused.error)
      from += refused.index + 1
      size = Math.max(1, Math.floor(size / SHRINK))
    }
  }

  /** Resolves when everything sent is acknowledged. */
  async settle(): Promise<void> {
    while (this.#inFlight.length > 0) await this.#settleOne()
  }

  /** Undefined if the rows are numbered; else which one was refused, and none is stored. */
  async #commit(rows: readonly SentRow[]): Promise<{ readonly index: number; readonly error: DriftError } | undefined> {
    if (rows.length === 0) return undefined
    let failed: DriftError | undefined
    const documents = rows.map((row) => row.document)
    const outcome = this.#table.insertMany(documents, { batchRows: rows.length, mode: this.#mode }).catch((error: unknown) => {
      failed = DriftError.from(error, this.#table.name)
      return failed
    })
    await new Promise((resolve) => void setImmediate(resolve))
    if (failed !== undefined) return refusalOf(failed)
    this.#inFlight.push(outcome)
    if (this.#inFlight.length >= COMMITS_IN_FLIGHT) await this.#settleOne()
    return undefined
  }

  async #settleOne(): Promise<void> {
    const outcome = await this.#inFlight.shift()
    if (outcome === undefined) return
    if (outcome instanceof DriftError) throw causeOf(outcome)
    this.#rows += outcome.count
    this.#last = outcome
  }
}

/** Errors that one row has; all others are the database's, and thrown. */
function refusalOf(failed: DriftError): { readonly index: number; readonly error: DriftError } {
  const { index, committed } = failed.details
  const error = causeOf(failed)
  const isRow = error.code === 'DRIFT_INVALID_DOCUMENT' || error.code === 'DRIFT_ALREADY_EXISTS' || error.code === 'DRIFT_LIMIT'
  if (!isRow || typeof index !== 'number' || committed !== 0) throw error
  return { index, error }
}

/** The row numbers of a batch mean nothing to a reader of lines. */
function causeOf(failed: DriftError): DriftError {
  return failed.cause instanceof DriftError ? failed.cause : failed
}
