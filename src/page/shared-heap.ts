/**
 * A table's heap: bytes that are appended and never move, in blocks of one unit of the arena each. Keys and the texts of dictionaries lie
 * here, where every page of the table may refer to them. A reference is `block * unit + offset`; 0 is none.
 */
import { DriftError } from '../base/errors.js'
import { type Arena } from '../memory/arena.js'
import { publishWord, readWord, sharedInt32 } from '../memory/shared-array.js'

const FIRST_BLOCKS = 64

/** Thrown to a reading thread for a block that its array of blocks does not have: the writer has a longer one. */
export class StaleHeap extends Error {}

export class SharedHeap {
  readonly #arena: Arena
  readonly #unitBytes: number
  readonly #unitShift: number
  /** Of the blocks, in shared memory; a longer array takes its place when it is full. */
  addresses: Int32Array
  #blockCount = 0
  /** By block: the memory, and where the block begins in it; found out when it is first read. */
  readonly #memories: Uint8Array[] = []
  readonly #words: Int32Array[] = []
  readonly #data: DataView[] = []
  readonly #starts: number[] = []
  #end = 0
  /** By block: how often something was put into it. */
  readonly #changes: number[] = []

  /** For a reading thread `addresses` is the array of the heap that it reads. */
  constructor(arena: Arena, addresses: Int32Array = sharedInt32(FIRST_BLOCKS)) {
    this.#arena = arena
    this.addresses = addresses
    this.#unitBytes = arena.unitBytes
    this.#unitShift = 31 - Math.clz32(arena.unitBytes)
  }

  /** The heap of a snapshot: its blocks are in page memory already. */
  static restore(arena: Arena, blocks: readonly number[], end: number): SharedHeap {
    const addresses = sharedInt32(Math.max(FIRST_BLOCKS, 2 ** Math.ceil(Math.log2(Math.max(1, blocks.length)))))
    addresses.set(blocks)
    const heap = new SharedHeap(arena, addresses)
    heap.#blockCount = blocks.length
    heap.#end = end
    for (let block = 0; block < blocks.length; block++) {
      heap.#changes.push(0)
      heap.#open(block)
    }
    return heap
  }

  get blockCount(): number {
    return this.#blockCount
  }

  /** The reference that the next byte gets, but for alignment. */
  get end(): number {
    return this.#end
  }

  /** How often something was put into a block: what a snapshot has of it is as good as long as it is the same. */
  changesOf(block: number): number {
    return this.#changes[block] as number
  }

  /** The used bytes of a block. */
  blockBytes(block: number): Uint8Array {
    const memory = this.memory(block * this.#unitBytes)
    const start = this.#starts[block] as number
    return memory.subarray(start, start + Math.min(this.#unitBytes, this.#end - block * this.#unitBytes))
  }

  get bytes(): number {
    return this.#blockCount * this.#unitBytes
  }

  /** Room for `bytes`, at a multiple of 4. */
  reserve(bytes: number): number {
    if (bytes > this.#unitBytes - 4) throw new DriftError('INVARIANT', `a record of ${bytes} bytes does not fit into a block of a heap`)
    let at = (this.#end + 3) & ~3
    if (at + bytes > this.#blockCount * this.#unitBytes) at = this.#addBlock()
    this.#end = at + bytes
    this.#changed(at)
    return at
  }

  memory(reference: number): Uint8Array {
    return this.#memories[reference >>> this.#unitShift] ?? this.#open(reference >>> this.#unitShift)
  }

  /** The same memory; {@link memory} was asked for before. */
  data(reference: number): DataView {
    return this.#data[reference >>> this.#unitShift] as DataView
  }

  /** Index of the reference in {@link memory}, which was asked for before. */
  index(reference: number): number {
    return (this.#starts[reference >>> this.#unitShift] as number) + (reference & (this.#unitBytes - 1))
  }

  word(reference: number): number {
    this.memory(reference)
    return (this.#words[reference >>> this.#unitShift] as Int32Array)[this.index(reference) >>> 2] as number
  }

  setWord(reference: number, value: number): void {
    const words = this.#words[reference >>> this.#unitShift] as Int32Array
    words[this.index(reference) >>> 2] = value
    this.#changed(reference)
  }

  /** Gives all memory back; no page of the table may be in use. */
  release(): void {
    for (let block = 0; block < this.#blockCount; block++) this.#arena.release(this.addresses[block] as number)
    this.#blockCount = 0
    this.#changes.length = 0
    this.#end = 0
  }

  #changed(reference: number): void {
    const block = reference >>> this.#unitShift
    this.#changes[block] = (this.#changes[block] as number) + 1
  }

  #addBlock(): number {
    const block = this.#blockCount
    if (block === this.addresses.length) {
      const longer = sharedInt32(block * 2)
      longer.set(this.addresses)
      this.addresses = longer
    }
    publishWord(this.addresses, block, this.#arena.claim(this.#unitBytes))
    this.#blockCount++
    this.#changes.push(0)
    this.#open(block)
    // Reference 0 is none.
    return block * this.#unitBytes + (block === 0 ? 8 : 0)
  }

  #open(block: number): Uint8Array {
    if (block >= this.addresses.length) throw new StaleHeap()
    const address = readWord(this.addresses, block)
    const { u8, i32, data } = this.#arena.viewsOf(address)
    this.#memories[block] = u8
    this.#words[block] = i32
    this.#data[block] = data
    this.#starts[block] = this.#arena.offsetOf(address)
    return u8
  }
}
