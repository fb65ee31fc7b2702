import { DriftError } from '../base/errors.js'
import { QueryControl } from '../memory/query-control.js'
import type { Tile } from '../page/page-directory.js'
import type { FragmentOptions, RowRun, RowsFragment } from '../scan/fragment.js'
import { BatchUnpacker, type PackedBatch } from '../scan/packed-rows.js'
import { BatchMaker, RowScan, SCAN_BATCH_ROWS_MAX, type RowBatch } from '../scan/scan-rows.js'
import type { PagesAtSeq } from '../scan/scan-table.js'
import type { QueryReply, QueryWork, RowPiece } from './query-task.js'
import type { SubmittedTask } from './query-threads.js'
import { RunState } from './run-state.js'

/** Rows that may be read ahead of the consumer, by all threads together. A task may go beyond by less than a batch. */
const CREDITS = 16 * SCAN_BATCH_ROWS_MAX
/** Rows of one task; the first ones of a run have fewer. */
const TASK_ROWS_MAX = 8 * SCAN_BATCH_ROWS_MAX

/** Tasks of a run come one after the other: all are one participant. */
export const PARTICIPANT = 0

const NO_ROWS: RowBatch = { rowCount: 0, columns: [], documents: [] }

export type RowRunParts = {
  readonly pages: PagesAtSeq
  readonly tiles: readonly Tile[]
  readonly fragment: RowsFragment
  readonly options: FragmentOptions
  readonly threads: number
  readonly submit: (control: QueryControl, work: QueryWork) => SubmittedTask
  readonly onEnd: () => void
}

/** What is known of a morsel that was not delivered to its end. */
type Morsel = { readonly batches: PackedBatch[]; next: number; rows: number; state: 'open' | 'ended' | 'elsewhere' }

/**
 * Rows under way, delivered in the order of morsels. A task brings a few batches, and the right to send them, a credit for each row, is given when
 * it is submitted: no thread waits for the consumer, and one that is slow or gone leaves the threads to others. What a task left half
 * done is gone on with by the next one, or by the caller's thread, which reads the morsel that is due wherever nobody else is at it.
 */
export class PooledRowRun implements RowRun {
  readonly #parts: RowRunParts
  readonly #state: RunState
  readonly #scan: RowScan<RowBatch>
  readonly #unpacker = new BatchUnpacker()
  readonly #morsels = new Map<number, Morsel>()
  readonly #submitted = new Set<SubmittedTask>()
  /** Morsels that a task left, by their numbers. */
  readonly #left = new Set<number>()
  /** Where the consumer is. */
  #due = 0
  #here: Generator<RowBatch, void> | undefined
  /** Rows of the morsel that is due which were delivered. */
  #delivered = 0
  #rowsLeft: number
  /** Credits that are out: rows that came, or may come from tasks. */
  #credits = 0
  #taskRows = SCAN_BATCH_ROWS_MAX
  #isHereOnly: boolean

