/**
 * An index over the whole past: which keys are there at S, each with its value, as a tree of nodes in shared memory. One thread writes it, in
 * the order of seqs; see `index-reader.ts` for the others.
 *
 * It is the multiversion B-tree (Becker, Gschwind, Ohler, Seeger, Widmayer, 1996): a node is a rectangle of keys and seqs, and what its
 * parent says about it is an entry with a begin and an end like any other. A node that is full is closed, and its live entries begin again
 * in one new node, or in two where they are many, or together with a neighbour's where they are few. So at any S a fixed part of each node
 * is visible, and a lookup in the past costs what one in the present costs.
 *
 *   IDX-3  at every S the nodes of one level are disjoint in key and leave no key out
 *   IDX-4  a node that is closed never changes
 */
import { assertLaw, DriftError } from '../base/errors.js'
import { imageCrc, IndexNode } from './index-node.js'
import { goneTo, type NodeFile, type NodeMemory } from './node-memory.js'

/** Of a full node: live entries that fit into one new node, and those that each of several gets. */
const ONE_NODE_SHARE = 0.7
const EACH_NODE_SHARE = 0.6
/** With fewer live entries than this a node that is split takes a neighbour's too. */
const SPARSE_SHARE = 0.25
/** A leaf with fewer live and more dead entries than these is split before it is full. */
const FEW_LIVE_SHARE = 1 / 8
const MANY_DEAD_SHARE = 1 / 4
/** Behind the last key a full node with fewer dead entries is left as it is. */
const FEW_DEAD_SHARE = 1 / 8
/** Nodes that leave memory at a time. */
const LEAVING_NODES = 32

export const NOWHERE = 0xffff_ffff

/** Told where the entry of a value is now: of leaves. */
export type Relocate = (value: number, location: number) => void

export type IndexTreeLimits = {
  /** For nodes that are closed. */
  readonly file?: NodeFile
  /** With more in memory than this, closed ones leave it. */
  readonly nodesMax?: number
}

/** What a tree knows of its nodes beside what is in memory: of one that is taken up again. */
export type KeptNodes = {
  /** The nodes of the file, in its order, and their checksums. */
  readonly closed: readonly number[]
  readonly crcs: readonly number[]
  /** Places that were claimed and have no node. */
  readonly freePlaces: readonly number[]
}

type Step = { id: number; slot: number }

export class IndexTree {
  readonly memory: NodeMemory
  readonly #slotBits: number
  readonly #relocate: Relocate
  readonly #file: NodeFile | undefined
  readonly #nodesMax: number
  readonly #node: IndexNode
  readonly #other: IndexNode
  /** From the root to a leaf; the slot is that of the entry in the node above. */
  readonly #path: Step[] = []
  #depth = 0
  /** The way leads along the last entries of all nodes. */
  #isLast = false
  #freePlaces: number[] = []
  #inMemory = 0
  /** All nodes that are closed, in the order in which they were; the first `#gone` of them left memory. */
  #closed: number[] = []
  /** Of the first of them, which are in the file. */
  #crcs: number[] = []
  #gone = 0

  /**
   * An entry's location is its node's number and its slot. `kept`: of a tree whose nodes are in `memory`.
   * @throws DriftError OVERLOADED where no page memory is free.
   */
  constructor(memory: NodeMemory, relocate: Relocate, limits: IndexTreeLimits = {}, kept?: KeptNodes) {
    this.memory = memory
    this.#relocate = relocate
    this.#file = limits.file
    this.#nodesMax = limits.nodesMax ?? Infinity
    this.#node = new IndexNode(memory.layout)
    this.#other = new IndexNode(memory.layout)
    this.#slotBits = 32 - Math.clz32(memory.layout.entriesMax - 1)
    if (kept !== undefined) {
      this.#closed = [...kept.closed]
      this.#crcs = [...kept.crcs]
      this.#gone = kept.closed.length
      this.#freePlaces = [...kept.freePlaces]
      this.#inMemory = memory.nodeCount - this.#gone
      return
    }
    memory.reserveRoot()
    const root = this.#newNode()
    this.#node.clear(0, 0, noBytes, 0)
    memory.addRoot(0, root)
  }

  get keyBytesMax(): number {
    return this.memory.layout.keyBytesMax
  }

