/** Rows that came while a merge ran, in a second delta: they are copied to the deltas of the new rectangles, in the order of their seqs. */
import { assertLaw } from '../base/errors.js'
import { EVENT_INSERT } from '../format/frame.js'
import { type DeltaChunk } from './delta-chunk.js'
import { type DeltaChunks } from './delta-chunks.js'
import { endRow } from './end-row.js'
import { NOWHERE } from './key-table.js'
import { type OpenRange } from './open-range.js'
import { type OpenRanges } from './open-ranges.js'
import { rangeIndex } from './page-directory.js'
import { type PageEvent } from './page-event.js'
import { type PageView } from './page-view.js'
import { type RowReader } from './row-reader.js'

/** Rows that got another place. */
export type Moves = readonly { readonly ordinal: number; readonly from: number; readonly to: number }[]

const noBytes = new Uint8Array(0)
const emptyDocument = Uint8Array.of(0x80)

export class SecondDelta {
  readonly #ranges: OpenRanges
  readonly #chunks: DeltaChunks
  readonly #reader: RowReader

  constructor(ranges: OpenRanges, chunks: DeltaChunks, reader: RowReader) {
    this.#ranges = ranges
    this.#chunks = chunks
    this.#reader = reader
  }

  /** @throws DriftError OVERLOADED where page memory is short: some of the rows may be in `fresh` then. */
  copy(ranges: readonly OpenRange[], fresh: readonly OpenRange[]): Moves {
    const { keys, pages } = this.#ranges
    const rows: { readonly chunk: DeltaChunk; readonly row: number; readonly seq: number }[] = []
    for (const { chunks, frozenCount } of ranges) {
      for (const chunk of chunks.slice(frozenCount)) {
        for (let row = 0; row < chunk.rowCount; row++) rows.push({ chunk, row, seq: chunk.view.beginOf(row) })
      }
    }
    rows.sort((one, other) => one.seq - other.seq)
    const moved = new Map<number, number>()
    return rows.map(({ chunk, row, seq }) => {
      const { view } = chunk
      const ordinal = view.ordinalOf(row)
      const range = fresh[rangeIndex(fresh, keys.keyOf(ordinal))] as OpenRange
      const before = view.i32[view.previousAt + row] as number
      const previous = before === NOWHERE ? NOWHERE : (moved.get(before) ?? this.#inBase(range, ordinal))
      const target = this.#take(range, view, row, seq, previous)
      const from = pages.locationOf(chunk.number, row)
      const to = pages.locationOf(target.number, target.rowCount - 1)
      moved.set(from, to)
      const end = view.endOf(row)
      if (end !== Infinity) endRow(target.view, target.rowCount - 1, end)
      range.rows++
      if (range.lastOrdinal < 0 || keys.compare(range.lastOrdinal, ordinal) < 0) range.lastOrdinal = ordinal
      return { ordinal, from, to }
    })
  }

  #take(range: OpenRange, view: PageView, row: number, seq: number, previous: number): DeltaChunk {
    const event: PageEvent = {
      event: EVENT_INSERT,
      seq,
      ordinal: view.ordinalOf(row),
      key: noBytes,
      keyBytes: 0,
      source: emptyDocument,
      from: 0,
      to: emptyDocument.length,
      frame: -1
    }
    const chunk = this.#chunks.chunkFor(range, event)
    if (chunk.take(event, view, row, this.#reader, previous)) return chunk
    const larger = this.#chunks.add(range, event, 2 * this.#reader.roomOf(view, row) + 1024)
    assertLaw(
      larger.take(event, view, row, this.#reader, previous),
      'FMT-8',
      'no room for a row that is moved in a chunk that was made for it'
    )
    return larger
  }

  /** Where the version that was alive at T lies now. */
  #inBase({ base }: OpenRange, ordinal: number): number {
    if (base === undefined) return NOWHERE
    const { view } = base
    const { keys, pages } = this.#ranges
    let low = 0
    let high = view.rowCount
    while (low < high) {
      const middle = (low + high) >> 1
      if (keys.compare(view.ordinalOf(middle), ordinal) < 0) low = middle + 1
      else high = middle
    }
    return low < view.rowCount && view.ordinalOf(low) === ordinal ? pages.locationOf(base.number, low) : NOWHERE
  }
}
