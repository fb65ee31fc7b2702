import { DriftError } from '../base/errors.js'
import type { Catalog } from '../catalog/catalog.js'
import type { IndexDefinition, IndexRequest } from '../catalog/index-definition.js'
import { schemaYaml } from '../catalog/schema-yaml.js'
import { turn } from '../runtime/turn.js'
import type { WriterLink } from '../runtime/writer-link.js'
import type { Commit, CommitPipeline, CommitRequest } from './commit-pipeline.js'
import type { IndexAccess } from './index-access.js'
import type { PageAccess } from './page-access.js'
import type { Recovered } from './recovery.js'
import type { UniqueKeys } from './unique-keys.js'

const noMetadata = new Uint8Array(0)

export type SchemaChangesParts = {
  readonly directory: string
  readonly state: Recovered
  readonly pipeline: CommitPipeline
  readonly link: WriterLink
  readonly pages: PageAccess
  readonly indexes: IndexAccess
  readonly unique: UniqueKeys
  /** Resolves when everything up to a seq is applied. */
  readonly untilApplied: (seq: number) => Promise<void>
}

/** Tables and indexes that come and go: each change is an event of its own, and what follows from it. */
export class SchemaChanges {
  readonly #parts: SchemaChangesParts

  constructor(parts: SchemaChangesParts) {
    this.#parts = parts
  }

  /** Resolves when the table is durable and has its folder. */
  async createTable(
    name: string,
    primaryKey: string,
    indexes: readonly IndexRequest[],
    request: Partial<CommitRequest> = {}
  ): Promise<Commit> {
    const { pipeline, link, state, pages, indexes: access, unique, directory } = this.#parts
    let folderMade: Promise<void> | undefined
    const commit = await pipeline.submitSchema(
      {
        declare: (seq) => this.#catalog.declare(name, primaryKey, indexes, seq),
        made: (event, seq) => {
          const { table } = event
          state.takeSchema(event, seq)
          const made = state.tables.get(table.id)
          if (made === undefined) return
          pages.addTable(made)
          access.addTable(made)
          for (const index of table.indexes) if (index.isUnique) unique.watch(table.id, index, true)
          // Posted now, so that every later checkpoint finds the table made.
          const files = { tableId: table.id, directory: `${directory}/tables/${table.folder}`, checkpointSeq: 0, segments: [] }
          folderMade = link.addTable(files, schemaYaml(table))
          folderMade.catch(() => {})
        }
      },
      { metadata: noMetadata, ...request }
    )
    await folderMade
    for (const { id, isUnique } of this.#catalog.table(name).indexes) if (isUnique) await access.make(id)
    return commit
  }

  /** Resolves when the index is declared, durably; it is made behind that, see {@link finishIndex}. */
  async createIndex(
    table: string,
    wanted: IndexRequest,
    request: Partial<CommitRequest> = {}
  ): Promise<{ commit: Commit; index: IndexDefinition }> {
    let index: IndexDefinition | undefined
    const commit = await this.#change(
      (seq) => this.#catalog.declareIndex(table, wanted, seq, wanted.isUnique && this.#hasEvents(table)),
      (made) => (index = made),
      request
    )
    return { commit, index: index as IndexDefinition }
  }

  /**
   * Resolves when an index that was declared can be read, and is unique if it is to be. `report` is told how many events of about how many
   * were gone through, and may throw.
   * @throws DriftError ALREADY_EXISTS: two rows have the same values; OVERLOADED. To be dropped then.
   */
  async finishIndex({ id, name, isUnique, isPending }: IndexDefinition, report?: (done: number, total: number) => void): Promise<void> {
    const { indexes, unique, state, pipeline, untilApplied } = this.#parts
    await indexes.make(id, report)
    if (!isUnique || !isPending) return
    const { table } = this.#catalog.tableOfIndex(name)
    const owner = state.tables.get(table.id)
    const readable = indexes.readableOf(id)
    if (owner === undefined || readable === undefined) return
    // From here on no two rows come to have the same values: those that have them have them by now.
    unique.enforce(table.id, id)
    const seq = pipeline.numberedSeq
    await pipeline.untilVisible(seq)
    await untilApplied(seq)
    const twins = unique.twins(owner, readable, seq)
    for (;;) {
      const step = twins.next()
      if (step.done === true && step.value === undefined) break
      if (step.done === true) {
        const [one, other] = step.value as readonly [unknown, unknown]
        const message = `index ${name} cannot be unique: the rows with keys ${JSON.stringify(one)} and ${JSON.stringify(other)} have the same values`
        throw new DriftError('ALREADY_EXISTS', message, { table: table.name, index: name, key: one, other })
      }
      await turn()
    }
    await this.#change(
      () => this.#catalog.declareEnforced(name),
      () => {},
      {}
    )
  }

  /** What an opening finds of indexes that are to be unique: those that came to be are made, the others go. */
  async resume(): Promise<void> {
    const { state, indexes, unique } = this.#parts
    for (const table of state.tables.values()) {
      if (table.damage !== undefined) continue
      for (const index of table.definition.indexes) {
        if (!index.isUnique) continue
        if (index.isPending) {
          await this.dropIndex(index.name)
          continue
        }
        unique.watch(table.definition.id, index, true)
        // Why it is not there stands in the log; writes that would need it are refused.
        await indexes.make(index.id).catch((error: unknown) => {
          if (!(error instanceof DriftError) || error.kind === 'internal') throw error
        })
      }
    }
  }

  /** Resolves when the index is gone. */
  async dropIndex(name: string, request: Partial<CommitRequest> = {}): Promise<Commit> {
    let dropped: IndexDefinition | undefined
    const commit = await this.#change(
      () => this.#catalog.declareDrop(name),
      (index) => (dropped = index),
      request
    )
    if (dropped !== undefined) await this.#parts.indexes.drop(dropped.id)
    return commit
  }

  #hasEvents(name: string): boolean {
    const table = this.#parts.state.tables.get(this.#catalog.table(name).id)
    return table !== undefined && table.versions.count > 0
  }

  get #catalog(): Catalog {
    return this.#parts.state.catalog
  }

  async #change(
    declare: (seq: number) => ReturnType<Catalog['declareDrop']>,
    made: (index: IndexDefinition) => void,
    request: Partial<CommitRequest>
  ): Promise<Commit> {
    const { pipeline, link, state, indexes, unique } = this.#parts
    let schemaWritten: Promise<void> | undefined
    const commit = await pipeline.submitSchema(
      {
        declare,
        made: (event, seq) => {
          if (event.kind === 'create-table') return
          const { table, index } = event
          state.takeSchema(event, seq)
          const changed = state.tables.get(table.id)
          if (changed === undefined) return
          if (event.kind === 'create-index') {
            indexes.addIndex(changed, index)
            if (index.isUnique) unique.watch(table.id, index, !index.isPending)
          } else if (event.kind === 'drop-index') unique.forget(table.id, index.id)
          made(index)
          schemaWritten = link.writeSchema(changed.directory, schemaYaml(table))
          schemaWritten.catch(() => {})
        }
      },
      { metadata: noMetadata, ...request }
    )
    await schemaWritten
    return commit
  }
}