  /**
   * Adds an entry that is visible from `seq` on; its location. No entry with these bytes is alive.
   * @throws DriftError OVERLOADED, LIMIT: nothing has changed that a reader sees.
   */
  insert(key: Uint8Array, from: number, bytes: number, value: number, seq: number): number {
    assertLaw(bytes <= this.keyBytesMax, 'IDX-3', `an index key of ${bytes} bytes`)
    for (;;) {
      this.#descend(key, from, bytes)
      const leaf = this.#node
      if (leaf.hasRoom(bytes, seq)) return this.#location(leaf.id, leaf.add(key, from, bytes, value, seq))
      this.#makeRoom(seq, key, from, bytes)
    }
  }

  /**
   * The entry at a location is not visible from `seq` on.
   * @throws DriftError OVERLOADED, LIMIT: nothing has changed that a reader sees.
   */
  end(locationOf: () => number, seq: number): void {
    let node = this.at(locationOf())
    if (node.isTooOld(seq)) {
      this.#splitLeaf(node, seq)
      node = this.at(locationOf())
    }
    node.endEntry(this.slotOf(locationOf()), seq)
    const { entriesMax } = this.memory.layout
    if (node.live >= entriesMax * FEW_LIVE_SHARE || node.count - node.live <= entriesMax * MANY_DEAD_SHARE) return
    if (this.memory.rootAt(Infinity) !== node.id) this.#splitLeaf(node, seq)
  }

  /** The node of a location, until the next call. */
  at(location: number): IndexNode {
    this.#look(this.#node, location >>> this.#slotBits)
    return this.#node
  }

  slotOf(location: number): number {
    return location & ((1 << this.#slotBits) - 1)
  }

  #location(id: number, slot: number): number {
    return ((id << this.#slotBits) | slot) >>> 0
  }

  #look(node: IndexNode, id: number): void {
    const place = this.memory.placeOf(id)
    assertLaw(place >= 0, 'IDX-4', `node ${id} of an index is open and not in memory`)
    this.memory.look(node, id, place)
  }

  /** To the leaf that has the key's place now: `#path`, and `#node` at its end. */
  #descend(key: Uint8Array, from: number, bytes: number): void {
    const node = this.#node
    let id = this.memory.rootAt(Infinity)
    let slot = -1
    this.#isLast = true
    for (this.#depth = 0; ; this.#depth++) {
      const step = (this.#path[this.#depth] ??= { id: 0, slot: 0 })
      step.id = id
      step.slot = slot
      this.#look(node, id)
      if (node.level === 0) return
      let position = node.upperBound(key, from, bytes) - 1
      while (!node.isLive(node.slotAt(position))) position--
      slot = node.slotAt(position)
      if (this.#isLast) this.#isLast = this.#nextLive(node, position) < 0
      id = node.valueOf(slot)
    }
  }

  /** The position of the next live entry; -1: there is none. */
  #nextLive(node: IndexNode, position: number): number {
    const { count } = node
    for (let next = position + 1; next < count; next++) if (node.isLive(node.slotAt(next))) return next
    return -1
  }

  #previousLive(node: IndexNode, position: number): number {
    for (let previous = position - 1; previous >= 0; previous--) if (node.isLive(node.slotAt(previous))) return previous
    return -1
  }

  /** A leaf gives way to a new one, whatever it holds. */
  #splitLeaf(leaf: IndexNode, seq: number): void {
    const { id } = leaf
    const low = leaf.u8.slice(leaf.lowAt, leaf.lowAt + leaf.lowBytes)
    for (;;) {
      this.#descend(low, 0, low.length)
      if (this.#node.id !== id) return
      this.#split(this.#depth, seq)
    }
  }

  /** Makes room for a key in the leaf of the path, or above it first; the way is to be gone anew. */
  #makeRoom(seq: number, key: Uint8Array, from: number, bytes: number): void {
    const node = this.#node
    const { count, live } = node
    const isBehind = this.#isLast && this.#depth > 0 && count > 0 && !node.isTooOld(seq) && this.#isAbove(node, key, from, bytes)
    if (isBehind && count - live <= this.memory.layout.entriesMax * FEW_DEAD_SHARE) this.#addBehind(seq, key, from, bytes)
    else this.#split(this.#depth, seq)
  }

