import { assertLaw, DriftError } from '../base/errors.js'
import { type IndexColumn } from '../catalog/index-definition.js'
import { EVENT_INSERT, EVENT_PATCH, EVENT_SOFT_DELETE } from '../format/frame.js'
import { type IndexTreeLimits, IndexTree, type KeptNodes, NOWHERE } from './index-tree.js'
import { IndexKeys } from './index-keys.js'
import { type NodeMemory } from './node-memory.js'

/** One event of a table, as an index needs it; see `apply`. */
export type IndexEvent = {
  readonly event: number
  readonly seq: number
  readonly ordinal: number
  /** The row's key, of an INSERT. */
  readonly key: Uint8Array
  readonly keyBytes: number
  /** The document or the patch: a msgpack map at `source[from …)`. */
  readonly source: Uint8Array
  readonly from: number
}

const FIRST_ROWS = 1024

/**
 * A secondary index as its one writer keeps it: takes the events of a table in their order, and has for each row where its entry is. It
 * needs nothing but the events: what a PATCH does not name is in the entry that it ends.
 */
export class TableIndex {
  readonly memory: NodeMemory
  readonly tree: IndexTree
  readonly #keys: IndexKeys
  #locations = new Uint32Array(FIRST_ROWS).fill(NOWHERE)
  /** Ordinals up to the last that was met. */
  #rows = 0
  #ordinal = 0
  readonly #location = (): number => this.#locations[this.#ordinal] as number

  /** `kept`: of one whose nodes are in `memory`. */
  constructor(
    memory: NodeMemory,
    columns: readonly IndexColumn[],
    limits: IndexTreeLimits = {},
    kept?: { readonly nodes: KeptNodes; readonly locations: Uint32Array }
  ) {
    this.memory = memory
    this.#keys = new IndexKeys(columns)
    const relocate = (ordinal: number, location: number): void => void (this.#locations[ordinal] = location)
    this.tree = new IndexTree(memory, relocate, limits, kept?.nodes)
    if (kept === undefined) return
    this.#rows = kept.locations.length
    this.#grow(this.#rows)
    this.#locations.set(kept.locations)
  }

  /** Where the entry of each row is, by ordinal. */
  get locations(): Uint32Array {
    return this.#locations.subarray(0, this.#rows)
  }

  /**
   * @throws DriftError OVERLOADED where no page memory is free, LIMIT, CORRUPT for a payload that is no document: the index is of no use
   * behind the event then.
   */
  take(event: IndexEvent): void {
    const { ordinal, seq, source, from } = event
    if (ordinal >= this.#locations.length) this.#grow(ordinal)
    if (ordinal >= this.#rows) this.#rows = ordinal + 1
    this.#ordinal = ordinal
    const before = this.#location()
    switch (event.event) {
      case EVENT_INSERT:
        this.#keys.look(source, from)
        this.#replace(before, this.#keys.ofDocument(event.key, event.keyBytes), seq)
        break
      case EVENT_PATCH: {
        if (!this.#keys.look(source, from)) break
        if (before === NOWHERE) assertLaw(false, 'VIS-6', `event ${seq} changes ordinal ${ordinal}, which is not there`)
        const node = this.tree.at(before)
        const slot = this.tree.slotOf(before)
        this.#replace(before, this.#keys.ofPatch(node.u8, node.keyAt(slot), node.keyBytes(slot)), seq)
        break
      }
      case EVENT_SOFT_DELETE:
        if (before !== NOWHERE) this.tree.end(this.#location, seq)
        this.#locations[ordinal] = NOWHERE
        break
      default:
        throw new DriftError('INVARIANT', `an event of type ${event.event} has no place in an index`)
    }
  }

  /** Gives its memory back. No reader may be inside. */
  release(): void {
    this.memory.release()
  }

  /** The row's entry is the key that was made last. */
  #replace(before: number, bytes: number, seq: number): void {
    const keys = this.#keys
    if (before !== NOWHERE) {
      const node = this.tree.at(before)
      if (node.compare(this.tree.slotOf(before), keys.bytes, 0, bytes) === 0) return
      this.tree.end(this.#location, seq)
    }
    if (keys.isCut) this.memory.setCut()
    this.#locations[this.#ordinal] = this.tree.insert(keys.bytes, 0, bytes, this.#ordinal, seq)
  }

  #grow(ordinal: number): void {
    const longer = new Uint32Array(Math.max(ordinal + 1, 2 * this.#locations.length)).fill(NOWHERE)
    longer.set(this.#locations)
    this.#locations = longer
  }
}
