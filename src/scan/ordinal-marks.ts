/**
 * A number for each of some ordinals, written anew for each piece of work without being cleared: what is below the base of the piece was
 * left behind by others. Valid until the thread goes on with anything else.
 */
import { type KeyTable } from '../page/key-table.js'
import { grown } from './grown.js'

const MARK_MAX = 0x7fff_ffff

export class OrdinalMarks {
  readonly #keys: KeyTable
  #marks = new Int32Array(0)
  #next = 1

  constructor(keys: KeyTable) {
    this.#keys = keys
  }

  /** By ordinal + 1; the first is nobody's. An ordinal is marked with `base + n`, n below `count`. */
  begin(count: number): { readonly marks: Int32Array; readonly base: number } {
    const { capacity } = this.#keys
    if (this.#marks.length <= capacity) this.#marks = grown(this.#marks, capacity + 1)
    if (this.#next + count > MARK_MAX) {
      this.#marks.fill(0)
      this.#next = 1
    }
    const base = this.#next
    this.#next += count
    return { marks: this.#marks, base }
  }
}
