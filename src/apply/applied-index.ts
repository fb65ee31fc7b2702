import { assertLaw, DriftError, type ErrorData } from '../base/errors.js'
import { type IndexDefinition } from '../catalog/index-definition.js'
import { ClosedNodes } from '../index/closed-nodes.js'
import { IndexFiles, type IndexFilesOwner } from '../index/index-files.js'
import { type IndexTreeLimits } from '../index/index-tree.js'
import { type IndexEvent, TableIndex } from '../index/table-index.js'
import { type IndexHandle, NODE_BYTES, NodeMemory } from '../index/node-memory.js'
import { restoreTableIndex } from '../index/restore-table-index.js'
import { type IndexProgress, writeIndexFile } from '../index/write-index-file.js'
import { type Io } from '../io/io.js'
import { type Arena } from '../memory/arena.js'
import { pageEventOf } from './apply-frame.js'

/** Of page memory, for all indexes together; what is over leaves it. */
const MEMORY_SHARE = 0.25
/** Closed nodes that are written between two chances to look up: about two milliseconds. */
const STEP_NODES = 32

/** A checkpoint of an index in its files; `bytes` were written for it now. */
export type IndexCheckpointInfo = IndexProgress & { readonly bytes: number }

/** What apply knows of an index. */
export type IndexAnswer =
  | { readonly handle: IndexHandle }
  | { readonly checkpoint: IndexCheckpointInfo }
  | { readonly refused: ErrorData | undefined }

/** A frame that came while the index was attended. */
export type Remembered = { readonly address: number; readonly place: number }

/** How many indexes are in memory, each with its part of what they have together. */
export type KeptIndexes = { count: number }

/**
 * An index as the apply thread keeps it: `live`, it takes every event of its table; `cold`, it has none; `attended`, it is being made, and
 * what the log brings is remembered for it. One that could not be kept says so in its own memory, where readers look.
 */
export class AppliedIndex {
  readonly definition: IndexDefinition
  readonly #arena: Arena
  readonly #io: Io
  readonly #files: IndexFiles
  readonly #nodes: ClosedNodes
  readonly #limits: IndexTreeLimits
  readonly #kept: KeptIndexes
  state: 'live' | 'cold' | 'attended'
  remembered: Remembered[] = []
  refused: ErrorData | undefined
  /** Of the last event that it has. */
  takenSeq = 0
  #events = 0
  #index: TableIndex | undefined
  /** Could not be kept; until no reader is inside. */
  #given: TableIndex | undefined
  /** From the first event on, in this process: closed nodes in a file are of use to it alone until there is a checkpoint. */
  #isBegun = false
  /** The checkpoint in the `.idx` file, of this very index. */
  #installed: IndexProgress | undefined
  /** One that is written and has no name yet. */
  #written: IndexProgress | undefined

