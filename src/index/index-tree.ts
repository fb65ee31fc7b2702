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
import { commonPrefix, entryBytes, imageCrc, IndexNode, spreadBehind, spreadBetween } from './index-node.js'
import { goneTo, type NodeFile, type NodeMemory } from './node-memory.js'

/** Of the room of a node: live entries that fit into one new node, and those that each of several gets. */
const ONE_NODE_SHARE = 0.7
const EACH_NODE_SHARE = 0.6
/** With less of live entries than this a node that is split takes a neighbour's too. */
const SPARSE_SHARE = 0.25
/** A leaf with less of live and more of dead entries than these is split before it is full. */
const FEW_LIVE_SHARE = 1 / 8
const MANY_DEAD_SHARE = 1 / 4
/** Behind the last key a full node with less of dead entries is left as it is. */
const FEW_DEAD_SHARE = 1 / 8
/** Of a leaf that begins behind the last key: last bytes of its first key that others are expected to differ in. */
const BEHIND_DIFFERS = 2
/** Nodes that leave memory at a time. */
const LEAVING_NODES = 32

export const NOWHERE = 0xffff_ffff

/** Told where the entry of a value is now: of leaves. */
export type Relocate = (value: number, location: number) => void

export type IndexTreeLimits = {
  /** For nodes that are closed. */
  readonly file?: NodeFile
  /** With more in memory than this is now, closed ones leave it. */
  readonly nodesMax?: () => number
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
  readonly #nodesMax: () => number
  readonly #node: IndexNode
  readonly #other: IndexNode
  readonly #live: LiveEntries
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
    this.#nodesMax = limits.nodesMax ?? (() => Infinity)
    this.#node = new IndexNode(memory.layout)
    this.#other = new IndexNode(memory.layout)
    this.#slotBits = memory.layout.slotBits
    this.#live = { nodes: [], ends: [], slots: new Uint16Array(2 * memory.layout.entriesMax) }
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
    this.#node.clear(0, 0, noBytes, spreadBehind(noBytes))
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
    const { roomBytes } = this.memory.layout
    if (node.liveBytes >= roomBytes * FEW_LIVE_SHARE || node.usedBytes - node.liveBytes <= roomBytes * MANY_DEAD_SHARE) return
    if (this.memory.newestRoot !== node.id) this.#splitLeaf(node, seq)
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
    const place = this.memory.ownPlaceOf(id)
    if (place < 0) assertLaw(false, 'IDX-4', `node ${id} of an index is open and not in memory`)
    this.memory.look(node, id, place)
  }

  /** To the leaf that has the key's place now: `#path`, and `#node` at its end. */
  #descend(key: Uint8Array, from: number, bytes: number): void {
    const node = this.#node
    let id = this.memory.newestRoot
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
      this.#split(this.#depth, seq, 0)
    }
  }

  /** Makes room for a key in the leaf of the path, or above it first; the way is to be gone anew. */
  #makeRoom(seq: number, key: Uint8Array, from: number, bytes: number): void {
    const node = this.#node
    const { count } = node
    const isBehind = this.#isLast && this.#depth > 0 && count > 0 && !node.isTooOld(seq) && this.#isAbove(node, key, from, bytes)
    const hasFewDead = node.usedBytes - node.liveBytes <= this.memory.layout.roomBytes * FEW_DEAD_SHARE
    if (isBehind && hasFewDead) this.#addBehind(seq, key, from, bytes)
    else this.#split(this.#depth, seq, entryBytes(bytes))
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
    if (!node.hasRoom(lowBytes, seq)) return this.#split(this.#depth - 1, seq, entryBytes(lowBytes))
    const id = this.#newNode()
    // What comes behind differs from it in few bytes.
    node.clear(0, seq, low, spreadBehind(low.subarray(0, Math.max(0, lowBytes - BEHIND_DIFFERS))))
    this.#look(node, parent)
    node.add(low, 0, lowBytes, id, seq)
  }

  /**
   * Closes a node of the path: its live entries, a neighbour's too where they are few, begin again in new nodes, so that one of them has
   * room for `needed` bytes more.
   */
  #split(depth: number, seq: number, needed: number): void {
    const { id, slot } = this.#path[depth] as Step
    const { roomBytes } = this.memory.layout
    const node = this.#node
    this.#look(node, id)
    const { level } = node
    const old = [{ id, slot }]
    const parent = depth === 0 ? undefined : (this.#path[depth - 1] as Step).id
    if (node.liveBytes < roomBytes * SPARSE_SHARE && parent !== undefined) this.#addNeighbour(old, parent)
    const bytes = this.#findLive(old)
    const live = this.#live
    if (depth === 0 && level > 0 && liveCount(live) === 1) {
      // What is below it is the root then.
      this.#look(node, id)
      const child = node.valueOf(live.slots[0] as number)
      this.memory.reserveRoot()
      this.memory.addRoot(seq, child)
      this.#close(id, seq)
      return
    }
    this.#look(node, (old[0] as Step).id)
    const first = node.u8.slice(node.lowAt, node.lowAt + node.lowBytes)
    const isOne = bytes <= roomBytes * ONE_NODE_SHARE && first.length + entryBytes(0) + bytes + needed <= roomBytes
    const parts = this.#partsOf(bytes, isOne ? 1 : Math.max(2, Math.ceil(bytes / (roomBytes * EACH_NODE_SHARE))))
    const lows = parts.map((from) => (from === 0 ? first : this.#lowAt(from, level)))
    const lowsBytes = lows.reduce((sum, low) => sum + entryBytes(low.length), 0)
    if (parent !== undefined) {
      this.#look(node, parent)
      if (!node.hasRoomFor(lowsBytes) || node.isTooOld(seq)) return this.#split(depth - 1, seq, lowsBytes)
    }
    this.memory.reserveRoot()
    this.#reserveNodes(parts.length + 1)
    const fresh = parts.map((from, part) => this.#newNodeOf(level, seq, lows[part] as Uint8Array, from, parts[part + 1] ?? liveCount(live)))
    if (parent !== undefined) {
      this.#look(node, parent)
      for (const { slot: entry } of old) node.endEntry(entry, seq)
      for (const [part, child] of fresh.entries()) this.#addChild(lows[part] as Uint8Array, child, seq)
    } else if (parts.length > 1) {
      const root = this.#newNode()
      node.clear(level + 1, seq, noBytes, spreadBehind(noBytes))
      for (const [part, child] of fresh.entries()) this.#addChild(lows[part] as Uint8Array, child, seq)
      this.memory.addRoot(seq, root)
    } else {
      this.memory.addRoot(seq, fresh[0] as number)
    }
    for (const { id: number } of old) this.#close(number, seq)
  }

  #addChild(low: Uint8Array, child: number, seq: number): void {
    this.#node.add(low, 0, low.length, child, seq)
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

  /** Fills `#live`; the bytes that they take of a node. */
  #findLive(nodes: readonly Step[]): number {
    const live = this.#live
    const node = this.#other
    let found = 0
    let bytes = 0
    live.nodes = nodes.map(({ id }) => id)
    live.ends = live.nodes.map((id) => {
      this.#look(node, id)
      bytes += node.liveBytes
      const { count } = node
      for (let position = 0; position < count; position++) {
        const slot = node.slotAt(position)
        if (node.isLive(slot)) live.slots[found++] = slot
      }
      return found
    })
    return bytes
  }

  /** `#other` looks at the node of a live entry. */
  #lookAtLive(entry: number): void {
    const { nodes, ends } = this.#live
    const id = nodes[entry < (ends[0] as number) ? 0 : 1] as number
    if (this.#other.id !== id) this.#look(this.#other, id)
  }

  /** Where each of so many parts of the live entries begins, about as much in each. */
  #partsOf(bytes: number, count: number): number[] {
    const parts = [0]
    if (count === 1) return parts
    const { slots } = this.#live
    const entries = liveCount(this.#live)
    const node = this.#other
    let taken = 0
    for (let entry = 0; entry < entries && parts.length < count; entry++) {
      if (entry > (parts[parts.length - 1] as number) && taken >= (bytes / count) * parts.length) parts.push(entry)
      this.#lookAtLive(entry)
      taken += entryBytes(node.keyBytes(slots[entry] as number))
    }
    return parts
  }

  /** The first key of the range that begins with a live entry. */
  #lowAt(entry: number, level: number): Uint8Array {
    const first = this.#keyOfLive(entry)
    // Above the leaves a node begins exactly where its first child does.
    return level > 0 ? first : lowBetween(this.#keyOfLive(entry - 1), first)
  }

  #keyOfLive(entry: number): Uint8Array {
    this.#lookAtLive(entry)
    const node = this.#other
    const slot = this.#live.slots[entry] as number
    return node.u8.slice(node.keyAt(slot), node.keyAt(slot) + node.keyBytes(slot))
  }

  /** A new node with the live entries `[from, to)`. */
  #newNodeOf(level: number, seq: number, low: Uint8Array, from: number, to: number): number {
    const { slots } = this.#live
    const id = this.#newNode()
    const node = this.#node
    const other = this.#other
    node.clear(level, seq, low, from === to ? spreadBehind(noBytes) : spreadBetween(this.#keyOfLive(from), this.#keyOfLive(to - 1)))
    for (let entry = from; entry < to; entry++) {
      this.#lookAtLive(entry)
      const slot = slots[entry] as number
      const fresh = node.append(other, slot, seq)
      if (level === 0) this.#relocate(other.valueOf(slot), this.#location(id, fresh))
    }
    return id
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
      if (this.#file !== undefined && this.#inMemory >= this.#nodesMax() && this.#leave()) continue
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

/** The live entries of one node or of two neighbours: in the order of their keys, up to `ends` in each. */
type LiveEntries = { nodes: readonly number[]; ends: readonly number[]; readonly slots: Uint16Array }

function liveCount({ ends }: LiveEntries): number {
  return ends[ends.length - 1] as number
}

const noBytes = new Uint8Array(0)

/** The shortest bytes above the last key of one part that are at most the first key of the next. */
function lowBetween(last: Uint8Array, first: Uint8Array): Uint8Array {
  return first.slice(0, commonPrefix(last, first).length + 1)
}