  constructor(parts: RowRunParts) {
    this.#parts = parts
    const { pages, tiles, fragment, options, threads, onEnd } = parts
    this.#isHereOnly = threads === 0
    this.#rowsLeft = fragment.rowsMax
    this.#state = new RunState(QueryControl.create(tiles.length), options.signal, () => {
      this.#leave()
      onEnd()
    })
    const { query, isBounded } = fragment
    const looked = (rows: number) => this.#state.control.looked(rows)
    this.#scan = new RowScan(pages, query, new BatchMaker(pages.table, query).batch, { isBounded, looked })
    if (!this.#state.isOver) this.#feed()
  }

  get isDone(): boolean {
    return this.#state.isOver
  }

  get isOver(): boolean {
    return this.#state.isOver
  }

  /** Rows that threads have sent, or may send without being asked again. */
  get rowsAhead(): number {
    return this.#credits
  }

  fail(error: DriftError): void {
    this.#state.fail(error)
  }

  get rowsLooked(): number {
    return this.#state.control.rowsLooked
  }

  take(): RowBatch | undefined {
    const state = this.#state
    state.throwIfFailed()
    try {
      while (!state.isOver) {
        if (this.#due === this.#parts.tiles.length || this.#rowsLeft <= 0) {
          state.end()
          return undefined
        }
        const batch = this.#here === undefined ? this.#fromThere() : this.#fromHere(this.#here)
        if (batch === 'waiting') return undefined
        if (batch === undefined) continue
        this.#delivered += batch.rowCount
        this.#rowsLeft -= batch.rowCount
        return batch
      }
      return undefined
    } catch (error) {
      state.fail(error)
      state.throwIfFailed()
      return undefined
    }
  }

  changed(): Promise<void> {
    return this.#state.changed()
  }

  stop(): void {
    this.#state.end()
  }

  /** The next batch of the morsel that is due; undefined where something else can be tried at once. */
  #fromThere(): RowBatch | 'waiting' | undefined {
    const { control } = this.#state
    const due = this.#morsels.get(this.#due)
    if (due !== undefined && due.next < due.batches.length) {
      const packed = due.batches[due.next] as PackedBatch
      due.batches[due.next++] = EMPTY
      this.#credits -= packed.rowCount
      this.#feed()
      return this.#unpacker.batch(packed)
    }
    if (due?.state === 'ended') {
      this.#nextMorsel()
      return undefined
    }
    const isHere = this.#isHereOnly || this.#parts.options.here !== 'only-there'
    if (due?.state === 'elsewhere' || (isHere && (this.#left.delete(this.#due) || control.takeIfNext(this.#due)))) {
      this.#here = this.#scan.tile(this.#tile(this.#due), NO_ROWS, this.#delivered)
      return undefined
    }
    this.#feed()
    return 'waiting'
  }

  #fromHere(here: Generator<RowBatch, void>): RowBatch | undefined {
    const step = here.next()
    if (step.done !== true) return step.value
    this.#here = undefined
    this.#tile(this.#due).letGo?.()
    this.#nextMorsel()
    return undefined
  }

  #nextMorsel(): void {
    this.#morsels.delete(this.#due)
    this.#due++
    this.#delivered = 0
    this.#feed()
  }

  #tile(morsel: number): Tile {
    const { tiles, fragment } = this.#parts
    return tiles[fragment.query.reverse === true ? tiles.length - 1 - morsel : morsel] as Tile
  }

  /** Gives threads work, as far as there are credits. */
  #feed(): void {
    const { control, isOver } = this.#state
    const { threads, fragment, submit } = this.#parts
    while (!isOver && !this.#isHereOnly && this.#submitted.size < threads) {
      const left = this.#leftMorsel()
      if (left === undefined && control.isExhausted) return
      let room = Math.min(this.#taskRows, CREDITS - this.#credits)
      // What is due is gone on with where nothing of it is here: it alone makes credits come back.
      if (room < SCAN_BATCH_ROWS_MAX && left === this.#due && !this.#hasDueRows) room = SCAN_BATCH_ROWS_MAX
      if (room < SCAN_BATCH_ROWS_MAX) return
      this.#taskRows = Math.min(TASK_ROWS_MAX, this.#taskRows * 2)
      let from: { readonly morsel: number; readonly skip: number } | undefined
      if (left !== undefined) {
        this.#left.delete(left)
        from = { morsel: left, skip: this.#morsels.get(left)?.rows ?? 0 }
      }
      this.#credits += room
      const submitted = submit(control, { kind: 'rows', fragment, from, rowsRoom: room })
      this.#submitted.add(submitted)
      submitted.reply.then(
        (reply) => {
          this.#submitted.delete(submitted)
          this.#credits -= room
          if (!this.#state.isOver) this.#heard(reply, from)
        },
        (error: unknown) => {
          this.#submitted.delete(submitted)
          this.#credits -= room
          // Where no thread has taken anything yet nothing is lost with it.
          const isHarmless = error instanceof DriftError && error.code === 'DRIFT_WORKER_LOST' && !control.hasEntered(PARTICIPANT)
          if (!isHarmless) this.#state.fail(error)
          else if (!this.#state.isOver) this.#heard({ kind: 'nothing' }, from)
        }
      )
    }
  }

  get #hasDueRows(): boolean {
    const due = this.#morsels.get(this.#due)
    return due !== undefined && due.next < due.batches.length
  }

  /** The first morsel that a task left; the one that is due is the caller's, where he takes part. */
  #leftMorsel(): number | undefined {
    const isHere = this.#parts.options.here !== 'only-there'
    let first: number | undefined
    for (const morsel of this.#left) {
      if (isHere && morsel === this.#due) continue
      if (first === undefined || morsel < first) first = morsel
    }
    return first
  }

  #heard(reply: QueryReply, from: { readonly morsel: number } | undefined): void {
    switch (reply.kind) {
      case 'rows':
        for (const piece of reply.pieces) this.#keep(piece)
        if (reply.pieces.some(({ isElsewhere }) => isElsewhere)) this.#isHereOnly = true
        break
      case 'nothing':
        // No thread has a place: this one does all.
        if (from !== undefined) this.#left.add(from.morsel)
        this.#isHereOnly = true
        break
      case 'failed':
        this.#state.fail(DriftError.fromData(reply.error))
        break
      case 'partial':
      case 'elsewhere':
        this.#state.fail(new DriftError('INVARIANT', `a thread answered a row scan with ${reply.kind}`))
    }
    this.#feed()
    this.#state.change()
  }

  #keep({ morsel, batches, isEnd, isElsewhere }: RowPiece): void {
    let known = this.#morsels.get(morsel)
    if (known === undefined) this.#morsels.set(morsel, (known = { batches: [], next: 0, rows: 0, state: 'open' }))
    for (const batch of batches) {
      known.batches.push(batch)
      known.rows += batch.rowCount
      this.#credits += batch.rowCount
    }
    if (isElsewhere) known.state = 'elsewhere'
    else if (isEnd) known.state = 'ended'
    else this.#left.add(morsel)
  }

  #leave(): void {
    this.#here?.return()
    this.#here = undefined
    for (const submitted of this.#submitted) submitted.withdraw()
    this.#submitted.clear()
    this.#morsels.clear()
  }
}

/** In the place of a batch that was delivered. */
const EMPTY: PackedBatch = { rowCount: 0, columns: [] }
