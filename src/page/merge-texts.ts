import { copyBytes, dataViewOf } from '../codec/unaligned.js'
import { MADE_TEXT, type SourceColumn } from './source-column.js'
import { type HeapDraft } from './page-draft.js'
import * as layout from './page-layout.js'
import { type PageView, textBytes, textFrom } from './page-view.js'
import { type SourceRows } from './source-rows.js'

/** A call is faster than a loop for runs of more bytes. */
const LOOP_BYTES_MAX = 256

/**
 * The texts of a column that are no dictionary codes, copied into the heap: one copy for a run of rows with the same cell, which is what
 * patches leave of a text that they do not change. The new cells stand in the column's `texts`.
 */
export function copyTexts(heap: HeapDraft, selection: Int32Array, { pages, pageOfRow, ordinals }: SourceRows, column: SourceColumn): void {
  const { words, states, hasStates, madeTexts } = column
  const count = selection.length
  if (column.texts.length < count) column.texts = new Int32Array(count)
  const cells = column.texts
  const copier = new TextCopier(heap)
  let lastCell = 0
  let lastSiblings: readonly unknown[] = noSiblings
  let reference = 0
  let ordinal = -1
  for (let row = 0; row < count; row++) {
    const source = selection[row] as number
    const cell = words[source] as number
    if (cell >>> 0 < layout.DICTIONARY_CODES_MAX) cells[row] = cell
    else if (hasStates && states[source] !== layout.STATE_VALUE) cells[row] = 0
    else if (cell === MADE_TEXT) {
      const made = madeTexts?.get(source) ?? noBytes
      cells[row] = reference = copier.copy(made, dataViewOf(made), 0)
      lastCell = 0
    } else {
      const page = pages[pageOfRow[source] as number] as PageView
      // Cells of one rectangle that are equal refer to one text.
      if (cell !== lastCell || page.siblings !== lastSiblings) {
        const home = page.homeOf(cell)
        const at = home.at + (cell & layout.OFFSET_MASK)
        // A key's row in the next page in time: it has a text of its own there, most often the same.
        const isNext = page.siblings !== lastSiblings && ordinals[source] === ordinal
        if (!isNext || !copier.isLast(home.u8, at)) reference = copier.copy(home.u8, home.data, at)
        lastCell = cell
        lastSiblings = page.siblings
        ordinal = ordinals[source] as number
      }
      cells[row] = reference
    }
  }
  copier.flush()
}

/** Texts of neighbours in a base lie one behind the other: such a run is copied at once. */
class TextCopier {
  readonly #heap: HeapDraft
  #memory: Uint8Array = noBytes
  #data = dataViewOf(noBytes)
  #from = 0
  #to = 0
  #target = 0
  /** Of the last text. */
  #size = 0

  constructor(heap: HeapDraft) {
    this.#heap = heap
  }

  /** The reference that the `[length][bytes]` at `at` will have. */
  copy(memory: Uint8Array, data: DataView, at: number): number {
    const size = textFrom(memory, at) - at + textBytes(memory, at)
    if (at !== this.#to || memory !== this.#memory) {
      this.flush()
      this.#memory = memory
      this.#data = data
      this.#from = at
      this.#target = this.#heap.length
    }
    this.#to = at + size
    this.#size = size
    return this.#heap.start + this.#heap.reserve(size)
  }

  /** True if the text that was copied last is the `[length][bytes]` at `at`. */
  isLast(memory: Uint8Array, at: number): boolean {
    const size = textFrom(memory, at) - at + textBytes(memory, at)
    const from = this.#to - this.#size
    if (size !== this.#size) return false
    for (let index = 0; index < size; index++) if (memory[at + index] !== this.#memory[from + index]) return false
    return true
  }

  flush(): void {
    const bytes = this.#to - this.#from
    if (bytes > LOOP_BYTES_MAX) this.#heap.bytes.set(this.#memory.subarray(this.#from, this.#to), this.#target)
    else if (bytes > 0) copyBytes(this.#data, this.#from, this.#heap.data, this.#target, bytes)
    this.#from = this.#to
  }
}

const noBytes = new Uint8Array(0)
const noSiblings: readonly unknown[] = []
