/**
 * The coordinator's view of secondary indexes: which can be read, and how what is not there yet is made. An index is read in the thread that
 * asks, in shared memory; the apply thread alone writes it.
 *
 * An index of a table that was empty when it was declared has everything from the first event on. Any other is taken up from its files, or
 * made of the table's segments, in the background when a query first could use it; until then queries go without it, with the same answers.
 */
import type { IndexAnswer } from '../apply/applied-index.js'
import type { SegmentPart } from '../apply/segment-part.js'
import { DriftError, type ErrorData } from '../base/errors.js'
import type { Log } from '../base/log.js'
import type { IndexDefinition } from '../catalog/index-definition.js'
import { ClosedNodes } from '../index/closed-nodes.js'
import { IndexFiles } from '../index/index-files.js'
import { IndexReader } from '../index/index-reader.js'
import { NodeMemory } from '../index/node-memory.js'
import { ReadableIndex } from '../index/readable-index.js'
import type { Io } from '../io/io.js'
import type { ApplyMemory } from '../memory/apply-memory.js'
import type { Arena } from '../memory/arena.js'
import type { ApplyLink } from '../runtime/apply-link.js'
import type { TableLoader } from './table-loader.js'
import type { TableState } from './table-state.js'

/** A query waits for the indexes of a table with so many events; for a larger one it goes without them until they are made. */
const WAITED_EVENTS = 50_000

type IndexState = {
  readonly definition: IndexDefinition
  readonly table: TableState
  state: 'live' | 'cold' | 'making'
  readable: ReadableIndex | undefined
  /** Those that left memory, as this thread reads them. */
  nodes: ClosedNodes | undefined
  making: Promise<void> | undefined
  /** Events that its checkpoint has; 0: there is none that is known. */
  checkpointEvents: number
  /** Why it is not there; it is not tried again. */
  refused: ErrorData | undefined
}

export type IndexAccessParts = {
  readonly io: Io
  readonly databaseId: Uint8Array
  readonly arena: Arena
  readonly apply: ApplyMemory
  readonly link: ApplyLink
  readonly loader: TableLoader
  readonly logger: Log
  readonly tables: Iterable<TableState>
}

export class IndexAccess {
  readonly #parts: IndexAccessParts
  readonly #indexes = new Map<number, IndexState>()
  #isLost = false
  #isClosed = false

  constructor(parts: IndexAccessParts) {
    this.#parts = parts
    for (const table of parts.tables) this.addTable(table)
  }

  /** The apply thread is gone: nothing is indexed any more. */
  lost(): void {
    this.#isLost = true
  }