  #isAbove(node: IndexNode, key: Uint8Array, from: number, bytes: number): boolean {
    return node.compare(node.slotAt(node.count - 1), key, from, bytes) < 0
  }

  /** An empty leaf behind a full one, from this key on. */
  #addBehind(seq: number, key: Uint8Array, from: number, bytes: number): void {
    const node = this.#node
    const parent = (this.#path[this.#depth - 1] as Step).id
    const last = node.slotAt(node.count - 1)
    const lastAt = node.keyAt(last)
    // As much of the key as tells it from the one before.
    let lowBytes = 1
    while (lowBytes < bytes && lowBytes <= node.keyBytes(last) && key[from + lowBytes - 1] === node.u8[lastAt + lowBytes - 1]) lowBytes++
    const low = key.slice(from, from + lowBytes)
    this.#look(node, parent)
    if (!node.hasRoom(lowBytes, seq)) return this.#split(this.#depth - 1, seq)
    const id = this.#newNode()
    node.clear(0, seq, low, lowBytes)
    this.#look(node, parent)
    node.add(low, 0, lowBytes, id, seq)
  }

  /** Closes a node of the path: its live entries, a neighbour's too where they are few, begin again in new nodes. */
  #split(depth: number, seq: number): void {
    const { id, slot } = this.#path[depth] as Step
    const { layout } = this.memory
    const node = this.#node
    this.#look(node, id)
    const { level } = node
    const isSparse = node.live < layout.entriesMax * SPARSE_SHARE && node.liveKeyBytes < layout.heapBytes * SPARSE_SHARE
    const old = [{ id, slot }]
    const parent = depth === 0 ? undefined : (this.#path[depth - 1] as Step).id
    if (isSparse && parent !== undefined) this.#addNeighbour(old, parent)
    const live = this.#liveEntries(old)
    if (depth === 0 && level > 0 && live.length === 1) {
      // What is below it is the root then.
      this.memory.reserveRoot()
      this.memory.addRoot(seq, (live[0] as Live).value)
      this.#close(id, seq)
      return
    }
    const parts = partsOf(live, layout.entriesMax, layout.heapBytes)
    this.#look(node, (old[0] as Step).id)
    const first = node.u8.slice(node.lowAt, node.lowAt + node.lowBytes)
    // Above the leaves a node begins exactly where its first child does.
    const lows = parts.map((part, index) => {
      if (index === 0) return first
      return level === 0 ? lowBetween(parts[index - 1] as readonly Live[], part) : (part[0] as Live).key
    })
    if (parent !== undefined) {
      this.#look(node, parent)
      const keyBytes = lows.reduce((sum, low) => sum + low.length, 0)
      if (!node.hasRoomFor(lows.length, keyBytes) || node.isTooOld(seq)) return this.#split(depth - 1, seq)
    }
    this.memory.reserveRoot()
    const fresh: number[] = []
    const isGrowing = parent === undefined && parts.length > 1
    this.#reserveNodes(parts.length + 1)
    parts.forEach((part, index) => {
      const low = lows[index] as Uint8Array
      const number = this.#newNode()
      fresh.push(number)
      node.clear(level, seq, low, low.length)
      for (const { key, value } of part) {
        const at = node.add(key, 0, key.length, value, seq)
        if (level === 0) this.#relocate(value, this.#location(number, at))
      }
    })
    if (isGrowing) {
      const root = this.#newNode()
      node.clear(level + 1, seq, noBytes, 0)
      fresh.forEach((child, index) => {
        const low = lows[index] as Uint8Array
        node.add(low, 0, low.length, child, seq)
      })
      this.memory.addRoot(seq, root)
    } else if (parent === undefined) {
      this.memory.addRoot(seq, fresh[0] as number)
    } else {
      this.#look(node, parent)
      for (const { slot: entry } of old) node.endEntry(entry, seq)
      fresh.forEach((child, index) => {
        const low = lows[index] as Uint8Array
        node.add(low, 0, low.length, child, seq)
      })
    }
    for (const { id: number } of old) this.#close(number, seq)
  }

  /** Puts the neighbour of the one node of `old` beside it, in the order of their keys. */
  #addNeighbour(old: Step[], parent: number): void {
    const node = this.#other
    this.#look(node, parent)
    const { slot } = old[0] as Step
    let position = 0
    while (node.slotAt(position) !== slot) position++
    const next = this.#nextLive(node, position)
    const beside = next < 0 ? this.#previousLive(node, position) : next
    if (beside < 0) return
    const entry = node.slotAt(beside)
    const step = { id: node.valueOf(entry), slot: entry }
    if (next < 0) old.unshift(step)
    else old.push(step)
  }

  #liveEntries(nodes: readonly Step[]): Live[] {
    const live: Live[] = []
    const node = this.#other
    for (const { id } of nodes) {
      this.#look(node, id)
      const { count } = node
      for (let position = 0; position < count; position++) {
        const slot = node.slotAt(position)
        if (!node.isLive(slot)) continue
        const at = node.keyAt(slot)
        live.push({ key: node.u8.slice(at, at + node.keyBytes(slot)), value: node.valueOf(slot) })
      }
    }
    return live
  }

  #close(id: number, seq: number): void {
    this.#look(this.#node, id)
    this.#node.close(seq)
    this.#closed.push(id)
  }

  // Memory.

  /** So that what follows does not fail half way. */
  #reserveNodes(count: number): void {
    while (this.#freePlaces.length < count) {
      if (this.#file !== undefined && this.#inMemory >= this.#nodesMax && this.#leave()) continue
      try {
        this.#freePlaces.push(...this.memory.claimPlaces().reverse())
      } catch (error) {
        if (!(error instanceof DriftError && error.code === 'DRIFT_OVERLOADED') || this.#file === undefined || !this.#leave()) throw error
      }
    }
  }

  /** A new node, which `#node` looks at. */
  #newNode(): number {
    this.#reserveNodes(1)
    const place = this.#freePlaces[this.#freePlaces.length - 1] as number
    const id = this.memory.addNode(place)
    this.#freePlaces.pop()
    this.#inMemory++
    this.memory.look(this.#node, id, place)
    return id
  }

  /** The oldest closed nodes leave memory; false: there are none. */
  #leave(): boolean {
    const until = Math.min(this.#closed.length, this.#gone + LEAVING_NODES)
    if (until === this.#gone) return false
    this.writeClosed(until - this.#crcs.length)
    for (; this.#gone < until; this.#gone++) {
      const id = this.#closed[this.#gone] as number
      this.#freePlaces.push(this.memory.placeOf(id))
      this.memory.setPlace(id, goneTo(this.#gone))
      this.#inMemory--
    }
    return true
  }

  // Files.

  /** Puts closed nodes into the file that are not there, oldest first, at most `most`; how many it were. What the file system throws goes through. */
  writeClosed(most: number): number {
    const from = this.#crcs.length
    const images = this.#closed.slice(from, from + Math.max(0, most)).map((id) => this.imageOf(id))
    if (images.length === 0) return 0
    this.#file?.write(from, images)
    for (const image of images) this.#crcs.push(imageCrc(image))
    return images.length
  }

  /** The nodes of the file, in its order, and their checksums. */
  get closed(): { readonly nodes: readonly number[]; readonly crcs: readonly number[] } {
    return { nodes: this.#closed.slice(0, this.#crcs.length), crcs: this.#crcs }
  }

  /** Of a node in memory. */
  imageOf(id: number): Uint8Array {
    this.#look(this.#other, id)
    return this.#other.image()
  }
}

type Live = { readonly key: Uint8Array; readonly value: number }

const noBytes = new Uint8Array(0)

/** Live entries for each new node, about as much to each. */
function partsOf(live: readonly Live[], entriesMax: number, heapBytes: number): (readonly Live[])[] {
  const bytes = live.reduce((sum, { key }) => sum + key.length, 0)
  if (live.length <= entriesMax * ONE_NODE_SHARE && bytes <= heapBytes * ONE_NODE_SHARE) return [live]
  const share = Math.max(live.length / (entriesMax * EACH_NODE_SHARE), bytes / (heapBytes * EACH_NODE_SHARE))
  const count = Math.max(2, Math.ceil(share))
  // An entry weighs its part of either limit.
  const weightOf = ({ key }: Live): number => 1 / entriesMax + key.length / heapBytes
  const each = live.reduce((sum, entry) => sum + weightOf(entry), 0) / count
  const parts: Live[][] = [[]]
  let weight = 0
  for (const entry of live) {
    const last = parts[parts.length - 1] as Live[]
    if (weight >= each * parts.length && last.length > 0 && parts.length < count) parts.push([entry])
    else last.push(entry)
    weight += weightOf(entry)
  }
  return parts
}

/** The shortest bytes above the last key of one part that are at most the first key of the next. */
function lowBetween(before: readonly Live[], behind: readonly Live[]): Uint8Array {
  const last = (before[before.length - 1] as Live).key
  const first = (behind[0] as Live).key
  let bytes = 0
  while (bytes < last.length && bytes < first.length && last[bytes] === first[bytes]) bytes++
  return first.slice(0, bytes + 1)
}