  // oxlint-disable-next-line max-params
  constructor(arena: Arena, io: Io, owner: IndexFilesOwner, kept: KeptIndexes, state: 'live' | 'cold') {
    this.definition = owner.definition
    this.#arena = arena
    this.#io = io
    this.#files = new IndexFiles(owner)
    this.#nodes = new ClosedNodes(io, this.#files)
    this.#kept = kept
    const nodesMax = (arena.budgetBytes * MEMORY_SHARE) / NODE_BYTES
    this.#limits = { file: this.#nodes, nodesMax: () => nodesMax / kept.count }
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
    this.#drop()
    this.refused = undefined
    this.#isBegun = true
    let memory: NodeMemory | undefined
    try {
      this.removeFiles()
      memory = NodeMemory.create(this.#arena)
      this.#keep(new TableIndex(memory, this.definition.columns, this.#limits))
    } catch (error) {
      memory?.release()
      this.#refuse(error)
    }
  }

  /**
   * As its files have it; undefined where it has none. In steps.
   * @throws DriftError CORRUPT, UNSUPPORTED_VERSION, IO, OVERLOADED: they are of no use.
   */
  *restore(): Generator<void, IndexCheckpointInfo | undefined> {
    this.#drop()
    this.refused = undefined
    if (this.#io.kind(this.#files.index) !== 'file') return undefined
    const { index, seq, events } = yield* restoreTableIndex(this.#io, this.#arena, this.#files, this.definition.columns, this.#limits)
    this.#keep(index)
    this.takenSeq = seq
    this.#events = events
    this.#installed = { seq, events }
    return { seq, events, bytes: 0 }
  }

  /**
   * Writes a checkpoint; undefined where it is not kept, or has no event. Closed nodes go in steps, and events may be taken in between; what
   * is open at the end goes at once. It has no name before {@link install}, and is not synced.
   */
  *write(): Generator<void, IndexCheckpointInfo | undefined> {
    const index = this.#index
    let nodes = 0
    for (;;) {
      if (index === undefined || this.#index !== index || this.state !== 'live' || this.#events === 0) return undefined
      if (this.#installed?.seq === this.takenSeq) return { ...this.#installed, bytes: 0 }
      const count = index.tree.writeClosed(STEP_NODES)
      nodes += count
      if (count < STEP_NODES) break
      yield
    }
    const progress = { seq: this.takenSeq, events: this.#events }
    this.#written = undefined
    if (this.#io.kind(this.#files.folder) === 'absent') this.#io.makeDirectory(this.#files.folder)
    const bytes = writeIndexFile(this.#io, this.#files, index.tree, index.locations, progress)
    this.#written = progress
    return { ...progress, bytes: bytes + nodes * NODE_BYTES }
  }

  /** What was written counts from here on: all its events are in segments, and it is synced. */
  install(): IndexCheckpointInfo | undefined {
    const written = this.#written
    if (written === undefined) return undefined
    this.#written = undefined
    this.#io.rename(this.#files.unfinished, this.#files.index)
    this.#installed = written
    this.#io.syncDirectory(this.#files.folder)
    return { ...written, bytes: 0 }
  }

  /** False where the event could not be kept: it is cold from then on. */
  take(event: IndexEvent): boolean {
    if (this.#index === undefined) return false
    try {
      this.#index.take(event)
      this.takenSeq = event.seq
      this.#events++
      return true
    } catch (error) {
      this.#refuse(error)
      return false
    }
  }

  /** The same of a frame. */
  readonly takeFrame = (source: Uint8Array, at: number, ordinal: number, place: number): boolean =>
    this.take(pageEventOf(source, at, ordinal, place, 'without key'))

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
    this.#drop()
  }

  /** Nothing of it is needed any more, in no process. */
  removeFiles(): void {
    const { index, nodes, unfinished } = this.#files
    this.#nodes.close()
    for (const path of [unfinished, index, nodes]) if (this.#io.kind(path) === 'file') this.#io.remove(path)
  }

  /** Files that no checkpoint names are of no use without this process. */
  close(): void {
    // What is being written for it is left.
    this.state = 'cold'
    this.#nodes.close()
    if (this.#isBegun && this.#installed === undefined) this.removeFiles()
  }

  #keep(index: TableIndex): void {
    this.#index = index
    this.#kept.count++
  }

  #drop(): void {
    this.#given?.release()
    this.#index?.release()
    if (this.#index !== undefined) this.#kept.count--
    this.#given = this.#index = undefined
    this.#nodes.close()
    this.#installed = this.#written = undefined
    this.#isBegun = false
    this.takenSeq = this.#events = 0
  }

  /** Whatever it is: queries go without it, and are right. */
  #refuse(error: unknown): void {
    this.refused = DriftError.from(error, `index ${this.definition.name}`).toData()
    this.#index?.memory.end()
    if (this.#index !== undefined) this.#kept.count--
    this.#given = this.#index
    this.#index = undefined
    this.state = 'cold'
    this.remembered = []
    this.#written = undefined
  }
}
