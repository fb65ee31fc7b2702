import { type KeyTable } from './key-table.js'
import { type OpenPage } from './open-page.js'
import { type OpenRange } from './open-range.js'
import { type PageCounters } from './page-counters.js'
import { type Past } from './page-directory.js'
import { type SealedPage } from './page-handle.js'
import { type PageView } from './page-view.js'

/** A page of an open rectangle, and its number in locations of rows. */
export type OpenPageState = { readonly number: number; readonly view: PageView }

export type RangeState = {
  readonly low: Uint8Array
  readonly t0: number
  readonly past: Past<SealedPage>
  readonly base: OpenPageState | undefined
  readonly chunks: readonly OpenPageState[]
  readonly alive: number
  readonly aliveMin: number
  readonly hasDeletes: boolean
  readonly isAppended: boolean
  readonly seqBase: number
  readonly lastOrdinal: number
}

/**
 * The pages of a table between two events, and all that apply must know to go on with them. A merge that is under way is not in it: its
 * rectangles are as before, and come to their limit again.
 */
export type TableState = {
  readonly appliedSeq: number
  readonly structureVersion: number
  readonly heapPerRow: number
  readonly counters: PageCounters
  readonly keys: KeyTable
  readonly dictionaries: readonly { readonly name: string; readonly reference: number }[]
  readonly ranges: readonly RangeState[]
}

export function rangeStateOf(range: OpenRange): RangeState {
  const { low, t0, past, base, chunks, alive, aliveMin, hasDeletes, isAppended, seqBase, lastOrdinal } = range
  return {
    low,
    t0,
    past,
    base: base === undefined ? undefined : pageStateOf(base),
    chunks: chunks.map(({ page }) => pageStateOf(page)),
    alive,
    aliveMin,
    hasDeletes,
    isAppended,
    seqBase,
    lastOrdinal
  }
}

function pageStateOf({ number, view }: OpenPage): OpenPageState {
  return { number, view }
}
