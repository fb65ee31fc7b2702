/**
 * Reads an index at an S that is applied, while its writer goes on. What a step finds is looked at again behind the step (IDX-2), and sought
 * again where the writer was in the way. Nodes that left memory are read from their file into buffers of this reader.
 */
import { assertLaw, DriftError } from '../base/errors.js'
import { compareKeys } from '../codec/key-codec.js'
import { IndexNode } from './index-node.js'
import { goneTo, type NodeSource, type NodeMemory } from './node-memory.js'

/** Nodes from the file that a reader keeps. */
const KEPT_NODES = 64
const ATTEMPTS_MAX = 1_000_000

/** `from <= key < to`, as bytes; absent: no bound. */
export type IndexRange = { readonly from?: Uint8Array | undefined; readonly to?: Uint8Array | undefined }

const noBytes = new Uint8Array(0)

/** The keys of a leaf's entries, beside their values: entry `n` has `bytes[starts[n], ends[n])`. Filled again for each leaf. */
export class EntryKeys {
  readonly bytes: Uint8Array
  readonly starts: Uint32Array
  readonly ends: Uint32Array

  constructor({ layout }: NodeMemory) {
    this.bytes = new Uint8Array(layout.nodeBytes)
    this.starts = new Uint32Array(layout.entriesMax)
    this.ends = new Uint32Array(layout.entriesMax)
  }

  /** What does not fit was read while it was written, and is read again. */
  copy(entry: number, source: Uint8Array, from: number, count: number): void {
    const at = entry === 0 ? 0 : (this.ends[entry - 1] as number)
    const end = Math.min(at + count, this.bytes.length)
    for (let to = at, next = from; to < end; to++, next++) this.bytes[to] = source[next] as number
    this.starts[entry] = at
    this.ends[entry] = end
  }
}

/** Entries of one leaf: their values, and how many. */
export type EntryBatch = { readonly values: Uint32Array; readonly count: number }

export class IndexReader {
  readonly memory: NodeMemory
  readonly #file: NodeSource | undefined
  readonly #node: IndexNode
  readonly #kept = new Map<number, Uint8Array>()
  /** Where the keys of the nodes beside the last leaf begin and end; see {@link #descend}. */
  #fence = new Uint8Array(64)
  #fenceBytes = -1
  /** Of a leaf, of who reads to the end before another begins. */
  #values: Uint32Array | undefined
  #isClosed = false
  /** Nodes and entries that were looked at. */
  readonly counters = { nodes: 0, entries: 0 }

  constructor(memory: NodeMemory, file?: NodeSource) {
    this.memory = memory
    this.#file = file
    this.#node = new IndexNode(memory.layout)
  }

  /** The memory is about to be given back: who is in the middle of a range is told so when it goes on. */
  close(): void {
    this.#isClosed = true
  }

  /**
   * The values of a range at S, in the order of their keys or against it, a leaf's at a time. The array, and `keys`, are filled again for
   * each.
   * @throws DriftError OVERLOADED: the index went while it was read.
   */
  *batches(range: IndexRange, S: number, isReverse: boolean, keys?: EntryKeys): Generator<EntryBatch, void> {
    // One that is left early, or read beside another, has taken it away.
    const values = this.#values ?? new Uint32Array(this.memory.layout.entriesMax)
    this.#values = undefined
    let { from, to } = range
    if (to !== undefined && compareKeys(from ?? noBytes, to) >= 0) return
    for (;;) {
      this.#refuseIfClosed()
      const count = isReverse ? this.#leafBefore(from, to, S, values, keys) : this.#leafFrom(from, to, S, values, keys)
      const bound = this.#fenceBytes < 0 ? undefined : this.#fence.slice(0, this.#fenceBytes)
      if (count > 0) yield { values, count }
      if (bound === undefined) break
      if (isReverse) to = bound
      else from = bound
    }
    this.#values = values
  }

  #refuseIfClosed(): void {
    if (this.#isClosed) throw new DriftError('OVERLOADED', 'an index went while a query read it; run the query again', {})
  }

  /** How many values a range has at S, counted up to `most`. */
  count(range: IndexRange, S: number, most: number): number {
    let found = 0
    for (const { count } of this.batches(range, S, false)) {
      found += count
      if (found >= most) return found
    }
    return found
  }

  /** The values of the leaf in which `from` lies; the fence is where the next one begins, if the range goes on there. */
  // oxlint-disable-next-line max-params
  #leafFrom(from: Uint8Array | undefined, to: Uint8Array | undefined, S: number, values: Uint32Array, keys: EntryKeys | undefined): number {
    const low = from ?? noBytes
    const node = this.#node
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const place = this.#descend(low, S, false)
      if (place === undefined) continue
      const { version } = node
      if ((version & 1) !== 0) continue
      const offset = node.offsetOf(S)
      const first = node.lowerBound(low)
      const end = to === undefined ? node.count : node.lowerBound(to)
      let count = 0
      for (let position = first; position < end; position++) {
        const slot = node.slotAt(position)
        if (!node.isVisible(slot, offset)) continue
        keys?.copy(count, node.u8, node.keyAt(slot), node.keyBytes(slot))
        values[count++] = node.valueOf(slot)
      }
      if (!this.#isUnchanged(place, version)) continue
      this.counters.entries += Math.max(0, end - first)
      if (to !== undefined && this.#fenceBytes >= 0 && compareKeys(this.#fence.subarray(0, this.#fenceBytes), to) >= 0)
        this.#fenceBytes = -1
      return count
    }
    return unread()
  }

