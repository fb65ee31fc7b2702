/**
 * A table's heap: bytes that are appended and never move, in blocks of one unit of the arena each. Keys and the texts of dictionaries lie
 * here, where every page of the table may refer to them. A reference is `block * unit + offset`; 0 is none.
 */
import { DriftError } from '../base/errors.js'
import { type Arena } from '../memory/arena.js'

export class SharedHeap {
  readonly #arena: Arena
  readonly #unitBytes: number
  readonly #unitShift: number
  readonly #addresses: number[] = []
  /** By block: the memory, and where the block begins in it. */
  readonly #memories: Uint8Array[] = []
  readonly #words: Int32Array[] = []
  readonly #starts: number[] = []
  #end = 0

  constructor(arena: Arena) {
    this.#arena = arena
    this.#unitBytes = arena.unitBytes
    this.#unitShift = 31 - Math.clz32(arena.unitBytes)
  }

  get bytes(): number {
    return this.#addresses.length * this.#unitBytes
  }

  /** Room for `bytes`, at a multiple of 4. */
  reserve(bytes: number): number {
    if (bytes > this.#unitBytes - 4) throw new DriftError('INVARIANT', `a record of ${bytes} bytes does not fit into a block of a heap`)
    let at = (this.#end + 3) & ~3
    if (at + bytes > this.#addresses.length * this.#unitBytes) at = this.#addBlock()
    this.#end = at + bytes
    return at
  }

  memory(reference: number): Uint8Array {
    return this.#memories[reference >>> this.#unitShift] as Uint8Array
  }

  /** Index of the reference in {@link memory}. */
  index(reference: number): number {
    return (this.#starts[reference >>> this.#unitShift] as number) + (reference & (this.#unitBytes - 1))
  }

  word(reference: number): number {
    return (this.#words[reference >>> this.#unitShift] as Int32Array)[this.index(reference) >>> 2] as number
  }

  setWord(reference: number, value: number): void {
    const words = this.#words[reference >>> this.#unitShift] as Int32Array
    words[this.index(reference) >>> 2] = value
  }

  /** Gives all memory back; no page of the table may be in use. */
  release(): void {
    for (const address of this.#addresses.splice(0)) this.#arena.release(address)
    this.#end = 0
  }

  #addBlock(): number {
    const address = this.#arena.claim(this.#unitBytes)
    const { u8, i32 } = this.#arena.viewsOf(address)
    const block = this.#addresses.push(address) - 1
    this.#memories[block] = u8
    this.#words[block] = i32
    this.#starts[block] = this.#arena.offsetOf(address)
    // Reference 0 is none.
    return block * this.#unitBytes + (block === 0 ? 8 : 0)
  }
}
