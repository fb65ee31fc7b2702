/**
 * The coordinator's view of secondary indexes: which can be read, and how what is not there yet is made. An index is read in the thread that
 * asks, in shared memory; the apply thread alone writes it.
 *
 * An index of a table that was empty when it was declared has everything from the first event on. Any other is made of the table's segments
 * in the background when a query first could use it; until then queries go without it, with the same answers.
 */
import type { IndexAnswer } from '../apply/applied-index.js'
import { DriftError, type ErrorData } from '../base/errors.js'
import type { Log } from '../base/log.js'
import type { IndexDefinition } from '../catalog/index-definition.js'
import { IndexReader } from '../index/index-reader.js'
import { NodeMemory } from '../index/node-memory.js'
import { NodeSpill } from '../index/node-spill.js'
import { ReadableIndex } from '../index/readable-index.js'
import type { Io } from '../io/io.js'
import type { ApplyMemory } from '../memory/apply-memory.js'
import type { Arena } from '../memory/arena.js'
import type { ApplyLink } from '../runtime/apply-link.js'
import { SPILL_FOLDER } from './spill-folder.js'
import type { TableLoader } from './table-loader.js'
import type { TableState } from './table-state.js'

/** A query waits for the indexes of a table with so many events; for a larger one it goes without them until they are made. */
const WAITED_EVENTS = 50_000

type IndexState = {
  readonly definition: IndexDefinition
  readonly table: TableState
  state: 'live' | 'cold' | 'making'
  readable: ReadableIndex | undefined
  spill: NodeSpill | undefined
  making: Promise<void> | undefined
  /** Why it is not there; it is not tried again. */
  refused: ErrorData | undefined
}

export type IndexAccessParts = {
  readonly io: Io
  readonly directory: string
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
    for (const { spill } of this.#indexes.values()) spill?.close()
  }

  /** With its indexes; they have everything where it has no events. */
  addTable(table: TableState): void {
    for (const index of table.definition.indexes) this.addIndex(table, index)
  }

  addIndex(table: TableState, definition: IndexDefinition): void {
    const state = table.versions.count === 0 ? 'live' : 'cold'
    const nothing = { readable: undefined, spill: undefined, making: undefined, refused: undefined }
    this.#indexes.set(definition.id, { definition, table, state, ...nothing })
  }

  /** Of the table's indexes those that can be read at S, which is visible, now; undefined where that is to be waited for. */
  readableNow({ definition: { indexes }, versions }: TableState, S: number): readonly ReadableIndex[] | undefined {
    if (this.#isLost || this.#parts.apply.appliedSeq < S) return this.#isLost ? [] : undefined
    const found: ReadableIndex[] = []
    for (const { id } of indexes) {
      const index = this.#indexes.get(id)
      if (index?.state === 'cold') this.#make(index)
      if (index?.making !== undefined && versions.count <= WAITED_EVENTS) return undefined
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
      if (table.versions.count <= WAITED_EVENTS) {
        for (const { id } of table.definition.indexes) await this.#indexes.get(id)?.making
      }
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

  /** It is read no more. */
  async drop(id: number): Promise<void> {
    const index = this.#indexes.get(id)
    if (index === undefined) return
    this.#indexes.delete(id)
    index.readable?.reader.close()
    index.spill?.close()
    await index.making
    if (!this.#isLost) await this.#parts.link.index(index.table.definition.id, id, { kind: 'forget', isDropped: true })
  }

  #make(index: IndexState, report?: (done: number, total: number) => void): void {
    if (index.making !== undefined || index.refused !== undefined || this.#isClosed || this.#isLost) return
    const { link, loader, logger } = this.#parts
    const { definition, table } = index
    const ask = (step: Parameters<ApplyLink['index']>[2]): Promise<IndexAnswer> => link.index(table.definition.id, definition.id, step)
    const derived = {
      done: 0,
      load: (part: Extract<Parameters<ApplyLink['index']>[2], { readonly kind: 'load' }>['part']) => ask({ kind: 'load', part }),
      attend: () => ask({ kind: 'attend' }),
      goLive: async () => {
        const answer = await ask({ kind: 'go-live' })
        if ('handle' in answer) return true
        index.refused = answer.refused
        return false
      }
    }
    index.state = 'making'
    index.making = loader
      .make(table, derived, report)
      .then(async (isLive) => {
        index.state = isLive ? 'live' : 'cold'
        if (isLive) await this.#find(index)
        else logger.warn({ index: definition.name, reason: index.refused?.message }, 'an index could not be kept')
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

  async #find(index: IndexState): Promise<void> {
    const { io, arena, directory, link } = this.#parts
    const { definition, table } = index
    const answer = await link.index(table.definition.id, definition.id, { kind: 'find' })
    if (index.readable !== undefined) return
    if (!('handle' in answer)) {
      index.state = 'cold'
      index.refused = answer.refused
      return
    }
    index.spill = new NodeSpill(io, `${directory}/${SPILL_FOLDER}`, definition.id)
    index.readable = new ReadableIndex(definition, new IndexReader(NodeMemory.attach(arena, answer.handle), index.spill))
  }

  /** It could not be kept; nothing reads it from here on. */
  #giveUp(index: IndexState): void {
    index.state = 'cold'
    index.readable?.reader.close()
    index.readable = undefined
    index.spill?.close()
    index.refused = { name: 'OVERLOADED', message: 'it could not be kept', details: {} }
    this.#parts.logger.warn({ index: index.definition.name }, 'an index could not be kept; queries go without it')
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
