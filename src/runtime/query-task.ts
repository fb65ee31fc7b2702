import type { ErrorData } from '../base/errors.js'
import type { ArenaHandle } from '../memory/arena.js'
import type { PageTableHandle } from '../memory/page-table.js'
import type { KeyTableHandle } from '../page/key-table.js'
import type { TileHandles } from '../page/tile-handle.js'
import type { PartialFragment, PartialResult, RowsFragment } from '../scan/fragment.js'
import type { PackedBatch } from '../scan/packed-rows.js'

/** What a query thread begins with. */
export type QueryThreadStart = {
  readonly arena: ArenaHandle
  readonly pageTable: PageTableHandle
  readonly kernels: WebAssembly.Module
  readonly slots: Int32Array
  /** By slot: working memory in each memory of the arena. */
  readonly scratches: readonly (readonly number[])[]
}

/** A share of a query: the thread takes morsels of it until none is left, or it has enough. */
export type QueryTask = {
  readonly control: Int32Array
  readonly participant: number
  readonly tableId: number
  /** Where its page files are. */
  readonly pageFolder: string
  /** The same number is the same table, with the same heap. */
  readonly tableNumber: number
  readonly keys: KeyTableHandle
  readonly S: number
  readonly tiles: TileHandles
  readonly work: QueryWork
}

export type QueryWork =
  | { readonly kind: 'partial'; readonly fragment: PartialFragment }
  | {
      readonly kind: 'rows'
      readonly fragment: RowsFragment
      /** A morsel that was left half done, and how many of its rows are known. */
      readonly from: { readonly morsel: number; readonly skip: number } | undefined
      /** It ends with the batch that reaches so many rows. */
      readonly rowsRoom: number
    }

/** Rows of one morsel, behind those that are known. */
export type RowPiece = {
  readonly morsel: number
  readonly batches: readonly PackedBatch[]
  readonly isEnd: boolean
  /** The thread cannot read on: see `elsewhere`. */
  readonly isElsewhere: boolean
}

export type QueryReply =
  | { readonly kind: 'partial'; readonly partial: PartialResult }
  | { readonly kind: 'rows'; readonly pieces: readonly RowPiece[] }
  /** It came too late, or there is no place for its thread: nothing was taken. */
  | { readonly kind: 'nothing' }
  /** A value lies in its frame, which only the coordinator can read. */
  | { readonly kind: 'elsewhere' }
  | { readonly kind: 'failed'; readonly error: ErrorData }
