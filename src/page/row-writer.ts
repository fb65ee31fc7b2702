/**
 * Takes one event into the open rectangles: an INSERT and a PATCH write a row into the delta of their key's rectangle and end the version
 * before it, a SOFT_DELETE only ends it. Nothing here knows of sealed pages or of merges.
 */
import { assertLaw, DriftError } from '../base/errors.js'
import { type DeltaChunk } from './delta-chunk.js'
import { type DeltaChunks } from './delta-chunks.js'
import { endRow } from './end-row.js'
import { type KeyTable, NOWHERE } from './key-table.js'
import { type OpenPages } from './open-pages.js'
import { type OpenRange } from './open-range.js'
import { type OpenRanges } from './open-ranges.js'
import { type PageEvent } from './page-event.js'
import * as layout from './page-layout.js'
import { type SplitTrigger } from './split-trigger.js'
import { type TimeSplits } from './time-splits.js'

export class RowWriter {
  readonly #ranges: OpenRanges
  readonly #pages: OpenPages
  readonly #keys: KeyTable
  readonly #chunks: DeltaChunks
  readonly #trigger: SplitTrigger
  readonly #splits: TimeSplits

  constructor(ranges: OpenRanges, chunks: DeltaChunks, trigger: SplitTrigger, splits: TimeSplits) {
    this.#ranges = ranges
    this.#pages = ranges.pages
    this.#keys = ranges.keys
    this.#chunks = chunks
    this.#trigger = trigger
    this.#splits = splits
  }

  insert(event: PageEvent): void {
    const { ordinal } = event
    const keys = this.#keys
    const pages = this.#pages
    const isNew = !keys.has(ordinal)
    if (isNew) keys.add(ordinal, event.key, event.keyBytes)
    let location = keys.locationOf(ordinal)
    let range = location === NOWHERE ? this.#ranges.rangeOf(ordinal) : pages.rangeAt(location)
    if (this.#trigger.isTooFar(range, event.seq)) {
      this.#splits.splitNow(range)
      location = keys.locationOf(ordinal)
      range = location === NOWHERE ? this.#ranges.rangeOf(ordinal) : pages.rangeAt(location)
    }
    let isAppend = false
    if (location === NOWHERE && range === this.#ranges.last) {
      isAppend = range.lastOrdinal < 0 || keys.compare(range.lastOrdinal, ordinal) < 0
      // Behind the last key a full range is left as it is, and a new one begins.
      if (isAppend && this.#isFullAtEnd(range)) {
        range = this.#ranges.append(ordinal)
        range.rowsMax = this.#limitOf(range)
      }
    }
    let chunk = this.#chunks.chunkFor(range, event)
    if (!chunk.insert(event, location)) {
      chunk = this.#chunks.largerChunk(range, event, NOWHERE)
      assertLaw(chunk.insert(event, location), 'FMT-8', `no room for event ${event.seq} in a chunk that was made for it`)
    }
    const wasAlive = location !== NOWHERE && this.#endRow(location, event.seq)
    if (isAppend) range.lastOrdinal = ordinal
    else range.isAppended = false
    if (!wasAlive) range.alive++
    this.#added(range, chunk, event)
  }

  patch(event: PageEvent): void {
    const pages = this.#pages
    const location = this.#nearLocation(event)
    const range = pages.rangeAt(location)
    const page = pages.pageAt(location)
    const row = pages.rowAt(location)
    let chunk = this.#chunks.chunkFor(range, event)
    if (!chunk.patch(event, page, row, location)) {
      chunk = this.#chunks.largerChunk(range, event, location)
      assertLaw(chunk.patch(event, page, row, location), 'FMT-8', `no room for event ${event.seq} in a chunk that was made for it`)
    }
    endRow(page.view, row, event.seq)
    range.isAppended = false
    this.#added(range, chunk, event)
  }

  delete(event: PageEvent): void {
    const pages = this.#pages
    const location = this.#nearLocation(event)
    const range = pages.rangeAt(location)
    this.#endRow(location, event.seq)
    range.alive--
    range.aliveMin = Math.min(range.aliveMin, range.alive)
    range.isAppended = false
    range.hasDeletes = true
    this.#ranges.rowsChanged(event.seq)
    if (!range.isFrozen) {
      // 0 says that its bytes are full.
      if (range.rowsMax > 0) range.rowsMax = this.#limitOf(range)
      if (range.rows >= range.rowsMax) this.#splits.look(range)
    }
  }

  #added(range: OpenRange, chunk: DeltaChunk, { ordinal, seq }: PageEvent): void {
    const ranges = this.#ranges
    this.#keys.locations[ordinal] = this.#pages.locationOf(chunk.number, chunk.rowCount - 1)
    if (!chunk.isUnpublished) ranges.toPublish(chunk)
    ranges.rowsChanged(seq)
    range.rows++
    if (range.rows >= range.rowsMax) this.#splits.look(range)
  }

  /** The same, where the rectangle's offsets reach the event: a rectangle that is too old is split first. */
  #nearLocation(event: PageEvent): number {
    const location = this.#aliveLocation(event)
    const range = this.#pages.rangeAt(location)
    if (!this.#trigger.isTooFar(range, event.seq)) return location
    this.#splits.splitNow(range)
    return this.#aliveLocation(event)
  }

  #aliveLocation({ ordinal, seq }: PageEvent): number {
    const location = this.#keys.locationOf(ordinal)
    if (location !== NOWHERE) {
      const { view } = this.#pages.pageAt(location)
      if (view.i32[view.endAt + this.#pages.rowAt(location)] === layout.OPEN_END) return location
    }
    throw new DriftError('INVARIANT', `VIS-6: event ${seq} changes ordinal ${ordinal}, which is not there`, { law: 'VIS-6' })
  }

  /** Ends the version at a location; false if it had ended before. */
  #endRow(location: number, seq: number): boolean {
    return endRow(this.#pages.pageAt(location).view, this.#pages.rowAt(location), seq)
  }

  #isFullAtEnd(range: OpenRange): boolean {
    if (range.lastOrdinal < 0 || range.isFrozen) return false
    return range.rowsMax === 0 || range.rows >= this.#limitOf(range) - 1
  }

  #limitOf(range: OpenRange): number {
    return this.#trigger.limitOf(range, this.#ranges.list.length)
  }
}