  close(): void {
    this.#isClosed = true
    for (const { nodes } of this.#indexes.values()) nodes?.close()
  }

  /** With its indexes; they have everything where it has no events. */
  addTable(table: TableState): void {
    for (const index of table.definition.indexes) this.addIndex(table, index)
  }

  addIndex(table: TableState, definition: IndexDefinition): void {
    const state = table.versions.count === 0 ? 'live' : 'cold'
    const nothing = { readable: undefined, nodes: undefined, making: undefined, checkpointEvents: 0, refused: undefined }
    this.#indexes.set(definition.id, { definition, table, state, ...nothing })
  }

  /** Of the table's indexes those that can be read at S, which is visible, now; undefined where that is to be waited for. */
  readableNow(table: TableState, S: number): readonly ReadableIndex[] | undefined {
    if (this.#isLost) return []
    const isWaited = this.#making(table).length > 0 && table.versions.count <= WAITED_EVENTS
    if (isWaited || this.#parts.apply.appliedSeq < S) return undefined
    const found: ReadableIndex[] = []
    for (const { id } of table.definition.indexes) {
      const index = this.#indexes.get(id)
      if (index?.state !== 'live') continue
      const { readable } = index
      if (readable === undefined) return undefined
      // Looked at behind the applied seq: one that ended before has ended here.
      if (readable.reader.memory.isEnded) this.#giveUp(index)
      else found.push(readable)
    }
    return found
  }

  /** The same as soon as everything up to S is in them; of a small table also those that are being made. */
  async readable(table: TableState, S: number): Promise<readonly ReadableIndex[]> {
    try {
      const making = this.#making(table)
      if (table.versions.count <= WAITED_EVENTS) await Promise.all(making)
      await this.#parts.link.untilApplied(S)
      for (const { id } of table.definition.indexes) {
        const index = this.#indexes.get(id)
        if (index?.state === 'live' && index.readable === undefined) await this.#find(index)
      }
    } catch (error) {
      if (this.#isLost && !this.#isClosed) return []
      throw error
    }
    return this.readableNow(table, S) ?? []
  }

  /**
   * Resolves when the index has everything that was visible when this was called; `report` is told how many of about how many events were
   * taken, and may throw.
   * @throws DriftError OVERLOADED and others: why it could not be made.
   */
  async make(id: number, report?: (done: number, total: number) => void): Promise<void> {
    const begun = this.#indexes.get(id)
    if (begun === undefined) return
    begun.refused = undefined
    if (begun.state === 'cold') this.#make(begun, report)
    await begun.making
    if (begun.state === 'live' && begun.readable === undefined) await this.#find(begun)
    const { refused, definition, state } = this.#indexes.get(id) ?? begun
    if (state === 'live') return
    if (this.#isClosed) throw new DriftError('CLOSED', 'the database is closed; open it again', {})
    if (refused === undefined) throw new DriftError('WORKER_LOST', `index ${definition.name} cannot be made: the apply thread is lost`, {})
    throw new DriftError(refused.name, `index ${definition.name} could not be made: ${refused.message}`, refused.details)
  }

  /** An index as far as it is applied; undefined where it is not there. */
  readableOf(id: number): ReadableIndex | undefined {
    const index = this.#indexes.get(id)
    return this.#isLost || index?.state !== 'live' ? undefined : index.readable
  }

  /** Of the table's indexes those that are there. */
  live({ definition: { indexes } }: TableState): readonly IndexDefinition[] {
    return this.#isLost ? [] : indexes.filter(({ id }) => this.#indexes.get(id)?.state === 'live')
  }

  /** The index is there after this, unless it could not be made before, or cannot be. */
  async tryMake(id: number): Promise<void> {
    const index = this.#indexes.get(id)
    if (index?.state === 'cold') this.#make(index)
    await index?.making
  }

  /** Its checkpoint has so many events of the table. */
  checkpointed(id: number, events: number): void {
    const index = this.#indexes.get(id)
    if (index !== undefined) index.checkpointEvents = events
  }

  /** Events of the table that the checkpoint of one of its indexes does not have, of those that are there. */
  eventsBehind(table: TableState): number {
    const behind = this.live(table).map(({ id }) => table.versions.count - (this.#indexes.get(id)?.checkpointEvents ?? 0))
    return Math.max(0, ...behind)
  }

  /** It is read no more. */
  async drop(id: number): Promise<void> {
    const index = this.#indexes.get(id)
    if (index === undefined) return
    this.#indexes.delete(id)
    index.readable?.reader.close()
    index.nodes?.close()
    await index.making
    if (!this.#isLost) await this.#parts.link.index(index.table.definition.id, id, { kind: 'forget', isDropped: true })
  }

  /** Begins to make those of the table's indexes that are not there; all that are being made. */
  #making({ definition: { indexes } }: TableState): readonly Promise<void>[] {
    const making: Promise<void>[] = []
    for (const { id } of indexes) {
      const index = this.#indexes.get(id)
      if (index?.state === 'cold') this.#make(index)
      if (index?.making !== undefined) making.push(index.making)
    }
    return making
  }

  #make(index: IndexState, report?: (done: number, total: number) => void): void {
    if (index.making !== undefined || index.refused !== undefined || this.#isClosed || this.#isLost) return
    const { link, loader, logger } = this.#parts
    const { definition, table } = index
    const ask = (step: Parameters<ApplyLink['index']>[2]): Promise<IndexAnswer> => link.index(table.definition.id, definition.id, step)
    const load = (part: SegmentPart): Promise<IndexAnswer> => ask({ kind: 'load', part })
    const goLive = async (): Promise<boolean> => {
      const answer = await ask({ kind: 'go-live' })
      if ('handle' in answer) return true
      index.refused = 'refused' in answer ? answer.refused : undefined
      return false
    }
    index.state = 'making'
    index.making = this.#restore(index)
      .then((done) => loader.make(table, { done, load, attend: () => ask({ kind: 'attend' }), goLive }, report))
      .then(async (isLive) => {
        index.state = isLive ? 'live' : 'cold'
        if (isLive) await this.#find(index)
        else if (!this.#isClosed && !this.#isLost)
          logger.warn({ index: definition.name, reason: index.refused?.message }, 'an index could not be kept')
      })
      .catch(async (error: unknown) => {
        index.state = 'cold'
        if (this.#isClosed || this.#isLost) return
        index.refused = DriftError.from(error, `index ${definition.name}`).toData()
        logger.warn({ index: definition.name, reason: index.refused.message }, 'an index could not be made')
        await this.#forget(index)
      })
      .finally(() => (index.making = undefined))
  }

  /** Takes the index up from its files; how many events it has then: 0 where there are none that can be used. */
  async #restore(index: IndexState): Promise<number> {
    const { link, logger } = this.#parts
    const { definition, table } = index
    index.checkpointEvents = 0
    let reason: string
    try {
      const answer = await link.index(table.definition.id, definition.id, { kind: 'restore' })
      if (!('checkpoint' in answer)) return 0
      const { seq, events } = answer.checkpoint
      // Its place in the order of the table's events, which a database that was put together of others may not keep.
      if (seq <= table.checkpointSeq && table.versions.through(seq) === events) {
        logger.info({ index: definition.name, seq, events }, 'an index is taken up from its files')
        return (index.checkpointEvents = events)
      }
      reason = `it has ${events} events up to seq ${seq}, the segments have ${table.versions.through(seq)} up to ${table.checkpointSeq}`
    } catch (error) {
      const { code, message } = DriftError.from(error, `index ${definition.name}`)
      // Where page memory has no room for it there is none for one that is made anew, and its files are good.
      if (this.#isClosed || this.#isLost || code === 'DRIFT_OVERLOADED') throw error
      reason = message
    }
    logger.warn({ index: definition.name, reason }, 'the files of an index are of no use; it is made of the segments')
    return 0
  }

  async #find(index: IndexState): Promise<void> {
    const { arena, link } = this.#parts
    const { definition, table } = index
    const answer = await link.index(table.definition.id, definition.id, { kind: 'find' })
    if (index.readable !== undefined) return
    if (!('handle' in answer)) {
      index.state = 'cold'
      index.refused = 'refused' in answer ? answer.refused : undefined
      return
    }
    const nodes = this.#nodesOf(index)
    const read = (slot: number, id: number, target: Uint8Array): void => {
      try {
        nodes.read(slot, id, target)
      } catch (error) {
        this.#foundDamage(index, nodes, error)
      }
    }
    index.nodes = nodes
    index.readable = new ReadableIndex(definition, new IndexReader(NodeMemory.attach(arena, answer.handle), { read }))
  }

  #nodesOf({ definition, table }: IndexState): ClosedNodes {
    const { io, databaseId } = this.#parts
    const { id: tableId, name } = table.definition
    return new ClosedNodes(io, new IndexFiles({ databaseId, tableId, table: name, directory: table.directory, definition }))
  }

  /** A closed node cannot be read from its file: whoever asked for it gets the fault, and the index is made anew. */
  #foundDamage(index: IndexState, nodes: ClosedNodes, error: unknown): never {
    const damage = DriftError.from(error, `index ${index.definition.name}`)
    if (!this.#isClosed && index.nodes === nodes && index.state === 'live') {
      const { code, message } = damage
      this.#parts.logger.warn({ index: index.definition.name, code, message }, 'a file of an index is damaged; it is made again')
      this.#leave(index)
      this.#make(index)
    }
    throw damage
  }

  /** It could not be kept. */
  #giveUp(index: IndexState): void {
    index.refused = { name: 'OVERLOADED', message: 'it could not be kept', details: {} }
    this.#parts.logger.warn({ index: index.definition.name }, 'an index could not be kept; queries go without it')
    this.#leave(index)
  }

  /** Nothing reads it from here on. */
  #leave(index: IndexState): void {
    index.state = 'cold'
    index.readable?.reader.close()
    index.readable = undefined
    index.nodes?.close()
    index.nodes = undefined
    // Posted now: whatever comes next finds it gone.
    void this.#forget(index)
  }

  async #forget({ definition, table }: IndexState): Promise<void> {
    if (this.#isClosed || this.#isLost) return
    try {
      const answer = await this.#parts.link.index(table.definition.id, definition.id, { kind: 'forget', isDropped: false })
      if ('refused' in answer && answer.refused !== undefined) {
        this.#parts.logger.warn({ index: definition.name, reason: answer.refused.message }, 'why an index was given up')
      }
    } catch (error) {
      const { code, message } = DriftError.from(error, 'apply')
      this.#parts.logger.warn({ index: definition.name, code, message }, 'the memory of an index could not be given back')
    }
  }
}
