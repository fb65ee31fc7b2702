/**
 * The nodes of one index in page memory, and the words by which any thread finds them: a header with the number of nodes and of roots,
 * blocks with the place of each node, blocks with the roots (since when, which node). One thread writes; nothing that a reader has found
 * for an S that was applied is ever found otherwise.
 *
 * A node whose time is over may leave memory (`NodeFile`); its place is negative then, and says where in the file it is, before the room is
 * given to another node. So a reader that finds the place unchanged behind its read has read the node that it meant.
 */
import { DriftError } from '../base/errors.js'
import { type Arena } from '../memory/arena.js'
import { publishWord, readWord } from '../memory/shared-array.js'
import { type IndexNode, NodeLayout } from './index-node.js'

export const NODE_BYTES = 16 * 1024
/** Of one claim of page memory. */
const BLOCK_BYTES = 64 * 1024

const NODE_COUNT = 0
const ROOT_COUNT = 1
const CUT = 2
const ENDED = 3
const PLACE_BLOCKS = 16
const PLACE_BLOCKS_MAX = 4096
const ROOT_BLOCKS = PLACE_BLOCKS + PLACE_BLOCKS_MAX
const ROOT_BLOCKS_MAX = 8192

const PLACE_SHIFT = 14
const PLACE_MASK = (1 << PLACE_SHIFT) - 1
const ROOT_SHIFT = 12
const ROOT_MASK = (1 << ROOT_SHIFT) - 1

/** The place of a node that is in the file, the `slot`th there; the slot of such a place is made by the same. */
export function goneTo(slot: number): number {
  return ~slot
}

/** It can be sent to another thread that has the arena. */
export type IndexHandle = { readonly header: number; readonly nodeBytes: number }

/** Nodes that are closed, in the order in which they were, as they are read. */
export type NodeSource = {
  /** Fills `target` with the `slot`th image, that of node `id`. @throws DriftError CORRUPT. */
  read(slot: number, id: number, target: Uint8Array): void
}

export type NodeFile = NodeSource & {
  /** Writes images of nodes side by side, the first as the `slot`th of the file. What the file system throws goes through. */
  write(slot: number, images: readonly Uint8Array[]): void
}

export class NodeMemory {
  readonly layout: NodeLayout
  readonly #arena: Arena
  readonly #header: number
  readonly #words: Int32Array
  /** The header's first word. */
  readonly #at: number
  /** A block has 1 << so many nodes. */
  readonly #blockShift: number
  /** Views of the blocks of places and of roots, found when they are first read. */
  readonly #places: { readonly words: Int32Array; readonly at: number }[] = []
  readonly #roots: { readonly f64: Float64Array; readonly at: number }[] = []
  /** Of the writer: what it claimed, and how many blocks of roots. */
  readonly #claimed: number[] = []
  #rootBlocks = 0
  #newest = -1

  private constructor(arena: Arena, { header, nodeBytes }: IndexHandle) {
    this.#arena = arena
    this.#header = header
    this.layout = new NodeLayout(nodeBytes)
    this.#blockShift = Math.floor(Math.log2(BLOCK_BYTES / nodeBytes))
    this.#words = arena.viewsOf(header).i32
    this.#at = arena.offsetOf(header) >> 2
  }

  /** @throws DriftError OVERLOADED where no page memory is free. */
  static create(arena: Arena, nodeBytes = NODE_BYTES): NodeMemory {
    const memory = new NodeMemory(arena, { header: arena.claim(BLOCK_BYTES), nodeBytes })
    memory.#words.fill(0, memory.#at, memory.#at + PLACE_BLOCKS)
    return memory
  }

  static attach(arena: Arena, handle: IndexHandle): NodeMemory {
    return new NodeMemory(arena, handle)
  }