  /** The same against the order: the leaf in front of `to`; the fence is where it begins, if the range goes on there. */
  // oxlint-disable-next-line max-params
  #leafBefore(
    from: Uint8Array | undefined,
    to: Uint8Array | undefined,
    S: number,
    values: Uint32Array,
    keys: EntryKeys | undefined
  ): number {
    const node = this.#node
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const place = this.#descend(to, S, true)
      if (place === undefined) continue
      const { version } = node
      if ((version & 1) !== 0) continue
      const offset = node.offsetOf(S)
      const first = from === undefined ? 0 : node.lowerBound(from)
      const end = to === undefined ? node.count : node.lowerBound(to)
      let count = 0
      for (let position = end - 1; position >= first; position--) {
        const slot = node.slotAt(position)
        if (!node.isVisible(slot, offset)) continue
        keys?.copy(count, node.u8, node.keyAt(slot), node.keyBytes(slot))
        values[count++] = node.valueOf(slot)
      }
      if (!this.#isUnchanged(place, version)) continue
      this.counters.entries += Math.max(0, end - first)
      // Nothing is in front of the first key of all.
      if (this.#fenceBytes === 0) this.#fenceBytes = -1
      if (from !== undefined && this.#fenceBytes >= 0 && compareKeys(this.#fence.subarray(0, this.#fenceBytes), from) <= 0)
        this.#fenceBytes = -1
      return count
    }
    return unread()
  }

  /**
   * To the leaf at S that has the place of `key`, or (`isBefore`) of what comes directly in front of it, undefined being behind all; the
   * place of the leaf, which `#node` looks at, or undefined where the writer was in the way. The fence: the first key of the next leaf, or
   * of the leaf itself if `isBefore`; -1 bytes where there is none.
   */
  #descend(key: Uint8Array | undefined, S: number, isBefore: boolean): number | undefined {
    const node = this.#node
    let id = this.memory.rootAt(S)
    this.#fenceBytes = -1
    for (;;) {
      const place = this.#look(id)
      this.counters.nodes++
      const { version } = node
      if ((version & 1) !== 0) return undefined
      if (node.level === 0) return place
      const offset = node.offsetOf(S)
      const { count } = node
      let position = key === undefined ? count - 1 : (isBefore ? node.lowerBound(key) : node.upperBound(key)) - 1
      while (position >= 0 && !node.isVisible(node.slotAt(position), offset)) position--
      if (position < 0) {
        if (!this.#isUnchanged(place, version)) return undefined
        assertLaw(false, 'IDX-3', `node ${id} of an index has no child at ${S}`)
      }
      const slot = node.slotAt(position)
      const child = node.valueOf(slot)
      if (isBefore) {
        this.#keepFence(slot)
      } else {
        let next = position + 1
        while (next < count && !node.isVisible(node.slotAt(next), offset)) next++
        if (next < count) this.#keepFence(node.slotAt(next))
      }
      if (!this.#isUnchanged(place, version)) return undefined
      id = child
    }
  }

  #keepFence(slot: number): void {
    const node = this.#node
    const bytes = Math.min(node.keyBytes(slot), this.memory.layout.nodeBytes)
    const at = node.keyAt(slot)
    if (bytes > this.#fence.length) this.#fence = new Uint8Array(2 * bytes)
    for (let index = 0; index < bytes; index++) this.#fence[index] = node.u8[at + index] as number
    this.#fenceBytes = bytes
  }

  #isUnchanged(place: number, version: number): boolean {
    return this.#node.version === version && (place < 0 || this.memory.placeOf(this.#node.id) === place)
  }

  #look(id: number): number {
    const place = this.memory.placeOf(id)
    if (place < 0) this.#lookAtKept(id, goneTo(place))
    else this.memory.look(this.#node, id, place)
    return place
  }

  #lookAtKept(id: number, slot: number): void {
    let bytes = this.#kept.get(id)
    if (bytes === undefined) {
      assertLaw(this.#file !== undefined, 'IDX-4', `node ${id} of an index left memory, and there is no file`)
      // The one that was read first goes.
      for (const oldest of this.#kept.keys()) {
        if (this.#kept.size < KEPT_NODES) break
        this.#kept.delete(oldest)
      }
      bytes = new Uint8Array(this.memory.layout.nodeBytes)
      this.#file.read(slot, id, bytes)
      this.#kept.set(id, bytes)
    }
    this.#node.lookAtImage(id, bytes)
  }
}

function unread(): never {
  throw new DriftError('INVARIANT', 'IDX-2: a node of an index is written without an end', { law: 'IDX-2' })
}
