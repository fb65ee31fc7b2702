import { assertLaw, DriftError, type ErrorData } from '../base/errors.js'
import { type IndexDefinition } from '../catalog/index-definition.js'
import { TableIndex } from '../index/table-index.js'
import { type IndexHandle, NODE_BYTES, NodeMemory } from '../index/node-memory.js'
import { NodeSpill } from '../index/node-spill.js'
import { type Io } from '../io/io.js'
import { type Arena } from '../memory/arena.js'
import { pageEventOf } from './apply-frame.js'

/** Of page memory, for one index; what is over leaves it. */
const MEMORY_SHARE = 0.25

/** What apply knows of an index. */
export type IndexAnswer = { readonly handle: IndexHandle } | { readonly refused: ErrorData | undefined }

/** A frame that came while the index was attended. */
export type Remembered = { readonly address: number; readonly place: number }

/**
 * An index as the apply thread keeps it: `live`, it takes every event of its table; `cold`, it has none; `attended`, it is being made, and
 * what the log brings is remembered for it. One that could not be kept says so in its own memory, where readers look.
 */
export class AppliedIndex {
  readonly definition: IndexDefinition
  readonly #arena: Arena
  readonly #spill: NodeSpill
  state: 'live' | 'cold' | 'attended'
  remembered: Remembered[] = []
  refused: ErrorData | undefined
  /** Of the last event that it has. */
  takenSeq = 0
  #index: TableIndex | undefined
  /** Could not be kept; until no reader is inside. */
  #given: TableIndex | undefined

  /** `folder`: for its nodes that have no room in memory. */
  constructor(definition: IndexDefinition, arena: Arena, io: Io, folder: string, state: 'live' | 'cold') {
    this.definition = definition
    this.#arena = arena
    this.#spill = new NodeSpill(io, folder, definition.id)
    this.state = state
    if (state === 'live') this.begin()
  }

  get answer(): IndexAnswer {
    if (this.state === 'live' && this.#index !== undefined) return { handle: this.#index.memory.handle }
    return { refused: this.refused }
  }

  /** Whether events are to be taken or remembered. */
  get isFollowing(): boolean {
    return this.state !== 'cold'
  }

  get isKept(): boolean {
    return this.#index !== undefined
  }

  /** Empty, from the first event of its table on. */
  begin(): void {
    this.refused = undefined
    this.takenSeq = 0
    this.#index?.release()
    this.#index = undefined
    const nodesMax = Math.floor((this.#arena.budgetBytes * MEMORY_SHARE) / NODE_BYTES)
    let memory: NodeMemory | undefined
    try {
      memory = NodeMemory.create(this.#arena)
      this.#index = new TableIndex(memory, this.definition.columns, { file: this.#spill, nodesMax })
    } catch (error) {
      memory?.release()
      this.#refuse(error)
    }
  }

  /** The event of a frame; false where it could not be kept: it is cold from then on. */
  readonly takeFrame = (source: Uint8Array, at: number, ordinal: number, place: number): boolean => {
    if (this.#index === undefined) return false
    try {
      const event = pageEventOf(source, at, ordinal, place, 'with key')
      this.#index.take(event)
      this.takenSeq = event.seq
      return true
    } catch (error) {
      this.#refuse(error)
      return false
    }
  }

  /** Nobody needs it any more; its memory stays until {@link forget}. */
  leave(): void {
    this.#index?.memory.end()
    this.state = 'cold'
    this.remembered = []
  }

  /** What was remembered is taken. */
  goLive(): void {
    assertLaw(this.state === 'attended', 'VIS-11', `index ${this.definition.name} is not attended`)
    this.remembered = []
    this.state = this.#index === undefined ? 'cold' : 'live'
  }

  /** Gives its memory back. No reader is inside. */
  forget(): void {
    this.state = 'cold'
    this.remembered = []
    this.#given?.release()
    this.#index?.release()
    this.#given = this.#index = undefined
    this.#spill.remove()
  }

  /** Whatever it is: queries go without it, and are right. */
  #refuse(error: unknown): void {
    this.refused = DriftError.from(error, `index ${this.definition.name}`).toData()
    this.#index?.memory.end()
    this.#given = this.#index
    this.#index = undefined
    this.state = 'cold'
    this.remembered = []
  }
}
