import { type DeltaChunks } from './delta-chunks.js'
import { type OpenPage } from './open-page.js'
import { OpenRange } from './open-range.js'
import { type OpenRanges } from './open-ranges.js'
import { type RangeState, type TableState } from './table-state.js'

/** The open rectangles of a snapshot, with their pages under the numbers that they had; where the newest version of each key lies. */
export function restoreRanges({ appliedSeq, structureVersion, ranges: states }: TableState, ranges: OpenRanges, chunks: DeltaChunks): void {
  const list = states.map((state) => restoreRange(state, ranges, chunks))
  ranges.pages.freeGaps()
  ranges.restore(list, appliedSeq, structureVersion)
}

function restoreRange({ low, t0, past, base, chunks, ...rest }: RangeState, ranges: OpenRanges, made: DeltaChunks): OpenRange {
  const range = new OpenRange(low, t0, past)
  if (base !== undefined) made.setBase(range, base.view, base.number)
  for (const { view, number } of chunks) range.rows += made.join(range, view, number).rowCount
  const { alive, aliveMin, hasDeletes, isAppended, seqBase, lastOrdinal } = rest
  Object.assign(range, { alive, aliveMin, hasDeletes, isAppended, seqBase, lastOrdinal })
  if (range.base !== undefined) locate(range.base, ranges)
  for (const { page } of range.chunks) locate(page, ranges)
  return range
}

/** The newest version of a key is the last one that its open rectangle has. */
function locate({ view, number }: OpenPage, { keys, pages }: OpenRanges): void {
  const { locations } = keys
  const { i32, ordinalAt, rowCount } = view
  const page = pages.locationOf(number, 0)
  for (let row = 0; row < rowCount; row++) locations[i32[ordinalAt + row] as number] = page | row
}
