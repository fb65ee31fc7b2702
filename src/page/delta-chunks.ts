/** Makes the pages of open rectangles: the chunks of their deltas, one behind the other, and their bases out of what a merge wrote. */
import { DriftError } from '../base/errors.js'
import { fieldCount } from '../codec/document-shape.js'
import { type Arena } from '../memory/arena.js'
import { ChunkColumns } from './chunk-columns.js'
import { DeltaChunk } from './delta-chunk.js'
import { type FieldNames } from './field-names.js'
import { NOWHERE } from './key-table.js'
import { OpenPage } from './open-page.js'
import { type OpenRange } from './open-range.js'
import { type OpenRanges } from './open-ranges.js'
import { columnsBytes, createPage, HeapDraft, type PageDraft } from './page-draft.js'
import { type PageEvent } from './page-event.js'
import * as layout from './page-layout.js'
import { type PageView } from './page-view.js'
import { type RowReader } from './row-reader.js'
import { type SplitTrigger } from './split-trigger.js'

const CHUNK_ROWS = 1024

export type DeltaChunksParts = {
  readonly arena: Arena
  /** Id of the table. */
  readonly table: number
  readonly primaryKey: string
  readonly ranges: OpenRanges
  readonly names: FieldNames
  readonly reader: RowReader
  readonly trigger: SplitTrigger
}

export class DeltaChunks {
  readonly #arena: Arena
  readonly #table: number
  readonly #ranges: OpenRanges
  readonly #names: FieldNames
  readonly #reader: RowReader
  readonly #trigger: SplitTrigger
  readonly #columns: ChunkColumns
  readonly #rowsMax: number
  /** Heap bytes of a row of a delta, as the last full chunk had them; -1: there was none. */
  heapPerRow = -1

  constructor({ arena, table, primaryKey, ranges, names, reader, trigger }: DeltaChunksParts) {
    this.#arena = arena
    this.#table = table
    this.#ranges = ranges
    this.#names = names
    this.#reader = reader
    this.#trigger = trigger
    this.#columns = new ChunkColumns(primaryKey, names, ranges.keys.heap)
    this.#rowsMax = Math.max(2, Math.min(CHUNK_ROWS, trigger.pageRows >> 4))
  }

  /** The chunk of the rectangle that the row of `event` goes to; its heap may be too small for it. */
  chunkFor(range: OpenRange, event: PageEvent): DeltaChunk {
    const chunk = range.chunks.length > range.frozenCount ? range.chunks[range.chunks.length - 1] : undefined
    return chunk?.hasRoom === true ? chunk : this.add(range, event, 0)
  }

  /** A chunk with room for the row that `event` makes of the version at `location`, whatever it holds. */
  largerChunk(range: OpenRange, event: PageEvent, location: number): DeltaChunk {
    const { source, from, to } = event
    let bytes = 2 * (to - from) + 16 * fieldCount(source, from) + 1024
    if (location !== NOWHERE) {
      const { pages } = this.#ranges
      bytes += this.#reader.roomOf(pages.pageAt(location).view, pages.rowAt(location))
    }
    const limit = this.#arena.slotBytes / 2
    if (bytes > limit) {
      throw new DriftError('LIMIT', `a row of about ${bytes} bytes is too large for a version page; ${limit} at most`, {
        name: 'pageRowBytesMax',
        limit,
        seen: bytes
      })
    }
    return this.add(range, event, bytes)
  }

  /** A chunk more, for `event` and those behind it, with a heap of `heapNeeded` bytes at least. */
  add(range: OpenRange, event: PageEvent, heapNeeded: number): DeltaChunk {
    const last = range.chunks[range.chunks.length - 1]
    if (last !== undefined && last.rowCount > 0) this.heapPerRow = last.heapBytes / last.rowCount
    const columns = this.#columns.columnsFor(range, event)
    const draft = (rowCapacity: number): PageDraft => ({
      kind: layout.DELTA,
      table: this.#table,
      rowCapacity,
      t0: range.t0,
      t1: Infinity,
      seqBase: event.seq,
      low: range.low,
      high: this.#ranges.highOf(range),
      hasOrigin: false,
      columns
    })
    const half = this.#arena.slotBytes / 2
    const rowBytes = columnsBytes(draft(64)) / 64
    const rows = Math.max(1, Math.min(this.#rowsMax, Math.floor(half / rowBytes)))
    const perRow = this.heapPerRow < 0 ? event.to - event.from : this.heapPerRow
    const room = Math.max(heapNeeded, Math.min(half, Math.ceil(perRow * rows * 1.25) + 512))
    const full = draft(rows)
    const view = createPage(this.#arena, full, new HeapDraft(full), room)
    const sibling = range.siblings.length
    if (sibling > layout.SIBLINGS_MAX) {
      this.#arena.release(view.address)
      throw new DriftError('OVERLOADED', 'a delta has too many chunks; its merge waits for page memory', { chunks: sibling })
    }
    const chunk = this.join(range, view, this.#ranges.pages.newNumber())
    range.seqBase = Math.min(range.seqBase, view.seqBase)
    this.#ranges.pagesChanged()
    // A rectangle that fills its bytes is looked at as one that fills its rows.
    if (!range.isFrozen && this.#trigger.isFull(range)) range.rowsMax = 0
    return chunk
  }

  /** `view` is the rectangle's next chunk, under that number. */
  join(range: OpenRange, view: PageView, number: number): DeltaChunk {
    view.siblings = range.siblings
    view.sibling = range.siblings.length
    range.siblings.push(view)
    const chunk = new DeltaChunk(view, this.#names, number, this.#ranges.keys)
    this.#ranges.pages.enter(chunk.page, range)
    range.chunks.push(chunk)
    return chunk
  }

  /** `view` is the rectangle's base. */
  setBase(range: OpenRange, view: PageView, number = this.#ranges.pages.newNumber()): void {
    const base = new OpenPage(view, this.#names, number)
    this.#ranges.pages.enter(base, range)
    range.base = base
    range.siblings[0] = view
    view.siblings = range.siblings
    range.rows = view.rowCount
    range.seqBase = view.seqBase
    range.lastOrdinal = view.ordinalOf(view.rowCount - 1)
  }
}
