import { DriftError } from '../base/errors.js'
import { IndexNode } from './index-node.js'
import { goneTo, type NodeMemory, type NodeSource } from './node-memory.js'

/** An entry of a leaf. The key is valid until the next one is asked for. */
export type CheckedEntry = { readonly key: Uint8Array; readonly value: number }

/** Looks through an index that nobody writes, for what must hold in it whatever its events are. */
export class IndexCheck {
  readonly #memory: NodeMemory
  readonly #file: NodeSource
  /** By level. */
  readonly #nodes: IndexNode[] = []

  constructor(memory: NodeMemory, file: NodeSource) {
    this.#memory = memory
    this.#file = file
  }

  /** What is wrong with a node by itself; undefined: nothing. */
  nodeFault(id: number): string | undefined {
    const { entriesMax, nodeBytes } = this.#memory.layout
    const node = this.#look(id, 0)
    const { count, level } = node
    if (count > entriesMax || level > 64) return `${count} entries at level ${level}`
    // What begins and ends with one event is never visible.
    if (!(node.t0 <= node.t1)) return `a time from ${node.t0} to ${node.t1}`
    const slots = new Set<number>()
    let live = 0
    for (let position = 0; position < count; position++) {
      const slot = node.slotAt(position)
      if (slots.has(slot)) return `entry ${slot} stands twice in its order`
      slots.add(slot)
      const [from, to] = node.bounds(slot)
      if (from < node.heapAt || to > nodeBytes) return `entry ${slot} lies outside of its room`
      if (!(node.beginOf(slot) <= node.endOf(slot)) || node.beginOf(slot) < node.t0) return `entry ${slot} ends before it begins`
      if (node.isLive(slot)) live++
      if (node.digestAt(position) !== node.digestOf(node.u8, node.keyAt(slot), node.keyBytes(slot)))
        return `entry ${slot} has a wrong digest`
      if (position > 0 && this.#compare(node, node.slotAt(position - 1), slot) > 0) return `entry ${slot} is out of order`
    }
    return live === node.live ? undefined : `${live} entries are alive, not ${node.live}`
  }

  /**
   * Every entry that is visible at S, in the order of the tree.
   * @throws DriftError CORRUPT: nodes of one level leave a key out, or do not lie where the node above says (IDX-3).
   */
  *entriesAt(S: number): Generator<CheckedEntry, void> {
    yield* this.#below(this.#memory.rootAt(S), S, 0)
  }

  *#below(id: number, S: number, depth: number): Generator<CheckedEntry, void> {
    const node = this.#look(id, depth)
    if (!(node.t0 <= S && S < node.t1)) throw misplaced(`node ${id} is not of seq ${S}`)
    const offset = node.offsetOf(S)
    let isFirst = true
    for (let position = 0; position < node.count; position++) {
      const slot = node.slotAt(position)
      if (!node.isVisible(slot, offset)) continue
      const at = node.keyAt(slot)
      if (node.level === 0) {
        yield { key: node.u8.subarray(at, at + node.keyBytes(slot)), value: node.valueOf(slot) }
        continue
      }
      const child = node.valueOf(slot)
      if (child >= this.#memory.nodeCount) throw misplaced(`node ${id} leads to node ${child}, which is not there`)
      const below = this.#look(child, depth + 1)
      if (below.level !== node.level - 1) throw misplaced(`node ${child}, of level ${below.level}, is below one of level ${node.level}`)
      const isThere = node.compare(slot, below.u8, below.lowAt, below.lowBytes) === 0
      // A node above the leaves begins where its first child does.
      const beginsThere = !isFirst || node.compare(slot, node.u8, node.lowAt, node.lowBytes) === 0
      if (!isThere || !beginsThere) throw misplaced(`node ${child} does not begin where node ${id} says`)
      isFirst = false
      yield* this.#below(child, S, depth + 1)
    }
    if (node.level > 0 && isFirst) throw misplaced(`node ${id} has no child at ${S}`)
  }

  #compare(node: IndexNode, slot: number, other: number): number {
    return node.compare(slot, node.u8, node.keyAt(other), node.keyBytes(other))
  }

  #look(id: number, depth: number): IndexNode {
    const { layout } = this.#memory
    const node = (this.#nodes[depth] ??= new IndexNode(layout))
    const place = this.#memory.placeOf(id)
    if (place >= 0) {
      this.#memory.look(node, id, place)
      return node
    }
    const image = new Uint8Array(layout.nodeBytes)
    this.#file.read(goneTo(place), id, image)
    node.lookAtImage(id, image)
    return node
  }
}

function misplaced(message: string): DriftError {
  return new DriftError('CORRUPT', `${message} (IDX-3)`, {})
}
