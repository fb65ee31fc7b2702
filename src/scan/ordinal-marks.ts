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

  /** By ordinal. An ordinal is marked with `base + n`, n below `count`. */
  begin(count: number): { readonly marks: Int32Array; readonly base: number } {
    if (this.#marks.length < this.#keys.capacity) this.#marks = grown(this.#marks, this.#keys.capacity)
    if (this.#next + count > MARK_MAX) {
      this.#marks.fill(0)
      this.#next = 1
    }
    const base = this.#next
    this.#next += count
    return { marks: this.#marks, base }
  }
}
