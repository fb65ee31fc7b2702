import { type DeltaChunk } from './delta-chunk.js'
import { type OpenPage } from './open-page.js'
import { type Past } from './page-directory.js'
import { type SealedPage } from './page-handle.js'
import { type PageView } from './page-view.js'

/** An open rectangle as apply sees it: a range of keys from `t0` on, its base and its delta. */
export class OpenRange {
  readonly low: Uint8Array
  /** The bytes of {@link low}. */
  readonly lowData: DataView
  readonly t0: number
  past: Past<SealedPage>
  base: OpenPage | undefined
  /** The delta; its first `frozenCount` chunks are being merged. */
  readonly chunks: DeltaChunk[] = []
  frozenCount = 0
  /** True while a merge of it is under way. */
  isFrozen = false
  /** The views of base and chunks, which cells refer to by their index here. */
  readonly siblings: (PageView | undefined)[] = [undefined]
  /** Rows of base and delta; while it is frozen only those that came since. */
  rows = 0
  /** Live keys. */
  alive = 0
  /** The fewest live keys since t0. */
  aliveMin = 0
  /** At so many rows it is looked at. */
  rowsMax = 0
  /** At so many bytes it is full. */
  heapBytes = 0
  hasDeletes = false
  /** All its rows are keys that came behind all others, in order. */
  isAppended = true
  /** Seq from which offsets count in its oldest page. */
  seqBase = Infinity
  /** The last key, where this is the last range of the table; -1: it has none. */
  lastOrdinal = -1

  constructor(low: Uint8Array, t0: number, past: Past<SealedPage>) {
    this.low = low
    this.lowData = new DataView(low.buffer, low.byteOffset, low.length)
    this.t0 = t0
    this.past = past
  }
}
