import type { File } from '../io/io.js'

const WINDOW_BYTES = 1024 * 1024

/** A file seen through a window that moves: frames of any size, one after the other, without the whole file in memory. */
export class FileWindow {
  readonly #file: File
  readonly #end: number
  #buffer: Uint8Array
  #from = 0
  #to = 0

  /** Nothing at or behind `end` is read. */
  constructor(file: File, end: number) {
    this.#file = file
    this.#end = end
    this.#buffer = new Uint8Array(Math.min(WINDOW_BYTES, end))
  }

  get bytes(): Uint8Array {
    return this.#buffer
  }

  holds(offset: number, count: number): boolean {
    return offset >= this.#from && offset + count <= this.#to
  }

  /** Index in {@link bytes} of the file's byte `offset`, with `count` bytes from there on; undefined where the file ends before. */
  index(offset: number, count: number): number | undefined {
    if (this.holds(offset, count)) return offset - this.#from
    if (offset + count > this.#end) return undefined
    if (count > this.#buffer.length) this.#buffer = new Uint8Array(count)
    const want = Math.min(this.#buffer.length, this.#end - offset)
    const found = this.#file.read(this.#buffer.subarray(0, want), offset)
    this.#from = offset
    this.#to = offset + found
    return found < count ? undefined : 0
  }
}