  get handle(): IndexHandle {
    return { header: this.#header, nodeBytes: this.layout.nodeBytes }
  }

  get nodeCount(): number {
    return readWord(this.#words, this.#at + NODE_COUNT)
  }

  get rootCount(): number {
    return readWord(this.#words, this.#at + ROOT_COUNT)
  }

  /** Two different values may have the same key here: the order of such is that of their rows. */
  get hasCut(): boolean {
    return readWord(this.#words, this.#at + CUT) !== 0
  }

  setCut(): void {
    publishWord(this.#words, this.#at + CUT, 1)
  }

  /** It could not be kept: nothing that was applied since is in it. */
  get isEnded(): boolean {
    return readWord(this.#words, this.#at + ENDED) !== 0
  }

  end(): void {
    publishWord(this.#words, this.#at + ENDED, 1)
  }

  /** Where a node is; negative where it is not in memory: see {@link goneTo}. */
  placeOf(id: number): number {
    const { words, at } = this.#placeBlock(id >>> PLACE_SHIFT)
    return readWord(words, at + (id & PLACE_MASK))
  }

  /** Looks at the node at a place. */
  look(node: IndexNode, id: number, place: number): void {
    const address = this.#addressOf(place)
    node.look(id, this.#arena.viewsOf(address), this.#offsetOf(place, address))
  }

  /** The root at S. */
  rootAt(S: number): number {
    let low = 0
    let high = this.rootCount - 1
    // The present is asked most.
    if (this.#rootSince(high) <= S) return this.#rootNode(high)
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if (this.#rootSince(middle) <= S) low = middle
      else high = middle - 1
    }
    return this.#rootNode(low)
  }

  /** All roots, oldest first: since when, which node. */
  roots(): Float64Array {
    const roots = new Float64Array(2 * this.rootCount)
    for (let root = 0; 2 * root < roots.length; root++) {
      roots[2 * root] = this.#rootSince(root)
      roots[2 * root + 1] = this.#rootNode(root)
    }
    return roots
  }

  // What the writer does.

  /** So many nodes in a piece of new memory. */
  claimPlaces(): number[] {
    const address = this.#claim()
    return Array.from({ length: 1 << this.#blockShift }, (_, index) => (address << this.#blockShift) + index)
  }

  /** Puts the image of a node into memory. */
  fill(place: number, image: Uint8Array): void {
    const address = this.#addressOf(place)
    this.#arena.viewsOf(address).u8.set(image, this.#offsetOf(place, address))
  }

  /** @throws DriftError OVERLOADED, LIMIT: nothing has changed. */
  addNode(place: number): number {
    const id = this.nodeCount
    const idsMax = 2 ** (32 - this.layout.slotBits)
    // A location is 32 bits.
    if (id >= idsMax)
      throw new DriftError('LIMIT', 'no room for more nodes of an index', { name: 'indexNodesMax', limit: idsMax, seen: id + 1 })
    const block = id >>> PLACE_SHIFT
    if ((id & PLACE_MASK) === 0) this.#addBlock(PLACE_BLOCKS + block, block, PLACE_BLOCKS_MAX, 'nodes of an index')
    this.setPlace(id, place)
    publishWord(this.#words, this.#at + NODE_COUNT, id + 1)
    return id
  }

  /** As {@link placeOf}: the writer's own words need not be waited for. */
  ownPlaceOf(id: number): number {
    const { words, at } = this.#placeBlock(id >>> PLACE_SHIFT)
    return words[at + (id & PLACE_MASK)] as number
  }

  setPlace(id: number, place: number): void {
    const { words, at } = this.#placeBlock(id >>> PLACE_SHIFT)
    publishWord(words, at + (id & PLACE_MASK), place)
  }

  /** There is room for another root behind it. @throws DriftError OVERLOADED, LIMIT. */
  reserveRoot(): void {
    const block = this.rootCount >>> ROOT_SHIFT
    if (block < this.#rootBlocks) return
    this.#addBlock(ROOT_BLOCKS + block, block, ROOT_BLOCKS_MAX, 'roots of an index')
    this.#rootBlocks++
  }

  /** The root of the present. */
  get newestRoot(): number {
    return this.#newest
  }

  /** From seq `since` on; {@link reserveRoot} came before. */
  addRoot(since: number, id: number): void {
    const count = this.rootCount
    const { f64, at } = this.#rootBlock(count >>> ROOT_SHIFT)
    f64[at + 2 * (count & ROOT_MASK)] = since
    f64[at + 2 * (count & ROOT_MASK) + 1] = id
    publishWord(this.#words, this.#at + ROOT_COUNT, count + 1)
    this.#newest = id
  }

  /** Gives all memory back. No reader may be inside. */
  release(): void {
    for (const address of this.#claimed.splice(0)) this.#arena.release(address)
    this.#arena.release(this.#header)
  }

  #addressOf(place: number): number {
    return place >> this.#blockShift
  }

  #offsetOf(place: number, address: number): number {
    return this.#arena.offsetOf(address) + (place & ((1 << this.#blockShift) - 1)) * this.layout.nodeBytes
  }

  #addBlock(word: number, block: number, blocksMax: number, what: string): void {
    if (block >= blocksMax) {
      throw new DriftError('LIMIT', `no room for more ${what}`, { name: 'indexBlocksMax', limit: blocksMax, seen: block + 1 })
    }
    publishWord(this.#words, this.#at + word, this.#claim())
  }

  #claim(): number {
    const address = this.#arena.claim(BLOCK_BYTES)
    this.#claimed.push(address)
    return address
  }

  #placeBlock(block: number): { readonly words: Int32Array; readonly at: number } {
    const known = this.#places[block]
    if (known !== undefined) return known
    const address = readWord(this.#words, this.#at + PLACE_BLOCKS + block)
    return (this.#places[block] = { words: this.#arena.viewsOf(address).i32, at: this.#arena.offsetOf(address) >> 2 })
  }

  #rootBlock(block: number): { readonly f64: Float64Array; readonly at: number } {
    const known = this.#roots[block]
    if (known !== undefined) return known
    const address = readWord(this.#words, this.#at + ROOT_BLOCKS + block)
    return (this.#roots[block] = { f64: this.#arena.viewsOf(address).f64, at: this.#arena.offsetOf(address) >> 3 })
  }

  #rootSince(number: number): number {
    const { f64, at } = this.#rootBlock(number >>> ROOT_SHIFT)
    return f64[at + 2 * (number & ROOT_MASK)] as number
  }

  #rootNode(number: number): number {
    const { f64, at } = this.#rootBlock(number >>> ROOT_SHIFT)
    return f64[at + 2 * (number & ROOT_MASK) + 1] as number
  }
}
