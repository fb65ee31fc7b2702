import * as layout from './page-layout.js'
import { type PageView } from './page-view.js'

/**
 * The heap of a chunk while its rows are written. What a row puts there is taken by moving `at` behind it, and stays if the row does: a
 * row that finds no room is not written, and the next one begins where the last row ended.
 */
export class ChunkHeap {
  /** Index of the next free byte in the page's memory. */
  at: number
  /** Set where there was no room for the row being written. */
  isFull = false
  /** What the rows that are there have used. */
  #end: number
  readonly #start: number
  readonly #limit: number

  constructor(view: PageView) {
    this.#start = view.at
    this.#end = this.at = view.at + view.heapEnd
    this.#limit = view.at + Math.min(view.word(layout.HEAP_LIMIT), layout.PAGE_BYTES_MAX)
  }

  /** As an offset from the page's beginning. */
  get end(): number {
    return this.#end - this.#start
  }

  begin(): void {
    this.at = this.#end
    this.isFull = false
  }

  /** All up to `at` stays. */
  keep(): void {
    this.#end = this.at
  }

  /** Index of `bytes` free bytes, or -1. */
  reserve(bytes: number, alignment: 1 | 4 = 1): number {
    const at = (this.at + alignment - 1) & -alignment
    if (at + bytes <= this.#limit) return at
    this.isFull = true
    return -1
  }
}
